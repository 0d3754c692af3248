"""The file of a tuned configuration: what is written is read again, and what is broken is named with its mend."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from model.config import HeadConfig, TrainingConfig
from model.tuned import TUNED_FILE, Tuned, TunedError, config_for, read_tuned, remove_tuned, write_tuned

CONFIG = TrainingConfig(encoder="abc", encoder_epochs=9, head=HeadConfig(label_smoothing=0.05, scale=12.0))
FOUND = Tuned("2025-03-01T12:00:00+00:00", "f00d", 20, 0.8, 0.85, CONFIG)


@pytest.mark.parametrize(
    "config", [TrainingConfig(), CONFIG, TrainingConfig(character_sizes=(2, 5), encoder="", head=HeadConfig(dropout=0))]
)
def test_configuration_from_json_inverts_to_json(config: TrainingConfig) -> None:
    """Through text, too, where a tuple is a list."""
    assert TrainingConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


def test_configuration_takes_what_is_not_said_from_the_defaults() -> None:
    """At every level; a whole number will do for a fraction."""
    read = TrainingConfig.from_json({"epochs": 3, "head": {"scale": 12}})
    assert read == TrainingConfig(epochs=3, head=HeadConfig(scale=12.0))
    assert isinstance(read.head.scale, float)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ([], "the configuration must be an object"),
        ({"colour": 1}, 'the configuration has an unknown field "colour"'),
        ({"head": {"colour": 1}}, 'head has an unknown field "colour"'),
        ({"head": 3}, "head must be an object"),
        ({"epochs": 2.5}, "epochs cannot be 2.5"),
        ({"epochs": True}, "epochs cannot be True"),
        ({"epochs": -1}, "epochs cannot be -1"),
        ({"head": {"scale": "20"}}, "scale cannot be '20'"),
        ({"head": {"scale": float("nan")}}, "scale cannot be nan"),
        ({"head": {"scale": float("inf")}}, "scale cannot be inf"),
        ({"head": {"scale": True}}, "scale cannot be True"),
        ({"encoder": 1}, "encoder cannot be 1"),
        ({"character_sizes": [1]}, r"character_sizes cannot be \[1\]"),
        ({"character_sizes": [1, "4"]}, "character_sizes cannot be '4'"),
        ({"fine_tuning": {"epochs": None}}, "epochs cannot be None"),
    ],
)
def test_configuration_refuses_what_it_cannot_be(value: object, told: str) -> None:
    """By the field's name."""
    with pytest.raises(ValueError, match=told):
        TrainingConfig.from_json(value)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    """In a directory that is made, over what was there, and with nothing left beside it."""
    models_dir = tmp_path / "not yet" / "there"
    assert write_tuned(models_dir, replace(FOUND, n_trials=3)) == models_dir / TUNED_FILE
    write_tuned(models_dir, FOUND)
    assert read_tuned(models_dir) == FOUND
    assert [path.name for path in models_dir.iterdir()] == [TUNED_FILE]


def test_only_what_was_tuned_is_written(tmp_path: Path) -> None:
    """So that a later version's defaults hold for the rest; encoder and pipeline say what it was tuned for."""
    content = json.loads(write_tuned(tmp_path, FOUND).read_text("utf-8"))
    assert content == {
        "format_version": 1,
        "created_at": "2025-03-01T12:00:00+00:00",
        "patterns_fingerprint": "f00d",
        "n_trials": 20,
        "accuracy_before": 0.8,
        "accuracy_after": 0.85,
        "config": {
            "pipeline": TrainingConfig().pipeline,
            "encoder": "abc",
            "encoder_epochs": 9,
            "head": {"label_smoothing": 0.05, "scale": 12.0},
        },
    }


def test_failed_writing_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole, and without the half of another."""
    write_tuned(tmp_path, FOUND)

    def full(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="disk full"):
        write_tuned(tmp_path, replace(FOUND, n_trials=3))
    assert read_tuned(tmp_path) == FOUND
    assert [path.name for path in tmp_path.iterdir()] == [TUNED_FILE]


def test_nothing_tuned_is_nothing_read(tmp_path: Path) -> None:
    """Nor is it an error to remove it."""
    assert read_tuned(tmp_path) is None
    assert read_tuned(tmp_path / "missing") is None
    assert not remove_tuned(tmp_path)
    write_tuned(tmp_path, FOUND)
    assert remove_tuned(tmp_path)
    assert read_tuned(tmp_path) is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"format_version": 2}, "it has not the format 1"),
        ({"format_version": None}, "it has not the format 1"),
        ({"surplus": 1}, "a field, or has one too many"),
        ({"config": {"epochs": "many"}}, "epochs cannot be 'many'"),
        ({"accuracy_after": "high"}, "a field has a value"),
        ({"created_at": None}, "a field has a value"),
    ],
)
def test_broken_file_is_named_with_its_mend(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    """In one sentence."""
    file = write_tuned(tmp_path, FOUND)
    file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | change), "utf-8")
    with pytest.raises(TunedError, match=told) as caught:
        read_tuned(tmp_path)
    assert str(caught.value).startswith(str(file))
    assert str(caught.value).endswith("delete it, or tune anew with `python -m scripts.tune --trials 30 --reset`")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_such_file_is_named(tmp_path: Path, content: bytes) -> None:
    """Whatever bytes it holds."""
    (tmp_path / TUNED_FILE).write_bytes(content)
    with pytest.raises(TunedError, match=r"tuned\.json: it "):
        read_tuned(tmp_path)


def test_tuned_configuration_serves_the_encoder_it_was_tuned_beside() -> None:
    """Another one, none, or texts that are prepared otherwise have the defaults."""
    default = TrainingConfig()
    assert config_for(FOUND, "abc") == CONFIG
    assert config_for(FOUND, "other") == replace(default, encoder="other")
    assert config_for(FOUND, None) == default
    assert config_for(None, "abc") == replace(default, encoder="abc")
    older = replace(FOUND, config=replace(CONFIG, pipeline=default.pipeline - 1))
    assert config_for(older, "abc") == replace(default, encoder="abc")
