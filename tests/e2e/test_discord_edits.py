"""Edited questions in Discord: the answer is edited too."""

import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from adapters.base import IncomingMessage, Progress, Reply, ReplyAttachment, ReplyChoice
from tests.bots import BotOf
from tests.e2e.discord_payloads import Json
from tests.e2e.discord_runs import Gate, Run, make_adapter, running
from tests.e2e.discord_server import DiscordServer

ONE_MESSAGE = r"/channels/\d+/messages/\d+"
LONG = "word " * 700
PICTURE = ReplyAttachment("https://example.org/chess.png", is_image=True)


class Answering:
    """A handler that answers at length, with all that goes with it, or in short; it remembers what it was asked."""

    def __init__(self) -> None:
        self.seen: list[IncomingMessage] = []

    async def __call__(self, message: IncomingMessage, _: Progress) -> Reply | None:
        self.seen.append(message)
        match message.text:
            case "long":
                return Reply(LONG, answer_id="a1")
            case "rich":
                return Reply("Look", choices=(ReplyChoice("hours", "Opening hours"),), attachments=(PICTURE,))
            case "nothing":
                return None
        return Reply(f"heard: {message.text}", answer_id="a1")


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    async with DiscordServer() as server:
        yield server


@pytest.fixture
def answering() -> Answering:
    return Answering()


@pytest.fixture
def bot(answering: Answering) -> BotOf:
    return BotOf(answering)


@pytest.fixture
def run(server: DiscordServer, tmp_path: Path, bot: BotOf) -> Any:
    def run(bot: BotOf = bot) -> AbstractAsyncContextManager[Run]:
        return running(make_adapter(server, tmp_path / "state", bot=bot))

    return run


def standing(server: DiscordServer) -> list[str]:
    """Return what the bot's messages say now."""
    return [message["content"] for message in server.messages.values() if message["author"] == server.bot]


@pytest.mark.parametrize("place", ["direct", "general", "thread"])
async def test_answer_follows_its_question(
    server: DiscordServer, run: Any, answering: Answering, bot: BotOf, ann: Json, place: str
) -> None:
    """The message with the answer says something else, and none is added; the question keeps its id."""
    channel = server.dm(ann) if place == "direct" else getattr(server, place)
    async with run():
        question = await server.say(ann, channel, "opn?", mention_bot=place != "direct")
        answer, _ = await server.next_message()
        await server.edit(question, "open?")
        await server.wait_request("PATCH", ONE_MESSAGE)
    assert standing(server) == ["heard: open?"]
    assert [(m.message_id, m.text, m.is_edit) for m in answering.seen] == [
        (question, "opn?", False), (question, "open?", True),
    ]  # fmt: skip
    assert bot.sent_ids == {"a1": [answer["id"]]}


async def test_answer_grows_and_shrinks(server: DiscordServer, run: Any, bot: BotOf, ann: Json) -> None:
    """What a longer answer needs is added, and what a shorter one does not is deleted."""
    async with run():
        question = await server.say(ann, server.general, "short", mention_bot=True)
        await server.next_message()
        await server.edit(question, "long")
        await server.next_message()
        assert " ".join(standing(server)).split() == LONG.split()
        await server.edit(question, "short again")
        await server.wait_request("DELETE", ONE_MESSAGE)
    assert standing(server) == ["heard: short again"]
    assert len(bot.sent_ids["a1"]) == 1


async def test_nothing_of_the_old_answer_stays(server: DiscordServer, run: Any, ann: Json) -> None:
    """Buttons and pictures go with the answer that they belonged to, and come with the next."""
    async with run():
        question = await server.say(ann, server.general, "rich", mention_bot=True)
        answer, _ = await server.next_message()
        await server.edit(question, "plain")
        await server.wait_request("PATCH", ONE_MESSAGE)
        plain = dict(server.messages[answer["id"]])
        await server.edit(question, "rich")
        await server.wait_request("PATCH", ONE_MESSAGE, 2)
        rich = dict(server.messages[answer["id"]])
    assert (plain["content"], plain["components"], plain["embeds"]) == ("heard: plain", [], [])
    assert (rich["content"], len(rich["components"]), len(rich["embeds"])) == ("Look", 1, 1)


async def test_preview_of_a_link_is_no_edit(server: DiscordServer, run: Any, answering: Answering, ann: Json) -> None:
    """Discord changes the message a moment after it was written, and nobody asked again."""
    async with run():
        question = await server.say(ann, server.general, "https://example.org", mention_bot=True)
        await server.next_message()
        await server.unfurl(question)
        await server.say(ann, server.general, "next", mention_bot=True)
        await server.next_message()
    assert [message.text for message in answering.seen] == ["https://example.org", "next"]


async def test_question_edited_before_its_answer_is_answered_in_order(
    server: DiscordServer, run: Any, ann: Json
) -> None:
    """Who is faster than the bot gets the answer to what stands there in the end."""
    gate = Gate()
    async with run(BotOf(gate)):
        question = await server.say(ann, server.general, "first", mention_bot=True)
        await gate.entered.wait()
        await server.edit(question, "second")
        gate.opened.set()
        await server.wait_request("PATCH", ONE_MESSAGE)
    assert standing(server) == ["second"]


async def test_edit_that_is_not_for_the_bot_changes_nothing(
    server: DiscordServer, run: Any, answering: Answering, ann: Json
) -> None:
    """What was never answered, and what no longer mentions the bot, is talk among people."""
    async with run():
        talk = await server.say(ann, server.general, "talk")
        question = await server.say(ann, server.general, "hi", mention_bot=True)
        await server.next_message()
        await server.edit(talk, "other talk")
        await server.edit(question, "never mind", mentions=[])
        await server.say(ann, server.general, "next", mention_bot=True)
        await server.next_message()
    assert [message.text for message in answering.seen] == ["hi", "next"]
    assert standing(server) == ["heard: hi", "heard: next"]


async def test_answer_stays_where_nothing_is_to_be_said(server: DiscordServer, run: Any, ann: Json) -> None:
    """A bot that has nothing to say to the edited question leaves what it said."""
    async with run():
        question = await server.say(ann, server.general, "hi", mention_bot=True)
        await server.next_message()
        await server.edit(question, "nothing")
        await server.say(ann, server.general, "next", mention_bot=True)
        await server.next_message()
    assert standing(server) == ["heard: hi", "heard: next"]


async def test_deleted_answer_is_given_anew(
    server: DiscordServer, run: Any, ann: Json, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody has deleted the answer: the edited question is answered by a new message."""
    async with run():
        question = await server.say(ann, server.general, "hi", mention_bot=True)
        answer, _ = await server.next_message()
        server.delete(answer["id"])
        await server.edit(question, "still there?")
        message, _ = await server.next_message()
    assert message["content"] == "heard: still there?"
    ours = [record for record in caplog.records if record.name.startswith("adapters")]
    assert [record for record in ours if record.levelno >= logging.WARNING] == []


async def test_answer_that_cannot_be_changed_stays(server: DiscordServer, run: Any, ann: Json) -> None:
    """An old answer is better than none, and the next edit changes it."""
    async with run():
        question = await server.say(ann, server.general, "long", mention_bot=True)
        for _ in range(2):
            await server.next_message()
        before = standing(server)
        server.fail_next("PATCH", ONE_MESSAGE, 400, code=50035)
        await server.edit(question, "hi")
        await server.wait_request("PATCH", ONE_MESSAGE)
        assert standing(server) == before
        await server.edit(question, "hello")
        await server.wait_request("DELETE", ONE_MESSAGE)
    assert standing(server) == ["heard: hello"]
