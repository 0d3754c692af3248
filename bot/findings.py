"""What `python -m bot doctor` finds: one line each, with the mend. Standard library only."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

N_NAMED = 5
"""How many channels, commands and the like a line names before it says that there are more."""


class Level(StrEnum):
    """How much a finding matters. A fatal one means that the bot, or one of its platforms, does not work."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    FATAL = "fatal"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Parameters
    ----------
    level
        How much it matters.
    topic
        What was looked at.
    text
        What it is like.
    mend
        What to do about it; empty if there is nothing to do.
    """

    level: Level
    topic: str
    text: str
    mend: str = ""

    def __str__(self) -> str:
        """Return the line."""
        text = f"{self.level:<7}  {self.topic}: {self.text}"
        return f"{text}. {self.mend}" if self.mend else text


def ok(topic: str, text: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(Level.OK, topic, text)


def note(topic: str, text: str, mend: str = "") -> Finding:
    """Return a finding that may be as it was meant."""
    return Finding(Level.NOTE, topic, text, mend)


def warning(topic: str, text: str, mend: str) -> Finding:
    """Return a finding with which the bot works, but not as well as it could."""
    return Finding(Level.WARNING, topic, text, mend)


def fatal(topic: str, text: str, mend: str = "") -> Finding:
    """Return a finding with which the bot does not work."""
    return Finding(Level.FATAL, topic, text, mend)


def some_of(names: Iterable[str]) -> str:
    """Return the first few of a list, and how many more there are."""
    all_names = list(names)
    more = len(all_names) - N_NAMED
    return ", ".join(all_names[:N_NAMED]) + (f" and {more} more" if more > 0 else "")
