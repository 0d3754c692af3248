"""What must happen once in all processes together: an event's answer, a note, a greeting; and how much may be asked."""

import hashlib
import logging
import math
from contextlib import suppress

from adapters.base import IncomingMessage
from bot.cooldown import CooldownMemory, CooldownStore, Limit, Verdict
from bot.greeting import Greeted
from bot.media import PAUSE_S, MediaNotes
from bot.seen_events import EventMemory
from bot.shared.link import RedisLink, StateAwayError, key, pattern

logger = logging.getLogger(__name__)

SEEN_TTL_S = 2 * 86_400
"""Telegram keeps an update that nobody takes for a day."""

GREETED_TTL_S = 400 * 86_400

_TAKE = """
local now_us, interval_us, burst = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local drained_us, is_noticed = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) (%d)$')
drained_us = tonumber(drained_us or 0)
if drained_us <= now_us then
    drained_us, is_noticed = now_us, '0'
end
local verdict
if drained_us - now_us <= interval_us * (burst - 1) then
    verdict = 'answer'
    drained_us = drained_us + interval_us
else
    verdict = is_noticed == '1' and 'silence' or 'notice'
    is_noticed = '1'
end
local ttl_ms = math.ceil((drained_us - now_us) / 1000) + 1
redis.call('SET', KEYS[1], string.format('%.0f', drained_us) .. ' ' .. is_noticed, 'PX', ttl_ms)
return verdict
"""


class SharedSeenEvents:
    """Events that any process has seen.

    Parameters
    ----------
    link
        To the Redis that all processes share.
    local
        What this process has seen: it counts as well, and alone while Redis is away.
    """

    def __init__(self, link: RedisLink, local: EventMemory) -> None:
        self._link = link
        self._local = local

    async def is_new(self, platform: str, event_id: str) -> bool:
        """Whether no process was asked about an event before; asking makes it old. If in doubt, it is new."""
        if not await self._local.is_new(platform, event_id):
            return False
        try:
            name = key("seen", platform, event_id)
            return await self._link.do("SET", name, 1, "NX", "EX", SEEN_TTL_S) is not None
        except StateAwayError:
            return True


class SharedCooldowns:
    """Counts in Redis, under a hash of who asks; in memory while Redis is away.

    Parameters
    ----------
    link
        To the Redis that all processes share.
    local
        Counts while it is away.
    """

    def __init__(self, link: RedisLink, local: CooldownStore | None = None) -> None:
        self._link = link
        self._local = local or CooldownMemory()

    async def take(self, key_: tuple[str, ...], limit: Limit, now_s: float) -> Verdict:
        """Take one; see `CooldownStore.take`."""
        hashed = hashed_name(self._link, *key_)
        now_us, interval_us = round(now_s * 1_000_000), math.ceil(limit.interval_s * 1_000_000)
        try:
            return Verdict(
                await self._link.run(_TAKE, [key("cooldown", hashed)], f"{now_us:d}", interval_us, limit.burst)
            )
        except StateAwayError:
            return await self._local.take(key_, limit, now_s)

    async def forget_drained(self, now_s: float) -> None:
        """Forget what is worked off in memory; Redis does so by itself."""
        await self._local.forget_drained(now_s)


class SharedMediaNotes(MediaNotes):
    """To whom any process has said that only text is read.

    Those to whom this one has said it count also while Redis is away, which hears of them when it is back.

    Parameters
    ----------
    link
        To the Redis that all processes share.
    """

    def __init__(self, link: RedisLink) -> None:
        super().__init__()
        self._link = link
        link.on_return(self._hand_over)

    async def is_due(self, message: IncomingMessage) -> bool:
        """Whether it is to be said now; saying so takes note of it."""
        if not await super().is_due(message):
            return False
        try:
            is_first = await self._tell(message.key, PAUSE_S)
        except StateAwayError:
            return True
        if not is_first:
            self._said_at_s.pop(message.key, None)  # it was not said now, so the day is not this one
        return is_first

    async def _hand_over(self) -> None:
        """Have Redis take note of whom this process has told while it was away."""
        for one, said_at_s in list(self._said_at_s.items()):
            left_s = said_at_s + PAUSE_S - self._clock()
            if left_s > 0 and one in self._said_at_s:  # not forgotten meanwhile
                await self._tell(one, left_s)

    async def _tell(self, one: tuple[str, str, str], left_s: float) -> bool:
        """Have Redis take note of somebody, and say whether it had none."""
        return await self._link.do("SET", key("media", *one), 1, "NX", "PX", math.ceil(1_000 * left_s)) is not None

    async def forget_person(self, platform: str, user_id: str) -> None:
        """Forget a person in all conversations.

        Raises
        ------
        StateAwayError
            They are forgotten here only.
        """
        await super().forget_person(platform, user_id)
        for name in await self._link.find(pattern("media", platform, None, user_id)):
            await self._link.do("DEL", name)


class SharedGreeted:
    """Servers that any process has greeted.

    Parameters
    ----------
    link
        To the Redis that all processes share.
    local
        Those that this process has greeted, also while Redis is away.
    """

    def __init__(self, link: RedisLink, local: Greeted) -> None:
        self._link = link
        self._local = local

    async def add(self, platform: str, server_id: str) -> bool:
        """Take note of a server; see `Greeted.add`."""
        is_new_here = await self._local.add(platform, server_id)
        try:
            name = key("greeted", platform, server_id)
            return await self._link.do("SET", name, 1, "NX", "EX", GREETED_TTL_S) is not None
        except StateAwayError:
            return is_new_here

    async def remove(self, platform: str, server_id: str) -> None:
        """Forget a server; see `Greeted.remove`."""
        await self._local.remove(platform, server_id)
        await self._link.do("DEL", key("greeted", platform, server_id))

    async def move(self, platform: str, old_id: str, new_id: str) -> None:
        """Take note that a group has another id; see `Greeted.move`."""
        await self._local.move(platform, old_id, new_id)
        with suppress(StateAwayError):
            if await self._link.do("DEL", key("greeted", platform, old_id)):
                await self._link.do("SET", key("greeted", platform, new_id), 1, "EX", GREETED_TTL_S)


def hashed_name(link: RedisLink, *parts: str) -> str:
    """Return what stands for a person or place where their id is not to be read."""
    text = "\0".join(parts).encode(errors="surrogatepass")
    return hashlib.blake2b(text, digest_size=16, key=link.person_secret).hexdigest()
