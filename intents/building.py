"""What files hold, as the frozen values of `intents.catalog`."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from intents import schema
from intents.annotations import annotations_in, without_annotations
from intents.builtin import builtin_patterns, cancel_response
from intents.catalog import (
    DEFAULT_LIFESPAN,
    Action,
    Attachment,
    Builtin,
    Choice,
    Condition,
    Entity,
    EntityType,
    Fallback,
    Intent,
    Response,
    SetContext,
    Slot,
)
from intents.documents import Document
from intents.entity_checks import entity_faults
from intents.faults import did_you_mean, field_name
from intents.findings import Finding, Severity
from intents.places import Steps

FOLLOWUP_LIFESPAN = 2
"""For how many messages follow-ups are understood, unless the context is written out."""


@dataclass(slots=True)
class _Where:
    """An entry of a file, for findings."""

    document: Document
    steps: Steps
    tag: str | None
    prefix: Steps = ()

    def finding(self, message: str, *steps: str | int, severity: Severity = Severity.ERROR) -> Finding:
        return self.document.finding(
            severity,
            message,
            steps=(*self.steps, *steps),
            tag=self.tag,
            field=field_name((*self.prefix, *steps)) or None,
        )


@dataclass(slots=True)
class Builder:
    """Builds the intents of one catalog.

    Parameters
    ----------
    directory
        Below which attachments must lie.
    findings
        Where faults are told.
    """

    directory: Path
    findings: list[Finding]
    entities: dict[str, Entity] = field(default_factory=dict)
    _defined_in: dict[str, str] = field(default_factory=dict)

    def add_entities(self, document: Document, head: schema.FileHead) -> None:
        """Make a file's entities known."""
        for name, entry in head.entities.items():
            where = _Where(document, ("entities", name), None, ("entities", name))
            if name in set(EntityType):
                self.findings.append(where.finding(f'the name of a type: call the entity other than "{name}"'))
            elif name in self.entities:
                first = self._defined_in[name]
                self.findings.append(where.finding(f"duplicate entity, first in {first}: keep one of them"))
            else:
                self._defined_in[name] = str(document.file)
                self.entities[name] = entity = _entity(entry.type, entry)
                self.findings += [where.finding(fault, key, severity=how) for how, key, fault in entity_faults(entity)]

    def intent(
        self,
        tag: str,
        entry: schema.IntentFields,
        document: Document,
        steps: Steps,
        *,
        language: str | None,
        parent: str | None,
        builtin: Builtin | None,
        has_followups: bool,
    ) -> Intent:
        """Return an entry as an intent."""
        where = _Where(document, steps, tag)
        responses = self._responses(entry.responses, where)
        if builtin is Builtin.CANCEL and not responses:
            responses = (Response(cancel_response(language)),)
        patterns = tuple(without_annotations(pattern) for pattern in entry.patterns)
        if builtin is not None and not patterns:
            patterns = builtin_patterns(builtin, language)
        annotations: dict[str, tuple[str, ...]] = {}
        for slot, text in (one for pattern in entry.patterns for one in annotations_in(pattern)):
            annotations[slot] = tuple(dict.fromkeys((*annotations.get(slot, ()), text)))
        return Intent(
            tag,
            patterns,
            responses,
            context_set=_contexts(entry, tag if has_followups else None),
            context_filter=tuple(entry.context_filter) if parent is None else (parent,),
            slots=tuple(self._slot(slot, number, where) for number, slot in enumerate(entry.slots)),
            annotations=annotations,
            action=_action(entry.action),
            handoff=entry.handoff,
            parent=parent,
            builtin=builtin,
            language=language,
            title=entry.title,
        )

    def fallback(self, document: Document, entry: schema.FallbackEntry) -> Fallback:
        """Return a file's `fallback`."""
        where = _Where(document, ("fallback",), None, ("fallback",))
        return Fallback(self._responses(entry.responses, where), entry.did_you_mean, tuple(entry.help), entry.handoff)

    def _responses(self, entries: Iterable[schema.ResponseEntry], where: _Where) -> tuple[Response, ...]:
        return tuple(
            Response(
                entry.text,
                Condition(
                    tuple(entry.when.platform),
                    tuple(entry.when.language),
                    {slot: tuple(values) for slot, values in entry.when.slots.items()},
                ),
                tuple(Choice(choice.title, choice.intent or None) for choice in entry.choices),
                self._attachments(entry, number, where),
            )
            for number, entry in enumerate(entries)
        )

    def _attachments(self, entry: schema.ResponseEntry, number: int, where: _Where) -> tuple[Attachment, ...]:
        found = []
        for kind, sources in (("image", entry.image), ("file", entry.file)):
            for place, source in enumerate(sources):
                try:
                    resolved = _source(source, where.document.file.parent, self.directory)
                except _SourceError as error:
                    self.findings.append(where.finding(str(error), "responses", number, kind, place))
                else:
                    found.append(Attachment(resolved, is_image=kind == "image"))
        return tuple(found)

    def _slot(self, entry: schema.SlotEntry, number: int, where: _Where) -> Slot:
        known = {**{str(kind): Entity(kind) for kind in EntityType}, **self.entities}
        entity = known.get(entry.type)
        if entity is None:
            message = f'unknown type "{entry.type}": {did_you_mean(entry.type, known)}'
            self.findings.append(where.finding(message, "slots", number, "type"))
            entity = Entity(EntityType.TEXT)
        elif entry.type not in self.entities:
            entity = _entity(entity.type, entry)
            for how, key, fault in entity_faults(entity):
                self.findings.append(where.finding(fault, "slots", number, key, severity=how))
        return Slot(entry.name, entity, tuple(entry.prompt), entry.required, tuple(entry.invalid))


def _entity(kind: EntityType, entry: schema.EntityEntry | schema.SlotEntry) -> Entity:
    values = {value.strip(): tuple(synonyms) for value, synonyms in entry.values.items()}
    return Entity(kind, values, entry.regex, entry.least, entry.most)


def _contexts(entry: schema.IntentFields, own: str | None) -> tuple[SetContext, ...]:
    contexts = tuple(
        SetContext(one.name, DEFAULT_LIFESPAN if one.lifespan is None else one.lifespan, one.ttl_s)
        for one in (*entry.context_set, *entry.context)
    )
    if own is not None and own not in {one.name for one in contexts}:
        contexts += (SetContext(own, FOLLOWUP_LIFESPAN),)
    return contexts


def _action(entry: schema.ActionEntry | None) -> Action | None:
    if entry is None:
        return None
    action = Action(
        entry.call or None,
        dict(entry.arguments),
        entry.url or None,
        entry.method,
        entry.body,
        dict(entry.headers),
        entry.allow_private,
        entry.timeout_s,
    )
    return replace(action, apology=entry.apology) if entry.apology else action


class _SourceError(ValueError):
    """A picture or a file that cannot be sent; its text says why."""


def _source(source: str, directory: Path, root: Path) -> str:
    """Return an attachment's address, or the absolute path of a file below the catalog's directory."""
    if source.startswith("https://"):
        return source
    if "://" in source:
        raise _SourceError(f'"{source}" is no address that can be sent: it must begin with https://')
    try:
        path, below = (directory / source).resolve(), root.resolve()
        is_file = path.is_file()
    except (OSError, ValueError, RuntimeError) as error:  # a name that no file can have, a circle of links
        raise _SourceError(f'"{source}" cannot be found: {error}') from error
    if Path(source).is_absolute() or not path.is_relative_to(below):
        raise _SourceError(f'"{source}" lies outside of the catalog: put the file beside it and name it from there')
    if not is_file:
        raise _SourceError(f'"{source}" is missing: there is no file {path}')
    return str(path)
