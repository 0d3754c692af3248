"""Reloads, one after the other, while people ask: memory, failures, and how long an answer takes meanwhile."""

import asyncio
import gc
import statistics
import time
from contextlib import suppress

import numpy as np

from bot.stats_text import resident_bytes
from bot.words import say
from scripts.soak.rows import Plan, Row
from scripts.soak.world import Discord, World, silently, world

WARM_UP = 20
N_SAMPLES = 20
PAUSE_S = 0.02
N_BEFORE = 500
MANY = 10**9
MOST_GROWTH = 0.05
MOST_SLOWER = 2.0


class Asking:
    """Somebody who asks again and again, and notes how long each answer took."""

    def __init__(self, one: World) -> None:
        self._world = one
        self._discord = Discord()
        self.latencies_ms: list[float] = []
        self.n_failed = 0

    async def ask(self, n_questions: int) -> None:
        """Ask so often."""
        for number in range(n_questions):
            text = self._world.texts[number % len(self._world.texts)]
            message = self._discord.message(number % 100, text, "Ann")
            assert message is not None
            started = time.perf_counter()
            reply = await self._world.handler.answer(message, silently)
            self.latencies_ms.append(1_000 * (time.perf_counter() - started))
            self.n_failed += reply is None or reply.text == say("apology", None)
            await asyncio.sleep(PAUSE_S)

    @property
    def p99_ms(self) -> float:
        """What all but one in a hundred stayed under."""
        return float(np.percentile(self.latencies_ms, 99))


async def measure(plan: Plan) -> list[Row]:
    """Reload a thousand times."""
    n_reloads = plan.times(1_000, WARM_UP + 2 * N_SAMPLES)
    async with world(plan) as one:
        quiet, meanwhile = Asking(one), Asking(one)
        await quiet.ask(plan.times(N_BEFORE, 50))
        asking = asyncio.create_task(meanwhile.ask(MANY))
        sizes: list[int] = []
        n_refused = 0
        for number in range(n_reloads):
            told = await one.reloader.reload(silently)
            n_refused += not told.startswith("Reloaded")
            if WARM_UP <= number < WARM_UP + N_SAMPLES or number >= n_reloads - N_SAMPLES:
                gc.collect()
                sizes.append(resident_bytes() or 0)
        # an answer under way holds the model that it began with, so that a single size says little
        warm, end = statistics.median(sizes[:N_SAMPLES]), statistics.median(sizes[N_SAMPLES:])
        growth = end / max(1, warm) - 1
        asking.cancel()
        with suppress(asyncio.CancelledError):
            await asking
    slower = meanwhile.p99_ms / quiet.p99_ms
    n_failed = n_refused + meanwhile.n_failed + quiet.n_failed
    times = f"{meanwhile.p99_ms:.1f} ms, {slower:.2f} times {quiet.p99_ms:.1f} ms"
    return [
        Row(
            f"{n_reloads} reloads: memory after the first {WARM_UP}",
            f"{end / 1e6:.0f} MB, {growth:+.1%}",
            "< 5 %",
            growth < MOST_GROWTH,
        ),
        Row(f"{len(meanwhile.latencies_ms)} answers meanwhile: failures", str(n_failed), "0", n_failed == 0),
        Row("p99 of answers during reloads", times, "< 2 times that without", slower < MOST_SLOWER),
    ]
