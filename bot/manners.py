"""Whether the bot speaks at all: where it listens, where it is silent, and when somebody asks too much."""

from dataclasses import dataclass, replace

from adapters.base import IncomingMessage, Reply
from bot.admin import Admins
from bot.cooldown import Cooldowns
from bot.server_settings import ServerSettings, ServerSettingsStore
from bot.words import say

PRIVATE_ANSWERS = frozenset({"discord"})
"""Platforms where the answer to a command can be shown to the asking person alone."""


@dataclass(frozen=True, slots=True)
class Hush:
    """A message is not answered.

    Parameters
    ----------
    notice
        What is said all the same; None for nothing.
    is_cooldown
        Whether that is because too much was asked.
    """

    notice: Reply | None = None
    is_cooldown: bool = False


def is_unasked(message: IncomingMessage) -> bool:
    """Whether a message is talk that does not address the bot."""
    return not message.is_addressed and message.command is None and message.choice_id is None


class Manners:
    """Decides by the settings of the server around a message.

    Parameters
    ----------
    settings
        Of all servers.
    cooldowns
        Count.
    admins
        Are never told to wait.
    """

    def __init__(self, settings: ServerSettingsStore, cooldowns: Cooldowns, admins: Admins) -> None:
        self._settings = settings
        self._cooldowns = cooldowns
        self._admins = admins

    def settings_for(self, message: IncomingMessage) -> ServerSettings:
        """Return what holds around a message."""
        return self._settings.of(message)

    def in_language(self, message: IncomingMessage) -> IncomingMessage:
        """Return a message in the language of its server, where the platform has not told its sender's."""
        language = self._settings.of(message).language
        return message if message.locale or not language else replace(message, locale=language)

    def listens(self, message: IncomingMessage) -> bool:
        """Whether a message that does not address the bot is answered if it can be."""
        return not message.is_to_others and self._settings.of(message).listens_in(message)

    async def hush(self, message: IncomingMessage, *, is_admin_command: bool) -> Hush | None:
        """Return why a message is not answered; None if it is."""
        is_admin = self._admins.include(message)
        if is_admin and is_admin_command:
            return None
        quiet = self._quiet(message)
        if quiet is not None or is_admin:
            return quiet
        return await self._cooldown(message)

    def _quiet(self, message: IncomingMessage) -> Hush | None:
        """Return why nothing is said in the place of a message."""
        if is_unasked(message) and not self.listens(message):
            return Hush()
        if not self._settings.of(message).is_silent_in(message):
            return None
        if message.platform not in PRIVATE_ANSWERS or message.command is None:
            return Hush()
        if message.command == "ask":  # the one command whose answer is for all to read
            return Hush(Reply(say("silent_here", message.locale), private=True))
        return None

    async def _cooldown(self, message: IncomingMessage) -> Hush | None:
        """Return why too much was asked."""
        refusal = await self._cooldowns.refuse(message, self._settings.of(message).cooldown_s)
        if refusal is None:
            return None
        if not refusal.is_noticed or is_unasked(message):
            return Hush(is_cooldown=True)
        words = say("crowded" if refusal.is_crowded else "slow_down", message.locale)
        return Hush(Reply(words, private=True), is_cooldown=True)
