"""Voice messages, stickers, pictures: that only text is read is said once, and not each time."""

import time
from collections import OrderedDict
from collections.abc import Callable

from adapters.base import IncomingMessage

PAUSE_S = 86_400.0
"""How long it is not said again to the same person in the same conversation."""

CAPACITY = 10_000


class MediaNotes:
    """Remembers whom it was said to, in memory; the least recent leave first.

    Parameters
    ----------
    capacity
        People in conversations.
    clock
        Returns seconds that never go back.
    """

    def __init__(self, capacity: int = CAPACITY, clock: Callable[[], float] = time.monotonic) -> None:
        self._capacity = capacity
        self._clock = clock
        self._said_at_s: OrderedDict[tuple[str, str, str], float] = OrderedDict()

    async def is_due(self, message: IncomingMessage) -> bool:
        """Whether it is to be said now; saying so takes note of it."""
        self.drop_expired()
        if message.key in self._said_at_s:
            return False
        self._said_at_s[message.key] = self._clock()
        if len(self._said_at_s) > self._capacity:
            self._said_at_s.popitem(last=False)
        return True

    def drop_expired(self) -> None:
        """Keep nobody in memory to whom it would be said again."""
        while self._said_at_s and next(iter(self._said_at_s.values())) <= self._clock() - PAUSE_S:
            self._said_at_s.popitem(last=False)

    async def people(self) -> set[tuple[str, str]]:
        """Return to whom it was said, by platform and id."""
        return {(platform, user_id) for platform, _, user_id in self._said_at_s}

    async def forget_person(self, platform: str, user_id: str) -> None:
        """Forget a person in all conversations."""
        for key in [key for key in self._said_at_s if (key[0], key[2]) == (platform, user_id)]:
            del self._said_at_s[key]
