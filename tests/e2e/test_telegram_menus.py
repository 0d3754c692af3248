"""The menus of commands in Telegram: the real library against a Bot API server, which shows them as Telegram does."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.base import Command
from tests.bots import BotOf
from tests.e2e.telegram_runs import echo, make_adapter, running
from tests.e2e.telegram_server import TelegramServer, group, person

Json = dict[str, Any]

BOSS = person(900, "Boss", language_code="de")
ADA = person(1, "Ada", language_code="de")
CLUB = group(-1001)

COMMANDS = (
    Command("help", "Shows what I can do.", descriptions={"de": "Zeigt, was ich kann."}),
    Command("privacy", "Says what I keep."),
    Command("reload", "Reloads the model.", admin_only=True),
    Command("admin stats", "Shows figures.", admin_only=True),
    Command("admin why", "Explains an answer.", admin_only=True, descriptions={"es": "Explica una respuesta."}),
)


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    async with TelegramServer() as server:
        yield server


async def publish(server: TelegramServer, *, admin_ids: tuple[str, ...] = ()) -> None:
    """Run the bot until its menus are up to date."""
    adapter = make_adapter(server, bot=BotOf(echo, COMMANDS), admin_ids=admin_ids)
    n_before = len(server.calls_of("getMyCommands"))
    async with running(server, adapter=adapter):
        await server.wait_for("getMyCommands", n_before + 12 + 3 * len(admin_ids))
        await server.say(ADA, None, "hello")
        await server.next_message()


def changes(server: TelegramServer) -> list[Json]:
    calls = [*server.calls_of("setMyCommands"), *server.calls_of("deleteMyCommands")]
    return [json.loads(call.params.get("scope", '{"type": "default"}')) for call in calls]


async def test_everybody_sees_what_is_for_everybody(server: TelegramServer) -> None:
    """In private and in groups, in each language that a description has, and without what is for admins."""
    await publish(server)
    names = ["help", "privacy"]
    assert server.menu(ADA, None) == {"help": "Zeigt, was ich kann.", "privacy": "Says what I keep."}
    assert list(server.menu(ADA, CLUB)) == names
    english = person(2, "Ben", language_code="en")
    assert server.menu(english, None)["help"] == "Shows what I can do."
    spanish = person(3, "Eva", language_code="es")
    assert list(server.menu(spanish, CLUB, is_admin=True)) == names


async def test_an_admin_sees_all_in_their_own_chat(server: TelegramServer) -> None:
    """The commands of a group share one entry, whose description names them."""
    server.join({"id": 900, "type": "private"})
    await publish(server, admin_ids=("900",))
    assert server.menu(BOSS, None) == {
        "help": "Zeigt, was ich kann.",
        "privacy": "Says what I keep.",
        "reload": "Reloads the model.",
        "admin": "stats, why",
    }
    assert list(server.menu(BOSS, CLUB, is_admin=True)) == ["help", "privacy"]


async def test_only_what_differs_is_sent(server: TelegramServer) -> None:
    """A second start asks, and changes nothing; one changed entry is one call."""
    server.join({"id": 900, "type": "private"})
    await publish(server, admin_ids=("900",))
    n_first = len(changes(server))
    assert n_first == 6  # the default and the admin's, in three languages
    await publish(server, admin_ids=("900",))
    assert len(changes(server)) == n_first
    server.commands[next(iter(server.commands))][0]["description"] = "Something else."
    await publish(server, admin_ids=("900",))
    assert len(changes(server)) == n_first + 1


async def test_an_earlier_programs_menu_does_not_hide_ours(server: TelegramServer) -> None:
    """What it left for all groups, say, would be shown in place of the default."""
    scope = json.dumps({"type": "all_group_chats"})
    await server._call("setMyCommands", {"commands": '[{"command": "old", "description": "Old."}]', "scope": scope})
    await publish(server)
    assert list(server.menu(ADA, CLUB)) == ["help", "privacy"]


async def test_an_admin_who_has_never_written_gets_the_menu_then(server: TelegramServer) -> None:
    """Telegram takes no menu for a chat that does not exist; the first message makes one."""
    adapter = make_adapter(server, bot=BotOf(echo, COMMANDS), admin_ids=("900",))
    async with running(server, adapter=adapter):
        await server.wait_for("getMyCommands", 13)
        await server.say(BOSS, None, "/start")
        await server.until(lambda: len(server.commands) == 6)
        n_calls = len(server.calls_of("getMyCommands"))
        await server.say(BOSS, None, "again")
        assert [(await server.next_message())["text"] for _ in range(2)] == ["/start", "echo: again"]
    assert "admin" in server.menu(BOSS, None)
    assert len(server.calls_of("getMyCommands")) == n_calls


async def test_a_menu_that_fails_costs_nothing_else(server: TelegramServer, caplog: pytest.LogCaptureFixture) -> None:
    """It is a warning, and the bot answers."""
    server.join({"id": 900, "type": "private"})
    server.fail_next("setMyCommands", 500)
    adapter = make_adapter(server, bot=BotOf(echo, COMMANDS), admin_ids=("900",))
    async with running(server, adapter=adapter):
        await server.wait_for("setMyCommands")
        await server.say(BOSS, None, "hello")
        assert (await server.next_message())["text"] == "echo: hello"
        await server.until(lambda: "admin" in server.menu(BOSS, None))
    assert "the menu of commands in Telegram was not brought up to date" in caplog.text


async def test_a_deep_link_reaches_the_bot(server: TelegramServer) -> None:
    """What stands behind ``?start=`` in a link is the argument of ``/start``."""
    async with running(server):
        await server.say(ADA, None, "/start opening_hours")
        assert (await server.next_message())["text"] == "/start opening_hours"
