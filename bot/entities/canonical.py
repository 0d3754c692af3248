"""A text as numbers and dates are looked for in: lower case, one form of every sign, number words as digits."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

SPOKEN = frozenset({"da", "de", "en", "es", "fr", "it", "nl", "pt"})
"""Languages whose number words are read."""

MASK = "\x00"
"""Stands for a character that has been read."""

_TOKEN = re.compile(r"[^\W\d_]+(?:[-'][^\W\d_]+)*|\d+|[^\w\s]")
_SIGNS = str.maketrans({"\u2019": "'", "\u02bc": "'", "\u2212": "-", "\u2013": "-", "\u2014": "-", "\u2044": "/"})
_NO_ORDINALS = frozenset({"second", "cuarto", "cuarta", "segundo", "segunda", "quart", "seconde", "quarter"})
"""Units and quarters of an hour that are ordinals too."""

_ORDINAL = re.compile(r"\d+(?:st|nd|rd|th|\.|er|e|º|ª|º|ème)?")


@dataclass(frozen=True, slots=True)
class Canonical:
    """A text with the place of every character in the text it was made of.

    Parameters
    ----------
    source
        What was written.
    text
        What is read.
    places
        By character of `text`: the start and end of what it stands for in `source`.
    """

    source: str
    text: str
    places: tuple[tuple[int, int], ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the place in the source of a place in the text."""
        return self.places[start][0], self.places[end - 1][1]

    def written(self, start: int, end: int) -> str:
        """Return what was written at a place in the text."""
        begin, finish = self.span(start, end)
        return self.source[begin:finish]


def masked(text: str, start: int, end: int) -> str:
    """Return the text with a place marked as read."""
    return f"{text[:start]}{MASK * (end - start)}{text[end:]}"


def language_of(tag: str | None) -> str:
    """Return a language without its region; English for none."""
    return re.split("[-_]", tag)[0].lower() if tag else "en"


@lru_cache(maxsize=4)
def canonical(source: str, language: str, *, ordinals: bool) -> Canonical:
    """Return a text as numbers, or with `ordinals` as dates, are looked for in.

    Parameters
    ----------
    source
        Any text.
    language
        Its language; number words of English are read besides.
    ordinals
        Whether ``first`` becomes ``1st``.
    """
    chars: list[str] = []
    places: list[tuple[int, int]] = []
    for index, char in enumerate(source):
        plain = unicodedata.normalize("NFKC", char).translate(_SIGNS).lower()
        chars.append(plain)
        places.extend([(index, index + 1)] * len(plain))
    made = Canonical(source, "".join(chars), tuple(places))
    for one in dict.fromkeys((language, "en")):
        if one in SPOKEN:
            made = _with_digits(made, one, ordinals=ordinals)
    return made


class _Token:
    """A word, as text2num asks for it."""

    def __init__(self, word: str) -> None:
        self._word = word

    def text(self) -> str:
        return self._word

    def nt_separated(self, _previous: object) -> bool:
        return False

    def not_a_number_part(self) -> bool:
        return self._word.isdecimal()


def _with_digits(made: Canonical, language: str, *, ordinals: bool) -> Canonical:
    tokens = list(_TOKEN.finditer(made.text))
    chars, places, done = [], [], 0
    for found in _library().find_numbers([_Token(token[0]) for token in tokens], language, threshold=0):
        start, end = tokens[found.start].start(), tokens[found.end - 1].end()
        words, number = made.text[start:end], str(found.text)
        after_digits = found.start > 0 and tokens[found.start - 1][0].isdecimal()
        if found.is_ordinal and (not ordinals or words in _NO_ORDINALS or not _ORDINAL.fullmatch(number)):
            continue
        if start < done or words.isdecimal() or (after_digits and found.value >= 1_000):  # noqa: PLR2004 - 5 million
            continue
        chars += [made.text[done:start], number]
        places += [*made.places[done:start], *[made.span(start, end)] * len(number)]
        done = end
    return Canonical(made.source, "".join(chars) + made.text[done:], (*places, *made.places[done:]))


@lru_cache(maxsize=1)
def _library() -> Any:  # noqa: ANN401 - text2num ships no types
    import text_to_num  # noqa: PLC0415 - loaded when the first number is read

    return text_to_num
