"""The kept bundles: which there are, which comes before another, and which are removed."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from model.bundle import set_current
from model.versions import Pruned, Version, before, current_name, go_back, left_by_rollback, prune, versions

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def bundle(models_dir: Path, days_old: float, end: str = "") -> str:
    created_at = NOW - timedelta(days=days_old)
    name = f"{created_at:%Y%m%d-%H%M%S}-0123abcd{end}"
    (models_dir / name).mkdir()
    (models_dir / name / "manifest.json").write_text(json.dumps({"created_at": created_at.isoformat()}))
    return name


def names(models_dir: Path) -> list[str]:
    return [one.name for one in versions(models_dir)]


def test_versions_are_listed_newest_first(tmp_path: Path) -> None:
    """Whatever else lies there, and whatever is no whole bundle, is none."""
    expected = [bundle(tmp_path, 1, "-10"), bundle(tmp_path, 1, "-2"), bundle(tmp_path, 1), bundle(tmp_path, 3)]
    (tmp_path / "features").mkdir()
    (tmp_path / ".writing-x").mkdir()
    (tmp_path / "20260101-000000-0123abcd").mkdir()
    broken = tmp_path / bundle(tmp_path, 5) / "manifest.json"
    broken.write_text("{")
    set_current(tmp_path, expected[0])
    assert names(tmp_path) == expected
    assert current_name(tmp_path) == expected[0]
    assert versions(tmp_path / "nowhere") == ()
    assert current_name(tmp_path / "nowhere") is None


def test_the_version_before_is_the_next_older(tmp_path: Path) -> None:
    """The oldest, and one that is gone, have none."""
    new, old = bundle(tmp_path, 1), bundle(tmp_path, 2)
    found = versions(tmp_path)
    assert before(found, new) == Version(old, NOW - timedelta(days=2))
    assert before(found, old) is None
    assert before(found, "gone") is None


def test_what_is_too_many_or_too_old_is_removed(tmp_path: Path) -> None:
    """Not the current one, not what serves, and of neither the one before; nothing is left behind of the others."""
    found = [bundle(tmp_path, days) for days in (1, 2, 3, 4, 5, 6, 40, 50, 60)]
    set_current(tmp_path, found[4])
    pruned = prune(tmp_path, n_kept=3, in_use=[found[6]], now=NOW)
    assert names(tmp_path) == [found[number] for number in (0, 1, 2, 4, 5, 6, 7)]
    assert sorted(pruned.removed) == sorted([found[3], found[8]])
    assert not list(tmp_path.glob(".*"))
    assert pruned.left == ()
    assert prune(tmp_path, n_kept=9, in_use=(), now=NOW) == Pruned((found[6], found[7]), ())


def test_a_rollback_is_remembered_until_another_is_current(tmp_path: Path) -> None:
    """And what was left stays, so that it can be seen that nothing newer is due."""
    found = [bundle(tmp_path, days) for days in (1, 2, 3, 4)]
    set_current(tmp_path, found[0])
    go_back(tmp_path, found[2])
    assert (current_name(tmp_path), left_by_rollback(tmp_path)) == (found[2], found[0])
    prune(tmp_path, n_kept=1, in_use=(), now=NOW + timedelta(days=60))
    assert names(tmp_path) == [found[0], found[2], found[3]]
    set_current(tmp_path, found[3])
    assert left_by_rollback(tmp_path) is None
    (tmp_path / "rolled-back").write_text("x")
    assert left_by_rollback(tmp_path) is None


def test_checkpoints_of_old_trainings_are_removed(tmp_path: Path) -> None:
    """A day after they were last written to: a training may still be at it."""
    for name, days in (("old", 2.0), ("new", 0.5)):
        directory = tmp_path / f".fine-tuning-{name}"
        directory.mkdir()
        (directory / "epoch-1").touch()
        for path in (directory / "epoch-1", directory):
            os.utime(path, 2 * ((NOW - timedelta(days=days)).timestamp(),))
    prune(tmp_path, n_kept=1, in_use=(), now=NOW)
    assert [path.name for path in tmp_path.iterdir()] == [".fine-tuning-new"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_what_cannot_be_removed_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """And fails nothing."""
    found = [bundle(tmp_path, days) for days in (1, 2, 3)]
    set_current(tmp_path, found[0])
    tmp_path.chmod(0o500)
    try:
        assert prune(tmp_path, n_kept=1, in_use=(), now=NOW) == Pruned((), tuple(found[2:]))
    finally:
        tmp_path.chmod(0o700)
    assert "cannot be removed" in caplog.text
