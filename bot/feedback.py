"""Thumbs under answers: one a person and answer, to be changed at will, counted by intent."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from bot.database import Database

SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS votable_answers (
        answer_id TEXT PRIMARY KEY, platform TEXT NOT NULL, intent TEXT NOT NULL, given_at REAL NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS votes (
        answer_id TEXT NOT NULL, platform TEXT NOT NULL, user_id TEXT NOT NULL, intent TEXT NOT NULL,
        is_up INTEGER NOT NULL, voted_at REAL NOT NULL, PRIMARY KEY (answer_id, user_id)
    )
    """,
    "CREATE INDEX IF NOT EXISTS votes_of_a_person ON votes (platform, user_id)",
)

DAY_S = 86_400.0
OPEN_DAYS = 30
"""How long an answer can be voted on."""

KEPT_DAYS = 180
"""How long a vote counts."""

PRUNE_EVERY = 500
"""Answers between two prunings."""


class Vote(Enum):
    """What came of a press on a thumb."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"
    CLOSED = "closed"  # the answer is too old, or was never one to vote on


@dataclass(frozen=True, slots=True)
class Thumbs:
    """The votes of an intent."""

    up: int
    down: int


class Feedback:
    """Keeps votes.

    Parameters
    ----------
    database
        Has the tables of `SCHEMA`.
    clock
        Returns seconds since the epoch.
    prune_every
        Answers between two prunings.
    """

    def __init__(
        self, database: Database, *, clock: Callable[[], float] = time.time, prune_every: int = PRUNE_EVERY
    ) -> None:
        self._database = database
        self._clock = clock
        self._prune_every = prune_every
        self._n_opened = 0

    async def open_vote(self, platform: str, answer_id: str, intent: str) -> None:
        """Take votes on an answer from now on, in later processes too.

        Raises
        ------
        DatabaseError
            It cannot be kept.
        """
        now_s = self._clock()
        await self._database.execute(
            "INSERT OR REPLACE INTO votable_answers VALUES (?, ?, ?, ?)", (answer_id, platform, intent, now_s)
        )
        self._n_opened += 1
        if self._n_opened % self._prune_every == 0:
            await self.prune()

    async def prune(self) -> None:
        """Forget what is too old.

        Raises
        ------
        DatabaseError
            It cannot be done.
        """
        now_s = self._clock()
        await self._database.execute("DELETE FROM votable_answers WHERE given_at < ?", (now_s - OPEN_DAYS * DAY_S,))
        await self._database.execute("DELETE FROM votes WHERE voted_at < ?", (now_s - KEPT_DAYS * DAY_S,))

    async def vote(self, platform: str, answer_id: str, user_id: str, *, is_up: bool) -> Vote:
        """Count a person's vote in place of their earlier one.

        Raises
        ------
        DatabaseError
            It cannot be kept.
        """
        found = await self._database.fetch(
            "SELECT intent FROM votable_answers WHERE answer_id = ? AND platform = ? AND given_at >= ?",
            (answer_id, platform, self._clock() - OPEN_DAYS * DAY_S),
        )
        if not found:
            return Vote.CLOSED
        before = await self._database.fetch(
            "SELECT is_up FROM votes WHERE answer_id = ? AND user_id = ?", (answer_id, user_id)
        )
        await self._database.execute(
            "INSERT OR REPLACE INTO votes VALUES (?, ?, ?, ?, ?, ?)",
            (answer_id, platform, user_id, found[0][0], int(is_up), self._clock()),
        )
        if not before:
            return Vote.NEW
        return Vote.SAME if bool(before[0][0]) == is_up else Vote.CHANGED

    async def counts(self) -> Mapping[str, Thumbs]:
        """Return the votes by intent, those with the most thumbs down first.

        Raises
        ------
        DatabaseError
            They cannot be read.
        """
        rows = await self._database.fetch(
            "SELECT intent, SUM(is_up), SUM(1 - is_up) AS down FROM votes GROUP BY intent ORDER BY down DESC, intent"
        )
        return {str(intent): Thumbs(int(up or 0), int(down or 0)) for intent, up, down in rows}

    async def people(self) -> set[tuple[str, str]]:
        """Return who voted, by platform and id.

        Raises
        ------
        DatabaseError
            They cannot be read.
        """
        rows = await self._database.fetch("SELECT DISTINCT platform, user_id FROM votes")
        return {(str(platform), str(user_id)) for platform, user_id in rows}

    async def forget_person(self, platform: str, user_id: str) -> None:
        """Forget a person's votes.

        Raises
        ------
        DatabaseError
            They cannot be deleted.
        """
        await self._database.execute("DELETE FROM votes WHERE platform = ? AND user_id = ?", (platform, user_id))
