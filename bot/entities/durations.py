"""Durations: numbers with units, halves, and moments that lie one ahead."""

import re
from dataclasses import dataclass
from functools import lru_cache

from bot.entities.canonical import Canonical, canonical, language_of
from bot.entities.date_words import words_of
from bot.entities.locale_words import UNITS, dateparser_languages, locale_words
from bot.entities.values import Found, InvalidValueError, SlotValue, the_one

_LONGEST_S = 100 * UNITS["year"]
_EXAMPLE = 'such as "2 hours" or "30 minutes"'


@dataclass(frozen=True, slots=True)
class Span:
    """A duration in a canonical text.

    Parameters
    ----------
    start, end
        Its place, with what makes it a moment.
    first
        Where the duration itself begins.
    seconds
        How long it is.
    months
        Whole months among them, if it has nothing else.
    ahead
        Whether it says when, from now on, not how long.
    """

    start: int
    end: int
    first: int
    seconds: float
    months: int
    ahead: bool


def languages_of(language: str | None) -> tuple[str, ...]:
    """Return the languages in which days and units are read: that of the conversation and English."""
    return dateparser_languages(tuple(dict.fromkeys((language_of(language), "en"))))


def duration_spans(made: Canonical, languages: tuple[str, ...]) -> list[Span]:
    """Return the durations of a canonical text, in order."""
    chunk, join, within = _patterns(languages)
    spans: list[Span] = []
    for match in chunk.finditer(made.text):
        if not (match["hours"] or match["q"] or match["half2"]):
            continue
        seconds = _seconds(match, languages)
        start = match.start("q") if match["q"] else match.start()
        months = _months(match, languages)
        if spans and join.fullmatch(made.text[spans[-1].end : start]) and spans[-1].seconds > seconds:
            last = spans.pop()
            spans.append(Span(last.start, match.end(), last.first, last.seconds + seconds, 0, last.ahead))
            continue
        before = within.search(made.text[:start])
        spans.append(Span(before.start() if before else start, match.end(), start, seconds, months, before is not None))
    return spans


def find_durations(text: str, language: str | None) -> list[Found]:
    """Return the durations of a text, in order."""
    made = canonical(text, language_of(language), ordinals=False)
    found = []
    for one in duration_spans(made, languages_of(language)):
        if 0 < one.seconds <= _LONGEST_S:
            seconds = int(one.seconds) if one.seconds == int(one.seconds) else one.seconds
            value = SlotValue(made.written(one.first, one.end).strip(), seconds)
            found.append(Found(value, (made.span(one.first, one.end),)))
    return found


def read_duration(text: str, language: str | None) -> SlotValue:
    """Return the one duration of a text; hours and minutes may be parted by a colon.

    Raises
    ------
    InvalidValueError
        There is none or several.
    """
    clock = re.search(r"(?<![\d:.,])(\d{1,3}):([0-5]\d)(?![\d:])", text)
    if clock and clock[0] != "0:00":
        return SlotValue(clock[0], 3_600 * int(clock[1]) + 60 * int(clock[2]))
    one = the_one(
        find_durations(text, language), several=f"That is more than one duration: please give one, {_EXAMPLE}."
    )
    if one is None:
        raise InvalidValueError(f"I need a duration, {_EXAMPLE}.")
    return one.value


@lru_cache(maxsize=8)
def _patterns(languages: tuple[str, ...]) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    words = words_of(languages)
    names = "|".join(sorted(map(re.escape, locale_words(languages).units), key=len, reverse=True))
    chunk = re.compile(
        r"(?<![\w.,:/-])(?:(?P<hours>\d{1,2}) ?h ?(?P<minutes>[0-5]\d)(?!\d)"
        rf"|(?:(?P<q>(?:(?P<half>{words.half})|(?P<onehalf>{words.one_and_half})|(?P<one>{words.one}))(?![^\W\d_])"
        r"|(?P<number>\d{1,6}(?:[.,]\d{1,3})?)"
        rf"(?P<half1>\s*(?:{words.and_half}))?)"
        rf"[\s-]*)?(?P<unit>{names})\b\.?(?P<half2>\s+(?:{words.and_half})\b)?)(?!\w)"
    )
    join = re.compile(rf"\s*,?\s*(?:(?:{words.joint})\s+)?")
    return chunk, join, re.compile(rf"(?<!\w)(?:{words.within})\s+$")


def _seconds(match: re.Match[str], languages: tuple[str, ...]) -> float:
    if match["hours"]:
        return 3_600.0 * int(match["hours"]) + 60 * int(match["minutes"])
    return _number(match) * UNITS[locale_words(languages).units[match["unit"]]]


def _months(match: re.Match[str], languages: tuple[str, ...]) -> int:
    if match["hours"]:
        return 0
    months = _number(match) * {"month": 1, "year": 12}.get(locale_words(languages).units[match["unit"]], 0)
    return int(months) if months == int(months) else 0


def _number(match: re.Match[str]) -> float:
    if match["half"]:
        number = 0.5
    elif match["onehalf"]:
        number = 1.5
    else:
        number = 1.0 if match["one"] or not match["q"] else float(match["number"].replace(",", "."))
    return number + 0.5 if match["half1"] or match["half2"] else number
