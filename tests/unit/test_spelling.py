"""Slips of the keyboard, mended before the encoder reads them."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.spelling import LARGEST_ALPHABET, MOST_LETTERS, Spelling

WORDS = ("pizza", "order", "please", "opening", "hours", "are", "you", "open", "hour", "good", "morning", "the")
KNOWN = {"place", "border", "goods"}


def mended(text: str, words: tuple[str, ...] = WORDS) -> str:
    return " ".join(Spelling(words, KNOWN.__contains__).mend(text.split()))


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("piza", "pizza"),
        ("pizzza", "pizza"),
        ("pzizza", "pizza"),
        ("pizxa", "pizza"),
        ("ipzza", "pizza"),
        ("rder", "order"),
        ("ordr", "order"),
        ("orderx", "order"),
        ("openin hurs", "opening hours"),
    ],
)
def test_word_one_slip_away_is_meant(slip: str, meant: str) -> None:
    """A letter swapped with the next, left out, put in or replaced, at the ends too."""
    assert mended(slip) == meant


@pytest.mark.parametrize("word", ["pizza", "place", "border", "goods", "piizzaa", "the", "teh", "xyz", "qwertyuiop"])
def test_other_words_stay(word: str) -> None:
    """Words of the patterns and of the encoder, short ones, and those two slips away or more."""
    assert mended(word) == word


@pytest.mark.parametrize("word", ["pizz4", "c++", "123456", "p1zza", "o'rder"])
def test_what_has_more_than_letters_stays(word: str) -> None:
    """A number or a name is no slip."""
    assert mended(word) == word


def test_the_more_frequent_word_is_meant() -> None:
    """The words come in the order of their frequency."""
    assert mended("hoursr") == "hours"
    assert mended("mour", ("hour", "four")) == "hour"
    assert mended("mour", ("four", "hour")) == "four"


@pytest.mark.parametrize(("written", "meant"), [("goodmorning", "good morning"), ("areyou", "are you")])
def test_words_written_together_come_apart(written: str, meant: str) -> None:
    """Where both are words of the patterns."""
    assert mended(written) == meant


def test_nothing_is_mended_without_words_or_with_too_many_letters() -> None:
    """Chinese has no slips of one letter."""
    assert mended("piza", ()) == "piza"
    many = tuple(chr(0x4E00 + 4 * number) * 4 for number in range(LARGEST_ALPHABET + 1))
    assert mended("一一一丁", many) == "一一一丁"


def test_other_alphabets_are_mended() -> None:
    """By their own letters."""
    assert mended("првет", ("привет",)) == "привет"


@given(st.lists(st.text(min_size=1, max_size=40).filter(lambda text: text.split() == [text]), max_size=8))
def test_any_words_are_mended_to_words(words: list[str]) -> None:
    """None is lost, and mending again changes nothing."""
    once = mended(" ".join(words))
    assert len(once.split()) >= len(words)
    assert mended(once) == once


def test_mending_costs_little() -> None:
    """The longest word that is varied, by the largest alphabet, as often as a text has words."""
    alphabet = [chr(ord("a") + number) for number in range(26)] + [chr(0x430 + number) for number in range(32)]
    spelling = Spelling(["".join(alphabet)], lambda _: False)
    started = time.perf_counter()
    list(spelling.mend(["q" * MOST_LETTERS] * 64))
    assert time.perf_counter() - started < 2
