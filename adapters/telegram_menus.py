"""The menus of commands that Telegram shows: for everyone, and for admins in their own chats with the bot.

It may import python-telegram-bot and this package.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from telegram import (
    BotCommand,
    BotCommandScope,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
    BotCommandScopeDefault,
)
from telegram.constants import BotCommandLimit
from telegram.error import BadRequest, Forbidden, TelegramError

from adapters.base import Command
from adapters.telegram_polling import PollingBot, reason

logger = logging.getLogger(__name__)

Entries = tuple[BotCommand, ...]

INHERITING = (BotCommandScopeAllPrivateChats(), BotCommandScopeAllGroupChats(), BotCommandScopeAllChatAdministrators())
"""What is set for these would hide the default menu. Who administers a group is no admin of the bot, and sees no more
than others; so they are kept empty, and what an earlier program left there is deleted."""


@dataclass(frozen=True, slots=True)
class MenuKey:
    """To whom a menu is shown.

    Parameters
    ----------
    scope
        In which chats.
    language
        To people of which language, by ISO 639-1 code; empty for all that have no menu of their own.
    """

    scope: BotCommandScope
    language: str = ""


def menus_of_all(commands: Sequence[Command]) -> dict[MenuKey, Entries]:
    """Return the menus that do not depend on the chat; an empty one leaves it to the default."""
    languages = _languages(commands)
    members = [command for command in commands if not command.admin_only]
    menus = {MenuKey(BotCommandScopeDefault(), language): entries(members, language) for language in languages}
    return menus | {MenuKey(scope, language): () for scope in INHERITING for language in languages}


def menus_of_admin(commands: Sequence[Command], admin_id: str) -> dict[MenuKey, Entries]:
    """Return the menus of an admin's own chat with the bot: all commands."""
    scope = BotCommandScopeChat(int(admin_id))
    return {MenuKey(scope, language): entries(commands, language) for language in _languages(commands)}


def _languages(commands: Sequence[Command]) -> list[str]:
    return ["", *sorted({language for command in commands for language in command.descriptions})]


def entries(commands: Sequence[Command], language: str) -> Entries:
    """Return commands as a menu shows them, in a language where they have it; those of a group share one entry."""
    shown: dict[str, str] = {}
    grouped: dict[str, list[str]] = {}
    for command in commands:
        first, _, rest = command.name.partition(" ")
        if rest:
            grouped.setdefault(first, []).append(rest)
            shown.setdefault(first, "")
        else:
            shown[first] = command.descriptions.get(language, command.description)
    for name, parts in grouped.items():
        shown[name] = shown[name] or _listed(parts)
    return tuple(BotCommand(name, text) for name, text in shown.items())[: BotCommandLimit.MAX_COMMAND_NUMBER]


def _listed(names: Sequence[str]) -> str:
    text = ", ".join(names)
    limit = int(BotCommandLimit.MAX_DESCRIPTION)
    return text if len(text) <= limit else f"{text[: limit - 1].rpartition(',')[0]}…"


class Menus:
    """Keeps Telegram's menus as the command table wants them; asking first spares the quota of changes.

    Parameters
    ----------
    client
        The connection.
    commands
        The command table.
    admin_ids
        The people who see the commands of admins. Telegram takes a menu for a person only once they have written to
        the bot.
    """

    def __init__(self, client: PollingBot, commands: Sequence[Command], admin_ids: Collection[str]) -> None:
        self._client = client
        self._commands = commands
        self._waiting = set(admin_ids)

    async def publish(self) -> None:
        """Bring every menu up to date; a failure is logged, and costs nothing but the menu."""
        try:
            await self._change(menus_of_all(self._commands))
            for admin_id in sorted(self._waiting):
                await self._publish_for(admin_id)
        except TelegramError as exc:
            logger.warning("the menu of commands in Telegram was not brought up to date: %s", reason(exc))

    def awaits(self, person_id: str) -> bool:
        """Whether a person who has just written is an admin without a menu as yet."""
        return person_id in self._waiting

    async def publish_for(self, admin_id: str) -> None:
        """Bring the menus of an admin up to date who has just written to the bot."""
        try:
            await self._publish_for(admin_id)
        except TelegramError as exc:
            logger.warning("the menu of an admin in Telegram was not brought up to date: %s", reason(exc))

    async def _publish_for(self, admin_id: str) -> None:
        try:
            await self._change(menus_of_admin(self._commands, admin_id))
        except (BadRequest, Forbidden) as exc:
            logger.debug("admin %s has no menu in Telegram before they write: %s", admin_id, reason(exc))
        else:
            self._waiting.discard(admin_id)

    async def _change(self, menus: Mapping[MenuKey, Entries]) -> None:
        for key, wanted in menus.items():
            language = key.language or None
            if await self._client.get_my_commands(key.scope, language) == wanted:
                continue
            if wanted:
                await self._client.set_my_commands(wanted, key.scope, language)
            else:
                await self._client.delete_my_commands(key.scope, language)
