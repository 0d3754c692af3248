"""What importers hand on: bots on their way to a catalog, and the record of what was found and what was lost."""

import re
from collections import Counter
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from intents.catalog import Entity, Response, SetContext

LINK = re.compile(r"\[([^\[\]]+)\]\(([^()]+)\)")
"""An annotation in a pattern, as a catalog's file has it."""

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_N_TAG_WORDS = 4


class Note(NamedTuple):
    """Something that could not be carried over, or not as it was."""

    place: str
    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}: {self.why}"


@dataclass(slots=True)
class Ledger:
    """What was found in a source, of each kind, and what of it was lost."""

    notes: list[Note] = field(default_factory=list)
    found: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    _seen: set[Note] = field(default_factory=set, init=False)

    def find(self, kind: str, number: int = 1) -> None:
        """Count something found."""
        self.found[kind] += number

    def lose(self, kind: str, place: str, what: str, why: str, number: int = 1) -> None:
        """Count something found that is not carried over, and say so."""
        self.lost[kind] += number
        self.note(place, what, why)

    def note(self, place: str, what: str, why: str) -> None:
        """Say what became of something, once."""
        note = Note(place, _one_line(what), _one_line(why))
        if note not in self._seen:
            self._seen.add(note)
            self.notes.append(note)


class Text(NamedTuple):
    """A text and where it stands (``FILE:LINE``)."""

    text: str
    place: str


class Answer(NamedTuple):
    """A response and where it stands."""

    response: Response
    place: str


@dataclass(slots=True)
class DraftSlot:
    """A slot whose type is the name of an entity or of a type."""

    name: str
    type: str = "text"
    prompts: list[str] = field(default_factory=list)
    required: bool = False
    place: str = ""


@dataclass(slots=True)
class Draft:
    """An intent as it is put together.

    Parameters
    ----------
    patterns
        With annotations, as a catalog's file has them.
    name
        Of a follow-up, under its parent.
    comment
        For the admin who edits the file.
    """

    tag: str
    place: str
    patterns: list[Text] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    context_set: list[SetContext] = field(default_factory=list)
    context_filter: list[str] = field(default_factory=list)
    slots: dict[str, DraftSlot] = field(default_factory=dict)
    followups: dict[str, "Draft"] = field(default_factory=dict)
    handoff: bool = False
    title: str = ""
    comment: str = ""

    def family(self, tag: str | None = None) -> Iterator[tuple[str, "Draft"]]:
        """Yield the intent and its follow-ups at any depth, each with its full tag."""
        own = self.tag if tag is None else tag
        yield own, self
        for name, followup in self.followups.items():
            yield from followup.family(f"{own}.{name}")


@dataclass(slots=True)
class Bot:
    """A bot of one language."""

    drafts: list[Draft] = field(default_factory=list)
    entities: dict[str, Entity] = field(default_factory=dict)
    fallback: list[Answer] = field(default_factory=list)
    language: str | None = None


def clean(text: str) -> str:
    """Return a text without characters that no file of text should hold, stripped."""
    return _CONTROLS.sub("", text).strip()


def plain_pattern(text: str) -> str:
    """Return a pattern on one line in which nothing reads as an annotation."""
    return LINK.sub(r"\1", " ".join(clean(text).split()))


def slug(name: str) -> str:
    """Return a name as tags, slots and entities are named; empty if it has no letter."""
    return re.sub(r"_+", "_", re.sub(r"\W", "_", clean(name))).strip("_")


def identifier(name: str) -> str:
    """Return a name that a placeholder may bear."""
    found = slug(name)
    return f"_{found}" if found[:1].isdigit() else found or "value"


def tag_of_words(text: str, taken: Container[str], stop_words: frozenset[str] = frozenset()) -> str:
    """Return a new tag made of the first words of a text that tell something."""
    words = re.findall(r"\w+", text.casefold().replace("'", ""))
    telling = [word for word in words if word not in stop_words] or words
    return unused("_".join(telling[:_N_TAG_WORDS])[:60].strip("_") or "intent", taken)


def unused(name: str, taken: Container[str]) -> str:
    """Return the name, with a number behind it if it is taken."""
    number = 2
    found = name
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    return found


def _one_line(text: str) -> str:
    return " ".join(clean(text).split())[:300]
