"""Files of intents into values; every fault of their shape becomes a finding.

`intents.schema` says what a file may hold. An intent tagged noanswer or fallback that has no patterns is not an intent
but supplies the fallback's responses, as in the well-known JSON shape of tutorials.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from intents import schema
from intents.building import Builder
from intents.catalog import Builtin, Fallback, Intent
from intents.documents import Document, catalog_files, is_deep, read_document
from intents.faults import field_name, read_model
from intents.findings import Finding, Severity
from intents.places import Steps

FALLBACK_TAGS = ("noanswer", "fallback")


@dataclass(frozen=True, slots=True)
class ReadIntent:
    """An intent and where it was read.

    Parameters
    ----------
    document
        The file that it stands in.
    steps
        Where in it.
    intent
        As it was read.
    entry
        As it is written.
    left_out
        The fields that its entry leaves out.
    """

    document: Document
    steps: Steps
    intent: Intent
    entry: schema.IntentFields
    left_out: frozenset[str] = frozenset()

    @property
    def file(self) -> str:
        """The file that it stands in, as the caller named it."""
        return str(self.document.file)

    @property
    def has_builtin_patterns(self) -> bool:
        """Whether nobody wrote its patterns."""
        return self.intent.builtin is not None and not self.entry.patterns

    def finding(self, severity: Severity, message: str, *steps: str | int) -> Finding:
        """Return a finding about a part of the entry."""
        return self.document.finding(
            severity, message, steps=(*self.steps, *steps), tag=self.intent.tag, field=field_name(steps) or None
        )


@dataclass(frozen=True, slots=True)
class ReadFallback:
    """The answers of what matches no intent, as a file's `fallback` has them."""

    document: Document
    entry: schema.FallbackEntry
    fallback: Fallback

    def finding(self, severity: Severity, message: str, *steps: str | int) -> Finding:
        """Return a finding about a part of the entry."""
        steps = ("fallback", *steps)
        return self.document.finding(severity, message, steps=steps, field=field_name(steps))


@dataclass(slots=True)
class Reading:
    """All that could be read, and the findings on the way."""

    intents: list[ReadIntent] = field(default_factory=list)
    fallbacks: list[ReadIntent] = field(default_factory=list)
    fallback_blocks: list[ReadFallback] = field(default_factory=list)
    phrases: dict[str, dict[str, str]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Found:
    """An intent as it is written, before it is known which entities there are."""

    document: Document
    steps: Steps
    tag: str
    entry: schema.IntentFields = field(default_factory=schema.IntentFields)
    left_out: frozenset[str] = frozenset()
    language: str | None = None
    parent: str | None = None
    name: str = ""
    has_followups: bool = False


def read_intents(path: Path) -> Reading:
    """Read a file of intents, or every file of a directory (not of those below it), in the order of their names."""
    reading = Reading()
    files = catalog_files(path)
    if files == []:
        message = "empty: the directory holds no file of intents (*.json, *.yaml, *.yml)"
        reading.findings.append(Finding(Severity.ERROR, str(path), message))
    found: list[_Found] = []
    heads: list[tuple[Document, schema.FileHead]] = []
    for file in [path] if files is None else files:
        document = read_document(file)
        if isinstance(document, Finding):
            reading.findings.append(document)
            continue
        head = _head(document, reading.findings)
        if head is not None:
            heads.append((document, head))
            found += _entries(document, head.language, reading.findings)
    builder = Builder(path if files is not None else path.parent, reading.findings)
    for document, head in heads:
        builder.add_entities(document, head)
    for document, head in heads:
        reading.phrases.setdefault(head.language or "", {}).update(
            {str(name): text for name, text in head.phrases.items()}
        )
        if head.fallback is not None:
            fallback = builder.fallback(document, head.fallback)
            reading.fallback_blocks.append(ReadFallback(document, head.fallback, fallback))
    for one in found:
        _build(one, builder, reading)
    return reading


def _head(document: Document, findings: list[Finding]) -> schema.FileHead | None:
    """Return what stands beside the intents; None if this is no file of intents."""
    known = [info.alias or name for name, info in schema.CatalogFile.model_fields.items()]
    value = document.value
    if not isinstance(value, dict) or not (
        isinstance(value.get("intents"), list)
        or ("intents" not in value and any(name in value for name in ("fallback", "entities", "phrases")))
    ):
        message = 'missing field "intents": the file must be {"intents": [...]}'
        findings.append(document.finding(Severity.ERROR, message))
        return None
    for unknown in (name for name in value if name not in known):
        message = f'unknown field "{unknown}" beside "intents": it is ignored'
        findings.append(document.finding(Severity.WARNING, message, steps=(unknown,)))
    fields = {name: item for name, item in value.items() if name in known and name != "intents"}
    if is_deep(fields):
        findings.append(document.finding(Severity.ERROR, "not valid: nested too deeply to be intents"))
        return None
    head, faults = read_model(schema.FileHead, fields, document, steps=())
    findings += faults
    return head


def _entries(document: Document, language: str | None, findings: list[Finding]) -> list[_Found]:
    entries = document.value.get("intents")
    if entries == []:
        findings.append(document.finding(Severity.WARNING, 'empty: "intents" lists no intent', steps=("intents",)))
    found: list[_Found] = []
    n_nulls = 0
    for number, entry in enumerate(entries or []):
        steps: Steps = ("intents",) if entry is None else ("intents", number - n_nulls)
        n_nulls += entry is None
        place = f"intents[{number}]"
        if not isinstance(entry, dict):
            message = "not an intent: expected an object with a tag"
            findings.append(document.finding(Severity.ERROR, message, steps=steps, tag=place))
        elif is_deep(entry):
            message = "not valid: nested too deeply to be an intent"
            findings.append(document.finding(Severity.ERROR, message, steps=steps, tag=place))
        else:
            tag = _tag(entry, place, document, steps, findings)
            origin = _Found(document, steps, tag, language=language)
            found += _with_followups(origin, entry, schema.IntentEntry, findings)
    return found


def _tag(entry: dict[str, Any], place: str, document: Document, steps: Steps, findings: list[Finding]) -> str:
    """Return the tag, or the place that names an intent without one."""
    tag = entry.get("tag")
    if isinstance(tag, str) and tag.strip().isprintable() and tag.strip():
        return str(tag.strip())
    if isinstance(tag, str) and tag.strip():
        message = "not text: control characters in the tag"
    else:
        fault = "missing" if "tag" not in entry else "empty" if tag is None or isinstance(tag, str) else "not text"
        message = f"{fault}: give the intent a name"
    findings.append(document.finding(Severity.ERROR, message, steps=(*steps, "tag"), tag=place, field="tag"))
    return place


def _with_followups(
    origin: _Found, entry: dict[str, Any], model: type[schema.IntentFields], findings: list[Finding]
) -> list[_Found]:
    """Return the intent, then its follow-ups, theirs behind each."""
    fields = {name: value for name, value in entry.items() if name != "followups"}
    if model is schema.IntentEntry:
        fields["tag"] = origin.tag
    read, faults = read_model(model, fields, origin.document, steps=origin.steps, tag=origin.tag)
    findings += faults
    if read is None:
        return []
    written = entry.get("followups") or {}
    left_out = frozenset(schema.IntentEntry.model_fields.keys() - entry.keys())
    found = [replace(origin, entry=read, left_out=left_out, has_followups=bool(written))]
    if not isinstance(written, dict):
        message = "not an object: expected follow-ups by name, such as yes and no"
        steps = (*origin.steps, "followups")
        findings.append(
            origin.document.finding(Severity.ERROR, message, steps=steps, tag=origin.tag, field="followups")
        )
        return found
    for name, value in written.items():
        found += _followup(found[0], str(name).strip(), value, (*origin.steps, "followups", name), findings)
    return found


def _followup(origin: _Found, name: str, value: Any, steps: Steps, findings: list[Finding]) -> list[_Found]:  # noqa: ANN401
    if value is None or isinstance(value, str | list):
        value = {"responses": value}
    tag = f"{origin.tag}.{name}"
    fault = (
        "not an object: expected patterns and responses"
        if not isinstance(value, dict)
        else "not a name: use letters, digits, - and _"
        if not name.replace("-", "_").isidentifier()
        else None
    )
    if fault is not None:
        findings.append(origin.document.finding(Severity.ERROR, fault, steps=steps, tag=tag))
        return []
    child = replace(origin, steps=steps, tag=tag, parent=origin.tag, name=name)
    return _with_followups(child, value, schema.FollowUpEntry, findings)


def _build(one: _Found, builder: Builder, reading: Reading) -> None:
    builtin = Builtin(one.name) if one.name in set(Builtin) else None
    intent = builder.intent(
        one.tag,
        one.entry,
        one.document,
        one.steps,
        language=one.language,
        parent=one.parent,
        builtin=builtin,
        has_followups=one.has_followups,
    )
    read = ReadIntent(one.document, one.steps, intent, one.entry, one.left_out)
    is_fallback = one.parent is None and one.tag in FALLBACK_TAGS and not intent.patterns
    (reading.fallbacks if is_fallback else reading.intents).append(read)
    for key in ("context_set", "context", "context_filter"):
        if is_fallback and getattr(one.entry, key):
            message = "ignored: a fallback is answered whatever the context, and sets none"
            reading.findings.append(read.finding(Severity.WARNING, message, key))
