"""What goes into an action and what comes out of it: filled templates, and results as placeholders."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from intents.placeholders import fill, placeholder_names

if TYPE_CHECKING:
    from bot.entities import SlotValue  # brings in what reads dates, which an action has no need of

MOST_CHARACTERS = 4_000
"""Of one placeholder of a result; what goes beyond is cut, lest one answer becomes many messages."""


class ActionError(Exception):
    """An action that failed; its text is for the log and holds no value of a member's.

    Parameters
    ----------
    message
        What went wrong.
    answer
        What to tell the member instead of the action's apology: the function's own sentence, where it refused and the
        catalog has no apology for it.
    """

    def __init__(self, message: str, answer: str | None = None) -> None:
        super().__init__(message)
        self.answer = answer


class ActionRefusedError(Exception):
    """What a function raises when a member asked for what it cannot do; its text, a sentence, is for the member.

    An apology that the catalog has for the action comes first: it is in the language of its intent.
    """


@dataclass(frozen=True, slots=True)
class Filler:
    """Fills the templates of an action.

    Parameters
    ----------
    values
        Of the slots; templates get the canonical values (``2026-03-01``), not the members' words (``tomorrow``).
    placeholders
        Everything else that has a name.
    """

    values: Mapping[str, "SlotValue"]
    placeholders: Mapping[str, str]

    def texts(self, template: str) -> dict[str, str]:
        """Return what each placeholder of a text stands for; a slot that has no value is empty."""
        return {
            name: "" if (value := self._named(name)) is None else shown(value) for name in placeholder_names(template)
        }

    def value(self, template: object) -> object:
        """Return a template, filled: texts in objects and lists too.

        A text that is exactly one placeholder becomes the value itself, a number for a number, None for a slot without.
        """
        if isinstance(template, Mapping):
            return {key: self.value(item) for key, item in template.items()}
        if isinstance(template, list | tuple):
            return [self.value(item) for item in template]
        if not isinstance(template, str):
            return template
        if (name := sole_placeholder(template)) is not None:
            return self._named(name)
        return fill(template, self.texts(template))

    def _named(self, name: str) -> str | int | float | None:
        if (slot := self.values.get(name)) is not None:
            return slot.value
        return self.placeholders.get(name)


def sole_placeholder(template: object) -> str | None:
    """Return the name of the placeholder that is the whole of a text; None if it is anything else."""
    if not isinstance(template, str) or len(names := placeholder_names(template)) != 1:
        return None
    return names[0] if template.strip() == f"{{{names[0]}}}" else None


def shown(value: str | float | bool | None) -> str:
    """Return a scalar as people read it: nothing for None, whole numbers without decimals."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:  # noqa: PLR2004 - beyond, digits are made up
        return str(int(value))
    text = str(value).encode("utf-8", "replace").decode("utf-8")  # half a character cannot be sent
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}…"


def is_scalar(value: object) -> bool:
    """Tell whether a value can be shown as a text."""
    return value is None or isinstance(value, str | int | float)


def result_placeholders(result: Any) -> dict[str, str]:  # noqa: ANN401 - a function may return anything
    """Return a result as the placeholders that responses name.

    A scalar is ``result``; a mapping is a ``result.x`` for each of its names, and ``result`` its entry of that name.

    Raises
    ------
    ActionError
        It is neither.
    """
    if is_scalar(result):
        return {"result": _shown("result", result)}
    if not isinstance(result, Mapping):
        raise ActionError(
            f"the result is of the wrong type, {type(result).__name__}: return a text, a number, None,"
            " or a mapping of names to these"
        )
    placeholders = {"result": ""}
    for name, value in result.items():
        if not isinstance(name, str) or not is_scalar(value):
            raise ActionError(
                f"the result is a mapping with an entry of the wrong type, {type(name).__name__} to"
                f" {type(value).__name__}: names are texts, and their values texts, numbers or None"
            )
        placeholders[f"result.{name}"] = _shown(name, value)
    return placeholders | ({"result": placeholders["result.result"]} if "result" in result else {})


def _shown(name: str, value: str | float | None) -> str:
    try:
        return shown(value)
    except ValueError:  # Python writes no whole number of thousands of digits
        raise ActionError(f"the number {name} of the result is too large") from None
