"""Files that go with an answer: read whole, off the event loop, and only within the platform's limit.

This package and the standard library only.
"""

import asyncio
import logging
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from adapters.base import ReplyAttachment

logger = logging.getLogger(__name__)


_NOT_IN_A_NAME = re.compile(r"[^\w .()+-]")
"""What a header of an upload may not hold, or only in forms that servers read in different ways."""


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """A file's name, without its folder and fit for an upload, and all of its bytes."""

    name: str
    data: bytes


def is_address(attachment: ReplyAttachment) -> bool:
    """Say whether it lies on the web, else it is a file here."""
    return attachment.source.lower().startswith("https://")


async def load_file(attachment: ReplyAttachment, limit_bytes: int) -> LoadedFile | None:
    """Read a file; None, and a line in the log, if it cannot be read or is longer than the limit."""
    try:
        data = await asyncio.to_thread(_read, Path(attachment.source), limit_bytes)
    except (OSError, ValueError) as exc:  # ValueError: a null character in the path, or what `_read` says
        fault = exc.strerror if isinstance(exc, OSError) else exc
        logger.warning("%s is not sent with an answer: %s", attachment.source, fault or type(exc).__name__)
        return None
    return LoadedFile(_NOT_IN_A_NAME.sub("_", Path(attachment.source).name), data)


def _read(path: Path, limit_bytes: int) -> bytes:
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError("it is no file")
    with path.open("rb") as file:
        data = file.read(limit_bytes + 1)
    if len(data) > limit_bytes:
        raise ValueError(f"it is larger than {limit_bytes // 1_000_000} MB, the most that is uploaded")
    return data
