"""Forms that ask for a command's arguments: as Discord shows them, and what comes back. Pure functions.

It may import discord.py and this package. What a form belongs to is in its id, so that one that was open over a restart
still counts.
"""

import re
from collections.abc import Iterator, Sequence

import discord

from adapters.base import Argument, Command
from adapters.discord_choices import Json
from adapters.discord_commands import ARGUMENT_LIMIT, Use, to_text

TITLE_LIMIT = 45
"""Characters of a form's title, and of a field's."""

_ID = re.compile(r"f:(?P<target>[0-9]{1,20}):(?P<command>[a-z0-9_ ]{1,65})")


def to_form(command: Command, target_id: str, locale: discord.Locale) -> Json:
    """Return the form for a command that was used in a message's menu, empty, in the asking person's language."""
    title = command.menu.titles.get(locale.value[:2], command.menu.title) if command.menu else command.name
    return {
        "custom_id": f"f:{target_id}:{command.name}",
        "title": title[:TITLE_LIMIT],
        "components": [_field(argument, locale) for argument in command.arguments],
    }


def _field(argument: Argument, locale: discord.Locale) -> Json:
    return {
        "type": discord.ComponentType.label.value,
        "label": argument.name.replace("_", " ").capitalize()[:TITLE_LIMIT],
        "description": argument.descriptions.get(locale.value[:2], argument.description),
        "component": _input(argument),
    }


def _input(argument: Argument) -> Json:
    shared = {"custom_id": argument.name, "required": argument.is_required}
    if argument.values:
        options = [{"label": value, "value": value} for value in argument.values]
        return {"type": discord.ComponentType.select.value, **shared, "options": options}
    style = discord.TextStyle.short.value
    return {"type": discord.ComponentType.text_input.value, **shared, "style": style, "max_length": ARGUMENT_LIMIT}


def read_form(data: Json, commands: Sequence[Command]) -> Use | None:
    """Read a form that was sent; None if it is none of ours, or its command is there no longer."""
    match = _ID.fullmatch(str(data.get("custom_id")))
    command = next((one for one in commands if match and one.name == match["command"]), None)
    if match is None or command is None:
        return None
    return Use(command, to_text(command, dict(_values(data))), match["target"])


def _values(data: Json) -> Iterator[tuple[str, str]]:
    for label in data.get("components", []):
        field = label.get("component", {})
        value = field.get("value") or " ".join(field.get("values") or [])
        yield str(field.get("custom_id")), str(value)
