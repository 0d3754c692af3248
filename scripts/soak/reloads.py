"""Reloads, one after the other, while people ask: memory, failures, and how long an answer takes meanwhile.

Of two kinds, for they cost differently: after the file of intents was edited, and to another model. People ask at
random, and wait from the moment at which they ask, whether or not the bot has noticed.
"""

import asyncio
import hashlib
import json
import shutil
import statistics
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from bot.stats_text import resident_bytes
from bot.words import say
from intents.documents import catalog_files
from model.bundle import MANIFEST_FILE, current_path, set_current
from model.runtime import LITERT_FILE
from scripts.soak.rows import Plan, Row
from scripts.soak.world import Discord, World, silently, world

WARM_UP = 20
N_SAMPLES = 20
PAUSE_S = 0.025
N_WARM = 500
N_BEFORE = 1_000
MANY = 10**9
MOST_GROWTH = 0.05
MOST_SLOWER = 2.0

Change = Callable[[int], None]


class Asking:
    """People who ask at random moments, and how long each waited for the answer."""

    def __init__(self, one: World) -> None:
        self._world = one
        self._discord = Discord()
        self._random = np.random.default_rng(0)
        self.latencies_ms: list[float] = []
        self.n_failed = 0

    async def ask(self, n_questions: int) -> None:
        """Ask so often."""
        due = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(n_questions):
                due += self._random.exponential(PAUSE_S)
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                group.create_task(self._one(number, due))

    async def _one(self, number: int, due: float) -> None:
        text = self._world.texts[number % len(self._world.texts)]
        message = self._discord.message(number % 100, text, "Ann")
        assert message is not None
        reply = await self._world.handler.answer(message, silently)
        self.latencies_ms.append(1_000 * (time.perf_counter() - due))
        self.n_failed += reply is None or reply.text == say("apology", None)

    @property
    def p99_ms(self) -> float:
        """What all but one in a hundred stayed under."""
        return float(np.percentile(self.latencies_ms, 99))


async def measure(plan: Plan) -> list[Row]:
    """Reload a thousand times."""
    n_reloads = plan.times(500, WARM_UP + 2 * N_SAMPLES)  # of each kind
    own = _own_files(plan)
    async with world(own) as one:
        await Asking(one).ask(plan.times(N_WARM, 50))  # what reads values of slots is loaded meanwhile
        quiet = Asking(one)
        await quiet.ask(plan.times(N_BEFORE, 100))
        rows, n_failed = [], quiet.n_failed
        for name, change in (("to another model", _other_model(own)), ("of edited intents", _edit(own))):
            meanwhile = Asking(one)
            async with _asking(meanwhile):
                sizes, n_refused = await _reload(one, n_reloads, change)
            n_failed += n_refused + meanwhile.n_failed
            slower = meanwhile.p99_ms / quiet.p99_ms
            times = f"{meanwhile.p99_ms:.1f} ms, {slower:.2f} times {quiet.p99_ms:.1f} ms"
            n_answers = len(meanwhile.latencies_ms)
            title = f"p99 of {n_answers} answers during {n_reloads} reloads {name}"
            rows.append(Row(title, times, "< 2 times that without", slower < MOST_SLOWER))
            # an answer under way holds the model that it began with, so that a single size says little
            warm, end = statistics.median(sizes[:N_SAMPLES]), statistics.median(sizes[N_SAMPLES:])
            growth = end / max(1, warm) - 1
            title = f"memory after the first {WARM_UP} of {n_reloads} reloads {name}"
            rows.append(Row(title, f"{end / 1e6:.0f} MB, {growth:+.1%}", "< 5 %", growth < MOST_GROWTH))
    return [*rows, Row("failures of reloads, and of answers meanwhile", str(n_failed), "0", n_failed == 0)]


@asynccontextmanager
async def _asking(people: Asking) -> AsyncIterator[None]:
    """Let people ask meanwhile; who waits for an answer at the end is not counted."""
    task = asyncio.create_task(people.ask(MANY))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _reload(one: World, n_reloads: int, change: Change) -> tuple[list[int], int]:
    """Reload so often, a change before each; return the sizes of the first ones and the last, and how many failed."""
    sizes: list[int] = []
    n_refused = 0
    for number in range(n_reloads):
        await asyncio.to_thread(change, number)
        told = await one.reloader.reload(silently)
        n_refused += not told.startswith("Reloaded")
        if WARM_UP <= number < WARM_UP + N_SAMPLES or number >= n_reloads - N_SAMPLES:
            sizes.append(resident_bytes() or 0)
    return sizes, n_refused


def _own_files(plan: Plan) -> Plan:
    """Copy the current bundle and the intents to where they may be changed."""
    models_dir, bundle = plan.directory / "models", current_path(plan.models_dir)
    shutil.copytree(bundle, models_dir / bundle.name)
    set_current(models_dir, bundle.name)
    copied = shutil.copytree if plan.intents_path.is_dir() else shutil.copy
    intents_path = copied(plan.intents_path, plan.directory / plan.intents_path.name)
    return replace(plan, models_dir=models_dir, intents_path=Path(intents_path))


def _other_model(plan: Plan) -> Change:
    """Return what makes the one and the other of two models current in turn.

    Their networks answer alike and are not the same to whoever compares the files. The lower half of the encoder they
    have in common, as all models of one encoder do.
    """
    first = current_path(plan.models_dir)
    second = plan.models_dir / f"{first.name}-other"
    shutil.copytree(first, second)
    manifest = json.loads((second / MANIFEST_FILE).read_bytes())
    content = (second / LITERT_FILE).read_bytes() + bytes(1)
    (second / LITERT_FILE).write_bytes(content)
    manifest["sha256"][LITERT_FILE] = hashlib.sha256(content).hexdigest()
    (second / MANIFEST_FILE).write_text(json.dumps(manifest), encoding="utf-8")
    names = (second.name, first.name)
    return lambda number: set_current(plan.models_dir, names[number % 2])


def _edit(plan: Plan) -> Change:
    """Return what makes a file of the intents another, though it says the same."""
    file = min(catalog_files(plan.intents_path) or [plan.intents_path])

    def change(_: int) -> None:
        with file.open("a", encoding="utf-8") as end:
            end.write("\n")

    return change
