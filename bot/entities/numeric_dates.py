"""Dates written in digits: days and months in the order of the language, points always day first."""

import re
from dataclasses import replace
from datetime import date

from bot.entities.calendar_days import Day, coming, month_name, nth

_NUMERIC = (
    re.compile(r"(?<![\w.,:/-])(?P<y>\d{4})(?P<s>[-/.])(?P<m>\d{1,2})(?P=s)(?P<d>\d{1,2})(?![\d/:-]|\.\d)"),
    re.compile(r"(?<![\w.,:/-])(?P<d>\d{1,2})(?P<s>[./-]) ?(?P<m>\d{1,2})(?P=s) ?(?P<y>\d{4}|\d{2})(?![\w/:-]|[.,]\d)"),
    re.compile(r"(?<![\w.,:/-])(?P<d>\d{1,2})\. ?(?P<m>\d{1,2})\.(?!\w)"),
    re.compile(r"(?<![\w.,:/-])(?P<d>\d{1,2})(?P<s>/)(?P<m>\d{1,2})(?![\w/:-]|[.,]\d)"),
)


def numeric_days(text: str, languages: tuple[str, ...], today: date) -> list[Day]:
    """Return the numeric dates of a text."""
    found: list[Day] = []
    for pattern in _NUMERIC:
        for match in pattern.finditer(text):
            if not any(day.start < match.end() and match.start() < day.end for day in found):
                found += _of_numbers(match, languages, today)
    return found


def numeric_day_alone(text: str, languages: tuple[str, ...], today: date) -> list[Day]:
    """Return the date of an answer that has no other digits and no final point (``24.12``)."""
    match = re.fullmatch(r"\D*(?<!\d)(?P<d>\d\d)\.(?P<m>\d\d)(?!\d)\D*", text)
    found = _of_numbers(match, languages, today) if match else []
    return [replace(day, start=match.start("d"), end=match.end("m")) for day in found] if match else []


def _of_numbers(match: re.Match[str], languages: tuple[str, ...], today: date) -> list[Day]:
    parts = match.groupdict()
    first, second, written = int(parts["d"]), int(parts["m"]), parts.get("y")
    year = today.year if written is None else int(written)
    if written and len(written) == 2:  # noqa: PLR2004 - a year without its century
        year += 2000
    american = parts.get("s") == "/" and languages[0] == "en" and match.re is not _NUMERIC[0]
    doubt = ""
    if american and first != second and max(first, second) <= 12:  # noqa: PLR2004 - months
        doubt = f"Is {match[0]} the {nth(first)} of {month_name(second)} or the {nth(second)} of {month_name(first)}?"
    if american and first <= 12:  # noqa: PLR2004 - likewise
        first, second = second, first
    try:
        day = date(year, second, first)
    except ValueError:
        if written or (second, first) != (2, 29):
            return []
        day = date(2000, 2, 29)
    return [Day(*match.span(), day if written else coming(day, today), bool(written), doubt)]
