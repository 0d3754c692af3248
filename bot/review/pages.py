"""The review page as an application of its own: its routes, each behind the door, and its refusals."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

from aiohttp import web
from aiohttp.typedefs import Middleware

from bot.metrics import Metrics
from bot.review.door import HEADERS, PATH, Door, EntryRefusedError, Handler
from bot.review.history import History
from bot.review.inbox_page import InboxPage
from bot.review.models_page import ModelsPage
from bot.review.rendering import Renderer, read_statics
from bot.review.report_page import ReportPage
from bot.review.room import field
from bot.review.rooms import Lobby
from bot.review.statistics_page import StatisticsPage
from bot.review.trial_page import TrialPage

logger = logging.getLogger(__name__)


class Entrance:
    """What lies before the door, and the door itself.

    Parameters
    ----------
    door
        Lets admins in.
    renderer
        Makes pages.
    """

    def __init__(self, door: Door, renderer: Renderer) -> None:
        self._door = door
        self._renderer = renderer
        self._statics = read_statics()

    @property
    def routes(self) -> Sequence[web.AbstractRouteDef]:
        """Where it is."""
        return (
            web.get("/login", self.show_login, name="login"),
            web.post("/login", self.log_in, name="login"),
            web.post("/logout", self.log_out, name="logout"),
            web.get("/static/{name}", self.show_static, name="static"),
        )

    async def show_login(self, request: web.Request) -> web.StreamResponse:
        """Show the form of the password."""
        return self._renderer.page(request, "login.html", {"fault": ""})

    async def log_in(self, request: web.Request) -> web.StreamResponse:
        """Let in whoever knows the password."""
        try:
            return await self._door.log_in(request, field(await request.post(), "password"))
        except EntryRefusedError as error:
            return self._renderer.page(request, "login.html", {"fault": str(error)}, status=error.status)

    async def log_out(self, request: web.Request) -> web.StreamResponse:
        """Close the session."""
        return self._door.log_out(request)

    async def show_static(self, request: web.Request) -> web.StreamResponse:
        """Show what pages look like."""
        if request.match_info["name"] not in self._statics:
            raise web.HTTPNotFound
        body, content_type = self._statics[request.match_info["name"]]
        return web.Response(body=body, content_type=content_type, charset="utf-8")

    @property
    def middleware(self) -> Middleware:
        """Through which every request goes, also one to a page that is not there."""

        @web.middleware
        async def behind_the_door(request: web.Request, handler: Handler) -> web.StreamResponse:
            try:
                response = await self._door.admit(request, handler)
            except EntryRefusedError as error:
                response = self._refused(request, "Not allowed", str(error), error.status)
            except web.HTTPException as error:
                if error.status < web.HTTPBadRequest.status_code:
                    _protect(error)
                    raise
                response = self._refused(request, error.reason, _sentence(error), error.status)
            except Exception:
                logger.exception("review page: %s failed", request.match_info.route.name)
                response = self._refused(request, "Something went wrong", "The log of the bot says what.", 500)
            _protect(response)
            return response

        return behind_the_door

    def _refused(self, request: web.Request, title: str, sentence: str, status: int) -> web.Response:
        return self._renderer.page(request, "refused.html", {"title": title, "sentence": sentence}, status=status)


def review_application(door: Door, lobby: Lobby, metrics: Metrics) -> web.Application:
    """Return the pages, to be served under `PATH`.

    Parameters
    ----------
    door
        Lets admins in.
    lobby
        Has what the pages show, once the bot has started.
    metrics
        Counted from now on.
    """
    renderer, history = Renderer(door), History(metrics.summary)
    entrance = Entrance(door, renderer)
    application = web.Application(middlewares=[entrance.middleware])
    application.add_routes(
        [
            *entrance.routes,
            *InboxPage(renderer, lobby).routes,
            *StatisticsPage(renderer, lobby, history).routes,
            *ModelsPage(renderer, lobby).routes,
            *ReportPage(renderer, lobby).routes,
            *TrialPage(renderer, lobby).routes,
        ]
    )

    async def count_minutes(_application: web.Application) -> AsyncIterator[None]:
        counting = asyncio.create_task(history.keep(), name="review history")
        yield
        counting.cancel()
        with suppress(asyncio.CancelledError):
            await counting

    application.cleanup_ctx.append(count_minutes)
    return application


def add_review(to: web.Application, door: Door, lobby: Lobby, metrics: Metrics) -> None:
    """Have another application serve the pages under `PATH`; see `review_application`."""

    async def lead_in(_request: web.Request) -> web.Response:
        return web.Response(status=308, headers={"Location": f"{PATH}/", **HEADERS})

    to.router.add_get(PATH, lead_in)
    to.add_subapp(f"{PATH}/", review_application(door, lobby, metrics))


def _protect(response: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)


def _sentence(error: web.HTTPException) -> str:
    match error:
        case web.HTTPNotFound():
            return "There is no such page."
        case web.HTTPServiceUnavailable():
            return "The bot is still starting. Try again in a few seconds."
        case web.HTTPRequestEntityTooLarge():
            return "That is too much for one form."
        case _:
            return "That cannot be done here."
