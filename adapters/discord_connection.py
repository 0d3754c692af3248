"""One connection to Discord, from login to close: what arrives is queued, and answered where it came from.

It may import discord.py, what that builds on, and this package.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import discord
import yarl

from adapters.base import Bot, IncomingMessage
from adapters.discord_commands import build_tree, sync_commands
from adapters.discord_interactions import TYPING_EVERY_S, Interactions, no_progress
from adapters.discord_messages import to_message
from adapters.discord_requests import RATE_LIMIT_S
from adapters.discord_sending import send_reply, to_channel
from adapters.dispatch import ReplyQueues, answer_with_typing

logger = logging.getLogger(__name__)

OUTAGE_S = 90.0
"""After that long offline a fresh start is better: the library's own pauses grow to 17 minutes."""

CLOSE_S = 2.0
"""How long a goodbye to the gateway may take."""

PERMISSIONS = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    read_message_history=True,
    embed_links=True,
    attach_files=True,
)


class DiscordConnection(discord.Client):
    """The library's client; used once.

    Parameters
    ----------
    bot, guild_ids, gateway_url
        As `adapters.discord_adapter.DiscordAdapter` describes them.
    state_file
        Where it is kept which slash commands are registered.
    connected
        Set while the gateway delivers messages.
    stopping
        Once set, nothing new is taken.
    """

    def __init__(
        self,
        *,
        bot: Bot,
        guild_ids: Sequence[int],
        state_file: Path,
        gateway_url: str | None,
        connected: asyncio.Event,
        stopping: asyncio.Event,
    ) -> None:
        super().__init__(
            intents=discord.Intents(guilds=True, guild_messages=True, dm_messages=True),
            allowed_mentions=discord.AllowedMentions.none(),
            max_ratelimit_timeout=RATE_LIMIT_S,
            # nothing is looked up in caches, so none is kept or waited for
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            guild_ready_timeout=0.0,
        )
        self._bot = bot
        self._guild_ids = guild_ids
        self._state_file = state_file
        self._gateway_url = gateway_url
        self._connected = connected
        self._stopping = stopping
        self._queues = ReplyQueues()
        self._interactions = Interactions(bot, self._queues, lambda: self._takes_messages)
        self._tree = build_tree(self, bot.commands, self._interactions.take_command)
        self._registering = asyncio.Lock()
        self._patience = asyncio.timeout(None)
        self._is_serving = False
        self._is_introduced = False
        self._recent_ids: deque[int] = deque(maxlen=1_000)

    async def serve(self, token: str) -> None:
        """Log in, and take messages until that is cancelled or an error ends it.

        Raises
        ------
        discord.DiscordException, aiohttp.ClientError, OSError
            Whatever the library raises; TimeoutError after too long an outage.
        """
        self._is_serving = True
        try:
            async with self._patience:
                await self.start(token)
        except AttributeError as exc:
            if self.ws is not None:
                raise
            # Without a first connection the library trips over the session that it would resume.
            raise ConnectionError("the gateway does not answer") from exc
        finally:
            self._is_serving = False
            self._connected.clear()

    async def finish(self) -> None:
        """Wait for the replies in flight, then disconnect."""
        await self._queues.drain()
        try:
            async with asyncio.timeout(CLOSE_S):
                await self.close()
        except TimeoutError:  # the gateway does not answer the goodbye
            await self.http.close()

    async def setup_hook(self) -> None:
        await self._register_commands()

    async def on_guild_join(self, guild: discord.Guild) -> None:
        if guild.id in self._guild_ids:
            await self._register_commands()

    async def _register_commands(self) -> None:
        async with self._registering:  # side by side each would write back the file without the other's changes
            await sync_commands(self._tree, self._guild_ids, self._state_file)

    async def on_connect(self) -> None:
        if self._gateway_url is not None:  # Discord names another address for resuming the session
            self.ws.gateway = yarl.URL(self._gateway_url)

    async def on_ready(self) -> None:
        self._set_online()
        if self.application_id is not None and not self._is_introduced:
            self._is_introduced = True
            invitation = discord.utils.oauth_url(self.application_id, permissions=PERMISSIONS)
            logger.info("connected to Discord as %s; to invite the bot: %s", self.user, invitation)

    async def on_resumed(self) -> None:
        self._set_online()

    def _set_online(self) -> None:
        if self._is_serving:
            self._connected.set()
            self._patience.reschedule(None)

    async def on_disconnect(self) -> None:
        self._connected.clear()
        if self._is_serving and self._patience.when() is None:
            self._patience.reschedule(asyncio.get_running_loop().time() + OUTAGE_S)

    @property
    def _takes_messages(self) -> bool:
        return self._is_serving and not self._stopping.is_set()

    async def on_message(self, message: discord.Message) -> None:
        # a resumed session may deliver again what has been answered
        if not self._takes_messages or self.user is None or message.id in self._recent_ids:
            return
        incoming = to_message(message, self.user)
        if incoming is not None:
            self._recent_ids.append(message.id)
            self._queues.submit(incoming.key, partial(self._answer_message, message, incoming))

    async def _answer_message(self, message: discord.Message, incoming: IncomingMessage) -> None:
        answer = self._bot.answer(incoming, no_progress)
        reply = await answer_with_typing(answer, message.channel.typing, every_s=TYPING_EVERY_S)
        if reply is not None:
            quote, follow = (to_channel(self, message, is_quoting=is_quoting) for is_quoting in (True, False))
            await send_reply(self._bot, reply, incoming.user_id, quote, follow)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        # the library calls this for commands as well, which the tree has taken
        await self._interactions.take_press(interaction)
