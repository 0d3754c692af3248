"""How an answer stands in Telegram: the real library's bot against a Bot API server."""

import asyncio
import logging
import math
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from telegram import Message

from adapters.base import Reply, ReplyAttachment, ReplyChoice
from adapters.telegram_polling import PollingBot, Watch
from adapters.telegram_sending import Place, post, show_chosen
from tests.bots import BotOf
from tests.e2e.telegram_entities import marked
from tests.e2e.telegram_runs import COMMANDS, echo, make_adapter, running
from tests.e2e.telegram_server import TelegramServer, group, person, private

Json = dict[str, Any]

ADA = person(1, "Ada")
CHAT = private(ADA)
CLUB = group(-1001, title="Club")
PICTURE = "https://example.org/chess.png"
CHOICES = (ReplyChoice("hours", "Opening hours"),)
LONG = Reply("first " * 600 + "\n\n" + "second " * 500)

# The library warns of its own attribute, whenever it is told to pause.
pytestmark = pytest.mark.filterwarnings("ignore:.*attribute `retry_after`:DeprecationWarning")


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    async with TelegramServer() as server:
        yield server


@pytest.fixture
async def bot(server: TelegramServer) -> AsyncIterator[PollingBot]:
    async with PollingBot(server.token, server.api_url, Watch()) as bot:
        yield bot


async def place_in(server: TelegramServer, bot: PollingBot, chat: Json | None = None, **more: Any) -> Place:
    """The place of the answer to a message that was said just now."""
    said = await server.say(ADA, chat, "hello", **more)
    return Place(bot, Message.de_json(said, bot))


def texts(server: TelegramServer) -> list[str]:
    return [message.get("text", "(a photo)").split()[0] for message in server.messages]


def ids(server: TelegramServer) -> list[str]:
    return [str(message["message_id"]) for message in server.messages]


def data(message: Json) -> list[list[str]]:
    """What the buttons under a message carry."""
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [[button["callback_data"] for button in row] for row in rows]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    ours = [record for record in caplog.records if record.name.startswith("adapters")]
    return [record.getMessage() for record in ours if record.levelno >= logging.WARNING]


# An answer, and another in its place.


async def test_tells_the_ids_of_an_answer(server: TelegramServer, bot: PollingBot) -> None:
    """Of its parts, and of what goes with it."""
    place = await place_in(server, bot)
    said = await place.say(Reply(LONG.text, attachments=(ReplyAttachment(PICTURE, is_image=True),)), "1")
    assert texts(server) == ["first", "second", "(a"]
    assert said == ids(server)


async def test_edits_an_answer(server: TelegramServer, bot: PollingBot) -> None:
    """The same message holds the new words and the new buttons, and nothing else is sent."""
    place = await place_in(server, bot)
    said = await place.say(Reply("old"), "1")
    assert await place.edit(Reply("new", choices=CHOICES), "1", said) == said
    (message,) = server.messages
    assert (message["text"], "reply_markup" in message) == ("new", True)


async def test_longer_answer_takes_more_messages(server: TelegramServer, bot: PollingBot) -> None:
    """What does not fit into the earlier messages follows them."""
    place = await place_in(server, bot)
    said = await place.say(Reply("old"), "1")
    edited = await place.edit(LONG, "1", said)
    assert texts(server) == ["first", "second"]
    assert edited == ids(server)
    assert edited[:1] == said


async def test_shorter_answer_leaves_nothing_behind(server: TelegramServer, bot: PollingBot) -> None:
    """Messages and pictures of the earlier answer that are not needed go."""
    place = await place_in(server, bot)
    said = await place.say(Reply(LONG.text, attachments=(ReplyAttachment(PICTURE, is_image=True),)), "1")
    edited = await place.edit(Reply("new"), "1", said)
    assert texts(server) == ["new"]
    assert edited == ids(server) == said[:1]


async def test_same_answer_stays(server: TelegramServer, bot: PollingBot, caplog: pytest.LogCaptureFixture) -> None:
    """That nothing is to be changed is no failure."""
    place = await place_in(server, bot)
    said = await place.say(LONG, "1")
    assert await place.edit(LONG, "1", said) == said == ids(server)
    assert warnings(caplog) == []


async def test_answer_that_cannot_be_edited_is_sent_anew(
    server: TelegramServer, bot: PollingBot, caplog: pytest.LogCaptureFixture
) -> None:
    """A picture stands where a text has to, or a message is too old: from there on all is new, and the old is gone."""
    place = await place_in(server, bot)
    said = await place.say(Reply("old", attachments=(ReplyAttachment(PICTURE, is_image=True),)), "1")
    edited = await place.edit(LONG, "1", said)
    assert texts(server) == ["first", "second"]
    assert edited == ids(server)
    server.fail_next("editMessageText", 400)
    again = await place.edit(Reply("new"), "1", edited)
    assert texts(server) == ["new"]
    assert again == ids(server)
    assert warnings(caplog) == []


async def test_deleted_answer_is_sent_anew(server: TelegramServer, bot: PollingBot) -> None:
    """An admin of the group has deleted it: the new one is a reply to the question again."""
    place = await place_in(server, bot, CLUB)
    said = await place.say(Reply("old"), "1")
    await bot.delete_message(CLUB["id"], int(said[0]))
    assert await place.edit(Reply("new"), "1", said) == ids(server)
    (message,) = server.messages
    assert "reply_to_message" in message


async def test_earlier_answer_stays_if_the_new_one_fails(
    server: TelegramServer, bot: PollingBot, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody is left with less than they had."""
    place = await place_in(server, bot)
    said = await place.say(Reply("old", attachments=(ReplyAttachment(PICTURE, is_image=True),)), "1")
    server.fail_next("sendMessage", 502)
    assert await place.edit(LONG, "1", said) == said == ids(server)
    assert texts(server) == ["first", "(a"]
    assert len(warnings(caplog)) == 1


async def test_thumbs_stand_under_an_answer(server: TelegramServer, bot: PollingBot) -> None:
    """Under its last part; choices take their place, and so does an answer that is not voted on."""
    place = await place_in(server, bot)
    said = await place.say(Reply(LONG.text, answer_id="a1B2", can_vote=True), "1")
    assert [data(message) for message in server.messages] == [[], [["v:a1B2:+", "v:a1B2:-"]]]
    thumbs = server.messages[1]["reply_markup"]["inline_keyboard"][0]
    assert [button["text"] for button in thumbs] == ["\N{THUMBS UP SIGN}", "\N{THUMBS DOWN SIGN}"]
    said = await place.edit(Reply("new", choices=CHOICES, answer_id="c3", can_vote=True), "1", said)
    assert [data(message) for message in server.messages] == [[["c:1:hours"]]]
    await place.edit(Reply("newer", answer_id="d4"), "1", said)
    assert [data(message) for message in server.messages] == [[]]


# Formatting.


async def test_answer_is_formatted(server: TelegramServer, bot: PollingBot) -> None:
    """What the catalog marks is marked in the answer, in one that takes its place, and in a posted text."""
    place = await place_in(server, bot)
    said = await place.say(Reply("**Open** < 9 & > 5"), "1")
    (message,) = server.messages
    assert (message["text"], marked(message)) == ("Open < 9 & > 5", [("bold", "Open")])
    await place.edit(Reply("*Closed*"), "1", said)
    await post(bot, 1, "||Psst||")
    assert [marked(message) for message in server.messages] == [[("italic", "Closed")], [("spoiler", "Psst")]]


async def test_progress_is_formatted(server: TelegramServer, bot: PollingBot) -> None:
    """Like every other text; if somebody deletes it, the next sentence is a new message."""
    place = await place_in(server, bot)
    for step in ("*one*", "*two*"):
        await place.show_progress(step)
    (message,) = server.messages
    assert marked(message) == [("italic", "two")]
    await bot.delete_message(1, message["message_id"])
    await place.show_progress("three")
    assert texts(server) == ["three"]


async def test_chosen_keeps_the_formatting(server: TelegramServer, bot: PollingBot) -> None:
    """What was asked stays as it was, above what was chosen."""
    place = await place_in(server, bot)
    await place.say(Reply("🎈 **Which** one?", choices=CHOICES), "1")
    (message,) = server.messages
    await show_chosen(bot, Message.de_json(message, bot), "*Opening* hours")
    assert (message["text"], marked(message)) == ("🎈 Which one?\n\n→ *Opening* hours", [("bold", "Which")])
    assert "reply_markup" not in message


@pytest.mark.parametrize("method", ["sendMessage", "editMessageText"])
async def test_formatting_that_is_refused_is_left_out(
    server: TelegramServer, bot: PollingBot, caplog: pytest.LogCaptureFixture, method: str
) -> None:
    """Should Telegram find fault with the formatting, the answer arrives without marks, and once."""
    place = await place_in(server, bot)
    said = await place.say(Reply("old"), "1") if method == "editMessageText" else []
    server.fail_next(method, 400, description="Bad Request: can't parse entities: unsupported start tag")
    await place.edit(Reply("**Open**: see [this](https://x.org)", choices=CHOICES), "1", said)
    (message,) = server.messages
    assert (message["text"], marked(message)) == ("Open: see this (https://x.org)", [])
    assert "reply_markup" in message
    assert len(warnings(caplog)) == 1


# Images and files.


def picture(folder: Path, n_bytes: int = 10) -> ReplyAttachment:
    """A picture that lies here."""
    with (folder / "map.png").open("wb") as file:
        file.truncate(n_bytes)
    return ReplyAttachment(str(folder / "map.png"), is_image=True)


@pytest.mark.parametrize("fault", ["refused", "too large"])
async def test_what_is_no_photo_goes_as_a_file(
    server: TelegramServer, bot: PollingBot, caplog: pytest.LogCaptureFixture, tmp_path: Path, fault: str
) -> None:
    """A panorama, a drawing of another kind, a very large picture: people can open it all the same."""
    place = await place_in(server, bot, CLUB)
    server.fail_next("sendPhoto", 400, description="Bad Request: PHOTO_INVALID_DIMENSIONS")
    attachment = picture(tmp_path, 10 if fault == "refused" else 10_000_001)
    said = await place.say(Reply("Look!", attachments=(attachment,)), "1")
    text, document = server.messages
    assert (text["text"], document["document"]["file_name"]) == ("Look!", "map.png")
    assert said == ids(server)
    assert warnings(caplog) == []


@pytest.mark.parametrize("kind", ["photo", "document"])
async def test_upload_is_shown_while_it_lasts(server: TelegramServer, bot: PollingBot, kind: str) -> None:
    """After a second, like typing; the text is there already."""
    place = await place_in(server, bot)
    server.fail_next(f"send{kind}", "hang")
    attachment = ReplyAttachment(PICTURE, is_image=kind == "photo")
    saying = asyncio.create_task(place.say(Reply("Look!", attachments=(attachment,)), "1"))
    (call,) = await server.wait_for("sendChatAction")
    assert call.params["action"] == f"upload_{kind}"
    assert texts(server) == ["Look!"]
    saying.cancel()
    await asyncio.wait({saying})


# Where an answer stands.


async def test_all_of_an_answer_stands_in_the_topic(server: TelegramServer, bot: PollingBot) -> None:
    """Progress, every part and what goes with them; and all but the later parts are replies to the question."""
    forum = group(-1002, title="Forum", is_forum=True)
    place = await place_in(server, bot, forum, topic=7)
    await place.show_typing()
    await place.show_progress("wait")
    await place.say(Reply(LONG.text, attachments=(ReplyAttachment(PICTURE, is_image=True),)), "1")
    assert [message["message_thread_id"] for message in server.messages] == [7] * 4
    assert server.calls_of("sendChatAction")[0].params["message_thread_id"] == "7"
    assert ["reply_to_message" in message for message in server.messages] == [True, True, False, True]


async def test_question_may_be_gone(server: TelegramServer, bot: PollingBot) -> None:
    """The answer then is no reply, but is there."""
    place = await place_in(server, bot, CLUB)
    server._history.clear()
    await place.say(Reply("hello", attachments=(ReplyAttachment(PICTURE, is_image=True),)), "1")
    assert ["reply_to_message" in message for message in server.messages] == [False, False]


async def test_group_may_become_a_supergroup_at_any_moment(server: TelegramServer, bot: PollingBot) -> None:
    """What was not sent before is sent there, and so is an answer that could be edited no longer."""
    place = await place_in(server, bot, CLUB)
    said = await place.say(Reply("old"), "1")
    server.migrated[CLUB["id"]] = -1005
    edited = await place.edit(LONG, "1", said)
    assert [message["chat"]["id"] for message in server.messages] == [CLUB["id"], -1005, -1005]
    assert edited == ids(server)[1:]


@pytest.mark.parametrize(
    "description", ["Forbidden: bot was blocked by the user", "Forbidden: bot was kicked from the supergroup chat"]
)
async def test_who_does_not_want_the_bot_is_left_alone(
    server: TelegramServer, bot: PollingBot, caplog: pytest.LogCaptureFixture, description: str
) -> None:
    """One line for the curious, and no second try."""
    caplog.set_level(logging.INFO, "adapters")
    place = await place_in(server, bot, CLUB)
    server.fail_next("sendMessage", 403, times=math.inf, description=description)
    assert await place.say(LONG, "1") == []
    assert len(server.calls_of("sendMessage")) == 1
    assert warnings(caplog) == []
    (line,) = [record.getMessage() for record in caplog.records if record.name.startswith("adapters")]
    assert description.removeprefix("Forbidden: ") in line


@pytest.mark.parametrize(
    ("description", "mend"),
    [
        ("Bad Request: TOPIC_CLOSED", "reopen the topic"),
        ("Bad Request: not enough rights to send text messages to the chat", "give me the right"),
        ("Bad Request: CHAT_WRITE_FORBIDDEN", "give me the right"),
    ],
)
async def test_admins_are_told_what_they_can_mend(
    server: TelegramServer, bot: PollingBot, caplog: pytest.LogCaptureFixture, description: str, mend: str
) -> None:
    """The group by its name, what Telegram said, and what helps; the same sentence each time."""
    told: list[str] = []
    said = await server.say(ADA, group(-1001, title="*Club*"), "hello")
    server.fail_next("sendMessage", 400, times=math.inf, description=description)
    for _ in range(2):
        assert await Place(bot, Message.de_json(said, bot), told.append).say(Reply("x"), "1") == []
    assert told[0] == told[1]
    assert r"\*Club\*" in told[0]
    assert mend in told[0]
    assert warnings(caplog) == []


async def test_the_adapter_reports_what_can_be_mended(server: TelegramServer) -> None:
    """A question in a topic that was closed meanwhile is a report to the admins."""
    told = BotOf(echo, COMMANDS)
    server.fail_next("sendMessage", 400, description="Bad Request: TOPIC_CLOSED")
    async with running(server, adapter=make_adapter(server, bot=told)):
        await server.say(ADA, group(-1002, title="Forum", is_forum=True), "/help", topic=7)
        await server.wait_for("sendMessage")
    ((platform, fault),) = told.reports
    assert platform == "telegram"
    assert "Forum" in fault


async def test_what_goes_with_an_answer_may_be_forbidden(
    server: TelegramServer, bot: PollingBot, tmp_path: Path
) -> None:
    """The text arrives, and the admins are told."""
    told: list[str] = []
    said = await server.say(ADA, CLUB, "hello")
    for method in ("sendPhoto", "sendDocument"):
        server.fail_next(method, 400, description="Bad Request: not enough rights to send photos to the chat")
    place = Place(bot, Message.de_json(said, bot), told.append)
    assert await place.say(Reply("Look!", attachments=(picture(tmp_path),)), "1") == ids(server)
    assert texts(server) == ["Look!"]
    assert len(told) == 1


# Limits.


@pytest.mark.parametrize("rate_limits", [True, False])
async def test_limits_are_kept_unless_switched_off(server: TelegramServer, *, rate_limits: bool) -> None:
    """With them a group is sent twenty messages at once, and the next one waits; without them it gets all."""
    server.join(CLUB)
    async with PollingBot(server.token, server.api_url, Watch(), rate_limits=rate_limits) as bot:
        tasks = [asyncio.create_task(bot.send_message(CLUB["id"], f"{i}")) for i in range(25)]
        await asyncio.wait(tasks[:20])
        if not rate_limits:
            await asyncio.wait(tasks)
        assert all(task.done() for task in tasks) is not rate_limits
        for task in tasks:
            task.cancel()
