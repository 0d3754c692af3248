"""The order of one person's messages across processes: a line of tickets in Redis for each key.

A process takes a ticket for a message when it arrives, and gives it back once the message is answered. A ticket whose
process has died, or that has been at the head for too long, is passed over; what its process still writes is refused.
Among the tickets of one process none is before another: a lock of its own orders its messages.
"""

import asyncio
import itertools
import logging

from bot.shared.link import PREFIX, RedisLink, StateAwayError, key

logger = logging.getLogger(__name__)

ALIVE_MS = 5_000
ALIVE_EVERY_S = 1.0
"""How long a process is believed to live after it was last heard of, and how often it makes itself heard."""

HEAD_MS = 60_000
"""How long one message may keep those behind it waiting."""

LINE_TTL_S = 3_600
"""No line outlives its last ticket by more than this, whatever happens."""

FIRST_LOOK_S, LONGEST_LOOK_S = 0.002, 0.05
"""How often who waits looks whether it is their turn."""

_ENTER = """
redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
"""

_LEAVE = """
redis.call('LREM', KEYS[1], 1, ARGV[1])
if string.match(redis.call('GET', KEYS[2]) or '', '^%S+') == ARGV[1] then redis.call('DEL', KEYS[2]) end
return 1
"""

_MAY_GO = """
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local head = redis.call('LINDEX', KEYS[1], 0)
while head do
    local ticket, deadline_ms = string.match(redis.call('GET', KEYS[2]) or '', '^(%S+) (%d+)$')
    if ticket ~= head then
        deadline_ms = now_ms + ARGV[2]
        redis.call('SET', KEYS[2], head .. ' ' .. string.format('%d', deadline_ms), 'PX', ARGV[2] * 2)
    end
    local process = string.match(head, '^%w+')
    if process == string.match(ARGV[1], '^%w+') then return 1 end
    local is_alive = redis.call('EXISTS', ARGV[3] .. process)
    if is_alive == 1 and now_ms <= tonumber(deadline_ms) then return 0 end
    redis.call('LPOP', KEYS[1])
    head = redis.call('LINDEX', KEYS[1], 0)
end
return 1
"""


class Line:
    """Tickets.

    Parameters
    ----------
    link
        To the Redis that all processes share.
    """

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self._numbers = itertools.count()
        self._heartbeat: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Make this process heard of from now on."""
        await self._be_heard()
        self._heartbeat = asyncio.create_task(self._keep_being_heard(), name="heartbeat")

    async def close(self) -> None:
        """Be heard of no more: what this process has not answered keeps nobody waiting."""
        if self._heartbeat is not None:
            self._heartbeat.cancel()
            await asyncio.gather(self._heartbeat, return_exceptions=True)
        try:
            await self._link.do("DEL", key("alive", self._link.process_id))
        except StateAwayError:
            logger.debug("Redis is away at the end")

    async def enter(self, name: tuple[str, ...]) -> str | None:
        """Return a ticket, the last of its line; None while Redis is away."""
        ticket = f"{self._link.process_id}:{next(self._numbers)}"
        try:
            await self._link.run(_ENTER, [line_key(name)], ticket, LINE_TTL_S)
        except StateAwayError:
            return None
        except asyncio.CancelledError:  # it may stand in the line all the same
            await self.leave(name, ticket)
            raise
        return ticket

    async def wait(self, name: tuple[str, ...], ticket: str) -> None:
        """Wait until it is the turn of a ticket's process, or Redis goes away."""
        pause_s = FIRST_LOOK_S
        keys, alive = [line_key(name), key("head", *name)], f"{PREFIX}alive:"
        try:
            while not await self._link.run(_MAY_GO, keys, ticket, HEAD_MS, alive):
                await asyncio.sleep(pause_s)
                pause_s = min(1.5 * pause_s, LONGEST_LOOK_S)
        except StateAwayError:
            return

    async def leave(self, name: tuple[str, ...], ticket: str) -> None:
        """Give a ticket back; nobody else's is touched."""
        try:
            await self._link.run(_LEAVE, [line_key(name), key("head", *name)], ticket)
        except StateAwayError:
            logger.debug("a ticket is left to be passed over")

    async def _keep_being_heard(self) -> None:
        while True:
            await asyncio.sleep(ALIVE_EVERY_S)
            await self._be_heard()

    async def _be_heard(self) -> None:
        try:
            await self._link.do("SET", key("alive", self._link.process_id), 1, "PX", ALIVE_MS)
        except StateAwayError:
            logger.debug("Redis is away: nobody hears of this process")


def line_key(name: tuple[str, ...]) -> str:
    """Return the key of a line."""
    return key("line", *name)
