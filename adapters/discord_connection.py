"""One connection to Discord, from login to close: what arrives is queued, and answered where it came from.

It may import discord.py, what that builds on, and this package.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import aiohttp
import discord
import yarl
from discord.http import Route

from adapters.base import Command, Handler, IncomingMessage, Reply
from adapters.discord_commands import build_tree, sync_commands
from adapters.discord_messages import command_to_message, to_message
from adapters.dispatch import ReplyQueues, answer_with_typing
from adapters.formatting import split_text

logger = logging.getLogger(__name__)

MESSAGE_LIMIT = 2000
"""Characters of a message of a bot."""

TYPING_EVERY_S = 8.0
"""Discord shows typing for 10 s."""

OUTAGE_S = 90.0
"""After that long offline a fresh start is better: the library's own pauses grow to 17 minutes."""

CLOSE_S = 2.0
"""How long a goodbye to the gateway may take."""

RATE_LIMIT_S = 60.0
"""An answer that Discord wants delayed for longer is not sent: the conversation has moved on."""

PERMISSIONS = discord.Permissions(
    view_channel=True, send_messages=True, send_messages_in_threads=True, read_message_history=True
)

LIBRARY_ERRORS = (discord.DiscordException, aiohttp.ClientError, OSError)
"""What the library lets through, its own and those of the layers below."""


class DiscordConnection(discord.Client):
    """The library's client; used once.

    Parameters
    ----------
    handler, commands, guild_ids, gateway_url
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
        handler: Handler,
        commands: Sequence[Command],
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
        self._handle = handler
        self._tree = build_tree(self, commands, self._on_command)
        self._guild_ids = guild_ids
        self._state_file = state_file
        self._gateway_url = gateway_url
        self._connected = connected
        self._stopping = stopping
        self._queues = ReplyQueues()
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
        answer = self._handle(incoming, _no_progress)
        reply = await answer_with_typing(answer, message.channel.typing, every_s=TYPING_EVERY_S)
        parts = split_text(reply.text, MESSAGE_LIMIT) if reply is not None else []
        try:
            for i, part in enumerate(parts):
                if i == 0:
                    question = message.to_reference(fail_if_not_exists=False)
                    await message.channel.send(part, reference=question, mention_author=False, suppress_embeds=True)
                else:
                    await message.channel.send(part, suppress_embeds=True)
        except LIBRARY_ERRORS as exc:
            _log_unsent(exc)

    async def _on_command(self, interaction: discord.Interaction, command: Command, argument: str) -> None:
        if not self._takes_messages:
            return
        incoming = command_to_message(interaction, command.name, argument)
        is_private = command.admin_only or not command.public
        # at once, whatever waits in the queue: Discord gives 3 s
        acknowledgement = asyncio.create_task(
            _acknowledge(interaction, is_private=is_private), name=f"acknowledgement of {interaction.id}"
        )
        job = partial(self._answer_command, interaction, incoming, acknowledgement, is_private=is_private)
        if not self._queues.submit(incoming.key, job) and await acknowledgement:
            await _answer_interaction(interaction, None, is_private=is_private)

    async def _answer_command(
        self,
        interaction: discord.Interaction,
        incoming: IncomingMessage,
        acknowledgement: asyncio.Task[bool],
        *,
        is_private: bool,
    ) -> None:
        async def show_progress(sentence: str) -> None:
            try:
                await _edit_response(interaction, sentence)
            except LIBRARY_ERRORS:
                logger.debug("progress could not be shown", exc_info=True)

        if await acknowledgement:
            reply = await self._handle(incoming, show_progress)
            await _answer_interaction(interaction, reply, is_private=is_private)


async def _no_progress(_: str) -> None:
    """Say nothing: only commands take long, and typing shows the rest."""


async def _acknowledge(interaction: discord.Interaction, *, is_private: bool) -> bool:
    """Tell Discord that an answer will come; say whether that was in time."""
    try:
        await interaction.response.defer(ephemeral=is_private)
    except LIBRARY_ERRORS as exc:
        _log_unsent(exc)
        return False
    return True


async def _answer_interaction(interaction: discord.Interaction, reply: Reply | None, *, is_private: bool) -> None:
    """Answer a command that was acknowledged, privately or not; without a reply take the acknowledgement back."""
    parts = split_text(reply.text, MESSAGE_LIMIT) if reply is not None else []
    must_hide = reply is not None and reply.private and not is_private
    try:
        if not parts or must_hide:  # what was acknowledged in public cannot become private
            await interaction.delete_original_response()
        else:
            await _edit_response(interaction, parts.pop(0))
        for part in parts:
            await interaction.followup.send(part, ephemeral=is_private or must_hide, suppress_embeds=True)
    except LIBRARY_ERRORS as exc:
        _log_unsent(exc)


async def _edit_response(interaction: discord.Interaction, text: str) -> None:
    """Put a text in the place of the acknowledgement, or of what took its place before.

    The library's own method cannot suppress previews, and adds a field that Discord does not describe.
    """
    route = Route(
        "PATCH",
        "/webhooks/{webhook_id}/{webhook_token}/messages/@original",
        webhook_id=interaction.application_id,
        webhook_token=interaction.token,
    )
    flags = discord.MessageFlags(suppress_embeds=True).value
    mentions = discord.AllowedMentions.none().to_dict()
    await interaction.client.http.request(route, json={"content": text, "flags": flags, "allowed_mentions": mentions})


def _log_unsent(exc: Exception) -> None:
    """Say in a line why an answer did not arrive, without the exception's text: it may hold what was said."""
    detail = f" {exc.status}, error {exc.code}" if isinstance(exc, discord.HTTPException) else ""
    logger.warning("an answer could not be sent: %s%s", type(exc).__name__, detail)
