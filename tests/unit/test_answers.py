"""The log of answers: found by id, by message and as the last; bounded; nothing left of those who are forgotten."""

import gc
import re
from dataclasses import replace

import pytest

from adapters.base import Reply
from bot.answers import MAX_TEXT, N_RANKED, AnswerLog, GivenAnswer
from bot.context import UserState
from bot.turn import Turn
from model.decision import Decision, Policy, RankedIntent, Reason
from tests.unit.fakes import Clock, said

RANKING = tuple(RankedIntent(f"intent_{number}", 0.4 / 2**number) for number in range(9))
DECISION = Decision(None, Reason.BELOW_THRESHOLD, 0.3, RANKING)
TURN = Turn(
    Reply("What?"), UserState(), DECISION, None, contexts=("cheese",), model="model-1", policy=Policy(margin=0.1)
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(clock: Clock) -> AnswerLog:
    return AnswerLog(capacity=3, ttl_s=60.0, clock=clock)


def known(answer: GivenAnswer | None) -> GivenAnswer:
    assert answer is not None
    return answer


def test_an_answer_is_kept_with_what_explains_it(log: AnswerLog) -> None:
    """Question, decision, contexts, model and figures; the head of the ranking, and the lead of the whole of it."""
    answer_id = log.record(said("where"), TURN).id
    assert re.fullmatch(r"[A-Za-z0-9]{12}", answer_id)
    answer = known(log.get(answer_id))
    assert answer.text == "where"
    assert answer.contexts == ("cheese",)
    assert (answer.model, answer.threshold, answer.margin) == ("model-1", 0.5, 0.1)
    assert answer.decision == replace(DECISION, ranking=RANKING[:N_RANKED])
    assert answer.lead == DECISION.lead
    assert "where" not in repr(answer)


def test_ids_are_no_two_the_same(log: AnswerLog) -> None:
    """Nobody can tell one from another."""
    assert len({log.record(said("x"), TURN).id for _ in range(50)}) == 50


def test_an_answer_is_found_by_each_of_its_messages(log: AnswerLog) -> None:
    """In its own conversation and platform alone; an edited question's answer takes the messages over."""
    answer_id = log.record(said("x", message_id="6"), TURN).id
    assert known(log.find("discord", "here", "6")).id == answer_id
    log.sent(answer_id, ["7", "8"])
    assert {known(log.find("discord", "here", number)).id for number in ("6", "7", "8")} == {answer_id}
    assert log.find("discord", "there", "7") is None
    assert log.find("telegram", "here", "7") is None
    edited = log.record(said("y", message_id="6"), TURN).id
    log.sent(edited, ["7"])
    assert {known(log.find("discord", "here", number)).id for number in ("6", "7")} == {edited}
    log.sent("unknown", ["1"])
    assert log.find("discord", "here", "1") is None


def test_the_last_answer_is_that_of_the_conversation(log: AnswerLog) -> None:
    """Whoever asked."""
    log.record(said("one"), TURN)
    log.record(said("two", "ben"), TURN)
    log.record(said("three", conversation_id="there"), TURN)
    assert known(log.latest("discord", "here")).text == "two"
    assert log.latest("telegram", "here") is None


def test_old_and_too_many_answers_are_dropped(log: AnswerLog, clock: Clock) -> None:
    """By age and by number, with all that leads to them."""
    ids = []
    for number in range(4):
        ids.append(log.record(said("x" * 2 * MAX_TEXT, message_id=f"question {number}"), TURN).id)
        log.sent(ids[-1], [str(number)])
        clock.now += 10
    assert len(log) == 3
    assert log.get(ids[0]) is None
    assert log.find("discord", "here", "0") is None
    assert len(known(log.get(ids[1])).text) == MAX_TEXT
    clock.now += 30
    assert log.find("discord", "here", "1") is None
    assert log.get(ids[2]) is not None
    clock.now += 60
    assert log.latest("discord", "here") is None
    assert (len(log), log._ids, log._linked) == (0, {}, {})


async def test_a_person_is_forgotten_everywhere(log: AnswerLog) -> None:
    """The same id on another platform is another person."""
    for message in (said("a"), said("b", conversation_id="there"), said("c", platform="telegram")):
        log.sent(log.record(message, TURN).id, ["2"])
    await log.forget_person("discord", "ann")
    assert [known(log.get(answer_id)).text for answer_id in [*log._answers]] == ["c"]
    assert list(log._ids) == [("telegram", "here", "1"), ("telegram", "here", "2")]


def test_intents_are_counted_since_the_start(log: AnswerLog) -> None:
    """Whatever the log has dropped since; fallbacks are none."""
    for _ in range(5):
        log.record(said("x"), replace(TURN, intent="greeting"))
        log.record(said("x"), TURN)
    assert log.n_by_intent == {"greeting": 5}


def test_what_is_kept_is_soon_nothing_to_the_garbage_collector(log: AnswerLog) -> None:
    """Before it is among the old, through which all the answers of an hour would be looked while members wait."""
    log.record(said("x"), TURN)
    log.record(said("y"), replace(TURN, decision=None))
    for generation in (0, 1):
        gc.collect(generation)
    assert len(log) == 2
    assert not any(gc.is_tracked(one) for one in log._answers.values())
