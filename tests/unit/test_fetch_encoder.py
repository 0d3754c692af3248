"""Fetching the sentence encoder: which source is asked for what, what is accepted, and what the user is told."""

import hashlib
from collections.abc import Collection
from pathlib import Path

import pytest

from model.encoder_files import verify
from scripts.encoder_sources import Destination, Source, SourceError, folder
from scripts.fetch_encoder import run

CONTENT = {"model.safetensors": b"weights", "tokenizer.json": b"{}", "config.json": b"{ }"}
SHA256 = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENT.items()}


@pytest.fixture
def destination(tmp_path: Path) -> Destination:
    """A place that is not there yet."""
    return Destination(tmp_path / "not yet" / "encoder", SHA256)


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    """A folder that holds all files."""
    return write(tmp_path / "stick", *CONTENT)


def write(directory: Path, *names: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    for name in names:
        (directory / name).write_bytes(CONTENT[name])
    return directory


def names_in(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def asked(answers: list[list[str]]) -> Source:
    """A source that has nothing and notes what it was asked for."""

    def fetch(_: Destination, names: Collection[str]) -> None:
        answers.append(list(names))
        raise SourceError("closed today")

    return Source("the kiosk", fetch)


def test_files_come_from_a_folder(destination: Destination, stick: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Directories are made, nothing else is left, and no further source is asked."""
    questions: list[list[str]] = []
    assert run(destination, [folder(stick), asked(questions)], once=False) == 0
    verify(destination.path, SHA256)
    assert names_in(destination.path) == set(CONTENT)
    assert questions == []
    stdout, stderr = capsys.readouterr()
    assert stdout == f"The sentence encoder is in {destination.path}, every file verified.\n"
    assert stderr == f"Fetching model.safetensors, tokenizer.json, config.json from the folder {stick} ...\n"


def test_files_that_are_there_are_enough(destination: Destination, capsys: pytest.CaptureFixture[str]) -> None:
    """Placed by hand, for instance: nothing is asked; the rest of an old download goes."""
    write(destination.path, *CONTENT)
    destination.part("config.json").write_bytes(b"{")
    questions: list[list[str]] = []
    assert run(destination, [asked(questions)], once=False) == 0
    assert questions == []
    assert names_in(destination.path) == set(CONTENT)
    assert capsys.readouterr() == (f"The sentence encoder is in {destination.path}, every file verified.\n", "")


def test_damaged_file_is_replaced_and_sound_ones_are_kept(
    destination: Destination, stick: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said which one; only that one is written."""
    write(destination.path, *CONTENT)
    (destination.path / "tokenizer.json").write_bytes(b"[]")
    kept = (destination.path / "config.json").stat()
    (stick / "config.json").unlink()
    assert run(destination, [folder(stick)], once=False) == 0
    verify(destination.path, SHA256)
    after = (destination.path / "config.json").stat()
    assert (after.st_ino, after.st_mtime_ns) == (kept.st_ino, kept.st_mtime_ns)
    told = capsys.readouterr().err.splitlines()
    assert told[0] == f"{destination.path / 'tokenizer.json'} is damaged, and will be replaced."
    assert told[1].startswith("Fetching tokenizer.json from ")


def test_each_source_brings_what_it_has(destination: Destination, tmp_path: Path) -> None:
    """What one lacks, the next is asked for, and only that."""
    first = write(tmp_path / "first", "model.safetensors")
    (first / "tokenizer.json").write_bytes(b"wrong")
    second = write(tmp_path / "second", "tokenizer.json", "config.json")
    questions: list[list[str]] = []
    assert run(destination, [folder(first), asked(questions), folder(second)], once=False) == 0
    verify(destination.path, SHA256)
    assert questions == [["tokenizer.json", "config.json"]]


def test_failure_tells_every_reason_and_how_to_do_it_by_hand(
    destination: Destination, stick: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line a source, then the files, the model, its revision and the directory."""
    (stick / "model.safetensors").write_bytes(b"wrong")
    sources = [folder(stick), folder(tmp_path / "none"), asked([])]
    assert run(destination, sources, once=False) == 1
    stdout, stderr = capsys.readouterr()
    assert stdout == ""
    assert f"the folder {stick}: its model.safetensors is damaged (refused on its hash)\n" in stderr
    assert f"the folder {tmp_path / 'none'}: its model.safetensors is missing\n" in stderr
    assert "the kiosk: closed today\n" in stderr
    by_hand = stderr.partition("closed today\n")[2]
    for part in (*CONTENT, "all-MiniLM-L6-v2", "1110a243fdf4706b3f48f1d95db1a4f5529b4d41", str(destination.path)):
        assert part in by_hand
    assert names_in(destination.path) == set()


def test_set_up_goes_on_without_the_files(destination: Destination, capsys: pytest.CaptureFixture[str]) -> None:
    """It succeeds, and says how to get them later."""
    assert run(destination, [asked([])], once=True) == 0
    stdout, stderr = capsys.readouterr()
    assert stdout == ""
    assert "the kiosk: closed today\n" in stderr
    assert stderr.splitlines()[-1] == (
        "Training goes on without the sentence encoder. To get it later: `python -m scripts.fetch_encoder`"
    )


@pytest.mark.parametrize(("once", "code"), [(False, 1), (True, 0)])
def test_directory_that_cannot_be_made_is_one_sentence(
    stick: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], once: bool, code: int
) -> None:
    """No further source could help."""
    destination = Destination(stick / "config.json" / "encoder", SHA256)
    assert run(destination, [folder(stick), folder(tmp_path)], once=once) == code
    told = capsys.readouterr().err.splitlines()
    assert told[0] == f"{destination.path} cannot be written: Not a directory"
    assert len(told) == 1 + once


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_full_disk_is_one_sentence(destination: Destination, stick: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was half written goes, and what was there stays."""
    write(destination.path, "config.json")
    (destination.path / "model.safetensors.new").symlink_to("/dev/full")
    assert run(destination, [folder(stick), asked([])], once=False) == 1
    told = capsys.readouterr().err.splitlines()
    assert told[1:] == [f"{destination.path} cannot be written: No space left on device"]
    assert names_in(destination.path) == {"config.json"}
