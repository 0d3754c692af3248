"""What the pages behind the door have in common."""

import logging
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from bot.review.door import PATH, SESSION
from bot.review.rendering import Renderer
from bot.review.rooms import Lobby, Rooms

logger = logging.getLogger(__name__)

Form = Mapping[str, Any]


class Page:
    """One of the pages.

    Parameters
    ----------
    renderer
        Makes it.
    lobby
        Has what it shows, once the bot has started.
    """

    def __init__(self, renderer: Renderer, lobby: Lobby) -> None:
        self._renderer = renderer
        self._lobby = lobby

    @property
    def rooms(self) -> Rooms:
        """What the page shows.

        Raises
        ------
        HTTPServiceUnavailable
            The bot has not started yet.
        """
        if self._lobby.rooms is None:
            raise web.HTTPServiceUnavailable
        return self._lobby.rooms

    def back(self, request: web.Request, place: str, told: str) -> web.StreamResponse:
        """Lead to a page that says what came of an action, so that loading it anew does not repeat the action."""
        request[SESSION].told = told
        return web.Response(status=303, headers={"Location": f"{PATH}/{place}"})

    @staticmethod
    def note(action: str) -> None:
        """Log that an admin did something; what they typed stays out of it."""
        logger.info("review page: %s", action)


def field(form: Form, name: str) -> str:
    """Return a field of a form as text; empty if it is not there."""
    value = form.get(name, "")
    return value if isinstance(value, str) else ""
