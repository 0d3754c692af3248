"""What adapters remember of their answers, so as to edit them."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from adapters.answer_memory import AnswerMemory
from adapters.base import IncomingMessage

QUESTION = IncomingMessage(
    platform="telegram",
    conversation_id="-100",
    user_id="1",
    message_id="5",
    text="hello",
    display_name="Ada",
    is_direct=False,
    is_addressed=True,
    locale=None,
    received_at=datetime(2030, 1, 1, tzinfo=UTC),
)


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_recalls_the_latest_answer() -> None:
    """By the question's place and number, whatever it says by now; the same number elsewhere is another question."""
    memory = AnswerMemory()
    memory.remember(QUESTION, ["6"])
    memory.remember(replace(QUESTION, text="hello there"), ["6", "8"])
    answered = memory.recall(replace(QUESTION, text="hello again", is_edit=True))
    assert answered is not None
    assert answered.message_ids == ("6", "8")
    assert memory.recall(replace(QUESTION, conversation_id="-200")) is None
    assert memory.recall(replace(QUESTION, message_id="6")) is None


def test_tells_an_edit_of_the_words_without_keeping_them() -> None:
    """A question that says the same as before has its answer; another command with the same text is another one."""
    memory = AnswerMemory()
    memory.remember(QUESTION, ["6"])
    answered = memory.recall(QUESTION)
    assert answered is not None
    changed: list[dict[str, Any]] = [{}, {"text": "hello there"}, {"command": "ask"}]
    assert [answered.answers(replace(QUESTION, **change)) for change in changed] == [True, False, False]
    assert QUESTION.text not in repr(answered)


def test_question_whose_answer_is_gone_has_none() -> None:
    """Its messages were deleted and nothing could be sent in their place."""
    memory = AnswerMemory()
    memory.remember(QUESTION, ["6"])
    memory.remember(QUESTION, [])
    assert memory.recall(QUESTION) is None


def test_forgets_after_an_hour() -> None:
    """The hour begins anew with each answer."""
    clock = Clock()
    memory = AnswerMemory(ttl_s=3600, clock=clock)
    memory.remember(QUESTION, ["6"])
    clock.now_s = 3599
    assert memory.recall(QUESTION) is not None
    memory.remember(QUESTION, ["6"])
    clock.now_s = 7198
    assert memory.recall(QUESTION) is not None
    clock.now_s = 7199
    assert memory.recall(QUESTION) is None


def test_forgets_the_oldest_first() -> None:
    """However much is asked, no more than so many answers are remembered."""
    memory = AnswerMemory(capacity=2)
    questions = [replace(QUESTION, message_id=str(n)) for n in range(3)]
    for question in questions:
        memory.remember(question, ["9"])
        memory.remember(questions[0], ["9"])
    assert [memory.recall(question) is not None for question in questions] == [True, False, True]
