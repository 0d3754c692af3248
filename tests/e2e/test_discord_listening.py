"""Which messages reach the bot in Discord, and what it is told of them, with and without the message content intent."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from adapters import discord_shards
from adapters.base import IncomingMessage, Progress, Reply
from adapters.discord_faults import MISSING_INTENT
from tests.bots import BotOf, said
from tests.e2e import discord_payloads as payloads
from tests.e2e.discord_payloads import Json
from tests.e2e.discord_runs import Run, make_adapter, running
from tests.e2e.discord_server import MESSAGE_CONTENT, DiscordServer

UNPRIVILEGED = 1 << 0 | 1 << 9 | 1 << 12
ANY_MESSAGE = r"/channels/\d+/messages"


class Hearing:
    """A bot that listens in one channel, and repeats what it hears; it remembers what it was asked."""

    def __init__(self, channel: Json) -> None:
        self.seen: list[IncomingMessage] = []
        self.overheard: list[IncomingMessage] = []
        self.is_silent = False
        self.bot = BotOf(self, listening=self.listens)
        self._channel_id = channel["id"]

    def listens(self, message: IncomingMessage) -> bool:
        self.overheard.append(message)
        return self._channel_id in {message.conversation_id, message.parent_id} and not message.is_to_others

    async def __call__(self, message: IncomingMessage, _: Progress) -> Reply | None:
        self.seen.append(message)
        return None if self.is_silent else Reply(f"heard: {message.text}")


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    async with DiscordServer() as server:
        yield server


@pytest.fixture
def hearing(server: DiscordServer) -> Hearing:
    return Hearing(server.general)


@pytest.fixture
def run(server: DiscordServer, tmp_path: Path, hearing: Hearing) -> Any:
    def run() -> AbstractAsyncContextManager[Run]:
        return running(make_adapter(server, tmp_path / "state", bot=hearing.bot))

    return run


# What Discord shows.


async def test_message_content_is_asked_for_where_it_is_switched_on(server: DiscordServer, run: Any) -> None:
    """What the application may read is asked for when identifying, and nothing else."""
    server.allow_content()
    async with run():
        pass
    assert server.gateway.intents == UNPRIVILEGED | MESSAGE_CONTENT


async def test_talk_is_answered_where_the_bot_listens(
    server: DiscordServer, run: Any, hearing: Hearing, ann: Json
) -> None:
    """Everybody's talk is asked about; what the bot listens to is answered, in threads of the channel as well."""
    server.allow_content()
    async with run():
        await server.say(ann, server.general, "is it open?")
        await server.say(ann, server.thread, "and in here?")
        await server.say(ann, server.team, "between us")
        await server.say(ann, server.general, "Ben, look", mentions=[payloads.user("ben")])
        await server.say(ann, server.team, "you?", mention_bot=True)
        contents = {(await server.next_message())[0]["content"] for _ in range(3)}
    assert contents == {"heard: is it open?", "heard: and in here?", "heard: you?"}
    assert [(m.is_addressed, m.text) for m in hearing.overheard] == [
        (False, "is it open?"), (False, "and in here?"), (False, "between us"), (False, "Ben, look"),
    ]  # fmt: skip
    assert len(server.requests_to("POST", ANY_MESSAGE)) == 3
    assert hearing.bot.reports == []


async def test_talk_without_words_is_left_alone(server: DiscordServer, run: Any, hearing: Hearing, ann: Json) -> None:
    """A picture that was not meant for the bot is no question, and no missing switch."""
    server.allow_content()
    async with run():
        await server.say(ann, server.general, "", attachments=[payloads.attachment("cat.png", b"x")])
        await server.say(ann, server.general, "hello")
        message, _ = await server.next_message()
    assert message["content"] == "heard: hello"
    assert hearing.bot.reports == []


async def test_missing_switch_is_reported_where_the_bot_listens(
    server: DiscordServer, run: Any, hearing: Hearing, ann: Json
) -> None:
    """Talk that arrives without its text cannot be answered, and the admin is told which switch to turn."""
    async with run():
        await server.say(ann, server.team, "between us")
        await server.say(ann, server.general, "is it open?")
        await server.say(ann, server.general, "hello?", mention_bot=True)
        message, _ = await server.next_message()
    assert message["content"] == "heard: hello?"
    assert hearing.bot.reports == [("discord", MISSING_INTENT)]
    assert server.gateway.intents == UNPRIVILEGED


async def test_refused_intent_is_done_without(
    server: DiscordServer, run: Any, hearing: Hearing, ann: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If Discord refuses the intent after all, the bot connects without it, and the admin is told."""
    server.allow_content(is_granted=False)
    monkeypatch.setattr(discord_shards, "IDENTIFY_EVERY_S", 0.05)
    async with run():
        await server.say(ann, server.general, "hello?", mention_bot=True)
        message, _ = await server.next_message()
    assert message["content"] == "heard: hello?"
    assert hearing.bot.reports == [("discord", MISSING_INTENT)]
    assert server.gateway.intents == UNPRIVILEGED


# What is addressed without a mention.


@pytest.mark.parametrize("has_content", [True, False], ids=["shown", "withheld"])
async def test_role_of_the_bot_is_a_mention(
    server: DiscordServer, run: Any, hearing: Hearing, ann: Json, has_content: bool
) -> None:
    """Who mentions the bot's role means the bot; what Discord withholds is answered with how to be heard."""
    if has_content:
        server.allow_content()
    async with run():
        text = f"<@&{server.role['id']}> is it open?"
        await server.say(ann, server.team, text, mention_roles=[server.role["id"]])
        message, _ = await server.next_message()
    assert message["content"] == ("heard: is it open?" if has_content else said("unheard"))
    assert hearing.seen[0].is_addressed
    assert hearing.bot.reports == []


async def test_unreadable_reply_is_told_how_to_be_heard(
    server: DiscordServer, run: Any, hearing: Hearing, ann: Json
) -> None:
    """A reply to the bot that does not mention it arrives empty; where the bot is silent it stays so."""
    async with run():
        await server.say(ann, server.team, "hi", mention_bot=True)
        answer, _ = await server.next_message()
        await server.say(ann, server.team, "and tomorrow?", reply_to=answer["id"])
        message, _ = await server.next_message()
        hearing.is_silent = True
        await server.say(ann, server.team, "and then?", reply_to=answer["id"])
        hearing.is_silent = False
        await server.say(ann, server.dm(ann), "alone?")
        last, _ = await server.next_message(server.dm(ann))
    assert message["content"] == said("unheard")
    assert last["content"] == "heard: alone?"


async def test_sticker_in_a_reply_is_told(server: DiscordServer, run: Any, hearing: Hearing, ann: Json) -> None:
    """Discord shows stickers to everybody, so a reply that is one is no riddle."""
    sticker = {"id": payloads.snowflake(), "name": "wave", "format_type": 1}
    async with run():
        await server.say(ann, server.team, "hi", mention_bot=True)
        answer, _ = await server.next_message()
        await server.say(ann, server.team, "", reply_to=answer["id"], sticker_items=[sticker])
        message, _ = await server.next_message()
    assert message["content"] == "heard: "
    assert (hearing.seen[-1].medium, hearing.seen[-1].replied_id) == ("sticker", answer["id"])


async def test_who_may_manage_the_server_is_known_from_roles(
    server: DiscordServer, run: Any, hearing: Hearing, ann: Json
) -> None:
    """A message says which roles its author has, and the server what they may do; none is kept in memory."""
    server.roles["keepers"] = payloads.role("keepers", payloads.MANAGE_GUILD)
    server.members[ann["id"]] = [server.roles["keepers"]]
    async with run():
        await server.say(ann, server.general, "one", mention_bot=True)
        await server.next_message()
        await server.say(payloads.user("ben"), server.general, "two", mention_bot=True)
        await server.next_message()
    assert [message.can_manage for message in hearing.seen] == [True, False]
    assert [message.role_ids for message in hearing.seen] == [{server.roles["keepers"]["id"]}, frozenset()]
