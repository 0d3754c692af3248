"""Values that a first message holds already."""

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.entities import find_values
from intents.catalog import Entity, EntityType, Slot

NOW = datetime(2026, 11, 25, 15, 30, tzinfo=ZoneInfo("Europe/Berlin"))
CLUBS = Entity(EntityType.CHOICE, {"chess club": ("chess",), "book club": ("books",), "running club": ()})
TICKET = Entity(EntityType.REGEX, regex=r"[A-Z]{2}-\d{4}")
KINDS = {kind.value: Entity(kind) for kind in EntityType} | {"choice": CLUBS, "regex": TICKET}


def found(
    text: str, *kinds: str, language: str | None = "en", annotations: Mapping[str, tuple[str, ...]] | None = None
) -> dict[str, Any]:
    """Return the values by slot; a slot is named as its kind, and ``kind:name`` tells two of a kind apart."""
    slots = [Slot(kind, KINDS[kind.partition(":")[0]]) for kind in kinds]
    values = find_values(slots, text, annotations=annotations or {}, language=language, now=NOW)
    return {name: one.value for name, one in values.items()}


def test_message_with_all_values_leaves_nothing_to_ask() -> None:
    """Each slot takes its own part of the text."""
    text = "I want to join the chess club on friday at 7pm"
    assert found(text, "choice", "date", "time") == {"choice": "chess club", "date": "2026-11-27", "time": "19:00"}
    assert found(text, "choice", "datetime") == {"choice": "chess club", "datetime": "2026-11-27T19:00:00+01:00"}


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("book a table for 5 on 27 november at 7pm for 2 hours", "en"),
        ("Guten Morgen, am Freitag um 19 Uhr, 5 Leute, zwei Stunden lang", "de"),
        ("el viernes a las 7 de la tarde para cinco personas, 2 horas", "es"),
    ],
)
def test_number_is_what_no_other_value_holds(text: str, language: str) -> None:
    """Days, times and durations are made of numbers too."""
    wanted = {"date": "2026-11-27", "time": "19:00", "duration": 7_200, "number": 5}
    assert found(text, "number", "date", "time", "duration", language=language) == wanted
    assert found(text, "number", language=language) == {"number": 5}


def test_addresses_members_and_patterns_are_found() -> None:
    """An address is no link, and its name no member."""
    text = "my mail is a@b.org, see www.c.org, ask @ana about AB-1234"
    assert found(text, "email", "link", "member", "regex") == {
        "email": "a@b.org",
        "link": "https://www.c.org",
        "member": "ana",
        "regex": "AB-1234",
    }
    assert found("I changed file.txt and e.g. node.js", "link") == {}


@pytest.mark.parametrize(
    "text",
    [
        "thanks, you may go now",
        "wait a second",
        "one moment please",
        "I sat in the sun",
        "may I ask one question",
        "see you soon",
        "march on",
        "how was your day",
        "good evening",
        "what's up",
        "I can do it 24/7",
        "the second time this happened",
        "it was one of us",
        "I'm a year old and joined a week ago",
        "I bet you would",
        "call me at 5",
        "the mp3 of version 1.2.3",
    ],
)
def test_ways_of_speaking_hold_no_value(text: str) -> None:
    """Conservative: what is not sure is asked for."""
    assert found(text, "date", "time", "datetime", "duration", "number", "choice") == {}


@pytest.mark.parametrize(
    "text", ["Guten Morgen zusammen", "ja so ist das", "wie geht es dir", "einen schönen Tag noch", "vor einer Woche"]
)
def test_german_ways_of_speaking_hold_no_value(text: str) -> None:
    """Morgen is tomorrow, but not in a greeting."""
    assert found(text, "date", "time", "datetime", "duration", "number", language="de") == {}


def test_values_of_one_kind_are_taken_in_order() -> None:
    """One value fills the first slot alone; more than there are slots fill none."""
    assert found("from 3 may to 5 may", "date:from", "date:to") == {"date:from": "2027-05-03", "date:to": "2027-05-05"}
    assert found("on 3 may", "date:from", "date:to") == {"date:from": "2027-05-03"}
    assert found("3 may or 4 may", "date") == {}
    assert found("the chess club and the book club", "choice:one", "choice:two") == {
        "choice:one": "chess club",
        "choice:two": "book club",
    }
    assert found("chess or book club?", "choice") == {}
    assert found("2 of them for 5", "number:a", "number:b") == {"number:a": 2, "number:b": 5}
    assert found("2 of them", "number:a", "number:b") == {}


def test_number_out_of_bounds_is_left_to_the_prompt() -> None:
    """Which tells its bounds."""
    slots = [Slot("size", Entity(EntityType.NUMBER, least=1, most=20))]
    assert find_values(slots, "for 25 people", annotations={}, language="en", now=NOW) == {}


def test_choice_is_found_as_written_and_long_words_with_a_slip() -> None:
    """A short word like another is not one; a refused one neither."""
    assert found("I'd love the runnning club", "choice") == {"choice": "running club"}
    assert found("I love cheese", "choice") == {}
    assert found("anything except chess", "choice") == {}


def test_free_text_is_found_by_annotation_alone() -> None:
    """Where an example of the patterns stands, as the message writes it."""
    examples = {"text": ("ana lopez", "Bob")}
    slots = [Slot("text", Entity(EntityType.TEXT))]
    values = find_values(slots, "Tell Ana López, I said hi", annotations=examples, language="en", now=NOW)
    assert values["text"].text == "Ana López"
    assert found("tell Bobby I said hi", "text", annotations=examples) == {}
    assert found("tell Ana Lopez I said hi", "text") == {}


def test_time_ahead_is_a_moment_or_a_duration() -> None:
    """Whichever the intent asks for."""
    assert found("remind me in 2 hours", "datetime") == {"datetime": "2026-11-25T17:30:00+01:00"}
    assert found("remind me in 2 hours", "duration") == {"duration": 7_200}
    assert found("remind me in 2 hours", "datetime", "duration") == {"datetime": "2026-11-25T17:30:00+01:00"}


PIECES = st.sampled_from(
    [
        *[
            "5",
            "7",
            "12:30",
            "friday",
            "may",
            "at",
            "pm",
            "in",
            "of",
            "the",
            "3",
            "a@b.org",
            "chess",
            "club",
            "@ana",
            "books",
            "https://a.org",
        ],
        "24.12.",
    ]
)


@given(
    st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=40).map(" ".join)),
    st.sampled_from(["en", "de", "es", "fr", "xx", None]),
)
@example("friday 24 december at 7 " * 50, "en")
@example("1 2 3 may " * 100, "en")
@example("a b " * 500, "en")
@example("\ud800\u0000\u202e" * 300, "de")
def test_any_message_is_read_in_time(text: str, language: str | None) -> None:
    """Nothing is raised, and values are of the slots asked for."""
    started = time.monotonic()
    assert found(text, *KINDS, language=language).keys() <= KINDS.keys()
    assert time.monotonic() - started < 10, "seconds, on a machine that does other things too"
