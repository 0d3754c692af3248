"""The four places where people meet the bot, each driven the same way over the local servers."""

import itertools
from dataclasses import dataclass
from typing import Any, Protocol

from tests.e2e import discord_payloads as payloads
from tests.e2e.discord_server import DiscordServer
from tests.e2e.telegram_server import TelegramServer, group, person

Json = dict[str, Any]

LOCALE = "en-US"
"""Everyone's, so that the bot says of itself the same everywhere."""

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Servers:
    """A local server for each platform, and who is an admin there."""

    discord: DiscordServer
    telegram: TelegramServer
    discord_admin: Json
    telegram_admin: Json

    @classmethod
    def make(cls) -> "Servers":
        admin = person(900_000, "Boss")
        return cls(DiscordServer(), TelegramServer(), payloads.user("boss", shown_as="Boss"), admin)

    @property
    def variables(self) -> dict[str, str]:
        """What tells the bot of both platforms."""
        return self.discord_variables | self.telegram_variables

    @property
    def discord_variables(self) -> dict[str, str]:
        return {
            "DISCORD_TOKEN": self.discord.token,
            "DISCORD_ADMIN_IDS": self.discord_admin["id"],
            "DISCORD_API_URL": self.discord.api_url,
            "DISCORD_GATEWAY_URL": self.discord.gateway_url,
        }

    @property
    def telegram_variables(self) -> dict[str, str]:
        return {
            "TELEGRAM_TOKEN": self.telegram.token,
            "TELEGRAM_ADMIN_IDS": str(self.telegram_admin["id"]),
            "TELEGRAM_API_URL": self.telegram.api_url,
        }

    @property
    def violations(self) -> list[str]:
        return self.discord.violations + self.telegram.violations


class Place(Protocol):
    """One conversation of any number of people with the bot."""

    admin: Json

    def newcomer(self, name: str) -> Json:
        """A person who has never written."""

    async def ask(self, who: Json, text: str) -> str:
        """Say something to the bot, and wait for its answer."""

    async def use(self, who: Json, command: str, argument: str = "", *, n_answers: int = 1) -> str:
        """Use a command, and wait for its answer, the last of so many."""


class DiscordPlace:
    """A channel of a server, or everyone's direct conversation with the bot."""

    def __init__(self, servers: Servers, *, is_direct: bool) -> None:
        self.admin = servers.discord_admin
        self._server = servers.discord
        self._is_direct = is_direct
        self._server.locales[self.admin["id"]] = LOCALE

    def newcomer(self, name: str) -> Json:
        user = payloads.user(f"{name.lower()}{next(_numbers)}", shown_as=name)
        self._server.locales[user["id"]] = LOCALE
        return user

    def _channel(self, who: Json) -> Json:
        return self._server.dm(who) if self._is_direct else self._server.general

    async def ask(self, who: Json, text: str) -> str:
        await self._server.say(who, self._channel(who), text, mention_bot=not self._is_direct)
        message, _ = await self._server.next_message(self._channel(who))
        return str(message["content"])

    async def use(self, who: Json, command: str, argument: str = "", *, n_answers: int = 1) -> str:
        options = {"question": argument} if argument else {}
        interaction = await self._server.slash(who, self._channel(who), command, **options)
        answers = [await interaction.next_answer() for _ in range(n_answers)]
        return str(answers[-1].content)


class TelegramPlace:
    """A group, or everyone's private chat with the bot."""

    def __init__(self, servers: Servers, *, is_direct: bool) -> None:
        self.admin = servers.telegram_admin
        self._server = servers.telegram
        self._group = None if is_direct else group(-1_000 - next(_numbers))

    def newcomer(self, name: str) -> Json:
        return person(next(_numbers), name)

    async def ask(self, who: Json, text: str) -> str:
        mention = "" if self._group is None else f"@{self._server.me['username']} "
        return await self._answer(who, mention + text)

    async def use(self, who: Json, command: str, argument: str = "", *, n_answers: int = 1) -> str:
        return await self._answer(who, f"/{command} {argument}".strip(), n_answers)

    async def _answer(self, who: Json, text: str, n_answers: int = 1) -> str:
        said = await self._server.say(who, self._group, text)
        answers = [await self._server.next_message(said["chat"]) for _ in range(n_answers)]
        return str(answers[-1]["text"])


PLACES = ["discord direct", "discord server", "telegram private", "telegram group"]


def place_of(name: str, servers: Servers) -> Place:
    """One of `PLACES`."""
    kind = DiscordPlace if name.startswith("discord") else TelegramPlace
    return kind(servers, is_direct=name.endswith(("direct", "private")))
