"""Killed at any moment of training, teaching, rolling back and tidying, Parley starts again and serves."""

import asyncio
import random
import sys
from typing import TYPE_CHECKING

from bot.service import ServiceLoader
from intents.validation import load_catalog
from model.bundle import MANIFEST_FILE
from model.text import normalise
from model.versions import versions
from tests.e2e.process import ROOT, command, running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Trained

N_KILLS = 10
"""The long form of `scripts.soak` has 200."""

LONGEST_LIFE_S = 0.5
"""Of a process that is killed, after it has begun: time for some dozens of changes."""


async def test_a_kill_at_any_moment_leaves_a_bundle_that_serves(trained: "Trained", tmp_path: "Path") -> None:
    """And intents that can be read, whatever was being written; nothing half written bears a name that counts."""
    program = [sys.executable, "-m", "tests.e2e.restless", str(trained.models_dir), str(trained.intents_path)]
    draws = random.Random(7)
    names = set()
    for number in range(N_KILLS):
        async with running([*program, str(number)], {}, ROOT) as process:
            await process.wrote("begun")
            ended = asyncio.create_task(process.code())
            await asyncio.wait([ended], timeout=draws.uniform(0, LONGEST_LIFE_S))
            assert process.is_running, process.stderr
            await process.kill()
            await ended
        classifier = ServiceLoader(trained.models_dir, trained.intents_path).at_start().classifier
        assert classifier.classify("good morning").intent == "greeting"
        load_catalog(trained.intents_path, normalise)
        for version in versions(trained.models_dir):
            names.add(version.name)
            assert all(
                (trained.models_dir / version.name / name).is_file()
                for name in (MANIFEST_FILE, *classifier.bundle.manifest.sha256)
            )
    assert len(names) > 1, "something was trained meanwhile"
    variables = {"MODELS_DIR": str(trained.models_dir), "INTENTS_PATH": str(trained.intents_path)}
    async with running(command("bot", "--console"), variables, tmp_path) as bot:
        assert await bot.code() == 0, bot.stderr
