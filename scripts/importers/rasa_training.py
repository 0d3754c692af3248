"""Rasa's training data: examples with annotations, synonyms, expressions and lookup tables; YAML or Markdown."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from scripts.importers.documents import Node
from scripts.importers.drafts import Ledger, Text, clean, identifier, plain_pattern
from scripts.importers.sources import Source, SourceFile

_ANNOTATION = re.compile(
    r"\[(?P<text>[^\[\]]+)\](?:\((?P<entity>[^():\[\]]+)(?::(?P<value>[^()]*))?\)|(?P<fields>\{[^{}]*\}|\[\s*\{[^\[\]]*\}\s*\]))"
)
_ITEM = re.compile(r"\s*[-*+]\s+(?P<text>.*)")
_SECTION = re.compile(r"##\s*(?P<kind>intent|synonym|regex|lookup)\s*:\s*(?P<name>.+)", re.IGNORECASE)


class Annotated(NamedTuple):
    """A part of an example that names a value.

    Parameters
    ----------
    text
        As the example has it.
    entity
        With its role behind an underscore, where it has one.
    value
        What it stands for; None for itself.
    """

    text: str
    entity: str
    value: str | None


class Example(NamedTuple):
    """An example: plain texts and annotated ones, in their order."""

    parts: tuple[str | Annotated, ...]
    place: str


@dataclass(slots=True)
class Training:
    """All training data of a project."""

    examples: dict[str, list[Example]] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    synonyms: dict[str, list[str]] = field(default_factory=dict)
    regexes: dict[str, list[Text]] = field(default_factory=dict)
    lookups: dict[str, list[str]] = field(default_factory=dict)
    languages: dict[str, str] = field(default_factory=dict)

    def canonical(self, text: str, value: str | None = None) -> str:
        """Return the value that an annotated text stands for."""
        if value:
            return value
        folded = text.casefold()
        known = (one for one, texts in self.synonyms.items() if folded in {other.casefold() for other in texts})
        return next(known, text)

    def annotated(self, entity: str) -> Iterator[Annotated]:
        """Yield what examples annotate as an entity."""
        for examples in self.examples.values():
            for example in examples:
                yield from (part for part in example.parts if isinstance(part, Annotated) and part.entity == entity)


def read_training(root: Node, file: SourceFile, source: Source, training: Training, ledger: Ledger) -> None:
    """Read the `nlu` of a YAML document."""
    for entry in root["nlu"]:
        kind = next((one for one in ("intent", "synonym", "regex", "lookup") if one in entry), None)
        if kind is None:
            ledger.note(f"{file.name}:{entry.line}", "an entry of nlu", "left out: no intent, synonym, regex or lookup")
            continue
        texts = [Text(text, f"{file.name}:{line}") for text, line in _examples(entry["examples"])]
        if kind == "lookup" and not texts:
            texts = _lookup_file(entry["examples"].text or entry["elements"].text, file, source)
        _add((kind, clean(entry[kind].text)), texts, f"{file.name}:{entry.line}", training, ledger)
        language = entry["metadata"]["language"].text
        if kind == "intent" and language:
            training.languages[entry[kind].text] = language


def read_markdown(file: SourceFile, source: Source, training: Training, ledger: Ledger) -> None:
    """Read the training data of Rasa 1."""
    kind, name, texts, place = "", "", list[Text](), ""
    for number, line in enumerate([*file.text().split("\n"), "##"], start=1):
        if line.startswith("##"):
            if name:
                if kind == "lookup" and len(texts) == 1 and texts[0].text.endswith(".txt"):
                    texts = _lookup_file(texts[0].text, file, source)
                _add((kind, name), texts, place, training, ledger)
            section = _SECTION.match(line)
            kind, name = (section["kind"].lower(), section["name"].strip()) if section else ("", "")
            texts, place = [], f"{file.name}:{number}"
        elif kind and line.strip() and not line.startswith(("<!--", "#")):
            item = _ITEM.match(line)
            texts.append(Text((item["text"] if item else line).strip(), f"{file.name}:{number}"))


def is_markdown_training(text: str) -> bool:
    """Whether a Markdown file is training data of Rasa 1."""
    return any(_SECTION.match(line) for line in text.split("\n"))


def _examples(node: Node) -> Iterator[tuple[str, int]]:
    """Yield the examples of a block of text, or of a list of texts or of objects with a text."""
    if node.is_list:
        for item in node:
            text = item["text"] if item.is_mapping else item
            if text.text:
                yield _without_dash(" ".join(text.text.split())), text.line
        return
    for line, number in node.lines():
        if line.strip() and not line.strip().startswith("#"):
            yield _without_dash(line.strip()), number


def _without_dash(line: str) -> str:
    item = _ITEM.match(line)
    return item["text"].strip() if item else line.removeprefix("-").strip()


def _lookup_file(name: str, file: SourceFile, source: Source) -> list[Text]:
    """Return the lines of a file that a lookup table names."""
    found = source.find(name, file) if name else None
    if found is None:
        return []
    return [
        Text(line.strip(), f"{found.name}:{at}") for at, line in enumerate(found.text().split("\n"), 1) if line.strip()
    ]


def _add(section: tuple[str, str], texts: list[Text], place: str, training: Training, ledger: Ledger) -> None:
    kind, name = section
    if kind == "intent":
        ledger.find("patterns", len(texts))
        training.places.setdefault(name, place)
        training.examples.setdefault(name, []).extend(parse_example(one, ledger) for one in texts if one.text)
        return
    ledger.find({"synonym": "synonyms", "regex": "regexes", "lookup": "lookup tables"}[kind])
    values = list(dict.fromkeys(clean(one.text) for one in texts if clean(one.text)))
    if kind == "synonym":
        training.synonyms.setdefault(name, []).extend(values)
    elif kind == "regex":
        training.regexes.setdefault(name, []).extend(texts)
    elif values:
        training.lookups.setdefault(name, []).extend(values)
    else:
        ledger.lose("lookup tables", place, f"lookup {name}", "left out: its values are not in the source")


def parse_example(example: Text, ledger: Ledger) -> Example:
    """Return an example in its parts."""
    parts: list[str | Annotated] = []
    at = 0
    for match in _ANNOTATION.finditer(example.text):
        parts.append(example.text[at : match.start()])
        parts.append(_annotated(match, example, ledger))
        at = match.end()
    parts.append(example.text[at:])
    return Example(tuple(part for part in parts if part), example.place)


def _annotated(match: re.Match[str], example: Text, ledger: Ledger) -> str | Annotated:
    text = clean(match["text"])
    if match["entity"]:
        return Annotated(text, match["entity"].strip(), match["value"] or None)
    try:
        fields = json.loads(match["fields"])
    except json.JSONDecodeError:
        fields = None
    if isinstance(fields, list) and fields:
        if len(fields) > 1:
            ledger.note(example.place, f"{text!r}", "has several annotations: the first is carried over")
        fields = fields[0]
    entity = fields.get("entity") if isinstance(fields, dict) else None
    if not isinstance(entity, str) or not text:
        ledger.lose("annotations", example.place, match[0], "left out: the annotation cannot be read")
        return match["text"]
    role, value = fields.get("role"), fields.get("value")
    if fields.get("group") is not None:
        ledger.note(example.place, f"{text!r}", "belongs to a group of values: groups have no counterpart")
    name = f"{entity}_{role}" if isinstance(role, str) and role else entity
    return Annotated(text, name, clean(str(value)) if value is not None else None)


def as_pattern(example: Example, slot_of: dict[str, str]) -> Text:
    """Return an example as a pattern, annotated with the slots that its entities fill."""
    written = []
    for part in example.parts:
        if isinstance(part, str):
            written.append(part)
        else:
            slot = slot_of.get(part.entity, identifier(part.entity))
            written.append(f"[{plain_pattern(part.text)}]({slot})")
    # parts were parsed apart, so that what is left of brackets in plain text reads as no annotation
    plain = [
        one if isinstance(part, Annotated) else one.replace("](", "] (")
        for part, one in zip(example.parts, written, strict=True)
    ]
    return Text(" ".join(clean("".join(plain)).split()), example.place)
