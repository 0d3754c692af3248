"""The Telegram adapter over the real library, against a Bot API server on loopback."""

import asyncio
import json
import logging
import math
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from adapters import telegram_polling
from adapters.base import IncomingMessage, Progress, Reply
from adapters.errors import PlatformUnavailableError, TokenRefusedError
from adapters.formatting import utf16_length
from adapters.telegram_adapter import TelegramAdapter
from tests.bots import BotOf, said
from tests.e2e.telegram_runs import COMMANDS, echo, make_adapter, running
from tests.e2e.telegram_server import WAIT_S, TelegramServer, group, person, private

ADA = person(1, "Ada", username="ada_lovelace")
BEN = person(2, "Ben", language_code="de")
CLUB = group(-1001, title="Club")
ROOM = 51
"""Messages of one person that can wait, and the one being answered."""
FLOOD = ROOM + 5

# The library warns of its own attribute, whenever it is told to pause.
pytestmark = pytest.mark.filterwarnings("ignore:.*attribute `retry_after`:DeprecationWarning")


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    async with TelegramServer() as server:
        yield server


async def run_once(token: str, api_url: str) -> None:
    adapter = TelegramAdapter(token=token, bot=BotOf(echo, COMMANDS), api_url=api_url)
    await asyncio.wait_for(adapter.run(asyncio.Event()), WAIT_S)


async def test_answers_in_a_private_chat(server: TelegramServer) -> None:
    """In a private chat everything is meant for the bot, and the answer is no reply to a message."""
    async with running(server):
        await server.say(ADA, None, "hello there")
        answer = await server.next_message()
    assert (answer["chat"]["id"], answer["text"]) == (1, "echo: hello there")
    assert "reply_to_message" not in answer
    assert json.loads(server.calls_of("sendMessage")[0].params["link_preview_options"]) == {"is_disabled": True}


async def test_answers_in_a_group_only_when_addressed(server: TelegramServer) -> None:
    """A mention, a reply and a command of ours are answered; other talk and other bots' commands are not."""
    async with running(server):
        await server.say(ADA, CLUB, "nice weather")
        await server.say(ADA, CLUB, "/help@other_bot")
        await server.say(ADA, CLUB, "/roll 20")
        asked = await server.say(ADA, CLUB, "hey @Parley_Test_Bot what is up")
        first = await server.next_message(CLUB)
        await server.say(BEN, CLUB, "and you?", reply_to=first)
        second = await server.next_message(CLUB)
        await server.say(BEN, CLUB, "/help")
        await server.say(BEN, CLUB, "/roll@parley_test_bot 20")
        third, fourth = await server.next_message(CLUB), await server.next_message(CLUB)
    assert first["text"] == "echo: hey what is up"
    assert first["reply_to_message"]["message_id"] == asked["message_id"]
    assert [m["text"].strip() for m in (second, third, fourth)] == ["echo: and you?", "/help", "/roll 20"]
    assert len(server.messages) == 4


async def test_answers_in_the_topic(server: TelegramServer) -> None:
    """What is asked in a topic of a forum is answered there."""
    forum = group(-1002, is_forum=True)
    async with running(server):
        await server.say(ADA, forum, "/why me", topic=7)
        answer = await server.next_message(forum)
    assert (answer["message_thread_id"], answer["text"]) == (7, "/why me")


async def test_survives_everything_else(server: TelegramServer) -> None:
    """Late edits, places, service messages, channel posts and other bots stop nothing."""
    base = {"message_id": 900, "date": 1700000000, "chat": private(ADA), "from": ADA}
    place = {"longitude": 1.5, "latitude": 2.5}
    channel = {"id": -1009, "type": "channel", "title": "News"}
    async with running(server):
        server._allowed_updates = set()
        await server.send_update({"edited_message": {**base, "edit_date": 1700000121, "text": "edited"}})
        await server.send_update({"message": {**base, "location": place}})
        await server.send_update({"message": {**base, "chat": CLUB, "new_chat_members": [BEN]}})
        await server.send_update({"channel_post": {**base, "chat": channel, "sender_chat": channel, "text": "news"}})
        await server.send_update({"message": {**base, "from": {**ADA, "is_bot": True}, "text": "beep"}})
        await server.say(ADA, None, "still there?")
        assert (await server.next_message())["text"] == "echo: still there?"
    assert len(server.messages) == 1


async def test_passes_over_an_update_that_cannot_be_read(
    server: TelegramServer, caplog: pytest.LogCaptureFixture
) -> None:
    """An update in a form that the library does not know is left out, and not fetched for ever."""
    async with running(server):
        update_id = await server.send_update({"message": {"unheard": "of"}})
        await server.say(ADA, None, "still there?")
        assert (await server.next_message())["text"] == "echo: still there?"
        await server.until_confirmed()
    assert f"update {update_id} cannot be read" in caplog.text
    server.violations.clear()  # of the update itself


async def test_splits_a_long_answer_in_utf16_units(server: TelegramServer) -> None:
    """Telegram counts an emoji twice; only the first part of an answer is a reply."""
    long = "🎈 balloon " * 900

    async def handler(_message: IncomingMessage, _progress: Progress) -> Reply:
        return Reply(long)

    async with running(server, handler):
        await server.say(ADA, CLUB, "@parley_test_bot go")
        parts = [await server.next_message() for _ in range(3)]
    assert all(utf16_length(part["text"]) <= 4096 for part in parts)
    assert " ".join(part["text"] for part in parts).split() == long.split()
    assert ["reply_to_message" in part for part in parts] == [True, False, False]


async def test_sends_any_text(server: TelegramServer) -> None:
    """What is no Markdown arrives as it is, a lone surrogate is replaced, and a blank answer is not sent."""
    answers = iter(["<b>*_[`@everyone \x00", "torn \ud83d", " \n "])

    async def handler(message: IncomingMessage, _progress: Progress) -> Reply:
        return Reply(next(answers, message.text))

    async with running(server, handler):
        for text in ("a", "b", "c", "d"):
            await server.say(ADA, None, text)
        sent = [(await server.next_message())["text"] for _ in range(3)]
    assert sent == ["<b>*_[`@everyone \x00", "torn \ufffd", "d"]


async def test_shows_typing_only_for_a_slow_answer(server: TelegramServer) -> None:
    """An answer that takes more than a second is announced."""

    async def handler(message: IncomingMessage, _progress: Progress) -> Reply:
        if message.text == "slow":
            await server.wait_for("sendChatAction")
        return Reply(message.text)

    async with running(server, handler):
        await server.say(ADA, None, "fast")
        await server.next_message()
        assert server.calls_of("sendChatAction") == []
        await server.say(ADA, None, "slow")
        assert (await server.next_message())["text"] == "slow"
    assert server.calls_of("sendChatAction")[0].params["action"] == "typing"


async def test_shows_progress_in_one_message(server: TelegramServer) -> None:
    """The first sentence is a message, each later one takes its place, and the answer follows."""

    async def handler(_message: IncomingMessage, progress: Progress) -> Reply:
        for step in ("reading", "training", "training"):
            await progress(step)
        return Reply("done")

    async with running(server, handler):
        await server.say(ADA, None, "/reload")
        progress, answer = await server.next_message(), await server.next_message()
    assert (progress["text"], answer["text"]) == ("training", "done")


async def test_keeps_the_order_of_one_and_lets_others_pass(server: TelegramServer) -> None:
    """One person's answers come in order; another person does not wait for them."""
    go_on = asyncio.Event()

    async def handler(message: IncomingMessage, _progress: Progress) -> Reply:
        if message.text == "first":
            await go_on.wait()
        return Reply(message.text)

    async with running(server, handler):
        await server.say(ADA, None, "first")
        await server.say(ADA, None, "second")
        await server.say(BEN, None, "other")
        assert (await server.next_message())["text"] == "other"
        go_on.set()
        assert [(await server.next_message(private(ADA)))["text"] for _ in range(2)] == ["first", "second"]


async def test_its_user_goes_on_asking_during_a_long_command(server: TelegramServer) -> None:
    """A training takes minutes; other commands are answered in their order."""
    trained = asyncio.Event()

    async def handler(message: IncomingMessage, _progress: Progress) -> Reply:
        if message.text == "retrain":
            await trained.wait()
        return Reply(message.text or str(message.command))

    async with running(server, handler):
        for text in ("/admin retrain", "/admin stats", "/help"):
            await server.say(ADA, None, text)
        assert [(await server.next_message())["text"] for _ in range(2)] == ["stats", "help"]
        trained.set()
        assert (await server.next_message())["text"] == "retrain"


async def test_says_once_that_it_is_too_busy(server: TelegramServer) -> None:
    """Whoever writes more than can wait is told so once, at once, and what waits is answered."""
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def handler(message: IncomingMessage, _progress: Progress) -> Reply:
        entered.set()
        await go_on.wait()
        return Reply(message.text)

    async with running(server, adapter=make_adapter(server, handler, rate_limits=False)):
        await server.say(ADA, None, "0")
        await entered.wait()
        for number in range(1, FLOOD):
            await server.say(ADA, None, str(number))
        assert (await server.next_message())["text"] == said("busy", "en")
        go_on.set()
        answers = [(await server.next_message())["text"] for _ in range(ROOM)]
    assert answers == [str(number) for number in range(ROOM)]
    assert [call.params["text"] for call in server.calls_of("sendMessage")].count(said("busy", "en")) == 1


async def test_serves_without_a_menu(server: TelegramServer, caplog: pytest.LogCaptureFixture) -> None:
    """A menu that cannot be set is a warning, no more."""
    server.fail_next("getMyCommands", 500)
    async with running(server):
        await server.say(ADA, None, "hello")
        assert (await server.next_message())["text"] == "echo: hello"
    assert "the menu of commands" in caplog.text


async def test_repeats_what_was_refused(server: TelegramServer) -> None:
    """A 429 means that nothing was sent: after the pause the message goes out, once."""
    server.fail_next("sendMessage", 429, retry_after=1)
    async with running(server):
        await server.say(ADA, None, "hello")
        assert (await server.next_message())["text"] == "echo: hello"
    assert (len(server.calls_of("sendMessage")), len(server.messages)) == (2, 1)


@pytest.mark.parametrize("fault", ["hang", "drop", 502])
async def test_does_not_repeat_what_may_have_arrived(
    server: TelegramServer, fault: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An answer whose delivery nobody confirms is not sent again; the next one is sent."""
    monkeypatch.setattr(telegram_polling, "READ_TIMEOUT_S", 1.0)
    server.fail_next("sendMessage", fault, delivered=True)
    async with running(server):
        await server.say(ADA, None, "one")
        await server.say(ADA, None, "two")
        assert [(await server.next_message())["text"] for _ in range(2)] == ["echo: one", "echo: two"]
    assert len(server.messages) == 2
    assert "was not sent" in caplog.text
    assert "echo" not in caplog.text
    assert server.token not in caplog.text


async def test_repeats_what_was_never_sent(server: TelegramServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that was refused carried nothing: the answer goes out when Telegram is back."""
    go_on, never_sent = asyncio.Event(), asyncio.Event()

    def delays() -> Iterator[float]:
        for _ in range(100):
            yield 0.01
            never_sent.set()

    monkeypatch.setattr(telegram_polling, "RECONNECT_DELAYS_S", delays())

    async def handler(message: IncomingMessage, _progress: Progress) -> Reply:
        await go_on.wait()
        return Reply(message.text)

    async with running(server, handler):
        await server.say(ADA, None, "hello")
        await server.until_confirmed()
        async with server.away():
            go_on.set()
            await asyncio.wait_for(never_sent.wait(), WAIT_S)
        assert (await server.next_message())["text"] == "hello"
    assert len(server.messages) == 1


async def test_goes_on_after_a_failed_send(server: TelegramServer, caplog: pytest.LogCaptureFixture) -> None:
    """Someone who has blocked the bot costs a line in the log, without what was said."""
    caplog.set_level(logging.INFO, "adapters")
    server.blocked.add(1)
    async with running(server):
        await server.say(ADA, None, "a secret")
        await server.say(BEN, None, "hello")
        await server.next_message(private(BEN))
    assert "bot was blocked by the user" in caplog.text
    assert "a secret" not in caplog.text


async def test_follows_a_group_that_becomes_a_supergroup(server: TelegramServer) -> None:
    """The answer to what was asked in the old group arrives in the new one."""
    server.migrated[CLUB["id"]] = -1005
    async with running(server):
        await server.say(ADA, CLUB, "@parley_test_bot hello")
        assert (await server.next_message())["chat"]["id"] == -1005


async def test_comes_back_after_an_outage(server: TelegramServer, caplog: pytest.LogCaptureFixture) -> None:
    """While Telegram answers 502 nothing is lost; afterwards everything is answered once. Two lines tell of it."""
    caplog.set_level(logging.INFO, "adapters")
    async with running(server):
        server.fail_next("getUpdates", 502, times=math.inf)
        await server.say(ADA, None, "one")
        await server.say(ADA, None, "two")
        await server.wait_for("getUpdates", len(server.calls_of("getUpdates")) + 2)
        server.recover("getUpdates")
        assert [(await server.next_message())["text"] for _ in range(2)] == ["echo: one", "echo: two"]
        await server.until_confirmed()
    assert len(server.messages) == 2
    assert caplog.text.count("Telegram is away: Bad Gateway (502)") == 1
    assert caplog.text.count("Telegram is back") == 1
    assert "Traceback" not in caplog.text


async def test_says_once_that_another_program_polls(server: TelegramServer, caplog: pytest.LogCaptureFixture) -> None:
    """Two programs with one token get in each other's way for ever; the admins are told the cause and the mend."""
    server.fail_next("getUpdates", 409, times=3)
    bot = BotOf(echo, COMMANDS)
    async with running(server, adapter=make_adapter(server, bot=bot)):
        await server.say(ADA, None, "hello")
        await server.next_message()
    ((platform, fault),) = bot.reports
    assert platform == "telegram"
    assert "another program reads" in fault
    assert "TELEGRAM_TOKEN" in fault
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("token", ["123456:some-other-token", "nonsense", ""])
async def test_a_refused_token_is_named_but_not_shown(
    server: TelegramServer, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The error tells the variable; neither it nor the log tells the token."""
    with pytest.raises(TokenRefusedError, match="TELEGRAM_TOKEN") as error:
        await run_once(token, server.api_url)
    if token:
        assert token not in str(error.value)
        assert token not in caplog.text


async def test_a_wrong_address_is_named_beside_the_token(server: TelegramServer) -> None:
    """A server that answers 404 to everything may be no Bot API at all, so its variable is named as well."""
    with pytest.raises(TokenRefusedError, match=r"TELEGRAM_TOKEN.* TELEGRAM_API_URL") as error:
        await run_once(server.token, server.api_url.removesuffix("/bot") + "/elsewhere/bot")
    assert error.value.variable == "TELEGRAM_TOKEN"


async def test_a_token_refused_later_ends_the_run(server: TelegramServer, caplog: pytest.LogCaptureFixture) -> None:
    """When the operator takes the token back, the run ends with that error, and quietly."""
    adapter = TelegramAdapter(token=server.token, bot=BotOf(echo, COMMANDS), api_url=server.api_url)
    run = asyncio.create_task(adapter.run(asyncio.Event()))
    await server.wait_for("setMyCommands")
    server.token = "123456:a-new-token"
    await server.say(ADA, None, "hello")  # ends the poll that was accepted
    with pytest.raises(TokenRefusedError):
        await asyncio.wait_for(run, WAIT_S)
    assert "Traceback" not in caplog.text


async def test_an_unreachable_server_is_unavailable(caplog: pytest.LogCaptureFixture) -> None:
    """Where nobody listens, another try may help; the error says so without the token."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(PlatformUnavailableError, match="ConnectError") as error:
            await run_once("123456:secret", f"http://127.0.0.1:{unused.getsockname()[1]}/bot")
    assert "secret" not in str(error.value) + caplog.text


@pytest.mark.parametrize("method", ["getMe", "getWebhookInfo", "deleteWebhook"])
@pytest.mark.parametrize("fault", ["drop", 500, 502])
async def test_a_server_that_fails_at_start_is_unavailable(server: TelegramServer, method: str, fault: Any) -> None:
    """A failure of any call that connecting needs ends the run, and the next run connects."""
    server.fail_next(method, fault)
    with pytest.raises(PlatformUnavailableError, match="Telegram cannot be reached"):
        await run_once(server.token, server.api_url)
    async with running(server):
        await server.say(ADA, None, "hello")
        await server.next_message()


@pytest.mark.parametrize("method", ["getMe", "deleteWebhook", "getMyCommands"])
async def test_stops_while_it_connects(server: TelegramServer, method: str) -> None:
    """A stop does not wait for a server that never answers."""
    server.fail_next(method, "hang")
    stopping = asyncio.Event()
    adapter = TelegramAdapter(token=server.token, bot=BotOf(echo, COMMANDS), api_url=server.api_url)
    run = asyncio.create_task(adapter.run(stopping))
    await server.wait_for(method)
    stopping.set()
    await asyncio.wait_for(run, 2)
    assert not adapter.connected.is_set()


async def test_finishes_a_reply_when_it_stops(server: TelegramServer) -> None:
    """A stop in the middle of an answer lets it out, and no later run is given the same message again."""
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_message: IncomingMessage, progress: Progress) -> Reply:
        asked.set()
        await go_on.wait()
        for step in ("this", "takes", "a", "while"):
            await progress(step)
        return Reply("late but here")

    async def go_on_after_the_last_poll() -> None:
        await server.until(lambda: server.calls_of("getUpdates")[-1].params.get("timeout") == "0")
        go_on.set()

    async with running(server, slow):
        await server.say(ADA, None, "hello")
        await asyncio.wait_for(asked.wait(), WAIT_S)
        going_on = asyncio.create_task(go_on_after_the_last_poll())
    await going_on
    assert [message["text"] for message in server.messages] == ["while", "late but here"]

    async with running(server):
        await server.say(ADA, None, "again")
        await server.until(lambda: len(server.messages) > 2)
    assert [message["text"] for message in server.messages[2:]] == ["echo: again"]


async def test_stops_during_an_outage(
    server: TelegramServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The last poll has its bound; that it failed is said in a line."""
    monkeypatch.setattr(telegram_polling, "CLOSING_S", 0.1)
    loop = asyncio.get_running_loop()
    async with running(server):
        await server.wait_for("getUpdates")
        server.fail_next("getUpdates", "hang", times=math.inf)
        await server.say(ADA, None, "hello")
        await server.next_message()
        began = loop.time()
    assert loop.time() - began < 4  # the library's own bound is 5 s
    assert caplog.messages == ["Telegram could not be told what was read: the last messages may come again"]
