"""Choosing a response and filling it."""

import random
from collections.abc import Collection, Mapping, Sequence

from bot.entities import SlotValue
from intents.catalog import Condition, Response
from intents.placeholders import fill, placeholder_names


def choose(
    responses: Sequence[Response],
    last_response: str | None,
    random_source: random.Random,
    *,
    filled: Collection[str],
    platform: str,
    language: str | None,
    slots: Mapping[str, SlotValue],
) -> Response:
    """Return one of the responses, not the last one again unless there is no other.

    Those whose condition holds and says the most come before the others, and those whose placeholders are all known
    before those with gaps. Where no condition holds, all are left.

    Parameters
    ----------
    responses
        At least one, as the catalog has them.
    last_response
        What was chosen in the turn before, unfilled.
    random_source
        Draws.
    filled
        The placeholders that are known.
    platform, language, slots
        What conditions ask about.
    """
    whole = [one for one in responses if all(name in filled for name in placeholder_names(one.text))] or responses
    holding = [one for one in whole if holds(one.when, platform=platform, language=language, slots=slots)]
    most = max((one.when.specificity for one in holding), default=0)
    fitting = [one for one in holding if one.when.specificity == most] or list(whole)
    others = [one for one in fitting if one.text != last_response]
    return random_source.choice(others or fitting)


def holds(when: Condition, *, platform: str, language: str | None, slots: Mapping[str, SlotValue]) -> bool:
    """Whether every part of a condition holds."""
    if when.platforms and platform not in when.platforms:
        return False
    if when.languages and language not in when.languages:
        return False
    return all(_slot_holds(slots.get(name), values) for name, values in when.slots.items())


def _slot_holds(value: SlotValue | None, values: Sequence[str]) -> bool:
    return value is not None and (not values or str(value.value) in values or value.text in values)


def fill_response(response: str, values: Mapping[str, str]) -> str:
    """Return the response as it is sent, never empty."""
    return fill(response, values).strip() or "..."
