"""Which patterns are near a message in wording, and which patterns stand in the catalog twice."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from intents.catalog import Intent, IntentCatalog
from model.text import normalise

LEAST_SIMILARITY = 0.2
"""Below this cosine, two texts share hardly more than common words."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A pattern of an intent, and its similarity to a message, from 0 to 1."""

    tag: str
    pattern: str
    similarity: float


class Wording:
    """Finds patterns by their wording: the cosine of TF-IDF weighted character n-grams within words.

    Parameters
    ----------
    catalog
        Supplies the patterns.
    """

    def __init__(self, catalog: IntentCatalog) -> None:
        pairs = [(intent.tag, pattern) for intent in catalog.trainable for pattern in intent.patterns]
        self._patterns = [pattern for _, pattern in pairs]
        self._rows: dict[str, list[int]] = defaultdict(list)
        for row, (tag, pattern) in enumerate(pairs):
            if normalise(pattern):
                self._rows[tag].append(row)
        self._vectorizer = TfidfVectorizer(preprocessor=normalise, analyzer="char_wb", ngram_range=(2, 4))
        if self._rows:
            self._weights = self._vectorizer.fit_transform(self._patterns)

    def nearest(self, text: str, tag: str, most: int) -> tuple[Neighbour, ...]:
        """Return at most `most` different patterns of an intent that are near a text, the nearest first."""
        rows = self._rows.get(tag)
        if not rows:
            return ()
        similarities = (self._weights[rows] @ self._vectorizer.transform([text]).T).toarray().ravel()
        near = [int(index) for index in np.argsort(-similarities, kind="stable")]
        found = {
            self._patterns[rows[index]]: float(similarities[index])
            for index in reversed(near)
            if similarities[index] >= LEAST_SIMILARITY
        }
        neighbours = [Neighbour(tag, pattern, similarity) for pattern, similarity in found.items()]
        return tuple(reversed(neighbours))[:most]


def repeated_patterns(catalog: IntentCatalog) -> list[tuple[str, tuple[str, ...]]]:
    """Return each pattern that several intents have that can be meant at the same time, and their tags."""
    holders: dict[str, list[Intent]] = defaultdict(list)
    for intent in catalog.trainable:
        for text in {normalise(pattern) for pattern in intent.patterns} - {""}:
            holders[text].append(intent)
    return sorted(
        (text, tuple(intent.tag for intent in intents)) for text, intents in holders.items() if _meet(intents)
    )


def _meet(intents: Sequence[Intent]) -> bool:
    """Whether two of the intents need the same contexts, so that nothing tells them apart."""
    return len(intents) > len({frozenset(intent.context_filter) for intent in intents})
