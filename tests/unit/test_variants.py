"""Variants of clean messages: what people really type, the same every time, and still the same message."""

import re
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from model.text import normalise
from model.variants import VARIANTS

MARKUP = ["<@1>", "<:cat:1>", "</ban now:12>", "@ann", "https://a.example/Path?q=don't", "```it's code```", "```open"]
WORDS = [
    "what",
    "What's",
    "please",
    "don\u2019t",
    "you",
    "ПРИВЕТ",
    "I",
    "STRASSE",
    "você",
    "你好",
    "مرحبا",
    "C#",
    "42",
    "no!",
]
sentences = st.lists(st.sampled_from(WORDS + MARKUP), max_size=12).map(" ".join)
any_text = st.one_of(
    st.text(st.characters(), max_size=80),
    sentences,
    st.lists(st.one_of(st.sampled_from(MARKUP), st.text("aEé'1 .\n<>@", max_size=6)), max_size=12).map("".join),
)
names = st.sampled_from(sorted(VARIANTS))
seeds = st.integers(0, 2**32)


def all_of(name: str, text: str, n: int = 300) -> set[str]:
    """Return everything that a variant makes of a text under many seeds."""
    return {VARIANTS[name](text, Random(seed)) for seed in range(n)}


@given(names, any_text, seeds)
def test_any_text_has_every_variant_and_a_seed_has_one_result(name: str, text: str, seed: int) -> None:
    """Nothing raises, and the same seed makes the same message."""
    varied = VARIANTS[name](text, Random(seed))
    assert VARIANTS[name](text, Random(seed)) == varied


@given(st.sampled_from(["no apostrophes", "all caps", "emoji"]), sentences, seeds)
def test_variants_of_looks_alone_normalise_to_the_same(name: str, text: str, seed: int) -> None:
    """Capitals, apostrophes and emoji never reach the classifier."""
    assert normalise(VARIANTS[name](text, Random(seed))) == normalise(text)


@given(st.text(st.characters(categories=["L", "N", "Z", "P"]), max_size=40), seeds)
def test_capitals_of_any_script_fold_back(text: str, seed: int) -> None:
    """A letter whose capital is another letter's stays small."""
    assert VARIANTS["all caps"](text, Random(seed)).casefold() == text.casefold()


@given(names, sentences, seeds)
def test_markup_is_never_varied(name: str, text: str, seed: int) -> None:
    """Links, mentions, commands and code stand in the variant as in the text."""
    varied = VARIANTS[name](text, Random(seed))
    closed = [mark for mark in MARKUP if mark in text.partition("```")[0]]
    assert [mark for mark in closed if mark not in varied] == []


@given(sentences, seeds)
def test_typos_are_few_and_small(text: str, seed: int) -> None:
    """One word is off by a letter, from eight words on two, and only words of four letters or more."""
    varied = VARIANTS["typo"](text, Random(seed))
    pairs = list(zip(text.split(), varied.split(), strict=True))
    changed = [(before, after) for before, after in pairs if before != after]
    assert len(changed) <= 1 + (len(pairs) >= 8)
    assert all(len(before) >= 4 and abs(len(before) - len(after)) <= 1 for before, after in changed)


@given(st.text("abcdefghijklmnopqrstuvwxyz", min_size=4, max_size=12), seeds)
def test_a_long_word_always_gets_its_typo(word: str, seed: int) -> None:
    """A typo that changes nothing would be counted as withstood."""
    assert VARIANTS["typo"](word, Random(seed)) != word


def test_typos_are_those_of_a_keyboard() -> None:
    """Neighbouring keys, swaps, omissions and doublings, and nothing else; the first letter is seldom hit."""
    made = all_of("typo", "rules", 2000)
    assert {"rulse", "ruels", "ruls", "rulees", "rulws", "tules", "rhles"} <= made
    assert made <= {"urles", "rlues", "ruels", "rulse", "ules", "rles", "rues", "ruls", "rule"} | {
        "rrules", "ruules", "rulles", "rulees", "ruless",
        *(f"{key}ules" for key in "etdf"), *(f"r{key}les" for key in "yihj"), *(f"ru{key}es" for key in "kop"),
        *(f"rul{key}s" for key in "wrsd"), *(f"rule{key}" for key in "adwezx"),
    }  # fmt: skip
    seeds_hitting_first = sum(not VARIANTS["typo"]("rules", Random(seed)).startswith("r") for seed in range(2000))
    assert 0 < seeds_hitting_first < 300


def test_typos_keep_capitals_and_leave_short_words_alone() -> None:
    """A neighbouring key is hit with the same shift key down, and words of three letters are typed right."""
    assert all(made.isupper() for made in all_of("typo", "RULES"))
    assert all_of("typo", "how do i 你好你好你好") == {"how do i 你好你好你好"}


@given(sentences, seeds)
def test_fillers_stand_around_the_message(text: str, seed: int) -> None:
    """Every word of the message is still there, in its order."""
    assume(text)
    bare = re.sub(r"[\s.,;:!?]+", " ", text).strip().casefold()
    varied = re.sub(r"[\s.,;:!?]+", " ", VARIANTS["filler words"](text, Random(seed))).casefold()
    assert bare in varied


def test_fillers_suit_the_sentence() -> None:
    """Questions are led in as questions, endings go before the question mark, one word gets a hesitation only."""
    question = all_of("filler words", "What are the rules?")
    assert "hey um can you tell me what are the rules please?" in question
    assert all(made.endswith("?") and made != "What are the rules?" for made in question)
    order = all_of("filler words", "unban me now")
    assert not any("tell me" in made for made in order)
    assert {made.partition(" ")[2] for made in all_of("filler words", "Hello!")} == {"hello!"}
    assert any(made.endswith(" I am new here") for made in all_of("filler words", "I am new here"))
    assert all_of("filler words", " ?! ") == {" ?! "}


@given(any_text, seeds)
def test_elongation_repeats_letters_that_are_there(text: str, seed: int) -> None:
    """With repetitions taken out, the variant is the text."""
    varied = VARIANTS["elongation"](text, Random(seed))
    assert re.sub(r"(.)\1+", r"\1", varied) == re.sub(r"(.)\1+", r"\1", text)


def test_elongation_draws_out_one_word() -> None:
    """The end of a word or its last vowel, two to four letters more."""
    assert all_of("elongation", "hey") == {"heyyy", "heyyyy", "heyyyyy", "heeey", "heeeey", "heeeeey"}
    assert {"heyyyy you", "hey youuu"} <= all_of("elongation", "hey you")
    assert all_of("elongation", "4 c 你") == {"4 c 你"}


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("no apostrophes", "don't, what\u2019s 'that'", {"dont, whats 'that'"}),
        ("all caps", "Where is my straße, <:cat:1> @ann?", {"WHERE IS MY STRASSE, <:cat:1> @ann?"}),
        ("abbreviations", "Are you there, thank you", {"r u there, ty"}),
        ("abbreviations", "You\u2019re early, i don't know", {"ur early, idk"}),
        ("abbreviations", "can you're'nt youth @you", {"can you're'nt youth @you"}),
        ("missing space", "how do I", {"howdo I", "how doI"}),
        ("missing space", "no 你 4", {"no 你 4"}),
    ],
)
def test_variant_by_example(name: str, text: str, expected: set[str]) -> None:
    """What is made of a text, over all seeds."""
    assert all_of(name, text) == expected


def test_emoji_stand_at_the_end_or_between_words() -> None:
    """Both places occur, with one or several of the same."""
    made = all_of("emoji", "good bot", 500)
    assert all(re.fullmatch(r"good bot ?[^\w ]+|good [^\w ]+ bot", message) for message in made)
    assert {message.startswith("good bot") for message in made} == {True, False}


@given(names, seeds)
def test_nothing_is_made_of_nothing_but_an_emoji(name: str, seed: int) -> None:
    """An empty message stays empty; an emoji may be all that someone sends."""
    assert (VARIANTS[name]("", Random(seed)) == "") is (name != "emoji")
