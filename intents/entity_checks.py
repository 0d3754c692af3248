"""What is wrong with a kind of value: a choice without values, a regex that does not compile, bounds that cross."""

import re
import warnings
from collections.abc import Iterator

from intents.catalog import Entity, EntityType
from intents.findings import Severity

MOST_REGEX = 500
"""Characters of a regular expression."""

_BELONGS_TO = {
    "values": EntityType.CHOICE,
    "regex": EntityType.REGEX,
    "least": EntityType.NUMBER,
    "most": EntityType.NUMBER,
}


def entity_faults(entity: Entity) -> Iterator[tuple[Severity, str, str]]:
    """Yield the severity, the field and the message of every fault."""
    for name, kind in _BELONGS_TO.items():
        if getattr(entity, name) not in (None, {}) and entity.type is not kind:
            yield Severity.WARNING, name, f"ignored: it belongs to the type {kind}, and this is {entity.type}"
    if entity.type is EntityType.CHOICE:
        yield from _choice_faults(entity)
    elif entity.type is EntityType.REGEX:
        fault = _regex_fault(entity.regex)
        if fault:
            yield Severity.ERROR, "regex", fault
    elif None not in (entity.least, entity.most) and float(entity.least or 0) > float(entity.most or 0):
        yield Severity.ERROR, "least", f"no number fits: {entity.least:g} is more than {entity.most:g}"


def _choice_faults(entity: Entity) -> Iterator[tuple[Severity, str, str]]:
    if not entity.values:
        yield Severity.ERROR, "values", "missing: a choice needs values to choose from"
    means: dict[str, str] = {}
    for value, synonyms in entity.values.items():
        for word in (value, *synonyms):
            other = means.setdefault(word.casefold(), value)
            if other != value:
                yield Severity.ERROR, "values", f'"{word}" means both "{other}" and "{value}": keep it in one of them'
        if not value:
            yield Severity.ERROR, "values", "empty: a value must have a name"


def _regex_fault(regex: str | None) -> str | None:
    if not regex:
        return "missing: write the regular expression that values match"
    if len(regex) > MOST_REGEX:
        return f"too long: at most {MOST_REGEX} characters"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what a later Python may read otherwise is no fault of today
            re.compile(regex)
    except (re.error, OverflowError, RecursionError, MemoryError) as error:
        return f"not a regular expression: {error}"
    return None
