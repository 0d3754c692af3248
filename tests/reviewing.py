"""The review page over a real model and a catalog, as `bot.app` puts it together, and its admin's browser."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from bot.assembly import SCHEMA, Stores, make_desk
from bot.config import Settings
from bot.database import Database
from bot.gate import Gate
from bot.health import HealthServer, health_application
from bot.inference import Inference
from bot.metrics import Metrics
from bot.readiness import Readiness
from bot.reloading import Reloader
from bot.review.door import Door
from bot.review.pages import add_review
from bot.review.password import PasswordHash
from bot.review.rooms import Lobby, make_rooms
from bot.review.trials import Trials
from bot.service import ServiceLoader
from tests.unit.fakes import engine_of, handler_of, said

TOKEN = re.compile(r'name="token" value="([^"]+)"')


@dataclass(frozen=True)
class Review:
    """A page that is served, and what is behind it."""

    url: str
    application: web.Application
    stores: Stores
    inference: Inference
    metrics: Metrics
    lobby: Lobby
    settings: Settings

    async def ask(self, text: str, user: str = "ann") -> None:
        """Have a member ask something; what is not answered gets into the inbox."""
        handler = handler_of(
            self.stores, self.inference, settings=self.settings, engine=engine_of(self.inference, self.stores.contexts)
        )
        await handler.answer(said(text, user, message_id=f"{user}-{text}"), _silently)

    def patterns(self, tag: str) -> list[str]:
        """What the file holds now."""
        intents = json.loads(self.settings.intents_path.read_text("utf-8"))["intents"]
        return next(one["patterns"] for one in intents if one["tag"] == tag)


@asynccontextmanager
async def review_of(
    directory: Path,
    *,
    password: PasswordHash | None = None,
    has_started: bool = True,
    address: str = "127.0.0.1:0",
    gate: Gate | None = None,
    changes: Mapping[str, Any] | None = None,
) -> AsyncIterator[Review]:
    """Serve the page of a directory with ``intents.json`` and ``models``."""
    settings = Settings(
        intents_path=directory / "intents.json",
        models_dir=directory / "models",
        state_dir=directory / "state",
        inbox="text",
    )
    settings = replace(settings, **(changes or {}))
    metrics, lobby = Metrics(), Lobby()
    application = health_application(metrics, Readiness(asyncio.Event()))
    add_review(application, Door(password), lobby, metrics)
    server = HealthServer(address, application)
    await server.open()
    assert server.url is not None
    loading = ThreadPoolExecutor(max_workers=1)
    loader = ServiceLoader(settings.models_dir, settings.intents_path, gate=gate or Gate())
    inference = Inference(loader.at_start().classifier)
    reloader = Reloader(inference, loader, loading, metrics=metrics)
    database = await Database.open(None, SCHEMA)
    stores = await Stores.open(settings, database)
    desk = make_desk(
        settings, stores, inference=inference, reloader=reloader, metrics=metrics, environment={}, executor=loading
    )
    if has_started:
        lobby.rooms = make_rooms(
            settings,
            stores,
            desk=desk,
            inference=inference,
            reloader=reloader,
            trials=Trials(inference, loader, loading),
            metrics=metrics,
        )
    yield Review(server.url.rstrip("/"), application, stores, inference, metrics, lobby, settings)
    await server.close()
    await desk.aclose()
    inference.close()
    loading.shutdown()
    await database.close()


@dataclass
class Browser:
    """What a browser does of its own: it keeps cookies, and sends a form with what is hidden in it."""

    client: aiohttp.ClientSession
    url: str
    headers: dict[str, str] = field(default_factory=lambda: {"Sec-Fetch-Site": "same-origin"})
    token: str = ""

    async def get(self, place: str = "/") -> tuple[int, str]:
        """Open a page, and take note of the token of its forms."""
        async with self.client.get(f"{self.url}/review{place}", allow_redirects=True) as answer:
            text = await answer.text()
            found = TOKEN.search(text)
            self.token = found[1] if found else self.token
            return answer.status, text

    async def post(self, place: str, *fields: tuple[str, str], token: str | None = None) -> tuple[int, str]:
        """Send a form, and read the page that it leads to."""
        form = [("token", self.token if token is None else token), *fields]
        async with self.client.post(f"{self.url}/review{place}", data=form, headers=self.headers) as answer:
            return answer.status, await answer.text()


@asynccontextmanager
async def browser_at(review: Review) -> AsyncIterator[Browser]:
    """A browser with no cookies yet."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
        yield Browser(client, review.url)


async def _silently(_sentence: str) -> None:
    return None
