"""What the bot could not answer, or was voted down, kept for the admin: off, as mere counts, or with the texts.

Nothing is ever learnt from it: an admin reads it, and types patterns of their own.
"""

import hashlib
import logging
import time
from collections import OrderedDict
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

MAX_VOTED = 5_000
"""Answers of which it is known who voted them down; as many as are explained to admins."""

NOBODY = ("", "")
"""Platform and user of what is only counted."""

Row = tuple[str, str, str, str, str]
"""What names a row: kind, normalised text, nearest intent, platform and user."""

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
_ROW = "WHERE kind = ? AND normalised = ? AND nearest = ? AND platform = ? AND user_id = ?"
_DROP = f"DELETE FROM inbox {_ROW}"  # noqa: S608 - the names of columns
_TAKE_BACK = f"UPDATE inbox SET count = count - 1 {_ROW}"  # noqa: S608 - likewise
_DROP_UNCOUNTED = f"DELETE FROM inbox {_ROW} AND count < 1"  # noqa: S608 - likewise
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


@dataclass(frozen=True, slots=True)
class _VotedDown:
    """An answer that somebody did not like: its question's row, since when, and whose votes are counted there."""

    row: Row
    since: float
    voters: set[tuple[str, str]] = field(default_factory=set)


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
        self._voted_down: OrderedDict[str, _VotedDown] = OrderedDict()

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

    async def add_voted_down(self, answer: GivenAnswer, voter_id: str) -> None:
        """Take in a question whose answer somebody did not like, once for each; a fallback is there already."""
        if answer.intent is None or self.mode == "off":
            return
        known = self._voted_down.setdefault(
            answer.id, _VotedDown(self._row(Kind.VOTED_DOWN, answer, answer.intent), self._clock())
        )
        while len(self._voted_down) > MAX_VOTED:
            self._voted_down.popitem(last=False)
        if (answer.platform, voter_id) not in known.voters:
            known.voters.add((answer.platform, voter_id))
            await self._add(Kind.VOTED_DOWN, answer, answer.intent)

    async def take_back_vote(self, platform: str, answer_id: str, voter_id: str) -> None:
        """Count somebody no longer among those who did not like an answer."""
        known = self._voted_down.get(answer_id)
        if known is None or (platform, voter_id) not in known.voters:
            return
        known.voters.remove((platform, voter_id))
        try:
            await self._database.execute(_TAKE_BACK, known.row)
            await self._database.execute(_DROP_UNCOUNTED, known.row)  # others may have voted in between
        except DatabaseError as error:
            # the vote itself is counted, and its thanks do not hang on what the admin reads later
            logger.warning("a vote stays in the inbox that was taken back: %s", error)

    def _row(self, kind: Kind, answer: GivenAnswer, nearest: str | None) -> Row:
        """Return the row of a question, without text and person unless they may be kept."""
        if self.mode != "text":
            return (kind.value, "", nearest or "", *NOBODY)
        return (kind.value, normalise(answer.text)[:MAX_TEXT], nearest or "", answer.platform, answer.user_id)

    async def _add(self, kind: Kind, answer: GivenAnswer, nearest: str | None) -> None:
        if self.mode == "off":
            return
        row = self._row(kind, answer, nearest)
        text = answer.text[:MAX_TEXT] if self.mode == "text" else ""
        try:
            await self._database.execute(_ADD, (*row, text, self._clock()))
            await self._database.execute(_DROP_BEYOND, (MAX_ROWS,))
            if row[-2:] != NOBODY:
                await self._database.execute(_DROP_BEYOND_OF_PERSON, (*row[-2:], MAX_ROWS_A_PERSON))
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
        oldest = self._clock() - MAX_AGE_S
        self._drop_votes(lambda one: one.since < oldest)
        await self._database.execute("DELETE FROM inbox WHERE last_at < ?", (oldest,))

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
        self._drop_votes(lambda one: _key(*one.row[:3]) in keys)
        return n_removed

    async def clear(self) -> int:
        """Drop everything, and return how many rows that were.

        Raises
        ------
        DatabaseError
            The database does not answer.
        """
        self._voted_down.clear()
        return await self._database.execute("DELETE FROM inbox")

    def _drop_votes(self, is_gone: "Callable[[_VotedDown], bool]") -> None:
        """Know no longer who voted for rows that are gone: their votes are not to be taken off those that come."""
        for answer_id in [answer_id for answer_id, one in self._voted_down.items() if is_gone(one)]:
            del self._voted_down[answer_id]

    async def people(self) -> set[tuple[str, str]]:
        """Return whose texts are kept, and of whom it is known what they voted down, by platform and id.

        Raises
        ------
        DatabaseError
            The database does not answer.
        """
        rows = await self._database.fetch("SELECT DISTINCT platform, user_id FROM inbox")
        voters = {voter for known in self._voted_down.values() for voter in known.voters}
        return {(str(platform), str(user_id)) for platform, user_id in rows} - {NOBODY} | voters

    async def forget_person(self, platform: str, user_id: str) -> None:
        """Drop what a person wrote, everywhere, and that it was they who voted something down.

        Raises
        ------
        DatabaseError
            The database does not answer.
        """
        self._drop_votes(lambda one: one.row[-2:] == (platform, user_id))
        for known in self._voted_down.values():
            known.voters.discard((platform, user_id))
        await self._database.execute("DELETE FROM inbox WHERE platform = ? AND user_id = ?", (platform, user_id))


def _key(kind: str, normalised: str, nearest: str) -> str:
    """Return what rows of one entry share; without a text, the nearest intent tells entries apart."""
    parts = (kind, normalised, "" if normalised else nearest)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
