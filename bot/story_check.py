"""How a reload asks stories: another process reads them, for YAML takes long, and they are played beside members."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bot.children import ask_child
from bot.rehearsal import rehearse
from bot.stories import FAULTS, STORIES, PlacedStory, StoryError
from model.classifier import IntentClassifier

__all__ = ["StoryError", "compare", "stories_of"]


def stories_of(path: Path) -> tuple[PlacedStory, ...]:
    """Return the stories of a file or a directory; blocking.

    Where no process can read them, they are read here.

    Raises
    ------
    StoryError
        Something is no story, or there is none.
    """
    found = ask_child("bot.story_reading", (path,), _understand)
    if found is None:
        from bot.story_reading import read_stories  # noqa: PLC0415 - brings what reads YAML

        return read_stories([path])
    return found


def _understand(value: Mapping[str, Any]) -> tuple[PlacedStory, ...]:
    if FAULTS in value:
        raise StoryError(value[FAULTS])
    return tuple(map(PlacedStory.from_json, value[STORIES]))


def compare(
    stories: Sequence[PlacedStory],
    classifier: IntentClassifier,
    serving: IntentClassifier | None,
    *,
    action_modules: Sequence[str],
) -> tuple[list[str], list[str]]:
    """Return the names of the stories that come out otherwise, and of those among them that do not in service.

    Parameters
    ----------
    stories
        What `stories_of` returned.
    classifier, serving
        Would serve; in service now, None where nothing is.
    action_modules
        As for `rehearse`.
    """

    def differing_in(one: IntentClassifier, stories: Sequence[PlacedStory]) -> list[PlacedStory]:
        rehearsed = rehearse(stories, one, action_modules=action_modules, is_beside_members=True)
        return [played.placed for played in rehearsed if not played.passed]

    differing = differing_in(classifier, stories)
    before = differing_in(serving, differing) if differing and serving is not None else []
    return _names(differing), _names([one for one in differing if one not in before])


def _names(stories: Sequence[PlacedStory]) -> list[str]:
    return [one.story.story for one in stories]
