"""Days in messages: numeric dates, days ahead, weekdays of other weeks, and what dateparser reads of the rest."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import lru_cache

from bot.entities.calendar_days import Day, add_months, coming_number
from bot.entities.canonical import Canonical, masked
from bot.entities.date_words import OR, DateWords, words_of
from bot.entities.durations import duration_spans
from bot.entities.locale_words import UNITS, locale_words
from bot.entities.numeric_dates import numeric_day_alone, numeric_days
from bot.entities.spoken_dates import spoken_days

_FARTHEST_YEARS = 50
_FEW_WORDS = 3
"""In an answer of so many words short names of weekdays count."""

_NEAR = {"today": 0, "after tomorrow": 2}


def days(made: Canonical, text: str, languages: tuple[str, ...], today: date, *, alone: bool) -> list[Day]:
    """Return the days of a canonical text, in order.

    Parameters
    ----------
    made
        The text.
    text
        The same, with what has been read already masked.
    languages
        In which it is read, as dateparser knows them, that of the conversation first.
    today
        The member's.
    alone
        Whether the text answers the question for a day: then a short name or a day of the month alone is one.
    """
    words = words_of(languages)
    found: list[Day] = []
    for match in re.finditer(rf"(?<!\w)(?:{words.blocked})(?!\w)", text):
        text = masked(text, *match.span())
    readers: tuple[Callable[[str], list[Day]], ...] = (
        lambda left: numeric_days(left, languages, today),
        lambda left: _ahead(replace(made, text=left), languages, today),
        lambda left: _phrased(left, languages, today),
    )
    for reader in readers:
        for day in reader(text):
            found.append(day)
            text = masked(text, day.start, day.end)
    short = alone and len(made.source.split()) <= _FEW_WORDS
    found += spoken_days(text, languages, today, short=short)
    if alone and not found:
        found = numeric_day_alone(text, languages, today) or _day_of_month(text, words, today)
    return sorted(found, key=lambda day: day.start)


def _ahead(made: Canonical, languages: tuple[str, ...], today: date) -> list[Day]:
    """Read days that are a number of days, weeks or months ahead."""
    found = []
    for one in duration_spans(made, languages):
        if one.ahead and one.seconds >= UNITS["day"] and one.seconds <= _FARTHEST_YEARS * UNITS["year"]:
            day = add_months(today, one.months) if one.months else today + timedelta(seconds=one.seconds)
            found.append(Day(one.start, one.end, day))
    return found


def _phrased(text: str, languages: tuple[str, ...], today: date) -> list[Day]:
    """Read weekdays of the next and of the last week, and phrases for today."""
    names = locale_words(languages).weekdays
    found: list[Day] = []
    for kind, pattern in _phrases(languages):
        for match in pattern.finditer(text):
            if kind in _NEAR:
                day = today + timedelta(days=_NEAR[kind])
            else:
                number = names[match["day"]]
                monday = today - timedelta(days=today.weekday())
                past = (today.weekday() - number - 1) % 7 + 1
                day = monday + timedelta(days=7 + number) if kind == "next" else today - timedelta(days=past)
            if not any(one.start < match.end() and match.start() < one.end for one in found):
                found.append(Day(*match.span(), day, explicit=True))
    return found


@lru_cache(maxsize=8)
def _phrases(languages: tuple[str, ...]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    words = words_of(languages)
    long = sorted(filter(lambda name: len(name) > 1, locale_words(languages).weekdays), key=len, reverse=True)
    day = rf"(?P<day>{'|'.join(map(re.escape, long))})"
    patterns = (
        ("next", rf"{day} (?:of )?(?:{words.next_week})"),
        ("next", rf"(?:{words.next_week}),? (?:(?:{words.skipped}) )?{day}"),
        ("last", rf"(?:{words.last_before}) {day}"),
        ("last", rf"{day} (?:{words.last_after})"),
        ("today", rf"(?:{words.today})"),
        ("after tomorrow", rf"(?:{words.after_tomorrow})"),
    )
    return tuple((kind, re.compile(rf"(?<!\w){pattern}(?!\w)")) for kind, pattern in patterns)


def _day_of_month(text: str, words: DateWords, today: date) -> list[Day]:
    found: list[Day] = []
    for pattern in words.day_of_month.split(OR):
        for match in re.finditer(rf"(?<![\w.,:/-])(?:{pattern})(?![\w/:-]|[.,]\d)", text):
            day = coming_number(int(match["d"]), today)
            if day and not found:
                found.append(Day(*match.span(), day))
    return found
