"""Files that go with an answer are read whole or not at all."""

import os
from pathlib import Path

import pytest

from adapters.attachments import LoadedFile, is_address, load_file
from adapters.base import ReplyAttachment


def attachment(source: object) -> ReplyAttachment:
    return ReplyAttachment(str(source), is_image=False)


async def test_a_file_is_read_with_its_name(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Up to the limit itself."""
    (tmp_path / "Plan für Mai.pdf").write_bytes(b"12345")
    assert await load_file(attachment(tmp_path / "Plan für Mai.pdf"), 5) == LoadedFile("Plan für Mai.pdf", b"12345")
    assert caplog.records == []


@pytest.mark.parametrize("name", ['a"b.pdf', "a\nb.pdf", "a;b.pdf", "a\\b.pdf", "a\udcffb.pdf"])
async def test_a_name_is_made_fit_for_an_upload(tmp_path: Path, name: str) -> None:
    """Signs that have a meaning in a header are replaced."""
    path = tmp_path / name
    path.write_bytes(b"x")
    assert await load_file(attachment(path), 5) == LoadedFile("a_b.pdf", b"x")


async def test_what_cannot_be_sent_is_a_line_that_names_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file that is missing, a folder, a pipe that nobody writes to, a file over the limit, no path at all."""
    (tmp_path / "large").write_bytes(b"123456")
    os.mkfifo(tmp_path / "pipe")
    sources = [tmp_path / "missing", tmp_path, tmp_path / "pipe", tmp_path / "large", "a\0b"]
    assert [await load_file(attachment(source), 5) for source in sources] == [None] * 5
    assert [str(source) in line for source, line in zip(sources, caplog.messages, strict=True)] == [True] * 5
    assert "No such file" in caplog.messages[0]
    assert "larger than" in caplog.messages[3]


@pytest.mark.parametrize(
    ("source", "expected"), [("https://a.org/b.png", True), ("HTTPS://a.org", True), ("/https://a", False), ("", False)]
)
def test_addresses_are_told_from_paths(source: str, expected: bool) -> None:
    """Only the web's secure addresses are addresses."""
    assert is_address(attachment(source)) is expected
