"""Where a member meets the bot in a story: the terminal's pipes, and the local servers of Discord and Telegram.

Everywhere it is the real adapter, in the loop of the test, and whatever the bot says beyond one answer to each message
fails the test.
"""

import asyncio
import io
import os
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TextIO

from adapters.base import Adapter, Bot
from adapters.console_adapter import ConsoleAdapter
from tests.e2e import discord_payloads as payloads
from tests.e2e import discord_runs, telegram_runs
from tests.e2e.discord_server import DiscordServer
from tests.e2e.telegram_server import WAIT_S, TelegramServer, group, person

Json = dict[str, Any]

CLUB, TEAM = group(-100_500, title="Allotment"), group(-100_600, title="Team")
"""Where members talk in Telegram, and where the admins do."""

FIRST_OPTION = " 1) "


@dataclass(frozen=True)
class Scene:
    """What a stage is set up for.

    Parameters
    ----------
    bot
        Answers.
    member
        The name of whoever talks to the bot.
    language
        Theirs, where the platform tells it; None for English.
    sources
        The pictures and files of the catalog.
    n_attached
        Tells how many of them go with the last answer.
    directory
        For what the adapter keeps.
    """

    bot: Bot
    member: str
    language: str | None
    sources: Sequence[str]
    n_attached: Callable[[], int]
    directory: Path


@dataclass(frozen=True)
class Heard:
    """An answer as it reached the member: its text, the titles to choose from, and the names of pictures and files."""

    text: str
    titles: tuple[str, ...] = ()
    attached: tuple[str, ...] = ()


class Stage(Protocol):
    """One member's conversation with the bot; `team` is the id of the admins'."""

    adapter: Adapter
    team: str

    async def say(self, text: str) -> Heard:
        """Write to the bot, and wait for its answer with all that comes along."""

    async def choose(self, title: str) -> Heard:
        """Choose what the last answer offers."""

    def posted(self) -> list[str]:
        """Return the lines that have reached the admins."""


@asynccontextmanager
async def in_terminal(scene: Scene) -> AsyncIterator[Stage]:
    """Through pipes, a line for each line; options are chosen by their number and by their title, in turns."""
    (from_member, to_bot), (from_bot, to_member) = os.pipe(), os.pipe()
    with (
        os.fdopen(from_bot, encoding="utf-8") as output,
        redirect_stderr(io.StringIO()) as errors,
        os.fdopen(from_member) as stdin,
    ):
        with os.fdopen(to_member, "w") as stdout:
            adapter = ConsoleAdapter(bot=scene.bot, stdin=stdin, stdout=stdout)
            work = asyncio.create_task(adapter.run(asyncio.Event()))
            with os.fdopen(to_bot, "w", encoding="utf-8", buffering=1) as lines:
                yield _Terminal(scene, adapter, lines, output, errors)
            await asyncio.wait_for(work, WAIT_S)
        assert output.read() == ""


class _Terminal:
    team = "operator"

    def __init__(self, scene: Scene, adapter: Adapter, to_bot: TextIO, from_bot: TextIO, errors: io.StringIO) -> None:
        self.adapter = adapter
        self._scene, self._to_bot, self._from_bot, self._errors = scene, to_bot, from_bot, errors
        self._offered: tuple[str, ...] = ()
        self._n_chosen = 0

    async def say(self, text: str) -> Heard:
        self._to_bot.write(f"{text}\n")
        line = await asyncio.wait_for(asyncio.to_thread(self._from_bot.readline), WAIT_S)
        heard = _read(line.removesuffix("\n"), self._scene.sources)
        self._offered = heard.titles
        return heard

    async def choose(self, title: str) -> Heard:
        self._n_chosen += 1
        return await self.say(title.upper() if self._n_chosen % 2 else str(self._offered.index(title) + 1))

    def posted(self) -> list[str]:
        return self._errors.getvalue().splitlines()


def _read(line: str, sources: Sequence[str]) -> Heard:
    """Tell a line's text from the attachments and the options behind it."""
    text, mark, options = line.rpartition(FIRST_OPTION)
    numbered = re.split(r" (\d+)\) ", options)
    if not mark:
        text, numbered = line, []
    assert numbered[1::2] == [str(i) for i in range(2, 2 + len(numbered[1::2]))]
    attached: list[str] = []
    while source := next((one for one in sources if text.endswith(f" {one}")), None):
        text = text.removesuffix(f" {source}")
        attached.insert(0, Path(source).name)
    return Heard(text, tuple(numbered[::2]), tuple(attached))


@asynccontextmanager
async def on_discord(scene: Scene) -> AsyncIterator[Stage]:
    """In a channel of a server, by mentions; by ``/ask`` if the story is about a language, for only that tells one."""
    async with DiscordServer() as server:
        adapter = discord_runs.make_adapter(server, scene.directory, bot=scene.bot)
        async with discord_runs.running(adapter):
            stage = _Discord(scene, adapter, server)
            yield stage
        assert len(stage.said_in(server.general["id"])) == stage.n_heard


class _Discord:
    def __init__(self, scene: Scene, adapter: Adapter, server: DiscordServer) -> None:
        self.adapter = adapter
        self.team = str(server.team["id"])
        self.n_heard = 0
        self._scene, self._server = scene, server
        self._user = payloads.user(scene.member.lower(), shown_as=scene.member)
        server.locales[self._user["id"]] = scene.language or "en-US"
        self._last: Json = {}

    async def say(self, text: str) -> Heard:
        general = self._server.general
        if self._scene.language is not None:
            interaction = await self._server.slash(self._user, general, "ask", question=text)
            return self._heard((await interaction.final()).message)
        await self._server.say(self._user, general, text, mention_bot=True)
        message, _ = await self._server.next_message(general)
        return self._heard(message)

    async def choose(self, title: str) -> Heard:
        is_menu = any("options" in child for row in self._last["components"] for child in row["components"])
        choose = self._server.choose if is_menu else self._server.press
        interaction = await choose(self._user, self._last, title)
        return self._heard((await interaction.next_followup()).message)

    def _heard(self, message: Json) -> Heard:
        self._last = message
        self.n_heard += 1
        children = [child for row in message["components"] for child in row["components"]]
        titles = [line["label"] for child in children for line in child.get("options", [child])]
        shown = [Path(embed["image"]["url"]).name for embed in message["embeds"]]
        names = [*shown, *(attachment["filename"] for attachment in message["attachments"])]
        return Heard(message["content"], tuple(titles), tuple(names))

    def said_in(self, channel_id: str) -> list[str]:
        messages = self._server.messages.values()
        own = [message for message in messages if message["author"] is self._server.bot]
        return [message["content"] for message in own if message["channel_id"] == channel_id]

    def posted(self) -> list[str]:
        return [line for text in self.said_in(self.team) for line in text.splitlines()]


@asynccontextmanager
async def on_telegram(scene: Scene) -> AsyncIterator[Stage]:
    """In a group, by mentions."""
    async with TelegramServer() as server:
        server.join(TEAM)
        adapter = telegram_runs.make_adapter(server, bot=scene.bot)
        async with telegram_runs.running(server, adapter=adapter):
            stage = _Telegram(scene, adapter, server)
            yield stage
        assert len(server.messages_in(CLUB["id"])) == stage.n_heard


class _Telegram:
    def __init__(self, scene: Scene, adapter: Adapter, server: TelegramServer) -> None:
        self.adapter = adapter
        self.team = str(TEAM["id"])
        self.n_heard = 0
        self._scene, self._server = scene, server
        self._user = person(500_600, scene.member, language_code=scene.language or "en")
        self._last: Json = {}

    async def say(self, text: str) -> Heard:
        await self._server.say(self._user, CLUB, f"@{self._server.me['username']} {text}")
        return await self._heard()

    async def choose(self, title: str) -> Heard:
        await self._server.press(self._user, self._last, title)
        return await self._heard()

    async def _heard(self) -> Heard:
        self._last = message = await self._server.next_message(CLUB)
        text, rows = message["text"], message.get("reply_markup", {}).get("inline_keyboard", [])
        names = [self._name(await self._server.next_message(CLUB)) for _ in range(self._scene.n_attached())]
        self.n_heard += 1 + len(names)
        return Heard(text, tuple(button["text"] for row in rows for button in row), tuple(names))

    def _name(self, message: Json) -> str:
        """Return the name of a file that was sent; of a picture, which has none there, that of the upload."""
        if "document" in message:
            return str(message["document"]["file_name"])
        assert "photo" in message
        return Path(self._server.calls_of("sendPhoto")[-1].params["photo"]).name

    def posted(self) -> list[str]:
        return [line for message in self._server.messages_in(TEAM["id"]) for line in _with_quotes(message).splitlines()]


def _with_quotes(message: Json) -> str:
    """Return a message's text as it was written, what is quoted with its sign before each line."""
    units = message["text"].encode("utf-16-le")
    for entity in sorted(message.get("entities", ()), key=lambda entity: -int(entity["offset"])):
        if entity["type"] == "blockquote":
            first, last = 2 * entity["offset"], 2 * (entity["offset"] + entity["length"])
            lines = units[first:last].decode("utf-16-le").splitlines()
            units = units[:first] + "\n".join(f"> {line}" for line in lines).encode("utf-16-le") + units[last:]
    return units.decode("utf-16-le")


STAGES: Mapping[str, Callable[[Scene], AbstractAsyncContextManager[Stage]]] = {
    "console": in_terminal,
    "discord": on_discord,
    "telegram": on_telegram,
}
"""Where stories are played, by the platform's name."""
