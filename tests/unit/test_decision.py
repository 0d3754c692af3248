"""The decision rule: when it answers, as which intent, and why it falls back."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from intents.catalog import Builtin, Fallback, Intent, IntentCatalog
from model.decision import (
    MAX_LOG_ODDS,
    Decision,
    DecisionRule,
    Evidence,
    Policy,
    RankedIntent,
    Reason,
    Scores,
    confidences_of,
    log_odds_of,
    masked_softmax,
)
from tests.unit.fakes import saying

GREETING = Intent("greeting", ("Hello!", "Hi", "..."), saying("Hi!"))
THANKS = Intent("thanks", ("Thanks", "Yes"), saying("Welcome!"))
YES_CHEESE = Intent("yes_cheese", ("yes", "with cheese"), saying("Ok."), context_filter=("cheese",))
YES_WINE = Intent("yes_wine", ("yes",), saying("Ok."), context_filter=("wine", "drinks"))
CATALOG = IntentCatalog((GREETING, THANKS, YES_CHEESE, YES_WINE), Fallback(saying("Sorry?")))
LABELS = ("yes_wine", "thanks", "greeting", "yes_cheese")
ALWAYS = Policy(threshold=0.0, margin=0.0)


def rule(policy: Policy = ALWAYS, catalog: IntentCatalog = CATALOG) -> DecisionRule:
    return DecisionRule(catalog, LABELS, policy)


def scores_of(similarity: float = 0.0, **probabilities: float) -> Scores:
    """Return scores whose softmax is these probabilities; labels left out are all but impossible."""
    logits = np.log(np.array([probabilities.get(label, 1e-30) for label in (*LABELS, "none")]))
    return Scores(logits.astype(np.float32), np.full(len(LABELS), similarity, np.float32))


def logits_alone(*logits: float) -> Scores:
    """Return these logits, and no likeness to anything."""
    return Scores(np.array(logits, np.float32), np.zeros(len(logits) - 1, np.float32))


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
    decision = rule(Policy(threshold=0.5)).with_scores(scores_of(greeting=0.75, thanks=0.25), 1.0, [])
    assert (decision.intent, decision.reason) == ("greeting", Reason.CONFIDENT)
    assert decision.score == pytest.approx(0.75)
    assert [one.tag for one in decision.ranking] == ["greeting", "thanks"]
    assert [one.confidence for one in decision.ranking] == pytest.approx([0.75, 0.25])


def test_intents_without_their_context_are_masked_before_comparing() -> None:
    """What cannot be meant takes no confidence from what can."""
    scores = scores_of(yes_cheese=0.9, greeting=0.075, thanks=0.025)
    decision = rule(Policy(threshold=0.7)).with_scores(scores, 1.0, ["wine"])
    assert (decision.intent, decision.reason) == ("greeting", Reason.CONFIDENT)
    assert decision.score == pytest.approx(0.75)
    assert [one.tag for one in decision.ranking] == ["greeting", "thanks", "yes_wine"]


def test_any_of_the_needed_contexts_is_enough() -> None:
    """A filter of two contexts asks for one of them."""
    scores = scores_of(yes_wine=0.9, greeting=0.1)
    assert rule().with_scores(scores, 1.0, ["drinks"]).intent == "yes_wine"
    assert rule().with_scores(scores, 1.0, ["cheese"]).intent == "greeting"


def test_confidence_below_the_threshold_falls_back() -> None:
    """The ranking says what was nearly answered."""
    decision = rule(Policy(threshold=0.8)).with_scores(scores_of(greeting=0.75, thanks=0.25), 1.0, [])
    assert (decision.intent, decision.reason) == (None, Reason.BELOW_THRESHOLD)
    assert decision.ranking[0].tag == "greeting"


def test_threshold_and_margin_themselves_are_enough() -> None:
    """A confidence that equals the threshold is answered, and so is a lead that equals the margin."""
    even = scores_of(greeting=0.5, thanks=0.5)
    policy = Policy(threshold=0.5, margin=0.0)
    assert rule(policy).with_scores(even, 1.0, []).reason is Reason.CONFIDENT
    assert rule(Policy(threshold=0.0, margin=1e-9)).with_scores(even, 1.0, []).reason is Reason.AMBIGUOUS


@pytest.mark.parametrize(("lead", "reason"), [(0.04, Reason.AMBIGUOUS), (0.06, Reason.CONFIDENT)])
def test_two_intents_close_together_are_ambiguous(lead: float, reason: Reason) -> None:
    """The lead over the second decides, not over the rest."""
    scores = scores_of(greeting=0.45 + lead / 2, thanks=0.45 - lead / 2, yes_wine=0.1)
    decision = rule(Policy(threshold=0.3, margin=0.05)).with_scores(scores, 1.0, ["wine"])
    assert decision.reason is reason
    assert (decision.intent is None) is (reason is Reason.AMBIGUOUS)


def test_unanswered_text_that_is_rather_none_of_them_is_out_of_scope() -> None:
    """The reason tells a doubtful text from one that is about something else."""
    policy = Policy(threshold=0.5)
    doubtful = rule(policy).with_scores(scores_of(greeting=0.4, thanks=0.3, none=0.3), 1.0, [])
    outside = rule(policy).with_scores(scores_of(greeting=0.4, thanks=0.1, none=0.5), 1.0, [])
    assert (doubtful.intent, doubtful.reason) == (None, Reason.BELOW_THRESHOLD)
    assert (outside.intent, outside.reason) == (None, Reason.OUT_OF_SCOPE)
    assert (doubtful.score, outside.score) == pytest.approx((0.4, 0.4))
    assert [one.tag for one in outside.ranking] == ["greeting", "thanks"]


def test_threshold_decides_however_probable_none_of_them_is() -> None:
    """An operator who lowers it gets answers."""
    decision = rule(Policy(threshold=0.3)).with_scores(scores_of(greeting=0.4, none=0.6), 1.0, [])
    assert (decision.intent, decision.reason) == ("greeting", Reason.CONFIDENT)


def test_none_of_them_is_never_ranked() -> None:
    """It takes confidence from the intents, but nothing can be answered with it, and it is no second to lead over."""
    decision = rule(Policy(threshold=0.0, margin=0.3)).with_scores(scores_of(greeting=0.4, thanks=0.1, none=0.5), 1, [])
    assert decision.reason is Reason.CONFIDENT
    assert [one.confidence for one in decision.ranking] == pytest.approx([0.4, 0.1])


def test_evidence_makes_the_score() -> None:
    """A logistic regression on log-odds, likeness and familiarity; the ranking stays what the network says."""
    policy = Policy(threshold=0.5, evidence=Evidence(bias=-3.0, log_odds=0.5, similarity=2.0, familiarity=1.5))
    scores = scores_of(greeting=0.9, thanks=0.1, similarity=0.8)
    known, unknown = (rule(policy).with_scores(scores, familiarity, []) for familiarity in (1.0, 0.0))
    total = -3.0 + 0.5 * math.log(9) + 2.0 * 0.8
    assert known.score == pytest.approx(1 / (1 + math.exp(-(total + 1.5))), rel=1e-4)
    assert unknown.score == pytest.approx(1 / (1 + math.exp(-total)), rel=1e-4)
    assert (known.reason, unknown.reason) == (Reason.CONFIDENT, Reason.BELOW_THRESHOLD)
    assert unknown.ranking == known.ranking


def test_evidence_has_a_temperature_of_its_own() -> None:
    """The ranking has that of the policy."""
    policy = Policy(temperature=0.5, threshold=0.0, evidence=Evidence(temperature=2.0))
    decision = rule(policy).with_scores(scores_of(greeting=0.9, thanks=0.1), 1.0, [])
    assert decision.ranking[0].confidence == pytest.approx(81 / 82, rel=1e-4)
    assert decision.score == pytest.approx(3 / 4, rel=1e-4)


def test_likeness_counts_among_the_allowed_intents_alone() -> None:
    """A text like the answers to a question that nobody asked is like nothing."""
    policy = Policy(evidence=Evidence(log_odds=0.0, similarity=1.0))
    scores = Scores(scores_of(greeting=1.0).logits, np.array([0.1, 0.2, 0.3, 0.9], np.float32))
    without, within = (rule(policy).with_scores(scores, 1.0, contexts) for contexts in ([], ["cheese"]))
    assert without.score == pytest.approx(1 / (1 + math.exp(-0.3)))
    assert within.score == pytest.approx(1 / (1 + math.exp(-0.9)))


def test_default_evidence_is_the_confidence() -> None:
    """Where nothing could be held out to learn from."""
    decision = rule().with_scores(scores_of(greeting=0.7, thanks=0.2, none=0.1, similarity=0.9), 0.0, [])
    assert decision.score == pytest.approx(0.7)


@given(st.floats(0, 1), st.floats(0, 1))
def test_log_odds_rise_with_the_confidence(one: float, other: float) -> None:
    """And stay within bounds at 0 and 1, which float32 reaches."""
    assert abs(log_odds_of(one)) <= MAX_LOG_ODDS
    if one < other:
        assert log_odds_of(one) <= log_odds_of(other)
    if 1e-9 < one < 1 - 1e-9:
        assert 1 / (1 + math.exp(-log_odds_of(one))) == pytest.approx(one)


@given(
    st.builds(Evidence, *[st.floats(-1e6, 1e6)] * 4),
    st.floats(-MAX_LOG_ODDS, MAX_LOG_ODDS),
    st.floats(-1, 1),
    st.floats(0, 1),
)
def test_score_is_a_share_whatever_the_weights(
    evidence: Evidence, log_odds: float, similarity: float, familiarity: float
) -> None:
    """No weight makes it overflow."""
    assert 0 <= evidence.score(log_odds, similarity, familiarity) <= 1


def test_confidences_allow_none_of_them_always() -> None:
    """The last column takes part whatever the contexts allow, also where they allow nothing."""
    logits = np.array([[0.0, 0.0, 0.0], [9.0, 0.0, 0.0], [9.0, 9.0, 0.0]], np.float32)
    allowed = np.array([[True, True], [False, True], [False, False]])
    assert confidences_of(logits, allowed, 1.0) == pytest.approx(np.array([[1 / 3] * 3, [0, 0.5, 0.5], [0, 0, 1]]))


def test_only_allowed_intent_needs_no_margin() -> None:
    """Where nothing else can be meant, nothing is close."""
    catalog = IntentCatalog((YES_CHEESE, YES_WINE), Fallback(()))
    only = DecisionRule(catalog, ("yes_wine", "yes_cheese"), Policy(threshold=0.9, margin=0.9))
    decision = only.with_scores(logits_alone(5.0, 0.0, -200.0), 1.0, ["cheese"])
    assert (decision.intent, decision.reason) == ("yes_cheese", Reason.CONFIDENT)
    assert decision.ranking == (RankedIntent("yes_cheese", 1.0),)
    assert decision.score == pytest.approx(1.0)


def test_nothing_allowed_falls_back() -> None:
    """A catalog of follow-ups alone has nothing to say without a context."""
    catalog = IntentCatalog((YES_CHEESE, YES_WINE), Fallback(()))
    follow_ups = DecisionRule(catalog, ("yes_wine", "yes_cheese"), ALWAYS)
    decision = follow_ups.with_scores(logits_alone(5.0, 0.0, 0.0), 1.0, [])
    assert decision == Decision(None, Reason.OUT_OF_SCOPE, 0.0, ())


def test_temperature_divides_the_logits() -> None:
    """A temperature of 2 takes the square root of the odds."""
    decision = rule(Policy(temperature=2.0, threshold=0.0)).with_scores(scores_of(greeting=0.9, thanks=0.1), 1.0, [])
    assert decision.ranking[0].confidence == pytest.approx(0.75)


def test_masked_softmax_of_a_batch() -> None:
    """Each row is a distribution over its allowed labels; a row without any is all zero."""
    logits = np.array([[1.0, 1.0, 500.0], [0.0, 900.0, -900.0], [1.0, 2.0, 3.0]], np.float32)
    allowed = np.array([[True, True, False], [True, True, True], [False, False, False]])
    assert masked_softmax(logits, allowed).tolist() == [[0.5, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]


@given(
    hnp.arrays(np.float32, 5, elements=st.floats(-1e6, 1e6, width=32)),
    hnp.arrays(np.float32, 4, elements=st.floats(-1, 1, width=32)),
    st.floats(0, 1),
    st.lists(st.sampled_from(["cheese", "wine", "drinks", "other"]), unique=True),
    st.builds(
        Policy,
        temperature=st.floats(0.05, 5),
        threshold=st.floats(0, 1),
        margin=st.floats(0, 1),
        evidence=st.builds(Evidence, *[st.floats(-10, 10)] * 4, temperature=st.floats(0.05, 5)),
    ),
)
def test_ranking_is_what_none_of_them_leaves_to_what_the_contexts_allow(
    logits: NDArray[np.float32],
    similarity: NDArray[np.float32],
    familiarity: float,
    contexts: list[str],
    policy: Policy,
) -> None:
    """For any scores: every allowed intent once, best first, summing to 1 at most; an answer is the first of them."""
    decision = rule(policy).with_scores(Scores(logits, similarity), familiarity, contexts)
    allowed = {"greeting", "thanks"}
    allowed |= {"yes_cheese"} if "cheese" in contexts else set()
    allowed |= {"yes_wine"} if {"wine", "drinks"} & set(contexts) else set()
    confidences = [one.confidence for one in decision.ranking]
    assert {one.tag for one in decision.ranking} == allowed
    assert len(confidences) == len(allowed)
    mask = np.array([label in allowed for label in LABELS])
    none_of_them = confidences_of(logits, mask, policy.temperature)[-1]
    assert sum(confidences) + none_of_them == pytest.approx(1)
    assert confidences == sorted(confidences, reverse=True)
    assert 0 <= decision.score <= 1
    if decision.intent is not None:
        assert decision.intent == decision.ranking[0].tag
        assert decision.score >= policy.threshold
    assert (decision.intent is None) is (decision.reason is not Reason.CONFIDENT)
    is_unknown = not familiarity and not similarity.any()
    if is_unknown:
        assert (decision.reason, decision.score) == (Reason.OUT_OF_SCOPE, 0.0)
    elif decision.reason is Reason.OUT_OF_SCOPE:
        assert none_of_them > confidences[0]


def test_one_built_in_follow_up_of_several_intents_is_one_class() -> None:
    """What "yes" means is told by the context that was set last; without any it is masked."""
    yes = [
        Intent(f"{parent}.yes", ("yes", "sure"), saying(parent), context_filter=(parent,), builtin=Builtin.YES)
        for parent in ("wine", "cheese")
    ]
    catalog = IntentCatalog((GREETING, *yes), Fallback(()))
    assert [one.label for one in catalog.classes] == ["greeting", "cheese.yes"]
    rule = DecisionRule(catalog, [one.label for one in catalog.classes], Policy(threshold=0.0, margin=0.0))
    scores = Scores(np.array([0.0, 9.0, -9.0], np.float32), np.zeros(2, np.float32))
    for contexts, tag in ((["wine"], "wine.yes"), (["wine", "cheese"], "cheese.yes"), (["cheese", "wine"], "wine.yes")):
        assert rule.with_scores(scores, 1.0, contexts).intent == tag
        exact = rule.without_scores("sure", contexts)
        assert exact is not None
        assert exact.intent == tag
    assert rule.with_scores(scores, 1.0, []).intent == "greeting"
    assert rule.without_scores("sure", []) is None


def test_a_member_is_understood_in_ones_language() -> None:
    """Intents of another language are masked; those of none, and members of none, know no bounds."""
    intents = [Intent(f"ok_{language}", ("ok",), saying("."), language=language) for language in ("de", "en")]
    catalog = IntentCatalog((*intents, GREETING), Fallback(()))
    rule = DecisionRule(catalog, [one.label for one in catalog.classes], Policy(threshold=0.0, margin=0.0))
    scores = Scores(np.array([9.0, 8.0, 0.0, -9.0], np.float32), np.zeros(3, np.float32))
    for language, tag in (("de", "ok_de"), ("en", "ok_en"), (None, "ok_de"), ("fr", "greeting")):
        assert rule.with_scores(scores, 1.0, [], language).intent == tag
        exact = rule.without_scores("ok", [], language)
        assert (exact.intent if exact else "greeting") == tag
