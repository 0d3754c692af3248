"""Processes that the bot starts: after everything else, and without its secrets."""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress

SECRETS = ("DISCORD_TOKEN", "TELEGRAM_TOKEN", "TELEGRAM_WEBHOOK_SECRET", "REVIEW_PASSWORD_HASH", "STATE_URL")
"""Variables that a child has no use for. They are emptied, not left out: `.env` may have them as well."""

LEAST_PRIORITY = 19


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a child."""
    return dict(environment) | dict.fromkeys(SECRETS, "")


def give_way(pid: int) -> None:
    """Let everything else go first; the threads that a process starts later inherit it."""
    if sys.platform != "win32":
        with suppress(OSError):  # it has ended already
            os.setpriority(os.PRIO_PROCESS, pid, LEAST_PRIORITY)
