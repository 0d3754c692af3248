"""What buttons carry and say, on both platforms."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.base import Reply, ReplyChoice
from adapters.choices import (
    MOST_CHOICES,
    TITLE_LIMIT,
    Press,
    Vote,
    from_data,
    presentable,
    to_data,
    votable_id,
    vote_from_data,
    vote_to_data,
)
from adapters.discord_choices import choice_rows, chosen_row
from adapters.telegram_choices import keyboard

OWNERS = st.integers(min_value=-(2**63), max_value=2**64 - 1).map(str)
"""Under zero are Telegram's groups, which an anonymous admin speaks for."""
ANSWER_IDS = st.text("abcxyzABCXYZ0123456789", min_size=1, max_size=16)
IDS = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=32)
CHOICES = st.lists(st.builds(ReplyChoice, st.text(max_size=40), st.text(st.characters(categories=None), max_size=200)))


@given(OWNERS, IDS)
def test_what_a_button_carries_can_be_read_again(owner_id: str, choice_id: str) -> None:
    """Whatever the choice's id is, and it is short enough for both platforms."""
    data = to_data(owner_id, choice_id)
    assert from_data(data) == Press(owner_id, choice_id)
    assert len(data.encode()) <= 64


@pytest.mark.parametrize(
    "data", [None, "", "c:", "c::x", "c:1:", "c:a:x", "c:1:ü", "c:1:" + "x" * 33, "d:1:x", "c:²:x", 7]
)
def test_what_others_put_on_a_button_is_nothing(data: object) -> None:
    """A button of another program, or of another time, means nothing."""
    assert from_data(data) is None


@given(ANSWER_IDS, st.booleans())
def test_what_a_thumb_carries_can_be_read_again(answer_id: str, is_up: bool) -> None:
    """Whatever the answer's id is; and no thumb is taken for a choice, nor a choice for a thumb."""
    data = vote_to_data(Vote(answer_id, is_up))
    assert vote_from_data(data) == Vote(answer_id, is_up)
    assert len(data.encode()) <= 64
    assert from_data(data) is None
    assert vote_from_data(to_data("1", "x")) is None


@pytest.mark.parametrize(
    "data", [None, "", "v:", "v::+", "v:a", "v:a:", "v:a:1", "v:a:+-", "v:ü:+", "v:a b:+", "v:" + "x" * 17 + ":+", 7]
)
def test_what_others_put_on_a_thumb_is_nothing(data: object) -> None:
    """A forged vote names no answer."""
    assert vote_from_data(data) is None


def test_thumbs_need_an_answer_that_can_be_named() -> None:
    """They are shown where they are wanted, have an id that can be carried, and stand alone."""
    assert votable_id(Reply("x", answer_id="a1", can_vote=True)) == "a1"
    assert votable_id(Reply("x", answer_id="a1")) is None
    assert votable_id(Reply("x", can_vote=True)) is None
    assert votable_id(Reply("x", answer_id="a:1", can_vote=True)) is None
    assert votable_id(Reply("x", answer_id="a1", can_vote=True, choices=(ReplyChoice("n", "No"),))) is None


@given(CHOICES)
def test_any_choices_can_be_shown(choices: Sequence[ReplyChoice]) -> None:
    """Whatever a catalog says, no button has what a platform refuses."""
    shown = presentable(choices)
    assert len(shown) <= MOST_CHOICES
    assert len({choice.id for choice in shown}) == len(shown)
    for choice in shown:
        assert choice.title.strip()
        assert len(choice.title) <= TITLE_LIMIT
        assert choice.title.encode()
        assert from_data(to_data("1", choice.id)) == Press("1", choice.id)


def test_choices_keep_their_order_and_the_first_of_two_alike() -> None:
    """What is left out leaves no trace in the order of the rest."""
    choices = [ReplyChoice(i, f" {i}  {n}\n") for n, i in enumerate("abcab")]
    assert presentable(choices) == (ReplyChoice("a", "a 0"), ReplyChoice("b", "b 1"), ReplyChoice("c", "c 2"))


def test_a_long_title_is_cut_with_a_sign() -> None:
    """A title within the limit stays whole."""
    whole, long = presentable([ReplyChoice("a", "x" * TITLE_LIMIT), ReplyChoice("b", "x" * (TITLE_LIMIT + 1))])
    assert whole.title == "x" * TITLE_LIMIT
    assert long.title == "x" * (TITLE_LIMIT - 1) + "…"


@pytest.mark.parametrize(
    ("titles", "rows"),
    [
        (["Yes", "No"], [2]),
        (["1", "2", "3", "4", "5"], [4, 1]),
        (["Opening hours", "Leave again"], [2]),
        (["Opening hours of the club", "No"], [1, 1]),
        (["No", "Opening hours of the club", "Yes", "Maybe"], [1, 1, 2]),
        ([], []),
    ],
)
def test_telegram_puts_short_buttons_side_by_side(titles: list[str], rows: list[int]) -> None:
    """A row is shared out evenly, so its longest title decides how many fit."""
    choices = tuple(ReplyChoice(f"n{i}", title) for i, title in enumerate(titles))
    markup = keyboard(Reply("Which?", choices=choices), "1")
    assert ([len(row) for row in markup.inline_keyboard] if markup else []) == rows


@pytest.mark.parametrize(
    ("titles", "is_menu"),
    [
        (["x"], False),
        (["x" * 80], False),
        (["x" * 81], True),
        (["x" * 16] * 5, False),
        (["x" * 16] * 4 + ["x" * 17], True),
        (["x"] * 6, True),
        (["x" * 100] * 25, True),
    ],
)
def test_discord_shows_a_few_short_choices_as_buttons(titles: list[str], is_menu: bool) -> None:
    """Those stand in one row; what does not fit there is one menu, with every choice in it."""
    choices = [ReplyChoice(f"n{i}", title) for i, title in enumerate(titles)]
    (row,) = choice_rows(choices, "1")
    if is_menu:
        (menu,) = row["components"]
        shown = [(option["label"], option["value"]) for option in menu["options"]]
    else:
        shown = [(button["label"], button["custom_id"]) for button in row["components"]]
    assert shown == [(choice.title, to_data("1", choice.id)) for choice in choices]


@given(CHOICES)
def test_discord_takes_any_choices(choices: Sequence[ReplyChoice]) -> None:
    """Whatever a catalog says, nothing is longer than Discord allows."""
    for row in choice_rows(choices, "1" * 20):
        for child in row["components"]:
            options = child.get("options", [])
            assert 1 <= len(options or row["components"]) <= (MOST_CHOICES if options else 5)
            assert all(len(option["label"]) <= 100 and len(option["value"]) <= 100 for option in options)
            assert len(child.get("label", "")) <= TITLE_LIMIT
            assert len(child["custom_id"]) <= 100
    assert choice_rows([], "1") == []


def test_a_choice_without_a_known_title_leaves_no_button() -> None:
    """Discord takes no button without a label; and what a menu says is cut where a button shows it."""
    assert chosen_row("", Press("1", "x")) == []
    (row,) = chosen_row("x" * 100, Press("1", "x"))
    assert len(row["components"][0]["label"]) == TITLE_LIMIT
