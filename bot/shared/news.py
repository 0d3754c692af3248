"""Announcements of one process to the others: a bounded stream in Redis, whole also after a short outage."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from bot.database import DatabaseError
from bot.shared.link import RedisLink, StateAwayError, key

logger = logging.getLogger(__name__)

MOST_KEPT = 1_000
TTL_S = 86_400
"""Announcements are kept for a day after the last one, and no more than so many, for processes that are cut off."""

BLOCK_MS = 1_000
AWAY_PAUSE_S = 1.0

Entry = tuple[str, dict[str, str]]

Listener = Callable[..., Awaitable[None]]
"""Called with the words of an announcement."""


class News:
    """Tells, and listens.

    Parameters
    ----------
    link
        To the Redis that all processes share.
    reading
        A link of its own for waiting, during which nothing else could be asked.
    """

    def __init__(self, link: RedisLink, reading: RedisLink) -> None:
        self._link = link
        self._reading = reading
        self._listeners: dict[str, Listener] = {}
        self._at_start: list[str] = []
        self._last = "0"
        self._has_caught_up = False
        self._task: asyncio.Task[None] | None = None

    def on(self, kind: str, listener: Listener, *, also_at_start: bool = False) -> None:
        """Have a listener called for the announcements of other processes of one kind.

        Parameters
        ----------
        kind
            The announcements' first word.
        listener
            Takes the others.
        also_at_start
            Whether it is called, without words, when this process begins to listen as well.
        """
        self._listeners[kind] = listener
        if also_at_start:
            self._at_start.append(kind)

    async def tell(self, kind: str, *words: str) -> None:
        """Announce something to all other processes.

        Raises
        ------
        StateAwayError
            It cannot be.
        """
        fields = [part for number, word in enumerate(words) for part in (f"word{number}", word)]
        stream = key("news")
        origin = ("from", self._link.process_id, "kind", kind)
        await self._link.do("XADD", stream, "MAXLEN", "~", MOST_KEPT, "*", *origin, *fields)
        await self._link.do("EXPIRE", stream, TTL_S)

    async def start(self) -> None:
        """Listen from now on; while Redis is away, from when it is back."""
        self._has_caught_up = await self._catch_up()
        self._task = asyncio.create_task(self._listen(), name="news of other processes")

    async def close(self) -> None:
        """Listen no more."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._reading.close()

    async def _catch_up(self) -> bool:
        """Begin after what was announced last; say whether that could be read."""
        try:
            entries = await self._link.do("XREVRANGE", key("news"), "+", "-", "COUNT", 1)
        except StateAwayError:
            return False
        self._last = entries[0][0] if entries else self._last
        for kind in self._at_start:
            await self._call(kind)
        return True

    async def _listen(self) -> None:
        command = ("XREAD", "COUNT", 100, "BLOCK", BLOCK_MS, "STREAMS", key("news"))
        while not self._has_caught_up:
            await asyncio.sleep(AWAY_PAUSE_S)
            self._has_caught_up = await self._catch_up()
        while True:
            try:
                found = await self._reading.do(*command, self._last)
            except StateAwayError:
                await asyncio.sleep(AWAY_PAUSE_S)
                continue
            for entry_id, fields in _entries(found):
                self._last = entry_id
                if fields.get("from") != self._link.process_id:
                    await self._pass_on(fields)

    async def _pass_on(self, fields: dict[str, str]) -> None:
        kind = fields.get("kind", "")
        if kind in self._listeners:  # else it is of a later version
            await self._call(kind, *(fields[name] for name in sorted(fields) if name.startswith("word")))

    async def _call(self, kind: str, *words: str) -> None:
        try:
            await self._listeners[kind](*words)
        except DatabaseError as error:
            logger.warning("what another process announced (%s) could not be followed: %s", kind, error)
        except Exception:
            logger.exception("what another process announced (%s) could not be followed", kind)


def _entries(found: Sequence[tuple[str, Sequence[Entry]]] | None) -> Sequence[Entry]:
    """Return the entries in Redis's answer about one stream."""
    return found[0][1] if found else ()
