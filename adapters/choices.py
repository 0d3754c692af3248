"""What a button carries: whose it is and which choice, so that a press means the same after a restart.

This package and the standard library only.
"""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from adapters.base import ReplyChoice

logger = logging.getLogger(__name__)

MOST_CHOICES = 25
"""What a message of Discord holds: five rows of five buttons."""

TITLE_LIMIT = 80
"""Characters on a button of Discord; on Telegram no more of them can be read either."""

NOT_YOURS = "Only the person who was asked can choose here."
"""Said to anybody else who presses, and to them alone."""

_ID = re.compile(r"[ -~]{1,32}")

_DATA = re.compile(rf"c:(?P<owner>[0-9]{{1,20}}):(?P<choice>{_ID.pattern})")
"""At most 55 characters: Telegram takes 64 bytes, Discord 100 characters."""


@dataclass(frozen=True, slots=True)
class Press:
    """What a pressed button carries.

    Parameters
    ----------
    owner_id
        The person who was asked; nobody else may press.
    choice_id
        The id of the choice.
    """

    owner_id: str
    choice_id: str


def to_data(owner_id: str, choice_id: str) -> str:
    """Return what a button carries."""
    return f"c:{owner_id}:{choice_id}"


def from_data(data: object) -> Press | None:
    """Read what a pressed button carries; None if it is none of ours."""
    match = _DATA.fullmatch(data) if isinstance(data, str) else None
    return Press(match["owner"], match["choice"]) if match else None


def presentable(choices: Sequence[ReplyChoice]) -> tuple[ReplyChoice, ...]:
    """Return the choices in a form that both platforms take, for one that they refuse costs the whole answer.

    Titles are put on one line and cut; a blank title, an id that cannot be carried, an id that was there before and
    whatever is too much are left out.
    """
    kept: dict[str, ReplyChoice] = {}
    for choice in choices:
        title = _title(choice.title)
        if title and _ID.fullmatch(choice.id):
            kept.setdefault(choice.id, replace(choice, title=title))
    shown = tuple(kept.values())[:MOST_CHOICES]
    if len(shown) < len(choices):
        logger.warning("%d of %d choices cannot be shown and are left out", len(choices) - len(shown), len(choices))
    return shown


def _title(title: str) -> str:
    line = " ".join(title.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").split())
    return line if len(line) <= TITLE_LIMIT else f"{line[: TITLE_LIMIT - 1].rstrip()}…"
