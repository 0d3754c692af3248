"""Days said in words: runs of words about days, parsed by dateparser."""

import re
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any

from bot.entities.calendar_days import WEEKDAYS, Day, coming, month_name, nth
from bot.entities.canonical import MASK
from bot.entities.date_words import words_of
from bot.entities.locale_words import LocaleWords, locale_words

_LONGEST_WINDOW = 9
_MOST_ATTEMPTS = 60
"""Texts that dateparser is given for one message: each takes it a millisecond or so."""

_FARTHEST_YEARS = 50
_SHORTEST_NAME = 4
"""Shorter names of months and weekdays are often other words (sat, sun, may, so, mar): they count beside a number."""

_OTHER_WORDS = frozenset({"march"})
_NEVER_LAST = frozenset({"in", "from", "after", "before", "next", "last", "en", "dans"})
_NEVER_FIRST = frozenset({"from", "after", "before"})
_PERIODS = ("day", "week", "month", "year")
_TOKEN = re.compile(rf"[^\s,;!?()\"{MASK}]+|{MASK}+")
_NUMBER = re.compile(r"\d{1,4}(?:st|nd|rd|th|er|º|ª)?\.?|\d{1,4}年|\d{1,2}月|\d{1,2}日")


def spoken_days(text: str, languages: tuple[str, ...], today: date, *, short: bool) -> list[Day]:
    """Read the runs of words about days; a run that says more than its days is left alone."""
    reader = _Reader(languages, today, short=short)
    words = words_of(languages)
    spoiled = re.compile(rf"(?<!\w)(?:{words.spoilers})\s+(?:(?:{words.skipped})\s+)*$")
    return [day for run in reader.runs(text) for day in reader.days(run, text) if not spoiled.search(text[: day.start])]


_Token = tuple[str, int, int]


class _Reader:
    """Reads words about days with dateparser, which is given a bounded number of texts.

    Parameters
    ----------
    languages
        As dateparser knows them.
    today
        The member's.
    short
        Whether short names of weekdays count alone.
    """

    def __init__(self, languages: tuple[str, ...], today: date, *, short: bool) -> None:
        self._languages = languages
        self._today = today
        self._short = short
        self._names = locale_words(languages)
        self._skipped = re.compile(words_of(languages).skipped)
        self._attempts = _MOST_ATTEMPTS

    def runs(self, text: str) -> list[list[_Token]]:
        """Return the words about days that stand side by side, with their places."""
        runs: list[list[_Token]] = [[]]
        for match in _TOKEN.finditer(text):
            number = _NUMBER.fullmatch(match[0])
            word = match[0].strip(".'")
            if number or self._names.knows(word) or self._skipped.fullmatch(word):
                kept = match[0] if number else match[0].rstrip(".'")
                runs[-1].append((kept, match.start(), match.start() + len(kept)))
            elif runs[-1]:
                runs.append([])
        return [run for run in runs if run]

    def days(self, run: list[_Token], text: str) -> list[Day]:
        """Return the days of a run, the longest from its beginning on; none if words are left that change them."""
        found: list[Day] = []
        start = 0
        while start < len(run):
            day, end = self._longest(run, start, text)
            if day:
                found.append(day)
            elif _says_more(run[start][0].rstrip("."), self._names):
                return []
            start = end
        return found

    def _longest(self, run: list[_Token], start: int, text: str) -> tuple[Day | None, int]:
        for end in range(min(len(run), start + _LONGEST_WINDOW), start, -1):
            window = run[start:end]
            if self._attempts > 0 and self._may_be_day([word.rstrip(".") for word, _, _ in window]):
                self._attempts -= 1
                day = self._parsed(window, text)
                if day:
                    return day, end
        return None, start + 1

    def _may_be_day(self, words: list[str]) -> bool:
        """Whether words are worth parsing: they have the parts of a date and neither begin nor end beside them."""
        names = self._names
        first, last = words[0], words[-1]
        if first in _NEVER_FIRST or last in _NEVER_LAST or (len(words) == 1 and first in names.links):
            return False
        if any(self._skipped.fullmatch(word) and word not in names.near for word in (first, last)):
            return False
        if all(word[0].isdecimal() or word in names.units or self._skipped.fullmatch(word) for word in words):
            return False  # nothing, or a duration
        numbered = any(word[0].isdecimal() for word in words)
        if any(word in names.months for word in words):
            return numbered
        if any(word in names.weekdays and (self._short or len(word) >= _SHORTEST_NAME) for word in words):
            return True
        return any(word in names.near or (numbered and word in names.units) for word in words)

    def _parsed(self, window: list[_Token], text: str) -> Day | None:
        start, end = window[0][1], window[-1][2]
        words = [word.rstrip(".") for word, _, _ in window]
        plain = " ".join(word for word, _, _ in window if not self._skipped.fullmatch(word))
        periods = _PERIODS if any(word in self._names.units for word in words) else _PERIODS[:1]
        for written in dict.fromkeys((text[start:end], plain)):
            read = _parser(self._languages, self._today).get_date_data(written.rstrip("."))
            if read.date_obj is None or read.period not in periods:
                continue
            day, with_year = read.date_obj.date(), "year" in read.parts
            if not with_year and (day.month, day.day) != (2, 29):
                day = coming(day, self._today)
            if abs(day.year - self._today.year) <= _FARTHEST_YEARS:
                return Day(start, end, day, with_year or day < self._today, self._doubt(words, day))
        return None

    def _doubt(self, words: list[str], day: date) -> str:
        """Return what to ask of a day whose weekday is another than it says."""
        named = {self._names.weekdays[word] for word in words if word in self._names.weekdays}
        if not named or day.weekday() in named:
            return ""
        return (
            f"The {nth(day.day)} of {month_name(day.month)} {day.year} is a {WEEKDAYS[day.weekday()]}: which day is it?"
        )


def _says_more(word: str, names: LocaleWords) -> bool:
    """Whether a word that a date leaves over makes it another one."""
    if word in names.units or word in names.near:
        return len(word) > 1
    return (word in names.weekdays or word in names.months) and len(word) >= _SHORTEST_NAME and word not in _OTHER_WORDS


@lru_cache(maxsize=8)
def _parser(languages: tuple[str, ...], today: date) -> Any:  # noqa: ANN401 - dateparser ships no types
    from dateparser.date import DateDataParser  # noqa: PLC0415 - loaded with the first date

    return DateDataParser(
        languages=list(languages),
        try_previous_locales=False,
        use_given_order=True,
        settings={
            "RELATIVE_BASE": datetime.combine(today, time()),
            "PREFER_DATES_FROM": "future",
            "RETURN_TIME_AS_PERIOD": True,
            "PARSERS": ["relative-time", "absolute-time"],
        },
    )
