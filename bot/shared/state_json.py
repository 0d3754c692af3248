"""What is remembered of a person as JSON, with a version: what an earlier or later version wrote is forgotten."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from adapters.base import ReplyChoice
from bot.context import ActiveContext, FilledForm, Form, UserState
from bot.entities import SlotValue

VERSION = 1


def to_json(state: UserState, ends_at: float) -> str:
    """Return a state and when it is forgotten, as ASCII: texts may hold what UTF-8 cannot encode."""
    return json.dumps({"version": VERSION, "ends_at": ends_at, **asdict(state)}, separators=(",", ":"))


def from_json(text: str) -> tuple[UserState, float]:
    """Return a state and when it is forgotten.

    Raises
    ------
    ValueError
        It is none, or one of another version.
    """
    try:
        found = json.loads(text)
        if found.pop("version") != VERSION:
            raise ValueError("another version")
        ends_at = float(found.pop("ends_at"))
        state = UserState(
            contexts=tuple(ActiveContext(**one) for one in found.pop("contexts")),
            forms=tuple(Form(**_with_values(one)) for one in found.pop("forms")),
            filled=tuple(FilledForm(**_with_values(one)) for one in found.pop("filled")),
            offered=tuple(ReplyChoice(**one) for one in found.pop("offered")),
            **found,
        )
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"no state: {type(error).__name__}") from error
    return state, ends_at


def _with_values(fields: Mapping[str, Any]) -> dict[str, Any]:
    values: Sequence[tuple[str, Any]] = fields["values"].items()
    return {**fields, "values": {name: SlotValue(**one) for name, one in values}}
