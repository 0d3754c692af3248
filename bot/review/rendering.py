"""The review page's templates and what it looks like, read from this package once."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from bot.review.door import PATH, SESSION, Door
from bot.stats_text import spoken_duration

FOLDER = Path(__file__).parent
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

_TICKED = re.compile(r"`([^`]+)`")


class Renderer:
    """Makes pages.

    Parameters
    ----------
    door
        Tells whether admins log in, and so can log out.
    """

    def __init__(self, door: Door) -> None:
        self._has_login = door.password is not None
        self._environment = Environment(
            loader=FileSystemLoader(FOLDER / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {
            "ticked": ticked,
            "percent": percent,
            "moment": moment,
            "ago": ago,
            "within": within,
            "duration": spoken_duration,
        }
        self._environment.globals |= {"path": PATH}

    def page(
        self, request: web.Request, template: str, values: Mapping[str, Any] | None = None, *, status: int = 200
    ) -> web.Response:
        """Return a page; of a request with a session, what came of its last action is on it."""
        session = request.get(SESSION)
        text = self._environment.get_template(template).render(
            token="" if session is None else session.token,
            told="" if session is None else session.take_told(),
            is_in=session is not None,
            has_login=self._has_login,
            **(values or {}),
        )
        body = text.encode("utf-8", "replace")  # half a surrogate pair has no UTF-8
        return web.Response(body=body, status=status, content_type="text/html", charset="utf-8")


def read_statics() -> dict[str, tuple[bytes, str]]:
    """Return the files that pages refer to, by name: content and type."""
    files = sorted((FOLDER / "static").iterdir())
    return {one.name: (one.read_bytes(), TYPES[one.suffix]) for one in files if one.suffix in TYPES}


def ticked(text: str) -> Markup:
    """Return a text, escaped, what stands between backticks as code."""
    return Markup(_TICKED.sub(r"<code><bdi>\1</bdi></code>", str(escape(text))))  # noqa: S704 - escaped


def percent(share: float) -> str:
    """Return a share as people read it."""
    return f"{share:.0%}" if share >= 0.1 or share == 0 else f"{share:.1%}"  # noqa: PLR2004 - two digits either way


def moment(when: datetime) -> str:
    """Return a moment as people read it."""
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def ago(seconds_since_1970: float) -> str:
    """Return how long ago something was, in one unit."""
    passed = spoken_duration(datetime.now(UTC).timestamp() - seconds_since_1970).split(" ")
    return f"{' '.join(passed[:2])} ago"


def within(bound_s: float | None) -> str:
    """Return a time that answers took at most."""
    if bound_s is None:
        return "—"
    if bound_s == float("inf"):
        return "more"
    return f"{1_000 * bound_s:g} ms" if bound_s < 1 else f"{bound_s:g} s"
