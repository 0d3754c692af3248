"""What is wrong with what intents ask for and say: slots, placeholders, conditions, choices, actions."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from intents.annotations import annotations_in
from intents.catalog import Action, EntityType, Intent, Response, Slot, line_of
from intents.faults import did_you_mean
from intents.findings import Finding, Severity
from intents.placeholders import PLACEHOLDERS, RESERVED, RESULT, is_result, placeholder_names
from intents.places import Steps
from intents.reading import Reading, ReadIntent

LIMITS = (
    ("discord", "Discord", 2000, len),
    ("telegram", "Telegram", 4096, lambda text: len(text.encode("utf-16-le")) // 2),
)
"""The platforms that split long messages, and where: characters, and units of UTF-16."""

MISSING_TEXT = 'missing: write what is said; a text that holds ": " needs quotation marks'

_CALL = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*:[^\W\d]\w*")
_URL = re.compile(r"https?://(?P<host>[^/?#]+)")
_SECRET = re.compile(r"env:[A-Za-z_]\w*", re.ASCII)

Told = Callable[..., Finding]
"""Returns a finding of a severity, a message and the steps to a value."""


@dataclass(frozen=True, slots=True)
class _Speaker:
    """An intent or the fallback, and what its texts may name.

    Parameters
    ----------
    told
        Makes findings about it.
    responses
        What it says.
    slots
        Its own and those of the intents that it follows up, by name.
    has_action
        Whether the result of an action can be told.
    """

    told: Told
    responses: Sequence[Response]
    slots: Mapping[str, Slot]
    has_action: bool


def check_dialogue(reading: Reading) -> None:
    """Add to a reading what is wrong with what its intents ask for and say."""
    by_tag = {read.intent.tag: read.intent for read in reading.intents}
    used = _used_names(reading)
    for read in reading.intents:
        slots = {slot.name: slot for one in line_of(read.intent, by_tag) for slot in one.slots}
        speaker = _Speaker(read.finding, read.intent.responses, slots, read.intent.action is not None)
        for check in (_slot_findings, _annotation_findings, _action_findings):
            reading.findings += check(read, slots)
        reading.findings += _unused_slots(read, used[read.intent.tag])
        reading.findings += _gaps(read)
        reading.findings += _response_findings(speaker, by_tag)
    for fallback in reading.fallbacks:
        reading.findings += _response_findings(_Speaker(fallback.finding, fallback.intent.responses, {}, False), by_tag)
    for block in reading.fallback_blocks:
        reading.findings += _response_findings(_Speaker(block.finding, block.fallback.responses, {}, False), by_tag)
        texts: list[tuple[Steps, str]] = [(("did_you_mean",), block.fallback.did_you_mean)]
        texts += [(("help", number), text) for number, text in enumerate(block.fallback.help)]
        reading.findings += _unknown_placeholders(block.finding, texts, PLACEHOLDERS)


# Slots


def _slot_findings(read: ReadIntent, slots: Mapping[str, Slot]) -> Iterator[Finding]:
    earlier = {*PLACEHOLDERS, *slots.keys() - {slot.name for slot in read.intent.slots}}
    names: set[str] = set()
    for number, slot in enumerate(read.intent.slots):
        at = ("slots", number)
        if slot.name in RESERVED:
            message = f'"{slot.name}" is filled already: call the slot something else'
            yield read.finding(Severity.ERROR, message, *at, "name")
        if slot.name in names:
            yield read.finding(Severity.ERROR, f'duplicate slot "{slot.name}": rename one', *at, "name")
        if slot.required and not slot.prompts:
            message = f'missing: "{slot.name}" is required, so write the question that asks for it'
            yield read.finding(Severity.ERROR, message, *at, "prompt")
        names.add(slot.name)
        for key, texts, known in (("prompt", slot.prompts, earlier), ("invalid", slot.invalid, earlier)):
            yield from _unknown_placeholders(
                read.finding, [((*at, key, place), text) for place, text in enumerate(texts)], known
            )
        earlier.add(slot.name)


def _gaps(read: ReadIntent) -> Iterator[Finding]:
    """Warn of optional values without which there is nothing to say."""
    for slot in read.intent.slots:
        needs = [slot.name in {*placeholder_names(one.text), *one.when.slots} for one in read.intent.responses]
        if not slot.required and needs and all(needs):
            message = (
                f'every response needs "{slot.name}", which is optional: add one without {{{slot.name}}}, or make the'
                " slot required"
            )
            yield read.finding(Severity.WARNING, message, "responses")


def _annotation_findings(read: ReadIntent, _: Mapping[str, Slot]) -> Iterator[Finding]:
    own = {slot.name: slot for slot in read.intent.slots}
    for number, pattern in enumerate(read.entry.patterns):
        for name, text in annotations_in(pattern):
            if name not in own:
                message = f'"{text}" is marked as a value of "{name}", which is no slot of the intent'
                yield read.finding(Severity.ERROR, f"{message}: {did_you_mean(name, own)}", "patterns", number)
            elif not _is_value(text, own[name]):
                message = f'"{text}" is marked as a value of "{name}", which knows no such value: add it as a synonym'
                yield read.finding(Severity.WARNING, message, "patterns", number)


def _is_value(text: str, slot: Slot) -> bool:
    if slot.entity.type is not EntityType.CHOICE:
        return True
    known = {word.casefold() for value, synonyms in slot.entity.values.items() for word in (value, *synonyms)}
    return text.casefold() in known


def _used_names(reading: Reading) -> dict[str, set[str]]:
    """Return by intent what its texts, its action and those of its follow-ups name."""
    used: dict[str, set[str]] = {}
    by_tag = {read.intent.tag: read.intent for read in reading.intents}
    for read in reading.intents:
        intent = read.intent
        names = {name for text in _texts_of(intent) for name in placeholder_names(text)}
        names.update(name for response in intent.responses for name in response.when.slots)
        for one in line_of(intent, by_tag):
            used.setdefault(one.tag, set()).update(names)
    return used


def _texts_of(intent: Intent) -> Iterator[str]:
    yield from (response.text for response in intent.responses)
    yield from (text for slot in intent.slots for text in (*slot.prompts, *slot.invalid))
    if intent.action is not None:
        yield from (text for _, text in _action_texts(intent.action))


def _unused_slots(read: ReadIntent, used: Collection[str]) -> Iterator[Finding]:
    for number, slot in enumerate(read.intent.slots):
        if slot.name not in used:
            message = f"never used: no response and no action names {{{slot.name}}}"
            yield read.finding(Severity.WARNING, message, "slots", number, "name")


# Responses


def _response_findings(speaker: _Speaker, by_tag: Mapping[str, Intent]) -> Iterator[Finding]:
    texts = [(("responses", number), response.text) for number, response in enumerate(speaker.responses)]
    known = {*PLACEHOLDERS, *speaker.slots, *((RESULT, f"{RESULT}.x") if speaker.has_action else ())}
    yield from _unknown_placeholders(speaker.told, texts, known, with_result=speaker.has_action)
    for number, response in enumerate(speaker.responses):
        at = ("responses", number)
        if not response.text and not response.attachments:
            yield speaker.told(Severity.ERROR, MISSING_TEXT, *at, "text")
        yield from _condition_findings(speaker, response, at)
        for place, choice in enumerate(response.choices):
            if choice.intent is not None and choice.intent not in by_tag:
                message = f'unknown intent "{choice.intent}": {did_you_mean(choice.intent, by_tag)}'
                yield speaker.told(Severity.ERROR, message, *at, "choices", place, "intent")
        long = _too_long_for(response)
        if long:
            message = f"long: {long}, where it is split into several messages"
            yield speaker.told(Severity.WARNING, message, *at)


def _condition_findings(speaker: _Speaker, response: Response, at: tuple[str, int]) -> Iterator[Finding]:
    for name, values in response.when.slots.items():
        slot = speaker.slots.get(name)
        if slot is None:
            message = f'unknown slot "{name}": {did_you_mean(name, speaker.slots)}'
            yield speaker.told(Severity.ERROR, message, *at, "when", "slots", name)
        elif slot.entity.type is EntityType.CHOICE:
            for value in values:
                if value not in slot.entity.values:
                    message = f'"{value}" is no value of "{name}": {did_you_mean(value, slot.entity.values)}'
                    yield speaker.told(Severity.ERROR, message, *at, "when", "slots", name)


def _too_long_for(response: Response) -> str:
    platforms = response.when.platforms
    return " and ".join(
        f"{size(response.text)} characters are over the {most} of {name}"
        for platform, name, most, size in LIMITS
        if size(response.text) > most and (not platforms or platform in platforms)
    )


def _unknown_placeholders(
    told: Told, texts: Iterable[tuple[Steps, str]], known: Collection[str], *, with_result: bool = False
) -> Iterator[Finding]:
    names_known = ", ".join(f"{{{name}}}" for name in sorted(known))
    seen: set[str] = set()
    for steps, text in texts:
        for name in placeholder_names(text):
            if name not in known and name not in seen and not (with_result and is_result(name)):
                seen.add(name)
                mend = f"known are {names_known}; {{{{{name}}}}} prints it as it stands"
                yield told(Severity.ERROR, f"unknown placeholder {{{name}}}: {mend}", *steps)


# Actions


def _action_findings(read: ReadIntent, slots: Mapping[str, Slot]) -> Iterator[Finding]:
    action = read.intent.action
    if action is None:
        return
    if (action.call is None) is (action.url is None):
        yield read.finding(Severity.ERROR, "it needs either call or url, and not both", "action")
    if action.call is not None and not _CALL.fullmatch(action.call):
        message = f'"{action.call}" is no function: write module:function, such as bot.example_actions:roll'
        yield read.finding(Severity.ERROR, message, "action", "call")
    if action.url is not None and (fault := _url_fault(action.url)):
        yield read.finding(Severity.ERROR, fault, "action", "url")
    texts = [(("action", *steps), text) for steps, text in _action_texts(action) if steps[0] != "headers"]
    yield from _unknown_placeholders(read.finding, texts, {*PLACEHOLDERS, *slots})
    for name, text in action.headers.items():
        if any(not _SECRET.fullmatch(one) for one in placeholder_names(text)):
            message = "a header takes no placeholder but {env:NAME}, a secret from the environment"
            yield read.finding(Severity.ERROR, message, "action", "headers", name)
    idle = ("arguments",) if action.call is None else ("method", "body", "headers", "allow_private")
    for name in idle if (action.call is None) is not (action.url is None) else ():
        if read.entry.action is not None and name in read.entry.action.model_fields_set:
            message = f"ignored: it belongs to an action with {'call' if action.call is None else 'url'}"
            yield read.finding(Severity.WARNING, message, "action", name)


def _url_fault(url: str) -> str | None:
    match = _URL.match(url)
    try:
        is_address = match is not None and bool(urlsplit(url).hostname)
    except ValueError:
        is_address = False
    if match is None or not is_address:
        return f'"{url}" is no address: it must begin with https:// or http:// and a host'
    return "the host must not depend on a placeholder" if placeholder_names(match["host"]) else None


def _action_texts(action: Action) -> Iterator[tuple[Steps, str]]:
    """Yield every text of an action that may hold placeholders, and the way to it."""
    yield from _texts_in(dict(action.arguments), ("arguments",))
    yield from _texts_in(action.body, ("body",))
    yield from _texts_in(dict(action.headers), ("headers",))
    yield from _texts_in(action.url, ("url",))
    yield from _texts_in(action.apology, ("apology",))


def _texts_in(value: Any, steps: Steps) -> Iterator[tuple[Steps, str]]:  # noqa: ANN401
    if isinstance(value, str):
        yield steps, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _texts_in(item, (*steps, name))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _texts_in(item, (*steps, number))
