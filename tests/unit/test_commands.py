"""The commands: what each answers, to whom, and what happens when something fails."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.base import Command, IncomingMessage, Reply
from bot.admin import Admins
from bot.config import Settings
from bot.handler import COMMANDS, MessageHandler
from bot.inference import Inference
from bot.words import WORDS
from tests.unit.fakes import FALLBACKS, WAIT_S, FakeClassifier, Sentences, handler_of, said, stores_of

ADMINS_ONLY, APOLOGY, RESET = (WORDS[name]["en"] for name in ("admins_only", "apology", "reset"))


class FakeReloader:
    """A `Reloader` that counts."""

    def __init__(self) -> None:
        self.n_reloads = 0

    async def reload(self, progress: Sentences) -> str:
        self.n_reloads += 1
        await progress("working")
        return "Reloaded."


@pytest.fixture
def classifier() -> FakeClassifier:
    return FakeClassifier()


@pytest.fixture
def reloader() -> FakeReloader:
    return FakeReloader()


SETTINGS = Settings(discord_admin_ids=frozenset({"boss"}), telegram_admin_ids=frozenset({"chief"}))


@pytest.fixture
async def handler(classifier: FakeClassifier, reloader: FakeReloader) -> AsyncIterator[MessageHandler]:
    inference = Inference(classifier)  # type: ignore[arg-type]
    stores = await stores_of()
    yield handler_of(stores, inference, settings=SETTINGS, reloader=reloader)
    inference.close()
    await stores.database.close()


async def reply_to(handler: MessageHandler, message: IncomingMessage) -> Reply | None:
    return await asyncio.wait_for(handler.answer(message, Sentences()), WAIT_S)


async def text_of(handler: MessageHandler, message: IncomingMessage) -> str:
    reply = await reply_to(handler, message)
    assert reply is not None
    return reply.text


@pytest.mark.parametrize(
    "message",
    [
        said("", command="help"),
        said("me", command="start"),
        said("", command="ask"),
        said("  ", is_direct=False),
    ],
    ids=["help", "start", "ask without a question", "a bare mention"],
)
async def test_help_shows_what_to_ask(handler: MessageHandler, message: IncomingMessage) -> None:
    """Examples are patterns that need no context; the commands are listed, those of admins not; it is private."""
    reply = await reply_to(handler, message)
    assert reply is not None
    assert reply.private
    lines = reply.text.splitlines()
    assert [line[2:] for line in lines if line.startswith("- ")] == ["hello", "when", "a pizza"]
    names = [line.partition(":")[0] for line in lines if line.startswith("/")]
    assert names == ["/ask", "/help", "/reset", "/privacy", "/forgetme"]


async def test_help_shows_admins_their_commands(handler: MessageHandler) -> None:
    """An admin sees every command."""
    text = await text_of(handler, said("", "boss", command="help"))
    assert all(f"/{command.name}: {command.description}" in text for command in COMMANDS)


async def test_an_empty_direct_message_gets_a_fallback(handler: MessageHandler) -> None:
    """Where there was no mention to be bare, a picture without words is just not understood."""
    assert await text_of(handler, said("")) in FALLBACKS


async def test_ask_is_plain_talk(handler: MessageHandler) -> None:
    """A question of the command is answered for all to read, and shares the conversation with plain messages."""
    reply = await reply_to(handler, said("a pizza", command="ask"))
    assert reply is not None
    assert (reply.text, reply.private) == ("With cheese?", False)
    assert await text_of(handler, said("yes")) == "Cheese it is."


async def test_reset_forgets_ones_own_conversation(handler: MessageHandler) -> None:
    """After it the one who asked begins afresh, and nobody else does."""
    for user in ("ann", "ben"):
        await text_of(handler, said("a pizza", user))
    assert await reply_to(handler, said("", "ann", command="reset")) == Reply(RESET, private=True)
    assert await text_of(handler, said("yes", "ann")) in FALLBACKS
    assert await text_of(handler, said("yes", "ben")) == "Cheese it is."


async def test_reset_waits_for_the_answer_before_it(handler: MessageHandler, classifier: FakeClassifier) -> None:
    """What is being answered when it comes is forgotten too."""
    classifier.held = {"a pizza"}
    before = asyncio.create_task(text_of(handler, said("a pizza")))
    reset = asyncio.create_task(text_of(handler, said("", command="reset")))
    await classifier.until_entered()
    assert not reset.done()
    classifier.go_on.set()
    assert [await before, await reset] == ["With cheese?", RESET]
    assert await text_of(handler, said("yes")) in FALLBACKS


@pytest.mark.parametrize(
    ("user", "platform", "may"),
    [
        ("boss", "discord", True),
        ("chief", "telegram", True),
        ("local", "console", True),
        ("boss", "telegram", False),
        ("ann", "discord", False),
        ("boss", "elsewhere", False),
    ],
)
async def test_only_admins_reload(
    handler: MessageHandler, reloader: FakeReloader, user: str, platform: str, may: bool
) -> None:
    """An id counts on its own platform alone; who sits at the terminal may."""
    reply = await reply_to(handler, said("", user, platform=platform, command="reload"))
    assert reply == Reply("Reloaded." if may else ADMINS_ONLY, private=True)
    assert reloader.n_reloads == int(may)


@pytest.mark.parametrize(
    ("changes", "may"),
    [
        ({"role_ids": frozenset({"1", "7"})}, True),
        ({"role_ids": frozenset({"1"})}, False),
        ({"can_manage": True, "server_id": "5"}, True),
        ({"can_manage": True, "server_id": "6"}, False),
        ({"can_manage": True, "server_id": ""}, False),
        ({"can_manage": False, "server_id": "5"}, False),
        ({"role_ids": frozenset({"7"}), "platform": "telegram"}, False),
        ({"can_manage": True, "server_id": "5", "platform": "telegram"}, False),
    ],
)
def test_a_role_or_a_right_makes_an_admin(changes: Any, may: bool) -> None:
    """Where the operator says so: on that platform alone, and the right in a server that was named alone."""
    admins = Admins({}, {"discord": frozenset({"7"})}, {"discord": frozenset({"5"})})
    assert admins.include(said("", **changes)) is may
    assert not Admins({}).include(said("", **changes))


async def test_an_unknown_command_is_named(handler: MessageHandler) -> None:
    """Whoever addresses the bot hears where the list is; a command that may be another bot's gets no answer."""
    reply = await reply_to(handler, said("now", command="dance"))
    assert reply is not None
    assert reply.private
    assert "/dance" in reply.text
    assert "/help" in reply.text
    assert await reply_to(handler, said("now", command="dance", is_addressed=False)) is None


@pytest.mark.parametrize(
    "failing", [said("boom"), said("boom", command="ask"), said("boom", is_direct=False)], ids=["talk", "ask", "group"]
)
async def test_a_failure_becomes_an_apology(
    handler: MessageHandler, classifier: FakeClassifier, caplog: pytest.LogCaptureFixture, failing: Any
) -> None:
    """The member reads a sentence, the operator a line and a trace, and the next message is answered."""
    classifier.broken = {"boom"}
    assert await reply_to(handler, failing) == Reply(APOLOGY)
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert record.getMessage() == "message 1 of discord could not be answered"
    assert await text_of(handler, said("when")) == "From ten to eight."


LANGUAGES = {"de", "es"}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_the_command_table_suits_every_platform(command: Command) -> None:
    """Names and descriptions keep to the strictest limits, in every language; those for admins are kept off menus."""
    names = command.name.split(" ")
    assert len(names) <= 2
    assert all(re.fullmatch("[a-z0-9_]{1,32}", name) for name in names)
    described: list[tuple[str, Any]] = [(command.description, command.descriptions)]
    described += [(one.description, one.descriptions) for one in command.arguments]
    for description, descriptions in described:
        assert all(1 <= len(text) <= 100 for text in (description, *descriptions.values()))
        assert set(descriptions) in ({*LANGUAGES}, set())
    assert set(command.descriptions) == LANGUAGES
    assert [one.is_required for one in command.arguments] == sorted(
        [one.is_required for one in command.arguments], reverse=True
    )
    assert all(len(one.values) <= 25 and len(one.name) <= 32 for one in command.arguments)
    assert command.menu is None or all(
        len(title) <= 32 for title in (command.menu.title, *command.menu.titles.values())
    )
    is_for_all = command.name in {"ask", "help", "reset", "privacy", "forgetme"}
    assert command.admin_only is not is_for_all


def test_no_two_commands_share_a_name() -> None:
    """Nor does one of a group's have the name of a whole command."""
    names = [command.name for command in COMMANDS]
    assert len(set(names)) == len(names)
    assert not {name.split(" ")[0] for name in names if " " in name} & set(names)
