"""Discord: mentions, replies, direct messages, commands and menus, and listening where the application may.

It may import discord.py, what that builds on, and this package.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Lock

import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from adapters.base import Bot
from adapters.discord_connection import DiscordConnection
from adapters.discord_faults import LIBRARY_ERRORS, MISSING_INTENT, said_of
from adapters.discord_messages import PLATFORM
from adapters.discord_sending import post
from adapters.discord_shards import Shards, make_plan
from adapters.dispatch import until_stopped
from adapters.errors import AdapterError, PlatformUnavailableError, TokenRefusedError

_API_URL, _GATEWAY_URL = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
_addresses_in_use = Lock()


class DiscordAdapter:
    """Discord, as `adapters.base.Adapter` describes a platform.

    Parameters
    ----------
    token
        The bot's token.
    bot
        Answers every message that is meant for it, and has the slash commands.
    guild_ids
        The servers that get the slash commands; if there are none, all servers and direct messages do.
    state_dir
        Where it is kept which slash commands are registered.
    api_url
        The full base of the REST interface, as ``http://host:port/api/v10``; None is Discord's own.
    gateway_url
        The gateway, as ``ws://host:port/``; None is Discord's own.
    shard_count
        How many shards the bot is divided into, in all its processes; None is what Discord recommends.
    shard_ids
        The shards of this process, below `shard_count`, which must be told then; if there are none, all are.
    """

    platform = PLATFORM

    def __init__(
        self,
        *,
        token: str,
        bot: Bot,
        guild_ids: Sequence[int],
        state_dir: Path,
        api_url: str | None,
        gateway_url: str | None,
        shard_count: int | None = None,
        shard_ids: Sequence[int] = (),
    ) -> None:
        self._token = token
        self._bot = bot
        self._guild_ids = tuple(guild_ids)
        self._state_dir = state_dir
        self._api_url = api_url
        self._gateway_url = gateway_url
        self._shard_count = shard_count
        self._shard_ids = tuple(shard_ids)
        self._connected = asyncio.Event()
        self._connections: list[DiscordConnection] = []

    @property
    def connected(self) -> asyncio.Event:
        """Set while the gateway delivers messages to every shard of this process, so not during an outage."""
        return self._connected

    async def run(self, stopping: asyncio.Event) -> None:
        """Answer until `stopping` is set; see `adapters.base.Adapter.run`."""
        with _addresses(self._api_url, self._gateway_url):
            try:
                await until_stopped(stopping, self._serve(stopping))
            except LIBRARY_ERRORS as exc:
                raise _adapter_error(exc) from exc
            finally:
                await self._finish()

    async def _serve(self, stopping: asyncio.Event) -> None:
        plan = await make_plan(self._token, self._shard_count, self._shard_ids)
        shards = Shards(plan, self._connected)
        try:
            await self._serve_shards(shards, stopping, wants_content=True)
        except discord.PrivilegedIntentsRequired:
            self._bot.report(PLATFORM, MISSING_INTENT)
            await self._finish()
            await self._serve_shards(shards, stopping, wants_content=False)

    async def _serve_shards(self, shards: Shards, stopping: asyncio.Event, *, wants_content: bool) -> None:
        self._connections = [
            DiscordConnection(
                bot=self._bot,
                guild_ids=self._guild_ids,
                state_file=self._state_dir / "discord_commands.json",
                gateway_url=self._gateway_url,
                wants_content=wants_content,
                shard_id=shard_id,
                shards=shards,
                stopping=stopping,
            )
            for shard_id in shards.plan.shard_ids
        ]
        await shards.until_one_ends([partial(connection.serve, self._token) for connection in self._connections])

    async def _finish(self) -> None:
        await asyncio.gather(*(connection.finish() for connection in self._connections))
        self._connections = []

    async def post(self, conversation_id: str, text: str) -> None:
        """Send a text to a channel; see `adapters.base.Adapter.post`."""
        connection = next((one for one in self._connections if one.user is not None and not one.is_closed()), None)
        if connection is None:
            raise PlatformUnavailableError("Discord is not connected")
        try:
            await post(connection, int(conversation_id), text)
        except LIBRARY_ERRORS as exc:
            fault = f"Discord did not take a message to {conversation_id}: {said_of(exc)}"
            raise PlatformUnavailableError(fault) from exc


@contextmanager
def _addresses(api_url: str | None, gateway_url: str | None) -> Iterator[None]:
    """Point the library at other addresses; it keeps them in its classes, so one adapter a process can run."""
    if not _addresses_in_use.acquire(blocking=False):
        raise RuntimeError("another Discord adapter is running in this process")
    try:
        Route.BASE = _API_URL if api_url is None else api_url.rstrip("/")
        DiscordWebSocket.DEFAULT_GATEWAY = _GATEWAY_URL if gateway_url is None else yarl.URL(gateway_url)
        yield
    finally:
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = _API_URL, _GATEWAY_URL
        _addresses_in_use.release()


def _adapter_error(exc: Exception) -> AdapterError:
    """Return what the supervisor reacts to: a refused token, or what may pass."""
    match exc:
        case discord.LoginFailure() | discord.HTTPException(status=401) | discord.ConnectionClosed(code=4004):
            return TokenRefusedError("DISCORD_TOKEN")
        case discord.HTTPException():
            return PlatformUnavailableError(f"Discord answered {exc.status} (error {exc.code})")
        case discord.ConnectionClosed(code=4010 | 4011):
            return PlatformUnavailableError(
                "Discord refuses this division into shards: raise SHARD_COUNT in every process, or remove it"
            )
        case discord.ConnectionClosed():
            return PlatformUnavailableError(f"Discord closed the connection with code {exc.code}")
        case TimeoutError():
            return PlatformUnavailableError("Discord cannot be reached: it has not answered for too long")
        case _:
            return PlatformUnavailableError(f"Discord cannot be reached: {exc}")
