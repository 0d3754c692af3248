"""Patterns of two intents that say nearly the same: which pairs are told, and that features are computed once."""

from pathlib import Path

import numpy as np
import pytest

from intents.catalog import Intent, Response
from model.config import TrainingError
from scripts import near_duplicates as module
from scripts.near_duplicates import near_duplicates

FINE = (Response("Fine."),)
FEATURES = {
    "a": [1.0, 0.0, 0.0],
    "near a": [0.95, 0.05**0.5, 0.0],
    "nearer a": [0.99, 0.01**0.5, 0.0],
    "b": [0.0, 1.0, 0.0],
    "c": [0.0, 0.0, 1.0],
}


@pytest.fixture(autouse=True)
def _known_features(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each text its direction; what an encoder makes of texts is seen elsewhere."""
    monkeypatch.setattr(
        module, "features_of", lambda texts, *_: np.array([FEATURES[text] for text in texts], np.float32)
    )


def found(*intents: Intent) -> list[tuple[str, str, str, str]]:
    return [
        (near.one.tag, near.one.patterns[near.one_pattern], near.other.tag, near.other.patterns[near.other_pattern])
        for near in near_duplicates(intents, Path(), Path())
    ]


def test_most_alike_patterns_of_two_intents_are_told_once() -> None:
    """One warning a pair of intents, whatever the order of their patterns."""
    one, other = Intent("one", ("b", "A!"), FINE), Intent("other", ("near a", "nearer a", "c"), FINE)
    assert found(one, other) == [("one", "A!", "other", "nearer a")]
    assert found(other, one) == [("other", "nearer a", "one", "A!")]


def test_intents_that_cannot_be_meant_together_may_be_alike() -> None:
    """Contexts and languages tell them apart."""
    one = Intent("one", ("a",), FINE, language="en")
    assert found(one, Intent("other", ("near a",), FINE, language="de")) == []
    assert found(one, Intent("other", ("near a",), FINE, context_filter=("x",))) == []
    assert len(found(one, Intent("other", ("near a",), FINE))) == 1


def test_alike_patterns_of_one_intent_are_as_they_should_be() -> None:
    """And those that say the very same are the catalog's own findings."""
    assert found(Intent("one", ("a", "near a", "nearer a"), FINE)) == []
    assert found(Intent("one", ("a",), FINE), Intent("other", ("a",), FINE)) == []
    assert found(Intent("one", ("?!",), FINE)) == []


def test_features_are_computed_once(tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second look reads them from where training keeps them, without the encoder."""
    monkeypatch.undo()
    rows = module.features_of(("hello", "good morning"), tiny_encoder, tmp_path)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-2)
    monkeypatch.setattr("model.encoder.read_encoder", lambda _: pytest.fail("read again"))
    assert np.array_equal(module.features_of(("good morning",), tiny_encoder, tmp_path), rows[1:])


def test_directory_without_an_encoder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its configuration holds."""
    monkeypatch.undo()
    (tmp_path / "config.json").write_text("[]", encoding="utf-8")
    with pytest.raises(TrainingError, match=r"config\.json"):
        module.features_of(("hello",), tmp_path, tmp_path)
