"""The Telegram adapter at work against the local Bot API server, for tests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from adapters.base import Argument, Bot, Command, IncomingMessage, Progress, Reply
from adapters.telegram_adapter import TelegramAdapter
from tests.bots import BotOf, Handler
from tests.e2e.telegram_server import WAIT_S, TelegramServer

COMMANDS = (
    Command("help", "Shows what I can do."),
    Command("why", "Says why I answered so.", (Argument("question", "What to explain."),)),
    Command("reload", "Reloads the model.", admin_only=True),
    Command("admin retrain", "Trains a model.", admin_only=True, is_long=True),
)


async def echo(message: IncomingMessage, _: Progress) -> Reply | None:
    return Reply(f"/{message.command} {message.text}" if message.command else f"echo: {message.text}")


def make_adapter(
    server: TelegramServer, handler: Handler = echo, *, bot: Bot | None = None, **options: Any
) -> TelegramAdapter:
    """An adapter with a handler, unless there is a bot; `options` are further arguments of it."""
    return TelegramAdapter(token=server.token, bot=bot or BotOf(handler, COMMANDS), api_url=server.api_url, **options)


@asynccontextmanager
async def running(
    server: TelegramServer, handler: Any = echo, *, adapter: TelegramAdapter | None = None
) -> AsyncIterator[asyncio.Task[None]]:
    """An adapter that is connected, and is stopped in the end; one with a handler unless it is given."""
    stopping = asyncio.Event()
    adapter = adapter or make_adapter(server, handler)
    run = asyncio.create_task(adapter.run(stopping))
    connected = asyncio.create_task(adapter.connected.wait())
    try:
        await asyncio.wait({run, connected}, timeout=WAIT_S, return_when=asyncio.FIRST_COMPLETED)
        assert connected.done()
        yield run
    finally:
        connected.cancel()
        stopping.set()
        await asyncio.wait({run}, timeout=WAIT_S)
    await run
