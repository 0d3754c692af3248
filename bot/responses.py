"""Choosing a response and filling it."""

import random
from collections.abc import Mapping, Sequence

from intents.placeholders import fill


def choose(responses: Sequence[str], last_response: str | None, random_source: random.Random) -> str:
    """Return one of the responses, not the last one again unless there is no other.

    Parameters
    ----------
    responses
        At least one, as the catalog has them.
    last_response
        What was chosen in the turn before, unfilled.
    random_source
        Draws.
    """
    others = [response for response in responses if response != last_response]
    return random_source.choice(others or responses)


def fill_response(response: str, values: Mapping[str, str]) -> str:
    """Return the response as it is sent, never empty."""
    return fill(response, values).strip() or "..."
