"""Stories: what a member says turn by turn, and what must come back.

`bot.story_reading` reads them, `bot.rehearsal` runs them. An admin writes them beside the intents, and
`python -m scripts.converse` runs them; so may whatever puts another catalog in service.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

import regex
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from model.decision import Reason

FALLBACK = "fallback"
"""What a turn names as its intent when no intent must be answered."""

STORIES = "stories"
FAULTS = "faults"
"""The field of what one process tells another of stories: what was read, or else all that is wrong."""

ANY = "any"
"""What a turn expects of a slot that must have some value."""

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
"""When a story begins that does not say so: a Monday morning."""

_UNITS_S = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}
_WAIT = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>second|minute|hour|day)s?")


def _several(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _without_nulls(value: object) -> object:
    return [item for item in value if item is not None] if isinstance(value, list) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(_several)]
Turns = Annotated["tuple[StoryTurn, ...]", BeforeValidator(_without_nulls)]
Title = Annotated[str, Field(min_length=1)]


class StoryTurn(BaseModel):
    """One step of a story: the member writes, presses a choice, or lets time pass.

    Parameters
    ----------
    user, choose, wait
        The text; the title of a choice under the last answer; how long. Exactly one of them.
    intent
        The tag that must be answered or asked for; `FALLBACK` for none.
    context
        Contexts that must be active afterwards.
    slots
        Values that must be known afterwards, as the member put them or as Parley reads them; `ANY` for any.
    text
        What the answer must contain; between slashes a regular expression.
    choices
        Titles that must be offered.
    attachments
        How the names of the pictures and files end that must come along.
    reason
        The rule that must have decided.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    user: str | None = None
    choose: Title | None = None
    wait: str | None = None
    intent: Title | None = None
    context: Texts = ()
    slots: Mapping[str, str] = Field(default_factory=dict)
    text: Texts = ()
    choices: Texts = ()
    attachments: Texts = ()
    reason: Reason | None = None

    @property
    def said(self) -> str:
        """What happens in the turn, as people read it."""
        if self.wait is not None:
            return f"(waits {self.wait})"
        return f"[{self.choose}]" if self.choose is not None else self.user or ""

    @property
    def wait_s(self) -> float:
        """Seconds that pass."""
        match = _WAIT.fullmatch((self.wait or "").strip())
        return 0.0 if match is None else float(match["number"]) * _UNITS_S[match["unit"]]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        steps = [name for name in ("user", "choose", "wait") if getattr(self, name) is not None]
        if len(steps) != 1:
            found = " and ".join(steps) or "none of them"
            raise ValueError(f"a turn has one of user, choose and wait, this one has {found}")
        if self.wait is not None and _WAIT.fullmatch(self.wait.strip()) is None:
            raise ValueError(f"wait: expected a time such as '21 minutes', not {self.wait!r}")
        if self.wait is not None and self.model_fields_set != {"wait"}:
            raise ValueError("nothing is answered while the member waits: expect it of the next turn")
        for text in self.text:
            if (pattern := as_pattern(text)) is not None:
                _compiled(pattern)
        return self


class Story(BaseModel):
    """A conversation from its beginning, with one member who has said nothing before.

    Parameters
    ----------
    story
        Its name.
    platform
        Where it happens.
    language
        The member's, as the platform tells it.
    now
        When it begins; without a zone in UTC.
    turns
        In their order.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    story: Title
    platform: Literal["console", "discord", "telegram"] = "console"
    language: Title | None = None
    now: datetime = START
    turns: Turns

    @model_validator(mode="after")
    def _has_turns(self) -> Self:
        if not self.turns:
            raise ValueError("turns: empty: write what the member says")
        return self

    @property
    def start(self) -> datetime:
        """When it begins, aware."""
        return self.now if self.now.tzinfo is not None else self.now.replace(tzinfo=UTC)


class StoryError(Exception):
    """Stories that cannot be run.

    Parameters
    ----------
    faults
        Everything wrong with them, each with its file and line.
    """

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


@dataclass(frozen=True, slots=True)
class PlacedStory:
    """A story, and where it stands.

    Parameters
    ----------
    file
        As the caller named it.
    story
        What it says.
    lines
        Of each turn, in the file; from 1 on.
    """

    file: str
    story: Story
    lines: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads: what the story leaves out is left out."""
        story = self.story.model_dump(mode="json", exclude_unset=True)
        return {"file": self.file, "story": story, "lines": self.lines}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Return what `to_json` wrote."""
        return cls(value["file"], Story.model_validate(value["story"]), tuple(value["lines"]))


def as_pattern(text: str) -> str | None:
    """Return the regular expression that an expected text holds between slashes; None where it is plain."""
    return text[1:-1] if len(text) > 1 and text.startswith("/") and text.endswith("/") else None


def _compiled(pattern: str) -> regex.Pattern[str]:
    try:
        return regex.compile(pattern)
    except regex.error as error:
        raise ValueError(f"text: not a regular expression: {error}") from error
