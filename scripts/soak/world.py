"""The bot without its platforms, and the platforms' conversions without their networks."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import discord
from telegram import Update, User

from adapters.base import IncomingMessage, Reply
from adapters.discord_messages import to_message as from_discord
from adapters.discord_sending import to_parts
from adapters.telegram_html import Rendered, render_parts
from adapters.telegram_messages import to_message as from_telegram
from bot.actions import ActionRunner
from bot.assembly import Stores, make_desk, make_handler, make_loader, open_stores
from bot.config import NO_STORIES, Settings
from bot.database import DATABASE_FILE
from bot.engine import IntentEngine
from bot.handler import COMMANDS, MessageHandler
from bot.handoff import Handoff
from bot.inference import Inference
from bot.metrics import Metrics
from bot.process import settle
from bot.reloading import Reloader
from scripts.soak.rows import Plan

ME = User(99, "Parley", is_bot=True, username="parley_bot")
COMMAND_NAMES = {command.name.partition(" ")[0] for command in COMMANDS}


@dataclass(frozen=True, slots=True)
class World:
    """What a measurement drives."""

    handler: MessageHandler
    inference: Inference
    stores: Stores
    reloader: Reloader
    texts: tuple[str, ...]


@asynccontextmanager
async def world(plan: Plan) -> AsyncIterator[World]:
    """Build the bot as `bot.app` does, with nobody limited in how much they ask."""
    settings = Settings(
        models_dir=plan.models_dir,
        intents_path=plan.intents_path,
        stories_path=plan.stories_path or NO_STORIES,
        state_dir=plan.directory,
        cooldown_s=0,
        inbox="text",
    )
    actions = ActionRunner(settings.action_modules)
    loader = make_loader(settings, actions)
    executor = ThreadPoolExecutor(1)
    service = await asyncio.get_running_loop().run_in_executor(executor, loader.at_start)
    inference, metrics = Inference(service.classifier), Metrics()
    stores = await open_stores(settings, plan.directory / DATABASE_FILE)
    reloader = Reloader(inference, loader, executor, metrics=metrics)
    handoff = Handoff({})
    desk = make_desk(
        settings,
        stores,
        inference=inference,
        reloader=reloader,
        metrics=metrics,
        environment={},
        executor=executor,
    )
    engine = IntentEngine(inference, stores.contexts, actions, handoff, random.Random(0))  # noqa: S311 - draws responses
    handler = make_handler(
        settings, stores, engine=engine, inference=inference, desk=desk, handoff=handoff, metrics=metrics
    )
    # a word more than the pattern: what equals a pattern is answered without the network
    texts = tuple(f"{one} please" for intent in service.classifier.catalog.topics for one in intent.patterns)
    settle()  # as the bot does
    try:
        yield World(handler, inference, stores, reloader, texts)
    finally:
        await desk.aclose()
        await handler.aclose()
        await actions.aclose()
        inference.close()
        await stores.database.close()
        executor.shutdown()


class Discord:
    """Discord's side of a conversation: what its gateway delivers, through the library, and what it would be sent."""

    name = "discord"

    def __init__(self) -> None:
        client = discord.Client(intents=discord.Intents.none())
        self._state: Any = client._connection  # noqa: SLF001 - the library offers no other way without a network
        account = {"id": "99", "username": "parley", "discriminator": "0", "avatar": None, "bot": True}
        self._state.user = discord.ClientUser(state=self._state, data=account)  # type: ignore[arg-type]
        self._ids = itertools.count(discord.utils.time_snowflake(datetime.now(UTC)))

    def message(self, user: int, text: str, name: str) -> IncomingMessage | None:
        """Return a direct message as the bot reads it."""
        author = {"id": str(user), "username": "u", "discriminator": "0", "avatar": None, "global_name": name}
        payload: dict[str, Any] = {
            "id": str(next(self._ids)),
            "channel_id": str(10_000_000 + user),
            "author": author,
            "content": text,
            "timestamp": datetime.now(UTC).isoformat(),
            "edited_timestamp": None,
            "type": 0,
            **dict.fromkeys(("tts", "mention_everyone", "pinned"), False),
            **{name: [] for name in ("mentions", "mention_roles", "attachments", "embeds")},
        }
        channel = discord.DMChannel._from_message(self._state, int(payload["channel_id"]))  # noqa: SLF001
        message = discord.Message(state=self._state, channel=channel, data=payload)  # type: ignore[arg-type]
        return from_discord(message, discord.Object(99))

    async def payloads(self, reply: Reply) -> list[dict[str, Any]]:
        """Return the bodies of what would be sent."""
        return [part.payload() for part in await to_parts(reply, "1")]


class Telegram:
    """Telegram's side of a conversation."""

    name = "telegram"

    def __init__(self) -> None:
        self._ids = itertools.count(1)

    def message(self, user: int, text: str, name: str) -> IncomingMessage | None:
        """Return a private message as the bot reads it."""
        number = next(self._ids)
        payload = {
            "message_id": number,
            "date": int(datetime.now(UTC).timestamp()),
            "chat": {"id": user, "type": "private", "first_name": name},
            "from": {"id": user, "is_bot": False, "first_name": name, "language_code": "en"},
            "text": text,
        }
        return from_telegram(Update.de_json({"update_id": number, "message": payload}, None), ME, COMMAND_NAMES)

    async def payloads(self, reply: Reply) -> list[Rendered]:
        """Return the texts of what would be sent."""
        return render_parts(reply.text)


async def silently(_: str) -> None:
    """Show nobody a progress."""
