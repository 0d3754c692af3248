"""What is remembered of a person in a conversation: contexts, forms, choices on offer; bounded and in memory only."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol

from adapters.base import ReplyChoice
from bot.entities import SlotValue
from intents.catalog import SetContext

Key = tuple[str, str, str]
"""Platform, conversation and user: two people never share a context, one person in two channels has two."""

MAX_CONTEXTS = 16
"""Contexts active at once; the oldest leaves first."""

MAX_FILLED = 8
"""Forms whose values are remembered."""

MAX_FORMS = 3
"""Forms open at once: the one being filled in and those that it interrupted."""


@dataclass(frozen=True, slots=True)
class ActiveContext:
    """A context that intents may require.

    Parameters
    ----------
    name
        As `context_set` and `context_filter` name it.
    turns_left
        Messages that it still lives for.
    expires_at
        When it ends at the latest, in seconds of the store's clock.
    """

    name: str
    turns_left: int
    expires_at: float


@dataclass(frozen=True, slots=True)
class Form:
    """The slots of an intent while they are asked for.

    Parameters
    ----------
    intent
        The tag of the intent.
    slot
        The name of the slot that was asked for last.
    expires_at
        When the form is dropped at the latest, in seconds of the store's clock.
    values
        What is known already, by slot.
    refusals
        Answers in a row that did not fit.
    digressions
        Messages in a row that asked for something else.
    """

    intent: str
    slot: str
    expires_at: float
    values: Mapping[str, SlotValue] = field(default_factory=dict)
    refusals: int = 0
    digressions: int = 0


@dataclass(frozen=True, slots=True)
class FilledForm:
    """The values that an intent was answered with, for what follows it.

    Parameters
    ----------
    intent
        The tag of the intent.
    values
        By slot.
    expires_at
        When they are forgotten, in seconds of the store's clock.
    """

    intent: str
    values: Mapping[str, SlotValue]
    expires_at: float


@dataclass(frozen=True, slots=True)
class UserState:
    """All that is remembered of one key.

    Parameters
    ----------
    contexts
        The active ones, the most recently set last.
    last_response
        The text of the response chosen last, unfilled, so that it is not chosen twice in a row.
    last_answer
        What was said last, filled: for those who ask to hear it again.
    forms
        The open ones; the last is being filled in.
    filled
        The values of the forms that were filled in, the most recent last.
    offered
        The choices under the last answer.
    fallbacks
        Messages in a row that matched nothing.
    handoff_text
        What would be passed on to a person; None when no consent is being asked for.
    """

    contexts: tuple[ActiveContext, ...] = ()
    last_response: str | None = None
    last_answer: str | None = None
    forms: tuple[Form, ...] = ()
    filled: tuple[FilledForm, ...] = ()
    offered: tuple[ReplyChoice, ...] = ()
    fallbacks: int = 0
    handoff_text: str | None = field(default=None, repr=False)

    def at(self, now: float) -> "UserState":
        """Return the state without what has expired."""
        return replace(
            self,
            contexts=tuple(context for context in self.contexts if context.expires_at > now),
            forms=tuple(form for form in self.forms if form.expires_at > now),
            filled=tuple(one for one in self.filled if one.expires_at > now),
        )

    @property
    def expires_at(self) -> float:
        """When the last of what has a time to live ends, in seconds of the store's clock; 0 if there is none."""
        ends = [context.expires_at for context in self.contexts]
        ends += [form.expires_at for form in self.forms]
        return max([*ends, *(one.expires_at for one in self.filled)], default=0.0)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the contexts."""
        return tuple(context.name for context in self.contexts)

    @property
    def form(self) -> Form | None:
        """The form being filled in."""
        return self.forms[-1] if self.forms else None

    def a_turn_older(self) -> "UserState":
        """Return the state with every context a turn older."""
        older = [replace(context, turns_left=context.turns_left - 1) for context in self.contexts]
        return replace(self, contexts=tuple(context for context in older if context.turns_left > 0))

    def with_contexts(self, activated: Sequence[SetContext], *, now: float, ttl_s: float) -> "UserState":
        """Return the state with contexts activated, each in place of an active one of its name."""
        new = {
            one.name: ActiveContext(one.name, one.lifespan, now + (ttl_s if one.ttl_s is None else one.ttl_s))
            for one in activated
        }
        kept = [context for context in self.contexts if context.name not in new]
        return replace(self, contexts=(*kept, *new.values())[-MAX_CONTEXTS:])

    def without_contexts(self, names: Sequence[str]) -> "UserState":
        """Return the state with some contexts ended."""
        return replace(self, contexts=tuple(context for context in self.contexts if context.name not in names))

    def values_of(self, intent: str) -> Mapping[str, SlotValue]:
        """Return the values of an intent's form as it was filled in last."""
        return next((one.values for one in self.filled if one.intent == intent), {})

    def with_values(self, intent: str, values: Mapping[str, SlotValue], expires_at: float) -> "UserState":
        """Return the state with an intent's form filled in."""
        kept = [one for one in self.filled if one.intent != intent]
        return replace(self, filled=(*kept, FilledForm(intent, values, expires_at))[-MAX_FILLED:])

    def with_form(self, form: Form) -> "UserState":
        """Return the state with a form being filled in, in place of an open one of the same intent."""
        kept = [one for one in self.forms if one.intent != form.intent]
        return replace(self, forms=(*kept, form)[-MAX_FORMS:])

    def without_form(self, intent: str) -> "UserState":
        """Return the state without the form of an intent."""
        return replace(self, forms=tuple(form for form in self.forms if form.intent != intent))


class Contexts(Protocol):
    """Where states are kept: in this process's memory, or somewhere that several processes share.

    Attributes
    ----------
    ttl_s
        Seconds that a context lives.
    clock
        Returns seconds that never go back.
    """

    ttl_s: float
    clock: Callable[[], float]

    def __len__(self) -> int:
        """Return how many states this process keeps."""

    async def arrived(self, key: Key, message_id: str) -> None:
        """Take note that a message came, before the next one can: in that order they get the lock."""

    async def settled(self, key: Key, message_id: str) -> None:
        """Take note that a message that arrived is answered, or gets no answer."""

    def locked(self, key: Key) -> AbstractAsyncContextManager[None]:
        """Hold the key's lock, in the order of asking."""

    def drop_expired(self) -> None:
        """Keep nothing in memory that holds no longer."""

    async def get(self, key: Key) -> UserState:
        """Return what is remembered and still holds; an empty state if nothing is."""

    async def put(self, key: Key, state: UserState) -> None:
        """Remember a state."""

    async def forget(self, key: Key) -> None:
        """Forget a key."""

    async def forget_person(self, platform: str, user_id: str) -> None:
        """Forget a person in all conversations, after the answers that are under way."""

    async def move(self, platform: str, old_id: str, new_id: str) -> None:
        """Take everyone's state in a group along to its new id."""


class ContextStore:
    """States by key, in memory, the least recently used leaving first, and the lock that orders a person's messages.

    Parameters
    ----------
    capacity
        States kept.
    ttl_s
        Seconds that a context lives.
    clock
        Returns seconds that never go back.
    """

    def __init__(self, *, capacity: int, ttl_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.ttl_s = ttl_s
        self.clock = clock
        self._capacity = capacity
        self._states: OrderedDict[Key, tuple[UserState, float]] = OrderedDict()
        self._locks: dict[Key, tuple[asyncio.Lock, int]] = {}

    def __len__(self) -> int:
        return len(self._states)

    async def arrived(self, key: Key, message_id: str) -> None:
        """Do nothing: within one process messages ask for the lock in the order in which they came."""

    async def settled(self, key: Key, message_id: str) -> None:
        """Do nothing."""

    @asynccontextmanager
    async def locked(self, key: Key) -> AsyncIterator[None]:
        """Hold the key's lock, in the order of asking; a lock that nobody holds or awaits is not kept."""
        lock, users = self._locks.get(key, (asyncio.Lock(), 0))
        self._locks[key] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks[key]
            if users > 1:
                self._locks[key] = (lock, users - 1)
            else:
                del self._locks[key]

    async def get(self, key: Key) -> UserState:
        """Return what is remembered and still holds; an empty state if nothing is."""
        state, expires_at = self._states.get(key, (UserState(), 0.0))
        now = self.clock()
        return state.at(now) if expires_at > now else UserState()

    async def put(self, key: Key, state: UserState) -> None:
        """Remember a state as the most recently used; over the capacity the least recently used is forgotten."""
        self._states[key] = (state, max(self.clock() + self.ttl_s, state.expires_at))
        self._states.move_to_end(key)
        while len(self._states) > self._capacity:
            self._states.popitem(last=False)

    async def forget(self, key: Key) -> None:
        """Forget a key."""
        self._states.pop(key, None)

    def has(self, key: Key) -> bool:
        """Whether anything is kept of a key."""
        return key in self._states

    def known(self) -> list[Key]:
        """Return the keys of which anything is kept."""
        return list(self._states)

    async def people(self) -> set[tuple[str, str]]:
        """Return of whom anything is kept, by platform and id."""
        return {(platform, user_id) for platform, _, user_id in self._states}

    def drop_expired(self) -> None:
        """Keep nothing in memory that holds no longer."""
        now = self.clock()
        for key in [key for key, (_, expires_at) in self._states.items() if expires_at <= now]:
            del self._states[key]

    async def forget_person(self, platform: str, user_id: str) -> None:
        """Forget a person in all conversations, after the answers that are under way."""
        keys = [key for key in {*self._states, *self._locks} if (key[0], key[2]) == (platform, user_id)]
        for key in keys:
            async with self.locked(key):
                await self.forget(key)

    async def move(self, platform: str, old_id: str, new_id: str) -> None:
        """Take everyone's state in a group, and in its topics, along to its new id."""
        for key in [key for key in self._states if key[0] == platform]:
            moved = (platform, moved_id(key[1], old_id, new_id), key[2])
            if moved != key:
                self._states[moved] = self._states.pop(key)


def moved_id(conversation_id: str, old_id: str, new_id: str) -> str:
    """Return a conversation's id after its group has got another: its topics, ``group:topic``, move with it."""
    group, colon, topic = conversation_id.partition(":")
    return f"{new_id}{colon}{topic}" if group == old_id else conversation_id
