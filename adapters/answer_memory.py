"""Which messages answered which question, so that an edited question has its answer edited.

It may import this package and the standard library only.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adapters.base import IncomingMessage

CAPACITY = 1_000
TTL_S = 3_600.0
"""What was asked longer ago is not answered anew: nobody looks there."""

_Place = tuple[str, str]
"""A question's conversation and message, by their ids."""


@dataclass(frozen=True, slots=True)
class Answered:
    """How a question stands answered.

    Parameters
    ----------
    asked
        By what the question is told from an edited one; nothing that was said is kept.
    message_ids
        The messages of the answer, in their order.
    at_s
        When, by the memory's clock.
    """

    asked: int
    message_ids: tuple[str, ...]
    at_s: float

    def answers(self, question: IncomingMessage) -> bool:
        """Whether this is what a question still asks, as after an edit that changed nothing of its words."""
        return self.asked == _asked(question)


class AnswerMemory:
    """The answers of the last hour, in memory and bounded: after a restart an edit changes nothing.

    Parameters
    ----------
    capacity
        How many answers are kept; the oldest goes first.
    ttl_s
        How long each is, in seconds.
    clock
        Seconds that only grow.
    """

    def __init__(
        self, *, capacity: int = CAPACITY, ttl_s: float = TTL_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._capacity = capacity
        self._ttl_s = ttl_s
        self._clock = clock
        self._answers: OrderedDict[_Place, Answered] = OrderedDict()

    def remember(self, question: IncomingMessage, message_ids: Sequence[str]) -> None:
        """Take note of the messages that answer a question now; of none, that it has no answer."""
        place = _place(question)
        self._answers.pop(place, None)
        if message_ids:
            self._answers[place] = Answered(_asked(question), tuple(message_ids), self._clock())
        self._forget_old()

    def recall(self, question: IncomingMessage) -> Answered | None:
        """Return how a question, edited or not, stands answered; None if nothing is known of it."""
        self._forget_old()
        return self._answers.get(_place(question))

    def _forget_old(self) -> None:
        too_old_s = self._clock() - self._ttl_s
        while self._answers:
            oldest = next(iter(self._answers.values()))
            if len(self._answers) <= self._capacity and oldest.at_s > too_old_s:
                break
            self._answers.popitem(last=False)


def _place(question: IncomingMessage) -> _Place:
    return (question.conversation_id, question.message_id)


def _asked(question: IncomingMessage) -> int:
    return hash((question.command, question.text))
