"""Choosing a response and filling it."""

import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.entities import SlotValue
from bot.responses import choose, fill_response
from intents.catalog import Condition, Response

CHESS = {"group": SlotValue("Chess", "chess")}


def chosen(responses: Sequence[Response], last: str | None, source: random.Random, **known: Any) -> str:
    """The text of what is chosen, on Discord, in no known language and without slots unless told otherwise."""
    settings: dict[str, Any] = {"filled": (), "platform": "discord", "language": None, "slots": {}}
    return choose(responses, last, source, **(settings | known)).text


@given(st.lists(st.text("ab", min_size=1), min_size=2, unique=True), st.data())
def test_the_last_response_is_not_chosen_again(texts: list[str], data: st.DataObject) -> None:
    """Whatever the responses, the one of the turn before is not drawn while there is another."""
    last = data.draw(st.sampled_from(texts))
    text = chosen([Response(text) for text in texts], last, random.Random(data.draw(st.integers())))
    assert text in texts
    assert text != last


@pytest.mark.parametrize("texts", [["only"], ["only", "only"]])
def test_an_only_response_is_repeated(texts: list[str]) -> None:
    """A single answer, even written twice, is better than none."""
    assert chosen([Response(text) for text in texts], "only", random.Random(0)) == "only"


def test_every_response_is_drawn_sooner_or_later() -> None:
    """No response is left out for good."""
    source = random.Random(0)
    assert {chosen([Response("a"), Response("b"), Response("c")], None, source) for _ in range(100)} == set("abc")


@pytest.mark.parametrize(
    ("known", "texts"),
    [
        ({}, {"plain"}),
        ({"platform": "telegram"}, {"on telegram"}),
        ({"language": "de"}, {"plain"}),
        ({"platform": "telegram", "language": "de"}, {"on telegram in German"}),
        ({"slots": CHESS}, {"chess", "some group"}),
        ({"slots": CHESS, "platform": "telegram"}, {"chess", "some group", "on telegram"}),
        ({"slots": {"group": SlotValue("Books", "books")}}, {"some group"}),
    ],
)
def test_the_condition_that_says_most_wins(known: dict[str, Any], texts: set[str]) -> None:
    """Of the responses whose condition holds, those with the most parts are chosen from."""
    responses = [
        Response("plain"),
        Response("on telegram", Condition(platforms=("telegram",))),
        Response("on telegram in German", Condition(platforms=("telegram",), languages=("de",))),
        Response("chess", Condition(slots={"group": ("chess",)})),
        Response("some group", Condition(slots={"group": ()})),
    ]
    source = random.Random(0)
    assert {chosen(responses, None, source, **known) for _ in range(50)} == texts


def test_where_no_condition_holds_there_is_an_answer_all_the_same() -> None:
    """A member is not left without words by conditions that forgot a case."""
    assert chosen([Response("so", Condition(platforms=("telegram",)))], None, random.Random(0)) == "so"


@pytest.mark.parametrize(("filled", "text"), [((), "on some day"), (("day",), "on {day}")])
def test_a_response_without_gaps_comes_first(filled: tuple[str, ...], text: str) -> None:
    """What names a value that was not given is left aside; with the value it is as good as the others."""
    responses = [Response("on {day}"), Response("on some day")]
    source = random.Random(0)
    assert text in {chosen(responses, None, source, filled=filled) for _ in range(20)}
    assert ("on {day}" in {chosen(responses, None, source, filled=filled) for _ in range(20)}) is bool(filled)


@pytest.mark.parametrize(
    ("response", "name", "sent"),
    [
        ("Hello {display_name}!", "Ann", "Hello Ann!"),
        ("{display_name}, {display_name}", "{display_name}", "{display_name}, {display_name}"),
        ("{{display_name}} {unknown} { }", "Ann", "{display_name} {unknown} { }"),
        (" padded \n", "Ann", "padded"),
        ("{display_name}", "  ", "..."),
        ("{display_name.__class__}", "Ann", "{display_name.__class__}"),
    ],
)
def test_a_response_is_filled_once(response: str, name: str, sent: str) -> None:
    """Names are put in as they are, nothing else in braces is touched, and what is sent is never empty."""
    assert fill_response(response, {"display_name": name}) == sent
