"""Texts that nobody asked for, as a handover sends them: `Adapter.post` on every platform."""

import asyncio
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from adapters.base import Adapter, IncomingMessage, Progress, Reply
from adapters.console_adapter import ConsoleAdapter
from adapters.errors import PlatformUnavailableError
from tests.bots import BotOf
from tests.e2e import discord_payloads as payloads
from tests.e2e import discord_runs, telegram_runs
from tests.e2e.discord_server import DiscordServer
from tests.e2e.telegram_entities import marked
from tests.e2e.telegram_server import TelegramServer, group, person

TEAM = group(-100_600, title="Team")
PINGS = "@everyone <@1> <@&2> @ada_lovelace **bold** <b>bold</b>"
LONG = "\n".join(f"> line {i} of a long message" for i in range(200))


@pytest.fixture
async def discord() -> AsyncIterator[DiscordServer]:
    async with DiscordServer() as server:
        yield server


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramServer]:
    async with TelegramServer() as server:
        server.join(TEAM)
        yield server


@asynccontextmanager
async def on_discord(server: DiscordServer, state_dir: Path) -> AsyncIterator[Adapter]:
    adapter = discord_runs.make_adapter(server, state_dir)
    async with discord_runs.running(adapter):
        yield adapter


@asynccontextmanager
async def on_telegram(server: TelegramServer) -> AsyncIterator[Adapter]:
    adapter = telegram_runs.make_adapter(server)
    async with telegram_runs.running(server, adapter=adapter):
        yield adapter


async def fault_of(adapter: Adapter, conversation_id: str) -> str:
    """Post in vain; return all that the error says, its causes included."""
    with pytest.raises(PlatformUnavailableError) as raised:
        await adapter.post(conversation_id, "hello")
    return "".join(traceback.format_exception(raised.value))


async def test_post_stands_in_the_discord_channel(discord: DiscordServer, tmp_path: Path) -> None:
    """It answers nothing, shows no preview of links, and nobody is pinged whatever it quotes."""
    async with on_discord(discord, tmp_path) as adapter:
        await adapter.post(discord.team["id"], PINGS)
        message, asked = await discord.next_message(discord.team)
    assert message["content"] == PINGS
    assert asked["allowed_mentions"] == {"parse": []}
    assert asked["flags"] == 4
    assert "message_reference" not in asked


async def test_post_stands_in_the_telegram_chat(telegram: TelegramServer) -> None:
    """It answers nothing, and shows no preview of links; it is Markdown as on Discord, and nothing of it is HTML."""
    async with on_telegram(telegram) as adapter:
        await adapter.post(str(TEAM["id"]), PINGS)
        message = await telegram.next_message(TEAM)
    assert message["text"] == PINGS.replace("*", "")
    assert marked(message) == [("bold", "bold")]
    (call,) = telegram.calls_of("sendMessage")
    assert "reply_parameters" not in call.params
    assert '"is_disabled": true' in call.params["link_preview_options"].replace('":true', '": true')


async def test_long_post_is_split(discord: DiscordServer, telegram: TelegramServer, tmp_path: Path) -> None:
    """Between lines, in order, within each platform's limit, and each part pings as little."""
    async with on_discord(discord, tmp_path) as adapter:
        await adapter.post(discord.team["id"], LONG)
        sent = [await discord.next_message(discord.team) for _ in range(3)]
    assert "\n".join(message["content"] for message, _ in sent) == LONG
    assert [asked["allowed_mentions"] for _, asked in sent] == [{"parse": []}] * 3
    async with on_telegram(telegram) as adapter:
        await adapter.post(str(TEAM["id"]), LONG)
        assert "\n".join(message["text"] for message in telegram.messages) == LONG.replace("> ", "")
    assert len(telegram.messages) == 2


async def test_post_to_an_unknown_discord_channel_fails(discord: DiscordServer, tmp_path: Path) -> None:
    """Whoever asked for it is told which one, and nothing of the token."""
    unknown = payloads.snowflake()
    async with on_discord(discord, tmp_path) as adapter:
        fault = await fault_of(adapter, unknown)
        assert f"Discord did not take a message to {unknown}" in fault
        discord.fail_next("POST", r"/channels/\d+/messages", 403, code=50001)
        assert "403, error 50001" in await fault_of(adapter, discord.team["id"])
        await adapter.post(discord.team["id"], "hello")
    assert discord.token not in fault


@pytest.mark.parametrize("fault", [400, 401, 403, 404, 502, "drop"])
async def test_post_that_telegram_does_not_take_fails(telegram: TelegramServer, fault: int) -> None:
    """A refusal and an answer that does not come are the same to whoever asked; the token is in neither."""
    async with on_telegram(telegram) as adapter:
        unknown = await fault_of(adapter, "-5")
        telegram.fail_next("sendMessage", fault)
        refused = await fault_of(adapter, str(TEAM["id"]))
    assert "Telegram did not take a message to -5: Chat not found" in unknown
    assert f"Telegram did not take a message to {TEAM['id']}" in refused
    assert telegram.token not in unknown + refused
    assert telegram.messages == []


async def test_post_follows_a_group_that_became_a_supergroup(telegram: TelegramServer) -> None:
    """Such a group has a new id, and Telegram says which; the whole text arrives there."""
    telegram.migrated[-7] = -100_700
    async with on_telegram(telegram) as adapter:
        await adapter.post("-7", LONG)
    assert "\n".join(message["text"] for message in telegram.messages_in(-100_700)) == LONG.replace("> ", "")


async def test_post_without_a_connection_fails(
    discord: DiscordServer, telegram: TelegramServer, tmp_path: Path
) -> None:
    """Before the first connection and after the last one."""
    for adapter in (discord_runs.make_adapter(discord, tmp_path), telegram_runs.make_adapter(telegram)):
        assert "is not connected" in await fault_of(adapter, "5")
    async with on_discord(discord, tmp_path) as adapter:
        pass
    assert "Discord is not connected" in await fault_of(adapter, discord.team["id"])
    async with on_telegram(telegram) as adapter:
        pass
    assert "Telegram is not connected" in await fault_of(adapter, str(TEAM["id"]))


async def test_post_before_discord_has_taken_the_token_fails(discord: DiscordServer, tmp_path: Path) -> None:
    """The library has no connection yet, though it has begun to make one."""
    adapter = discord_runs.make_adapter(discord, tmp_path)
    stopping = asyncio.Event()
    work = asyncio.create_task(adapter.run(stopping))
    await asyncio.sleep(0)
    assert discord.requests == []
    assert "Discord is not connected" in await fault_of(adapter, discord.team["id"])
    stopping.set()
    await work


class LateHandover:
    """A handler that hands over once a stop has begun."""

    def __init__(self, team: str) -> None:
        self.adapter: Adapter
        self.entered = asyncio.Event()
        self._team = team

    async def __call__(self, _message: IncomingMessage, _progress: Progress) -> Reply:
        self.entered.set()
        while self.adapter.connected.is_set():  # noqa: ASYNC110 - of its end there is no event
            await asyncio.sleep(0)
        await self.adapter.post(self._team, "a member asks for you")
        return Reply("told")


async def test_handover_in_flight_reaches_the_admins_on_discord(discord: DiscordServer, tmp_path: Path) -> None:
    """A stop lets it out, like every reply."""
    handler, ann = LateHandover(discord.team["id"]), payloads.user("ann")
    handler.adapter = adapter = discord_runs.make_adapter(discord, tmp_path, handler)
    async with discord_runs.running(adapter):
        await discord.say(ann, discord.dm(ann), "a person please")
        await handler.entered.wait()
    assert (await discord.next_message(discord.team))[0]["content"] == "a member asks for you"
    assert (await discord.next_message(discord.dm(ann)))[0]["content"] == "told"


async def test_handover_in_flight_reaches_the_admins_on_telegram(telegram: TelegramServer) -> None:
    """A stop lets it out, like every reply."""
    handler = LateHandover(str(TEAM["id"]))
    handler.adapter = adapter = telegram_runs.make_adapter(telegram, handler)
    async with telegram_runs.running(telegram, adapter=adapter):
        await telegram.say(person(7, "Ada"), None, "a person please")
        await handler.entered.wait()
    assert [message["text"] for message in telegram.messages] == ["a member asks for you", "told"]


async def test_post_in_the_terminal_is_for_the_operator(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """It stands on standard error, for answers alone belong on standard output."""

    async def hand_over(_: IncomingMessage, __: Progress) -> Reply:
        await adapter.post("operator", "Ann asks for a person.\n> help me")
        return Reply("told")

    (tmp_path / "in").write_text("a person please\n")
    with (tmp_path / "in").open() as stdin, (tmp_path / "out").open("w") as stdout:
        adapter = ConsoleAdapter(bot=BotOf(hand_over), stdin=stdin, stdout=stdout)
        await adapter.run(asyncio.Event())
    assert (tmp_path / "out").read_text() == "told\n"
    assert capsys.readouterr() == ("", "Ann asks for a person.\n> help me\n")
