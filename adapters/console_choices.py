"""Choices in the terminal: how an answer with options looks, and which of them a line means. Pure functions.

Standard library only, and this package.
"""

import re
from collections.abc import Sequence

from adapters.base import Reply, ReplyChoice

_NUMBER = re.compile(r"([1-9][0-9]{0,3})\s*[).]?", re.ASCII)
"""An option's number, with or without what stands behind it in the list."""


def answer_text(reply: Reply) -> str:
    """Return an answer with what goes with it, then its options, each on a line of its own."""
    sources = [attachment.source for attachment in reply.attachments]
    options = [f"{i}) {one_line(choice.title)}" for i, choice in enumerate(reply.choices, 1)]
    return "\n".join([reply.text.rstrip(), *sources, *options]) if sources or options else reply.text


def chosen(line: str, choices: Sequence[ReplyChoice]) -> ReplyChoice | None:
    """Return the choice that a line means by its title, whatever its case, or by its number; None if it means none.

    A title counts before a number, for titles may be numbers themselves.
    """
    said = _plain(line)
    for choice in choices:
        if said and _plain(choice.title) == said:
            return choice
    number = _NUMBER.fullmatch(line.strip())
    index = int(number[1]) if number else 0
    return choices[index - 1] if 1 <= index <= len(choices) else None


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def one_line(text: str) -> str:
    """Put a text on one line: every kind of line break becomes a space."""
    return " ".join(text.splitlines())
