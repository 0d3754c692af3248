"""Files that hold their old content or their new one."""

import os
import stat
from pathlib import Path

import pytest

from intents.disk import write_atomically


def test_file_holds_the_new_content_and_nothing_else_is_left(tmp_path: Path) -> None:
    """Whether it was there or not; all may read it."""
    file = tmp_path / "current"
    for content in (b"first\n", b"second\n"):
        write_atomically(file, content)
        assert file.read_bytes() == content
    assert list(tmp_path.iterdir()) == [file]
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


def test_permissions_are_those_of_the_file_that_is_named(tmp_path: Path) -> None:
    """An admin's catalog that nobody else may read stays so."""
    file = tmp_path / "intents.yaml"
    file.write_bytes(b"old")
    file.chmod(0o600)
    write_atomically(file, b"new", like=file)
    assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == (b"new", 0o600)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_full_disk_leaves_the_old_content_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Wherever it shows."""
    file = tmp_path / "current"
    file.write_bytes(b"old")

    def no_space(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, no_space)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(file, b"new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"current": b"old"}
