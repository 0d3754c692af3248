"""What a model is trained on: normalised texts and their labels."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from intents.catalog import IntentCatalog
from model.text import normalise


@dataclass(frozen=True, slots=True)
class Examples:
    """Normalised texts and the number of the label of each, shape ``(n_texts,)``."""

    texts: tuple[str, ...]
    labels: NDArray[np.intp]

    def at(self, rows: NDArray[np.intp]) -> "Examples":
        """Return some of the texts."""
        return Examples(tuple(self.texts[row] for row in rows), self.labels[rows])

    def __add__(self, other: "Examples") -> "Examples":
        return Examples(self.texts + other.texts, np.concatenate([self.labels, other.labels]))


def patterns_of(catalog: IntentCatalog) -> Examples:
    """Return each class's patterns once, in the catalog's order; patterns without a word are left out."""
    texts: list[str] = []
    labels: list[int] = []
    for number, one in enumerate(catalog.classes):
        distinct = dict.fromkeys(normalise(pattern) for pattern in one.patterns)
        kept = [text for text in distinct if text]
        texts += kept
        labels += [number] * len(kept)
    return Examples(tuple(texts), np.asarray(labels, np.intp))


def tag_words(catalog: IntentCatalog) -> Examples:
    """Return the words of each tag as one more example of it; an encoder knows what they mean.

    The tag of a built-in follow-up speaks of its parent, and is left out.
    """
    intents = [one.representative for one in catalog.classes]
    words = [normalise(intent.topic) if intent.builtin is None else "" for intent in intents]
    rows = [number for number, text in enumerate(words) if text]
    return Examples(tuple(words[row] for row in rows), np.asarray(rows, np.intp))


def is_repeated(labels: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return which labels occur more than once, shape ``(n_texts,)``."""
    counts = Counter(labels.tolist())
    return np.array([counts[label] > 1 for label in labels], np.bool_)
