"""Values read from answers: numbers, choices, addresses, members, patterns and words."""

import ast
import logging
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.entities import InvalidValueError, SlotValue, read_value, warm_up
from bot.entities.expressions import find_matches
from intents.catalog import Entity, EntityType

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 25, 15, 30, tzinfo=UTC)
NUMBER = Entity(EntityType.NUMBER)
CLUBS = Entity(
    EntityType.CHOICE,
    {
        "chess club": ("the chess group",),
        "book club": ("books", "readers"),
        "running club": (),
        "film club": ("movies", "cinema"),
    },
)
EMAIL = Entity(EntityType.EMAIL)
LINK = Entity(EntityType.LINK)
MEMBER = Entity(EntityType.MEMBER)
TICKET = Entity(EntityType.REGEX, regex=r"[A-Z]{2}-\d{4}")
TEXT = Entity(EntityType.TEXT)
CATASTROPHE = "(?:a|a|b?a)+$"
EVERY_ENTITY = (
    NUMBER,
    Entity(EntityType.NUMBER, least=1, most=20),
    CLUBS,
    EMAIL,
    LINK,
    MEMBER,
    TICKET,
    TEXT,
    *(Entity(kind) for kind in (EntityType.DATE, EntityType.TIME, EntityType.DATETIME, EntityType.DURATION)),
)
PIECES = st.sampled_from(
    [
        *[
            "5",
            "7",
            "12",
            "24",
            "friday",
            "may",
            "at",
            "am",
            "pm",
            "Uhr",
            "in",
            "of",
            "the",
            "and",
            "half",
            ":",
            ".",
            ",",
            "-",
            "/",
            "@",
            "#",
            "a@b.org",
            "chess",
            "club",
        ],
        " ",
    ]
)
ANY_TEXT = st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=30).map("".join), st.lists(PIECES).map(" ".join))


def read(entity: Entity, text: str, language: str | None = "en") -> SlotValue:
    return read_value(entity, text, language=language, now=NOW)


def attempt(entity: Entity, text: str, language: str | None) -> tuple[SlotValue | None, str]:
    """Return the value of a text, or None and what is said instead."""
    try:
        return read(entity, text, language), ""
    except InvalidValueError as exc:
        return None, str(exc)


def fault(entity: Entity, text: str, language: str | None = "en") -> str:
    with pytest.raises(InvalidValueError) as caught:
        read(entity, text, language)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "language", "value"),
    [
        ("5", "en", 5),
        ("it's 5 please", "en", 5),
        ("(5)", "en", 5),
        ("It is 5.", "en", 5),
        ("#5", "en", 5),
        ("$5", "en", 5),
        ("5kg", "en", 5),
        ("the 5th", "en", 5),
        ("five", "en", 5),
        ("twenty-one", "en", 21),
        ("twenty one of us", "en", 21),
        ("one hundred and five", "en", 105),
        ("five point two", "en", 5.2),
        ("a dozen", "en", 12),
        ("half a dozen", "en", 6),
        ("two dozen", "en", 24),
        ("a couple", "en", 2),
        ("one and a half", "en", 1.5),
        ("-5", "en", -5),
        ("\u22125", "en", -5),
        ("minus five", "en", -5),
        ("1,000", "en", 1_000),
        ("1,000.50", "en", 1_000.5),
        ("1,00,000", "en", 100_000),
        ("1.5", "en", 1.5),
        ("1,5", "en", 1.5),
        ("10 000", "en", 10_000),
        ("5k", "en", 5_000),
        ("5 million", "en", 5_000_000),
        ("zero", "en", 0),
        ("\u0665", "en", 5),
        ("\uff15", None, 5),
        ("1.000", "de", 1_000),
        ("1.000,50", "de", 1_000.5),
        ("1,5", "de", 1.5),
        ("1.5", "de", 1.5),
        ("einundzwanzig", "de-AT", 21),
        ("wir sind zwei Leute", "de", 2),
        ("ein Dutzend", "de", 12),
        ("five", "de", 5),
        ("minus drei", "de", -3),
        ("treinta y dos", "es", 32),
        ("media docena", "es", 6),
        ("1.234,5", "es", 1_234.5),
        ("quatre-vingt-quinze", "fr", 95),
        ("5", "xx", 5),
    ],
)
def test_number_is_read_as_its_language_writes_it(text: str, language: str | None, value: float) -> None:
    """Digits with separators and signs, words, dozens, and small talk around them."""
    found = read(NUMBER, text, language).value
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    "text",
    ["", "no idea", "5 or 6", "between 5 and 10", "12:30", "24.12.2026", "1.2.3", "192.168.1.1", "mp3", "1e5", "3/4"],
)
def test_what_is_no_single_number_is_asked_for_again(text: str) -> None:
    """Dates, versions, names and two numbers are none; an example is given."""
    assert fault(NUMBER, text).endswith("please give one, such as 5.")


def test_number_out_of_bounds_is_told_its_bounds() -> None:
    """The bounds are inclusive, and told as they are set."""
    both = Entity(EntityType.NUMBER, least=1, most=20)
    assert fault(both, "25") == "That is more than 20: please give a number from 1 to 20."
    assert fault(both, "zero") == "That is less than 1: please give a number from 1 to 20."
    assert fault(both, "abc") == "I could not find a number: please give a number from 1 to 20."
    assert [read(both, text).value for text in ("1", "twenty")] == [1, 20]
    assert fault(Entity(EntityType.NUMBER, least=0.5), "0").endswith("please give a number of at least 0.5.")
    assert fault(Entity(EntityType.NUMBER, most=3), "4").endswith("please give a number of at most 3.")
    assert "too large" in fault(NUMBER, "9" * 900)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("chess club", "chess club"),
        ("Chess Club!", "chess club"),
        ("um, the chess one", "chess club"),
        ("the chess group please", "chess club"),
        ("chss", "chess club"),
        ("ches clubb", "chess club"),
        ("runing club", "running club"),
        ("filmclub", "film club"),
        ("I'd like movies", "film club"),
        ("readers, thanks", "book club"),
        ("chess club, not the book club", "chess club"),
    ],
)
def test_choice_is_known_by_value_synonym_telling_word_or_slip(text: str, value: str) -> None:
    """What is kept and shown is the value as the catalog has it."""
    assert read(CLUBS, text) == SlotValue(value, value)


@pytest.mark.parametrize("text", ["", "pizza", "the club", "not the chess club", "a b c"])
def test_unknown_choice_is_told_those_known(text: str) -> None:
    """Neither a word of all of them nor one that is refused chooses."""
    assert fault(CLUBS, text) == "I know these: chess club, book club, running club, film club."


def test_many_choices_are_not_all_told() -> None:
    """Eight are enough for one sentence."""
    assert fault(Entity(EntityType.CHOICE, dict.fromkeys("abcdefghijkl", ())), "z").endswith("f, g, h and more.")


def test_ambiguous_choice_names_the_options() -> None:
    """Two in one answer, or two that are as similar to a slip."""
    assert fault(CLUBS, "chess or books") == "Did you mean chess club or book club?"
    assert fault(Entity(EntityType.CHOICE, {"north hall": (), "north hill": ()}), "north hll").startswith(
        "Did you mean"
    )


def test_choice_of_one_letter_and_of_unspaced_scripts() -> None:
    """An article is no choice unless it stands alone; Chinese has no spaces around it."""
    sizes = Entity(EntityType.CHOICE, {"klein": ("S",), "groß": ("L", "gross"), "A": ()})
    assert read(sizes, "size L").value == "groß"
    assert read(sizes, "GROSS bitte", "de").value == "groß"
    assert read(sizes, "a").value == "A"
    assert fault(sizes, "a cat")
    assert (
        read(Entity(EntityType.CHOICE, {"读书会": (), "象棋社": ("象棋",)}), "我想参加读书会", "zh").value == "读书会"
    )


@pytest.mark.parametrize(
    ("text", "shown", "value"),
    [
        ("my mail is a@b.org", "a@b.org", "a@b.org"),
        ("a@b.org.", "a@b.org", "a@b.org"),
        ("<Ana.Lopez+x@Example.COM>", "Ana.Lopez+x@Example.COM", "Ana.Lopez+x@example.com"),
        ("mailto:a@b.org", "a@b.org", "a@b.org"),
    ],
)
def test_email_is_found_and_brought_to_its_usual_form(text: str, shown: str, value: str) -> None:
    """Its domain is folded, its name is not."""
    assert read(EMAIL, text) == SlotValue(shown, value)


@pytest.mark.parametrize("text", ["", "no", "a@b", "a@@b.org", "@name", "ana at b.org", "a@b.org or c@d.org"])
def test_what_is_no_email_is_told_an_example(text: str) -> None:
    """An incomplete one too, and two."""
    assert fault(EMAIL, text).endswith("such as name@example.org.")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("https://example.org", "https://example.org"),
        ("see http://example.org/a?b=c.", "http://example.org/a?b=c"),
        ("example.org", "https://example.org"),
        ("it's www.example.org/x(y)", "https://www.example.org/x(y)"),
        ("(https://en.example.org/A_(b))", "https://en.example.org/A_(b)"),
        ("<https://a.org>", "https://a.org"),
        ("HTTPS://Example.ORG/Path", "https://example.org/Path"),
        ("https://1.2.3.4:8080/a", "https://1.2.3.4:8080/a"),
        ("https://m\u00fcnchen.de/\u00e4", "https://m\u00fcnchen.de/\u00e4"),
    ],
)
def test_link_is_found_and_has_its_scheme(text: str, value: str) -> None:
    """Without the punctuation of the sentence around it."""
    assert read(LINK, text).value == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no",
        "ftp://x.org",
        "javascript:alert(1)",
        "http://",
        "https://user:pw@evil.org",
        "a@b.org",
        "https://x.org:99999/",
    ],
)
def test_what_is_no_link_is_told_an_example(text: str) -> None:
    """Other schemes, addresses that carry a password, and e-mail."""
    assert fault(LINK, text) == "I need a link, such as https://example.org."


@pytest.mark.parametrize(
    ("text", "shown", "value"),
    [
        ("<@123>", "<@123>", "123"),
        ("<@!123> please", "<@!123>", "123"),
        ("it's @Ana_L.", "@Ana_L", "Ana_L"),
        ("[Ana](tg://user?id=42)", "tg://user?id=42", "42"),
        ("https://t.me/ana_lopez", "https://t.me/ana_lopez", "ana_lopez"),
    ],
)
def test_member_is_known_by_mention(text: str, shown: str, value: str) -> None:
    """By id where the platform gives one, else by name."""
    assert read(MEMBER, text) == SlotValue(shown, value)


@pytest.mark.parametrize("text", ["", "ana", "@everyone", "@here", "<@&5>", "a@b.org", "<@1> and <@2>"])
def test_what_mentions_no_single_member_is_refused(text: str) -> None:
    """Everyone, roles and addresses are no member."""
    assert fault(MEMBER, text).endswith("mention one, such as @name.")


def test_pattern_matches_the_whole_or_one_place() -> None:
    """Small talk may stand around it, letters may not."""
    assert [read(TICKET, text).value for text in ("AB-1234", "it's AB-1234, please")] == ["AB-1234", "AB-1234"]
    for text in ("", "ab-1234", "AB-12345", "XAB-1234", "AB-1234 or CD-1234"):
        assert fault(TICKET, text)


def test_bad_pattern_neither_stops_the_worker_nor_fills_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """It is cut off in time, said to be too slow, and logged once."""
    for pattern in ("(a+)+$", CATASTROPHE):
        started = time.monotonic()
        assert fault(Entity(EntityType.REGEX, regex=pattern), "a" * 900 + "!")
        assert find_matches(pattern, "a" * 900 + "!") == []
        assert time.monotonic() - started < 5
    with caplog.at_level(logging.WARNING):
        caplog.clear()
        assert fault(Entity(EntityType.REGEX, regex=CATASTROPHE), "a" * 900 + "!") == (
            "I could not check that in time: please write it shorter."
        )
    assert caplog.records == [], "it was logged before"


def test_pattern_that_does_not_compile_matches_nothing() -> None:
    """The validator names it; a message does not fall over it."""
    assert fault(Entity(EntityType.REGEX, regex="("), "x")


def test_free_text_is_taken_whole() -> None:
    """Without what cannot be seen; a picture is an answer, a dot is none."""
    assert read(TEXT, "  I like\u200b it \n").value == "I like it"
    assert read(TEXT, "\U0001f44d").value == "\U0001f44d"
    for text in ("", "...", "\u200b", "\ud800"):
        assert fault(TEXT, text) == "I need a few words."


def test_libraries_are_loaded_with_the_first_value() -> None:
    """A catalog without slots does not pay for them."""
    program = "import sys, bot.entities\nprint(sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    loaded = set(ast.literal_eval(done.stdout))
    assert "bot" in loaded
    assert loaded.isdisjoint({"dateparser", "rapidfuzz", "regex", "text_to_num", "email_validator"})


def test_loading_ahead_of_the_first_message() -> None:
    """Of every kind, in any language."""
    warm_up(EVERY_ENTITY, "de", NOW)
    warm_up((), None, NOW)


@given(ANY_TEXT, st.sampled_from(["en", "de", "es", "fr", "zh", "xx", "pt-BR", None]), st.sampled_from(EVERY_ENTITY))
@example("9" * 1000, "en", NUMBER)
@example("friday 24 december at 7 " * 50, "en", Entity(EntityType.DATETIME))
@example("1 2 3 may " * 100, "en", Entity(EntityType.DATE))
@example("in 999999 years", "en", Entity(EntityType.DATE))
@example("a " * 500, "en", Entity(EntityType.DURATION))
@example("ches clb " * 200, "en", CLUBS)
@example("\ufdfa" * 1000, "en", NUMBER)
@example("\ud800@\udfff.org", "en", EMAIL)
def test_any_text_is_a_value_or_a_sentence(text: str, language: str | None, entity: Entity) -> None:
    """Nothing else is raised, and none takes seconds."""
    started = time.monotonic()
    value, sentence = attempt(entity, text, language)
    if value is None:
        assert sentence[-1] in ".?"
    else:
        assert value.text
        assert value.value != ""
    assert time.monotonic() - started < 10, "seconds, on a machine that does other things too"


@given(ANY_TEXT, st.sampled_from([NUMBER, CLUBS, EMAIL]), st.sampled_from(["en", "de"]))
@example("a hundred", NUMBER, "en")
@example("half a dozen", NUMBER, "en")
@example("5kg", NUMBER, "en")
def test_what_was_read_reads_the_same_again(text: str, entity: Entity, language: str) -> None:
    """The text of a value holds that value."""
    value, _ = attempt(entity, text, language)
    if value is not None:
        assert read(entity, value.text, language).value == value.value
