"""Thumbs under an answer in Discord, and what the bot is told of the messages that an answer became."""

import logging
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from adapters.base import IncomingMessage, Progress, Reply, ReplyChoice
from adapters.choices import THUMB_DOWN, THUMB_UP
from adapters.dispatch import ReplyQueues
from tests.bots import BotOf, said
from tests.e2e import discord_payloads as payloads
from tests.e2e.discord_payloads import Json
from tests.e2e.discord_runs import COMMANDS, Gate, make_adapter, running
from tests.e2e.discord_server import DEFERRED_MESSAGE, EPHEMERAL, DiscordServer

ANY_CALLBACK = r"/interactions/.*/callback"
THUMBS = [THUMB_UP, THUMB_DOWN]


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    async with DiscordServer() as server:
        yield server


@pytest.fixture
def make_bot() -> Any:
    def make(text: str = "An answer.", **changes: Any) -> BotOf:
        async def answer(_: IncomingMessage, __: Progress) -> Reply:
            return Reply(text, **({"answer_id": "a1", "can_vote": True} | changes))

        return BotOf(answer, COMMANDS)

    return make


@pytest.fixture
def run(server: DiscordServer, tmp_path: Path) -> Any:
    return lambda bot: running(make_adapter(server, tmp_path / "state", bot=bot))


def labels(message: Json) -> list[str]:
    return [child["label"] for row in message["components"] for child in row["components"]]


async def ask(server: DiscordServer, user: Json, n_parts: int = 1) -> Sequence[Json]:
    await server.say(user, server.general, "hello", mention_bot=True)
    return [(await server.next_message(server.general))[0] for _ in range(n_parts)]


async def test_thumbs_stand_under_the_last_part(server: DiscordServer, run: Any, make_bot: Any, ann: Json) -> None:
    """The bot learns which messages the answer became, in their order, before a stop ends."""
    bot = make_bot("word " * 500)
    async with run(bot):
        first, last = await ask(server, ann, 2)
    assert (labels(first), labels(last)) == ([], THUMBS)
    assert bot.sent_ids == {"a1": [first["id"], last["id"]]}


@pytest.mark.parametrize(("thumb", "is_up"), [(THUMB_UP, True), (THUMB_DOWN, False)])
async def test_anybody_may_vote(
    server: DiscordServer, run: Any, make_bot: Any, ann: Json, thumb: str, is_up: bool
) -> None:
    """The voter alone reads the thanks; the thumbs stay for others, and work after a restart."""
    async with run(make_bot()):
        (message,) = await ask(server, ann)
    bot, ben = make_bot(), payloads.user("ben")
    async with run(bot):
        for voter in (ann, ben):
            interaction = await server.press(voter, message, thumb)
            answer = await interaction.final()
            assert interaction.callback is not None
            assert interaction.callback["type"] == DEFERRED_MESSAGE
            assert interaction.callback["data"]["flags"] & EPHEMERAL
            assert (answer.kind, answer.content, answer.is_ephemeral) == ("edit", "Thank you.", True)
    assert bot.votes == [(ann["id"], "a1", is_up), (ben["id"], "a1", is_up)]
    assert labels(message) == THUMBS
    assert message["content"] == "An answer."


async def test_vote_waits_for_no_answer(server: DiscordServer, run: Any, make_bot: Any, ann: Json) -> None:
    """It is counted although what the same person asked is not answered yet."""
    bot, gate = make_bot(), Gate()
    async with run(bot):
        (message,) = await ask(server, ann)
        bot.handler = gate
        await server.say(ann, server.general, "still thinking", mention_bot=True)
        await gate.entered.wait()
        interaction = await server.press(ann, message, THUMB_UP)
        assert (await interaction.final()).content == "Thank you."
        gate.opened.set()


async def test_vote_that_finds_no_room_is_said_not_to_count(
    server: DiscordServer, run: Any, make_bot: Any, ann: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each voter reads so, alone, and can vote once there is room."""
    monkeypatch.setattr("adapters.discord_connection.ReplyQueues", partial(ReplyQueues, in_all=1))
    bot, gate, ben = make_bot(), Gate(), payloads.user("ben")
    async with run(bot):
        (message,) = await ask(server, ann)
        bot.handler = gate
        await server.say(ann, server.general, "answered now", mention_bot=True)
        await gate.entered.wait()
        await server.say(ann, server.general, "waits", mention_bot=True)
        for voter in (ann, ben, ben):
            interaction = await server.press(voter, message, THUMB_UP)
            await interaction.deferred()
            assert (interaction.said, interaction.is_ephemeral) == (said("vote_busy", "de"), True)
        gate.opened.set()
        for _ in range(2):
            await server.next_message()
        await (await server.press(ben, message, THUMB_UP)).final()
    assert bot.votes == [(ben["id"], "a1", True)]


async def test_vote_delivered_twice_is_one_vote(server: DiscordServer, run: Any, make_bot: Any, ann: Json) -> None:
    """A resumed session may deliver again what was taken."""
    bot = make_bot()
    async with run(bot):
        (message,) = await ask(server, ann)
        interaction = await server.press(ann, message, THUMB_UP)
        await server.gateway.repeat_last_event()
        await interaction.final()
        await ask(server, ann)
    assert bot.votes == [(ann["id"], "a1", True)]


async def test_vote_that_cannot_be_acknowledged_does_not_count(
    server: DiscordServer, run: Any, make_bot: Any, ann: Json, caplog: pytest.LogCaptureFixture
) -> None:
    """Discord tells the person that it failed, so it is not counted behind their back."""
    caplog.set_level(logging.DEBUG, "adapters")
    bot = make_bot()
    async with run(bot):
        (message,) = await ask(server, ann)
        server.fail_next("POST", ANY_CALLBACK, 404, code=10062)
        await server.press(ann, message, THUMB_UP)
        await server.wait_request("POST", ANY_CALLBACK)
        await (await server.press(ann, message, THUMB_DOWN)).final()
    assert bot.votes == [(ann["id"], "a1", False)]
    assert "an answer could not be sent: NotFound 404, error 10062" in caplog.messages


@pytest.mark.parametrize(
    "changes",
    [{"can_vote": False}, {"answer_id": None}, {"choices": (ReplyChoice("yes", "Yes"),)}],
    ids=["not wanted", "no id", "choices"],
)
async def test_where_nobody_votes_there_are_no_thumbs(
    server: DiscordServer, run: Any, make_bot: Any, ann: Json, changes: Json
) -> None:
    """Nor beside choices, which the asking person has to see."""
    async with run(make_bot(**changes)):
        (message,) = await ask(server, ann)
    assert not set(labels(message)) & set(THUMBS)


@pytest.mark.parametrize(("command", "is_hidden"), [("help", True), ("ask", False)])
async def test_answers_to_commands_are_told_and_voted_on(
    server: DiscordServer, run: Any, make_bot: Any, ann: Json, command: str, is_hidden: bool
) -> None:
    """The response and what follows it have ids too; what one person sees has no thumbs."""
    bot = make_bot("word " * 500)
    async with run(bot):
        used = await server.slash(ann, server.general, command, **({"question": "why?"} if command == "ask" else {}))
        answers = [await used.next_answer() for _ in range(2)]
    assert bot.sent_ids == {"a1": [answer.message["id"] for answer in answers]}
    assert labels(answers[-1].message) == ([] if is_hidden else THUMBS)


async def test_answer_to_a_press_is_told_and_voted_on(server: DiscordServer, run: Any, ann: Json) -> None:
    """An answer that follows a pressed button is an answer like any other."""

    async def answer(message: IncomingMessage, _: Progress) -> Reply:
        if message.choice_id is None:
            return Reply("Which?", choices=(ReplyChoice("yes", "Yes"),))
        return Reply("So be it.", answer_id="a2", can_vote=True)

    bot = BotOf(answer, COMMANDS)
    async with run(bot):
        (message,) = await ask(server, ann)
        followup = await (await server.press(ann, message, "Yes")).next_followup()
    assert bot.sent_ids == {"a2": [followup.message["id"]]}
    assert labels(followup.message) == THUMBS


async def test_what_was_not_sent_is_not_told(server: DiscordServer, run: Any, make_bot: Any, ann: Json) -> None:
    """Where the bot may not write, no answer stands."""
    bot = make_bot()
    server.fail_next("POST", r"/channels/\d+/messages", 403, code=50013)
    async with run(bot):
        await server.say(ann, server.general, "hello", mention_bot=True)
        await server.wait_request("POST", r"/channels/\d+/messages")
    assert bot.sent_ids == {}
