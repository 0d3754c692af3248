"""Stories: what a member says turn by turn, and what must come back, as files of YAML.

`read_stories` reads them, `bot.rehearsal` runs them. An admin writes them beside the intents, and
`python -m scripts.converse` runs them; so may whatever puts another catalog in service.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import regex
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from intents.places import Place
from intents.yaml_documents import YamlError, read_yaml
from model.decision import Reason

_EXPECTED = {
    "datetime_from_date_parsing": "expected a day and a time, such as 2026-03-02T12:00",
    "datetime_parsing": "expected a day and a time, such as 2026-03-02T12:00",
    "missing": "missing",
    "model_type": "expected a turn, such as 'user: hello'",
    "dict_type": "expected values by slot",
    "string_too_short": "empty",
    "string_type": "expected text",
    "tuple_type": "expected a list",
}
"""What is said of a value of the wrong kind, by pydantic's name of the fault."""

FALLBACK = "fallback"
"""What a turn names as its intent when no intent must be answered."""

ANY = "any"
"""What a turn expects of a slot that must have some value."""

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
"""When a story begins that does not say so: a Monday morning."""

_UNITS_S = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}
_WAIT = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>second|minute|hour|day)s?")


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


def as_pattern(text: str) -> str | None:
    """Return the regular expression that an expected text holds between slashes; None where it is plain."""
    return text[1:-1] if len(text) > 1 and text.startswith("/") and text.endswith("/") else None


def read_stories(paths: Sequence[Path]) -> tuple[PlacedStory, ...]:
    """Read files with a story each, and those of directories (not of those below them), in the order of their names.

    Raises
    ------
    StoryError
        Something is no story, or there is none.
    """
    stories: list[PlacedStory] = []
    faults: list[str] = []
    for path in paths:
        files = _files(path)
        if not files:
            faults.append(f"{path}: holds no *.yaml file of stories")
        for file in files:
            try:
                stories.append(_read_file(file))
            except StoryError as error:
                faults += error.faults
    if faults:
        raise StoryError(faults)
    return tuple(stories)


def parse_story(text: str, file: str) -> PlacedStory:
    """Return the story that a text holds.

    Parameters
    ----------
    text
        YAML.
    file
        Names it in faults.

    Raises
    ------
    StoryError
        It is none.
    """
    try:
        value, place = read_yaml(text)
    except YamlError as error:
        raise StoryError([f"{file}:{error.line or 1}: {error.message}"]) from error
    if not isinstance(value, dict):
        raise StoryError([f"{file}:{place.line}: not a story: expected 'story: its name' and 'turns:'"])
    try:
        story = Story.model_validate(value)
    except ValidationError as error:
        raise StoryError([_fault(one, place, file) for one in error.errors()]) from error
    return PlacedStory(file, story, tuple(turn.line for turn in place.fields["turns"].items))


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for pattern in ("*.yaml", "*.yml") for file in path.glob(pattern) if file.is_file())
    return [path]


def _read_file(file: Path) -> PlacedStory:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise StoryError([f"{file}:{line}: not valid UTF-8: save the file in the encoding UTF-8"]) from error
    except FileNotFoundError as error:
        raise StoryError([f"{file}: no such file or directory"]) from error
    except OSError as error:
        raise StoryError([f"{file}: cannot be read: {error.strerror}"]) from error
    return parse_story(text, str(file))


def _fault(error: Mapping[str, Any], place: Place, file: str) -> str:
    """Return one fault that pydantic found, with its line, in words for whoever writes stories."""
    steps = error["loc"]
    message = _EXPECTED.get(error["type"], str(error["msg"]))
    message = message.removeprefix("Value error, ").replace("Input should be", "expected")
    if error["type"] == "extra_forbidden":
        known = (StoryTurn if "turns" in steps else Story).model_fields
        near = difflib.get_close_matches(str(steps[-1]), known, n=1, cutoff=0)
        message = f'unknown field: did you mean "{near[0]}"?'
    fields = [step for step in steps if isinstance(step, str)]
    is_turn = steps and isinstance(steps[-1], int) and fields == ["turns"]
    return f"{file}:{place.line_of(steps)}: {f'{fields[-1]}: ' if fields and not is_turn else ''}{message}"


def _compiled(pattern: str) -> regex.Pattern[str]:
    try:
        return regex.compile(pattern)
    except regex.error as error:
        raise ValueError(f"text: not a regular expression: {error}") from error
