"""Values that match a regular expression of the catalog, within a time limit."""

import logging
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from bot.entities.values import Found, InvalidValueError, SlotValue, the_one

TIMEOUT_S = 0.1
"""How long one pattern may search one text. The interpreter's lock is free meanwhile.

The clock is the process's: what other threads compute counts, and a reload beside a crowd took 0.05 s of it.
"""

_log = logging.getLogger(__name__)
_slow: set[str] = set()


def find_matches(pattern: str, text: str) -> list[Found]:
    """Return the matches of a pattern in a text that are no part of a longer word; none if it takes too long."""
    try:
        return list(_matches(pattern, text))
    except InvalidValueError:
        return []


def read_match(pattern: str, text: str) -> SlotValue:
    """Return what a text holds that matches a pattern: the whole of it, or the one place where it does.

    Raises
    ------
    InvalidValueError
        There is none or several, or matching took too long.
    """
    text = text.strip()
    try:
        if _compiled(pattern).fullmatch(text, timeout=TIMEOUT_S, concurrent=True):
            return SlotValue(text, text)
    except TimeoutError as exc:
        raise _too_slow(pattern) from exc
    one = the_one(list(_matches(pattern, text)), several="That has more than one answer in it: please give one.")
    if one is None:
        raise InvalidValueError("That does not have the form that I need: please look at it once more.")
    return one.value


def _matches(pattern: str, text: str) -> Iterator[Found]:
    try:
        for match in _compiled(pattern).finditer(text, timeout=TIMEOUT_S, concurrent=True):
            start, end = match.span()
            inside = text[start - 1 : start].isalnum() and text[start : start + 1].isalnum()
            inside = inside or (text[end - 1 : end].isalnum() and text[end : end + 1].isalnum())
            if start < end and not inside:
                yield Found(SlotValue(match[0], match[0]), (match.span(),))
    except TimeoutError as exc:
        raise _too_slow(pattern) from exc


def _too_slow(pattern: str) -> InvalidValueError:
    """Return what is said of a text that a pattern cannot be done with; the log has the pattern, once."""
    if pattern not in _slow:
        _slow.add(pattern)
        _log.warning(
            "the pattern %r of an entity takes over %s s: please write it without nested repeats", pattern, TIMEOUT_S
        )
    return InvalidValueError("I could not check that in time: please write it shorter.")


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:  # noqa: ANN401 - regex ships no types
    """Return a pattern, compiled; one that does not compile matches nothing."""
    import regex  # noqa: PLC0415 - loaded with the first pattern

    try:
        return regex.compile(pattern)
    except (regex.error, RecursionError, OverflowError):
        _log.warning("the pattern %r of an entity is no regular expression", pattern)
        return regex.compile(r"(?!)")
