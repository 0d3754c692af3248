"""Numbers: digits as languages separate them, number words, dozens."""

import re

from bot.entities.canonical import Canonical, canonical, language_of
from bot.entities.values import Found, InvalidValueError, SlotValue, the_one
from intents.catalog import Entity

_POINT = frozenset({"en", "ja", "ko", "zh", "th", "hi", "he"})
"""Languages that part decimals with a point, thousands with a comma. The others do it the other way round."""

_TIMES = {
    "thousand": 10**3, "tausend": 10**3, "mil": 10**3, "mille": 10**3, "k": 10**3,
    "million": 10**6, "millions": 10**6, "millionen": 10**6, "millones": 10**6,
    "dozen": 12, "dozens": 12, "dutzend": 12, "docena": 12, "docenas": 12, "douzaine": 12, "douzaines": 12,
    "couple": 2, "pair": 2, "pairs": 2, "paar": 2, "par": 2, "paire": 2,
}  # fmt: skip
_ALONE = frozenset({"dozen", "dutzend", "docena", "douzaine", "couple", "pair", "par", "paire"})
"""Those that are a number with an article alone; a German Paar is one, and some besides."""

_MOST = 1e15
"""Whole numbers up to here are exact as floating-point numbers too."""

_NUMBER = re.compile(
    r"(?<![\w.,:/\\@])(?<!\w-)"
    r"(?P<sign>[+-]|(?:minus|negative|menos|moins|meno)\s+)?"
    r"(?P<digits>\d{1,3}(?:[ ']\d{3})+(?:[.,]\d+)?(?!\d)|\d+(?:[.,]\d+)*)"
    r"(?P<half> and a half\b| y medi[oa]\b| et demie?\b)?"
    rf"(?:\s?(?P<times>{'|'.join(_TIMES)})\b)?"
    r"(?P<unit>[^\W\d_]*)"
    r"(?![\w:/\\@]|[.,-]\d|-\w)"
)
_ALONE_NUMBER = re.compile(
    rf"\b(?P<article>half an?|an?|eine?|ein halbes|una?|media|une|une demi)[\s-](?P<times>{'|'.join(_ALONE)})\b"
)
_HALVES = frozenset({"half a", "half an", "ein halbes", "media", "une demi"})


def find_numbers(text: str, language: str | None, *, units: bool) -> list[Found]:
    """Return the numbers of a text, in order.

    Parameters
    ----------
    text
        Any text.
    language
        Decides what points and commas mean, and whose number words are read besides English ones.
    units
        Whether letters may follow the digits (``5kg``, ``5th``).
    """
    code = language_of(language)
    made = canonical(text, code, ordinals=False)
    found = []
    for match in _NUMBER.finditer(made.text):
        if match["unit"] and not units:
            continue
        value = _value(match, code)
        if value is not None:
            end = match.start("unit")
            found.append(_found(made, match.start(), end, value))
    for match in _ALONE_NUMBER.finditer(made.text):
        number = _TIMES[match["times"]] / (2 if match["article"] in _HALVES else 1)
        found.append(_found(made, match.start(), match.end(), number))
    return sorted(found, key=lambda one: one.spans)


def read_number(entity: Entity, text: str, language: str | None) -> SlotValue:
    """Return the one number of a text.

    Raises
    ------
    InvalidValueError
        There is none or several, or it is out of bounds.
    """
    asked = _asked(entity)
    one = the_one(find_numbers(text, language, units=True), several=f"That is more than one number: {asked}.")
    if one is None:
        raise InvalidValueError(f"I could not find a number: {asked}.")
    fault = out_of_bounds(entity, one.value)
    if fault:
        raise InvalidValueError(f"{fault}: {asked}.")
    return one.value


def out_of_bounds(entity: Entity, value: SlotValue) -> str:
    """Return what is wrong with a number; empty if nothing is."""
    number = float(value.value)
    if entity.most is not None and number > entity.most:
        return f"That is more than {_shown(entity.most)}"
    if entity.least is not None and number < entity.least:
        return f"That is less than {_shown(entity.least)}"
    return "That number is too large for me" if abs(number) > _MOST else ""


def _asked(entity: Entity) -> str:
    if entity.least is not None and entity.most is not None:
        return f"please give a number from {_shown(entity.least)} to {_shown(entity.most)}"
    if entity.least is not None:
        return f"please give a number of at least {_shown(entity.least)}"
    if entity.most is not None:
        return f"please give a number of at most {_shown(entity.most)}"
    return "please give one, such as 5"


def _value(match: re.Match[str], language: str) -> float | None:
    number = _parse(match["digits"], decimal_point=language in _POINT)
    if number is None:
        return None
    if match["half"]:
        number += 0.5
    if match["times"]:
        number *= _TIMES[match["times"]]
    return -number if (match["sign"] or "+") != "+" else number


def _parse(digits: str, *, decimal_point: bool) -> float | None:
    """Return what digits with separators are: a separator twice, or before the other one, parts thousands."""
    digits = re.sub("[ ']", "", digits)
    marks = re.findall("[.,]", digits)
    if len(set(marks)) > 1:
        decimal = marks[-1]
    elif len(marks) > 1:
        decimal = ""
    elif re.fullmatch(r"[1-9]\d{0,2}[.,]\d{3}", digits):
        decimal = "." if decimal_point else ","
    else:
        decimal = marks[0] if marks else ""
    whole, _, fraction = digits.rpartition(decimal) if decimal in marks else (digits, "", "")
    groups = re.split("[.,]", whole)
    if any(len(group) not in {2, 3} for group in groups[1:]) or (groups[1:] and len(groups[-1]) != 3):  # noqa: PLR2004
        return None
    return float(f"{''.join(groups)}.{fraction or 0}") if fraction else int("".join(groups)[:300])


def _found(made: Canonical, start: int, end: int, number: float) -> Found:
    exact = int(number) if abs(number) < _MOST and number == int(number) else number
    return Found(SlotValue(made.written(start, end).strip(), exact), (made.span(start, end),))


def _shown(number: float) -> str:
    return f"{number:.15g}"
