"""Every finding about a catalog, in one pass, and the catalog itself when none of them is an error."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from intents.catalog import DEFAULT_FALLBACK, Intent, IntentCatalog, spoken_list
from intents.findings import CatalogError, Finding, Severity, errors_in
from intents.placeholders import PLACEHOLDERS, placeholder_names
from intents.reading import Reading, ReadIntent, read_intents

N_TOPICS = 8

Normalise = Callable[[str], str]
"""Brings a text to the form in which the classifier compares it; the caller gives it, since intents know no model."""


def load_catalog(path: Path, normalise: Normalise) -> tuple[IntentCatalog, tuple[Finding, ...]]:
    """Read, check and return the catalog, with its warnings.

    Parameters
    ----------
    path
        A file of intents, or a directory of them.
    normalise
        The normalisation of the classifier.

    Raises
    ------
    CatalogError
        Something in it is an error; it holds everything found.
    """
    reading = read_intents(path)
    for check in (_check_tags, _check_fields, _check_contexts, _check_placeholders):
        check(reading)
    _check_patterns(reading, normalise)
    catalog = IntentCatalog(
        intents=tuple(read.intent for read in reading.intents),
        fallback_responses=tuple(text for read in reading.fallbacks for text in read.intent.responses),
    )
    if not catalog.trainable and not errors_in(reading.findings):
        reading.add(Severity.ERROR, str(path), "empty: no intent has patterns")
    if errors_in(reading.findings):
        raise CatalogError(reading.findings)
    if not catalog.fallback_responses:
        catalog = replace(catalog, fallback_responses=(_default_fallback(catalog),))
    return catalog, tuple(reading.findings)


def _default_fallback(catalog: IntentCatalog) -> str:
    topics = [intent.topic for intent in catalog.topics]
    return DEFAULT_FALLBACK.format(topics=spoken_list(topics, N_TOPICS) or "a few things")


def _check_tags(reading: Reading) -> None:
    first: dict[str, str] = {}
    for read in reading.intents:
        tag = read.intent.tag
        if tag in first:
            message = f"duplicate tag, first in {first[tag]}: rename one, or join the two"
            reading.add(Severity.ERROR, read.file, message, tag=tag, field="tag")
        first.setdefault(tag, read.file)


def _check_fields(reading: Reading) -> None:
    set_somewhere = {name for read in reading.intents for name in read.intent.context_set}
    for read in reading.intents:
        intent = read.intent
        if not intent.patterns and intent.tag in set_somewhere:
            message = f"{_fault(read, 'patterns')}: without patterns it is never chosen"
            reading.add(Severity.WARNING, read.file, message, tag=intent.tag, field="patterns")
        elif not intent.patterns:
            message = f"{_fault(read, 'patterns')}: write at least one example of what people ask"
            reading.add(Severity.ERROR, read.file, message, tag=intent.tag, field="patterns")
    for read in (*reading.intents, *reading.fallbacks):
        if not read.intent.responses:
            message = f"{_fault(read, 'responses')}: write at least one answer"
            reading.add(Severity.ERROR, read.file, message, tag=read.intent.tag, field="responses")


def _fault(read: ReadIntent, name: str) -> str:
    return "missing" if name in read.left_out else "empty"


def _check_contexts(reading: Reading) -> None:
    set_somewhere = {name for read in reading.intents for name in read.intent.context_set}
    for read in reading.intents:
        for name in dict.fromkeys(read.intent.context_filter):
            if name not in set_somewhere:
                message = f'context "{name}" is never set: add it to the context_set of the intent that leads here'
                reading.add(Severity.ERROR, read.file, message, tag=read.intent.tag, field="context_filter")


def _check_placeholders(reading: Reading) -> None:
    known = ", ".join(f"{{{name}}}" for name in sorted(PLACEHOLDERS))
    for read in (*reading.intents, *reading.fallbacks):
        names = [name for text in read.intent.responses for name in placeholder_names(text)]
        for name in dict.fromkeys(names):
            if name not in PLACEHOLDERS:
                message = f"unknown placeholder {{{name}}}: known are {known}; {{{{{name}}}}} prints it as it stands"
                reading.add(Severity.ERROR, read.file, message, tag=read.intent.tag, field="responses")


def _check_patterns(reading: Reading, normalise: Normalise) -> None:
    """Find patterns that say nothing, say the same twice, or claim one text for two intents at once."""
    holders: dict[str, list[ReadIntent]] = defaultdict(list)
    for read in reading.intents:
        seen: dict[str, str] = {}
        for pattern in read.intent.patterns:
            normalised = normalise(pattern)
            if not normalised:
                message = f"empty: {pattern!r} holds no letter or digit, so it can never match"
                reading.add(Severity.WARNING, read.file, message, tag=read.intent.tag, field="patterns")
            elif normalised in seen:
                message = f"duplicate: {pattern!r} says the same as {seen[normalised]!r}"
                reading.add(Severity.WARNING, read.file, message, tag=read.intent.tag, field="patterns")
            else:
                seen[normalised] = pattern
                holders[normalised].append(read)
        if read.intent.patterns and not seen:
            message = "empty: no pattern holds a letter or digit"
            reading.add(Severity.ERROR, read.file, message, tag=read.intent.tag, field="patterns")
    for normalised, reads in holders.items():
        for place, read in enumerate(reads):
            other = next((one for one in reads[:place] if _active_together(one.intent, read.intent)), None)
            if other is not None:
                message = (
                    f"duplicate: {normalised!r} is a pattern of {other.intent.tag} too, and both can be meant at once;"
                    " keep it in one of them"
                )
                reading.add(Severity.ERROR, read.file, message, tag=read.intent.tag, field="patterns")


def _active_together(one: Intent, other: Intent) -> bool:
    """Whether a text could mean either: neither needs a context, or both need the same.

    One that needs a context beside one that needs none is no conflict: while its context is active it comes first.
    """
    if not one.context_filter and not other.context_filter:
        return True
    return bool(set(one.context_filter) & set(other.context_filter))
