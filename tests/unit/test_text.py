"""Normalising, cutting into words and stemming: one form for everything that says the same, for any text at all."""

import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from model.text import MAX_CHARACTERS, normalise, tokenise
from model.words import stem_table, training_words

MARKUP = ["<@1>", "<:a:1>", "```", "https://", "@", "'", "\u00b4", "_", "++", "#", "<t:1:R>", "\u200b", "ﷺ", "ß", "İ"]
any_text = st.one_of(
    st.text(st.characters(), max_size=80),
    st.lists(st.one_of(st.sampled_from(MARKUP), st.text("aAé1 .\n", max_size=6)), max_size=20).map("".join),
    st.text(st.characters(categories=["Cs", "Mn", "Mc", "Cf", "Lo", "Lm", "No"]), max_size=40),
)


@pytest.mark.parametrize(
    ("text", "normalised"),
    [
        ("  Hello,\tWORLD!\r\n", "hello world"),
        ("STRASSE Straße", "strasse strasse"),
        ("\uff28\uff45\uff4c\uff4c\uff4f \u2460 \ufb01ne", "hello 1 fine"),
        ("Qu\u00e9? que\u0301 QUE", "que que que"),
        ("don't don\u2019t don`t don\u00b4t don\u02bct don\uff07t dont", " ".join(["dont"] * 7)),
        ("sooooo coooool 1000 mississippi", "soo cool 1000 mississippi"),
        ("Hu\u0308u\u0308u\u0308u\u0308", "huu"),
        ("in\u200bvis\u00adi\u2060ble \u202eright\u202c", "invisible right"),
        ("C++ and C#, not C++11 or F# 4", "c++ and c# not c 11 or f# 4"),
        ("+1 # ## a+b", "1 a b"),
        ("snake_case __init__", "snake case init"),
        ("你好\uff0c世界", "你好 世界"),
        ("かぎ か\u3099き", "かぎ がき"),
        ("नमस्ते, दुनिया।", "नमस्ते दुनिया"),
        ("ไม่ได้", "ไม่ได้"),
        ("안녕하세요!", "안녕하세요"),
        ("مَرْحَبًا؟ مرحبا", "مرحبا مرحبا"),
        ("שָׁלוֹם", "שלום"),
        ("Привет, ёж", "привет еж"),
        ("\ud83d hi \udc4b", "hi"),
        ("\U0001f44b\U0001f3fd \u2764\ufe0f", ""),
        ("\x00a\x1b[31mb\x07", "a 31mb"),
        ("?! ... \n", ""),
        ("", ""),
    ],
)
def test_spellings_of_one_text_are_one(text: str, normalised: str) -> None:
    """Case, width, accents, apostrophes, elongation, invisible characters and signs do not tell texts apart."""
    assert normalise(text) == normalised


@pytest.mark.parametrize("word", ["हिन्दी", "தமிழ்", "ไทยนี้", "ខ្មែរ", "မြန်မာ", "বাংলা", "עִבְרִית", "Tiếng"])
def test_word_of_any_script_stays_one_word(word: str) -> None:
    """The marks that scripts write over, under and behind their letters cut no word in two."""
    assert len(tokenise(normalise(word))) == 1


@pytest.mark.parametrize(
    ("text", "normalised"),
    [
        ("<@123> <@!123> <@&123> <#123> hi", "hi"),
        ("</ask:123> <t:1700000000:R> hi", "hi"),
        ("<id:customize> hi", "id customize hi"),
        ("@parley_bot, hi @Ada", "hi"),
        ("mail ada@example.org", "mail ada example org"),
        ("<:thumbs_up:123> ok <a:wave:123>", "ok"),
        ("see https://example.org/a?b=c, www.example.org", "see link link"),
        ("HTTP://EXAMPLE.ORG", "link"),
        ("look ```py\nx = 1\n``` there", "look code there"),
        ("look ```never closed", "look code"),
        ("`inline` code", "inline code"),
        ("1 < 2 > 0 <3", "1 2 0 3"),
    ],
)
def test_markup_of_the_platforms_becomes_a_word_or_nothing(text: str, normalised: str) -> None:
    """Mentions and custom emoji vanish, a link and a block of code are one word each."""
    assert normalise(text) == normalised


@given(any_text)
@example("ﷺ " * MAX_CHARACTERS)
@example("ßa" * MAX_CHARACTERS)
@example("xyz " + "ß " * MAX_CHARACTERS)
def test_normalising_again_changes_nothing(text: str) -> None:
    """For any text, those that grow under normalisation too."""
    assert normalise(normalise(text)) == normalise(text)


@given(any_text)
def test_normalised_text_is_words_and_single_spaces(text: str) -> None:
    """Only letters, the marks that make them, digits and the signs that end a name are left."""
    normalised = normalise(text)
    assert normalised == " ".join(normalised.split())
    assert all(char.isalnum() or char in "+# " or unicodedata.category(char)[0] == "M" for char in normalised)


@given(st.text(st.characters(categories=["L", "N", "Zs"]), max_size=40))
def test_case_does_not_tell_texts_apart(text: str) -> None:
    """A text and its folded form are the same to the classifier."""
    assert normalise(text.casefold()) == normalise(text)


@given(any_text)
@example("c++ c# c++x \U0001e8c7 \u09f4")
def test_training_and_serving_cut_the_same_words(text: str) -> None:
    """NLTK's tokeniser, which training uses, and the serving process's agree on every normalised text."""
    normalised = normalise(text)
    assert training_words([normalised]) == [tokenise(normalised)]


@pytest.mark.parametrize(
    "piece", ["a ", "a", "<", "<@", "<a:", "```", "www.", "@", "\u0301", "ﷺ", "\U0001f600", "\u200d", "'", "\n", "<t:"]
)
def test_huge_text_is_normalised_quickly_and_cut(piece: str) -> None:
    """100 kB of anything takes well under a second, and only its beginning is read."""
    started = time.perf_counter()
    normalised = normalise(piece * (100_000 // len(piece)) + " end")
    assert time.perf_counter() - started < 1
    assert len(normalised) <= MAX_CHARACTERS
    assert "end" not in normalised


def test_stems_are_listed_for_the_words_that_have_another() -> None:
    """Words that are their own stem are left out, and the table is sorted so that bundles compare."""
    assert stem_table(["running", "run", "events", "c++", "1000"]) == {"events": "event", "running": "run"}
    assert list(stem_table({"zebras", "apples", "dogs"})) == ["apples", "dogs", "zebras"]


def test_stems_follow_the_language_of_the_script() -> None:
    """English rules touch no word in other letters; Arabic and Russian have rules of their own."""
    assert stem_table(["سلام", "你好", "привет", "running鞋", "καλημερες"]) == {}
    assert stem_table(["заказы", "заказа", "running"]) == {"заказа": "заказ", "заказы": "заказ", "running": "run"}
    assert stem_table(["المدرسة", "مدرسة"]) == {"المدرسة": "مدرس", "مدرسة": "مدرس"}


@given(st.text(max_size=30).map(normalise).map(tokenise))
def test_any_word_has_a_stem_that_is_not_empty(words: list[str]) -> None:
    """The stemmer raises for no word, and leaves something of each."""
    assert all(stem and stem != word for word, stem in stem_table(words).items())
