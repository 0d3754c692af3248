"""The decision rule: when it answers, as which intent, and why it falls back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from intents.catalog import Intent, IntentCatalog
from model.decision import (
    Decision,
    DecisionRule,
    Policy,
    RankedIntent,
    Reason,
    masked_softmax,
)

GREETING = Intent("greeting", ("Hello!", "Hi", "..."), ("Hi!",))
THANKS = Intent("thanks", ("Thanks", "Yes"), ("Welcome!",))
YES_CHEESE = Intent("yes_cheese", ("yes", "with cheese"), ("Ok.",), context_filter=("cheese",))
YES_WINE = Intent("yes_wine", ("yes",), ("Ok.",), context_filter=("wine", "drinks"))
CATALOG = IntentCatalog((GREETING, THANKS, YES_CHEESE, YES_WINE), ("Sorry?",))
LABELS = ("yes_wine", "thanks", "greeting", "yes_cheese")
ALWAYS = Policy(threshold=0.0, margin=0.0)


def rule(policy: Policy = ALWAYS, catalog: IntentCatalog = CATALOG) -> DecisionRule:
    return DecisionRule(catalog, LABELS, policy)


def logits_of(**probabilities: float) -> NDArray[np.float32]:
    """Return logits whose softmax is these probabilities; labels left out are all but impossible."""
    return np.log(np.array([probabilities.get(label, 1e-30) for label in LABELS])).astype(np.float32)


def test_empty_text_falls_back() -> None:
    """Nothing was said."""
    assert rule().without_scores("", ["cheese"]) == Decision(None, Reason.EMPTY, 0.0, ())


def test_text_that_equals_a_pattern_is_that_intent() -> None:
    """Patterns are compared in their normal form, and no network is asked."""
    expected = Decision("greeting", Reason.EXACT, 1.0, (RankedIntent("greeting", 1.0),))
    assert rule(Policy(threshold=1.0, margin=1.0)).without_scores("hello", []) == expected


def test_other_text_needs_scores() -> None:
    """A part of a pattern, or more than one, equals none."""
    assert rule().without_scores("hello hi", []) is None
    assert rule().without_scores("hell", []) is None


@pytest.mark.parametrize(
    ("contexts", "intent"),
    [
        ([], "thanks"),
        (["unrelated"], "thanks"),
        (["cheese"], "yes_cheese"),
        (["wine", "cheese"], "yes_cheese"),
        (["cheese", "wine"], "yes_wine"),
        (["drinks", "cheese", "wine"], "yes_wine"),
        (["wine", "cheese", "unrelated"], "yes_cheese"),
    ],
)
def test_exact_match_prefers_the_context_set_last(contexts: list[str], intent: str) -> None:
    """A "yes" answers the last question; without a question it means what it means at any time."""
    decision = rule().without_scores("yes", contexts)
    assert decision is not None
    assert (decision.intent, decision.reason) == (intent, Reason.EXACT)


def test_exact_match_needs_an_active_context() -> None:
    """A pattern of an intent that cannot be meant now is no match."""
    assert rule().without_scores("with cheese", ["wine"]) is None
    assert rule().without_scores("with cheese", ["cheese"]) is not None


def test_confident_text_is_answered() -> None:
    """The best intent is answered, and the whole ranking kept."""
    decision = rule(Policy(threshold=0.5)).with_scores(logits_of(greeting=0.75, thanks=0.25), 1.0, [])
    assert (decision.intent, decision.reason) == ("greeting", Reason.CONFIDENT)
    assert decision.score == pytest.approx(0.75)
    assert [one.tag for one in decision.ranking] == ["greeting", "thanks"]
    assert [one.confidence for one in decision.ranking] == pytest.approx([0.75, 0.25])


def test_intents_without_their_context_are_masked_before_comparing() -> None:
    """What cannot be meant takes no confidence from what can."""
    logits = logits_of(yes_cheese=0.9, greeting=0.075, thanks=0.025)
    decision = rule(Policy(threshold=0.7)).with_scores(logits, 1.0, ["wine"])
    assert (decision.intent, decision.reason) == ("greeting", Reason.CONFIDENT)
    assert decision.score == pytest.approx(0.75)
    assert [one.tag for one in decision.ranking] == ["greeting", "thanks", "yes_wine"]


def test_any_of_the_needed_contexts_is_enough() -> None:
    """A filter of two contexts asks for one of them."""
    logits = logits_of(yes_wine=0.9, greeting=0.1)
    assert rule().with_scores(logits, 1.0, ["drinks"]).intent == "yes_wine"
    assert rule().with_scores(logits, 1.0, ["cheese"]).intent == "greeting"


def test_confidence_below_the_threshold_falls_back() -> None:
    """The ranking says what was nearly answered."""
    decision = rule(Policy(threshold=0.8)).with_scores(logits_of(greeting=0.75, thanks=0.25), 1.0, [])
    assert (decision.intent, decision.reason) == (None, Reason.BELOW_THRESHOLD)
    assert decision.ranking[0].tag == "greeting"


def test_threshold_and_margin_themselves_are_enough() -> None:
    """A confidence that equals the threshold is answered, and so is a lead that equals the margin."""
    even = np.zeros(4, np.float32)
    policy = Policy(threshold=0.5, margin=0.0)
    assert rule(policy).with_scores(even, 1.0, []).reason is Reason.CONFIDENT
    assert rule(Policy(threshold=0.0, margin=1e-9)).with_scores(even, 1.0, []).reason is Reason.AMBIGUOUS


@pytest.mark.parametrize(("lead", "reason"), [(0.04, Reason.AMBIGUOUS), (0.06, Reason.CONFIDENT)])
def test_two_intents_close_together_are_ambiguous(lead: float, reason: Reason) -> None:
    """The lead over the second decides, not over the rest."""
    logits = logits_of(greeting=0.45 + lead / 2, thanks=0.45 - lead / 2, yes_wine=0.1)
    decision = rule(Policy(threshold=0.3, margin=0.05)).with_scores(logits, 1.0, ["wine"])
    assert decision.reason is reason
    assert (decision.intent is None) is (reason is Reason.AMBIGUOUS)


def test_confident_text_of_unknown_words_is_out_of_scope() -> None:
    """The confidence alone would do, but not for words that no pattern holds."""
    logits = logits_of(greeting=0.9, thanks=0.1)
    policy = Policy(threshold=0.6)
    known, unknown = (rule(policy).with_scores(logits, familiarity, []) for familiarity in (1.0, 0.3))
    assert (known.intent, known.reason) == ("greeting", Reason.CONFIDENT)
    assert (unknown.intent, unknown.reason) == (None, Reason.OUT_OF_SCOPE)
    assert unknown.score == pytest.approx(0.9 * 0.3)
    assert unknown.ranking == known.ranking


def test_only_allowed_intent_needs_no_margin() -> None:
    """Where nothing else can be meant, nothing is close."""
    catalog = IntentCatalog((YES_CHEESE, YES_WINE), ())
    only = DecisionRule(catalog, ("yes_wine", "yes_cheese"), Policy(threshold=0.9, margin=0.9))
    decision = only.with_scores(np.array([5.0, 0.0], np.float32), 1.0, ["cheese"])
    assert decision == Decision("yes_cheese", Reason.CONFIDENT, 1.0, (RankedIntent("yes_cheese", 1.0),))


def test_nothing_allowed_falls_back() -> None:
    """A catalog of follow-ups alone has nothing to say without a context."""
    catalog = IntentCatalog((YES_CHEESE, YES_WINE), ())
    follow_ups = DecisionRule(catalog, ("yes_wine", "yes_cheese"), ALWAYS)
    decision = follow_ups.with_scores(np.array([5.0, 0.0], np.float32), 1.0, [])
    assert decision == Decision(None, Reason.OUT_OF_SCOPE, 0.0, ())


def test_temperature_divides_the_logits() -> None:
    """A temperature of 2 takes the square root of the odds."""
    decision = rule(Policy(temperature=2.0, threshold=0.0)).with_scores(logits_of(greeting=0.9, thanks=0.1), 1.0, [])
    assert decision.ranking[0].confidence == pytest.approx(0.75)


def test_masked_softmax_of_a_batch() -> None:
    """Each row is a distribution over its allowed labels; a row without any is all zero."""
    logits = np.array([[1.0, 1.0, 500.0], [0.0, 900.0, -900.0], [1.0, 2.0, 3.0]], np.float32)
    allowed = np.array([[True, True, False], [True, True, True], [False, False, False]])
    assert masked_softmax(logits, allowed).tolist() == [[0.5, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]


@given(
    hnp.arrays(np.float32, 4, elements=st.floats(-1e6, 1e6, width=32)),
    st.floats(0, 1),
    st.lists(st.sampled_from(["cheese", "wine", "drinks", "other"]), unique=True),
    st.builds(Policy, temperature=st.floats(0.05, 5), threshold=st.floats(0, 1), margin=st.floats(0, 1)),
)
def test_ranking_is_a_distribution_over_what_the_contexts_allow(
    logits: NDArray[np.float32], familiarity: float, contexts: list[str], policy: Policy
) -> None:
    """For any logits: every allowed intent once, best first, summing to 1; an answer is the first of them."""
    decision = rule(policy).with_scores(logits, familiarity, contexts)
    allowed = {"greeting", "thanks"}
    allowed |= {"yes_cheese"} if "cheese" in contexts else set()
    allowed |= {"yes_wine"} if {"wine", "drinks"} & set(contexts) else set()
    confidences = [one.confidence for one in decision.ranking]
    assert {one.tag for one in decision.ranking} == allowed
    assert len(confidences) == len(allowed)
    assert sum(confidences) == pytest.approx(1)
    assert confidences == sorted(confidences, reverse=True)
    assert 0 <= decision.score <= 1
    if decision.intent is not None:
        assert decision.intent == decision.ranking[0].tag
        assert decision.score >= policy.threshold
    assert (decision.intent is None) is (decision.reason is not Reason.CONFIDENT)
