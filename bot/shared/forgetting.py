"""Forgetting a person in what each process keeps for itself: told by a hash, which tells nobody who it was.

Whom to forget stands in a stream of its own for as long as anything of them can lie in the file of a process that is
stopped. Each process remembers up to where it has followed, so that nobody who came back is forgotten twice.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Protocol

from bot.database import Database
from bot.feedback import DAY_S, KEPT_DAYS
from bot.inbox_export import InboxExport
from bot.shared.link import RedisLink, key
from bot.shared.news import News
from bot.shared.once import hashed_name

KIND = "forget"

KEPT_S = round(KEPT_DAYS * DAY_S)
"""How long it is known whom to forget: votes are what a process keeps for longest."""

_TABLE = (
    "CREATE TABLE IF NOT EXISTS forgetting (followed INTEGER PRIMARY KEY CHECK (followed = 1), up_to TEXT NOT NULL)"
)
_FOLLOW = """
    INSERT INTO forgetting VALUES (1, ?) ON CONFLICT DO UPDATE SET up_to = max(up_to, excluded.up_to)
"""
"""Processes of one machine may share the file; entries' ids begin with milliseconds, and sort as texts."""

BEGINNING = "0"


class OwnStore(Protocol):
    """What one process alone keeps of people."""

    async def people(self) -> set[tuple[str, str]]:
        """Return of whom anything is kept, by platform and id."""

    async def forget_person(self, platform: str, user_id: str) -> None:
        """Forget a person of a platform, in all conversations."""


class ForgottenElsewhere:
    """Asks the other processes to forget whom this one forgets, and is asked by them.

    Parameters
    ----------
    link, news
        To the Redis that all processes share, and what is announced there.
    stores
        What this process alone keeps.
    export
        The file with the inbox, which does not say whose each text is.
    database
        Where some of them keep their rows.
    """

    def __init__(
        self, link: RedisLink, news: News, stores: Sequence[OwnStore], export: InboxExport, database: Database
    ) -> None:
        self._link = link
        self._news = news
        self._stores = stores
        self._export = export
        self._database = database
        self._up_to: str | None = None
        self._following = asyncio.Lock()
        news.on(KIND, self._follow, also_at_start=True)
        link.on_return(self._follow)

    async def forget_person(self, platform: str, user_id: str) -> None:
        """Have the others forget a person.

        Raises
        ------
        StateAwayError
            They cannot be told.
        """
        oldest_ms = round((time.time() - KEPT_S) * 1_000)
        hashed = hashed_name(self._link, "person", platform, user_id)
        await self._link.do("XADD", key("forgotten"), "MINID", "~", oldest_ms, "*", "person", hashed)
        await self._link.do("EXPIRE", key("forgotten"), KEPT_S)
        await self._news.tell(KIND)
        await self._follow()  # here they are forgotten already: what they say from now on is kept

    async def _follow(self) -> None:
        """Forget whom other processes have forgotten since this one looked last."""
        async with self._following:
            if self._up_to is None:
                self._up_to = await self._followed()
            entries = await self._link.do("XRANGE", key("forgotten"), f"({self._up_to}", "+")
            if not entries:
                return
            await self._forget({fields["person"] for _, fields in entries})
            self._up_to = str(entries[-1][0])
            await self._database.execute(_FOLLOW, (self._up_to,))

    async def _followed(self) -> str:
        """Return up to where this process, before it was stopped, has followed."""
        await self._database.execute(_TABLE)
        rows = await self._database.fetch("SELECT up_to FROM forgetting")
        return str(rows[0][0]) if rows else BEGINNING

    async def _forget(self, hashed: set[str]) -> None:
        self._export.remove()
        for store in self._stores:
            for platform, user_id in await store.people():
                if hashed_name(self._link, "person", platform, user_id) in hashed:
                    await store.forget_person(platform, user_id)
        await self._database.scrub()
