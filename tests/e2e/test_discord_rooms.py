"""Where the Discord adapter speaks: kinds of channels, missing permissions, greetings, and its profile."""

import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from adapters.base import Command, IncomingMessage, Progress, Reply, ReplyAttachment
from adapters.discord_profile import DESCRIPTION
from tests.bots import BotOf
from tests.e2e import discord_payloads as payloads
from tests.e2e.discord_payloads import Json
from tests.e2e.discord_runs import Gate, Run, make_adapter, running
from tests.e2e.discord_server import DiscordServer

ANY_MESSAGE = r"/channels/\d+/messages"
PROFILE = "/applications/@me"


class Noting:
    """A handler that repeats what reached it."""

    def __init__(self) -> None:
        self.seen: list[IncomingMessage] = []

    async def __call__(self, message: IncomingMessage, _: Progress) -> Reply:
        self.seen.append(message)
        return Reply(f"heard: {message.text}")


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    async with DiscordServer() as server:
        yield server


@pytest.fixture
def noting() -> Noting:
    return Noting()


@pytest.fixture
def bot(noting: Noting) -> BotOf:
    return BotOf(noting, (Command("help", "Says what I can do."),), greeting=Reply("Hello, I am new here."))


@pytest.fixture
def run(server: DiscordServer, tmp_path: Path, bot: BotOf) -> Any:
    def run(bot: BotOf = bot) -> AbstractAsyncContextManager[Run]:
        return running(make_adapter(server, tmp_path / "state", bot=bot))

    return run


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    ours = [record for record in caplog.records if record.name.startswith("adapters")]
    return [record.getMessage() for record in ours if record.levelno >= logging.WARNING]


# Kinds of channels.


@pytest.mark.parametrize("kind", [payloads.TEXT, payloads.ANNOUNCEMENT, payloads.VOICE, payloads.STAGE])
async def test_every_kind_of_channel_is_a_room(
    server: DiscordServer, run: Any, noting: Noting, ann: Json, kind: int
) -> None:
    """The text beside a voice or a stage is talk like any other; the answer quotes the question without a ping."""
    room = server.add_channel(payloads.text_channel("room", server.guild_id, kind))
    async with run():
        question = await server.say(ann, room, "hi", mention_bot=True)
        message, body = await server.next_message(room)
    assert message["content"] == "heard: hi"
    assert str(body["message_reference"]["message_id"]) == question
    assert body["allowed_mentions"] == {"parse": [], "replied_user": False}
    (heard,) = noting.seen
    assert (heard.conversation_id, heard.parent_id, heard.server_id) == (room["id"], "", server.guild_id)


@pytest.mark.parametrize(
    ("holder", "kind"),
    [
        (payloads.TEXT, payloads.THREAD),
        (payloads.TEXT, payloads.PRIVATE_THREAD),
        (payloads.ANNOUNCEMENT, payloads.NEWS_THREAD),
        (payloads.FORUM, payloads.THREAD),
    ],
    ids=["thread", "private thread", "thread of announcements", "post in a forum"],
)
async def test_thread_belongs_to_its_channel(
    server: DiscordServer, run: Any, noting: Noting, ann: Json, holder: int, kind: int
) -> None:
    """A thread, and a post in a forum, is a conversation of its own that knows where it hangs."""
    channel = server.add_channel(payloads.text_channel("holder", server.guild_id, holder))
    thread = server.add_channel(payloads.thread("talk", channel, kind))
    async with run():
        await server.say(ann, thread, "hi", mention_bot=True)
        message, _ = await server.next_message(thread)
    assert message["content"] == "heard: hi"
    (heard,) = noting.seen
    assert (heard.conversation_id, heard.parent_id) == (thread["id"], channel["id"])


# Permissions, and what is gone.


async def test_missing_permission_is_reported(server: DiscordServer, run: Any, bot: BotOf, ann: Json) -> None:
    """The admin reads which channel and which permission; nothing else suffers, and a command is answered there."""
    server.forbid(server.general, payloads.SEND_MESSAGES)
    async with run():
        await server.say(ann, server.general, "hi", mention_bot=True)
        await server.wait_request("POST", ANY_MESSAGE)
        interaction = await server.slash(ann, server.general, "help")
        await interaction.final()
        await server.say(ann, server.team, "and here?", mention_bot=True)
        message, _ = await server.next_message()
    assert message["content"] == "heard: and here?"
    ((platform, fault),) = bot.reports
    assert platform == "discord"
    assert f"#general of Allotment (channel {server.general['id']})" in fault
    assert fault.endswith("to Send Messages")


async def test_thread_has_a_permission_of_its_own(server: DiscordServer, run: Any, bot: BotOf, ann: Json) -> None:
    """Who may write in a channel may not yet write in its threads."""
    server.forbid(server.general, payloads.SEND_IN_THREADS)
    async with run():
        await server.say(ann, server.thread, "hi", mention_bot=True)
        await server.say(ann, server.general, "hi", mention_bot=True)
        await server.next_message(server.general)
        await server.wait_request("POST", rf"/channels/{server.thread['id']}/messages")
    ((_, fault),) = bot.reports
    assert "#seedlings" in fault
    assert fault.endswith("to Send Messages in Threads")


@pytest.mark.parametrize(
    ("status", "code", "permission"),
    [
        (403, 50001, "View Channel"),
        (403, 50013, "Send Messages"),
        (400, 160002, "Read Message History"),
    ],
)
async def test_permission_that_the_channel_does_not_tell_is_told_by_the_error(
    server: DiscordServer, run: Any, bot: BotOf, ann: Json, status: int, code: int, permission: str
) -> None:
    """Where all seems to be allowed, what Discord says counts."""
    server.fail_next("POST", ANY_MESSAGE, status, code=code)
    async with run():
        await server.say(ann, server.general, "hi", mention_bot=True)
        await server.say(ann, server.general, "again", mention_bot=True)
        await server.next_message()
    ((_, fault),) = bot.reports
    assert fault.endswith(f"to {permission}")


async def test_picture_has_a_permission_of_its_own(server: DiscordServer, run: Any, ann: Json) -> None:
    """Where pictures are not allowed the text stands without, and the admin reads what to allow."""
    picture = ReplyAttachment("https://example.org/chess.png", is_image=True)

    async def show(_: IncomingMessage, __: Progress) -> Reply:
        return Reply("Look", attachments=(picture,))

    bot = BotOf(show)
    server.fail_next("POST", ANY_MESSAGE, 403, code=50013)
    async with run(bot):
        await server.say(ann, server.general, "hi", mention_bot=True)
        message, _ = await server.next_message()
    assert (message["content"], message["embeds"]) == ("Look", [])
    ((_, fault),) = bot.reports
    assert fault.endswith("to Embed Links")


@pytest.mark.parametrize("code", [10003, 10008], ids=["channel", "message"])
async def test_what_was_deleted_is_no_fault(
    server: DiscordServer, run: Any, bot: BotOf, ann: Json, caplog: pytest.LogCaptureFixture, code: int
) -> None:
    """Members delete channels and messages while the bot thinks: nobody is told, and it goes on."""
    server.fail_next("POST", ANY_MESSAGE, 404, code=code)
    async with run():
        await server.say(ann, server.general, "hi", mention_bot=True)
        await server.say(ann, server.general, "again", mention_bot=True)
        message, _ = await server.next_message()
    assert message["content"] == "heard: again"
    assert (bot.reports, warnings(caplog)) == ([], [])


async def test_channel_deleted_meanwhile_is_no_fault(
    server: DiscordServer, run: Any, ann: Json, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the answer nor the typing finds it, and the next question is answered."""
    gate = Gate()
    bot = BotOf(gate)
    async with run(bot):
        await server.say(ann, server.team, "hi", mention_bot=True)
        await gate.entered.wait()
        await server.delete_channel(server.team)
        gate.opened.set()
        await server.say(ann, server.general, "still there?", mention_bot=True)
        message, _ = await server.next_message()
    assert message["content"] == "still there?"
    assert (bot.reports, warnings(caplog)) == ([], [])


# Coming and going.


def strange_server(*channels: str) -> tuple[str, list[Json]]:
    guild_id = payloads.snowflake()
    return guild_id, [payloads.text_channel(name, guild_id) for name in channels]


async def test_new_server_is_greeted_where_its_notices_stand(
    server: DiscordServer, run: Any, bot: BotOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bot is told of the server and its language, and what it says stands in the channel for such things."""
    guild_id, channels = strange_server("rules", "arrivals")
    told = []

    async def joined(platform: str, server_id: str, locale: str | None) -> Reply | None:
        told.append((platform, server_id, locale))
        return bot.greeting

    monkeypatch.setattr(bot, "joined", joined)
    async with run():
        await server.invite_bot(guild_id, channels, system_channel_id=channels[1]["id"], preferred_locale="es-ES")
        message, body = await server.next_message()
    assert (message["channel_id"], message["content"]) == (channels[1]["id"], "Hello, I am new here.")
    assert body["allowed_mentions"] == {"parse": []}
    assert told == [("discord", guild_id, "es-ES")]


async def test_greeting_goes_where_the_bot_may_write(server: DiscordServer, run: Any) -> None:
    """Without such a channel, or where it is closed, it is the first one that is open."""
    guild_id, channels = strange_server("rules", "lobby")
    server.forbid(channels[0], payloads.SEND_MESSAGES)
    async with run():
        await server.invite_bot(guild_id, channels, system_channel_id=channels[0]["id"])
        message, _ = await server.next_message()
    assert message["channel_id"] == channels[1]["id"]
    assert len(server.requests_to("POST", ANY_MESSAGE)) == 1


async def test_server_without_an_open_channel_is_not_greeted(
    server: DiscordServer, run: Any, bot: BotOf, ann: Json, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody is bothered with it, not even the admin: commands work there, and more was not allowed."""
    caplog.set_level(logging.DEBUG, "adapters")
    guild_id, channels = strange_server("rules")
    server.forbid(channels[0], payloads.VIEW_CHANNEL)
    async with run():
        await server.invite_bot(guild_id, channels)
        await server.say(ann, server.general, "hi", mention_bot=True)
        await server.next_message()
    assert f"server {guild_id} is not greeted" in [record.getMessage() for record in caplog.records]
    assert (bot.arrivals, bot.reports, warnings(caplog)) == ([("discord", guild_id)], [], [])
    assert len(server.requests_to("POST", ANY_MESSAGE)) == 1


async def test_known_server_is_not_greeted_at_the_start(run: Any, bot: BotOf) -> None:
    """Each session begins with the servers that the bot is in: that is no arrival."""
    async with run():
        pass
    assert bot.arrivals == []


@pytest.mark.parametrize("is_running", [False, True], ids=["before the start", "during an outage"])
async def test_server_that_the_bot_joined_while_it_was_away_is_greeted(
    server: DiscordServer, run: Any, bot: BotOf, is_running: bool
) -> None:
    """A session begins with it like with the others, and only the date tells that it is new; it is greeted once."""
    new_id = payloads.snowflake()

    def join() -> Json:
        server.join(new_id)
        return server.add_guild(new_id)

    channel = None if is_running else join()
    async with run() as at_work:
        if channel is None:
            channel = join()
            server.gateway.forget_session()
            await server.drop_gateway()
        message, _ = await server.next_message()
        server.gateway.forget_session()
        await server.drop_gateway()
        await server.wait_until(lambda: server.gateway.n_identified == 2 + is_running, "a new session is opened")
        await at_work.connected()
    assert (message["channel_id"], message["content"]) == (channel["id"], "Hello, I am new here.")
    assert bot.arrivals == [("discord", new_id)]


async def test_only_a_removal_is_a_departure(server: DiscordServer, run: Any, bot: BotOf, ann: Json) -> None:
    """A server that is away for a while has not removed the bot."""
    away, gone = strange_server()[0], strange_server()[0]
    async with run():
        await server.invite_bot(away)
        await server.invite_bot(gone)
        await server.lose_guild(away)
        await server.remove_bot(gone)
        await server.say(ann, server.general, "hi", mention_bot=True)
        await server.next_message()
    assert bot.departures == [("discord", gone)]


async def test_activity_tells_how_to_ask(server: DiscordServer, run: Any) -> None:
    """Under the bot's name stands its command, in each new session."""
    async with run() as adapter_run:
        await server.wait_until(lambda: bool(server.gateway.activities), "the activity is shown")
        server.gateway.forget_session()
        await server.drop_gateway()
        await server.wait_until(lambda: len(server.gateway.activities) > 1, "the activity is shown again")
        await adapter_run.connected()
    assert {activity["name"] for activity in server.gateway.activities} == {"/ask"}


async def test_empty_profile_is_described_once(server: DiscordServer, run: Any) -> None:
    """What the owner has written, or the bot at an earlier start, stays."""
    for _ in range(2):
        async with run():
            await server.wait_until(lambda: server.profile["description"] == DESCRIPTION, "the profile is described")
    assert len(server.requests_to("PATCH", PROFILE)) == 1


async def test_refused_description_is_no_fault(
    server: DiscordServer, run: Any, ann: Json, caplog: pytest.LogCaptureFixture
) -> None:
    """The profile is an ornament."""
    server.fail_next("PATCH", PROFILE, 403, code=20001)
    async with run():
        await server.wait_request("PATCH", PROFILE)
        await server.say(ann, server.general, "hi", mention_bot=True)
        await server.next_message()
    assert warnings(caplog) == []
