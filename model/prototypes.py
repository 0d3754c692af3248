"""What an intent's patterns are to the encoder, and how like them a text is. For training only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from model.config import TrainingConfig

TIGHTNESS_SHARE = 0.5
"""How much of an intent's tightness counts; see docs/model.md."""

TIGHTNESS_DOUBT = 3
"""So many patterns of average tightness are thought to stand beside an intent's own: few say little of it."""

LEAST_LENGTH = 1e-6
"""The least length that is divided by."""


@dataclass(frozen=True, slots=True)
class Prototypes:
    """What the texts of each intent gather around.

    Parameters
    ----------
    centres
        Shape ``(n_labels, n_prototypes, n_features)``, each of length 1.
    tightness
        Shape ``(n_labels,)``: by how much a text must be more like an intent's patterns than like those of an average
        one, since they are more alike among themselves; less than 0 where they are less so.
    """

    centres: NDArray[np.float32]
    tightness: NDArray[np.float32]

    def similarity(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the cosine to the nearest prototype of each intent, less its tightness, ``(n_texts, n_labels)``.

        Parameters
        ----------
        rows
            The features of texts, ``(n_texts, n_features)``, each of length 1.
        """
        similarity: NDArray[np.float32] = np.einsum("tf,lpf->tlp", rows, self.centres).max(axis=2) - self.tightness
        return similarity


def find_prototypes(
    rows: NDArray[np.float32], labels: NDArray[np.intp], n_labels: int, *, config: TrainingConfig, seed: int
) -> Prototypes:
    """Return the centres of the clusters of each intent's texts, and how tight they are.

    Parameters
    ----------
    rows
        The features of texts, ``(n_texts, n_features)``, each of length 1; of width 0 nothing is like anything.
    labels
        Shape ``(n_texts,)``; texts of `n_labels` or more are of no intent.
    n_labels
        The number of intents; one may have no text.
    config
        Says how many clusters there are.
    seed
        Of the clusters' beginnings.
    """
    if not rows.shape[1]:
        return Prototypes(np.zeros((n_labels, 1, 0), np.float32), np.zeros(n_labels, np.float32))
    by_label = [rows[labels == label] for label in range(n_labels)]
    found = []
    for own in by_label:
        if not len(own):
            found.append(np.zeros((1, rows.shape[1]), np.float32))
            continue
        n_clusters = int(np.clip(round(len(own) / config.patterns_per_prototype), 1, config.max_prototypes))
        centres = KMeans(n_clusters, n_init=1, random_state=seed).fit(own).cluster_centers_
        found.append(np.stack([unit(centre) for centre in centres]))
    n_prototypes = max(map(len, found))
    # an intent of fewer patterns repeats its first prototype: the nearest is the same
    filled = [np.concatenate([own, np.repeat(own[:1], n_prototypes - len(own), axis=0)]) for own in found]
    return Prototypes(np.stack(filled).astype(np.float32), _tightness(by_label))


def _tightness(by_label: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return how much more alike the texts of each label are than those of the average one."""
    tightness = np.zeros(len(by_label), np.float32)
    alike = {label: _mean_likeness(own) for label, own in enumerate(by_label) if len(own) > 1}
    average = np.mean([*alike.values()]) if alike else 0.0
    for label, own in alike.items():
        n_texts = len(by_label[label])
        tightness[label] = TIGHTNESS_SHARE * (own - average) * n_texts / (n_texts + TIGHTNESS_DOUBT)
    return tightness


def _mean_likeness(rows: NDArray[np.float32]) -> float:
    """Return the mean cosine of texts to the middle of the others."""
    others = rows.sum(axis=0) - rows
    lengths = np.maximum(np.linalg.norm(others, axis=1), LEAST_LENGTH)
    return float(np.mean(np.sum(others * rows, axis=1) / lengths))


def unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a vector brought to length 1; one of length 0 as it is."""
    length = float(np.linalg.norm(vector))
    return vector / length if length else vector
