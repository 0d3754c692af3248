"""The answers of the last hour, in memory: what `why` explains, votes are about, and the inbox is filled from."""

import secrets
import time
from base64 import b32encode
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import chain
from operator import attrgetter
from typing import Any

from adapters.base import IncomingMessage
from bot.turn import Turn
from model.decision import Decision, RankedIntent, Reason

CAPACITY = 5_000
"""Answers kept; the oldest leave first."""

TTL_S = 3_600.0
"""How long an answer is kept."""

ID_LENGTH = 12

MAX_TEXT = 1_000
"""Characters of a question that are kept."""

N_RANKED = 5
"""Of a ranking, how many intents are kept."""


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """An answer, and how it came about.

    Parameters
    ----------
    id
        By which adapters, admins and votes name it.
    platform, conversation_id, user_id
        Where it was given, and to whom.
    question_id
        The message that it answers.
    text
        What was asked; of a pressed choice, its title.
    is_choice
        Whether a choice was pressed.
    intent
        The tag of the intent that was answered or is being filled in; None for a fallback.
    decision
        Of the classifier, its ranking cut short; None where it was not asked.
    lead
        Of the decision with its whole ranking.
    contexts
        The names of those that were active when the question came.
    model
        The name of the bundle that decided.
    threshold, margin
        Those that it decided by.
    given_at
        In seconds of the log's clock.
    """

    id: str
    platform: str
    conversation_id: str
    user_id: str
    question_id: str
    text: str = field(repr=False)
    is_choice: bool
    intent: str | None
    decision: Decision | None
    lead: float
    contexts: tuple[str, ...]
    model: str
    threshold: float
    margin: float
    given_at: float


class AnswerLog:
    """Remembers answers for an hour; nothing of it is written to a disk.

    Parameters
    ----------
    capacity
        Answers kept at the most.
    ttl_s
        How long each is kept, in seconds.
    clock
        Returns seconds that never go back.

    Attributes
    ----------
    n_by_intent
        How often each intent was answered since the start.
    """

    def __init__(
        self, *, capacity: int = CAPACITY, ttl_s: float = TTL_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._capacity = capacity
        self._ttl_s = ttl_s
        self._clock = clock
        self.n_by_intent: Counter[str] = Counter()
        self._answers: OrderedDict[str, _Packed] = OrderedDict()
        self._linked: dict[str, tuple[str, ...]] = {}
        self._ids: dict[tuple[str, str, str], str] = {}

    def __len__(self) -> int:
        return len(self._answers)

    def record(self, message: IncomingMessage, turn: Turn) -> GivenAnswer:
        """Take note of an answer, and return it."""
        self.drop_expired()
        while len(self._answers) >= self._capacity:
            self._drop(next(iter(self._answers)))
        if turn.intent is not None:
            self.n_by_intent[turn.intent] += 1
        decision = turn.decision
        answer = GivenAnswer(
            id=b32encode(secrets.token_bytes(ID_LENGTH)).decode()[:ID_LENGTH],  # asks the system for chance once
            platform=message.platform,
            conversation_id=message.conversation_id,
            user_id=message.user_id,
            question_id=message.message_id,
            text=message.text[:MAX_TEXT],
            is_choice=message.choice_id is not None,
            intent=turn.intent,
            decision=decision and replace(decision, ranking=decision.ranking[:N_RANKED]),
            lead=decision.lead if decision else 0.0,
            contexts=turn.contexts,
            model=turn.model,
            threshold=turn.policy.threshold,
            margin=turn.policy.margin,
            given_at=self._clock(),
        )
        self._answers[answer.id] = _packed(answer)
        self._link(answer.id, (message.platform, message.conversation_id), (message.message_id,))
        return answer

    def sent(self, answer_id: str, message_ids: Sequence[str]) -> None:
        """Take note of the messages as which an answer now stands in its conversation."""
        answer = self.get(answer_id)
        if answer is None:
            return
        place = (answer.platform, answer.conversation_id)
        self._unlink(answer_id, place)
        self._link(answer_id, place, (answer.question_id, *message_ids))

    def get(self, answer_id: str) -> GivenAnswer | None:
        """Return an answer by its id; None if it is not known, or no longer."""
        self.drop_expired()
        packed = self._answers.get(answer_id)
        return None if packed is None else _unpacked(packed)

    def find(self, platform: str, conversation_id: str, message_id: str) -> GivenAnswer | None:
        """Return the answer that stands in a conversation as a message, or that a message got.

        None if it is not known, or no longer.
        """
        answer_id = self._ids.get((platform, conversation_id, message_id))
        return None if answer_id is None else self.get(answer_id)

    def latest(self, platform: str, conversation_id: str) -> GivenAnswer | None:
        """Return the last answer in a conversation, whoever it was for."""
        self.drop_expired()
        place = (platform, conversation_id)
        return next((_unpacked(one) for one in reversed(self._answers.values()) if _place(one) == place), None)

    async def people(self) -> set[tuple[str, str]]:
        """Return to whom answers were given, by platform and id."""
        return {_person(one) for one in self._answers.values()}

    async def forget_person(self, platform: str, user_id: str) -> None:
        """Forget what was answered to a person, everywhere."""
        person = (platform, user_id)
        for answer_id in [answer_id for answer_id, one in self._answers.items() if _person(one) == person]:
            self._drop(answer_id)

    def drop_expired(self) -> None:
        """Keep nothing in memory that is too old."""
        oldest = self._clock() - self._ttl_s
        while self._answers:
            answer_id, packed = next(iter(self._answers.items()))
            if _given_at(packed) > oldest:
                return
            self._drop(answer_id)

    def _drop(self, answer_id: str) -> None:
        self._unlink(answer_id, _place(self._answers.pop(answer_id)))

    def _link(self, answer_id: str, place: tuple[str, str], message_ids: tuple[str, ...]) -> None:
        self._linked[answer_id] = message_ids
        for message_id in message_ids:
            self._ids[(*place, message_id)] = answer_id

    def _unlink(self, answer_id: str, place: tuple[str, str]) -> None:
        for message_id in self._linked.pop(answer_id, ()):
            if self._ids.get((*place, message_id)) == answer_id:  # an edited question has another answer there
                del self._ids[(*place, message_id)]


_Packed = tuple[Any, ...]
"""The values of an answer and of its decision, one after the other.

The garbage collector forgets tuples of texts and numbers, and would look through thousands of objects over and over
else, while all wait.
"""

_FIRST = ("given_at", "platform", "conversation_id", "user_id")
_VALUES = (*_FIRST, *(one.name for one in fields(GivenAnswer) if one.name not in {*_FIRST, "decision"}))
_values_of = attrgetter(*_VALUES)


def _packed(answer: GivenAnswer) -> _Packed:
    values, made = _values_of(answer), answer.decision
    if made is None:
        return values
    return (*values, made.intent, made.reason.value, made.score, *chain.from_iterable(made.ranking))


def _unpacked(packed: _Packed) -> GivenAnswer:
    values, made = packed[: len(_VALUES)], packed[len(_VALUES) :]
    decision = None
    if made:
        intent, reason, score, *ranking = made
        ranked = tuple(map(RankedIntent, ranking[::2], ranking[1::2]))
        decision = Decision(intent, Reason(reason), score, ranked)
    return GivenAnswer(**dict(zip(_VALUES, values, strict=True)), decision=decision)


def _given_at(packed: _Packed) -> float:
    given_at: float = packed[0]
    return given_at


def _place(packed: _Packed) -> tuple[str, str]:
    _, platform, conversation_id, *_ = packed
    return platform, conversation_id


def _person(packed: _Packed) -> tuple[str, str]:
    _, platform, _, user_id, *_ = packed
    return platform, user_id
