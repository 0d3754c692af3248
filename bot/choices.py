"""The ids of choices: made from the catalog alone, so that a button pressed after a restart still means the same."""

import hashlib
from collections.abc import Iterable, Sequence

from adapters.base import ReplyChoice
from intents.catalog import Choice, Intent, IntentCatalog, Slot
from model.text import normalise

MOST_CHOICES = 25
"""As many as every platform shows."""

YES = "handoff-yes"
NO = "handoff-no"
"""Consent to be passed on to a person, and its refusal."""

_INTENT, _VALUE, _TITLE = "i", "v", "t"
_DIGITS = 20


def intent_id(tag: str) -> str:
    """Return the id of a choice that leads to an intent."""
    return _id(_INTENT, tag)


def value_id(intent: str, slot: str, value: str) -> str:
    """Return the id of a choice that fills a slot."""
    return _id(_VALUE, intent, slot, value)


def is_title(choice_id: str) -> bool:
    """Whether a choice only says its title."""
    return choice_id.startswith(_TITLE)


def of_response(choices: Iterable[Choice]) -> tuple[ReplyChoice, ...]:
    """Return the choices under a response, each once."""
    ids = {
        intent_id(choice.intent) if choice.intent is not None else _id(_TITLE, choice.title): choice.title
        for choice in choices
    }
    return tuple(ReplyChoice(one, title) for one, title in ids.items())


def of_slot(intent: Intent, slot: Slot) -> tuple[ReplyChoice, ...]:
    """Return the values of a slot as choices; none where they are not counted, or more than can be shown."""
    if len(slot.entity.values) > MOST_CHOICES:
        return ()
    return tuple(ReplyChoice(value_id(intent.tag, slot.name, value), value) for value in slot.entity.values)


def of_intents(intents: Iterable[Intent]) -> tuple[ReplyChoice, ...]:
    """Return choices that lead to intents."""
    return tuple(ReplyChoice(intent_id(intent.tag), intent.topic) for intent in intents)


def by_id(catalog: IntentCatalog) -> dict[str, Intent]:
    """Return the intents by the ids of the choices that lead to them."""
    return {intent_id(intent.tag): intent for intent in catalog.intents}


def typed(text: str, offered: Sequence[ReplyChoice]) -> ReplyChoice | None:
    """Return the choice that a message names by its title or by its number, from 1 on."""
    meant = normalise(text)
    titled = next((choice for choice in offered if meant and normalise(choice.title) == meant), None)
    if titled is not None:
        return titled
    number = text.strip().rstrip(".)")
    if number.isdecimal() and number.isascii() and len(number) <= 2 and 1 <= int(number) <= len(offered):  # noqa: PLR2004
        return offered[int(number) - 1]
    return None


def _id(kind: str, *parts: str) -> str:
    digest = hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()
    return kind + digest[:_DIGITS]
