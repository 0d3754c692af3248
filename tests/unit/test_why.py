"""Why an answer was given: which one is meant, every rule in words, near patterns, and whose texts are shown."""

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bot.answers import AnswerLog, GivenAnswer
from bot.context import ContextStore
from bot.inference import Inference
from bot.service import ServiceLoader
from bot.why import asked_about, explain, nearest_pattern
from intents.catalog import Intent
from model.decision import Decision, RankedIntent, Reason
from model.features import fit_ngrams
from tests.unit.fakes import CATALOG, Clock, engine_of, said
from tests.unit.test_answers import TURN
from tests.unit.test_inbox import ANSWER

if TYPE_CHECKING:
    from tests.conftest import Trained

INTENTS = {intent.tag: intent for intent in CATALOG.intents}
RANKING = (RankedIntent("greeting", 0.44), RankedIntent("opening_hours", 0.4))


def explained(answer: GivenAnswer = ANSWER, *, serving: str = "model-1") -> str:
    return explain(answer, INTENTS, None, serving)


def decided(reason: Reason, intent: str | None = None, score: float = 0.4) -> GivenAnswer:
    return replace(ANSWER, intent=intent, decision=Decision(intent, reason, score, RANKING))


# Which answer.


@pytest.fixture
def log() -> AnswerLog:
    return AnswerLog(clock=Clock())


def test_the_last_answer_of_the_conversation_is_meant(log: AnswerLog) -> None:
    """Unless another is named, by its id, or by a message that it stands in; never one of another conversation."""
    first = log.record(said("one", "ben", message_id="1"), TURN).id
    log.sent(first, ["2"])
    last = log.record(said("two", "ben", message_id="3"), TURN).id
    elsewhere = log.record(said("three", "ben", message_id="5", conversation_id="there"), TURN).id

    def found(text: str = "", replied_id: str | None = None) -> str | None:
        answer = asked_about(said(text, replied_id=replied_id), log)
        return answer and answer.id

    assert found() == last
    assert found(replied_id="2") == first
    assert found(replied_id="1") == first
    assert found(replied_id="5") is None
    assert found(f" {elsewhere} ", replied_id="2") == elsewhere
    assert found("three") is None


# What is told of it.


@pytest.mark.parametrize(
    ("answer", "rule"),
    [
        (replace(ANSWER, is_choice=True, decision=None), "a choice was pressed"),
        (replace(ANSWER, decision=None), "answered what the bot had asked before"),
        (decided(Reason.EXACT, "greeting"), "is a pattern of greeting, word for word"),
        (decided(Reason.CONFIDENT, "greeting", 0.8), "greeting is the likeliest intent, and the score reaches"),
        (decided(Reason.BELOW_THRESHOLD), "greeting is the likeliest intent, but the score is under the threshold"),
        (decided(Reason.AMBIGUOUS), "greeting and opening_hours are about as likely"),
        (decided(Reason.OUT_OF_SCOPE), "more like general talk than like any intent"),
        (decided(Reason.OUT_OF_SCOPE, score=0.0), "knows none of the words"),
        (replace(ANSWER, decision=Decision(None, Reason.OUT_OF_SCOPE, 0.0, ())), "no intent may be meant"),
        (replace(ANSWER, decision=Decision(None, Reason.EMPTY, 0.0, ())), "no letter or digit"),
        (replace(decided(Reason.CONFIDENT, "greeting"), intent="book"), "book had asked for something"),
        (replace(decided(Reason.OUT_OF_SCOPE), text="Yes!"), "is a pattern of cheese_yes (needs cheese)"),
    ],
)
def test_every_rule_is_told_in_words(answer: GivenAnswer, rule: str) -> None:
    """What decided, and where something can be done about it, what."""
    (told,) = [line for line in explained(answer).splitlines() if line.startswith("The rule that decided")]
    assert rule in told


def test_the_figures_are_told() -> None:
    """Ranking, contexts, score and threshold, lead and margin, model and id."""
    text = explained(replace(decided(Reason.AMBIGUOUS), contexts=("cheese", "size")))
    assert text.startswith("`how do I fly?` got a fallback.")
    assert "1. greeting: 44%\n2. opening_hours: 40%" in text
    assert "Active contexts: cheese, size." in text
    assert "Score 0.40, threshold 0.50; lead 0.10, margin 0.02." in text
    assert "Model model-1.\nAnswer abc." in text
    assert "Active contexts: none." in explained()
    assert "Model model-1, which model-2 has replaced since." in explained(serving="model-2")


def test_the_nearest_pattern_shares_the_most() -> None:
    """Word by word and letter by letter; one that shares nothing is not near."""
    texts = ["when do you open", "when do you close", "i want cheese"]
    ngrams = fit_ngrams([text.split() for text in texts], {}, character_sizes=(2, 4), min_count=1)
    near = nearest_pattern(Intent("hours", ("When do you open?", "When do you close?"), ()), "when do u close", ngrams)
    assert near is not None
    assert near.text == "When do you close?"
    assert 0.3 < near.cosine < 1
    same = nearest_pattern(Intent("hours", tuple(texts), ()), "When do you open!", ngrams)
    assert same is not None
    assert same.cosine == pytest.approx(1)
    assert nearest_pattern(Intent("food", ("i want cheese",), ()), "xyzzy", ngrams) is None
    assert nearest_pattern(Intent("none", (), ()), "when", ngrams) is None


async def test_an_answer_of_a_trained_model_is_explained(trained: "Trained") -> None:
    """From the message to the words, with what the engine knew: contexts before the message, model and policy."""
    classifier = ServiceLoader(trained.models_dir, trained.intents_path).at_start().classifier
    inference = Inference(classifier)
    engine = engine_of(inference, ContextStore(capacity=10, ttl_s=60.0, clock=Clock()))
    log = AnswerLog(clock=Clock())
    try:
        for text in ("I want a pizza", "could you tell me when you close"):
            log.record(said(text), await engine.turn(said(text)))
    finally:
        inference.close()
    answer = log.latest("discord", "here")
    assert answer is not None
    text = explain(answer, classifier.intents, classifier.bundle.features.ngrams, classifier.bundle.name)
    assert "1. opening_hours" in text
    assert "nearest pattern `when do you close`" in text
    assert "Active contexts: cheese." in text
    assert f"threshold {classifier.rule.policy.threshold:.2f}" in text
    assert f"Model {trained.bundle_path.name}." in text
