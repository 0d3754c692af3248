"""YAML and JSON as nodes that know their line. Scalars of YAML stay text, and no tag of it makes an object."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError, YAMLStreamError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from scripts.importers.sources import ImportSourceError

MAX_DEPTH = 60
MAX_NODES = 2_000_000
MAX_YAML_CHARACTERS = 8_000_000
"""A parser in Python takes a minute for them."""

_NULLS = ("", "~", "null", "Null", "NULL")
_BLANK = " \t\n\r"
_BRANCH = "[{"
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a document.

    Parameters
    ----------
    value
        A scalar, a list of nodes or nodes by name.
    line
        Where it begins, from 1; of a block of text, its first line.
    """

    value: str | float | bool | list["Node"] | dict[str, "Node"] | None
    line: int

    def __getitem__(self, name: str) -> "Node":
        """Return what stands under a name; without it, or in anything but a mapping, a node of nothing."""
        found = self.value.get(name) if isinstance(self.value, dict) else None
        return found if found is not None else Node(None, self.line)

    def __contains__(self, name: str) -> bool:
        return isinstance(self.value, dict) and name in self.value

    def __iter__(self) -> Iterator["Node"]:
        """Yield the items of a list; anything else has none."""
        yield from self.value if isinstance(self.value, list) else ()

    def items(self) -> Iterator[tuple[str, "Node"]]:
        """Yield the fields of a mapping; anything else has none."""
        yield from self.value.items() if isinstance(self.value, dict) else ()

    @property
    def text(self) -> str:
        """The text of a scalar, stripped; empty for anything else."""
        if isinstance(self.value, bool):
            return str(self.value).lower()
        return str(self.value).strip() if isinstance(self.value, str | int | float) else ""

    @property
    def flag(self) -> bool:
        """Whether it says yes."""
        return self.text.casefold() in {"true", "yes", "on"}

    @property
    def is_mapping(self) -> bool:
        """Whether it has fields."""
        return isinstance(self.value, dict)

    @property
    def is_list(self) -> bool:
        """Whether it has items."""
        return isinstance(self.value, list)

    def each(self) -> Iterator["Node"]:
        """Yield the items of a list, or a scalar that stands for a list of one."""
        if isinstance(self.value, list):
            yield from self.value
        elif not isinstance(self.value, dict) and self.value is not None:
            yield self

    def lines(self) -> Iterator[tuple[str, int]]:
        """Yield each line of a text, with its number in the file."""
        if isinstance(self.value, str):
            yield from ((line, self.line + number) for number, line in enumerate(self.value.split("\n")))


def read_yaml(text: str, name: str) -> Node:
    """Return the first document of a YAML text.

    Raises
    ------
    ImportSourceError
        It is not valid, or too large.
    """
    if len(text) > MAX_YAML_CHARACTERS:
        raise ImportSourceError(f"{name}: too large for YAML: split it into files of less than 8 MB")
    try:
        root = YAML(typ="safe", pure=True).compose(text)
        return Node(None, 1) if root is None else _Builder(name).node(root, 0)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{name}:{mark.line + 1}" if mark is not None else name
        raise ImportSourceError(f"{place}: not valid YAML: {error.problem or error.context}") from error
    except (YAMLError, YAMLStreamError, ValueError) as error:
        reason = getattr(error, "reason", None) or "damaged"
        raise ImportSourceError(f"{name}: not valid YAML: {reason}") from error
    except RecursionError as error:
        raise ImportSourceError(f"{name}: nested too deeply") from error


@dataclass(slots=True)
class _Builder:
    """Makes nodes of composed YAML, whose aliases could otherwise multiply without end."""

    name: str
    n_nodes: int = 0

    def node(self, composed: Any, depth: int) -> Node:  # noqa: ANN401 - ruamel's nodes have no common type
        self.n_nodes += 1
        if depth > MAX_DEPTH or self.n_nodes > MAX_NODES:
            raise ImportSourceError(f"{self.name}: nested too deeply, or too large")
        line = composed.start_mark.line + 1
        if isinstance(composed, SequenceNode):
            return Node([self.node(item, depth + 1) for item in composed.value], line)
        if isinstance(composed, MappingNode):
            fields = {str(key.value): self.node(value, depth + 1) for key, value in _pairs(composed)}
            return Node(fields, line)
        assert isinstance(composed, ScalarNode)
        is_plain = composed.style not in {"'", '"', "|", ">"}
        if is_plain and composed.value in _NULLS:
            return Node(None, line)
        return Node(composed.value, line + (composed.style in {"|", ">"}))


def _pairs(composed: Any) -> list[tuple[Any, Any]]:  # noqa: ANN401 - as above
    return [(key, value) for key, value in composed.value if isinstance(key, ScalarNode)]


def read_json(text: str, name: str) -> Node:
    """Return a JSON text as a node.

    Raises
    ------
    ImportSourceError
        It is not valid.
    """
    try:
        json.loads(text, parse_int=float)  # the fault is told by the one who knows JSON best
        return _JsonReader(text, name).document()
    except json.JSONDecodeError as error:
        raise ImportSourceError(f"{name}:{error.lineno}: not valid JSON: {error.msg}") from error
    except (RecursionError, ValueError) as error:
        raise ImportSourceError(f"{name}: nested too deeply, or not valid JSON") from error


@dataclass(slots=True)
class _JsonReader:
    """Reads JSON that is known to be valid a second time, for its lines."""

    text: str
    name: str
    at: int = 0
    line: int = 1

    def document(self) -> Node:
        return self._value(0)

    def _skip(self) -> str:
        """Pass over blanks and return the next character."""
        while self.text[self.at] in _BLANK:
            self.line += self.text[self.at] == "\n"
            self.at += 1
        return self.text[self.at]

    def _value(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise ImportSourceError(f"{self.name}: nested too deeply")
        first = self._skip()
        line = self.line
        if first in _BRANCH:
            return Node(self._list(depth) if first == "[" else self._mapping(depth), line)
        if first == '"':
            return Node(self._string(), line)
        end = self.at
        while end < len(self.text) and self.text[end] not in ",]}" + _BLANK:
            end += 1
        word, self.at = self.text[self.at : end], end
        return Node({"null": None, "true": True, "false": False}.get(word, word), line)

    def _string(self) -> str:
        value: str
        value, self.at = _DECODER.raw_decode(self.text, self.at)
        return value

    def _list(self, depth: int) -> list[Node]:
        items: list[Node] = []
        self.at += 1
        while self._skip() != "]":
            items.append(self._value(depth + 1))
            self.at += self._skip() == ","
        self.at += 1
        return items

    def _mapping(self, depth: int) -> dict[str, Node]:
        fields: dict[str, Node] = {}
        self.at += 1
        while self._skip() != "}":
            name = self._string()
            self._skip()
            self.at += 1
            fields[name] = self._value(depth + 1)
            self.at += self._skip() == ","
        self.at += 1
        return fields
