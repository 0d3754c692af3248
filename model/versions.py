"""The bundles of a models directory: which there are, which can be gone back to, and which have had their day.

Standard library, `intents.disk` and `model.bundle` only.
"""

import json
import logging
import re
import shutil
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from intents.disk import TEMPORARY_PREFIX, write_atomically
from model.bundle import ABANDONED_AFTER_S, MANIFEST_FILE, BundleError, current_path, set_current

logger = logging.getLogger(__name__)

MAX_AGE_S = 30 * 86_400.0
"""How long a bundle is kept that is neither in use nor the one before that."""

CHECKPOINTS = ".fine-tuning-*"
"""What trainings that were broken off left to go on with."""

ROLLED_BACK = "rolled-back"
"""Names the bundle that an admin went back to, and the one that they left."""

_NAME = re.compile(r"\d{8}-\d{6}-[0-9a-f]{8}(?:-\d+)?")


@dataclass(frozen=True, slots=True)
class Version:
    """A bundle that is there.

    Parameters
    ----------
    name
        Of its directory.
    created_at
        When it was trained, aware.
    """

    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Pruned:
    """What came of removing old bundles.

    Parameters
    ----------
    removed, left
        The names of those that are gone, and of those that should be and could not be removed.
    """

    removed: tuple[str, ...]
    left: tuple[str, ...]


def versions(models_dir: Path) -> tuple[Version, ...]:
    """Return the bundles of a directory, the newest first; whether they are sound is seen when one is loaded."""
    found = [_version(path) for path in models_dir.glob("*") if _NAME.fullmatch(path.name)]
    return tuple(sorted((one for one in found if one is not None), key=_order, reverse=True))


def current_name(models_dir: Path) -> str | None:
    """Return the name of the current bundle; None if there is none."""
    try:
        return current_path(models_dir).name
    except BundleError:
        return None


def before(found: Sequence[Version], name: str) -> Version | None:
    """Return the version that was trained before another; None if it is the oldest, or not there.

    Parameters
    ----------
    found
        The newest first.
    name
        Of the other.
    """
    places = [place for place, one in enumerate(found) if one.name == name]
    return found[places[0] + 1] if places and places[0] + 1 < len(found) else None


def go_back(models_dir: Path, name: str) -> None:
    """Make an older bundle the current one, atomically, and remember which one an admin went back from.

    Raises
    ------
    OSError
        The directory cannot be written.
    """
    left = current_name(models_dir)
    if left is not None and left != name:
        write_atomically(models_dir / ROLLED_BACK, f"{name}\n{left}\n".encode())
    set_current(models_dir, name)


def left_by_rollback(models_dir: Path) -> str | None:
    """Return the bundle that an admin went back from, if what they went back to is still the current one."""
    try:
        name, left = (models_dir / ROLLED_BACK).read_text(encoding="utf-8").split()
    except (OSError, ValueError):
        return None
    return left if name == current_name(models_dir) and _NAME.fullmatch(left) else None


def prune(models_dir: Path, *, n_kept: int, in_use: Collection[str], now: datetime) -> Pruned:
    """Remove bundles beyond a number or `MAX_AGE_S`, and what old trainings left.

    The current one, those in use, and of each the one before it stay; and what was rolled back from.

    Parameters
    ----------
    n_kept
        How many are kept.
    in_use
        Names of bundles that serve.
    now
        Aware.
    """
    found = versions(models_dir)
    needed = {name for name in (*in_use, current_name(models_dir)) if name is not None}
    needed |= {one.name for one in (before(found, name) for name in tuple(needed)) if one is not None}
    needed.add(left_by_rollback(models_dir) or "")
    old = [
        one.name
        for place, one in enumerate(found)
        if one.name not in needed and (place >= n_kept or (now - one.created_at).total_seconds() > MAX_AGE_S)
    ]
    removed = tuple(name for name in old if _remove(models_dir / name))
    for path in models_dir.glob(CHECKPOINTS):
        with suppress(OSError):
            if now.timestamp() - _touched(path) > ABANDONED_AFTER_S:
                shutil.rmtree(path)
    return Pruned(removed, tuple(name for name in old if name not in removed))


def _version(path: Path) -> Version | None:
    try:
        created_at = datetime.fromisoformat(json.loads((path / MANIFEST_FILE).read_bytes())["created_at"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return Version(path.name, created_at if created_at.tzinfo is not None else created_at.replace(tzinfo=UTC))


def _order(version: Version) -> tuple[datetime, int, str]:
    """Two of one second are told apart by the number that the later one got."""
    return (version.created_at, len(version.name), version.name)


def _remove(path: Path) -> bool:
    """Remove a bundle so that at no moment half of one stands under its name."""
    aside = path.with_name(f"{TEMPORARY_PREFIX}{path.name}-{time.monotonic_ns()}")
    try:
        path.rename(aside)
        shutil.rmtree(aside)
    except OSError as error:
        logger.warning("the old model %s cannot be removed: %s", path, error)
        return False
    return True


def _touched(path: Path) -> float:
    """Return when a directory or anything in it was last written, in seconds since 1970."""
    return max(one.stat().st_mtime for one in (path, *path.rglob("*")))
