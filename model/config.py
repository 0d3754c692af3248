"""What training depends on beside the catalog and the seed. docs/model.md has the measurements behind the values."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """What the network is built and fitted with."""

    hidden_units: int = 128
    dropout: float = 0.5
    label_smoothing: float = 0.1
    learning_rate: float = 5e-3
    weight_decay: float = 1e-2


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """Everything that the bundle's fingerprint covers beside tags and patterns.

    Parameters
    ----------
    pipeline
        The version of normalisation, features and decision; a change to what they do to a text raises it.
    character_sizes
        The least and the greatest n of the character n-grams.
    min_count, min_count_large
        In how many patterns an n-gram must stand to be kept.
    epochs, epochs_large
        The most passes over the patterns; early stopping ends sooner.
    min_steps
        The least number of batches that those passes come to: a small catalog takes more of them.
    min_validation
        Early stopping looks at no fewer patterns than this; a smaller catalog takes all passes.
    folds, folds_large
        Folds of the cross-validation that calibrates.
    patience
        Epochs without a better validation accuracy before fitting stops.
    validation_share
        What early stopping looks at.
    network
        Of the network and its fitting.
    """

    pipeline: int = 1
    character_sizes: tuple[int, int] = (1, 4)
    min_count: int = 1
    min_count_large: int = 3
    epochs: int = 12
    epochs_large: int = 8
    min_steps: int = 100
    min_validation: int = 50
    folds: int = 5
    folds_large: int = 3
    patience: int = 4
    validation_share: float = 0.1
    network: NetworkConfig = field(default_factory=NetworkConfig)

    def to_json(self) -> dict[str, Any]:
        """Return the configuration as plain JSON values."""
        return asdict(self) | {"character_sizes": list(self.character_sizes)}


class TrainingError(Exception):
    """Training came to no model that can serve; its text says why."""
