"""The actions that come with the bot: the time somewhere, dice, and polls."""

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import example_actions
from bot.action_values import ActionRefusedError
from bot.actions import ActionRunner
from bot.entities import SlotValue
from bot.example_actions import poll_results, roll, time_in, vote
from intents.catalog import Action, Fallback, Intent, IntentCatalog, Response

NOON = datetime(2026, 7, 3, 12, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(example_actions, "_POLLS", example_actions._Polls())


@pytest.mark.parametrize(
    ("place", "named", "zone", "time"),
    [
        ("Tokyo", "Tokyo", "Asia/Tokyo", "21:05"),
        ("  new   york ", "New York", "America/New_York", "08:05"),
        ("america/new_york", "New York", "America/New_York", "08:05"),
        ("São Paulo", "Sao Paulo", "America/Sao_Paulo", "09:05"),
        ("München", "München", "Europe/Berlin", "14:05"),
        ("Kathmandu", "Kathmandu", "Asia/Kathmandu", "17:50"),
        ("buenos aires", "Buenos Aires", "America/Buenos_Aires", "09:05"),
        ("UTC", "UTC", "UTC", "12:05"),
    ],
)
def test_time_is_that_of_a_city_or_a_zone(place: str, named: str, zone: str, time: str) -> None:
    """Written as people write it."""
    found = example_actions._time_in(place, NOON)
    assert (found["place"], found["zone"], found["time"]) == (named, zone, time)
    assert found["result"] == f"{time} on Friday, 3 July"


def test_time_has_its_parts() -> None:
    """For responses in any language."""
    assert example_actions._time_in("Auckland", NOON) == {
        "result": "00:05 on Saturday, 4 July",
        "time": "00:05",
        "date": "2026-07-04",
        "weekday": "Saturday",
        "place": "Auckland",
        "zone": "Pacific/Auckland",
        "offset": "UTC+12:00",
    }


@pytest.mark.parametrize("place", ["", "here", "Server"])
def test_time_without_a_place_is_the_servers(place: str) -> None:
    """In its own zone."""
    assert example_actions._time_in(place, NOON)["time"] == f"{NOON.astimezone():%H:%M}"
    assert time_in(place)["place"] == "here"


@pytest.mark.parametrize(("place", "hint"), [("Tokio", "Did you mean Tokyo?"), ("Atlantis", "large city near it")])
def test_unknown_place_is_refused_kindly(place: str, hint: str) -> None:
    """With the place that may have been meant."""
    with pytest.raises(ActionRefusedError, match=hint):
        time_in(place)


@given(st.text() | st.sampled_from(sorted(available_timezones())))
def test_any_place_has_a_time_or_a_refusal(place: str) -> None:
    """Whatever a member writes, paths out of the time zone database too."""
    try:
        found = example_actions._time_in(place, NOON)
    except ActionRefusedError:
        found = None
    assert found is not None or place not in available_timezones() - {"localtime"}


def highest(_: int, most: int) -> int:
    return most


@pytest.mark.parametrize(
    ("dice", "expected"),
    [
        ("2d6", {"result": "12 (6 + 6)", "total": 12, "rolls": "6, 6", "dice": "2d6"}),
        ("d20", {"result": "20", "total": 20, "rolls": "20", "dice": "1d20"}),
        (" 3 W 8 + 2 ", {"result": "26 (8 + 8 + 8 + 2)", "total": 26, "rolls": "8, 8, 8", "dice": "3d8+2"}),
        ("1d6-1", {"result": "5 (6 - 1)", "total": 5, "rolls": "6", "dice": "1d6-1"}),
        ("100", {"result": "100", "total": 100, "rolls": "100", "dice": "1d100"}),
    ],
)
def test_dice_are_read_as_players_write_them(dice: str, expected: dict[str, Any]) -> None:
    """A number alone is that of the sides."""
    assert example_actions._roll(dice, highest) == expected


@pytest.mark.parametrize("dice", ["", "d", "0d6", "2d1", "51d6", "999d1000", "1d1001", "2d6d6", "-1", "²", "1d6+", "x"])
def test_dice_that_there_are_not_are_refused(dice: str) -> None:
    """With an example."""
    with pytest.raises(ActionRefusedError, match="2d6, for example"):
        roll(dice)


@given(st.integers(1, 50), st.integers(2, 1_000))
def test_dice_show_one_of_their_sides(count: int, sides: int) -> None:
    """Each of them."""
    rolled = roll(f"{count}d{sides}")
    shown = [int(one) for one in str(rolled["rolls"]).split(", ")]
    assert len(shown) == count
    assert all(1 <= one <= sides for one in shown)
    assert rolled["total"] == sum(shown)


@given(st.text())
def test_any_text_is_dice_or_refused(text: str) -> None:
    """Never anything else."""
    with suppress(ActionRefusedError):
        assert roll(text)["result"]


def test_sides_alone_roll_one_die() -> None:
    """As a number, from a slot."""
    assert roll(sides=20)["dice"] == "1d20"


def test_poll_counts_one_vote_a_member() -> None:
    """Who votes again changes their vote; case and spaces do not make a choice another."""
    vote("lunch", "Pizza", "ann")
    vote("Lunch ", " pizza", "bob")
    assert vote("lunch", "Soup", "cem") == {
        "result": "Pizza: 2, Soup: 1",
        "votes": 3,
        "leading": "Pizza",
        "choice": "Soup",
    }
    assert vote("lunch", "soup", "ann")["result"] == "Soup: 2, Pizza: 1"
    assert vote("lunch", "pizza", "cem")["leading"] == "Pizza"
    assert vote("lunch", "cake", "cem")["leading"] == "Pizza and Soup and cake"
    assert vote("lunch", "soup", "bob")["result"] == "Soup: 2, cake: 1"
    assert poll_results("LUNCH") == {"result": "Soup: 2, cake: 1", "votes": 3, "leading": "Soup"}


def test_polls_are_apart() -> None:
    """Each by its name; one without a vote says so."""
    vote("lunch", "pizza", "ann")
    vote("dinner", "pizza", "ann")
    assert poll_results("lunch")["votes"] == 1
    with pytest.raises(ActionRefusedError, match="Nobody has voted"):
        poll_results("breakfast")


@pytest.mark.parametrize(("poll", "choice"), [("", "a"), ("  ", "a"), ("a", ""), ("a", "x" * 101), ("x" * 101, "a")])
def test_names_have_bounds(poll: str, choice: str) -> None:
    """Neither nothing nor a novel."""
    with pytest.raises(ActionRefusedError, match="1 to 100 characters"):
        vote(poll, choice, "ann")


def test_poll_has_bounded_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """For choices, which make room when nobody has them any more, and for members."""
    for number in range(25):
        vote("a", f"choice {number}", f"member {number}")
    with pytest.raises(ActionRefusedError, match="no room"):
        vote("a", "one more", "late")
    vote("a", "one more", "member 3")
    assert vote("a", "choice 0", "late")["votes"] == 26
    monkeypatch.setattr(example_actions, "MOST_VOTES", 26)
    with pytest.raises(ActionRefusedError, match="no room"):
        vote("a", "choice 0", "too late")
    assert vote("a", "choice 1", "late")["votes"] == 26


def test_polls_unused_for_longest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """By their number, and by their votes."""
    for number in range(200):
        vote(f"poll {number}", "yes", "ann")
    vote("poll 0", "no", "bob")
    vote("poll 200", "yes", "ann")
    assert poll_results("poll 0")["votes"] == 2
    with pytest.raises(ActionRefusedError):
        poll_results("poll 1")
    monkeypatch.setattr(example_actions, "MOST_VOTES", 3)
    vote("poll 0", "yes", "cem")
    assert len(example_actions._POLLS._polls) == 1


def test_votes_of_many_threads_are_all_counted() -> None:
    """Functions run side by side."""

    def votes(thread: int) -> Callable[[], None]:
        def cast() -> None:
            for number in range(100):
                vote("a", f"choice {number % 3}", f"{thread} {number}")

        return cast

    threads = [threading.Thread(target=votes(thread)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert poll_results("a")["votes"] == 800


ACTIONS = {
    "time_in": {"place": "{place}"},
    "roll": {"dice": "{dice}"},
    "vote": {"poll": "lunch in {server}", "choice": "{choice}"},
    "poll_results": {"poll": "lunch in {server}"},
}
VALUES = {"place": SlotValue("tokyo", "tokyo"), "dice": SlotValue("2d6", "2d6"), "choice": SlotValue("pizza", "Pizza")}


async def test_every_example_works_from_an_intent() -> None:
    """With arguments from slots, the member from the bot, and a result to put into a response."""
    runner = ActionRunner(["bot.example_actions"])
    actions = {name: Action(call=f"bot.example_actions:{name}", arguments=ACTIONS[name]) for name in ACTIONS}
    intents = tuple(Intent(name, ("a",), (Response("b"),), action=action) for name, action in actions.items())
    assert runner.check(IntentCatalog(intents, Fallback(()))) == ()
    for name, action in actions.items():
        result = await runner.run(action, VALUES, {"server": "Here", "member_id": "ann", "intent": name})
        assert result["result"]
    assert poll_results("lunch in here")["result"] == "Pizza: 1"
    await runner.aclose()
