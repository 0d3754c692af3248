"""What the bot could not answer, or was voted down, kept for the admin: off, as mere counts, or with the texts.

Nothing is ever learnt from it: an admin reads it, and types patterns of their own.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from bot.answers import GivenAnswer
from bot.config import InboxMode
from bot.database import Database, DatabaseError
from model.decision import Reason
from model.text import normalise

logger = logging.getLogger(__name__)

MAX_ROWS = 1_000
"""Rows kept; those that were added to least recently leave first."""

MAX_ROWS_A_PERSON = 50
"""Rows kept of one person, so that nobody's flood pushes out everyone else's questions."""

MAX_AGE_S = 30 * 86_400.0

MAX_TEXT = 300
"""Characters kept of a text."""

NOBODY = ("", "")
"""Platform and user of what is only counted."""

SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS inbox (
        kind TEXT NOT NULL,
        normalised TEXT NOT NULL,
        nearest TEXT NOT NULL,
        platform TEXT NOT NULL,
        user_id TEXT NOT NULL,
        text TEXT NOT NULL,
        count INTEGER NOT NULL,
        last_at REAL NOT NULL,
        PRIMARY KEY (kind, normalised, nearest, platform, user_id)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX IF NOT EXISTS inbox_last ON inbox (last_at)",
)

_ADD = """
    INSERT INTO inbox (kind, normalised, nearest, platform, user_id, text, count, last_at)
    VALUES (?, ?, ?, ?, ?, ?, 1, ?)
    ON CONFLICT DO UPDATE SET count = count + 1, text = excluded.text, last_at = excluded.last_at
"""
_KEYS = "kind, normalised, nearest, platform, user_id"
_DROP = "DELETE FROM inbox WHERE kind = ? AND normalised = ? AND nearest = ? AND platform = ? AND user_id = ?"
_DROP_BEYOND = f"""
    DELETE FROM inbox WHERE ({_KEYS}) IN (SELECT {_KEYS} FROM inbox ORDER BY last_at DESC LIMIT -1 OFFSET ?)
"""  # noqa: S608 - the names of columns
_DROP_BEYOND_OF_PERSON = f"""
    DELETE FROM inbox WHERE ({_KEYS}) IN (
        SELECT {_KEYS} FROM inbox WHERE platform = ? AND user_id = ? ORDER BY last_at DESC LIMIT -1 OFFSET ?
    )
"""  # noqa: S608 - the names of columns


class Kind(StrEnum):
    """Why something is in the inbox."""

    UNANSWERED = "unanswered"
    VOTED_DOWN = "voted_down"


@dataclass(frozen=True, slots=True)
class Entry:
    """What was asked, by one or many.

    Parameters
    ----------
    kind
        Why it is here.
    text
        As it was written last; None where only counts are kept.
    nearest
        The tag of the intent that was likeliest, of a vote the one that was answered; None where nothing was ranked.
    n_times, n_people
        How often it came, and of how many.
    last_at
        When it came last, in seconds since 1970.
    key
        Names it among all that are there.
    """

    kind: Kind
    text: str | None = field(repr=False)
    nearest: str | None
    n_times: int
    n_people: int
    last_at: float
    key: str = field(default="", compare=False)


class Inbox:
    """The store. `open` makes it.

    Parameters
    ----------
    database
        Open, with `SCHEMA`.
    mode
        What may be kept.
    clock
        Returns seconds since 1970.
    """

    def __init__(self, database: Database, *, mode: InboxMode, clock: Callable[[], float] = time.time) -> None:
        self.mode = mode
        self._database = database
        self._clock = clock

    @classmethod
    async def open(cls, database: Database, *, mode: InboxMode, clock: Callable[[], float] = time.time) -> "Inbox":
        """Return an inbox out of which all has gone that its mode does not allow: the operator may have changed it.

        Raises
        ------
        DatabaseError
            The database does not answer.
        """
        if mode == "off":
            await database.execute("DELETE FROM inbox")
        elif mode == "counts":
            await database.execute("DELETE FROM inbox WHERE text != ''")
        return cls(database, mode=mode, clock=clock)

    async def add_if_unanswered(self, answer: GivenAnswer) -> None:
        """Take in a question whose answer was a fallback, unless it held no words at all."""
        decision = answer.decision
        if answer.intent is not None or decision is None or decision.intent is not None:
            return
        if decision.reason is not Reason.EMPTY:
            await self._add(Kind.UNANSWERED, answer, decision.ranking[0].tag if decision.ranking else None)

    async def add_voted_down(self, answer: GivenAnswer) -> None:
        """Take in a question whose answer somebody did not like; a fallback is there already."""
        if answer.intent is not None:
            await self._add(Kind.VOTED_DOWN, answer, answer.intent)

    async def _add(self, kind: Kind, answer: GivenAnswer, nearest: str | None) -> None:
        if self.mode == "off":
            return
        normalised, text, person = "", "", NOBODY
        if self.mode == "text":
            normalised, text, person = normalise(answer.text), answer.text, (answer.platform, answer.user_id)
        row = (kind.value, normalised[:MAX_TEXT], nearest or "", *person, text[:MAX_TEXT], self._clock())
        try:
            await self._database.execute(_ADD, row)
            await self._database.execute(_DROP_BEYOND, (MAX_ROWS,))
            if person != NOBODY:
                await self._database.execute(_DROP_BEYOND_OF_PERSON, (*person, MAX_ROWS_A_PERSON))
        except DatabaseError as error:
            # a member's answer does not hang on what the admin reads later
            logger.warning("the inbox took in nothing: %s", error)

    async def prune(self) -> None:
        """Drop what is too old.

        Raises
        ------
        DatabaseError
            The database does not answer.
        """
        await self._database.execute("DELETE FROM inbox WHERE last_at < ?", (self._clock() - MAX_AGE_S,))

    async def entries(self) -> Sequence[Entry]:
        """Return all that is there and not too old, one of each text, the most frequent first.

        Raises
        ------
        DatabaseError
            The database does not answer.
        """
        await self.prune()
        rows = await self._database.fetch(
            # of a bare column beside max(), SQLite returns the value in the row that holds the maximum
            """
            SELECT kind, text, nearest, SUM(count), COUNT(DISTINCT platform || ':' || user_id), MAX(last_at), normalised
            FROM inbox GROUP BY kind, normalised, CASE normalised WHEN '' THEN nearest END
            ORDER BY SUM(count) DESC, MAX(last_at) DESC
            """
        )
        return [
            Entry(
                Kind(str(kind)),
                str(text) or None,
                str(nearest) or None,
                int(n_times),
                int(n_people),
                float(last_at),
                _key(str(kind), str(normalised), str(nearest)),
            )
            for kind, text, nearest, n_times, n_people, last_at, normalised in rows
            if n_times is not None and n_people is not None and last_at is not None
        ]

    async def remove(self, keys: Collection[str]) -> int:
        """Drop entries by their keys, and return how many rows that were.

        Raises
        ------
        DatabaseError
            The database does not answer.
        """
        rows = await self._database.fetch(f"SELECT {_KEYS} FROM inbox")  # noqa: S608 - the names of columns
        n_removed = 0
        for row in rows:
            kind, normalised, nearest, *_ = map(str, row)
            if _key(kind, normalised, nearest) in keys:
                n_removed += await self._database.execute(_DROP, row)
        return n_removed

    async def clear(self) -> int:
        """Drop everything, and return how many rows that were.

        Raises
        ------
        DatabaseError
            The database does not answer.
        """
        return await self._database.execute("DELETE FROM inbox")

    async def people(self) -> set[tuple[str, str]]:
        """Return whose texts are kept, by platform and id.

        Raises
        ------
        DatabaseError
            The database does not answer.
        """
        rows = await self._database.fetch("SELECT DISTINCT platform, user_id FROM inbox")
        return {(str(platform), str(user_id)) for platform, user_id in rows} - {NOBODY}

    async def forget_person(self, platform: str, user_id: str) -> None:
        """Drop what a person wrote, everywhere.

        Raises
        ------
        DatabaseError
            The database does not answer.
        """
        await self._database.execute("DELETE FROM inbox WHERE platform = ? AND user_id = ?", (platform, user_id))


def _key(kind: str, normalised: str, nearest: str) -> str:
    """Return what rows of one entry share; without a text, the nearest intent tells entries apart."""
    parts = (kind, normalised, "" if normalised else nearest)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
