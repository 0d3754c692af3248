"""`python -m scripts.soak` in its short form: every row measures what it names, and is reached."""

import json
from typing import TYPE_CHECKING

import pytest

from tests.e2e.process import ROOT, command, running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Trained


@pytest.mark.parametrize("row", ["reloads", "kills", "throughput", "day", "texts", "stranger"])
async def test_a_row_is_reached(trained: "Trained", tmp_path: "Path", row: str) -> None:
    """All but what depends on how busy the machine is."""
    out = tmp_path / "out.json"
    places = ["--models", str(trained.models_dir), "--intents", str(trained.intents_path)]
    async with running([*command("scripts.soak"), row, "--quick", *places, "--json", str(out)], {}, ROOT) as process:
        code = await process.code()
        rows = json.loads(out.read_text(encoding="utf-8"))[row]
    assert rows, process.stderr
    missed = [one["name"] for one in rows if one["is_reached"] is False]
    assert code == bool(missed)
    timed = ("p99", "answers over", "memory")
    assert [name for name in missed if not any(word in name for word in timed)] == [], process.stdout


async def test_an_unknown_row_is_named() -> None:
    """With those that there are, as a wrong use."""
    async with running([*command("scripts.soak"), "raeloads"], {}, ROOT) as process:
        assert await process.code() == 2
        assert "raeloads" in process.stderr
        assert "reloads" in process.stderr


async def test_without_a_bundle_it_says_so(tmp_path: "Path") -> None:
    """And measures nothing."""
    async with running([*command("scripts.soak"), "--models", str(tmp_path)], {}, ROOT) as process:
        assert await process.code() == 1
        assert "scripts.train" in process.stderr
