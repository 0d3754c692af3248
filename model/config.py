"""What training depends on beside the catalog and the seed. docs/model.md has the measurements behind the values."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, TypeVar


@dataclass(frozen=True, slots=True)
class HeadConfig:
    """What the classifying head is built and fitted with.

    Parameters
    ----------
    label_smoothing
        Of the loss.
    dropout
        Of hidden units.
    hidden_units, learning_rate, weight_decay
        Of a head that reads n-grams alone; the last two of AdamW.
    feature_units
        The hidden units on the features of a sentence, for a large catalog.
    feature_dropout, encoder_learning_rate, encoder_weight_decay
        Of one that reads the features of a sentence encoder, too.
    encoder_learning_rate_tuned
        The rate beside an encoder fine-tuned on few patterns: its classifier, at which the head begins, is nearly done.
    encoder_learning_rate_large
        The rate for a large catalog.
    scale
        What a cosine of 1 to the mean of a class is worth in the logits at the start.
    ngram_weight
        How much the n-grams count beside the encoder.
    outside_weight
        How many intents the generic messages count as much as, at most, beside the encoder.
    """

    label_smoothing: float = 0.1
    dropout: float = 0.5
    hidden_units: int = 128
    feature_units: int = 512
    learning_rate: float = 5e-3
    weight_decay: float = 1e-2
    feature_dropout: float = 0.1
    encoder_learning_rate: float = 1e-2
    encoder_learning_rate_tuned: float = 5e-3
    encoder_learning_rate_large: float = 3e-2
    encoder_weight_decay: float = 1e-1
    scale: float = 20.0
    ngram_weight: float = 0.4
    outside_weight: float = 30.0


@dataclass(frozen=True, slots=True)
class FineTuningConfig:
    """How the upper half of the sentence encoder is fine-tuned; see `model.finetuning`.

    Parameters
    ----------
    epochs, epochs_large
        The most passes over the patterns, and over those of a large catalog; the time budget may allow fewer.
    min_epochs
        With fewer, the encoder is not fine-tuned.
    batch_size
        Texts in a batch.
    learning_rate, warm_up_share, weight_decay
        Of AdamW: its rate rises over a share of the steps, then falls along a cosine.
    head_speed
        By how much the classifier learns faster than the encoder.
    scale
        What a cosine of 1 is worth in the logits.
    label_smoothing
        Of the cross-entropy.
    contrastive_weight, contrastive_temperature
        Of the contrastive loss.
    token_dropout
        The share of tokens that are overlooked in a batch.
    tuned_share
        How much of the tuned weights is kept; the rest are those before.
    """

    epochs: int = 5
    epochs_large: int = 4
    min_epochs: int = 3
    batch_size: int = 64
    learning_rate: float = 2e-4
    warm_up_share: float = 0.1
    weight_decay: float = 1e-2
    head_speed: float = 10.0
    scale: float = 20.0
    label_smoothing: float = 0.05
    contrastive_weight: float = 1.0
    contrastive_temperature: float = 0.07
    token_dropout: float = 0.15
    tuned_share: float = 0.6


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """Everything that the bundle's fingerprint covers beside tags and patterns.

    Parameters
    ----------
    pipeline
        The version of normalisation, features and decision; a change to what they do to a text raises it.
    encoder
        SHA-256 of the sentence encoder's files; None without one.
    character_sizes
        The least and the greatest n of the character n-grams.
    min_count, min_count_large
        In how many texts an n-gram must stand to be kept.
    encoder_min_count
        The least of it beside a sentence encoder, which leaves less to learn.
    epochs, epochs_large
        Passes of the head over the patterns.
    encoder_epochs, encoder_epochs_large
        The same beside a sentence encoder.
    min_steps
        The least number of batches that those passes come to: a small catalog takes more of them.
    folds, folds_large
        Folds of the cross-validation that calibrates.
    held_out_share
        What is held out to calibrate when the encoder is fine-tuned.
    patterns_per_prototype, max_prototypes
        An intent has one prototype for so many patterns, and at most so many.
    head
        Of the network and its fitting.
    fine_tuning
        Of the encoder's.
    """

    pipeline: int = 4
    encoder: str | None = None
    character_sizes: tuple[int, int] = (1, 4)
    min_count: int = 1
    min_count_large: int = 3
    encoder_min_count: int = 3
    epochs: int = 10
    epochs_large: int = 7
    encoder_epochs: int = 6
    encoder_epochs_large: int = 12
    min_steps: int = 100
    folds: int = 5
    folds_large: int = 3
    held_out_share: float = 0.2
    patterns_per_prototype: int = 6
    max_prototypes: int = 16
    head: HeadConfig = field(default_factory=HeadConfig)
    fine_tuning: FineTuningConfig = field(default_factory=FineTuningConfig)

    def to_json(self) -> dict[str, Any]:
        """Return the configuration as plain JSON values."""
        return asdict(self) | {"character_sizes": list(self.character_sizes)}

    @classmethod
    def from_json(cls, value: object) -> "TrainingConfig":
        """Return the configuration of plain JSON values, the inverse of `to_json`; what they lack is as by default.

        Raises
        ------
        ValueError
            A field is unknown, or its value is none that it can have.
        """
        return _with_values(cls(), value, "the configuration")


_Config = TypeVar("_Config", TrainingConfig, HeadConfig, FineTuningConfig)


def _with_values(default: _Config, value: object, place: str) -> _Config:
    if not isinstance(value, Mapping):
        raise ValueError(f"{place} must be an object")  # noqa: TRY004 - it is a file's fault, not the caller's
    unknown = value.keys() - {one.name for one in fields(default)}
    if unknown:
        raise ValueError(f'{place} has an unknown field "{min(unknown)}"')
    values: dict[str, Any] = {name: _value(getattr(default, name), given, name) for name, given in value.items()}
    return replace(default, **values)


def _value(default: object, given: object, name: str) -> object:
    """Return a value of the type of the default; every number is 0 or more."""
    match default, given:
        case HeadConfig(), _:
            return _with_values(default, given, name)
        case FineTuningConfig(), _:
            return _with_values(default, given, name)
        case tuple(), list() if len(given) == len(default):
            return tuple(_value(one, own, name) for one, own in zip(default, given, strict=True))
        case None, (str() | None):
            return given
        case (_, bool()):
            pass
        case int(), int() if given >= 0:
            return given
        case float(), (int() | float()) if 0 <= given < math.inf:
            return float(given)
    raise ValueError(f"{name} cannot be {given!r}")


FEATURES_DIR = "features"
"""Where in the directory of bundles the features of texts are kept."""

FineTune = Literal["auto", "always", "never"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a training was asked for.

    Parameters
    ----------
    encoder_dir
        Where the sentence encoder's files are; None trains without one.
    is_encoder_chosen
        Whether that was asked for by name.
    fine_tune
        Whether to fine-tune the encoder; ``"auto"`` does when it fits the budget.
    budget_s
        Wall time that ``"auto"`` plans with.
    cache_dir
        Where the features of texts are kept from one training to the next; None keeps none.
    """

    encoder_dir: Path | None = None
    is_encoder_chosen: bool = False
    fine_tune: FineTune = "auto"
    budget_s: float = 600.0
    cache_dir: Path | None = None


class TrainingError(Exception):
    """Training came to no model that can serve; its text says why."""
