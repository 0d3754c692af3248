"""The servers that the bot is in: what is due where it was added, also while it was away, and where it was removed.

It may import discord.py, what that builds on, and this package.
"""

import logging
from collections.abc import Collection
from datetime import timedelta
from functools import partial
from pathlib import Path

import discord
from discord.utils import utcnow

from adapters.base import Bot
from adapters.discord_commands import to_definitions
from adapters.discord_messages import PLATFORM
from adapters.discord_registration import Membership, sync_commands
from adapters.discord_rooms import greet
from adapters.discord_shards import Shards
from adapters.dispatch import ReplyQueues

logger = logging.getLogger(__name__)

NEWLY_ADDED = timedelta(days=7)
"""A server that a session begins with is greeted if the bot was added that lately: later nobody expects it. So a bot
that has lost what it knew of greetings does not write to every server that it is in."""


class Servers:
    """Registers the commands, and greets.

    Parameters
    ----------
    client
        The connection.
    bot
        Knows what to say, and the commands.
    queues
        Where it waits.
    guild_ids
        The servers that get the commands; if there are none, all do.
    state_file
        Where it is kept which commands are registered.
    shards
        Tells whether it is for this process to register them.
    """

    def __init__(
        self,
        client: discord.Client,
        bot: Bot,
        queues: ReplyQueues,
        *,
        guild_ids: Collection[int],
        state_file: Path,
        shards: Shards,
    ) -> None:
        self._client = client
        self._bot = bot
        self._queues = queues
        self._guild_ids = tuple(guild_ids)
        self._state_file = state_file
        self._shards = shards
        self._known_ids: set[int] = set()

    async def register_commands(self, membership: Membership | None = None) -> None:
        """Register the commands where they are missing: everywhere, or in one server."""
        async with self._shards.registering:  # side by side each would write back the file without the other's changes
            definitions = to_definitions(self._bot.commands)
            await sync_commands(self._client, definitions, self._guild_ids, self._state_file, membership=membership)

    def joined(self, guild: discord.Guild) -> None:
        """Queue what is due in a server that the bot was just added to."""
        self._known_ids.add(guild.id)
        self._submit_greeting(guild)
        if guild.id in self._guild_ids and not self._shards.has_first:
            logger.warning("the commands come to server %s with the next start of the process with shard 0", guild.id)
        self._submit_registration(guild, is_new=True)

    def present(self, guild: discord.Guild) -> None:
        """Queue what is still due in a server that a session begins with, or that is back from an outage."""
        if guild.unavailable:
            return
        if guild.id not in self._known_ids:
            self._known_ids.add(guild.id)
            if _is_newly_added(guild):
                self._submit_greeting(guild)
        self._submit_registration(guild, is_new=False)

    def left(self, guild: discord.Guild) -> None:
        """Queue the news that the bot was removed from a server."""
        self._known_ids.discard(guild.id)
        self._queues.submit(("server", guild.id), partial(self._bot.left, PLATFORM, str(guild.id)))

    def _submit_greeting(self, guild: discord.Guild) -> None:
        self._queues.submit(("server", guild.id), partial(greet, self._client, self._bot, guild))

    def _submit_registration(self, guild: discord.Guild, *, is_new: bool) -> None:
        if guild.id in self._guild_ids and self._shards.has_first:
            membership = Membership(guild.id, _since(guild), is_new=is_new)
            self._queues.submit(("commands", guild.id), partial(self.register_commands, membership))


def _is_newly_added(guild: discord.Guild) -> bool:
    joined_at = guild.me.joined_at if guild.me is not None else None
    return joined_at is not None and utcnow() - joined_at <= NEWLY_ADDED


def _since(guild: discord.Guild) -> str:
    """Return since when the bot is in a server, by which one stay is told from another; empty if that is not known."""
    joined_at = guild.me.joined_at if guild.me is not None else None
    return joined_at.isoformat() if joined_at is not None else ""
