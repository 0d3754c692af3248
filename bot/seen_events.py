"""Which events of the platforms were seen already, in this process or an earlier one."""

import logging
from typing import Protocol

from bot.database import Database, DatabaseError

logger = logging.getLogger(__name__)

SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS seen_events (
        number INTEGER PRIMARY KEY AUTOINCREMENT, platform TEXT NOT NULL, event_id TEXT NOT NULL,
        UNIQUE (platform, event_id)
    )
    """,
)

KEPT = 10_000
"""Of each platform; the oldest are forgotten."""

PRUNE_EVERY = 500
"""New events between two prunings."""


class EventMemory(Protocol):
    """Where events are remembered: in this process's database, or somewhere that several processes share."""

    async def is_new(self, platform: str, event_id: str) -> bool:
        """Whether an event was not asked about before; asking makes it old. If in doubt, it is new."""


class SeenEvents:
    """Remembers the ids of the last events.

    Parameters
    ----------
    database
        Has the tables of `SCHEMA`.
    kept, prune_every
        Of each platform at least so many, and so many more at the most.
    """

    def __init__(self, database: Database, *, kept: int = KEPT, prune_every: int = PRUNE_EVERY) -> None:
        self._database = database
        self._kept = kept
        self._prune_every = prune_every
        self._n_new: dict[str, int] = {}

    async def is_new(self, platform: str, event_id: str) -> bool:
        """Whether an event was not asked about before; asking makes it old. If in doubt, it is new."""
        try:
            n_added = await self._database.execute(
                "INSERT OR IGNORE INTO seen_events (platform, event_id) VALUES (?, ?)", (platform, event_id)
            )
            if n_added:
                await self._prune(platform)
        except DatabaseError as error:
            logger.warning("whether an event was seen before cannot be told: %s", error)
            return True
        return bool(n_added)

    async def _prune(self, platform: str) -> None:
        self._n_new[platform] = (self._n_new.get(platform, 0) + 1) % self._prune_every
        if self._n_new[platform] == 0:
            await self._database.execute(
                """
                DELETE FROM seen_events WHERE platform = :platform AND number <= (
                    SELECT number FROM seen_events WHERE platform = :platform ORDER BY number DESC LIMIT 1 OFFSET :kept
                )
                """,
                {"platform": platform, "kept": self._kept},
            )
