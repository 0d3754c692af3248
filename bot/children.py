"""Processes that the bot starts: they come after it, and know none of its secrets."""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress

SECRETS = ("DISCORD_TOKEN", "TELEGRAM_TOKEN", "TELEGRAM_WEBHOOK_SECRET", "REVIEW_PASSWORD_HASH", "STATE_URL")
"""Variables that a child has no use for. They are emptied, not left out: `.env` may have them as well."""

LEAST_PRIORITY = 19
"""For minutes of computing: on a processor that others keep busy there is next to nothing left."""

SOMEWHAT_LATER = 10
"""For what somebody waits for."""


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a child."""
    return dict(environment) | dict.fromkeys(SECRETS, "")


def give_way(pid: int, niceness: int = LEAST_PRIORITY) -> None:
    """Let everything else go first; the threads that a process starts later inherit it."""
    if sys.platform != "win32":
        with suppress(OSError):  # it has ended already
            os.setpriority(os.PRIO_PROCESS, pid, niceness)
