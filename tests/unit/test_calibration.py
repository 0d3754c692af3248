"""Temperature, evidence and threshold from held-out texts."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from intents.catalog import Builtin, Fallback, Intent, IntentCatalog
from model.calibration import COVERAGE, MOST_FAMILIARITY, HeldOut, calibrate, decide_held_out, in_scope, threshold_for
from model.decision import Decision, Evidence, Policy, Reason
from tests.unit.fakes import saying

TAGS = ("a", "b", "c")
CATALOG = IntentCatalog(tuple(Intent(tag, (f"say {tag}",), saying(tag)) for tag in TAGS), Fallback(()))


def decision(score: float, reason: Reason = Reason.CONFIDENT) -> Decision:
    return Decision("a" if reason is Reason.CONFIDENT else None, reason, score, ())


def held_out(
    logits: NDArray[np.float32],
    labels: NDArray[np.intp],
    *,
    none: float = -50.0,
    similarity: NDArray[np.float32] | None = None,
    known: NDArray[np.float64] | float = 1.0,
) -> HeldOut:
    """Return texts by the logits of their intents; "none of them" is all but impossible unless told otherwise."""
    texts = tuple(f"text {number}" for number in range(len(labels)))
    whole = np.concatenate([logits, np.full((len(labels), 1), none, np.float32)], axis=1, dtype=np.float32)
    likeness = np.zeros(logits.shape, np.float32) if similarity is None else similarity
    return HeldOut(texts, labels, whole, likeness, np.full(len(labels), known, np.float64))


def one_hot_logits(certainty: float, accuracy: float, n: int = 300) -> HeldOut:
    """Return logits that favour one of three labels by `certainty`, and the right one in a share of `accuracy`."""
    labels = np.arange(n) % 3
    n_wrong = round((1 - accuracy) * n)
    favoured = np.where(np.arange(n) < n_wrong, (labels + 1) % 3, labels)
    return held_out(certainty * np.eye(3, dtype=np.float32)[favoured], labels)


def answered(policy: Policy, rows: HeldOut) -> list[bool]:
    """Whether each text is answered."""
    return [one.intent is not None for one in decide_held_out(CATALOG, TAGS, policy, rows)[1]]


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
    catalog = IntentCatalog((CATALOG.intents[0], follow_up), Fallback(()))
    logits = np.array([[0.0, 4.0, -9.0], [4.0, 0.0, -9.0]], np.float32)
    rows = HeldOut(("yes", "say a"), np.array([1, 0]), logits, np.zeros((2, 2), np.float32), np.ones(2))
    messages, decisions = decide_held_out(catalog, ("a", "b"), Policy(threshold=0.0), rows)
    assert [(one.text, one.intent, one.contexts) for one in messages] == [
        ("yes", "b", ("asked", "other")),
        ("say a", "a", ()),
    ]
    assert [one.reason for one in decisions] == [Reason.CONFIDENT, Reason.CONFIDENT]
    assert [len(one.ranking) for one in decisions] == [2, 1]


def test_a_shared_follow_up_is_decided_as_one_of_its_intents() -> None:
    """A held-out "yes" of several intents is right when the one that stands for all is answered."""
    yes = [
        Intent(f"{parent}.yes", ("yes", "sure"), saying("ok"), context_filter=(parent,), builtin=Builtin.YES)
        for parent in ("a", "b")
    ]
    catalog = IntentCatalog((Intent("a", ("say a",), saying("a")), *reversed(yes)), Fallback(()))
    rows = held_out(np.array([[0.0, 9.0]], np.float32), np.array([1]))
    (message,), (decided,) = decide_held_out(catalog, ("a", "a.yes"), Policy(threshold=0.0), rows)
    assert message.intent == decided.intent == "a.yes"


def test_evidence_counts_in_held_out_decisions() -> None:
    """The threshold is found on the number that the live rule compares."""
    policy = Policy(threshold=0.0, evidence=Evidence(log_odds=0.0, similarity=2.0, familiarity=1.0))
    similarity = np.array([[0.2, 0.7, -1.0]], np.float32)
    rows = held_out(np.array([[9.0, 0.0, 0.0]], np.float32), np.array([0]), similarity=similarity, known=0.3)
    _, (decided,) = decide_held_out(CATALOG, TAGS, policy, rows)
    assert decided.score == pytest.approx(1 / (1 + math.exp(-(2 * 0.7 + 0.3))))


def test_generic_message_means_no_intent() -> None:
    """It is judged without a context, and is no pattern."""
    rows = held_out(np.zeros((2, 3), np.float32), np.array([3, 1]))
    messages, _ = decide_held_out(CATALOG, TAGS, Policy(), rows)
    assert [(one.intent, one.contexts) for one in messages] == [(None, ()), ("b", ())]
    assert in_scope(rows).texts == ("text 1",)
    assert in_scope(rows).logits.shape == (1, 4)


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
        (
            Intent("a", ("yes",), saying("a"), context_filter=("x",)),
            Intent("b", ("yes",), saying("b"), context_filter=("y",)),
        ),
        Fallback(()),
    )
    swapped = 3 * np.eye(2, dtype=np.float32)[[1, 0] * 10]
    policy = calibrate(catalog, ("a", "b"), held_out(swapped, np.array([0, 1] * 10), none=-1.0))
    assert policy.temperature < 1


def noisy(random: np.random.Generator, n_inside: int = 400, n_outside: int = 0) -> HeldOut:
    """Return texts whose logits favour the right intent, but not always, and generic messages that favour none."""
    labels = np.append(np.arange(n_inside) % 3, np.full(n_outside, 3))
    is_inside = labels < 3
    logits = random.normal(size=(len(labels), 4)) + 3 * np.eye(4)[labels]
    similarity = 0.3 + 0.4 * np.eye(4)[labels, :3] + 0.1 * random.normal(size=(len(labels), 3))
    known = np.clip(np.where(is_inside, 0.9, 0.6) + 0.1 * random.normal(size=len(labels)), 0, 1)
    texts = tuple(f"text {number}" for number in range(len(labels)))
    return HeldOut(texts, labels, logits.astype(np.float32), similarity.astype(np.float32), known)


@pytest.mark.parametrize("n_outside", [0, 5, 400])
def test_calibrated_policy_answers_its_share_of_the_held_out(n_outside: int) -> None:
    """The threshold reaches the coverage of what is in scope, and hardly more, whatever is out of scope."""
    rows = noisy(np.random.default_rng(0), n_outside=n_outside)
    policy = calibrate(CATALOG, TAGS, rows)
    assert 0 < policy.threshold < 1
    assert sum(answered(policy, in_scope(rows))) == pytest.approx(COVERAGE * 400, abs=1)


def test_generic_messages_teach_the_evidence() -> None:
    """What tells them from patterns weighs more with them than without, and more of them fall back."""
    rows = noisy(np.random.default_rng(1), n_outside=300)
    rows.logits[rows.labels == 3, 3] -= 3  # "none of them" does not tell them
    without, within = calibrate(CATALOG, TAGS, in_scope(rows)), calibrate(CATALOG, TAGS, rows)
    outside = rows.at(rows.labels == 3)
    assert without.temperature == within.temperature, "the likelihood is that of the patterns"
    assert without.evidence != within.evidence
    assert within.evidence.similarity > without.evidence.similarity > 0
    assert np.mean(answered(within, outside)) < np.mean(answered(without, outside)) - 0.1


def test_evidence_that_never_varies_counts_for_nothing() -> None:
    """As the similarity without a sentence encoder."""
    rows = one_hot_logits(3.0, 0.8)
    evidence = calibrate(CATALOG, TAGS, rows).evidence
    assert (evidence.similarity, evidence.familiarity) == (0.0, 0.0)


def test_familiarity_counts_for_little_beside_an_encoder() -> None:
    """However well it tells generic messages from patterns."""
    rows = noisy(np.random.default_rng(1), n_outside=300)
    told_apart = replace(rows, familiarity=np.where(rows.labels == 3, 0.1, 0.9))
    assert calibrate(CATALOG, TAGS, told_apart).evidence.familiarity == pytest.approx(MOST_FAMILIARITY)
    alone = replace(told_apart, similarity=np.zeros_like(rows.similarity))
    assert calibrate(CATALOG, TAGS, alone).evidence.familiarity > MOST_FAMILIARITY


def test_misleading_evidence_counts_for_nothing() -> None:
    """Where right answers happen to be the less familiar ones, that is no reason to prefer the strange."""
    rows = one_hot_logits(3.0, 0.8)
    is_right = rows.logits[:, :3].argmax(axis=1) == rows.labels
    likeness = np.where(is_right, 0.2, 0.9).astype(np.float32)[:, None].repeat(3, axis=1)
    misled = HeldOut(rows.texts, rows.labels, rows.logits, likeness, np.where(is_right, 0.1, 1.0))
    evidence = calibrate(CATALOG, TAGS, misled).evidence
    assert (evidence.similarity, evidence.familiarity) == (0.0, 0.0)
    assert evidence.log_odds >= 0


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(0, 40))
def test_calibration_of_any_texts_can_serve(seed: int, n_inside: int, n_outside: int) -> None:
    """For any held-out texts: finite figures in their bounds, no weight below 0, enough answered or all that can be."""
    random = np.random.default_rng(seed)
    n = n_inside + n_outside
    labels = np.append(random.integers(0, 3, n_inside), np.full(n_outside, 3))
    logits = random.normal(scale=random.uniform(0, 30), size=(n, 4)).astype(np.float32)
    similarity = random.uniform(-1, 1, size=(n, 3)).astype(np.float32)
    rows = HeldOut(tuple(map(str, range(n))), labels, logits, similarity, random.uniform(0, 1, n))
    policy = calibrate(CATALOG, TAGS, rows)
    evidence = policy.evidence
    assert all(math.isfinite(value) for value in (policy.temperature, policy.threshold, evidence.bias))
    assert 0.1 <= policy.temperature <= 5
    assert 0 <= policy.threshold <= 1
    assert min(evidence.log_odds, evidence.similarity, evidence.familiarity) >= 0
    inside = in_scope(rows)
    _, unbounded = decide_held_out(CATALOG, TAGS, replace(policy, threshold=0.0), inside)
    clear = sum(one.reason is Reason.CONFIDENT for one in unbounded)
    assert sum(answered(policy, inside)) >= min(clear, math.ceil(COVERAGE * n_inside))


@pytest.mark.parametrize("n_outside", [0, 1])
def test_nothing_held_out_leaves_the_default_policy(n_outside: int) -> None:
    """A catalog too small to hold a pattern out cannot be calibrated; generic messages alone say too little."""
    assert calibrate(CATALOG, TAGS, noisy(np.random.default_rng(0), 0, n_outside)) == Policy()


def test_everything_right_leaves_the_evidence_as_it_is() -> None:
    """There is nothing to tell apart; the threshold still leaves out the least sure."""
    policy = calibrate(CATALOG, TAGS, one_hot_logits(4.0, 1.0))
    assert policy.evidence == Evidence(temperature=policy.temperature)
    assert 0 < policy.threshold <= 1


def test_everything_wrong_leaves_the_evidence_as_it_is() -> None:
    """No right answer to learn from."""
    policy = calibrate(CATALOG, TAGS, one_hot_logits(4.0, 0.0))
    assert policy.evidence == Evidence(temperature=policy.temperature)
    assert 0 <= policy.threshold <= 1


def test_one_intent_is_told_from_generic_messages() -> None:
    """Every pattern is right; what is held out besides still says where to stop."""
    catalog = IntentCatalog(CATALOG.intents[:1], Fallback(()))
    random = np.random.default_rng(0)
    labels = np.arange(60) % 2
    logits = (random.normal(size=(60, 2)) + 3 * np.eye(2)[labels]).astype(np.float32)
    likeness = np.where(labels == 0, 0.8, 0.2).astype(np.float32)[:, None]
    rows = HeldOut(tuple(map(str, range(60))), labels, logits, likeness, np.where(labels == 0, 0.9, 0.4))
    policy = calibrate(catalog, ("a",), rows)
    _, decisions = decide_held_out(catalog, ("a",), policy, rows)
    is_answered = np.array([one.intent is not None for one in decisions])
    assert is_answered[labels == 0].mean() >= COVERAGE
    assert not is_answered[labels == 1].any()
