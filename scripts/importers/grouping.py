"""Groups texts by similarity: of sentence vectors where there is an encoder, else of n-grams."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import AgglomerativeClustering
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_union
from sklearn.preprocessing import normalize

from model.text import normalise, tokenise
from scripts.importers.csv_pairs import STOP_WORDS

NGRAM_DISTANCE = 0.72
ENCODER_DISTANCE = 0.4
"""Cosine distances, on average between two groups, up to which they are joined."""

MAX_CLUSTERED = 3_000
"""Texts that are compared each with each; the others join the nearest group, if it is near enough."""

N_WORDS = 3
N_FEATURES = 2**18

Vectorise = Callable[[Sequence[str]], NDArray[np.float32]]
"""Makes vectors of length 1 of texts, shape ``(n_texts, n_features)``."""


class Group(NamedTuple):
    """Texts that are alike.

    Parameters
    ----------
    rows
        Where they stand.
    words
        What they say that others do not, the most telling first.
    """

    rows: tuple[int, ...]
    words: tuple[str, ...]


def group(texts: Sequence[str], vectorise: Vectorise | None = None) -> list[Group]:
    """Return groups of texts, the largest first; every text is in one."""
    normalised = [normalise(text) or text for text in texts]
    counts = Counter(normalised)
    distinct = [text for text, _ in counts.most_common()]
    labels = dict(zip(distinct, _labels(distinct, vectorise), strict=True))
    rows: dict[int, list[int]] = {}
    for row, text in enumerate(normalised):
        rows.setdefault(labels[text], []).append(row)
    ordered = sorted(rows.values(), key=lambda one: (-len(one), one[0]))
    documents = Counter(word for text in distinct for word in set(tokenise(text)))
    return [Group(tuple(one), _telling([normalised[row] for row in one], documents)) for one in ordered]


def _telling(texts: Sequence[str], documents: Counter[str]) -> tuple[str, ...]:
    """Return the words that most of the texts hold, and few others do."""
    within = Counter(word for text in texts for word in set(tokenise(text)) if word not in STOP_WORDS)
    best = sorted(within, key=lambda word: (-within[word] / documents[word] ** 0.5, word))
    return tuple(best[:N_WORDS])


def _labels(texts: Sequence[str], vectorise: Vectorise | None) -> list[int]:
    """Return the group of each distinct text."""
    if len(texts) == 1:
        return [0]
    threshold = NGRAM_DISTANCE if vectorise is None else ENCODER_DISTANCE
    vectors = _ngram_vectors(texts) if vectorise is None else vectorise(texts)
    head = vectors[:MAX_CLUSTERED]
    similarity = head @ head.T
    distances = 1 - (similarity.toarray() if hasattr(similarity, "toarray") else similarity)
    clustering = AgglomerativeClustering(
        n_clusters=None, metric="precomputed", linkage="average", distance_threshold=threshold
    )
    labels: list[int] = clustering.fit_predict(np.clip(distances, 0, 2)).tolist()
    if len(texts) > MAX_CLUSTERED:
        labels += _nearest(vectors, labels, threshold)
    return labels


def _nearest(vectors, labels: Sequence[int], threshold: float) -> list[int]:  # type: ignore[no-untyped-def]  # noqa: ANN001 - dense or sparse
    """Return for the vectors beyond the labelled ones the group of the nearest labelled one, or a new group."""
    head, found = vectors[: len(labels)], []
    following = max(labels) + 1
    for start in range(len(labels), vectors.shape[0], 1_000):
        similarity = vectors[start : start + 1_000] @ head.T
        dense = similarity.toarray() if hasattr(similarity, "toarray") else similarity
        for row in dense:
            nearest = int(row.argmax())
            is_near = 1 - row[nearest] <= threshold
            found.append(labels[nearest] if is_near else following)
            following += not is_near
    return found


def _ngram_vectors(texts: Sequence[str]):  # type: ignore[no-untyped-def]  # noqa: ANN202 - scikit-learn has no types
    """Return TF-IDF of words and of character n-grams, sparse, shape ``(n_texts, n_features)``."""
    words = TfidfVectorizer(
        tokenizer=tokenise, token_pattern=None, lowercase=False, sublinear_tf=True, stop_words=sorted(STOP_WORDS),
        max_features=N_FEATURES,
    )  # fmt: skip
    characters = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(3, 5), lowercase=False, sublinear_tf=True, max_features=N_FEATURES
    )
    return normalize(make_union(words, characters).fit_transform(texts))
