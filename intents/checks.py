"""What is wrong between the intents of a catalog: tags, contexts, patterns, and what is never reached."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable

from intents.builtin import DEFAULT_LANGUAGE
from intents.catalog import Builtin, Intent
from intents.dialogue_checks import check_dialogue
from intents.findings import Severity
from intents.reading import Reading, ReadIntent

FEW_PATTERNS = 5
"""Intents of fewer patterns are warned about."""

IMBALANCE = 10
"""How many times the patterns of another an intent may have."""


def check(reading: Reading, normalise: Callable[[str], str]) -> None:
    """Add to a reading everything that is wrong with what was read.

    Parameters
    ----------
    reading
        Of all files.
    normalise
        The normalisation of the classifier.
    """
    for one in (_check_tags, _check_fallbacks, _check_fields, _check_contexts, check_dialogue):
        one(reading)
    _check_patterns(reading, normalise)
    _check_reachable(reading)
    _check_balance(reading)


def _check_tags(reading: Reading) -> None:
    first: dict[str, str] = {}
    for read in reading.intents:
        tag = read.intent.tag
        if tag in first:
            message = f"duplicate tag, first in {first[tag]}: rename one, or join the two"
            reading.findings.append(read.finding(Severity.ERROR, message, "tag"))
        first.setdefault(tag, read.file)


def _check_fallbacks(reading: Reading) -> None:
    blocks, tagged = reading.fallback_blocks, reading.fallbacks
    for block in blocks[1:]:
        message = f"a second fallback, the first is in {blocks[0].document.file}: keep one of them"
        reading.findings.append(block.finding(Severity.ERROR, message))
    for read in tagged if blocks else ():
        message = f"a second fallback beside that of {blocks[0].document.file}: move its responses there"
        reading.findings.append(read.finding(Severity.ERROR, message))
    for block in blocks:
        if not block.fallback.responses:
            reading.findings.append(block.finding(Severity.ERROR, "empty: write at least one answer", "responses"))


def _check_fields(reading: Reading) -> None:
    chosen = _chosen_tags(reading)
    n_setters = Counter(name for read in reading.intents for name in _set_contexts([read.intent]))
    for read in reading.intents:
        intent = read.intent
        is_set_by_others = n_setters[intent.tag] > (intent.tag in _set_contexts([intent]))
        if not intent.patterns and intent.builtin is not None:
            language = intent.language or DEFAULT_LANGUAGE
            message = f'missing: in the language "{language}" no patterns are built in, so write some'
            reading.findings.append(read.finding(Severity.ERROR, message, "patterns"))
        elif not intent.patterns and intent.tag not in chosen:
            fault = _fault(read, "patterns")
            if is_set_by_others:
                message, severity = f"{fault}: without patterns it is never chosen", Severity.WARNING
            else:
                severity = Severity.ERROR
                message = f"{fault}: write at least one example of what people ask"
            reading.findings.append(read.finding(severity, message, "patterns"))
    for read in (*reading.intents, *reading.fallbacks):
        if not read.intent.responses and read.intent.builtin is not Builtin.REPEAT:
            message = f"{_fault(read, 'responses')}: write at least one answer"
            reading.findings.append(read.finding(Severity.ERROR, message, "responses"))


def _fault(read: ReadIntent, name: str) -> str:
    return "missing" if name in read.left_out else "empty"


def _chosen_tags(reading: Reading) -> set[str]:
    """Return the tags that choices lead to."""
    responses = [response for read in (*reading.intents, *reading.fallbacks) for response in read.intent.responses]
    responses += [response for block in reading.fallback_blocks for response in block.fallback.responses]
    return {choice.intent for response in responses for choice in response.choices if choice.intent is not None}


def _check_contexts(reading: Reading) -> None:
    set_somewhere = _set_contexts(read.intent for read in reading.intents)
    for read in reading.intents:
        if read.intent.parent is not None:
            if read.entry.context_filter:
                message = "ignored: a follow-up is understood after the intent that it belongs to"
                reading.findings.append(read.finding(Severity.WARNING, message, "context_filter"))
            continue
        for name in dict.fromkeys(read.intent.context_filter):
            if name not in set_somewhere:
                message = f'context "{name}" is never set: add it to the context_set of the intent that leads here'
                reading.findings.append(read.finding(Severity.ERROR, message, "context_filter"))


def _check_patterns(reading: Reading, normalise: Callable[[str], str]) -> None:
    """Find patterns that say nothing, say the same twice, or claim one text for two intents at once."""
    holders: dict[str, list[tuple[ReadIntent, int]]] = defaultdict(list)
    for read in reading.intents:
        seen: dict[str, str] = {}
        for number, pattern in enumerate(read.intent.patterns):
            normalised = normalise(pattern)
            if not normalised:
                message = f"empty: {pattern!r} holds no letter or digit, so it can never match"
                reading.findings.append(read.finding(Severity.WARNING, message, "patterns", number))
            elif normalised in seen:
                message = f"duplicate: {pattern!r} says the same as {seen[normalised]!r}"
                reading.findings.append(read.finding(Severity.WARNING, message, "patterns", number))
            else:
                seen[normalised] = pattern
                holders[normalised].append((read, number))
        if read.intent.patterns and not seen:
            message = "empty: no pattern holds a letter or digit"
            reading.findings.append(read.finding(Severity.ERROR, message, "patterns"))
        elif 0 < len(seen) < FEW_PATTERNS and not read.has_builtin_patterns:
            message = f"few: only {len(seen)}; write at least {FEW_PATTERNS}, as differently as people ask"
            reading.findings.append(read.finding(Severity.WARNING, message, "patterns"))
    for normalised, held in holders.items():
        for place, (read, number) in enumerate(held):
            others = (other for other, _ in held[:place] if active_together(other.intent, read.intent))
            other = next(others, None)
            if other is not None:
                message = (
                    f"duplicate: {normalised!r} is a pattern of {other.intent.tag} too, and both can be meant at once;"
                    " keep it in one of them"
                )
                reading.findings.append(read.finding(Severity.ERROR, message, "patterns", number))


def active_together(one: Intent, other: Intent) -> bool:
    """Whether a text could mean either: neither needs a context, or both need the same; and their languages meet.

    One that needs a context beside one that needs none is no conflict: while its context is active it comes first.
    """
    if one.language is not None and other.language is not None and one.language != other.language:
        return False
    if not one.context_filter and not other.context_filter:
        return True
    return bool(set(one.context_filter) & set(other.context_filter))


def _set_contexts(intents: Iterable[Intent]) -> set[str]:
    return {context.name for intent in intents for context in intent.context_set}


def _check_reachable(reading: Reading) -> None:
    """Find intents whose contexts only intents set that are never reached themselves."""
    chosen = _chosen_tags(reading)
    waiting = [read for read in reading.intents if read.intent.patterns or read.intent.tag in chosen]
    set_somewhere = _set_contexts(read.intent for read in reading.intents)
    # a context that nobody sets is told already
    active = {name for read in waiting for name in read.intent.context_filter if name not in set_somewhere}
    while reached := [read for read in waiting if _is_open(read.intent, active)]:
        waiting = [read for read in waiting if not _is_open(read.intent, active)]
        active |= _set_contexts(read.intent for read in reached)
    for read in waiting:
        message = "unreachable: the contexts that it needs are set only by intents that are never reached themselves"
        reading.findings.append(read.finding(Severity.WARNING, message, "context_filter"))


def _is_open(intent: Intent, active: Collection[str]) -> bool:
    return not intent.context_filter or any(name in active for name in intent.context_filter)


def _check_balance(reading: Reading) -> None:
    written = [read for read in reading.intents if read.intent.patterns and not read.has_builtin_patterns]
    if not written:
        return
    least = min(written, key=lambda read: len(read.intent.patterns))
    most = max(written, key=lambda read: len(read.intent.patterns))
    few, many = len(least.intent.patterns), len(most.intent.patterns)
    if many > IMBALANCE * few:
        message = (
            f"imbalance: {few} beside {many} of {most.intent.tag}; an intent of over {IMBALANCE} times as many"
            " draws messages to itself, so write more here"
        )
        reading.findings.append(least.finding(Severity.WARNING, message, "patterns"))
