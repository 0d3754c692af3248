"""What a slot holds, what is wrong with what it cannot hold, and a value's place in a text. Standard library only."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MAX_CHARACTERS = 1_000
"""What is read of a message when a value is looked for. The rest is cut."""

MOST_OPTIONS = 8
"""How many options a sentence names."""


class InvalidValueError(Exception):
    """A text does not hold the value asked for; the message is one sentence for the member."""


@dataclass(frozen=True, slots=True)
class SlotValue:
    """A value that a slot holds.

    Parameters
    ----------
    text
        As responses show it.
    value
        As actions take it: days, times and moments as ISO 8601, durations in seconds, choices as the catalog has them,
        whole numbers as int, else text.
    """

    text: str
    value: str | int | float


@dataclass(frozen=True, slots=True)
class Found:
    """A value and where it stands.

    Parameters
    ----------
    value
        What stands there.
    spans
        Its places in the text, as starts and ends.
    doubt
        A question for the member, if it can be meant in two ways.
    """

    value: SlotValue
    spans: tuple[tuple[int, int], ...]
    doubt: str = ""

    def overlaps(self, taken: Iterable[tuple[int, int]]) -> bool:
        """Whether a part of it stands within one of the places."""
        return any(start < end_taken and begin < end for start, end in self.spans for begin, end_taken in taken)


def prepare(text: str, most: int = MAX_CHARACTERS) -> str:
    """Return the text as values are looked for in: composed, cut, without what cannot be encoded or seen."""
    kept = "".join(
        " " if unicodedata.category(char) == "Cc" else char
        for char in text[:most]
        if unicodedata.category(char) not in {"Cs", "Cf"} or char in "\u200c\u200d"
    )
    return unicodedata.normalize("NFC", kept)


def the_one(found: Sequence[Found], *, several: str) -> Found | None:
    """Return the value that a text holds; None if it holds none.

    Raises
    ------
    InvalidValueError
        It holds different ones, of which `several` says what is wrong, or one that can be meant in two ways.
    """
    if len({one.value.value for one in found}) > 1:
        raise InvalidValueError(several)
    if not found:
        return None
    if all(one.doubt for one in found):
        raise InvalidValueError(found[0].doubt)
    return next(one for one in found if not one.doubt)


def options(names: Sequence[str], *, last: str = "") -> str:
    """Return names as a sentence lists them: ``"chess club, book club"``, `MOST_OPTIONS` and then ``and more``."""
    if len(names) > MOST_OPTIONS:
        return f"{', '.join(names[:MOST_OPTIONS])} and more"
    if last and len(names) > 1:
        return f"{', '.join(names[:-1])} {last} {names[-1]}"
    return ", ".join(names)
