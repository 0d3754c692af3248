"""The memory of answers, by which those to edited questions are found."""

from adapters.discord_edits import EDITABLE_S, MOST_REMEMBERED, Answers


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_answer_is_changed_only_if_its_question_was() -> None:
    """A question that says the same as before has its answer."""
    answers = Answers()
    answers.remember("1", "is it open?", ["7", "8"])
    assert answers.to_change("1", "is it open?") == ()
    assert answers.to_change("1", "is it closed?") == ("7", "8")
    assert answers.to_change("2", "is it closed?") == ()


def test_old_answers_stay() -> None:
    """After an hour nobody expects an answer to change."""
    clock = Clock()
    answers = Answers(clock)
    answers.remember("1", "one", ["7"])
    clock.now_s = EDITABLE_S
    assert answers.to_change("1", "two") == ("7",)
    clock.now_s += 1
    assert answers.to_change("1", "two") == ()


def test_memory_is_bounded() -> None:
    """The oldest answer gives way, and an answer that was changed counts as new."""
    answers = Answers()
    for i in range(MOST_REMEMBERED):
        answers.remember(str(i), "one", ["7"])
    answers.remember("0", "two", ["7"])
    answers.remember("new", "one", ["7"])
    assert answers.to_change("0", "three") == ("7",)
    assert answers.to_change("1", "three") == ()
