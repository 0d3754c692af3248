"""Every finding about a catalog, in one pass, and the catalog itself when none of them is an error."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from intents.catalog import DEFAULT_FALLBACK, Fallback, IntentCatalog, Response, spoken_list
from intents.findings import CatalogError, Finding, Severity, errors_in

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
    # the libraries that read files take time to start, and a process that serves what it has kept needs none of them
    from intents.checks import check  # noqa: PLC0415
    from intents.reading import read_intents  # noqa: PLC0415

    reading = read_intents(path)
    check(reading, normalise)
    intents = tuple(read.intent for read in reading.intents)
    blocks = [block.fallback for block in reading.fallback_blocks]
    spoken = tuple(response for read in reading.fallbacks for response in read.intent.responses)
    phrases = {language: own for language, own in reading.phrases.items() if own}
    catalog = IntentCatalog(intents, blocks[0] if blocks else Fallback(spoken, did_you_mean=""), phrases)
    if not catalog.trainable and not errors_in(reading.findings):
        reading.findings.append(Finding(Severity.ERROR, str(path), "empty: no intent has patterns"))
    if errors_in(reading.findings):
        raise CatalogError(reading.findings)
    if not catalog.fallback.responses:
        catalog = replace(catalog, fallback=Fallback((Response(_default_fallback(catalog)),)))
    return catalog, tuple(reading.findings)


def _default_fallback(catalog: IntentCatalog) -> str:
    topics = [intent.topic for intent in catalog.topics]
    return DEFAULT_FALLBACK.format(topics=spoken_list(topics, N_TOPICS) or "a few things")
