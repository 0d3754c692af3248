"""The sentence encoder's files: which they are, and what is said of those that are not as published."""

import hashlib
import re
from pathlib import Path

import pytest

from model.encoder_files import MINILM_SHA256, EncoderDamagedError, EncoderMissingError, sha256_of, verify

CONTENT = {"model.safetensors": b"weights" * 100_000, "tokenizer.json": b"{}", "config.json": b"{ }"}
SHA256 = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENT.items()}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """All files as they should be, and one that is none of them."""
    for name, content in {**CONTENT, "README.md": b"more"}.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_sound_files_pass(directory: Path) -> None:
    """Whatever else lies beside them."""
    verify(directory, SHA256)


@pytest.mark.parametrize("name", CONTENT)
def test_missing_file_is_named(directory: Path, name: str) -> None:
    """In one sentence with the mend."""
    (directory / name).unlink()
    told = f"the sentence encoder's file {directory / name} is missing: fetch it with `python -m scripts.fetch_encoder`"
    with pytest.raises(EncoderMissingError, match=f"^{re.escape(told)}$"):
        verify(directory, SHA256)


@pytest.mark.parametrize("path", ["nowhere", "config.json"])
def test_place_without_files_lacks_the_first(directory: Path, path: str) -> None:
    """No directory at all is like an empty one, and so is a file."""
    with pytest.raises(EncoderMissingError, match=r"model\.safetensors is missing"):
        verify(directory / path, SHA256)


@pytest.mark.parametrize("content", [b"", b"{", b"{  }", b"[ ]"], ids=["empty", "cut", "longer", "other"])
def test_changed_file_is_refused_on_its_hash(directory: Path, content: bytes) -> None:
    """Whatever was changed in it."""
    (directory / "config.json").write_bytes(content)
    told = r"config\.json is damaged \(refused on its hash\): fetch it with `python -m scripts\.fetch_encoder`$"
    with pytest.raises(EncoderDamagedError, match=told):
        verify(directory, SHA256)


def test_unreadable_file_counts_as_damaged(directory: Path) -> None:
    """The system's reason is told."""
    (directory / "config.json").unlink()
    (directory / "config.json").mkdir()
    with pytest.raises(EncoderDamagedError, match=r"config\.json cannot be read \("):
        verify(directory, SHA256)


def test_pinned_files_are_the_default(directory: Path) -> None:
    """Files of the right names and other content are not the encoder."""
    assert MINILM_SHA256.keys() == CONTENT.keys()
    with pytest.raises(EncoderDamagedError, match=r"model\.safetensors"):
        verify(directory)


def test_hash_is_that_of_all_bytes(directory: Path) -> None:
    """However large the file."""
    assert sha256_of(directory / "model.safetensors") == SHA256["model.safetensors"]
