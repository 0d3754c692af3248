"""A catalog's patterns as Rasa's training data: examples with annotations, synonyms, lookup tables, expressions."""

import io
import re
from collections.abc import Iterable, Mapping

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

from intents.catalog import Entity, EntityType, IntentCatalog

VERSION = "3.1"
_NEVER_FOLD = 1_000_000


def to_rasa(catalog: IntentCatalog) -> str:
    """Return the text of an `nlu.yml`: every intent that has patterns, and what their slots may hold.

    The language of an intent stands in its metadata: Rasa knows one language a project.
    """
    nlu = CommentedSeq()
    for intent in catalog.trainable:
        entry = CommentedMap(intent=intent.tag)
        if intent.language:
            entry["metadata"] = CommentedMap(language=intent.language)
        entry["examples"] = _block(annotated(pattern, intent.annotations) for pattern in intent.patterns)
        nlu.append(entry)
    synonyms: dict[str, list[str]] = {}
    for name, entity in _entities(catalog).items():
        if entity.type is EntityType.CHOICE and entity.values:
            nlu.append(CommentedMap(lookup=name, examples=_block(entity.values)))
            for value, others in entity.values.items():
                known = synonyms.setdefault(value, [])
                known += [other for other in others if other not in known]
        elif entity.type is EntityType.REGEX and entity.regex:
            nlu.append(CommentedMap(regex=name, examples=_block([entity.regex])))
    nlu += [CommentedMap(synonym=value, examples=_block(known)) for value, known in synonyms.items() if known]
    document = CommentedMap(version=DoubleQuotedScalarString(VERSION), nlu=nlu)
    if catalog.languages:
        document.yaml_set_start_comment(f"language: {', '.join(catalog.languages)}")
    writer, stream = YAML(), io.StringIO()
    writer.width = _NEVER_FOLD
    writer.dump(document, stream)
    return stream.getvalue()


def _entities(catalog: IntentCatalog) -> dict[str, Entity]:
    """Return what slots may hold, by the names of the slots; of two of one name their values together."""
    found: dict[str, Entity] = {}
    for intent in catalog.intents:
        for slot in intent.slots:
            known = found.get(slot.name)
            if known is not None and known.type is slot.entity.type is EntityType.CHOICE:
                found[slot.name] = Entity(EntityType.CHOICE, {**known.values, **slot.entity.values})
            else:
                found.setdefault(slot.name, slot.entity)
    return found


def annotated(pattern: str, annotations: Mapping[str, tuple[str, ...]]) -> str:
    """Return a pattern in which the texts that an intent notes as values are annotated, the longest first."""
    slots = {text: slot for slot, texts in annotations.items() for text in texts}
    if not slots:
        return pattern
    longest_first = sorted(slots, key=lambda text: (-len(text), text))
    any_of = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, longest_first)) + r")(?!\w)")
    return any_of.sub(lambda match: f"[{match[0]}]({slots[match[0]]})", pattern)


def _block(texts: Iterable[str]) -> str:
    block: str = LiteralScalarString("".join(f"- {' '.join(text.split())}\n" for text in texts))
    return block
