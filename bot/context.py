"""What is remembered of a person in a conversation: active contexts and the last answer, bounded and in memory only."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

Key = tuple[str, str, str]
"""Platform, conversation and user: two people never share a context, one person in two channels has two."""

DEFAULT_LIFESPAN = 5
"""For how many messages after the one that set it a context stays active."""


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
class UserState:
    """All that is remembered of one key; the most recently set context is the last."""

    contexts: tuple[ActiveContext, ...] = ()
    last_response: str | None = None

    def at(self, now: float) -> "UserState":
        """Return the state without the contexts that have expired."""
        return replace(self, contexts=tuple(context for context in self.contexts if context.expires_at > now))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the contexts."""
        return tuple(context.name for context in self.contexts)

    def after_turn(self, activated: Sequence[str], response: str, *, expires_at: float) -> "UserState":
        """Return the state after an answer: every context is a turn older, and the answer's own are new."""
        older = [
            replace(context, turns_left=context.turns_left - 1)
            for context in self.contexts
            if context.turns_left > 1 and context.name not in activated
        ]
        new = [ActiveContext(name, DEFAULT_LIFESPAN, expires_at) for name in dict.fromkeys(activated)]
        return UserState((*older, *new), response)


class ContextStore:
    """States by key, the least recently used leaving first, and the lock that orders a person's messages.

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
        self._states: OrderedDict[Key, UserState] = OrderedDict()
        self._locks: dict[Key, tuple[asyncio.Lock, int]] = {}

    def __len__(self) -> int:
        return len(self._states)

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
        state = self._states.get(key)
        return UserState() if state is None else state.at(self.clock())

    async def put(self, key: Key, state: UserState) -> None:
        """Remember a state as the most recently used; over the capacity the least recently used is forgotten."""
        self._states[key] = state
        self._states.move_to_end(key)
        while len(self._states) > self._capacity:
            self._states.popitem(last=False)

    async def forget(self, key: Key) -> None:
        """Forget a key."""
        self._states.pop(key, None)
