"""How the doctor asks: one bounded request at a time. No failure tells an address, which may hold a token.

It imports aiohttp, so only the doctor imports it.
"""

import asyncio
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp

from bot.findings import Finding, ok, warning

LIMIT_S = 10.0
"""How long one request may take."""

MOST_WAIT_S = 5.0
"""The longest pause that a rate limit may ask for."""

CLOCK_S = 30.0
"""By how much the clock may be off, the time of a request included."""


class UnreachableError(Exception):
    """No answer came; the text says why, and holds no address."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Parameters
    ----------
    status
        The HTTP status.
    body
        The JSON, or None if it is none.
    ahead_s
        By how many seconds this machine's clock is ahead of the server's; None if the server tells no time.
    """

    status: int
    body: Any
    ahead_s: float | None


class Probe:
    """Asks one service.

    Parameters
    ----------
    session
        Connects.
    base_url
        What every path is put behind.
    headers
        Sent with every request.
    """

    def __init__(self, session: aiohttp.ClientSession, base_url: str, headers: Mapping[str, str] | None = None) -> None:
        self._session = session
        self._base_url = base_url.rstrip("/")
        self._headers = dict(headers or {})

    async def get(self, path: str, *, limit_s: float = LIMIT_S, **query: str) -> Answer:
        """Ask for a path; a rate limit is waited for once.

        Raises
        ------
        UnreachableError
            No answer came in time.
        """
        answer, retry_after_s = await self._ask(path, query, limit_s)
        if answer.status == 429 and retry_after_s <= MOST_WAIT_S:  # noqa: PLR2004 - HTTP's own number
            await asyncio.sleep(retry_after_s)
            answer, _ = await self._ask(path, query, limit_s)
        return answer

    async def _ask(self, path: str, query: Mapping[str, str], limit_s: float) -> tuple[Answer, float]:
        try:
            async with (
                asyncio.timeout(limit_s),
                self._session.get(self._base_url + path, params=query, headers=self._headers) as response,
            ):
                content = await response.read()
                headers = response.headers
        except TimeoutError as error:
            raise UnreachableError(f"no answer within {limit_s:.0f} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise UnreachableError(_reason(error)) from None
        return Answer(response.status, _json(content), _ahead_s(headers)), _seconds(headers.get("Retry-After"))

    async def greets(self, url: str) -> Any:  # noqa: ANN401 - JSON as it came
        """Open a web socket, and return its first message as JSON.

        Raises
        ------
        UnreachableError
            There was none in time.
        """
        try:
            async with asyncio.timeout(LIMIT_S), self._session.ws_connect(url) as socket:
                return _json((await socket.receive_str()).encode())
        except TimeoutError as error:
            raise UnreachableError(f"no answer within {LIMIT_S:.0f} s") from error
        except (aiohttp.ClientError, OSError, ValueError, TypeError) as error:
            raise UnreachableError(_reason(error)) from None


def examine_clock(answer: Answer, server: str) -> Iterator[Finding]:
    """Hold this machine's clock against that of a server."""
    if answer.ahead_s is None:
        return
    if abs(answer.ahead_s) > CLOCK_S:
        direction = "ahead of" if answer.ahead_s > 0 else "behind"
        text = f"{abs(answer.ahead_s):,.0f} s {direction} {server}'s, so dates and times in answers are wrong"
        yield warning("clock", text, "Switch on time synchronisation: `timedatectl set-ntp true`.")
    else:
        yield ok("clock", f"agrees with {server}'s")


def _reason(error: Exception) -> str:
    """Return what failed: neither a library's text, which may hold the address, nor its trace."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, OSError) and cause.errno is not None and cause.errno > 0:
        return os.strerror(cause.errno)  # the event loop's own text has the address
    return str(getattr(cause, "strerror", None) or type(error).__name__)  # of a name that cannot be looked up


def _json(content: bytes) -> Any:  # noqa: ANN401 - as it came
    try:
        return json.loads(content)
    except ValueError:
        return None


def _seconds(text: str | None) -> float:
    try:
        return max(0.0, float(text or 1.0))
    except ValueError:
        return 1.0


def _ahead_s(headers: Mapping[str, str]) -> float | None:
    try:
        return time.time() - parsedate_to_datetime(headers["Date"]).timestamp()
    except (KeyError, ValueError):
        return None
