"""What a button carries: whose choice, or a vote on which answer, so that a press means the same after a restart.

This package and the standard library only.
"""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from adapters.base import Reply, ReplyChoice
from adapters.formatting import sendable

logger = logging.getLogger(__name__)

MOST_CHOICES = 25
"""What a menu of Discord holds; Telegram takes more buttons than that."""

TITLE_LIMIT = 80
"""Characters on a button of Discord; on Telegram no more of them can be read either."""

THUMB_UP, THUMB_DOWN = "\N{THUMBS UP SIGN}", "\N{THUMBS DOWN SIGN}"
"""What the buttons of a vote show."""

_ID = re.compile(r"[ -~]{1,32}")

_DATA = re.compile(rf"c:(?P<owner>-?[0-9]{{1,20}}):(?P<choice>{_ID.pattern})")
"""At most 56 characters: Telegram takes 64 bytes, Discord 100 characters."""

_ANSWER_ID = re.compile(r"[A-Za-z0-9]{1,16}")

_VOTE_DATA = re.compile(rf"v:(?P<answer>{_ANSWER_ID.pattern}):(?P<thumb>[+-])")


@dataclass(frozen=True, slots=True)
class Press:
    """What the pressed button of a choice carries.

    Parameters
    ----------
    owner_id
        The person who was asked; nobody else may press.
    choice_id
        The id of the choice.
    """

    owner_id: str
    choice_id: str


@dataclass(frozen=True, slots=True)
class Vote:
    """What a pressed thumb carries; anybody may press it.

    Parameters
    ----------
    answer_id
        The answer that is voted on.
    is_up
        Whether the person likes it.
    """

    answer_id: str
    is_up: bool


def to_data(owner_id: str, choice_id: str) -> str:
    """Return what the button of a choice carries."""
    return f"c:{owner_id}:{choice_id}"


def from_data(data: object) -> Press | None:
    """Read what the pressed button of a choice carries; None if it is nothing of that kind."""
    match = _DATA.fullmatch(data) if isinstance(data, str) else None
    return Press(match["owner"], match["choice"]) if match else None


def vote_to_data(vote: Vote) -> str:
    """Return what a thumb carries: at most 20 characters."""
    return f"v:{vote.answer_id}:{'+' if vote.is_up else '-'}"


def vote_from_data(data: object) -> Vote | None:
    """Read what a pressed thumb carries; None if it is nothing of that kind."""
    match = _VOTE_DATA.fullmatch(data) if isinstance(data, str) else None
    return Vote(match["answer"], match["thumb"] == "+") if match else None


def votable_id(reply: Reply) -> str | None:
    """Return the id under which thumbs are shown with an answer; None where none are: choices take their place."""
    if not reply.can_vote or reply.choices:
        return None
    if reply.answer_id is None or not _ANSWER_ID.fullmatch(reply.answer_id):
        logger.warning("an answer goes without thumbs: its id is not 1 to 16 letters and digits")
        return None
    return reply.answer_id


def presentable(choices: Sequence[ReplyChoice], *, title_limit: int = TITLE_LIMIT) -> tuple[ReplyChoice, ...]:
    """Return the choices in a form that the platforms take, for one that they refuse costs the whole answer.

    Titles are put on one line and cut; a blank title, an id that cannot be carried, an id that was there before and
    whatever is too much are left out.
    """
    kept: dict[str, ReplyChoice] = {}
    for choice in choices:
        title = title_on_a_line(choice.title, title_limit)
        if title and _ID.fullmatch(choice.id):
            kept.setdefault(choice.id, replace(choice, title=title))
    shown = tuple(kept.values())[:MOST_CHOICES]
    if len(shown) < len(choices):
        logger.warning("%d of %d choices cannot be shown and are left out", len(choices) - len(shown), len(choices))
    return shown


def title_on_a_line(title: str, limit: int = TITLE_LIMIT) -> str:
    """Return a title without what breaks a line or cannot be sent, cut with a sign where it is too long."""
    line = " ".join(sendable(title).split())
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"
