"""The Discord adapter at work against the local Discord, for tests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from adapters.base import Argument, Bot, Command, IncomingMessage, Progress, Reply
from adapters.discord_adapter import DiscordAdapter
from tests.bots import BotOf, Handler
from tests.e2e.discord_server import DiscordServer

COMMANDS = (
    Command("help", "Says what I can do."),
    Command("ask", "Asks me something.", (Argument("question", "What to ask."),), public=True),
    Command("reload", "Loads the newest model.", admin_only=True),
)


async def echo(message: IncomingMessage, _: Progress) -> Reply:
    return Reply(f"/{message.command} {message.text}" if message.command else f"{message.display_name}: {message.text}")


class Gate:
    """A handler that answers only once it is opened."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.opened = asyncio.Event()

    async def __call__(self, message: IncomingMessage, _: Progress) -> Reply:
        self.entered.set()
        await self.opened.wait()
        return Reply(message.text)


class Run:
    """An adapter at work."""

    def __init__(self, adapter: DiscordAdapter) -> None:
        self.adapter = adapter
        self.stopping = asyncio.Event()
        self.task = asyncio.create_task(adapter.run(self.stopping))

    async def connected(self) -> None:
        connected = asyncio.create_task(self.adapter.connected.wait())
        await asyncio.wait({connected, self.task}, return_when=asyncio.FIRST_COMPLETED)
        connected.cancel()
        if self.task.done():
            await self.task

    async def end(self) -> None:
        self.stopping.set()
        async with asyncio.timeout(15):
            await self.task


def make_adapter(
    server: DiscordServer, state_dir: Path, handler: Handler = echo, *, bot: Bot | None = None, **changes: Any
) -> DiscordAdapter:
    arguments: dict[str, Any] = {
        "token": server.token,
        "bot": bot or BotOf(handler, COMMANDS),
        "guild_ids": (),
        "state_dir": state_dir,
        "api_url": server.api_url,
        "gateway_url": server.gateway_url,
    }
    return DiscordAdapter(**(arguments | changes))


@asynccontextmanager
async def running(adapter: DiscordAdapter) -> AsyncIterator[Run]:
    """An adapter that is connected, and is stopped in the end."""
    run = Run(adapter)
    try:
        await run.connected()
        yield run
    finally:
        await run.end()
