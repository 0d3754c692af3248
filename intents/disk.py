"""Files that hold their old content or their new one, whatever happens. Standard library only."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

TEMPORARY_PREFIX = ".writing-"
"""What the names of files and directories begin with that are not whole yet."""


def write_atomically(path: Path, content: bytes | memoryview, *, like: Path | None = None, mode: int = 0o644) -> None:
    """Write a file so that whatever happens it holds the old content or the new one.

    Parameters
    ----------
    path
        The file, in a directory that is there.
    content
        What it is to hold.
    like
        The file whose permissions it gets.
    mode
        The permissions that it gets where there is no such file: all may read it.

    Raises
    ------
    OSError
        The disk is full, or the directory cannot be written. Nothing is left behind.
    """
    handle, name = tempfile.mkstemp(prefix=TEMPORARY_PREFIX, dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if like is None:
            temporary.chmod(mode)
        else:
            shutil.copymode(like, temporary)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    with contextlib.suppress(OSError):  # the content is in place; some shares cannot flush a directory
        flush(path.parent)


def flush(path: Path) -> None:
    """Bring a file or a directory to the disk; where a directory cannot be opened (Windows) the rename must do."""
    try:
        handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    except PermissionError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
