"""The answers of the last hour, in memory: what `why` explains, votes are about, and the inbox is filled from."""

import secrets
import time
from base64 import b32encode
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from adapters.base import IncomingMessage
from bot.turn import Turn
from model.decision import Decision

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
        self._answers: OrderedDict[str, GivenAnswer] = OrderedDict()
        self._linked: dict[str, tuple[str, ...]] = {}
        self._ids: dict[tuple[str, str, str], str] = {}

    def __len__(self) -> int:
        return len(self._answers)

    def record(self, message: IncomingMessage, turn: Turn) -> str:
        """Take note of an answer, and return its id."""
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
        self._answers[answer.id] = answer
        self._link(answer, (message.message_id,))
        return answer.id

    def sent(self, answer_id: str, message_ids: Sequence[str]) -> None:
        """Take note of the messages as which an answer now stands in its conversation."""
        answer = self.get(answer_id)
        if answer is None:
            return
        self._unlink(answer)
        self._link(answer, (answer.question_id, *message_ids))

    def get(self, answer_id: str) -> GivenAnswer | None:
        """Return an answer by its id; None if it is not known, or no longer."""
        self.drop_expired()
        return self._answers.get(answer_id)

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
        return next((one for one in reversed(self._answers.values()) if _place(one) == place), None)

    async def people(self) -> set[tuple[str, str]]:
        """Return to whom answers were given, by platform and id."""
        return {(one.platform, one.user_id) for one in self._answers.values()}

    async def forget_person(self, platform: str, user_id: str) -> None:
        """Forget what was answered to a person, everywhere."""
        person = (platform, user_id)
        for answer in [one for one in self._answers.values() if (one.platform, one.user_id) == person]:
            self._drop(answer.id)

    def drop_expired(self) -> None:
        """Keep nothing in memory that is too old."""
        oldest = self._clock() - self._ttl_s
        while self._answers:
            answer = next(iter(self._answers.values()))
            if answer.given_at > oldest:
                return
            self._drop(answer.id)

    def _drop(self, answer_id: str) -> None:
        self._unlink(self._answers.pop(answer_id))

    def _link(self, answer: GivenAnswer, message_ids: tuple[str, ...]) -> None:
        self._linked[answer.id] = message_ids
        for message_id in message_ids:
            self._ids[answer.platform, answer.conversation_id, message_id] = answer.id

    def _unlink(self, answer: GivenAnswer) -> None:
        for message_id in self._linked.pop(answer.id, ()):
            place = (answer.platform, answer.conversation_id, message_id)
            if self._ids.get(place) == answer.id:  # an edited question has another answer in the same messages
                del self._ids[place]


def _place(answer: GivenAnswer) -> tuple[str, str]:
    return (answer.platform, answer.conversation_id)
