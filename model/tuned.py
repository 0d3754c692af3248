"""The configuration that `scripts.tune` found better than the default one, where training finds it.

Only what differs from the defaults is written: what was not tuned follows a later version's.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from intents.disk import write_atomically
from model.config import TrainingConfig, TrainingError

FORMAT_VERSION = 1
TUNED_FILE = "tuned.json"
TUNE_COMMAND = "python -m scripts.tune --trials 30"


class TunedError(TrainingError):
    """The file of a tuned configuration cannot be used; its text is one sentence with the mend."""

    def __init__(self, file: Path, fault: str) -> None:
        super().__init__(f"{file}: {fault}: delete it, or tune anew with `{TUNE_COMMAND} --reset`")


@dataclass(frozen=True, slots=True)
class Tuned:
    """A configuration that was found to be better than the default one.

    Parameters
    ----------
    created_at
        When, ISO 8601, UTC.
    patterns_fingerprint
        Of the tags and patterns that it was tuned for.
    n_trials
        The configurations that were compared.
    accuracy_before, accuracy_after
        Of the default configuration and of this one, on the same held-out patterns, from 0 to 1.
    config
        With the identity of the encoder that it was tuned beside.
    """

    created_at: str
    patterns_fingerprint: str
    n_trials: int
    accuracy_before: float
    accuracy_after: float
    config: TrainingConfig


def config_for(tuned: Tuned | None, encoder: str | None) -> TrainingConfig:
    """Return the tuned configuration if it was tuned beside this encoder under this pipeline, else the default one.

    Parameters
    ----------
    tuned
        What `read_tuned` returned.
    encoder
        The identity of the encoder to train with; None without one.
    """
    default = replace(TrainingConfig(), encoder=encoder)
    if tuned is None or (tuned.config.encoder, tuned.config.pipeline) != (encoder, default.pipeline):
        return default
    return tuned.config


def read_tuned(models_dir: Path) -> Tuned | None:
    """Return what was tuned last, or None if nothing was.

    Raises
    ------
    TunedError
        The file is damaged, or of another version of Parley.
    """
    file = models_dir / TUNED_FILE
    try:
        value = json.loads(file.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise TunedError(file, "it cannot be read as JSON") from error
    if not isinstance(value, dict) or value.get("format_version") != FORMAT_VERSION:
        raise TunedError(file, f"it has not the format {FORMAT_VERSION}, which this version of Parley reads")
    del value["format_version"]
    if value.keys() != {one.name for one in fields(Tuned)}:
        raise TunedError(file, "it lacks a field, or has one too many")
    try:
        tuned = Tuned(**value | {"config": TrainingConfig.from_json(value["config"])})
    except ValueError as error:
        raise TunedError(file, str(error)) from error
    if not _is_sound(tuned):
        raise TunedError(file, "a field has a value that it cannot have")
    return tuned


def write_tuned(models_dir: Path, tuned: Tuned) -> Path:
    """Write the file whole or not at all, and return it.

    Raises
    ------
    OSError
        It cannot be written; what was there is there still.
    """
    default = TrainingConfig()
    changes = _difference(tuned.config.to_json(), default.to_json()) | {
        "pipeline": tuned.config.pipeline,
        "encoder": tuned.config.encoder,
    }
    content = {"format_version": FORMAT_VERSION, **asdict(tuned), "config": changes}
    models_dir.mkdir(parents=True, exist_ok=True)
    path = models_dir / TUNED_FILE
    write_atomically(path, (json.dumps(content, indent=1) + "\n").encode())
    return path


def remove_tuned(models_dir: Path) -> bool:
    """Remove the file, so that the defaults serve again; return whether there was one."""
    file = models_dir / TUNED_FILE
    was_there = file.exists()
    file.unlink(missing_ok=True)
    return was_there


def _is_sound(tuned: Tuned) -> bool:
    accuracies = (tuned.accuracy_before, tuned.accuracy_after)
    return (
        isinstance(tuned.created_at, str)
        and isinstance(tuned.patterns_fingerprint, str)
        and type(tuned.n_trials) is int
        and all(isinstance(accuracy, int | float) and 0 <= accuracy <= 1 for accuracy in accuracies)
    )


def _difference(value: Mapping[str, Any], default: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries that are not as by default, at every level."""
    return {
        name: _difference(own, default[name]) if isinstance(own, dict) else own
        for name, own in value.items()
        if own != default[name]
    }
