"""Where in a file a value stands. Standard library only."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

Steps = tuple[str | int, ...]
"""The way to a value: names of fields, numbers of items; what is null in a list is not counted."""


@dataclass(slots=True)
class Place:
    """A value's line, counted from 1, and the places of what it holds."""

    line: int
    fields: "dict[str, Place]" = field(default_factory=dict)
    items: "list[Place]" = field(default_factory=list)

    def line_of(self, steps: Steps) -> int:
        """Return the line of the value, or of the deepest one on the way that is there."""
        place = self
        for step in steps:
            if isinstance(step, str) and step in place.fields:
                place = place.fields[step]
            elif isinstance(step, int) and step < len(place.items):
                place = place.items[step]
            elif step != 0:  # a value may stand for a list of one
                break
        return place.line


class Places:
    """The places of one file, found when they are first asked for.

    Parameters
    ----------
    find
        Finds them.
    """

    def __init__(self, find: Callable[[], Place]) -> None:
        self._find = find
        self._root: Place | None = None

    def line_of(self, steps: Steps) -> int:
        """Return the line of the value, or of what would hold it."""
        if self._root is None:
            self._root = self._find()
        return self._root.line_of(steps)


@dataclass(slots=True)
class _Open:
    """A list or an object whose end is not reached; of an object, the field whose value comes next."""

    place: Place
    is_object: bool
    key: str | None = None

    def put(self, place: Place, written: str) -> None:
        if self.key is not None:
            self.place.fields[self.key] = place
            self.key = None
        elif written != "null":
            self.place.items.append(place)


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[][{}:,]|[^]\s"[{}:,]+')


def places_in_json(text: str) -> Place:
    """Return the places in a text that is known to be valid JSON."""
    top = _Open(Place(1), is_object=False)
    stack = [top]
    line, seen = 1, 0
    for token in _TOKEN.finditer(text):
        line += text.count("\n", seen, token.start())
        seen = token.start()
        written = token[0]
        if written in "]}":
            stack.pop()
        elif stack[-1].is_object and stack[-1].key is None and written not in ":,":
            stack[-1].key = json.loads(written)
        elif written not in ":,":
            place = Place(line)
            stack[-1].put(place, written)
            if written in "[{":
                stack.append(_Open(place, is_object=written == "{"))
    return top.place.items[0] if top.place.items else top.place
