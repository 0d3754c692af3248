"""Patterns of two intents that say nearly the same, by the sentence encoder's measure."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from intents.catalog import Intent
from intents.checks import active_together
from model.config import TrainingError
from model.encoder_files import CONFIG_FILE, identity_of
from model.feature_cache import FeatureCache
from model.runtime import import_tensorflow_quietly
from model.text import normalise

NEAR = 0.92
"""The least cosine of a pair that is told."""

ROWS_AT_ONCE = 1024


@dataclass(frozen=True, slots=True)
class Near:
    """The two most alike patterns of two intents.

    Parameters
    ----------
    one, other
        The intents, in the order of the catalog.
    one_pattern, other_pattern
        The places of the patterns in them.
    cosine
        Of the texts' features.
    """

    one: Intent
    other: Intent
    one_pattern: int
    other_pattern: int
    cosine: float


def features_of(texts: Sequence[str], encoder_dir: Path, cache_dir: Path) -> NDArray[np.float32]:
    """Return the features of normalised texts, ``(n_texts, n_features)``; those that training has kept are not run.

    Raises
    ------
    EncoderFilesError, TrainingError
        The encoder cannot be read.
    """

    def computed(missing: Sequence[str]) -> NDArray[np.float32]:
        import_tensorflow_quietly()
        from model.encoder import read_encoder  # noqa: PLC0415 - brings TensorFlow: seconds

        return read_encoder(encoder_dir).features(missing, "reading the patterns", lambda *_: None)

    try:
        width = 2 * int(json.loads((encoder_dir / CONFIG_FILE).read_bytes())["hidden_size"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise TrainingError(f"{encoder_dir / CONFIG_FILE} is not that of an encoder") from error
    return FeatureCache(cache_dir, identity_of(encoder_dir), width).features(texts, computed)


def near_duplicates(intents: Sequence[Intent], encoder_dir: Path, cache_dir: Path) -> Iterator[Near]:
    """Yield, for every two intents of which a text could mean either, their most alike patterns if those are near.

    Patterns that are the same for the classifier are left to the catalog's own checks.

    Parameters
    ----------
    intents
        Of one catalog.
    encoder_dir
        The files of the sentence encoder.
    cache_dir
        Where the features of texts are kept.

    Raises
    ------
    EncoderFilesError, TrainingError
        The encoder cannot be read.
    """
    holders: dict[str, list[tuple[int, int]]] = {}
    for place, intent in enumerate(intents):
        for number, pattern in enumerate(intent.patterns):
            if normalised := normalise(pattern):
                holders.setdefault(normalised, []).append((place, number))
    if not holders:
        return
    best: dict[tuple[int, int], Near] = {}
    for (one, other), cosine in _near_texts(tuple(holders), features_of(tuple(holders), encoder_dir, cache_dir)):
        for held in product(holders[one], holders[other]):
            (first, first_pattern), (second, second_pattern) = sorted(held)
            near = Near(intents[first], intents[second], first_pattern, second_pattern, cosine)
            is_better = (first, second) not in best or cosine > best[first, second].cosine
            if first != second and is_better and active_together(near.one, near.other):
                best[first, second] = near
    yield from (best[places] for places in sorted(best))


def _near_texts(texts: Sequence[str], features: NDArray[np.float32]) -> Iterator[tuple[tuple[str, str], float]]:
    """Yield every two texts that are near, once, and their cosine."""
    for start in range(0, len(texts), ROWS_AT_ONCE):
        cosines = features[start : start + ROWS_AT_ONCE] @ features.T
        for row, column in np.argwhere(cosines >= NEAR):
            if start + row < column:
                yield (texts[start + row], texts[column]), float(cosines[row, column])
