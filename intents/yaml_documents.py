"""YAML 1.2 into the values that JSON would give, with the place of each; every fault is named with its line.

Events of ruamel.yaml's parser are read one by one, so that nesting, aliases and doubled fields are bounded here; no
value is ever built by a tag.
"""

import copy
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from intents.places import Place
from intents.scalars import Written

MOST_LEVELS = 50
"""How deep values may lie in one another."""

MOST_VALUES = 1_000_000
"""How many values a file may come to, with what its aliases repeat."""

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TEXT_TAGS = frozenset({"!", "tag:yaml.org,2002:str"})
_PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("int", "float", "bool", "null", "seq", "map"))


class YamlError(Exception):
    """A text that is no YAML, or none that a catalog needs.

    Parameters
    ----------
    message
        What is wrong.
    line
        Where, counted from 1; None where it is not known.
    """

    def __init__(self, message: str, line: int | None) -> None:
        self.message = message
        self.line = line
        super().__init__(message)


@dataclass(slots=True)
class _Node:
    """A value being read; of an object, the field whose value comes next; with its size in values."""

    value: Any
    place: Place
    anchor: str | None = None
    key: str | None = None
    size: int = 1


@dataclass(slots=True)
class _Builder:
    stack: list[_Node] = field(default_factory=list)
    anchors: dict[str, _Node | None] = field(default_factory=dict)
    root: _Node | None = None
    n_documents: int = 0

    def take(self, event: Event) -> None:
        line = event.start_mark.line + 1
        if isinstance(event, DocumentStartEvent):
            self.n_documents += 1
            if self.n_documents > 1:
                raise YamlError("a second document begins: keep one, without a line of ---", line)
        elif isinstance(event, SequenceEndEvent | MappingEndEvent):
            node = self.stack.pop()
            self.put(node, line)
        elif isinstance(event, AliasEvent):
            self.put(self.alias(event, line), line)
        elif isinstance(event, ScalarEvent | SequenceStartEvent | MappingStartEvent):
            self.begin(event, line)

    def begin(self, event: ScalarEvent | SequenceStartEvent | MappingStartEvent, line: int) -> None:
        tag = event.ctag and str(event.ctag)
        if tag and tag not in _TEXT_TAGS and tag not in _PLAIN_TAGS:
            raise YamlError(f"the tag {tag} means nothing here: leave it out", line)
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        if isinstance(event, ScalarEvent):
            self.put(_Node(_scalar(event, tag), Place(line), event.anchor), line)
            return
        if len(self.stack) == MOST_LEVELS:
            raise YamlError("nested too deeply to be intents", line)
        self.stack.append(_Node([] if isinstance(event, SequenceStartEvent) else {}, Place(line), event.anchor))

    def alias(self, event: AliasEvent, line: int) -> _Node:
        node = self.anchors.get(event.anchor, self)
        if node is self:
            raise YamlError(f"unknown alias *{event.anchor}: no &{event.anchor} stands before it", line)
        if node is None:
            raise YamlError(f"*{event.anchor} stands inside of what it repeats", line)
        assert isinstance(node, _Node)
        return _Node(copy.copy(node.value), node.place, size=node.size)

    def put(self, node: _Node, line: int) -> None:
        if node.anchor is not None:
            self.anchors[node.anchor] = node
        if not self.stack:
            self.root = node
            return
        holder = self.stack[-1]
        holder.size += node.size
        if holder.size > MOST_VALUES:
            raise YamlError("too large: its aliases repeat more than a catalog can hold", line)
        if isinstance(holder.value, list):
            holder.value.append(node.value)
            if node.value is not None:
                holder.place.items.append(node.place)
        elif holder.key is None:
            holder.key = _key(node.value, holder, line)
        else:
            holder.value[holder.key] = node.value
            holder.place.fields[holder.key] = node.place
            holder.key = None


def _scalar(event: ScalarEvent, tag: str | None) -> str | None:
    text: str = event.value
    try:
        if not text.isascii():  # escapes, as in JSON, may give a character in two halves
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
            text.encode()
    except UnicodeEncodeError as error:
        half = ascii(text[error.start])[1:-1]
        line = event.start_mark.line + 1
        raise YamlError(f"not valid text: {half} is one half of a character without the other", line) from error
    if event.style or tag in _TEXT_TAGS:
        return text
    return None if text in _NULLS else Written(text)


def _key(value: Any, holder: _Node, line: int) -> str:  # noqa: ANN401 - whatever a file holds
    if not isinstance(value, str) or not value.strip():
        raise YamlError("the name of a field must be text", line)
    if value == "<<":
        raise YamlError("<< is not read: write the fields out", line)
    if value in holder.value:
        raise YamlError(f"duplicate field {str(value)!r} in one object: keep one of them", line)
    return str(value)


def _hint(text: str, line: int | None) -> str:
    """Return the mend of what is most often wrong in a line."""
    written = "".join(text.split("\n")[line - 1 : line]) if line is not None else ""
    if "\t" in written:
        return "; indent with spaces, not with tabs"
    if "](" in written or ": " in written.partition(": ")[2]:
        return '; a text that begins with [ or holds ": " needs quotation marks around it'
    return ""


def read_yaml(text: str) -> tuple[Any, Place]:
    """Return the value of a text and where all of it stands.

    A scalar without quotes that YAML takes for a number or a boolean is a `Written` text.

    Raises
    ------
    YamlError
        It cannot be read.
    """
    builder = _Builder()
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            builder.take(event)
    except YamlError:
        raise
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        fault = ", ".join(part for part in (error.context, error.problem) if part)
        line = mark.line + 1 if mark else None
        raise YamlError(f"not valid YAML: {fault}{_hint(text, line)}", line) from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise YamlError(f"not valid YAML: the character {error.character!a} has no place in it", line) from error
    except RecursionError as error:
        raise YamlError("nested too deeply to be intents", None) from error
    except Exception as error:  # on strange input the parser raises whatever it stumbles over
        raise YamlError(f"not valid YAML ({error})", None) from error
    return (None, Place(1)) if builder.root is None else (builder.root.value, builder.root.place)
