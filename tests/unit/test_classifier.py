"""A trained model answering: the same object as in the bot and in the evaluation."""

import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.bundle import load_bundle
from model.classifier import IntentClassifier, Question
from model.decision import Reason
from model.runtime import load_runtime

FOLLOW_UPS = {"cheese_yes", "cheese_no"}
ALWAYS = {"greeting", "opening_hours", "order_pizza"}


@pytest.fixture(scope="module", params=["litert", "keras"])
def classifier(request: pytest.FixtureRequest, trained_once: Any) -> IntentClassifier:
    bundle = load_bundle(trained_once.bundle_path)
    return IntentClassifier(bundle, load_runtime(bundle, request.param), bundle.catalog)


@pytest.mark.parametrize("text", ["Hi there!", "  HI   thére ", "<@123> hi there \U0001f44b"])
def test_pattern_in_any_spelling_is_an_exact_match(classifier: IntentClassifier, text: str) -> None:
    """Case, signs, accents and a mention make no other text of it."""
    decision = classifier.classify(text)
    assert (decision.intent, decision.reason, decision.score) == ("greeting", Reason.EXACT, 1.0)


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("hello there friend", "greeting"),
        ("so when are you open on sunday?", "opening_hours"),
        ("could I order one pizza please", "order_pizza"),
    ],
)
def test_text_like_the_patterns_is_found_by_the_network(classifier: IntentClassifier, text: str, intent: str) -> None:
    """What equals no pattern is ranked over all that can be meant."""
    decision = classifier.classify(text)
    assert (decision.intent, decision.reason) == (intent, Reason.CONFIDENT)
    assert {one.tag for one in decision.ranking} == ALWAYS


def test_follow_up_is_understood_in_its_context_alone(classifier: IntentClassifier) -> None:
    """A "yes" means something after a question."""
    assert classifier.classify("yes", ["cheese"]).intent == "cheese_yes"
    assert classifier.classify("yes yes with cheese please", ["cheese"]).intent == "cheese_yes"
    without = classifier.classify("yes")
    assert without.intent not in FOLLOW_UPS
    assert {one.tag for one in without.ranking} == ALWAYS


@pytest.mark.parametrize("text", ["量子力学", "привет как дела", "7777777"])
def test_text_of_which_nothing_is_known_falls_back(classifier: IntentClassifier, text: str) -> None:
    """Not a letter of it stands in a pattern, so whatever the network says is a guess."""
    decision = classifier.classify(text)
    assert decision.intent is None
    assert {one.tag for one in decision.ranking} == ALWAYS


def test_gibberish_in_known_letters_is_out_of_scope(classifier: IntentClassifier) -> None:
    """Letters alone may favour an intent, but words that no pattern holds count for little."""
    careful = IntentClassifier(classifier.bundle, classifier.runtime, classifier.catalog, threshold=0.35)
    decision = careful.classify("zxqv wkjf bnmt")
    assert decision.intent is None
    assert decision.score < 0.35


@pytest.mark.parametrize("text", ["", " \n", "?!", "\U0001f44b", "<@123>", "\ud83d", "\u200b\u202e"])
def test_text_without_a_word_is_empty(classifier: IntentClassifier, text: str) -> None:
    """Nothing that could be compared was said."""
    assert classifier.classify(text).reason is Reason.EMPTY


@pytest.mark.parametrize("text", ["pizza " * 20_000, "a" * 100_000, "x y z w " * 12_500])
def test_huge_text_is_decided(classifier: IntentClassifier, text: str) -> None:
    """Its beginning is read."""
    assert {one.tag for one in classifier.classify(text).ranking} == ALWAYS


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=300), st.lists(st.sampled_from(["cheese", "unknown", "\ud83d"]), max_size=3))
def test_any_text_is_decided(classifier: IntentClassifier, text: str, contexts: list[str]) -> None:
    """For any text and contexts: an intent that can be meant, or none."""
    decision = classifier.classify(text, contexts)
    assert decision.intent in ALWAYS | {None} | (FOLLOW_UPS if "cheese" in contexts else set())
    assert 0 <= decision.score <= 1


def test_operators_threshold_replaces_the_bundles(classifier: IntentClassifier) -> None:
    """It holds for what the network decides; a pattern is a pattern."""
    strict = IntentClassifier(classifier.bundle, classifier.runtime, classifier.catalog, threshold=1.0)
    assert strict.rule.policy == replace(classifier.bundle.manifest.policy, threshold=1.0)
    assert strict.classify("could I order one pizza please").reason in {Reason.BELOW_THRESHOLD, Reason.OUT_OF_SCOPE}
    assert strict.classify("hello").reason is Reason.EXACT
    assert classifier.rule.policy == classifier.bundle.manifest.policy


@pytest.fixture(scope="module", params=["trained_with_encoder", "trained_with_fine_tuning"])
def with_encoder(request: pytest.FixtureRequest) -> IntentClassifier:
    bundle = load_bundle(request.getfixturevalue(request.param).bundle_path)
    return IntentClassifier(bundle, load_runtime(bundle), bundle.catalog)


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("hello there friend", "greeting"),
        ("so when are you open on sunday?", "opening_hours"),
        ("could I order one pizza please", "order_pizza"),
    ],
)
def test_encoder_and_ngrams_rank_together(with_encoder: IntentClassifier, text: str, intent: str) -> None:
    """By words alone an encoder that knows nothing can rank them, too."""
    assert with_encoder.classify(text).ranking[0].tag == intent


def test_slips_are_mended_for_the_encoder(with_encoder: IntentClassifier) -> None:
    """It reads the word that was meant; the n-grams read what was typed."""
    features = with_encoder.bundle.features
    slip, meant = features.encode("order a piza"), features.encode("order a pizza")
    assert slip.token_ids.tolist() == meant.token_ids.tolist()
    assert slip.ngram_ids.tolist() != meant.ngram_ids.tolist()


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=300), st.lists(st.sampled_from(["cheese", "unknown", "\ud83d"]), max_size=3))
def test_any_text_is_decided_with_an_encoder(with_encoder: IntentClassifier, text: str, contexts: list[str]) -> None:
    """Likewise."""
    decision = with_encoder.classify(text, contexts)
    assert decision.intent in ALWAYS | {None} | (FOLLOW_UPS if "cheese" in contexts else set())
    assert 0 <= decision.score <= 1


@pytest.mark.parametrize("text", ["pizza " * 20_000, "a" * 100_000, "x y z w " * 12_500, "漢" * 100_000])
def test_huge_text_is_decided_with_an_encoder(with_encoder: IntentClassifier, text: str) -> None:
    """Its beginning is read, in a moment."""
    started = time.perf_counter()
    assert {one.tag for one in with_encoder.classify(text).ranking} == ALWAYS
    assert time.perf_counter() - started < 2


def questions() -> list[Question]:
    """What equals a pattern, what has no word, and what is scored, in contexts of their own."""
    texts = ["Hi there!", "could I order one pizza please", "!!!", "yes yes with cheese please", "so when are you open"]
    contexts = [(), ("cheese",), ("wine", "cheese")]
    return [Question(f"{text}{' now' * number}", contexts[number]) for number in range(3) for text in texts]


def test_messages_decided_about_together_get_what_each_gets_alone(classifier: IntentClassifier) -> None:
    """In their order."""
    assert_same_together(classifier)


def test_messages_decided_about_together_with_an_encoder_too(with_encoder: IntentClassifier) -> None:
    """None is read as a part of another."""
    assert_same_together(with_encoder)


def assert_same_together(classifier: IntentClassifier) -> None:
    together = classifier.classify_all(questions())
    for question, decision in zip(questions(), together, strict=True):
        alone = classifier.classify(question.text, question.contexts, question.language)
        assert (decision.intent, decision.reason) == (alone.intent, alone.reason)
        assert [one.tag for one in decision.ranking] == [one.tag for one in alone.ranking]
        assert decision.score == pytest.approx(alone.score, abs=1e-4)
    assert len({decision.reason for decision in together}) > 2
    assert len({decision.intent for decision in together}) > 3
    assert classifier.classify_all([]) == []


def test_contexts_come_from_the_catalog_in_service(classifier: IntentClassifier) -> None:
    """An edited file of the same patterns may ask for other contexts than the bundle's own."""
    catalog = classifier.catalog
    edited = replace(catalog, intents=tuple(replace(intent, context_filter=()) for intent in catalog.intents))
    serving = IntentClassifier(classifier.bundle, classifier.runtime, edited)
    assert serving.classify("yes").intent == "cheese_yes"
    assert serving.intents["cheese_yes"].context_filter == ()
