"""Names of months, weekdays and units in a language, from dateparser's data."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
UNITS = {"year": 365 * 86_400, "month": 30 * 86_400, "week": 7 * 86_400, "day": 86_400, "hour": 3_600, "minute": 60}
UNITS["second"] = 1
"""Seconds of a unit; a month has thirty days, a year 365."""

_NEAR_DAYS = ("0 day ago", "1 day ago", "2 day ago", "in 1 day", "in 2 day")
_SHORT_UNITS = {"h": "hour", "m": "minute", "s": "second", "d": "day"}
_RELATIVE = re.compile(r"\)(?:\\s\*)?\s*([^\W\d_]{2,})")


@dataclass(frozen=True, slots=True)
class LocaleWords:
    """What names days and units, in lower case.

    Parameters
    ----------
    weekdays
        Their numbers, Monday as 0.
    months
        Names of months.
    units
        As `UNITS` names them.
    near
        Words of phrases such as today and tomorrow.
    links
        Words of phrases about other days (``in``, ``ago``, ``next``).
    """

    weekdays: Mapping[str, int]
    months: frozenset[str]
    units: Mapping[str, str]
    near: frozenset[str]
    links: frozenset[str]

    def knows(self, word: str) -> bool:
        """Whether a word is one of them."""
        return any(word in names for names in (self.weekdays, self.months, self.units, self.near, self.links))


def dateparser_languages(languages: tuple[str, ...]) -> tuple[str, ...]:
    """Return those languages that dateparser knows."""
    from dateparser.data.languages_info import language_order  # noqa: PLC0415 - loaded with the first date

    return tuple(one for one in languages if one in language_order)


@lru_cache(maxsize=8)
def locale_words(languages: tuple[str, ...]) -> LocaleWords:
    """Return the names in languages that dateparser knows."""
    from dateparser.languages.loader import default_loader  # noqa: PLC0415 - loaded with the first date

    weekdays: dict[str, int] = {}
    months: set[str] = set()
    units: dict[str, str] = dict(_SHORT_UNITS)
    near: set[str] = set()
    links: set[str] = set()
    for language in languages:
        info: Mapping[str, Any] = default_loader.get_locale(language).info
        for number, day in enumerate(_WEEKDAYS):
            weekdays |= dict.fromkeys(_names(info, day), number)
        months |= {name for month in _MONTHS for name in _names(info, month)}
        for unit in UNITS:
            for name in [*_names(info, unit), *_unit_names(info, unit)]:
                if len(name) > 1:
                    units.setdefault(name, unit)
        for key, phrases in info.get("relative-type", {}).items():
            (near if key in _NEAR_DAYS else links).update(word for one in phrases for word in one.lower().split())
        links.update(word for key in ("ago", "in") for one in _names(info, key) for word in one.split())
    near -= links | set(units)
    return LocaleWords(weekdays, frozenset(months), units, frozenset(near), frozenset(links - set(weekdays)))


def _names(info: Mapping[str, Any], key: str) -> list[str]:
    return [str(name).lower().rstrip(".") for name in info.get(key, ())]


def _unit_names(info: Mapping[str, Any], unit: str) -> Iterator[str]:
    for key, patterns in info.get("relative-type-regex", {}).items():
        if unit in key.split():
            for pattern in patterns:
                yield from (name.lower() for name in _RELATIVE.findall(pattern))
