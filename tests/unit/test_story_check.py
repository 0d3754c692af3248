"""How a reload asks stories: what a new classifier does otherwise, and of that what the one in service did."""

from dataclasses import replace
from datetime import UTC, datetime

from bot.stories import PlacedStory, Story
from bot.story_check import compare
from tests.unit.fakes import CATALOG, HELLO, PIZZA, YES, FakeClassifier

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def story(name: str, *turns: dict[str, object]) -> PlacedStory:
    written = {"story": name, "now": START, "turns": list(turns)}
    return PlacedStory("a.yaml", Story.model_validate(written), tuple(range(1, len(turns) + 1)))


STORIES = (
    story("Greeting", {"user": "hello", "intent": "greeting"}),
    story("Hours", {"user": "when", "intent": "opening_hours"}),
    story("Pizza", {"user": "a pizza", "intent": "order_pizza"}, {"user": "yes", "text": "Never."}),
)


def compared(new: FakeClassifier, serving: FakeClassifier | None) -> tuple[list[str], list[str]]:
    return compare(STORIES, new, serving, action_modules=[])  # type: ignore[arg-type]


def test_only_what_differs_is_asked_of_the_one_in_service() -> None:
    """What it does not do either is no worse than before."""
    new, serving = FakeClassifier(replace(CATALOG, intents=(HELLO, PIZZA, YES))), FakeClassifier(CATALOG)
    assert compared(new, serving) == (["Hours", "Pizza"], ["Hours"])
    assert [text for text, _ in serving.calls] == ["when", "a pizza", "yes"]


def test_what_comes_out_as_written_is_asked_of_nobody_else() -> None:
    """Nothing differs."""
    serving = FakeClassifier(CATALOG)
    assert compare(STORIES[:2], FakeClassifier(CATALOG), serving, action_modules=[]) == ([], [])  # type: ignore[arg-type]
    assert serving.calls == []


def test_without_one_in_service_all_that_differs_is_worse() -> None:
    """There is nothing to compare with."""
    assert compared(FakeClassifier(CATALOG), None) == (["Pizza"], ["Pizza"])
