"""What the models say of a file's values, in plain words, and the values that are left without the bad ones."""

import copy
import difflib
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from intents import schema
from intents.catalog import spoken_list
from intents.documents import Document
from intents.findings import Finding, Severity
from intents.places import Steps

_MODEL_OF: dict[str, type[schema.Model]] = {
    "action": schema.ActionEntry,
    "choices": schema.ChoiceEntry,
    "context": schema.ContextEntry,
    "context_set": schema.ContextEntry,
    "entities": schema.EntityEntry,
    "fallback": schema.FallbackEntry,
    "responses": schema.ResponseEntry,
    "slots": schema.SlotEntry,
    "when": schema.WhenEntry,
}
"""What stands in a field, for those that hold objects."""

MOST_KNOWN = 8
"""Of known names, those that a message lists."""

_SHORT = frozenset({"choices", "context", "context_set", "responses"})
"""Fields whose objects may be written as a string."""

_KINDS = {
    "bool": "not true or false",
    "int": "not a whole number",
    "float": "not a number",
    "finite": "not a number",
    "model": "not an object: expected fields with values",
    "dict": "not an object: expected names with values",
    "list": "not a list",
}

Entry = TypeVar("Entry", bound=schema.Model)


def read_model(
    model: type[Entry], value: dict[str, Any], document: Document, *, steps: Steps, tag: str | None = None
) -> tuple[Entry | None, list[Finding]]:
    """Return what the value says without what is wrong in it, and what that is; None if nothing is left.

    Parameters
    ----------
    model
        What it should be.
    value
        As the file has it.
    document
        The file.
    steps
        Where in the document the value stands.
    tag
        Whose it is.
    """
    findings: list[Finding] = []
    for _ in range(3):  # what is wrong is told at once; taking it out may leave a fault behind, then its holder goes
        try:
            return model.model_validate(value), findings
        except ValidationError as error:
            faults = error.errors(include_url=False)
            if not findings:
                findings = [_finding(one, model, document, steps, tag) for one in faults]
            value = copy.deepcopy(value)
            for one in faults:
                _take_out(value, one["loc"])
    return None, findings


def _finding(
    fault: ErrorDetails, model: type[schema.Model], document: Document, steps: Steps, tag: str | None
) -> Finding:
    loc = _without_key(fault["loc"])
    is_unknown = fault["type"] == "extra_forbidden"
    return document.finding(
        Severity.WARNING if is_unknown else Severity.ERROR,
        _unknown(loc, model) if is_unknown else _message(fault),
        steps=(*steps, *loc),
        tag=tag,
        field=field_name(loc) or None,
    )


def _without_key(loc: Steps) -> Steps:
    return loc[:-1] if loc[-1:] == ("[key]",) else loc


def field_name(steps: Steps) -> str:
    """Return the way to a value as people read it: ``responses[1].text``; a place in a list of texts is left out."""
    while steps and isinstance(steps[-1], int):
        steps = steps[:-1]
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).removeprefix(".")


def nearest(word: str, known: Iterable[str], *, at_least: float = 0.6) -> str | None:
    """Return the known word that is most like this one."""
    folded = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(word.casefold(), list(folded), n=1, cutoff=at_least)
    return folded[near[0]] if near else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the question that proposes the nearest word, or those that are known."""
    names = list(known)
    near = nearest(word, names)
    if near:
        return f'did you mean "{near}"?'
    return f"known are {spoken_list(names, MOST_KNOWN)}" if names else "there is none"


def _unknown(loc: Steps, model: type[schema.Model]) -> str:
    holders = (_MODEL_OF[step] for step in reversed(loc[:-1]) if isinstance(step, str) and step in _MODEL_OF)
    holder = next(holders, model)
    names = [field.alias or name for name, field in holder.model_fields.items()]
    return f'unknown field, ignored: did you mean "{nearest(str(loc[-1]), names, at_least=0)}"?'


def _message(fault: ErrorDetails) -> str:
    """Return what is wrong in plain words."""
    kind, context, written = fault["type"], fault.get("ctx", {}), fault["input"]
    if kind.startswith("model") and fault["loc"][0] in _SHORT:
        return "not text: expected a string, an object, or a list of them"
    is_in_list = isinstance(fault["loc"][-1], int)
    makers: dict[str, Callable[[], str]] = {
        "missing": lambda: "missing: it must be there",
        "string_type": lambda: (
            "not text: expected a string"
            + " or a list of strings" * is_in_list
            + '; a text that holds ": " needs quotation marks' * isinstance(written, dict)
        ),
        "literal_error": lambda: f"{written!r} is none of {context['expected']}",
        "enum": lambda: f"{written!r} is none of {context['expected']}",
        "string_pattern_mismatch": lambda: _pattern_message(fault),
        "string_too_short": lambda: "empty: it must hold something",
        "string_too_long": lambda: f"too long: at most {context['max_length']} characters",
        "too_long": lambda: f"too many: at most {context['max_length']}",
        "greater_than": lambda: f"must be more than {context['gt']:g}",
        "greater_than_equal": lambda: f"must be at least {context['ge']:g}",
        "less_than_equal": lambda: f"must be at most {context['le']:g}",
        "value_error": lambda: str(context["error"]),
    }
    if kind in makers:
        return makers[kind]()
    return _KINDS.get(kind.partition("_")[0], f"not valid: {fault['msg']}")


def _pattern_message(fault: ErrorDetails) -> str:
    if "language" in fault["loc"]:
        return f"{fault['input']!r} is no language: write its two or three letters without region, such as en"
    return f"{fault['input']!r} is no name: use letters, digits and _, a letter first"


def _take_out(value: Any, loc: Steps) -> None:  # noqa: ANN401 - whatever a file holds
    """Take the deepest value on the way out of what holds it; of a list, null stays in its place."""
    holder: Any = None
    last: str | int = ""
    for step in _without_key(loc):
        if isinstance(value, dict) and step in value:
            holder, last, value = value, step, value[step]
        elif isinstance(value, list) and isinstance(step, int):
            there = [number for number, item in enumerate(value) if item is not None]
            if step >= len(there):
                break
            holder, last, value = value, there[step], value[there[step]]
        elif step != 0 or isinstance(value, dict | list):
            break
    if isinstance(holder, dict):
        holder.pop(last, None)
    elif isinstance(holder, list) and isinstance(last, int):
        holder[last] = None
