"""An answer to a prompt, read as the value that was asked for."""

import unicodedata
from collections.abc import Callable, Iterable
from datetime import datetime

from bot.entities.addresses import read_email, read_link, read_member
from bot.entities.choices import read_choice
from bot.entities.durations import read_duration
from bot.entities.expressions import read_match
from bot.entities.moments import Moments
from bot.entities.numbers import read_number
from bot.entities.values import InvalidValueError, SlotValue, prepare, the_one
from intents.catalog import Entity, EntityType
from model.text import MAX_CHARACTERS

_MOMENTS = {
    EntityType.DATE: 'a whole date, such as "next Friday" or "24 December"',
    EntityType.TIME: 'a time of day, such as "19:30" or "7 pm"',
    EntityType.DATETIME: 'a day and a time, such as "Friday at 7 pm"',
}


def read_value(entity: Entity, text: str, *, language: str | None, now: datetime) -> SlotValue:
    """Return the value that an answer holds; small talk around it is ignored.

    Parameters
    ----------
    entity
        What was asked for.
    text
        The member's message.
    language
        Of the conversation, as an IETF tag; None for English.
    now
        The member's date and time, with a zone: what ``tomorrow`` refers to.

    Raises
    ------
    InvalidValueError
        The answer holds no such value, or more than one. The message is for the member.
    """
    if entity.type is EntityType.TEXT:
        return _read_text(text)
    text = prepare(text)
    if entity.type in _MOMENTS:
        return _read_moment(entity.type, text, language, now)
    readers: dict[EntityType, Callable[[], SlotValue]] = {
        EntityType.NUMBER: lambda: read_number(entity, text, language),
        EntityType.DURATION: lambda: read_duration(text, language),
        EntityType.EMAIL: lambda: read_email(text),
        EntityType.LINK: lambda: read_link(text),
        EntityType.MEMBER: lambda: read_member(text),
        EntityType.CHOICE: lambda: read_choice(entity, text),
        EntityType.REGEX: lambda: read_match(entity.regex or "", text),
    }
    return readers[entity.type]()


def warm_up(entities: Iterable[Entity], language: str | None, now: datetime) -> None:
    """Load what reading these entities needs, so that no member waits for it: some hundred milliseconds for dates.

    Parameters
    ----------
    entities
        Those of a catalog.
    language
        Of the conversations to come.
    now
        As in `read_value`.
    """
    samples = {
        EntityType.CHOICE: "something else",
        EntityType.EMAIL: "name@example.org",
        EntityType.DURATION: "2 hours",
        EntityType.NUMBER: "five",
    }
    for kind, entity in {entity.type: entity for entity in entities}.items():
        try:
            read_value(entity, samples.get(kind, "on 24 december at 7 pm"), language=language, now=now)
        except InvalidValueError:
            continue


def _read_text(text: str) -> SlotValue:
    text = prepare(text, MAX_CHARACTERS).strip()
    if not any(unicodedata.category(char)[0] in "LNS" for char in text):
        raise InvalidValueError("I need a few words.")
    return SlotValue(text, text)


def _read_moment(kind: EntityType, text: str, language: str | None, now: datetime) -> SlotValue:
    found = Moments(text, language, now, alone=True).find(kind)
    wanted = _MOMENTS[kind]
    one = the_one(found, several=f"That is more than one: I need {wanted}.")
    if one is None:
        raise InvalidValueError(f"I need {wanted}.")
    return one.value
