"""What the patterns of an intent gather around, and how like them a text is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from model.config import TrainingConfig
from model.prototypes import TIGHTNESS_DOUBT, TIGHTNESS_SHARE, Prototypes, find_prototypes, unit

N_FEATURES = 6

Array = NDArray[np.float32]


def around(middle: int, spread: float, n_texts: int, seed: int = 0) -> Array:
    """Texts of length 1 around an axis."""
    noise = np.random.default_rng(seed).normal(0, spread, (n_texts, N_FEATURES))
    return np.stack([unit(row) for row in np.eye(N_FEATURES)[middle] + noise]).astype(np.float32)


def found(*by_label: Array, n_labels: int | None = None) -> Prototypes:
    labels = np.repeat(np.arange(len(by_label)), [len(own) for own in by_label])
    rows = np.concatenate(by_label)
    return find_prototypes(rows, labels, n_labels or len(by_label), config=TrainingConfig(), seed=0)


def test_prototypes_are_the_centres_of_clusters() -> None:
    """One for every six patterns; an intent of fewer repeats its first."""
    own = np.concatenate([around(0, 0.01, 6), around(1, 0.01, 6)])
    centres = found(own, around(2, 0.01, 3)).centres
    assert centres.shape == (2, 2, N_FEATURES)
    assert np.sort(centres[0] @ np.eye(N_FEATURES)[:, :2], axis=0) == pytest.approx(
        np.sort(np.eye(2), axis=0), abs=0.02
    )
    assert centres[1] == pytest.approx(np.eye(N_FEATURES)[[2, 2]], abs=0.02)


def test_similarity_is_the_cosine_to_the_nearest_prototype_less_the_tightness() -> None:
    """Of each intent."""
    centres = np.stack([around(0, 0.5, 2), around(1, 0.5, 2, seed=1), around(2, 0.5, 2, seed=2)])
    tightness = np.array([0.1, 0.0, -0.2], np.float32)
    rows = around(0, 1.0, 5)
    similarity = Prototypes(centres, tightness).similarity(rows)
    for text, row in enumerate(rows):
        for label in range(3):
            nearest = max(float(row @ centre) for centre in centres[label])
            assert similarity[text, label] == pytest.approx(nearest - tightness[label], abs=1e-6)


def test_intent_whose_patterns_are_alike_asks_for_more() -> None:
    """By a share of what they are more alike, to one another, than those of the average intent; few say less of it."""
    apart = [np.eye(N_FEATURES, dtype=np.float32)[[0, 1]]] * 2  # the cosine of each to the other is 0
    alike = np.eye(N_FEATURES, dtype=np.float32)[[2, 2, 2]]  # and here 1
    tightness = found(alike, *apart).tightness
    few, many = 2 / (2 + TIGHTNESS_DOUBT), 3 / (3 + TIGHTNESS_DOUBT)
    expected = [TIGHTNESS_SHARE * many * 2 / 3, *[-TIGHTNESS_SHARE * few / 3] * 2]
    assert tightness == pytest.approx(expected, abs=1e-6)


def test_single_pattern_says_nothing_of_tightness() -> None:
    """And an intent without any is like nothing."""
    prototypes = found(around(0, 0.1, 1), around(1, 0.1, 4), n_labels=3)
    assert prototypes.tightness.tolist() == pytest.approx([0, 0, 0])
    assert not prototypes.similarity(around(0, 0.3, 2))[:, 2].any()


def test_texts_of_no_intent_count_for_nothing() -> None:
    """As generic messages."""
    inside = [around(0, 0.2, 4), around(1, 0.4, 4)]
    with_others = found(*inside, around(2, 0.1, 9), n_labels=2)
    assert with_others.centres == pytest.approx(found(*inside).centres)
    assert with_others.tightness == pytest.approx(found(*inside).tightness)


def test_without_an_encoder_nothing_is_like_anything() -> None:
    """There are no features to compare."""
    rows = np.zeros((4, 0), np.float32)
    prototypes = find_prototypes(rows, np.array([0, 0, 1, 1]), 2, config=TrainingConfig(), seed=0)
    assert prototypes.similarity(rows).tolist() == [[0, 0]] * 4


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 20), min_size=1, max_size=5).filter(any), st.integers(0, 99))
def test_prototypes_of_any_texts_can_serve(n_texts: list[int], seed: int) -> None:
    """Finite, of length 1 or none, and no intent asks for a cosine more than another."""
    parts = [around(label, 0.8, n_own, seed + label) for label, n_own in enumerate(n_texts) if n_own]
    labels = np.repeat(np.arange(len(n_texts)), n_texts)
    prototypes = find_prototypes(np.concatenate(parts), labels, len(n_texts), config=TrainingConfig(), seed=0)
    lengths = np.linalg.norm(prototypes.centres, axis=2)
    assert (np.isclose(lengths, 1) | (lengths == 0)).all()
    assert np.isfinite(prototypes.tightness).all()
    assert np.ptp(prototypes.tightness) <= 2 * TIGHTNESS_SHARE
