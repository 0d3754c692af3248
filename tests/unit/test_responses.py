"""Choosing a response and filling it."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.responses import choose, fill_response


@given(st.lists(st.text(), min_size=2, unique=True), st.data())
def test_the_last_response_is_not_chosen_again(responses: list[str], data: st.DataObject) -> None:
    """Whatever the responses, the one of the turn before is not drawn while there is another."""
    last = data.draw(st.sampled_from(responses))
    chosen = choose(responses, last, random.Random(data.draw(st.integers())))
    assert chosen in responses
    assert chosen != last


@pytest.mark.parametrize("responses", [["only"], ["only", "only"]])
def test_an_only_response_is_repeated(responses: list[str]) -> None:
    """A single answer, even written twice, is better than none."""
    assert choose(responses, "only", random.Random(0)) == "only"


def test_every_response_is_drawn_sooner_or_later() -> None:
    """No response is left out for good."""
    source = random.Random(0)
    assert {choose(["a", "b", "c"], None, source) for _ in range(100)} == {"a", "b", "c"}


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
