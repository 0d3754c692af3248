"""Splitting an answer: what a reader sees stays whole, and nothing is lost."""

import re
import time
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.formatting import plain_name, split_text, utf16_length

WOMAN_SCIENTIST = "\U0001f469\U0001f3fd\u200d\U0001f52c"
FLAG = "\U0001f1eb\U0001f1f7"

any_text = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from(" \n\t.!?`,。"),
        st.characters(categories=["Cs", "Mn", "So"]),
    ),
    max_size=400,
)
marked_text = st.lists(
    st.sampled_from(
        [
            *"*_~|`[]() \n.\\a",
            "**",
            "__",
            "||",
            "~~",
            "***",
            "word ",
            "](http://x.org) ",
            "\U0001f600 ",
            "longer words. ",
        ]
    ),
    max_size=150,
).map("".join)
counted = st.sampled_from([len, utf16_length])


def without_whitespace(text: str) -> str:
    return "".join(text.split())


def code_lines(n: int) -> str:
    return "\n".join(f"    line_{i} = {i}" for i in range(n))


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\t \u2003\n"])
def test_blank_text_has_no_parts(text: str) -> None:
    """An answer of whitespace alone sends nothing."""
    assert split_text(text, 10) == []


def test_text_within_the_limit_stays_as_it_is() -> None:
    """What fits is sent unchanged, its outer whitespace included."""
    text = " one\n\n```\ntwo\n```\n"
    assert split_text(text, len(text)) == [text]


@pytest.mark.parametrize(
    ("text", "limit", "parts"),
    [
        ("One. Two.\nThree.\n\nFour five.", 20, ["One. Two.\nThree.", "Four five."]),
        ("One. Two.\nThree four. Five.", 20, ["One. Two.", "Three four. Five."]),
        ("One two. Three (four.) Five six.", 24, ["One two. Three (four.)", "Five six."]),
        ("one two three four", 10, ["one two", "three four"]),
        ("零一。二三四五六。七八", 9, ["零一。二三四五六。", "七八"]),
        ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
        ("a\n \t\nb c d e f", 9, ["a", "b c d e f"]),
    ],
    ids=["paragraph", "line", "sentence", "word", "sentence without spaces", "inside a word", "blank line with spaces"],
)
def test_cut_falls_at_the_best_place(text: str, limit: int, parts: list[str]) -> None:
    """A part ends at a paragraph if it can, else a line, a sentence, a word."""
    assert split_text(text, limit) == parts


def test_part_may_fill_the_limit() -> None:
    """Whitespace right behind a part of full length is enough to cut there."""
    assert split_text("abcde fghij", 5) == ["abcde", "fghij"]


@pytest.mark.parametrize("limit", [12, 13, 14, 15, 16])
@pytest.mark.parametrize("cluster", [WOMAN_SCIENTIST, FLAG, "e\u0301", "\U0001f600", "\ud83d\ude00"])
def test_what_is_drawn_as_one_character_is_not_torn(cluster: str, limit: int) -> None:
    """Emoji, flags, combined letters and surrogate pairs stay whole even inside a long word."""
    for part in split_text(cluster * 20, limit, utf16_length):
        assert part == cluster * (len(part) // len(cluster))
        assert utf16_length(part) <= limit


def test_code_block_that_fits_one_part_stays_whole() -> None:
    """The text before a code block ends its part early rather than tear the block."""
    block = f"```python\n{code_lines(5)}\n\n{code_lines(5)}\n```"
    text = f"{'word ' * 20}:\n{block}\nThe end."
    first, second = split_text(text, 250)
    assert first.endswith("word :")
    assert second == f"{block}\nThe end."


def test_long_code_block_is_closed_and_reopened_with_its_language() -> None:
    """Each part of a long code block is a block of the same language, cut between lines, with its indentation."""
    text = f"Look:\n```python\n{code_lines(60)}\n```\nThe end."
    first, *blocks, last = split_text(text, 300)
    assert first == "Look:"
    assert all(block.startswith("```python\n    line_") and block.endswith("\n```") for block in blocks)
    assert last.endswith("\n```\nThe end.")
    code = "\n".join(re.findall(r"```python\n(.*?)\n```", "".join([*blocks, last]), re.DOTALL))
    assert code == code_lines(60)


def test_unclosed_code_block_is_closed_in_every_part_but_the_last() -> None:
    """A block that nobody closed does not swallow what follows in another message."""
    *parts, last = split_text(f"```\n{code_lines(40)}", 200)
    assert all(part.startswith("```\n") and part.endswith("\n```") for part in parts)
    assert last.startswith("```\n")


def test_code_block_of_one_long_line_is_split() -> None:
    """A line of code longer than a part is cut inside, within the limit."""
    parts = split_text("```json\n" + "x" * 500 + "\n```", 100)
    assert all(len(part) <= 100 and part.startswith("```json\n") and part.endswith("\n```") for part in parts)
    assert "".join(part[8:-4] for part in parts) == "x" * 500


def test_utf16_length_counts_as_telegram_does() -> None:
    """A character outside the basic plane counts two, and lone surrogates count one."""
    assert utf16_length("aé\U0001f600\ud83d") == 5


@given(any_text, st.integers(min_value=2, max_value=120), counted)
def test_each_part_is_within_the_limit_and_not_blank(text: str, limit: int, length: Callable[[str], int]) -> None:
    """For any text at all."""
    parts = split_text(text, limit, length)
    assert all(length(part) <= limit and part.strip() for part in parts)


def without_marks(text: str) -> str:
    return re.sub(r"[\s*_~|`]", "", text)


@given(any_text.filter(lambda text: "```" not in text), st.integers(min_value=2, max_value=120), counted)
def test_nothing_but_whitespace_is_lost(text: str, limit: int, length: Callable[[str], int]) -> None:
    """Without code blocks the parts hold the text, in order; marks that are opened again stand there once more."""
    assert without_marks("".join(split_text(text, limit, length))) == without_marks(text)


@given(marked_text, st.integers(min_value=2, max_value=200), counted)
def test_marked_text_is_within_the_limit_and_whole(text: str, limit: int, length: Callable[[str], int]) -> None:
    """However its marks lie, and whatever is closed and opened again."""
    text = text.replace("```", "")
    parts = split_text(text, limit, length)
    assert all(length(part) <= limit and part.strip() for part in parts)
    assert without_marks("".join(parts)) == without_marks(text)


@pytest.mark.parametrize(
    "piece",
    [
        "**bold words here**",
        "[a link of words](https://x.org/a_b)",
        "`some code of words`",
        "||a secret of words||",
        "*a **b c** d*",
    ],
)
@pytest.mark.parametrize("n_before", range(20, 50, 3))
@pytest.mark.parametrize("length", [len, utf16_length])
def test_what_is_marked_stays_whole(piece: str, n_before: int, length: Callable[[str], int]) -> None:
    """A part ends before marked words that do not fit, rather than among them."""
    text = f"{'a ' * n_before}{piece}{' b' * 60}"
    parts = split_text(text, 100, length)
    assert sum(part.count(piece) for part in parts) == 1
    assert " ".join(parts) == text


@pytest.mark.parametrize("mark", ["**", "*", "__", "_", "~~", "||", "***"])
@pytest.mark.parametrize("length", [len, utf16_length])
def test_what_is_marked_at_length_is_marked_in_every_part(mark: str, length: Callable[[str], int]) -> None:
    """Marks are closed at the end of a part and opened again in the next: a secret stays one."""
    words = " ".join(f"word{i}" for i in range(100))
    before, *parts, last = split_text(f"Before. {mark}{words}{mark} After.", 100, length)
    assert before == "Before."
    assert all(part.startswith(f"{mark}word") and part.endswith(mark) for part in parts)
    assert last.endswith(f"{mark} After.")
    assert " ".join([*parts, last.removesuffix(" After.")]).replace(mark, "") == words


@pytest.mark.parametrize(
    "prose", ["5 * 3, * and **", "a_b_c d_e", "a || b", "one ~~ two", "`", "[x] (y)", "*open **too"]
)
def test_stray_marks_are_not_closed(prose: str) -> None:
    """What marks nothing stays as it is."""
    text = f"{prose} {'word ' * 60}".strip()
    assert " ".join(split_text(text, 100)) == text


@given(
    st.lists(st.text("abc .\n\u0301\U0001f600", max_size=150), min_size=1, max_size=5), st.integers(64, 200), counted
)
def test_code_blocks_stay_balanced_and_lose_nothing(
    pieces: list[str], limit: int, length: Callable[[str], int]
) -> None:
    """Prose and code in turn: every part closes what it opens, and holds the text in order."""
    text = "".join(f"```py\n{piece}x\n```\n" if i % 2 else piece for i, piece in enumerate(pieces))
    parts = split_text(text, limit, length)
    assert all(part.count("```") % 2 == 0 for part in parts)
    bare = re.compile(r"```(?:py\n)?")
    assert without_whitespace(bare.sub("", "".join(parts))) == without_whitespace(bare.sub("", text))


@given(any_text, st.integers(min_value=2, max_value=120))
def test_no_surrogate_pair_is_torn(text: str, limit: int) -> None:
    """No part ends with the first half of a pair whose second half opens the next."""
    parts = split_text(text, limit)
    assert not any(
        "\ud800" <= a[-1] <= "\udbff" and "\udc00" <= b[0] <= "\udfff" and a[-1] + b[0] in text
        for a, b in pairwise(parts)
    )


@pytest.mark.parametrize(
    "piece", ["x", "x ", "```py\n", "``` ", "\u0301", "\n", FLAG, "a.\n\n", "**a ", "*a* ", "**", "|| ", "[", "`", "`a"]
)
def test_huge_text_is_split_quickly(piece: str) -> None:
    """100 kB of anything takes well under a second."""
    started = time.perf_counter()
    split_text(piece * (100_000 // len(piece)), 4096, utf16_length)
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize(
    ("written", "escaped"),
    [
        ("see https://x.org/a_b#c_d or a_b#c", r"see https://x.org/a_b#c_d or a\_b\#c"),
        (
            "https://x.org/**a** https://x.org/a_ <https://x.org>",
            r"https://x.org/\*\*a\*\* https://x.org/a\_ \<https://x.org\>",
        ),
        ("[a](https://x.org/b_c)", r"\[a\](https://x.org/b_c)"),
    ],
)
def test_address_in_what_somebody_wrote_stays_whole(written: str, escaped: str) -> None:
    """Discord shows a backslash in an address; whatever either platform could read as a mark has one all the same."""
    assert plain_name(written) == escaped
