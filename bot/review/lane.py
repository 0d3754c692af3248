"""One after the other, in an order that depends on who waits."""

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

MOST_WAITING = 300
"""At a second each, those wait for five minutes, and no browser waits longer."""


class LaneFullError(Exception):
    """So many wait already that somebody's turn would never come."""


class Lane:
    """A lock that goes to the least rank of those who wait, and among equals to who came first.

    Parameters
    ----------
    most
        How many may wait; beyond them the greatest rank goes, and among equals who came last.
    """

    def __init__(self, most: int = MOST_WAITING) -> None:
        self._most = most
        self._is_taken = False
        self._numbers = itertools.count()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def turn(self, rank: int) -> AsyncIterator[None]:
        """Hold the lane.

        Raises
        ------
        LaneFullError
            There is no room to wait for it, or not any more.
        """
        if self._is_taken:
            turn = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (rank, next(self._numbers), turn))
            self._keep_most()
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled() and turn.exception() is None:
                    self._pass_on()  # it was given the lane at the same moment
                raise
        self._is_taken = True
        try:
            yield
        finally:
            self._pass_on()

    def _keep_most(self) -> None:
        """Turn away whoever is one too many."""
        self._waiting = [one for one in self._waiting if not one[-1].done()]
        heapq.heapify(self._waiting)
        if len(self._waiting) > self._most:
            last = max(self._waiting)
            self._waiting.remove(last)
            heapq.heapify(self._waiting)
            last[-1].set_exception(LaneFullError())

    def _pass_on(self) -> None:
        while self._waiting:
            *_, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._is_taken = False
