"""Stories as files of YAML: `python -m bot.story_reading PATH` writes those of a file or a directory as JSON."""

import difflib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bot.stories import FAULTS, STORIES, PlacedStory, Story, StoryError, StoryTurn
from intents.places import Place
from intents.yaml_documents import YamlError, read_yaml

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


def main() -> None:
    """Write the stories of a path to standard output, or what is wrong with them."""
    try:
        found: dict[str, Any] = {STORIES: [one.to_json() for one in read_stories([Path(sys.argv[1])])]}
    except StoryError as error:
        found = {FAULTS: error.faults}
    json.dump(found, sys.stdout)


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


if __name__ == "__main__":
    main()
