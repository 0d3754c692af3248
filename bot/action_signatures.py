"""What a function of the operator's takes: its parameters read, checked against a catalog's arguments, and filled."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from types import ModuleType, NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from bot.action_values import ActionError, Filler, sole_placeholder
from intents.catalog import EntityType, Slot
from intents.placeholders import placeholder_names

MEMBER = "member"
"""The parameter that is given the id of who asks; no catalog can set it, so nobody can pass for another."""

FILLABLE = (str, int, float, bool, date, time_of_day, datetime, timedelta)
"""What a parameter may be annotated with; also any of them `| None`."""

OF_TIME = (date, time_of_day, datetime)
"""Pydantic would read numbers as seconds since 1970, which nobody means."""

EXAMPLES: Mapping[EntityType, str | float] = {
    EntityType.NUMBER: 3,
    EntityType.DATE: "2026-01-31",
    EntityType.TIME: "14:30:00",
    EntityType.DATETIME: "2026-01-31T14:30:00",
    EntityType.DURATION: 90,
    EntityType.EMAIL: "someone@example.org",
    EntityType.LINK: "https://example.org/",
}
"""A value of each type of slot that always looks alike."""

_LENIENT = ConfigDict(coerce_numbers_to_str=True)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument that a function takes.

    Parameters
    ----------
    name
        Of the argument.
    kinds
        What it may be: members of `FILLABLE`, and NoneType; empty for anything.
    is_required
        Whether it has no default.
    adapter
        Converts to its annotation; None if there is none.
    """

    name: str
    kinds: tuple[type, ...]
    is_required: bool
    adapter: TypeAdapter[object] | None

    @property
    def takes_none(self) -> bool:
        """Whether it may be left without a value."""
        return not self.kinds or NoneType in self.kinds

    def convert(self, value: object) -> object:
        """Return a value as the annotation asks.

        Raises
        ------
        ActionError
            It cannot be one.
        """
        is_number = isinstance(value, int | float)
        try:
            if self.adapter is None or (value is None and self.takes_none):
                return value
            if not (is_number and set(self.kinds) - {NoneType} <= set(OF_TIME)):
                return self.adapter.validate_python(value)
        except ValidationError:
            pass  # its text holds the value
        kinds = " or ".join(kind.__name__ for kind in self.kinds if kind is not NoneType)
        raise ActionError(f"the argument {self.name} cannot be read as {kinds}") from None


@dataclass(frozen=True, slots=True)
class ActionFunction:
    """A function that intents may call.

    Parameters
    ----------
    name
        As catalogs name it.
    function
        The function itself.
    parameters
        By name.
    takes_any
        Whether it takes arguments of other names too.
    """

    name: str
    function: Callable[..., Any]
    parameters: Mapping[str, Parameter]
    takes_any: bool

    def arguments(self, templates: Mapping[str, object], filler: Filler) -> dict[str, object]:
        """Return what to call it with.

        Raises
        ------
        ActionError
            A value is missing, or cannot be what the annotation asks.
        """
        arguments = {}
        for name, template in templates.items():
            value = filler.value(template)
            parameter = self.parameters.get(name)
            if parameter is None:
                arguments[name] = value
            elif value is not None or parameter.takes_none:
                arguments[name] = parameter.convert(value)
            elif parameter.is_required:
                raise ActionError(f"the argument {name} has no value")
        if MEMBER in self.parameters:
            if not (member := filler.placeholders.get("member_id")):
                raise ActionError("it asks for the member, who is not known here")
            arguments[MEMBER] = member
        return arguments

    def argument_faults(self, templates: Mapping[str, object], slots: Mapping[str, Slot]) -> Iterator[str]:
        """Yield what is wrong with the arguments that a catalog gives, as far as that can be told without values."""
        taken = [name for name in self.parameters if name != MEMBER]
        known = f"it takes {', '.join(taken)}" if taken else "it takes none"
        for name, template in templates.items():
            if name == MEMBER:
                yield f"{self.name}: the argument {MEMBER} is filled by the bot; leave it out"
            elif (parameter := self.parameters.get(name)) is not None:
                yield from self._value_faults(parameter, template, slots)
            elif not self.takes_any:
                yield f"{self.name} takes no argument {name}; {known}"
        for name in taken:
            if self.parameters[name].is_required and name not in templates:
                yield f"{self.name} needs the argument {name}; add it to the arguments"

    def _value_faults(self, parameter: Parameter, template: object, slots: Mapping[str, Slot]) -> Iterator[str]:
        place = f"{self.name}: the argument {parameter.name}"
        if isinstance(template, list | tuple | Mapping) and parameter.adapter is not None:
            yield f"{place} is a list or an object; give a text or a number"
        elif template is None or not isinstance(template, str) or not placeholder_names(template):
            if not _converts(parameter, template):
                yield f"{place} cannot be read as its annotation asks; change the value or the annotation"
        elif (slot := slots.get(sole_placeholder(template) or "")) is not None:
            if not all(_converts(parameter, value) for value in _examples(slot)):
                yield f"{place} cannot hold the slot {slot.name} of type {slot.entity.type}; change the annotation"
            if not slot.required and parameter.is_required and not parameter.takes_none:
                yield (
                    f"{place} needs a value, but the slot {slot.name} may be without; give the argument a default,"
                    " or make the slot required"
                )


def read_function(call: str, module: ModuleType, name: str) -> ActionFunction:
    """Return a function of a module, if it is one that intents may call.

    Raises
    ------
    ActionError
        It is not; the text says how to mend that.
    """
    if name.startswith("_"):
        raise ActionError(f"{call} is private; name a function that does not begin with an underscore")
    function = vars(module).get(name)
    if function is None:
        raise ActionError(f"the module {module.__name__} has no function {name}; see that the name is right")
    if not inspect.isfunction(function) or function.__module__ != module.__name__:
        raise ActionError(f"{call} is no function of that module's own; define one there that calls it")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise ActionError(f"{call} is a generator; return one result instead")
    try:
        hints = get_type_hints(function, include_extras=True)
    except Exception as error:
        raise ActionError(f"{call} has an annotation that cannot be read ({type(error).__name__}); mend it") from error
    signature = inspect.signature(function).parameters.values()
    named = [one for one in signature if one.kind not in {one.VAR_KEYWORD, one.VAR_POSITIONAL}]
    parameters = {one.name: _read_parameter(call, one, hints.get(one.name, Any)) for one in named}
    return ActionFunction(call, function, parameters, any(one.kind is one.VAR_KEYWORD for one in signature))


def _read_parameter(call: str, parameter: inspect.Parameter, hint: Any) -> Parameter:  # noqa: ANN401 - any annotation
    name, is_required = parameter.name, parameter.default is parameter.empty
    if parameter.kind is parameter.POSITIONAL_ONLY:
        raise ActionError(f"{call} takes {name} by position only; remove the slash from its parameters")
    if hint is Any or hint is object:
        return Parameter(name, (), is_required, None)
    kinds = tuple(_kinds(hint))
    if name == MEMBER and kinds != (str,):
        raise ActionError(f"{call} has a parameter {MEMBER}, whose value is an id: annotate it str, or rename it")
    if not all(kind in (*FILLABLE, NoneType) for kind in kinds):
        fillable = ", ".join(kind.__name__ for kind in FILLABLE)
        raise ActionError(
            f"{call} has a parameter {name} whose annotation cannot be filled; use {fillable}, or one of them | None"
        )
    return Parameter(name, kinds, is_required, TypeAdapter(hint, config=_LENIENT))


def _kinds(hint: Any) -> Iterator[Any]:  # noqa: ANN401 - any annotation
    """Yield the members of an annotation that is a union, else itself, without what `Annotated` adds."""
    if get_origin(hint) is Annotated:
        yield from _kinds(get_args(hint)[0])
    elif get_origin(hint) in {Union, UnionType}:
        for one in get_args(hint):
            yield from _kinds(one)
    else:
        yield hint


def _converts(parameter: Parameter, value: object) -> bool:
    try:
        parameter.convert(value)
    except ActionError:
        return False
    return True


def _examples(slot: Slot) -> Sequence[str | float]:
    """Return values that a slot may hold; none where they may be anything."""
    if slot.entity.type is EntityType.CHOICE:
        return tuple(slot.entity.values)
    if (example := EXAMPLES.get(slot.entity.type)) is None:
        return ()
    if slot.entity.type is EntityType.NUMBER and slot.entity.least is not None:
        example = slot.entity.least
    return (example,)
