"""What the Telegram adapter takes for a message to the bot, and what it says of failures."""

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any
from unittest.mock import AsyncMock

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram import Update, User
from telegram.error import BadRequest, Conflict, InvalidToken, NetworkError, TelegramError, TimedOut

from adapters import telegram_polling
from adapters.base import IncomingMessage
from adapters.errors import TokenRefusedError
from adapters.telegram_adapter import TelegramAdapter
from adapters.telegram_messages import moved_ids, press_to_message, to_message
from adapters.telegram_polling import PollingBot, QuietRequest, Watch, reason, repeat_if_never_sent
from tests.bots import BotOf

ME = User(99, "Parley", is_bot=True, username="parley_bot")
ADA = {"id": 1, "is_bot": False, "first_name": "Ada", "last_name": "L", "language_code": "en-GB"}
PRIVATE = {"id": 1, "type": "private", "first_name": "Ada"}
GROUP = {"id": -100, "type": "supergroup", "title": "Club"}


BEN = {"id": 2, "is_bot": False, "first_name": "Ben"}
CHANNEL = {"id": -1009, "type": "channel", "title": "News"}


def units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def entity(kind: str, whole: str, part: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "offset": units(whole[: whole.index(part)]), "length": units(part), **more}


def read(text: str | None = "hello", /, *, kind: str = "message", **fields: Any) -> IncomingMessage | None:
    message: dict[str, Any] = {"message_id": 5, "date": 1_700_000_000, "chat": PRIVATE, "from": ADA, **fields}
    if text is not None:
        message["text"] = text
    update = Update.de_json({"update_id": 1, kind: message}, None)
    return to_message(update, ME, {"help", "why"})


def read_in_group(text: str, *entities: dict[str, Any], **fields: Any) -> IncomingMessage | None:
    return read(text, chat=GROUP, entities=list(entities), **fields)


def facts(message: IncomingMessage | None) -> tuple[bool, bool]:
    """Whether it is meant for the bot, and whether for somebody else."""
    assert message is not None
    return message.is_addressed, message.is_to_others


def text_of(message: IncomingMessage | None) -> str:
    assert message is not None
    return message.text


def test_reads_a_private_message() -> None:
    """Every field of the platform has its place."""
    assert read("hello") == IncomingMessage(
        platform="telegram",
        conversation_id="1",
        user_id="1",
        message_id="5",
        text="hello",
        display_name="Ada",
        is_direct=True,
        is_addressed=True,
        locale="en-GB",
        received_at=datetime.fromtimestamp(1_700_000_000, UTC),
    )


@pytest.mark.parametrize(
    ("text", "mention", "rest"),
    [
        ("@parley_bot hello", "@parley_bot", "hello"),
        ("hello @Parley_Bot!", "@Parley_Bot", "hello!"),
        ("hey @parley_bot how are you", "@parley_bot", "hey how are you"),
        ("🎈🎈 @parley_bot 🎈", "@parley_bot", "🎈🎈 🎈"),
        ("@parley_bot", "@parley_bot", ""),
    ],
)
def test_a_mention_addresses_and_is_cut_out(text: str, mention: str, rest: str) -> None:
    """A mention counts in UTF-16 units and whatever its case, and is no part of what was said."""
    message = read_in_group(text, entity("mention", text, mention))
    assert text_of(message) == rest
    assert message is not None
    assert (message.is_direct, message.is_addressed, message.conversation_id) == (False, True, "-100")


def test_a_mention_by_name_addresses() -> None:
    """A bot may be mentioned by its shown name as well."""
    me = entity("text_mention", "Parley, hello", "Parley", user=ME.to_dict())
    assert text_of(read_in_group("Parley, hello", me)) == ", hello"
    other = entity("text_mention", "Ben, hello", "Ben", user=BEN)
    assert facts(read_in_group("Ben, hello", other)) == (False, True)


def test_only_a_mention_of_the_bot_is_cut_out() -> None:
    """Who else is mentioned stays."""
    text = "@parley_bot ask @someone"
    message = read_in_group(text, entity("mention", text, "@parley_bot"), entity("mention", text, "@someone"))
    assert text_of(message) == "ask @someone"
    assert facts(message) == (True, True)


@pytest.mark.parametrize(
    ("sender", "addressed", "to_others"),
    [(ME.to_dict(), True, False), (BEN, False, True), (ADA, False, False), (None, False, False)],
    ids=["the bot", "another person", "oneself", "nobody"],
)
def test_a_reply_to_the_bot_addresses(sender: dict[str, Any], addressed: bool, to_others: bool) -> None:
    """A reply to what the bot said is meant for it, a reply to another person is not, and is for them."""
    earlier = {"message_id": 4, "date": 1_700_000_000, "chat": GROUP, "from": sender, "text": "hi"}
    message = read_in_group("and you?", reply_to_message=earlier)
    assert facts(message) == (addressed, to_others)
    assert message is not None
    assert message.replied_id == "4"


def test_a_comment_on_a_channels_post_is_for_nobody_else() -> None:
    """In a channel's group every comment replies to the post, and may well be a question to whoever listens."""
    post = {
        "message_id": 4,
        "date": 1,
        "chat": GROUP,
        "from": {"id": 777000, "is_bot": False, "first_name": "Telegram"},
        "sender_chat": CHANNEL,
        "is_automatic_forward": True,
        "text": "news",
    }
    assert facts(read_in_group("when is that?", reply_to_message=post)) == (False, False)


@pytest.mark.parametrize("opening", [{"forum_topic_created": {"name": "Topic", "icon_color": 1}}, {"text": "gone"}])
def test_talk_in_a_topic_that_the_bot_opened_is_no_reply(opening: dict[str, Any]) -> None:
    """Telegram marks all that is said in a topic as a reply to its opening, whose number is the topic's."""
    earlier = {"message_id": 4, "date": 1, "chat": GROUP, "from": ME.to_dict(), **opening}
    topic = {"message_thread_id": 4, "is_topic_message": True, "reply_to_message": earlier}
    talk = read_in_group("just talk", **topic)
    assert facts(talk) == (False, False)
    assert talk is not None
    assert talk.replied_id is None
    message = read_in_group("@parley_bot hi", entity("mention", "@parley_bot", "@parley_bot"), **topic)
    assert message is not None
    assert (message.conversation_id, message.parent_id, message.server_id) == ("-100:4", "-100", "-100")


def test_a_thread_of_replies_is_no_topic() -> None:
    """Outside a forum the thread's id does not part conversations."""
    message = read("hello", message_thread_id=4)
    assert message is not None
    assert (message.conversation_id, message.parent_id, message.server_id) == ("1", "", "")


@pytest.mark.parametrize(
    ("chat", "text", "expected"),
    [
        (PRIVATE, "/help", ("help", "")),
        (PRIVATE, "/WHY  is that so ", ("why", "is that so")),
        (PRIVATE, "/unknown thing", ("unknown", "thing")),
        (PRIVATE, "/start payload", ("start", "payload")),
        (PRIVATE, "/help@parley_bot me", ("help", "me")),
        (PRIVATE, "/help@other_bot me", None),
        (GROUP, "/help", ("help", "")),
        (GROUP, "/start", ("start", "")),
        (GROUP, "/unknown", None),
        (GROUP, "/unknown@Parley_Bot x", ("unknown", "x")),
        (GROUP, "/help@other_bot", None),
    ],
)
def test_reads_commands(chat: dict[str, Any], text: str, expected: tuple[str, str] | None) -> None:
    """A command is taken when it is ours; a command of another bot is not even talk."""
    message = read(text, chat=chat, entities=[entity("bot_command", text, text.split(maxsplit=1)[0])])
    assert (message and (message.command, message.text)) == expected


def test_a_command_further_on_is_talk() -> None:
    """Only what begins with a command is one."""
    message = read("what does /help do", entities=[entity("bot_command", "what does /help do", "/help")])
    assert message is not None
    assert (message.command, message.text) == (None, "what does /help do")


@pytest.mark.parametrize("kind", ["channel_post", "edited_channel_post", "business_message"])
def test_only_messages_are_read(kind: str) -> None:
    """What channels publish, and what is written to others, is none of the bot's business."""
    assert read(kind=kind) is None


def test_an_edit_is_read_as_one() -> None:
    """It counts from when it was edited."""
    message = read(kind="edited_message", edit_date=1_700_000_060)
    assert message is not None
    assert message.is_edit
    assert message.received_at == datetime.fromtimestamp(1_700_000_060, UTC)


@pytest.mark.parametrize(
    "fields",
    [{"from": {**ADA, "is_bot": True}}, {"via_bot": {**ADA, "is_bot": True}}, {"from": None}],
    ids=["a bot", "an inline result", "nobody"],
)
def test_only_people_are_read(fields: dict[str, Any]) -> None:
    """Whoever is no person is not answered, lest two bots talk for ever."""
    assert read("hello", **fields) is None


def test_an_anonymous_admin_is_the_group() -> None:
    """Their id is the group's, which is nobody's and no admin's, and the made-up person beside it says nothing."""
    anonymous = {"from": {**ADA, "id": 1087968824, "is_bot": True}, "sender_chat": GROUP}
    message = read_in_group("@parley_bot hi", entity("mention", "@parley_bot", "@parley_bot"), **anonymous)
    assert message is not None
    assert (message.user_id, message.display_name, message.locale) == ("-100", "Club", None)
    assert read_in_group("just talk", **anonymous) is not None


@pytest.mark.parametrize(
    "fields",
    [
        {"from": {"id": 136817688, "is_bot": True, "first_name": "Channel"}},
        {"from": {"id": 777000, "is_bot": False, "first_name": "Telegram"}, "is_automatic_forward": True},
    ],
    ids=["in its name", "forwarded from it"],
)
def test_a_channel_is_read_only_if_it_addresses_the_bot(fields: dict[str, Any]) -> None:
    """What it publishes is no question to whoever listens."""
    assert read_in_group("news", sender_chat=CHANNEL, **fields) is None
    mention = entity("mention", "@parley_bot hi", "@parley_bot")
    message = read_in_group("@parley_bot hi", mention, sender_chat=CHANNEL, **fields)
    assert message is not None
    assert (message.user_id, message.display_name) == ("-1009", "News")


FILE = {"file_id": "a", "file_unique_id": "b"}
SIZE = {**FILE, "width": 1, "height": 1}


@pytest.mark.parametrize(
    ("content", "medium"),
    [
        ({"voice": {**FILE, "duration": 1}}, "voice"),
        ({"video_note": {**FILE, "length": 1, "duration": 1}}, "voice"),
        ({"photo": [SIZE]}, "picture"),
        ({"animation": {**SIZE, "duration": 1}, "document": FILE}, "picture"),
        ({"sticker": {**SIZE, "type": "regular", "is_animated": False, "is_video": False}}, "sticker"),
        ({"dice": {"emoji": "🎲", "value": 1}}, "sticker"),
        ({"document": FILE}, "file"),
        ({"video": {**SIZE, "duration": 1}}, "file"),
        ({"audio": {**FILE, "duration": 1}}, "file"),
        ({"location": {"longitude": 1.0, "latitude": 1.0}}, None),
        ({"new_chat_members": [ADA]}, None),
        ({"pinned_message": {"message_id": 1, "date": 0, "chat": GROUP}}, None),
    ],
)
def test_tells_what_a_message_is_made_of(content: dict[str, Any], medium: str | None) -> None:
    """Without a text it may still be something to speak of; news of the chat are not."""
    message = read(None, **content)
    assert (message and message.medium) == medium
    assert medium is None or text_of(message) == ""


def test_a_caption_is_the_text() -> None:
    """It may address the bot and bear a command as any text does."""
    caption = "@parley_bot what is this"
    entities = [entity("mention", caption, "@parley_bot")]
    message = read(None, chat=GROUP, photo=[SIZE], caption=caption, caption_entities=entities)
    assert text_of(message) == "what is this"
    assert facts(message) == (True, False)


@pytest.mark.parametrize(("chat", "name"), [(PRIVATE, ""), (GROUP, "Club")])
def test_a_group_has_a_name(chat: dict[str, Any], name: str) -> None:
    """Its title; a private chat has none."""
    text = "@parley_bot hello"
    message = read(text, chat=chat, entities=[entity("mention", text, "@parley_bot")])
    assert message is not None
    assert message.server_name == name


def moved(**fields: Any) -> tuple[str, str] | None:
    message = {"message_id": 5, "date": 1_700_000_000, "chat": GROUP, "from": ADA, **fields}
    return moved_ids(Update.de_json({"update_id": 1, "message": message}, None).message)


def test_both_sides_of_a_move_tell_the_same() -> None:
    """The old group tells its new id, the new one its old."""
    assert moved(migrate_to_chat_id=-200) == ("-100", "-200")
    assert moved(migrate_from_chat_id=-7) == ("-7", "-100")
    assert moved(text="hello") is None
    assert moved_ids(None) is None


def pressed(message: dict[str, Any] | None, data: str = "c:1:hours") -> IncomingMessage | None:
    query: dict[str, Any] = {"id": "77", "from": ADA, "chat_instance": "1", "data": data}
    if message is not None:
        query["message"] = message
    update = Update.de_json({"update_id": 1, "callback_query": query}, None)
    assert update.callback_query is not None
    return press_to_message(update.callback_query, "hours", received_at=datetime(2030, 1, 1, tzinfo=UTC))


def test_a_press_is_read() -> None:
    """Every field has its place; the title is that of the button which carries the same."""
    buttons = [[{"text": "Other", "callback_data": "c:1:x"}], [{"text": "Opening hours", "callback_data": "c:1:hours"}]]
    shown = {
        "message_id": 5,
        "date": 1_700_000_000,
        "chat": GROUP,
        "from": ME.to_dict(),
        "text": "Which?",
        "is_topic_message": True,
        "message_thread_id": 4,
        "reply_markup": {"inline_keyboard": buttons},
    }
    assert pressed(shown) == IncomingMessage(
        platform="telegram",
        conversation_id="-100:4",
        user_id="1",
        message_id="77",
        text="Opening hours",
        display_name="Ada",
        is_direct=False,
        is_addressed=True,
        locale="en-GB",
        received_at=datetime(2030, 1, 1, tzinfo=UTC),
        choice_id="hours",
        server_name="Club",
        server_id="-100",
        parent_id="-100",
    )
    del shown["reply_markup"]
    message = pressed(shown)
    assert message is not None
    assert message.text == ""


def test_a_press_in_no_chat_is_nothing() -> None:
    """A message that was sent through the bot from another chat has no place to answer."""
    assert pressed(None) is None


def test_talk_that_is_not_addressed_is_read() -> None:
    """Whether the bot listens to it is not said here."""
    assert facts(read_in_group("nice weather")) == (False, False)


ANY_TEXT = st.text(st.characters(categories=None))
"""Lone surrogates too, though Telegram itself sends none."""


@given(before=ANY_TEXT, after=ANY_TEXT)
def test_any_text_around_a_mention_is_read(before: str, after: str) -> None:
    """Whatever stands around the mention, only the mention and blanks are taken from it."""
    text = f"{before}@parley_bot{after}"
    mention = {"type": "mention", "offset": units(before), "length": units("@parley_bot")}
    expected = (before + after).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    assert "".join(text_of(read_in_group(text, mention)).split()) == "".join(expected.split())


def caused(error: TelegramError, cause: Exception) -> TelegramError:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (BadRequest("Message text is empty"), "Message text is empty"),
        (NetworkError("Bad Gateway (502). Parsing the server response b'<html>' failed"), "Bad Gateway (502)"),
        (caused(TimedOut(), httpx.ReadTimeout("")), "the connection failed (ReadTimeout)"),
        (caused(NetworkError("at /bot1:secret/"), httpx.ConnectError("")), "the connection failed (ConnectError)"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_tells_a_failure_without_the_transports_text(error: Exception, expected: str) -> None:
    """What the server said is told; what the transport said may hold the token, and is not."""
    assert reason(error) == expected


def test_an_outage_is_told_twice(caplog: pytest.LogCaptureFixture) -> None:
    """One line when it begins, one when it ends, however many polls lie between."""
    caplog.set_level(logging.INFO)
    watch = Watch()
    for _ in range(2):
        watch.succeeded()
        for _ in range(3):
            watch.failed(TimedOut())
        watch.succeeded()
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"] * 2


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("terminated by other getUpdates request", telegram_polling.OTHER_POLLER),
        ("can't use getUpdates method while webhook is active", telegram_polling.WEBHOOK_SET),
    ],
)
def test_a_conflict_is_told_once(text: str, fault: str) -> None:
    """Two programs take turns in being refused, so neither an end nor a beginning can be told."""
    told: list[str] = []
    watch = Watch(told.append)
    for _ in range(3):
        watch.failed(Conflict(text))
        watch.succeeded()
    assert told == [fault]


@pytest.mark.parametrize(
    ("api_url", "files"),
    [
        (None, "https://api.telegram.org/file/bot1:x"),
        ("http://10.0.0.1:8081/bot", "http://10.0.0.1:8081/file/bot1:x"),
        ("http://10.0.0.1:8081/telegram/bot", "http://10.0.0.1:8081/telegram/file/bot1:x"),
    ],
)
def test_files_are_where_the_api_is(api_url: str | None, files: str) -> None:
    """A server of one's own keeps its files under the same address."""
    assert PollingBot("1:x", api_url, Watch()).base_file_url == files


def test_a_failed_last_poll_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """Then Telegram may deliver again what was answered already."""
    watch = Watch()
    watch.closing = True
    watch.failed(TimedOut())
    assert "may come again" in caplog.text


def test_an_answer_that_is_no_json_is_an_error_without_its_content(caplog: pytest.LogCaptureFixture) -> None:
    """An error page is neither parsed nor logged."""
    for payload in (b"<html>secret</html>", b"[]", b"\xff", b"[" * 100_000):
        with pytest.raises(TelegramError, match="Invalid server response"):
            QuietRequest.parse_json_payload(payload)
    assert caplog.text == ""


async def test_only_the_token_is_named_at_telegrams_own_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has set no address need not look for a wrong one."""

    async def refuse(_adapter: TelegramAdapter, _stack: object) -> None:
        raise InvalidToken

    monkeypatch.setattr(TelegramAdapter, "_serve", refuse)
    adapter = TelegramAdapter(token="1:x", bot=BotOf(AsyncMock()), api_url=None)
    with pytest.raises(TokenRefusedError) as error:
        await adapter.run(asyncio.Event())
    assert "TELEGRAM_API_URL" not in str(error.value)


async def attempts(monkeypatch: pytest.MonkeyPatch, *errors: Exception | None) -> int:
    """Let calls fail one after the other; returns how many were made."""
    monkeypatch.setattr(telegram_polling, "RECONNECT_DELAYS_S", (0, 0))
    made = 0

    async def call() -> None:
        nonlocal made
        made += 1
        if error := errors[made - 1]:
            raise error

    try:
        await repeat_if_never_sent(call)
    except TelegramError:
        return made
    assert errors[made - 1] is None
    return made


async def test_repeats_only_what_was_never_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused connection is tried again, within bounds; a lost answer is not."""
    never_sent = caused(NetworkError("x"), httpx.ConnectError(""))
    maybe_sent = caused(TimedOut(), httpx.ReadTimeout(""))
    assert await attempts(monkeypatch, None) == 1
    assert await attempts(monkeypatch, never_sent, never_sent, None) == 3
    assert await attempts(monkeypatch, never_sent, never_sent, never_sent, None) == 3
    assert await attempts(monkeypatch, never_sent, maybe_sent, None) == 2
    assert await attempts(monkeypatch, NetworkError("Bad Gateway (502)"), None) == 1
