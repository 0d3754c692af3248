"""Discord's commands in use: groups, arguments, completions, menus and forms, over the real library."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from adapters import discord_interactions
from adapters.base import Argument, Command, IncomingMessage, Menu, Progress, Reply
from tests.bots import BotOf, said
from tests.e2e import discord_payloads as payloads
from tests.e2e.discord_payloads import Json
from tests.e2e.discord_runs import Run, make_adapter, running
from tests.e2e.discord_server import DiscordServer

TONE = Argument("tone", "How it sounds.", is_required=False, values=("short", "silent"))
COMMANDS = (
    Command(
        "ask",
        "Asks me.",
        (Argument("question", "What to ask."),),
        public=True,
        descriptions={"de": "Fragt mich.", "es": "Me pregunta."},
        menu=Menu("Answer this", {"de": "Beantworte das"}, takes_text=True),
    ),
    Command("admin reload", "Loads.", admin_only=True, is_long=True),
    Command(
        "admin teach",
        "Teaches.",
        (Argument("tag", "Which intent.", is_completed=True), Argument("text", "What is said."), TONE),
        admin_only=True,
        menu=Menu("Teach this"),
    ),
    Command("admin why", "Explains.", admin_only=True, menu=Menu("Why this answer?")),
)
ANY_COMMANDS = r"/applications/.*commands"


class Noting:
    """A handler that says what reached it."""

    def __init__(self) -> None:
        self.seen: list[IncomingMessage] = []

    async def __call__(self, message: IncomingMessage, _: Progress) -> Reply:
        self.seen.append(message)
        return Reply(f"/{message.command} {message.text}")


class SlowBot(BotOf):
    """A bot that takes for ever to tell what an argument can be."""

    async def complete(self, message: IncomingMessage, argument: str) -> Sequence[str]:
        await asyncio.Event().wait()
        return [argument, message.text]


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    async with DiscordServer() as server:
        yield server


@pytest.fixture
def noting() -> Noting:
    return Noting()


@pytest.fixture
def bot(noting: Noting) -> BotOf:
    return BotOf(noting, COMMANDS, completions=["greet", "goodbye", "hours"])


@pytest.fixture
def run(server: DiscordServer, tmp_path: Path, bot: BotOf) -> Any:
    def run(bot: BotOf = bot) -> AbstractAsyncContextManager[Run]:
        return running(make_adapter(server, tmp_path / "state", bot=bot))

    return run


async def test_command_of_a_group_has_its_full_name(server: DiscordServer, run: Any, noting: Noting, ann: Json) -> None:
    """The group stands before the command, and the arguments are one text; the answer is private."""
    async with run():
        plain = await server.slash(ann, server.general, "admin reload")
        assert (await plain.final()).content == "/admin reload "
        full = await server.slash(ann, server.general, "admin teach", text="good day", tag="greet", tone="short")
        assert (await full.final()).content == "/admin teach greet good day short"
        await (await server.slash(ann, server.general, "admin teach", text="bye", tag="goodbye")).final()
    assert (plain.is_ephemeral, full.is_ephemeral) == (True, True)
    assert [message.text for message in noting.seen] == ["", "greet good day short", "goodbye bye"]


async def test_arguments_are_completed_while_typed(server: DiscordServer, run: Any, bot: BotOf, ann: Json) -> None:
    """What is typed goes to the bot with the command's full name, and what it knows is offered."""
    async with run():
        typing = await server.type(ann, server.general, "admin teach", "tag", "g")
        await typing.deferred()
    assert typing.offered == ["greet", "goodbye"]
    ((message, argument),) = bot.completed
    assert (message.command, message.text, message.user_id, argument) == ("admin teach", "g", ann["id"], "tag")


async def test_late_completion_is_an_empty_list(
    server: DiscordServer, run: Any, noting: Noting, ann: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Discord waits for 3 s; a member who types is better off without offers than with an error."""
    monkeypatch.setattr(discord_interactions, "COMPLETE_S", 0.05)
    async with run(SlowBot(noting, COMMANDS)):
        typing = await server.type(ann, server.general, "admin teach", "tag", "g")
        await typing.deferred()
    assert typing.offered == []


async def test_completion_that_nobody_waits_for_is_no_warning(
    server: DiscordServer, run: Any, ann: Json, caplog: pytest.LogCaptureFixture
) -> None:
    """Members type on, and Discord forgets what they had typed: that is a line for debugging."""
    server.fail_next("POST", r"/interactions/.*", 404, code=10062)
    async with run():
        await server.type(ann, server.general, "admin teach", "tag", "g")
        typing = await server.type(ann, server.general, "admin teach", "tag", "gr")
        await typing.deferred()
    assert typing.offered == ["greet"]
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_message_is_answered_from_its_menu(server: DiscordServer, run: Any, noting: Noting, ann: Json) -> None:
    """The text of somebody's message is the question, without a mention of the bot; it is known which message."""
    async with run():
        question = await server.say(payloads.user("ben"), server.thread, "how late?", mention_bot=True, type=0)
        await server.next_message()
        interaction = await server.use_menu(ann, server.thread, "Answer this", question)
        assert (await interaction.final()).content == "/ask how late?"
    asked = noting.seen[-1]
    assert (asked.command, asked.replied_id, asked.user_id) == ("ask", question, ann["id"])
    assert (asked.conversation_id, asked.parent_id) == (server.thread["id"], server.general["id"])
    assert not interaction.is_ephemeral


async def test_message_without_text_is_nothing_to_answer(
    server: DiscordServer, run: Any, noting: Noting, ann: Json
) -> None:
    """Who has a picture answered is told, and nobody else."""
    async with run():
        picture = await server.say(ann, server.general, "")
        interaction = await server.use_menu(ann, server.general, "Answer this", picture)
        await interaction.deferred()
    assert (interaction.said, interaction.is_ephemeral) == (said("no_text", "de"), True)
    assert noting.seen == []


async def test_menu_without_arguments_names_the_message(
    server: DiscordServer, run: Any, noting: Noting, ann: Json
) -> None:
    """A command about an answer needs nothing but the answer."""
    async with run():
        await server.say(ann, server.general, "hi", mention_bot=True)
        answer, _ = await server.next_message()
        interaction = await server.use_menu(ann, server.general, "Why this answer?", answer["id"])
        await interaction.final()
    assert (noting.seen[-1].command, noting.seen[-1].text) == ("admin why", "")
    assert noting.seen[-1].replied_id == answer["id"]
    assert interaction.is_ephemeral


async def test_menu_with_arguments_asks_in_a_form(server: DiscordServer, run: Any, noting: Noting, ann: Json) -> None:
    """What is filled in comes with the message that it is about, even after a restart; the answer is private."""
    async with run():
        said = await server.say(ann, server.general, "good day to you")
        opened = await server.use_menu(ann, server.general, "Teach this", said)
        await opened.deferred()
    assert opened.form is not None
    assert opened.form["title"] == "Teach this"
    assert noting.seen == []
    async with run():
        sent = await server.send_form(ann, opened, tag="greet", text="good day", tone="silent")
        assert (await sent.final()).content == "/admin teach greet good day silent"
    assert sent.is_ephemeral
    (message,) = noting.seen
    assert (message.command, message.replied_id) == ("admin teach", said)


async def test_form_that_cannot_be_shown_is_a_line_in_the_log(
    server: DiscordServer, run: Any, ann: Json, caplog: pytest.LogCaptureFixture
) -> None:
    """Discord refuses it, and the next command is answered."""
    server.fail_next("POST", r"/interactions/.*", 400, code=50035)
    async with run():
        said = await server.say(ann, server.general, "good day")
        await server.use_menu(ann, server.general, "Teach this", said)
        await (await server.slash(ann, server.general, "admin reload")).final()
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert warnings == ["an answer could not be sent: HTTPException 400, error 50035"]


async def test_command_that_is_gone_says_so(server: DiscordServer, run: Any, noting: Noting, ann: Json) -> None:
    """Discord shows commands of an earlier version for a while."""
    async with run():
        server.commands["global"].append(
            payloads.command({"name": "old", "type": 1, "options": [], "contexts": [0]}, server.bot["id"], None)
        )
        interaction = await server.slash(ann, server.general, "old")
        await interaction.deferred()
    assert (interaction.said, interaction.is_ephemeral) == (said("command_gone", "de"), True)
    assert noting.seen == []


async def test_question_can_be_asked_where_the_bot_is_not(
    server: DiscordServer, run: Any, noting: Noting, ann: Json
) -> None:
    """Who took the bot along asks it among friends; that is no direct conversation."""
    friends = payloads.group_dm([payloads.user("ben")])
    async with run():
        interaction = await server.slash(ann, friends, "ask", question="why?")
        assert (await interaction.final()).content == "/ask why?"
    (message,) = noting.seen
    assert (message.conversation_id, message.is_direct, message.server_id) == (friends["id"], False, "")


async def test_changed_translation_is_registered(server: DiscordServer, run: Any, noting: Noting) -> None:
    """The same commands in other words are another set."""
    changed = (Command("ask", "Asks me.", COMMANDS[0].arguments, public=True, descriptions={"de": "Frage."}),)
    same = (Command("ask", "Asks me.", COMMANDS[0].arguments, public=True, descriptions={"de": "Fragt."}),)
    for table in (same, same, changed):
        async with run(BotOf(noting, table)):
            pass
    assert len(server.requests_to("PUT", ANY_COMMANDS)) == 2
    assert server.commands["global"][0]["description_localizations"] == {"de": "Frage."}


async def test_who_manages_the_server_is_told_from_others(
    server: DiscordServer, run: Any, noting: Noting, ann: Json
) -> None:
    """Discord says with each use of a command what the member may do in the server."""
    ben = payloads.user("ben")
    server.permissions[ben["id"]] = payloads.MEMBERS_MAY | payloads.MANAGE_GUILD
    async with run():
        for user, channel in ((ann, server.general), (ben, server.general), (ben, server.dm(ben))):
            await (await server.slash(user, channel, "ask", question="?")).final()
    assert [message.can_manage for message in noting.seen] == [False, True, False]
    assert [message.server_id for message in noting.seen] == [server.guild_id, server.guild_id, ""]


async def test_answer_that_took_too_long_comes_directly(server: DiscordServer, run: Any, ann: Json) -> None:
    """Discord takes none for an interaction after 15 minutes: whoever asked, and nobody else, gets it as a message."""
    server.interactions_age_s = 16 * 60
    direct = server.dm(ann)
    async with run():
        late = await server.slash(ann, server.general, "admin reload")
        message, _ = await server.next_message(direct)
    assert message["content"].strip() == said("too_late", "de", command="/admin reload", text="/admin reload").strip()
    assert late.answers == []


async def test_its_user_goes_on_asking_during_a_long_command(server: DiscordServer, run: Any, ann: Json) -> None:
    """A training takes minutes: the same person's question in the same channel does not wait for it."""
    trained = asyncio.Event()

    async def answer(message: IncomingMessage, _: Progress) -> Reply:
        if message.command == "admin reload":
            await trained.wait()
        return Reply(f"/{message.command}")

    async with run(BotOf(answer, COMMANDS)):
        training = await server.slash(ann, server.general, "admin reload")
        asked = await server.slash(ann, server.general, "ask", question="still there?")
        assert (await asked.final()).content == "/ask"
        trained.set()
        assert (await training.final()).content == "/admin reload"
