"""One connection to Discord, from login to close: what arrives is queued, and answered where it came from.

It may import discord.py, what that builds on, and this package.
"""

import asyncio
import logging
import zlib
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import discord
import yarl

from adapters.answer_memory import AnswerMemory
from adapters.base import Bot, IncomingMessage, Reply
from adapters.discord_edits import Replacement
from adapters.discord_faults import MISSING_INTENT
from adapters.discord_interactions import TYPING_EVERY_S, Interactions, no_progress
from adapters.discord_messages import PLATFORM, is_withheld, to_message
from adapters.discord_profile import describe, show_activity
from adapters.discord_requests import RATE_LIMIT_S
from adapters.discord_rooms import PERMISSIONS, reporting
from adapters.discord_sending import Part, send_parts, send_reply, to_channel
from adapters.discord_servers import Servers
from adapters.discord_shards import FIRST, Shards
from adapters.dispatch import ReplyQueues, answer_with_typing

logger = logging.getLogger(__name__)

OUTAGE_S = 90.0
"""After that long offline a fresh start is better: the library's own pauses grow to 17 minutes."""

HEARTBEAT_TIMEOUT_S = 60.0
"""A gateway that has said nothing for so long is left; it answers a heartbeat every 41 s."""

CLOSE_S = 2.0
"""How long a goodbye to the gateway may take."""


class DiscordConnection(discord.Client):
    """The library's client of one shard; used once.

    Parameters
    ----------
    bot, guild_ids, gateway_url
        As `adapters.discord_adapter.DiscordAdapter` describes them.
    state_file
        Where it is kept which slash commands are registered.
    wants_content
        Whether to ask for the text of all messages, where the application has that switched on.
    shard_id, shards
        Which one it is, and of what: it tells when messages are delivered, and asks when it may open a session.
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
        wants_content: bool,
        shard_id: int,
        shards: Shards,
        stopping: asyncio.Event,
    ) -> None:
        # the library keeps this very object, and reads it when it connects
        self._asked_for = discord.Intents(guilds=True, guild_messages=True, dm_messages=True)
        super().__init__(
            intents=self._asked_for,
            allowed_mentions=discord.AllowedMentions.none(),
            max_ratelimit_timeout=RATE_LIMIT_S,
            heartbeat_timeout=HEARTBEAT_TIMEOUT_S,
            shard_id=shard_id,
            shard_count=shards.plan.n_shards,
            # nothing is looked up in caches, so none is kept or waited for
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            guild_ready_timeout=0.0,
        )
        self._bot = bot
        self._gateway_url = gateway_url
        self._wants_content = wants_content
        self._shard_id = shard_id
        self._shards = shards
        self._stopping = stopping
        self._queues = ReplyQueues()
        self._servers = Servers(self, bot, self._queues, guild_ids=guild_ids, state_file=state_file, shards=shards)
        self._interactions = Interactions(bot, self._queues, lambda: self._takes_messages)
        self._patience = asyncio.timeout(None)
        self._is_serving = False
        self._is_introduced = False
        self._recent_ids: deque[int] = deque(maxlen=1_000)
        self._answers = AnswerMemory()

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
        except (ValueError, zlib.error) as exc:
            raise ConnectionError("what the gateway sends cannot be read") from exc
        finally:
            self._is_serving = False
            self._shards.set_online(self._shard_id, is_online=False)

    async def finish(self) -> None:
        """Wait for the replies in flight, then disconnect."""
        await self._queues.drain()
        try:
            async with asyncio.timeout(CLOSE_S):
                await self.close()
        except TimeoutError:  # the gateway does not answer the goodbye
            await self.http.close()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:  # noqa: ARG002
        await self._shards.turn(self._shard_id, is_first=initial)

    async def setup_hook(self) -> None:
        assert self.application is not None
        flags = self.application.flags
        may_read = flags.gateway_message_content or flags.gateway_message_content_limited
        self._asked_for.message_content = self._wants_content and may_read
        if self._shard_id == FIRST:
            await self._servers.register_commands()

    async def on_guild_join(self, guild: discord.Guild) -> None:
        if self._takes_messages:
            self._servers.joined(guild)

    async def on_guild_available(self, guild: discord.Guild) -> None:
        if self._takes_messages:
            self._servers.present(guild)

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        if self._takes_messages:
            self._servers.left(guild)

    async def on_connect(self) -> None:
        if self._gateway_url is not None:  # Discord names another address for resuming the session
            self.ws.gateway = yarl.URL(self._gateway_url)

    async def on_ready(self) -> None:
        self._set_online()
        if self._takes_messages:
            for guild in self.guilds:  # of those that came at once with READY the library tells nothing more
                self._servers.present(guild)
        await show_activity(self)
        if self.application_id is not None and not self._is_introduced:
            self._is_introduced = True
            invitation = discord.utils.oauth_url(self.application_id, permissions=PERMISSIONS)
            if self._shard_id == FIRST:
                logger.info("connected to Discord as %s; to invite the bot: %s", self.user, invitation)
                self._queues.submit("profile", partial(describe, self))
            if self._shards.plan.n_shards > 1:
                logger.info("shard %d of %d is connected", self._shard_id, self._shards.plan.n_shards)

    async def on_resumed(self) -> None:
        self._set_online()

    def _set_online(self) -> None:
        if self._is_serving:
            self._shards.set_online(self._shard_id, is_online=True)
            self._patience.reschedule(None)

    async def on_disconnect(self) -> None:
        self._shards.set_online(self._shard_id, is_online=False)
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
        if incoming is not None and (incoming.is_addressed or self._hears(message, incoming)):
            self._recent_ids.append(message.id)
            refuse = partial(self._say_busy, message, incoming) if incoming.is_addressed else None
            self._queues.submit(incoming.key, partial(self._answer_message, message, incoming), refuse=refuse)

    def _hears(self, message: discord.Message, incoming: IncomingMessage) -> bool:
        """Whether talk that is not meant for the bot is answered all the same."""
        if not self._bot.listens(incoming):
            return False
        if self._is_withheld(message):
            self._bot.report(PLATFORM, MISSING_INTENT)
        return bool(incoming.text)

    def _is_withheld(self, message: discord.Message) -> bool:
        return self.user is not None and not self.intents.message_content and is_withheld(message, self.user)

    async def _say_busy(self, message: discord.Message, incoming: IncomingMessage) -> None:
        send = to_channel(self, message, is_quoting=True)
        await send_parts([Part(self._bot.say("busy", incoming))], send, send)

    async def _answer_message(self, message: discord.Message, incoming: IncomingMessage) -> None:
        answer = self._bot.answer(incoming, no_progress)
        reply = await answer_with_typing(answer, message.channel.typing, every_s=TYPING_EVERY_S)
        if reply is not None and self._is_withheld(message):
            # the bot said whether to answer at all, and could not know what
            reply = Reply(self._bot.say("unheard", incoming))
        if reply is not None:
            quote, follow = (
                reporting(self._bot, message.channel, to_channel(self, message, is_quoting=is_quoting))
                for is_quoting in (True, False)
            )
            ids = await send_reply(self._bot, reply, incoming, quote, follow)
            self._answers.remember(incoming, ids)

    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        # Discord tells of a preview that was added to a link as if somebody had edited the message
        if not self._takes_messages or self.user is None or payload.message_id not in self._recent_ids:
            return
        incoming = to_message(payload.message, self.user)
        if incoming is not None and not self._is_withheld(payload.message):
            job = partial(self._answer_edit, payload.message, replace(incoming, is_edit=True))
            self._queues.submit(incoming.key, job)

    async def _answer_edit(self, message: discord.Message, incoming: IncomingMessage) -> None:
        """Change the answer to a question that was edited; under the question's key, so after it was answered."""
        answered = self._answers.recall(incoming)
        if answered is None or answered.answers(incoming):
            return
        if not (incoming.is_addressed or self._bot.listens(incoming)):
            return
        reply = await self._bot.answer(incoming, no_progress)
        if reply is not None:
            send_new = reporting(self._bot, message.channel, to_channel(self, message, is_quoting=False))
            replacement = Replacement(self, message.channel.id, answered.message_ids, send_new)
            new_ids = await send_reply(self._bot, reply, incoming, replacement.send, replacement.send)
            new_ids += await replacement.drop_rest()
            self._answers.remember(incoming, new_ids)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        await self._interactions.take(interaction)
