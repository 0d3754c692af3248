"""What goes wrong on the way to the local Discord and back, a request at a time."""

import asyncio
import re
from dataclasses import dataclass, field
from typing import Literal

from aiohttp import web

from tests.e2e.discord_payloads import Json

Way = Literal["answered", "broken off", "silent", "garbled"]
"""What comes back: an answer, the end of the connection, nothing, or half an answer."""


@dataclass
class Mishap:
    """What one request meets.

    Parameters
    ----------
    method, path
        The request's; the path as a regular expression.
    way
        What comes back.
    status, body, headers
        Of an answer.
    after_effect
        Whether the request takes effect all the same.
    """

    method: str
    path: str
    way: Way = "answered"
    status: int = 0
    body: Json = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    after_effect: bool = False

    def meets(self, method: str, path: str) -> bool:
        return self.method == method and re.fullmatch(self.path, path) is not None

    async def befall(self, request: web.Request, ended: asyncio.Event) -> web.Response:
        """Let it happen on the way back, until the server has ended."""
        if self.way == "broken off" and isinstance(request.transport, asyncio.Transport):
            request.transport.abort()
        if self.way == "silent":
            await ended.wait()
        return web.Response(body=b'{"id": "1', headers={"Content-Type": "application/json"})


def error(method: str, path: str, status: int, *, code: int = 0, after_effect: bool = False) -> Mishap:
    """An error."""
    body = {"message": "this one fails", "code": code}
    return Mishap(method, path, status=status, body=body, after_effect=after_effect)


def rate_limit(
    method: str, path: str, *, retry_after_s: float | None = 0.05, is_global: bool = False, is_ban: bool = False
) -> Mishap:
    """A 429, of Discord itself or of what stands before it, which does not say by whom it came (``Via``)."""
    body: Json = {"message": "You are being rate limited.", "global": is_global, "code": 0}
    if retry_after_s is not None:
        body["retry_after"] = retry_after_s
    return Mishap(method, path, status=429, body=body, headers={} if is_ban else {"Via": "1.1 google"})
