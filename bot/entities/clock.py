"""Times of day: digits as clocks show them, hours with their part of the day, and what languages say instead."""

import re
from dataclasses import dataclass, replace
from datetime import time
from functools import lru_cache

from bot.entities.canonical import MASK, Canonical, masked
from bot.entities.date_words import OR, DateWords, words_of

_DAY_MINUTES = 24 * 60
_ZONE = r"(?P<zone>(?:utc|gmt)(?: ?[+-]\d{1,2}(?::?\d{2})?)?|cest|cet|bst|e[ds]t|c[ds]t|m[ds]t|p[ds]t|jst|ist)\b"
_MINUTES = r"(?P<m>[0-5]\d)"
_HALF = r"(?P<ap>[ap])\.? ?m\b\.?"
_HOUR = r"(?<![\w.,:/-])(?P<h>\d{1,2})"


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day in a canonical text.

    Parameters
    ----------
    start, end
        Its place.
    minutes
        Since midnight.
    mask
        Its place with the words around it that belong to it.
    unclear
        Whether it can be the one twelve hours later as well.
    weak
        Whether it can be a duration as well.
    zone
        The time zone that it names, or nothing.
    """

    start: int
    end: int
    minutes: int
    mask: tuple[int, int]
    unclear: bool = False
    weak: bool = False
    zone: str = ""

    @property
    def time(self) -> time:
        """The time itself, or the earlier of the two that it can be."""
        return time(self.minutes // 60, self.minutes % 60)

    @property
    def doubt(self) -> str:
        """What to ask the member if it is unclear."""
        later = (self.minutes + _DAY_MINUTES // 2) % _DAY_MINUTES
        return f"Is that {self.time:%H:%M} or {time(later // 60, later % 60):%H:%M}?" if self.unclear else ""


_Minutes = int | str
"""Minutes to add to an hour, or the group that has them, after a sign."""


@dataclass(frozen=True, slots=True)
class _Form:
    """One way to write a time: its pattern, minutes to add, and what it leaves open."""

    pattern: re.Pattern[str]
    minutes: _Minutes = 0
    unclear: bool = False
    weak: bool = False

    def added(self, match: re.Match[str]) -> int:
        """Return the minutes that a match adds to its hour."""
        if isinstance(self.minutes, int):
            return self.minutes
        number = int((match[self.minutes[-1]] or "0").split()[0])
        return -number if self.minutes[0] == "-" else number


def clocks(made: Canonical, languages: tuple[str, ...], *, text: str | None = None) -> list[Clock]:
    """Return the times of a canonical text, in order.

    Parameters
    ----------
    made
        The text.
    languages
        Whose words are read.
    text
        The text with what has been read already masked; None for all of it.
    """
    words, forms, around = _forms(languages)
    left = made.text if text is None else text
    found: list[Clock] = []
    for form in forms:
        for match in form.pattern.finditer(left):
            clock = _clock(match, form)
            if clock is not None and left[clock.start] != MASK:
                clock = _with_surroundings(clock, left, words, around)
                found.append(clock)
                left = masked(left, *clock.mask)
    return sorted(found, key=lambda clock: clock.start)


def bare_hour(text: str) -> Clock | None:
    """Return the time that a number alone is, in answer to the question for a time; None if it is no hour."""
    match = re.fullmatch(rf"(?P<h>\d{{1,2}})(?: {_MINUTES})?\W*", text)
    return _clock(match, _Form(match.re, "m", unclear=True)) if match else None


def _clock(match: re.Match[str], form: _Form) -> Clock | None:
    groups = match.groupdict()
    hour = int(groups["h"]) if groups.get("h") else 0
    half = groups.get("ap")
    if hour > 24 or (half and not 1 <= hour <= 12):  # noqa: PLR2004 - hours of a day and of its halves
        return None
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    minutes = (hour * 60 + form.added(match)) % _DAY_MINUTES
    start, end = match.span("c") if "c" in groups else match.span()
    unclear = form.unclear and not half and 1 <= hour <= 12  # noqa: PLR2004 - likewise
    return Clock(start, end, minutes, match.span(), unclear, form.weak and not half, groups.get("zone") or "")


def _with_surroundings(clock: Clock, left: str, words: DateWords, around: tuple[re.Pattern[str], ...]) -> Clock:
    """Return a time with the part of the day that stands beside it and the word before it."""
    before, after, at, zone = around
    start, end = clock.mask
    lead = at.search(left[:start])
    start = lead.start() if lead else start
    behind = after.match(left, end)
    ahead = None if behind else before.search(left[:start])
    part = behind or ahead
    if part:
        minutes = _in_part(clock.minutes, part["part"], words) if clock.minutes <= 13 * 60 else clock.minutes
        end = behind.end() if behind else end
        first, last = (clock.start, end) if behind else (part.start("part"), clock.end)
        clock = replace(clock, start=first, end=last, minutes=minutes, unclear=False, weak=False)
    named = zone.match(left, end)
    if named:
        clock, end = replace(clock, end=named.end(), zone=named["zone"]), named.end()
    return replace(clock, mask=(start, end))


def _in_part(minutes: int, part: str, words: DateWords) -> int:
    """Return a time of twelve hours as one of the part of the day that is named."""
    noon = _DAY_MINUTES // 2
    hours = minutes % noon
    if re.fullmatch(words.night, part):
        return hours if hours < 6 * 60 else hours + noon
    return hours + noon if re.fullmatch(words.evening, part) else hours


@lru_cache(maxsize=8)
def _forms(languages: tuple[str, ...]) -> tuple[DateWords, tuple[_Form, ...], tuple[re.Pattern[str], ...]]:
    """Return the words of languages, the forms of times in them, surer ones first, and what may stand around them."""
    words = words_of(languages)
    parts = f"(?P<part>{words.morning}|{words.evening}|{words.night})"
    around = (
        re.compile(rf"(?<!\w){parts},?\s*$"),
        re.compile(rf",?\s*{parts}(?!\w)"),
        re.compile(rf"(?<!\w)(?:{words.at})\s+$"),
        re.compile(rf"\s*{_ZONE}"),
    )
    phrases = (
        _form(rf"(?<!\w)(?:{one})(?: ?{_HALF}| (?:{words.clock}|{words.oclock}))?(?!\w)", minutes, unclear=True)
        for one, minutes in _phrases(words)
    )
    return words, (*phrases, *_exact(words), *_spoken(words)), around


def _form(pattern: str, minutes: _Minutes = 0, **kind: bool) -> _Form:
    return _Form(re.compile(pattern), minutes, **kind)


def _exact(words: DateWords) -> tuple[_Form, ...]:
    zone = r"(?P<zone>z|[+-]\d{2}:?\d{2})?"
    return (
        _form(rf"(?<=\d)t(?P<c>(?P<h>\d{{2}}):{_MINUTES}(?::\d{{2}}(?:\.\d+)?)?){zone}", "m"),
        _form(
            rf"{_HOUR}:{_MINUTES}(?::\d{{2}})?(?: ?{_HALF}| ?(?:{words.clock}|{words.weak_clock})(?!\w))?(?![\d:])", "m"
        ),
        _form(rf"{_HOUR}[.]{_MINUTES} ?(?:{_HALF}|(?:{words.clock})(?!\w))", "m"),
        _form(rf"{_HOUR} ?{_HALF}"),
        _form(rf"{_HOUR} ?(?:{words.clock}) {_MINUTES}(?!\w)", "m"),
        _form(rf"(?<!\w)(?:{words.at})\s+(?P<c>{_HOUR} ?h ?{_MINUTES})(?!\w)", "m"),
    )


def _spoken(words: DateWords) -> tuple[_Form, ...]:
    part = rf"(?:{words.morning}|{words.evening}|{words.night})(?!\w)"
    return (
        _form(rf"{_HOUR} ?(?:{words.clock})(?!\w)"),
        _form(rf"{_HOUR} ?(?:{words.oclock})(?!\w)", unclear=True),
        _form(rf"(?<!\w)(?:{words.at})\s+(?P<c>{_HOUR} ?(?:{words.weak_clock}))(?!\w)"),
        _form(rf"(?<!\w)(?:{words.noon})(?!\w)", 12 * 60),
        _form(rf"(?<!\w)(?:{words.midnight})(?!\w)"),
        _form(rf"(?<!\w)(?:{words.at})\s+(?P<c>(?P<h>\d{{1,2}}))(?![\w:/%]|[.,-]\d)", unclear=True),
        _form(rf"{_HOUR}(?=,? {part})", unclear=True),
        _form(rf"{_HOUR} ?(?:{words.weak_clock}|h)(?: ?{_MINUTES})?(?!\w)", "m", weak=True),
    )


def _phrases(words: DateWords) -> list[tuple[str, _Minutes]]:
    """Return the phrases for times, each with what it adds to its hour."""
    return [
        (one, minutes)
        for patterns, minutes in (
            (words.half_past, 30),
            (words.half_to, -30),
            (words.quarter_past, 15),
            (words.quarter_to, -15),
            (words.minutes_past, "+n"),
            (words.minutes_to, "-n"),
        )
        for one in patterns.split(OR)
    ]
