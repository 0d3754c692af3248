"""Where exactly in a text of YAML or JSON its values begin and end, so that an edit leaves all else as it is."""

from dataclasses import dataclass, field

from ruamel.yaml import YAML
from ruamel.yaml.events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from intents.places import Steps


@dataclass(slots=True)
class Span:
    """A value in a text.

    Parameters
    ----------
    start, end
        Its characters, the end exclusive.
    column
        Of its first character, or of the first dash of a list in block style.
    style
        Of a scalar: its quotation mark, ``|`` or ``>``, and empty without; of a list or an object: ``[`` in brackets,
        ``-`` in block style; ``*`` of an alias.
    fields, items
        What it holds; null in a list is left out, as in `intents.places`.
    """

    start: int
    end: int
    column: int
    style: str
    fields: "dict[str, Span]" = field(default_factory=dict)
    items: "list[Span]" = field(default_factory=list)
    is_null: bool = False
    key: str | None = None

    def at(self, steps: Steps) -> "Span | None":
        """Return the value at the steps."""
        span: Span | None = self
        for step in steps:
            if span is None:
                return None
            if isinstance(step, str):
                span = span.fields.get(step)
            else:
                span = span.items[step] if step < len(span.items) else None
        return span


def spans_of(text: str) -> Span | None:
    """Return the values of a text that is known to be valid; None if there is none.

    Raises
    ------
    YAMLError, ValueError
        It is JSON that is no YAML.
    """
    root = None
    stack: list[tuple[Span, bool]] = []
    for event in YAML(typ="safe", pure=True).parse(text.replace("\t", " ")):
        if isinstance(event, SequenceEndEvent | MappingEndEvent):
            span, _ = stack.pop()
            span.end = event.end_mark.index
            if not stack:
                root = span
            continue
        if not isinstance(event, ScalarEvent | AliasEvent | SequenceStartEvent | MappingStartEvent):
            continue
        span = _span(event)
        if stack:
            _put(span, *stack[-1], event)
        elif isinstance(event, ScalarEvent):
            root = span
        if isinstance(event, SequenceStartEvent | MappingStartEvent):
            stack.append((span, isinstance(event, MappingStartEvent)))
    return root


def _span(event: Event) -> Span:
    start, end = event.start_mark, event.end_mark
    if isinstance(event, ScalarEvent):
        is_null = not event.style and event.value in {"", "~", "null", "Null", "NULL"}
        return Span(start.index, end.index, start.column, event.style or "", is_null=is_null)
    if isinstance(event, SequenceStartEvent | MappingStartEvent):
        return Span(start.index, end.index, start.column, "[" if event.flow_style else "-")
    return Span(start.index, end.index, start.column, "*")


def _put(span: Span, holder: Span, is_object: bool, event: Event) -> None:
    if not is_object:
        if not span.is_null:
            holder.items.append(span)
    elif holder.key is None:
        holder.key = str(getattr(event, "value", ""))
    else:
        holder.fields[holder.key] = span
        holder.key = None
