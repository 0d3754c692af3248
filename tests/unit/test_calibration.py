"""Temperature and threshold from held-out patterns."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from intents.catalog import Intent, IntentCatalog
from model.calibration import COVERAGE, HeldOut, calibrate, decide_held_out, least_threshold, threshold_for
from model.decision import Decision, Policy, Reason

TAGS = ("a", "b", "c")
CATALOG = IntentCatalog(tuple(Intent(tag, (f"say {tag}",), (tag,)) for tag in TAGS), ())


def decision(score: float, reason: Reason = Reason.CONFIDENT) -> Decision:
    return Decision("a" if reason is Reason.CONFIDENT else None, reason, score, ())


def held_out(logits: NDArray[np.float32], labels: NDArray[np.intp], known: float = 1.0) -> HeldOut:
    texts = tuple(f"text {number}" for number in range(len(labels)))
    return HeldOut(texts, labels, logits, np.full(len(labels), known))


def one_hot_logits(certainty: float, accuracy: float, n: int = 300) -> HeldOut:
    """Return logits that favour one of three labels by `certainty`, and the right one in a share of `accuracy`."""
    labels = np.arange(n) % 3
    n_wrong = round((1 - accuracy) * n)
    favoured = np.where(np.arange(n) < n_wrong, (labels + 1) % 3, labels)
    return held_out(certainty * np.eye(3, dtype=np.float32)[favoured], labels)


@pytest.mark.parametrize(
    ("scores", "coverage", "threshold"),
    [
        ([0.9, 0.8, 0.7, 0.6], 0.5, 0.8),
        ([0.6, 0.9, 0.7, 0.8], 0.75, 0.7),
        ([0.9, 0.8, 0.7, 0.6], 1.0, 0.6),
        ([0.9, 0.8, 0.7, 0.6], 0.51, 0.7),
        ([0.9, 0.8, 0.8, 0.6], 0.5, 0.8),
        ([0.87659, 0.5], 0.5, 0.8765),
        ([1.0], 0.95, 1.0),
        ([number / 20 for number in range(1, 21)], 0.95, 0.1),
        ([], 0.95, 0.0),
    ],
)
def test_threshold_is_the_highest_that_answers_enough(scores: list[float], coverage: float, threshold: float) -> None:
    """It is the score of the last decision that must still be answered, rounded down to four places."""
    assert threshold_for([decision(score) for score in scores], coverage) == threshold


def test_threshold_makes_up_for_what_is_ambiguous() -> None:
    """Three of four are to be answered, and one is ambiguous at any threshold, so all the others must be."""
    decisions = [decision(0.99, Reason.AMBIGUOUS), decision(0.9), decision(0.8), decision(0.7)]
    assert threshold_for(decisions, 0.75) == 0.7
    assert threshold_for(decisions, 0.5) == 0.8


def test_unreachable_coverage_answers_all_that_it_can() -> None:
    """Half is ambiguous; the other half is answered whole."""
    decisions = [decision(0.9), decision(0.6), decision(0.9, Reason.AMBIGUOUS), decision(0.9, Reason.AMBIGUOUS)]
    assert threshold_for(decisions, 0.95) == 0.6


@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60), st.sampled_from([0.5, 0.8, 0.9, 0.95])
)
def test_threshold_answers_enough_and_a_higher_one_does_not(rows: list[tuple[float, bool]], coverage: float) -> None:
    """For any scores: coverage is reached where it can be, and lost a ten-thousandth above."""
    decisions = [decision(score, Reason.CONFIDENT if sure else Reason.AMBIGUOUS) for score, sure in rows]
    threshold = threshold_for(decisions, coverage)
    sure = [score for score, is_sure in rows if is_sure]
    reachable = min(len(sure), math.ceil(coverage * len(rows)))
    assert sum(score >= threshold for score in sure) >= reachable
    if sure:
        assert sum(score > threshold + 1.001e-4 for score in sure) < reachable


def test_held_out_patterns_are_decided_with_their_contexts_and_without_exact_matches() -> None:
    """A follow-up is judged as in its conversation, and by the network alone."""
    follow_up = Intent("b", ("yes",), ("b",), context_filter=("asked", "other"))
    catalog = IntentCatalog((CATALOG.intents[0], follow_up), ())
    logits = np.array([[0.0, 4.0], [4.0, 0.0]], np.float32)
    rows = HeldOut(("yes", "say a"), np.array([1, 0]), logits, np.ones(2))
    messages, decisions = decide_held_out(catalog, ("a", "b"), Policy(threshold=0.0), rows)
    assert [(one.text, one.intent, one.contexts) for one in messages] == [
        ("yes", "b", ("asked", "other")),
        ("say a", "a", ()),
    ]
    assert [one.reason for one in decisions] == [Reason.CONFIDENT, Reason.CONFIDENT]
    assert [len(one.ranking) for one in decisions] == [2, 1]


def test_familiarity_counts_in_held_out_decisions() -> None:
    """The threshold is found on the number that the live rule compares."""
    rows = held_out(np.array([[9.0, 0.0, 0.0]], np.float32), np.array([0]), known=0.3)
    _, (decided,) = decide_held_out(CATALOG, TAGS, Policy(threshold=0.0), rows)
    assert decided.score == pytest.approx(0.3, abs=1e-3)


@pytest.mark.parametrize(
    ("certainty", "accuracy"), [(5.0, 0.7), (0.5, 0.9), (2.0, 0.8)], ids=["overconfident", "too modest", "about right"]
)
def test_temperature_makes_the_confidence_match_the_accuracy(certainty: float, accuracy: float) -> None:
    """Three labels, one favoured: the likelihood is best where its probability is the share in which it is right."""
    policy = calibrate(CATALOG, TAGS, one_hot_logits(certainty, accuracy))
    best = certainty / math.log(2 * accuracy / (1 - accuracy))
    assert policy.temperature == pytest.approx(best, rel=0.025)
    assert (policy.temperature > 1) is (best > 1)


def test_temperature_looks_only_at_what_the_contexts_allow() -> None:
    """Two answers to other questions are never confused, however alike their logits."""
    catalog = IntentCatalog(
        (Intent("a", ("yes",), ("a",), context_filter=("x",)), Intent("b", ("yes",), ("b",), context_filter=("y",))), ()
    )
    swapped = 3 * np.eye(2, dtype=np.float32)[[1, 0] * 10]
    policy = calibrate(catalog, ("a", "b"), held_out(swapped, np.array([0, 1] * 10)))
    assert policy.temperature < 1


def test_calibrated_policy_answers_its_share_of_the_held_out() -> None:
    """Threshold and temperature together reach the coverage, and hardly more."""
    random = np.random.default_rng(0)
    labels = np.arange(400) % 3
    logits = (random.normal(size=(400, 3)) + 3 * np.eye(3)[labels]).astype(np.float32)
    rows = held_out(logits, labels)
    policy = calibrate(CATALOG, TAGS, rows)
    _, decisions = decide_held_out(CATALOG, TAGS, policy, rows)
    assert 0 < policy.threshold < 1
    assert sum(one.intent is not None for one in decisions) == pytest.approx(COVERAGE * 400, abs=1)


def test_nothing_held_out_leaves_the_default_policy() -> None:
    """A catalog too small to hold anything out cannot be calibrated."""
    nothing = HeldOut((), np.zeros(0, np.intp), np.zeros((0, 3), np.float32), np.zeros(0))
    assert calibrate(CATALOG, TAGS, nothing) == Policy()


@pytest.mark.parametrize(
    ("n_free", "n_filtered", "threshold"),
    [
        (1, 3, 0.5),
        (4, 0, 0.5),
        (8, 2, 0.25),
        (100, 0, 0.02),
    ],
)
def test_threshold_is_never_near_chance(n_free: int, n_filtered: int, threshold: float) -> None:
    """Twice chance among the intents that can always be meant, and never more than a half."""
    free = [Intent(f"free {number}", ("x",), ("y",)) for number in range(n_free)]
    filtered = [Intent(f"filtered {number}", ("x",), ("y",), (), ("c",)) for number in range(n_filtered)]
    assert least_threshold(IntentCatalog((*free, *filtered), ())) == pytest.approx(threshold)


def test_calibrated_threshold_keeps_to_the_least() -> None:
    """However sure and however wrong a small network was."""
    assert calibrate(CATALOG, TAGS, one_hot_logits(0.01, 0.4)).threshold >= least_threshold(CATALOG)
