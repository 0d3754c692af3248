"""Groups in Telegram, what becomes of them, and who speaks there: the real library against a Bot API server."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.base import IncomingMessage, Progress, Reply, ReplyChoice
from tests.bots import BotOf, said
from tests.e2e.telegram_runs import COMMANDS, make_adapter, running
from tests.e2e.telegram_server import TelegramServer, group, person, private

Json = dict[str, Any]

ADA = person(1, "Ada")
BEN = person(2, "Ben", language_code="de")
CLUB = group(-1001, title="Club")
FORUM = group(-1002, title="Forum", is_forum=True)
CHANNEL = {"id": -1009, "type": "channel", "title": "News"}

ANONYMOUS = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
CHANNEL_BOT = {"id": 136817688, "is_bot": True, "first_name": "Channel", "username": "Channel_Bot"}
TELEGRAM = {"id": 777000, "is_bot": False, "first_name": "Telegram"}

SIZE = {"file_id": "a", "file_unique_id": "b", "width": 1, "height": 1}


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    async with TelegramServer() as server:
        yield server


class Listener:
    """Repeats what it hears, and remembers it; asked to choose, it offers a choice."""

    def __init__(self) -> None:
        self.heard: list[IncomingMessage] = []

    async def __call__(self, message: IncomingMessage, _: Progress) -> Reply:
        self.heard.append(message)
        choices = (ReplyChoice("yes", "Yes *really*"),) if message.text == "choose" else ()
        return Reply(f"heard: {message.text or message.medium}", choices=choices)


def bot_of(handler: Any, **more: Any) -> BotOf:
    return BotOf(handler, COMMANDS, **more)


async def test_listens_where_the_bot_wants_to(server: TelegramServer) -> None:
    """Talk that is not addressed to the bot is answered if the bot listens, with all that it may go by."""
    asked: list[IncomingMessage] = []

    def listening(message: IncomingMessage) -> bool:
        asked.append(message)
        return message.server_id == str(FORUM["id"]) and not message.is_to_others

    listener = Listener()
    bot = bot_of(listener, listening=listening)
    async with running(server, adapter=make_adapter(server, bot=bot)):
        await server.say(ADA, CLUB, "nice weather")
        first = await server.say(ADA, FORUM, "when is it", topic=7)
        await server.say(BEN, FORUM, "at ten", topic=7, reply_to=first)
        await server.say(BEN, FORUM, "@ada_lovelace look", topic=7)
        await server.say(BEN, FORUM, "/roll 20", topic=7)
        await server.say(ADA, FORUM, "thanks all", topic=7)
        answers = [(await server.next_message(FORUM))["text"] for _ in range(2)]
        await server.until_confirmed()
    assert answers == ["heard: when is it", "heard: thanks all"]
    assert [(m.text, m.is_addressed, m.is_to_others) for m in asked] == [
        ("nice weather", False, False),
        ("when is it", False, False),
        ("at ten", False, True),
        ("@ada_lovelace look", False, True),
        ("thanks all", False, False),
    ]
    assert {(m.conversation_id, m.parent_id, m.server_id) for m in asked[1:]} == {("-1002:7", "-1002", "-1002")}
    assert asked[2].replied_id == str(first["message_id"])
    assert len(server.messages) == 2


async def test_answers_other_media_when_addressed(server: TelegramServer) -> None:
    """A voice message, a sticker or a picture reaches the bot as what it is; an album is one message."""
    voice = {"file_id": "a", "file_unique_id": "b", "duration": 3}
    listener = Listener()
    async with running(server, listener):
        await server.show(ADA, voice=voice)
        await server.show(ADA, photo=[SIZE], caption="what is this")
        for _ in range(3):
            await server.show(ADA, photo=[SIZE], media_group_id="album")
        await server.show(ADA, CLUB, voice=voice)
        await server.say(ADA, None, "last")
        answers = [(await server.next_message())["text"] for _ in range(4)]
    assert answers == ["heard: voice", "heard: what is this", "heard: picture", "heard: last"]
    assert [message.medium for message in listener.heard] == ["voice", "picture", "picture", "text"]


async def test_an_anonymous_admin_is_answered_as_the_group(server: TelegramServer) -> None:
    """Who speaks in the group's name has the group's id, and so neither an admin's rights nor another's context."""
    listener = Listener()
    async with running(server, listener):
        await server.say(ANONYMOUS, CLUB, "/reload@parley_test_bot", sender_chat=CLUB)
        answer = await server.next_message(CLUB)
    assert "reply_to_message" in answer
    (heard,) = listener.heard
    assert (heard.user_id, heard.display_name, heard.command) == ("-1001", "Club", "reload")


async def test_an_anonymous_admin_may_choose(server: TelegramServer) -> None:
    """They press in their own name: Telegram is asked whether they speak for the group, and others may not choose.

    What answers them cannot name them, for it is not told who pressed.
    """
    listener = Listener()
    server.anonymous_admins = {1}
    async with running(server, listener):
        await server.say(ANONYMOUS, CLUB, "@parley_test_bot choose", sender_chat=CLUB)
        question = await server.next_message(CLUB)
        refused = await server.press(BEN, question, "Yes *really*")
        await server.until(lambda: refused in server.answered)
        taken = await server.press(ADA, question, "Yes *really*")
        await server.next_message(CLUB)
    assert server.answered == {refused: said("not_yours", "de"), taken: ""}
    assert [(m.user_id, m.choice_id) for m in listener.heard] == [("-1001", None), ("-1001", "yes")]
    assert {(m.display_name, m.locale) for m in listener.heard} == {("Club", None)}


@pytest.mark.parametrize(
    ("sender", "more"),
    [(CHANNEL_BOT, {}), (TELEGRAM, {"is_automatic_forward": True})],
    ids=["in its name", "forwarded from it"],
)
async def test_a_channel_is_answered_only_if_it_asks(server: TelegramServer, sender: Json, more: Json) -> None:
    """What a channel publishes in its group is left alone even where the bot listens to everything."""
    listener = Listener()
    bot = bot_of(listener, listening=lambda _: True)
    async with running(server, adapter=make_adapter(server, bot=bot)):
        post = await server.say(sender, CLUB, "big news", sender_chat=CHANNEL, **more)
        await server.say(ADA, CLUB, "is that so", reply_to=post)
        await server.say(sender, CLUB, "@parley_test_bot what now", sender_chat=CHANNEL, **more)
        answers = {(await server.next_message(CLUB))["text"] for _ in range(2)}
        await server.until_confirmed()
    assert answers == {"heard: is that so", "heard: what now"}
    assert [message.user_id for message in listener.heard] == ["1", "-1009"]


async def test_a_channel_gets_its_choices_as_text(server: TelegramServer) -> None:
    """Whoever speaks for it presses in their own name, of which nobody tells a bot outside of the channel.

    What it then writes is a message like any other; a person beside it has buttons as ever.
    """
    listener = Listener()
    async with running(server, listener):
        await server.say(CHANNEL_BOT, CLUB, "@parley_test_bot choose", sender_chat=CHANNEL)
        question = await server.next_message(CLUB)
        await server.say(CHANNEL_BOT, CLUB, "@parley_test_bot Yes", sender_chat=CHANNEL)
        answer = await server.next_message(CLUB)
        await server.say(ADA, CLUB, "@parley_test_bot choose")
        beside = await server.next_message(CLUB)
    assert question["text"] == "heard: choose\n\n• Yes *really*"
    assert "reply_markup" not in question
    assert answer["text"] == "heard: Yes"
    assert beside["reply_markup"]["inline_keyboard"][0][0]["text"] == "Yes *really*"


async def test_own_words_start_no_loop(server: TelegramServer) -> None:
    """What the bot says in a channel comes back into the channel's group, and is not answered there."""
    listener = Listener()
    server.join(CHANNEL)
    adapter = make_adapter(server, bot=bot_of(listener))
    async with running(server, adapter=adapter):
        await adapter.post(str(CHANNEL["id"]), "a question for @parley_test_bot")
        posted = await server.next_message(CHANNEL)
        origin = {"type": "channel", "date": posted["date"], "chat": CHANNEL, "message_id": posted["message_id"]}
        forward = {"sender_chat": CHANNEL, "is_automatic_forward": True, "forward_origin": origin}
        await server.say(TELEGRAM, CLUB, posted["text"], **forward)
        await server.say(ADA, None, "last")
        assert (await server.next_message(private(ADA)))["text"] == "heard: last"
    assert len(listener.heard) == 1


async def test_greets_where_it_is_added(server: TelegramServer, caplog: pytest.LogCaptureFixture) -> None:
    """Once for each time that the bot has something to say; a group that does not let it speak is no failure."""
    silent = group(-1003)
    bot = bot_of(Listener(), greeting=Reply("Hello, I am Parley."))
    async with running(server, adapter=make_adapter(server, bot=bot)):
        server.blocked.add(silent["id"])
        await server.change_standing(BEN, silent, "left", "member")
        await server.change_standing(BEN, CLUB, "left", "member")
        greeting = await server.next_message(CLUB)
        bot.greeting = None
        await server.change_standing(ADA, CLUB, "member", "administrator")
        await server.change_standing(ADA, CLUB, "administrator", "kicked")
        await server.change_standing(ADA, CLUB, "left", "administrator")
        await server.say(ADA, CLUB, "@parley_test_bot hello")
        assert (await server.next_message(CLUB))["text"] == "heard: hello"
        await server.until(lambda: len(bot.arrivals) == 3)
    assert greeting["text"] == "Hello, I am Parley."
    assert bot.arrivals == [("telegram", "-1003"), ("telegram", "-1001"), ("telegram", "-1001")]
    assert bot.departures == [("telegram", "-1001")]
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_greets_in_the_language_of_who_added_it(server: TelegramServer) -> None:
    """Nobody else's is known."""
    told: list[str | None] = []

    class Greeter(BotOf):
        async def joined(self, platform: str, server_id: str, locale: str | None) -> Reply | None:
            told.append(locale)
            return await super().joined(platform, server_id, locale)

    greeter = Greeter(Listener(), COMMANDS, greeting=Reply("Hallo!"))
    async with running(server, adapter=make_adapter(server, bot=greeter)):
        await server.change_standing(BEN, CLUB, "left", "member")
        await server.next_message(CLUB)
    assert told == ["de"]


async def test_a_channel_and_a_person_are_not_greeted(server: TelegramServer, caplog: pytest.LogCaptureFixture) -> None:
    """A channel is read by many who asked for nothing; of who blocks the bot a line for debugging is enough."""
    caplog.set_level(logging.DEBUG, "adapters")
    bot = bot_of(Listener(), greeting=Reply("Hello!"))
    async with running(server, adapter=make_adapter(server, bot=bot)):
        await server.change_standing(ADA, CHANNEL, "left", "administrator")
        await server.change_standing(ADA, private(ADA), "member", "kicked")
        await server.change_standing(ADA, private(ADA), "kicked", "member")
        await server.say(ADA, None, "hello")
        await server.next_message(private(ADA))
    assert (bot.arrivals, bot.departures, len(server.messages)) == ([], [], 1)
    assert [m for m in caplog.messages if "blocked" in m] == [
        "user 1 has blocked the bot",
        "user 1 has unblocked the bot",
    ]
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_a_group_moves_once(server: TelegramServer) -> None:
    """Settings and contexts have moved before what is said in the new group is answered."""
    moved_before: list[int] = []

    async def handler(message: IncomingMessage, _: Progress) -> Reply:
        moved_before.append(len(bot.moves))
        return Reply(message.text)

    bot = bot_of(handler)
    async with running(server, adapter=make_adapter(server, bot=bot)):
        await server.migrate(ADA, CLUB, -1005)
        await server.say(ADA, group(-1005), "@parley_test_bot hello")
        assert (await server.next_message(group(-1005)))["text"] == "hello"
        await server.until_confirmed()
    assert bot.moves == [("telegram", "-1001", "-1005")]
    assert moved_before == [1]


@pytest.mark.parametrize("reads_all", [True, False])
async def test_privacy_mode_is_told(server: TelegramServer, caplog: pytest.LogCaptureFixture, reads_all: bool) -> None:
    """Where most of what is said in groups does not arrive, the log says so, with the mend."""
    caplog.set_level(logging.INFO, "adapters")
    server.rights["can_read_all_group_messages"] = reads_all
    async with running(server):
        await server.wait_for("getUpdates")
    assert ("privacy mode is on" in caplog.text) is not reads_all
    assert ("/setprivacy" in caplog.text) is not reads_all
