"""How fast a crowd is answered over both platforms' conversions, and what a day of it leaves behind."""

import asyncio
import gc
import itertools
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from bot.stats_text import resident_bytes
from bot.words import say
from scripts.soak.rows import Plan, Row
from scripts.soak.world import Discord, Telegram, World, silently, world

AT_ONCE = 50
LEAST_PER_S = 400
MOST_P99_MS = 50.0
N_PEOPLE = 5_000
N_WARM = 0.3
"""Of all messages, the share after which every bounded store is full."""

MOST_GROWTH = 0.05
OPEN_FILES = Path("/proc/self/fd")


class Crowd:
    """People on both platforms."""

    def __init__(self, one: World, n_people: int) -> None:
        self._world = one
        self._platforms: Iterator[Discord | Telegram] = itertools.cycle([Discord(), Telegram()])
        self._n_people = n_people
        self._numbers = itertools.count()
        self.n_lost = 0
        self.latencies_ms: list[float] = []

    async def ask(self, due: float | None = None) -> None:
        """Let the next one ask, from the platform's payload to what it would be sent; who is due waits from then on."""
        number = next(self._numbers)
        platform = next(self._platforms)
        started = time.perf_counter() if due is None else due
        text = self._world.texts[number % len(self._world.texts)]
        message = platform.message(1 + number % self._n_people, text, "Ann")
        assert message is not None
        reply = await self._world.handler.answer(message, silently)
        if reply is None or reply.text == say("apology", None) or not await platform.payloads(reply):
            self.n_lost += 1
        self.latencies_ms.append(1_000 * (time.perf_counter() - started))

    async def ask_at_once(self, n_messages: int) -> float:
        """Ask as fast as answers come, and return how many a second those were."""
        started = time.perf_counter()
        for first in range(0, n_messages, AT_ONCE):
            await asyncio.gather(*(self.ask() for _ in range(min(AT_ONCE, n_messages - first))))
        return n_messages / (time.perf_counter() - started)

    async def ask_at(self, per_s: float, n_messages: int) -> float:
        """Ask so often a second, whether answers come or not, and return the p99 of their latencies."""
        self.latencies_ms.clear()
        started, tasks = time.perf_counter(), []
        for number in range(n_messages):
            due = started + number / per_s
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            tasks.append(asyncio.create_task(self.ask(due)))
        await asyncio.gather(*tasks)
        return float(np.percentile(self.latencies_ms, 99))


async def throughput(plan: Plan) -> list[Row]:
    """Ask as fast as possible, then at half the load that must be reached."""
    n_messages = plan.times(10_000, 200)
    with _on_one_core():
        async with world(plan) as one:
            crowd = Crowd(one, 1_000)
            await crowd.ask_at_once(min(200, n_messages))
            cpu = time.process_time()
            per_s = await crowd.ask_at_once(n_messages)
            per_cpu_s = n_messages / (time.process_time() - cpu)
            p99_ms = await crowd.ask_at(LEAST_PER_S / 2, n_messages // 2)
    figure = f"{per_s:.0f} a second ({per_cpu_s:.0f} a second of processor)"
    return [
        Row("answers over both conversions, one core", figure, f">= {LEAST_PER_S} a second", per_s >= LEAST_PER_S),
        Row(f"p99 at {LEAST_PER_S // 2} a second", f"{p99_ms:.1f} ms", "< 50 ms", p99_ms < MOST_P99_MS),
        Row("answers lost", str(crowd.n_lost), "0", crowd.n_lost == 0),
    ]


async def day(plan: Plan) -> list[Row]:
    """Have 5,000 people write 100,000 messages."""
    n_messages = plan.times(100_000, 1_000)
    n_tasks, n_files = len(asyncio.all_tasks()), _open_files()
    async with world(plan) as one:
        crowd = Crowd(one, N_PEOPLE)
        await crowd.ask_at_once(round(N_WARM * n_messages))
        crowd.latencies_ms.clear()
        gc.collect()
        warm = resident_bytes() or 0
        await crowd.ask_at_once(round((1 - N_WARM) * n_messages))
        crowd.latencies_ms.clear()
        gc.collect()
        end = resident_bytes() or 0
    tasks, files = len(asyncio.all_tasks()) - n_tasks, _open_files() - n_files
    growth = end / max(1, warm) - 1
    memory = f"{end / 1e6:.0f} MB, {growth:+.1%} since {N_WARM:.0%} of them"
    return [
        Row(f"{n_messages} messages of {N_PEOPLE} people: memory", memory, "bounded", growth < MOST_GROWTH),
        Row("tasks and files left over", f"{tasks} and {files}", "0 and 0", tasks == files == 0),
        Row("answers lost of them", str(crowd.n_lost), "0", crowd.n_lost == 0),
    ]


@contextmanager
def _on_one_core() -> Iterator[None]:
    """Keep this thread, and those that it starts, on one core, where the system can."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def _open_files() -> int:
    return sum(1 for _ in OPEN_FILES.iterdir()) if OPEN_FILES.is_dir() else 0
