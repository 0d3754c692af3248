"""Processes that the bot starts: they come after it, and know none of its secrets."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from bot.config import SECRET_VARIABLES

logger = logging.getLogger(__name__)

T = TypeVar("T")

LIMIT_S = 60.0
"""After so long a child that is asked something will not answer."""

LEAST_PRIORITY = 19
"""For minutes of computing: on a processor that others keep busy there is next to nothing left."""

SOMEWHAT_LATER = 10
"""For what somebody waits for."""


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a child: secrets are emptied, not left out, for `.env` may have them as well."""
    return dict(environment) | dict.fromkeys(SECRET_VARIABLES, "")


def ask_child(module: str, paths: Sequence[Path], understand: Callable[[Any], T]) -> T | None:
    """Run a module of ours on files, and return what it found; None where no process can do it, with a line in the log.

    Blocking. What the module computes keeps nobody waiting here, and what it took goes back to the system.

    Parameters
    ----------
    module
        Its name; it writes JSON to standard output.
    paths
        Its arguments.
    understand
        Makes of the JSON what is returned; a `ValueError`, `TypeError` or `KeyError` says that it is not what it
        should be, any other error is the caller's.
    """
    command = [sys.executable, "-m", module, *map(str, paths)]
    try:
        child = subprocess.Popen(  # noqa: S603 - our own module
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=without_secrets(os.environ),
        )
        with child:
            give_way(child.pid, SOMEWHAT_LATER)
            try:
                written, errors = child.communicate(timeout=LIMIT_S)
            except subprocess.TimeoutExpired:
                child.kill()
                raise
        if child.returncode != 0:
            last = errors.decode("utf-8", "replace").strip().rpartition("\n")[2]
            logger.warning("the process that reads %s ended with %d: %s", paths[0], child.returncode, last)
            return None
        return understand(json.loads(written))
    except (OSError, subprocess.TimeoutExpired, ValueError, TypeError, KeyError, RecursionError) as error:
        logger.warning("%s could not be read by a process of its own: %s", paths[0], error)
        return None


def give_way(pid: int, niceness: int = LEAST_PRIORITY) -> None:
    """Let everything else go first; the threads that a process starts later inherit it."""
    if sys.platform != "win32":
        with suppress(OSError):  # it has ended already
            os.setpriority(os.PRIO_PROCESS, pid, niceness)
