"""Values that a first message already holds, so that they are not asked for again. When in doubt, they are."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property

from bot.entities.addresses import find_emails, find_links, find_members
from bot.entities.choices import find_choices
from bot.entities.durations import find_durations
from bot.entities.expressions import find_matches
from bot.entities.moments import Moments
from bot.entities.numbers import find_numbers, out_of_bounds
from bot.entities.values import Found, SlotValue, prepare
from intents.catalog import Entity, EntityType, Slot

_Place = tuple[int, int]

_ORDER = (
    EntityType.EMAIL,
    EntityType.LINK,
    EntityType.MEMBER,
    EntityType.REGEX,
    EntityType.CHOICE,
    EntityType.TEXT,
    EntityType.DATETIME,
    EntityType.DATE,
    EntityType.TIME,
    EntityType.DURATION,
    EntityType.NUMBER,
)
"""Which type takes its values first: one that is surer of them. A part of a text is the value of one slot only."""

_MOMENTS = (EntityType.DATETIME, EntityType.DATE, EntityType.TIME)
_SAYINGS = re.compile(
    r"(?:an?|one|eine?|una?|une|1)\s+(?:sec\w*|min\w*|day|tag|sekunde|d[ií]a|segundo|jour)", re.IGNORECASE
)
"""Durations that are more often a way of speaking (``wait a second``)."""

_AGO_BEFORE = re.compile(r"\b(?:vor|hace|il y a)\s+$", re.IGNORECASE)
_AGO_AFTER = re.compile(r"\s+(?:ago|old|alt)\b", re.IGNORECASE)
"""What makes a duration a time that has passed, or an age."""


def find_values(
    slots: Sequence[Slot],
    text: str,
    *,
    annotations: Mapping[str, tuple[str, ...]],
    language: str | None,
    now: datetime,
) -> dict[str, SlotValue]:
    """Return the values that a message holds, by slot.

    Parameters
    ----------
    slots
        Of the intent, in their order: values of one kind are given to its slots in the order of the text.
    text
        The member's message.
    annotations
        By slot: what stood for it in patterns. A slot of free text takes these alone.
    language
        Of the conversation, as an IETF tag; None for English.
    now
        The member's date and time, with a zone.

    Returns
    -------
    dict
        Only what is sure: a slot with more candidates than slots of its kind is left out.
    """
    message = _Message(prepare(text), language, now)
    taken: list[_Place] = []
    values: dict[str, SlotValue] = {}
    for group in _groups(slots):
        kind = group[0].entity.type
        if kind is EntityType.TEXT:
            found = message.texts(annotations.get(group[0].name, ()))
        else:
            found = message.find(group[0].entity)
        found = _distinct([one for one in found if not one.overlaps(taken)])
        sure = not any(one.doubt for one in found) and len(found) <= len(group)
        if not sure or (kind is EntityType.NUMBER and len(found) != len(group)):
            continue
        for slot, one in zip(group, found, strict=False):
            if kind is not EntityType.NUMBER or not out_of_bounds(slot.entity, one.value):
                values[slot.name] = one.value
                taken += one.spans
    return values


class _Message:
    """A first message, read once for all slots."""

    def __init__(self, text: str, language: str | None, now: datetime) -> None:
        self._text = text
        self._language = language
        self._now = now

    @cached_property
    def _moments(self) -> Moments:
        return Moments(self._text, self._language, self._now, alone=False)

    def find(self, entity: Entity) -> list[Found]:
        """Return the values of an entity, in order."""
        text = self._text
        readers: dict[EntityType, Callable[[], list[Found]]] = {
            EntityType.EMAIL: lambda: find_emails(text),
            EntityType.LINK: lambda: find_links(text, bare=False),
            EntityType.MEMBER: lambda: find_members(text),
            EntityType.REGEX: lambda: find_matches(entity.regex or "", text),
            EntityType.CHOICE: lambda: find_choices(entity, text),
            EntityType.DURATION: self._durations,
            EntityType.NUMBER: self._numbers,
        }
        return self._moments.find(entity.type) if entity.type in _MOMENTS else readers[entity.type]()

    def texts(self, examples: Sequence[str]) -> list[Found]:
        """Return the annotated examples that the message holds, as it writes them."""
        known = Entity(EntityType.CHOICE, dict.fromkeys(examples, ()))
        found = find_choices(known, self._text, similar=False)
        written = [self._text[start:end].strip(" ,;.!?\"'") for one in found for start, end in one.spans]
        return [Found(SlotValue(own, own), one.spans) for own, one in zip(written, found, strict=True)]

    def _durations(self) -> list[Found]:
        return [
            one
            for one in find_durations(self._text, self._language)
            if not _SAYINGS.fullmatch(one.value.text)
            and not _AGO_BEFORE.search(self._text[: one.spans[0][0]])
            and not _AGO_AFTER.match(self._text[one.spans[-1][1] :])
        ]

    def _numbers(self) -> list[Found]:
        found = find_numbers(self._text, self._language, units=False)
        found = [one for one in found if one.value.text[-1:].isdecimal() or abs(float(one.value.value)) != 1]
        places = self._moments.spans() if found else []
        return [one for one in found if not one.overlaps(places)]


def _groups(slots: Sequence[Slot]) -> list[list[Slot]]:
    """Return slots of one kind together, in the order in which their values are looked for."""
    groups: list[list[Slot]] = []
    for slot in sorted(slots, key=lambda slot: _ORDER.index(slot.entity.type)):
        if groups and _same_kind(groups[-1][0], slot):
            groups[-1].append(slot)
        else:
            groups.append([slot])
    return groups


def _same_kind(one: Slot, other: Slot) -> bool:
    if one.entity.type is not other.entity.type or one.entity.type is EntityType.TEXT:
        return False
    return one.entity.type is EntityType.NUMBER or one.entity == other.entity


def _distinct(found: Sequence[Found]) -> list[Found]:
    """Return each value once."""
    return list({one.value.value: one for one in reversed(found)}.values())[::-1]
