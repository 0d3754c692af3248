"""Kills at random moments of training, teaching, rolling back and tidying, with a start after each."""

import asyncio
import os
import random
import shutil
import sys
from pathlib import Path

from scripts.soak.rows import Plan, Row

RESTLESS = "tests.e2e.restless"
"""The program that is killed: it changes bundles and intents without end."""

LONGEST_LIFE_S = 0.5
BEGUN = b"begun"
ROOT = Path(__file__).resolve().parents[2]


async def measure(plan: Plan) -> list[Row]:
    """Kill two hundred times."""
    n_kills = plan.times(200, 2)
    models_dir = shutil.copytree(plan.models_dir, plan.directory / "models")
    intents_path = _one_file(plan.intents_path, plan.directory)
    draws = random.Random(7)  # noqa: S311 - moments to kill at
    failures = []
    for number in range(n_kills):
        await _live_and_die(models_dir, intents_path, number, draws.uniform(0, LONGEST_LIFE_S))
        if fault := await _start(models_dir, intents_path, plan.directory):
            failures.append(fault)
    figure = f"{len(failures)}" + (f", as {failures[0][-200:]}" if failures else "")
    return [Row(f"{n_kills} kills: starts that do not serve", figure, "0", not failures)]


async def _live_and_die(models_dir: Path, intents_path: Path, seed: int, life_s: float) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", RESTLESS, str(models_dir), str(intents_path), str(seed)),
        cwd=ROOT,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    while line := await process.stderr.readline():
        if BEGUN in line:
            break
    await asyncio.sleep(life_s)
    if process.returncode is not None:
        raise RuntimeError(f"{RESTLESS} ended by itself: {(await process.stderr.read()).decode()[-500:]}")
    process.kill()
    await process.communicate()


async def _start(models_dir: Path, intents_path: Path, directory: Path) -> str:
    """Start the terminal chat, and return why it does not answer; nothing if it does."""
    variables = {"MODELS_DIR": str(models_dir), "INTENTS_PATH": str(intents_path), "PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "--console"),
        cwd=directory,
        env={**os.environ, **variables},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await process.communicate(b"hello\n")
    return "" if process.returncode == 0 and len(out.splitlines()) == 1 else errors.decode() or "no answer"


def _one_file(intents_path: Path, directory: Path) -> Path:
    """Return a copy of the intents, which are edited meanwhile."""
    if intents_path.is_file():
        return Path(shutil.copy(intents_path, directory))
    return Path(shutil.copytree(intents_path, directory / "intents"))
