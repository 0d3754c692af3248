"""What Discord shows of the bot itself: the line under its name, and its description.

It may import discord.py, what that builds on, and this package.
"""

import logging

import discord
from discord.http import Route

from adapters.discord_faults import LIBRARY_ERRORS

logger = logging.getLogger(__name__)

ACTIVITY = discord.Activity(type=discord.ActivityType.listening, name="/ask")

DESCRIPTION = "I answer questions. Mention me, write to me directly, or use /ask."


async def show_activity(client: discord.Client) -> None:
    """Tell a new session what stands under the name; when identifying, the library does it in words long gone."""
    try:
        await client.change_presence(activity=ACTIVITY)
    except LIBRARY_ERRORS:
        logger.debug("the activity could not be shown", exc_info=True)


async def describe(client: discord.Client) -> None:
    """Say in the bot's profile what it does; what its owner has written there stays."""
    if client.application is None or client.application.description:
        return
    try:
        await client.http.request(Route("PATCH", "/applications/@me"), json={"description": {"default": DESCRIPTION}})
    except LIBRARY_ERRORS:
        logger.debug("the profile could not be described", exc_info=True)
