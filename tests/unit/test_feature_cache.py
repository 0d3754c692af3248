"""The cache of features: what is known is not computed again, and a broken cache only costs time."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from model import feature_cache
from model.feature_cache import FeatureCache

WIDTH = 4
IDENTITY, OTHER = "a" * 64, "b" * 64


class Encoder:
    """Computes features from the characters of a text, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked.append(list(texts))
        return rows_of(texts)


def rows_of(texts: Sequence[str]) -> NDArray[np.float32]:
    """Values that half precision holds exactly."""
    return np.array([[len(text) % 1_000, sum(map(ord, text)) % 97, 0.5, -1.0] for text in texts], np.float32).reshape(
        -1, WIDTH
    )


@pytest.fixture
def encoder() -> Encoder:
    return Encoder()


def test_only_missing_texts_are_computed(tmp_path: Path, encoder: Encoder) -> None:
    """The second training reads its new patterns alone; rows come in the order of the texts."""
    for texts in (["a", "b"], ["b", "c", "a"], ["c", "b"]):
        found = FeatureCache(tmp_path, IDENTITY, WIDTH).features(texts, encoder)
        assert found.dtype == np.float32
        assert found.tolist() == rows_of(texts).tolist()
    assert encoder.asked == [["a", "b"], ["c"]]


def test_no_text_needs_no_encoder(tmp_path: Path, encoder: Encoder) -> None:
    """An empty batch is an empty batch."""
    assert FeatureCache(tmp_path, IDENTITY, WIDTH).features([], encoder).shape == (0, WIDTH)
    assert encoder.asked == []


def test_another_encoder_has_another_file(tmp_path: Path, encoder: Encoder) -> None:
    """What one makes of a text says nothing of the other."""
    for identity in (IDENTITY, OTHER, IDENTITY):
        FeatureCache(tmp_path, identity, WIDTH).features(["a"], encoder)
    assert encoder.asked == [["a"], ["a"]]
    assert len(list(tmp_path.iterdir())) == 2


def test_any_text_has_a_key(tmp_path: Path, encoder: Encoder) -> None:
    """Texts that look alike, and half a character."""
    texts = ["e\u0301", "\u00e9", "", " ", "\ud83d", "x" * 100_000]
    cache = FeatureCache(tmp_path, IDENTITY, WIDTH)
    assert cache.features(texts, encoder).tolist() == rows_of(texts).tolist()
    assert cache.features(texts, encoder).tolist() == rows_of(texts).tolist()
    assert encoder.asked == [texts]


def save(path: Path, **arrays: object) -> None:
    with path.open("wb") as file:
        np.savez(file, **{name: np.asarray(value) for name, value in arrays.items()})


@pytest.mark.parametrize("damage", ["empty", "cut", "text", "no keys", "too few rows", "another width", "pickled"])
def test_damaged_file_is_ignored_and_written_anew(tmp_path: Path, encoder: Encoder, damage: str) -> None:
    """Whatever stands in it, the features are right."""
    cache = FeatureCache(tmp_path, IDENTITY, WIDTH)
    cache.features(["a", "b"], encoder)
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    if damage in {"empty", "cut", "text"}:
        path.write_bytes({"empty": b"", "cut": content[: len(content) // 2], "text": b"no archive"}[damage])
    elif damage == "no keys":
        save(path, rows=rows_of(["a"]))
    elif damage == "too few rows":
        save(path, keys=["a", "b"], rows=rows_of(["a"]))
    elif damage == "another width":
        save(path, keys=["a"], rows=np.zeros((1, WIDTH + 1)))
    else:
        save(path, keys=np.array(["a", None], dtype=object), rows=np.zeros((2, WIDTH)))
    assert cache.features(["a", "b"], encoder).tolist() == rows_of(["a", "b"]).tolist()
    assert cache.features(["a", "b"], encoder).tolist() == rows_of(["a", "b"]).tolist()
    assert encoder.asked == [["a", "b"]] * 2


@pytest.mark.parametrize("place", ["a file", "below a file"])
def test_directory_that_cannot_be_written_only_costs_time(tmp_path: Path, encoder: Encoder, place: str) -> None:
    """Nothing is kept, nothing fails, nothing is left behind."""
    (tmp_path / "taken").write_text("mine", "utf-8")
    directory = tmp_path / "taken" if place == "a file" else tmp_path / "taken" / "deep"
    for _ in range(2):
        found = FeatureCache(directory, IDENTITY, WIDTH).features(["a"], encoder)
        assert found.tolist() == rows_of(["a"]).tolist()
    assert encoder.asked == [["a"], ["a"]]
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_full_disk_only_costs_time(tmp_path: Path, encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that was there stays, and no half of a new one is left."""
    cache = FeatureCache(tmp_path, IDENTITY, WIDTH)
    cache.features(["a"], encoder)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def no_space(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", no_space)
    assert cache.features(["a", "b"], encoder).tolist() == rows_of(["a", "b"]).tolist()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_full_cache_begins_anew(tmp_path: Path, encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Patterns that were edited away are forgotten; those in use stay."""
    monkeypatch.setattr(feature_cache, "MOST_ROWS", 3)
    cache = FeatureCache(tmp_path, IDENTITY, WIDTH)
    for texts in (["a", "b", "c"], ["c", "d"], ["c", "d"], ["a"]):
        assert cache.features(texts, encoder).tolist() == rows_of(texts).tolist()
    assert encoder.asked == [["a", "b", "c"], ["d"], ["a"]]
