"""What was asked in the last hour, minute by minute: figures of the whole, in memory."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bot.metrics import AnswerReason, Summary

MINUTES = 60
SAMPLE_S = 60.0

NOT_UNDERSTOOD = (AnswerReason.BELOW_THRESHOLD, AnswerReason.AMBIGUOUS, AnswerReason.OUT_OF_SCOPE, AnswerReason.EMPTY)
"""The reasons of answers that were fallbacks."""


@dataclass(frozen=True, slots=True)
class Minute:
    """What came in a minute.

    Parameters
    ----------
    messages
        Taken from all platforms.
    not_understood
        Of those that were answered, how many got a fallback.
    """

    messages: int
    not_understood: int


class History:
    """Reads the counts once a minute.

    Parameters
    ----------
    summary
        Returns the figures since the start.
    """

    def __init__(self, summary: Callable[[], Summary]) -> None:
        self._summary = summary
        self._totals: deque[tuple[int, int]] = deque([self._total()], maxlen=MINUTES)

    @property
    def minutes(self) -> Sequence[Minute]:
        """The last hour or less, the minute that is not over yet last."""
        totals = [*self._totals, self._total()]
        return [Minute(to[0] - since[0], to[1] - since[1]) for since, to in pairwise(totals)]

    def sample(self) -> None:
        """End a minute."""
        self._totals.append(self._total())

    async def keep(self) -> None:
        """End a minute once a minute, until cancelled."""
        while True:
            await asyncio.sleep(SAMPLE_S)
            self.sample()

    def _total(self) -> tuple[int, int]:
        summary = self._summary()
        return sum(summary.messages.values()), sum(summary.answers.get(reason.value, 0) for reason in NOT_UNDERSTOOD)
