"""The shards of one process: which they are, when each may open its session, and all of them as one.

Each is a client of the library for itself. The library's own client for many shards opens a new session, and so loses
what was said meanwhile, wherever resuming fails once, and tries for ever where the gateway cannot be reached.

It may import discord.py, what that builds on, and this package.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from discord.http import HTTPClient

from adapters.discord_requests import RATE_LIMIT_S

FIRST = 0
"""The shard that gets direct messages; its process registers the commands."""

IDENTIFY_EVERY_S = 5.0
"""Discord takes one new session in that time from each queue of shards."""

INVALID_SESSION_S = (1.0, 5.0)
"""Between these lies the pause that Discord asks for after a session was refused or lost, at random."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a bot is divided, and which shards are this process's.

    Parameters
    ----------
    n_shards
        How many there are, in all processes together.
    shard_ids
        Those of this process.
    n_queues
        How many shards may open a session at the same time.
    """

    n_shards: int
    shard_ids: tuple[int, ...]
    n_queues: int = 1


async def make_plan(token: str, shard_count: int | None, shard_ids: Sequence[int]) -> Plan:
    """Ask Discord how many shards it recommends, and how many may start at a time; one shard needs no question.

    Raises
    ------
    discord.DiscordException, aiohttp.ClientError, OSError
        Whatever the library raises; ConnectionError if Discord takes no more new sessions today.
    """
    if shard_count == 1:
        return Plan(1, (0,))
    http = HTTPClient(asyncio.get_running_loop(), max_ratelimit_timeout=RATE_LIMIT_S)
    try:
        await http.static_login(token.strip())
        recommended, _, limits = await http.get_bot_gateway()
    finally:
        await http.close()
    n_shards = shard_count or recommended
    plan = Plan(n_shards, tuple(shard_ids or range(n_shards)), limits["max_concurrency"])
    if limits["remaining"] < len(plan.shard_ids):  # who goes on all the same has the token taken away
        hours = limits["reset_after"] / 3_600_000
        raise ConnectionError(f"the bot has connected too often, Discord takes no new session for {hours:.1f} hours")
    return plan


class Shards:
    """What the shards of a process share: their turns to open a session, and whether all of them are online.

    Parameters
    ----------
    plan
        Which they are.
    connected
        Set while the gateway delivers messages to every one of them.
    """

    def __init__(self, plan: Plan, connected: asyncio.Event) -> None:
        self.plan = plan
        self.registering = asyncio.Lock()
        self._connected = connected
        self._offline = set(plan.shard_ids)
        self._queues: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._free_at: defaultdict[int, float] = defaultdict(float)

    @property
    def has_first(self) -> bool:
        """Whether this process has the shard that gets direct messages, and that speaks for the bot as a whole."""
        return FIRST in self.plan.shard_ids

    def set_online(self, shard_id: int, *, is_online: bool) -> None:
        """Take note of a shard whose session stands, or stands no longer."""
        if is_online:
            self._offline.discard(shard_id)
        else:
            self._offline.add(shard_id)
        if self._offline:
            self._connected.clear()
        else:
            self._connected.set()

    def _start_delay_s(self, shard_id: int) -> float:
        """Return when a shard is to connect: sooner it would wait for its turn with an open connection."""
        queue = [one for one in self.plan.shard_ids if self._queue_of(one) == self._queue_of(shard_id)]
        return queue.index(shard_id) * IDENTIFY_EVERY_S

    async def turn(self, shard_id: int, *, is_first: bool) -> None:
        """Wait until a shard may open a session.

        After the first one was refused or lost that takes a moment longer: another process may have had its turn.
        """
        if not is_first:
            await asyncio.sleep(random.uniform(*INVALID_SESSION_S))  # noqa: S311 - no secret hangs on it
        queue = self._queue_of(shard_id)
        async with self._queues[queue]:
            loop = asyncio.get_running_loop()
            await asyncio.sleep(self._free_at[queue] - loop.time())
            self._free_at[queue] = loop.time() + IDENTIFY_EVERY_S

    async def until_one_ends(self, serving: Sequence[Callable[[], Awaitable[None]]]) -> None:
        """Let each shard serve, one after the other as they may connect; what one raises ends all of them."""
        tasks = [
            asyncio.create_task(self._serve(shard_id, serve), name=f"shard {shard_id} of {self.plan.n_shards}")
            for shard_id, serve in zip(self.plan.shard_ids, serving, strict=True)
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception):
                raise end

    async def _serve(self, shard_id: int, serve: Callable[[], Awaitable[None]]) -> None:
        await asyncio.sleep(self._start_delay_s(shard_id))
        await serve()

    def _queue_of(self, shard_id: int) -> int:
        return shard_id % self.plan.n_queues
