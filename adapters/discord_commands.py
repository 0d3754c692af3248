"""The commands: as Discord is told of them, and what a use of one says. Pure functions.

It may import discord.py and this package. The library's own commands want a function for each, with a parameter for
each argument; here they are data, from the command table to the request.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import discord

from adapters.base import Argument, Command, Menu
from adapters.discord_choices import Json

ARGUMENT_LIMIT = 2000
"""As long as a message may be."""

VALUE_LIMIT = 100
"""Characters of a value that Discord offers for an argument."""

MOST_VALUES = 25

EVERYWHERE = "ask"
"""The one command that a person can take along to where the bot is not: the others are about a server, or its talk."""

_REGIONS = {
    "en": ("en-US", "en-GB"),
    "es": ("es-ES", "es-419"),
    "pt": ("pt-BR",),
    "sv": ("sv-SE",),
    "zh": ("zh-CN", "zh-TW"),
}
"""What Discord calls the languages that it knows by region only."""

_LOCALES = frozenset(locale.value for locale in discord.Locale)

_SUBCOMMAND, _TEXT = discord.AppCommandOptionType.subcommand.value, discord.AppCommandOptionType.string.value

_SLASH, _MESSAGE = discord.AppCommandType.chat_input.value, discord.AppCommandType.message.value


def to_definitions(commands: Sequence[Command]) -> list[Json]:
    """Return what Discord is to register: slash commands, one for all of a group, and the menu on messages."""
    families: dict[str, list[Command]] = {}
    for command in commands:
        families.setdefault(command.name.split()[0], []).append(command)
    slash_commands = [_slash_command(name, family) for name, family in families.items()]
    return [*slash_commands, *(_menu(command, command.menu) for command in commands if command.menu is not None)]


def _slash_command(name: str, family: Sequence[Command]) -> Json:
    """Return a command of its own, or a group; Discord has no group that is a command as well."""
    leader = next((command for command in family if command.name == name), None)
    members = [command for command in family if command is not leader]
    described = _described(leader.description, leader.descriptions) if leader else _described(name, {})
    options = [_subcommand(member) for member in members] or [_option(a) for a in family[0].arguments]
    is_hidden = all(command.admin_only for command in members or family)
    return {"type": _SLASH, "name": name, **described, "options": options, **_reach(name, is_hidden=is_hidden)}


def _subcommand(command: Command) -> Json:
    described = _described(command.description, command.descriptions)
    options = [_option(argument) for argument in command.arguments]
    return {"type": _SUBCOMMAND, "name": command.name.split()[-1], **described, "options": options}


def _option(argument: Argument) -> Json:
    option: Json = {
        "type": _TEXT,
        "name": argument.name,
        **_described(argument.description, argument.descriptions),
        "required": argument.is_required,
    }
    if argument.values:
        return option | {"choices": [{"name": value, "value": value} for value in argument.values]}
    limits = {"min_length": 1, "max_length": ARGUMENT_LIMIT}
    return option | limits | ({"autocomplete": True} if argument.is_completed else {})


def _menu(command: Command, menu: Menu) -> Json:
    titles = {"name": menu.title, "name_localizations": _by_locale(menu.titles)}
    return {"type": _MESSAGE, **titles, **_reach(command.name, is_hidden=command.admin_only)}


def _described(description: str, descriptions: Mapping[str, str]) -> Json:
    return {"description": description, "description_localizations": _by_locale(descriptions)}


def _by_locale(texts: Mapping[str, str]) -> dict[str, str]:
    """Return translations by Discord's names of languages; Discord refuses a language that it does not know."""
    by_locale = {locale: text for language, text in texts.items() for locale in _REGIONS.get(language, (language,))}
    return {locale: text for locale, text in by_locale.items() if locale in _LOCALES}


def _reach(name: str, *, is_hidden: bool) -> Json:
    """Return where a command is there, and for whom: what is hidden is shown to those who manage a server."""
    is_everywhere = name == EVERYWHERE
    installs = discord.app_commands.AppInstallationType(guild=True, user=is_everywhere)
    contexts = discord.app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=is_everywhere)
    return {
        "integration_types": installs.to_array(),
        "contexts": contexts.to_array(),
        "default_member_permissions": discord.Permissions(manage_guild=True).value if is_hidden else None,
    }


@dataclass(frozen=True, slots=True)
class Use:
    """A command as somebody used it.

    Parameters
    ----------
    command
        Which one.
    text
        Its arguments in the table's order, blanks between; of a menu that takes it, the message's text.
    replied_id
        The message in whose menu it stands; else None.
    is_from_menu
        Whether it comes from the menu itself, so that nothing could be typed yet.
    """

    command: Command
    text: str
    replied_id: str | None = None
    is_from_menu: bool = False

    @property
    def needs_form(self) -> bool:
        """Whether its arguments are still to be asked for."""
        menu = self.command.menu
        takes_text = menu is not None and menu.takes_text
        return self.is_from_menu and not takes_text and any(one.is_required for one in self.command.arguments)

    @property
    def lacks_text(self) -> bool:
        """Whether the message whose text it takes has none."""
        return self.is_from_menu and self.command.menu is not None and self.command.menu.takes_text and not self.text


@dataclass(frozen=True, slots=True)
class Typing:
    """An argument that somebody is typing: the command, the argument's name, and what there is of it."""

    command: Command
    argument: str
    text: str


def read_use(data: Json, commands: Sequence[Command]) -> Use | None:
    """Read a used command; None if the table does not have it, or no longer."""
    if data.get("type") == _MESSAGE:
        return _read_menu(data, commands)
    name, options = _read_path(data)
    command = _find(commands, name)
    return Use(command, to_text(command, _values(options))) if command is not None else None


def read_typing(data: Json, commands: Sequence[Command]) -> Typing | None:
    """Read an argument that is being typed; None if the table does not have its command, or no longer."""
    name, options = _read_path(data)
    command = _find(commands, name)
    typed = next((option for option in options if option.get("focused")), None)
    if command is None or typed is None:
        return None
    return Typing(command, typed["name"], str(typed["value"]))


def to_text(command: Command, values: Mapping[str, str]) -> str:
    """Return the values of arguments as one text."""
    given = (values.get(argument.name, "").strip() for argument in command.arguments)
    return " ".join(value for value in given if value)


def _read_menu(data: Json, commands: Sequence[Command]) -> Use | None:
    found = (command for command in commands if command.menu is not None and command.menu.title == data["name"])
    command = next(found, None)
    if command is None or command.menu is None:
        return None
    target_id = str(data["target_id"])
    text = str(data["resolved"]["messages"][target_id]["content"]).strip() if command.menu.takes_text else ""
    return Use(command, text, target_id, is_from_menu=True)


def _read_path(data: Json) -> tuple[str, list[Json]]:
    """Return the full name of a command, with its group's, and its options."""
    options: list[Json] = data.get("options") or []
    if options and options[0]["type"] == _SUBCOMMAND:
        return f"{data['name']} {options[0]['name']}", options[0].get("options") or []
    return data["name"], options


def _values(options: Sequence[Json]) -> dict[str, str]:
    return {option["name"]: str(option["value"]) for option in options}


def _find(commands: Sequence[Command], name: str) -> Command | None:
    return next((command for command in commands if command.name == name), None)


def offered(values: Sequence[str]) -> Iterator[str]:
    """Pick what Discord takes as values of an argument, for one that it refuses costs them all."""
    fitting = dict.fromkeys(value for value in values if value.strip() and len(value) <= VALUE_LIMIT)
    yield from list(fitting)[:MOST_VALUES]
