"""How much may be asked at once: by a person, in a conversation, in a server.

The generic cell rate algorithm (GCRA; ITU-T I.371, annex A), which keeps one number for each: the time at which all
that was taken will have been worked off. It goes by when messages were sent, so that what people wrote while a platform
was away does not count as written all at once.
"""

import hashlib
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from adapters.base import IncomingMessage

BURST = 20
"""Answers that a person may have at once."""

CROWD_BURST = 100
CROWD_FACTOR = 10
"""A conversation, and a server: answers at once, and how many times faster than for one person more are given."""

INLINE_FACTOR = 5
"""Questions that are answered while they are typed come several a second."""

CAPACITY = 10_000
"""People, conversations and servers that are counted at once."""

Key = tuple[str, ...]


class Verdict(Enum):
    """What a message gets."""

    ANSWER = "answer"
    NOTICE = "notice"  # that it was too much, once until all is worked off
    SILENCE = "silence"


@dataclass(frozen=True, slots=True)
class Limit:
    """So many at once, then one each interval.

    Parameters
    ----------
    burst
        At once.
    interval_s
        In which one more comes free.
    """

    burst: int
    interval_s: float


class CooldownStore(Protocol):
    """Where it is counted: in this process's memory, or somewhere that several processes share."""

    async def take(self, key: Key, limit: Limit, now_s: float) -> Verdict:
        """Take one if that is not too much, at a time in seconds since the epoch, and say what came of it."""

    async def forget_drained(self, now_s: float) -> None:
        """Forget what is worked off."""


class CooldownMemory:
    """Counts in memory; it knows nobody's id, only what a hash with a key of this process makes of it.

    Parameters
    ----------
    capacity
        Entries kept; the least recently used leaves first.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._secret = secrets.token_bytes(16)
        self._entries: OrderedDict[bytes, tuple[int, bool]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    async def take(self, key: Key, limit: Limit, now_s: float) -> Verdict:
        """Take one; see `CooldownStore.take`."""
        hashed = hashlib.blake2b("\0".join(key).encode(errors="replace"), digest_size=16, key=self._secret).digest()
        now_us, interval_us = _microseconds(now_s), _microseconds(limit.interval_s)
        drained_at_us, is_noticed = self._entries.pop(hashed, (now_us, False))
        if drained_at_us <= now_us:
            drained_at_us, is_noticed = now_us, False
        if drained_at_us - now_us <= interval_us * (limit.burst - 1):
            verdict, entry = Verdict.ANSWER, (drained_at_us + interval_us, is_noticed)
        else:
            verdict, entry = Verdict.SILENCE if is_noticed else Verdict.NOTICE, (drained_at_us, True)
        self._entries[hashed] = entry
        await self.forget_drained(now_s)
        while len(self._entries) > self._capacity:
            self._entries.popitem(last=False)
        return verdict

    async def forget_drained(self, now_s: float) -> None:
        """Forget the least recently used as far as they are worked off."""
        while self._entries and next(iter(self._entries.values()))[0] <= _microseconds(now_s):
            self._entries.popitem(last=False)


def _microseconds(seconds: float) -> int:
    """Return whole microseconds: sums of fractions of a second since 1970 would not come out even."""
    return round(seconds * 1_000_000)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a message gets no answer.

    Parameters
    ----------
    is_crowded
        Whether the conversation or the server asked too much, and not the person alone.
    is_noticed
        Whether that is to be said.
    """

    is_crowded: bool
    is_noticed: bool


class Cooldowns:
    """Decides whether a message is answered.

    Parameters
    ----------
    store
        Counts.
    cooldown_s
        What an answer costs a person, in seconds; 0 for no limit to anybody.
    """

    def __init__(self, store: CooldownStore, cooldown_s: float) -> None:
        self._store = store
        self._cooldown_s = cooldown_s

    async def refuse(self, message: IncomingMessage, server_cooldown_s: float | None = None) -> Refusal | None:
        """Return why a message is not answered; None if it is.

        Parameters
        ----------
        message
            Anything that would get an answer.
        server_cooldown_s
            What its server sets in place of the operator's cooldown.
        """
        cooldown_s = self._cooldown_s if server_cooldown_s is None or not self._cooldown_s else server_cooldown_s
        if not cooldown_s:
            return None
        now_s = message.received_at.timestamp()
        one = Limit(BURST, cooldown_s)
        # what a server sets for itself slows nobody down elsewhere
        place = () if server_cooldown_s is None else (message.server_id,)
        verdict = await self._store.take(("person", message.platform, message.user_id, *place), one, now_s)
        if verdict is not Verdict.ANSWER:
            return Refusal(is_crowded=False, is_noticed=verdict is Verdict.NOTICE)
        if message.is_direct:
            return None
        crowd = Limit(CROWD_BURST, self._cooldown_s / CROWD_FACTOR)
        for key in (
            ("chat", message.platform, message.conversation_id),
            ("server", message.platform, message.server_id),
        ):
            if key[-1]:
                verdict = await self._store.take(key, crowd, now_s)
                if verdict is not Verdict.ANSWER:
                    return Refusal(is_crowded=True, is_noticed=verdict is Verdict.NOTICE)
        return None

    async def refuse_inline(self, message: IncomingMessage) -> bool:
        """Whether a question that is still being typed gets no answer."""
        if not self._cooldown_s:
            return False
        limit = Limit(CROWD_BURST, self._cooldown_s / INLINE_FACTOR)
        key = ("inline", message.platform, message.user_id)
        return await self._store.take(key, limit, message.received_at.timestamp()) is not Verdict.ANSWER
