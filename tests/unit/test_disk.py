"""Files that hold their old content or their new one."""

import os
import stat
import sys
from pathlib import Path

import pytest

from intents.disk import write_atomically


def test_file_holds_the_new_content_and_nothing_else_is_left(tmp_path: Path) -> None:
    """Whether it was there or not."""
    file = tmp_path / "current"
    for content in (b"first\n", b"second\n"):
        write_atomically(file, content)
        assert file.read_bytes() == content
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.skipif(sys.platform == "win32", reason="has other permissions")
def test_permissions_are_those_that_are_asked_for(tmp_path: Path) -> None:
    """An admin's catalog that nobody else may read stays so."""
    file = tmp_path / "intents.yaml"
    write_atomically(file, b"new")
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    write_atomically(file, b"new", mode=0o600)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    write_atomically(tmp_path / "copy", b"new", like=file)
    assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o600


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


@pytest.mark.skipif(sys.platform == "win32", reason="opens no directories")
def test_directory_that_cannot_be_flushed_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new content is in place by then; some network shares cannot flush one."""
    flush = os.fsync

    def files_only(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(22, "Invalid argument")
        flush(handle)

    monkeypatch.setattr(os, "fsync", files_only)
    write_atomically(tmp_path / "current", b"new")
    assert (tmp_path / "current").read_bytes() == b"new"
