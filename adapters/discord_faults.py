"""What Discord refuses, and what becomes of it.

It may import discord.py, what that builds on, and this package.
"""

import logging

import aiohttp
import discord

logger = logging.getLogger(__name__)

LIBRARY_ERRORS = (discord.DiscordException, aiohttp.ClientError, OSError)
"""What the library lets through, its own and those of the layers below."""

MISSING_INTENT = (
    "I am not shown what members write without mentioning me. Switch on Message Content Intent "
    "(Discord Developer Portal, your application, Bot), then restart me."
)
"""Said to the admins where the bot is to answer unasked and cannot."""

_GONE = frozenset({10003, 10004, 10008, 10015, 10062})
"""Unknown channel, server, message, webhook and interaction."""


def said_of(exc: Exception) -> str:
    """Say what failed, without the exception's text: it may hold what was said."""
    detail = f" {exc.status}, error {exc.code}" if isinstance(exc, discord.HTTPException) else ""
    return f"{type(exc).__name__}{detail}"


def log_unsent(exc: Exception) -> None:
    """Say in a line why an answer did not arrive; that members delete things is nobody's fault."""
    level = logging.DEBUG if is_gone(exc) else logging.WARNING
    logger.log(level, "an answer could not be sent: %s", said_of(exc))


def is_gone(exc: Exception) -> bool:
    """Whether what an answer was for is there no longer."""
    return isinstance(exc, discord.HTTPException) and exc.code in _GONE
