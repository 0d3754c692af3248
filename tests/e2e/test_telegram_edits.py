"""Edited questions, repeated updates, votes and inline mode in Telegram: the real library against a Bot API server."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest

from adapters.base import IncomingMessage, Progress, Reply, ReplyChoice
from adapters.dispatch import ReplyQueues
from tests.bots import BotOf, said
from tests.e2e.telegram_runs import COMMANDS, make_adapter, running
from tests.e2e.telegram_server import WAIT_S, TelegramServer, group, person

Json = dict[str, Any]

ADA = person(1, "Ada")
BEN = person(2, "Ben")
CLUB = group(-1001, title="Club")


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    async with TelegramServer() as server:
        yield server


class Answerer:
    """Repeats what it is asked, each answer with an id of its own; remembers what it was given."""

    def __init__(self) -> None:
        self.asked: list[IncomingMessage] = []

    async def __call__(self, message: IncomingMessage, _: Progress) -> Reply | None:
        self.asked.append(message)
        if message.text == "nothing":
            return None
        choices = (ReplyChoice("a", "A"),) if message.text == "choose" else ()
        return Reply(f"re: {message.text}", choices=choices, answer_id=f"a{len(self.asked)}", can_vote=True)


# Edited questions.


async def test_an_edited_question_changes_its_answer(server: TelegramServer) -> None:
    """No second answer is sent, however often the question is edited, and the bot knows that it is one."""
    answerer = Answerer()
    bot = BotOf(answerer, COMMANDS)
    async with running(server, adapter=make_adapter(server, bot=bot)):
        asked = await server.say(ADA, CLUB, "@parley_test_bot helo")
        answer = await server.next_message(CLUB)
        await server.edit(asked, "@parley_test_bot hello")
        await server.until(lambda: answer["text"] == "re: hello")
        await server.edit(asked, "@parley_test_bot hello again", after_s=1000)
        await server.until(lambda: answer["text"] == "re: hello again")
    assert len(server.messages) == 1
    assert [(m.is_edit, m.message_id) for m in answerer.asked] == [
        (False, str(asked["message_id"])),
        (True, str(asked["message_id"])),
        (True, str(asked["message_id"])),
    ]
    assert bot.sent_ids == {f"a{n}": [str(answer["message_id"])] for n in (1, 2, 3)}


async def test_another_command_is_another_question(server: TelegramServer) -> None:
    """A slip in a command's name is mended like any other, though nothing stands behind either name."""

    async def handler(message: IncomingMessage, _: Progress) -> Reply:
        return Reply(f"this is {message.command}")

    async with running(server, handler):
        asked = await server.say(ADA, None, "/halp")
        answer = await server.next_message()
        await server.edit(asked, "/help")
        await server.until(lambda: answer["text"] == "this is help")
    assert len(server.messages) == 1


async def test_an_edit_waits_for_the_answer_that_it_changes(server: TelegramServer) -> None:
    """Whoever mends a slip at once has it mended once the first answer stands."""
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def slow(message: IncomingMessage, _: Progress) -> Reply:
        asked.set()
        await go_on.wait()
        return Reply(message.text)

    async with running(server, slow):
        said = await server.say(ADA, None, "one")
        await asyncio.wait_for(asked.wait(), WAIT_S)
        await server.edit(said, "two")
        go_on.set()
        await server.until(lambda: [message["text"] for message in server.messages] == ["two"])


async def test_an_edit_that_changes_no_word_changes_nothing(server: TelegramServer) -> None:
    """Telegram tells of one also when the preview of a link has arrived."""
    answerer = Answerer()
    async with running(server, answerer):
        said = await server.say(ADA, None, "hello")
        await server.next_message()
        await server.edit(said, "hello")
        await server.say(ADA, None, "last")
        await server.next_message()
    assert [message.text for message in answerer.asked] == ["hello", "last"]


@pytest.mark.parametrize(("after_s", "answers"), [(120, ["re: @Parley, hello", "re: last"]), (121, ["re: last"])])
async def test_an_edit_may_be_a_question(server: TelegramServer, after_s: int, answers: list[str]) -> None:
    """Who adds the forgotten mention within two minutes is answered as if it had been there; later is too late."""
    answerer = Answerer()
    async with running(server, answerer):
        said = await server.say(ADA, CLUB, "@Parley, hello")
        await server.edit(said, "@parley_test_bot @Parley, hello", after_s=after_s)
        await server.say(ADA, CLUB, "@parley_test_bot last")
        heard = [(await server.next_message(CLUB))["text"] for _ in answers]
        await server.until_confirmed()
    assert heard == answers
    assert not any(message.is_edit for message in answerer.asked)


async def test_an_edit_that_takes_the_mention_away_is_left_alone(server: TelegramServer) -> None:
    """It is for the bot no longer."""
    answerer = Answerer()
    async with running(server, answerer):
        said = await server.say(ADA, CLUB, "@parley_test_bot hello")
        answer = await server.next_message(CLUB)
        await server.edit(said, "hello all")
        await server.say(ADA, CLUB, "@parley_test_bot last")
        await server.next_message(CLUB)
    assert answer["text"] == "re: hello"
    assert len(answerer.asked) == 2


async def test_an_edit_of_talk_that_was_listened_to_changes_its_answer(server: TelegramServer) -> None:
    """Where the bot answers unasked, an edit needs no mention either; but it is no question by itself."""
    answerer = Answerer()
    bot = BotOf(answerer, COMMANDS, listening=lambda _: True)
    async with running(server, adapter=make_adapter(server, bot=bot)):
        said = await server.say(ADA, CLUB, "hello")
        answer = await server.next_message(CLUB)
        await server.edit(said, "hello there")
        await server.until(lambda: answer["text"] == "re: hello there")
        unanswered = await server.say(ADA, CLUB, "nothing")
        await server.edit(unanswered, "something")
        await server.say(ADA, CLUB, "last")
        assert (await server.next_message(CLUB))["text"] == "re: last"
    assert [message.text for message in answerer.asked] == ["hello", "hello there", "nothing", "last"]


# Repeated updates.


async def test_a_repeated_update_is_answered_once(server: TelegramServer) -> None:
    """Also in the next process, and whatever it is: a question, an edit, a choice, a vote."""
    answerer = Answerer()
    bot = BotOf(answerer, COMMANDS, greeting=Reply("Hello, all."))
    brought: list[Json] = []
    send_update = server.send_update

    async def record(update: Json) -> int:
        update_id = await send_update(update)
        brought.append({**update, "update_id": update_id})
        return update_id

    server.send_update = record  # type: ignore[method-assign]
    async with running(server, adapter=make_adapter(server, bot=bot)):
        said = await server.say(ADA, None, "choose")
        question = await server.next_message()
        await server.press(ADA, dict(question), "A")
        choice = await server.next_message()
        await server.edit(said, "hello")
        await server.until(lambda: question["text"] == "re: hello")
        await server.press(BEN, dict(choice), "👍")
        await server.until(lambda: len(server.answered) == 2)
        await server.change_standing(BEN, CLUB, "left", "member")
        await server.next_message(CLUB)
    before = [message["text"] for message in server.messages]
    async with running(server, adapter=make_adapter(server, bot=bot)):
        for update in brought:
            await send_update(update)
        await server.say(ADA, None, "last")
        await server.until(lambda: server.messages[-1]["text"] == "re: last")
        await server.until_confirmed()
    assert [message["text"] for message in server.messages] == [*before, "re: last"]
    assert len(bot.votes) == len(bot.arrivals) == 1
    assert len(answerer.asked) == 4


async def test_an_update_is_known_only_once_its_turn_comes(server: TelegramServer) -> None:
    """What still waited when the process died is answered by the next one, if Telegram brings it again."""
    asked, never = asyncio.Event(), asyncio.Event()

    async def stuck(message: IncomingMessage, _: Progress) -> Reply:
        asked.set()
        await never.wait()
        return Reply(message.text)

    bot = BotOf(stuck, COMMANDS)
    adapter = make_adapter(server, bot=bot)
    run = asyncio.create_task(adapter.run(asyncio.Event()))
    first = await server.say(ADA, None, "one")
    second = await server.say(ADA, None, "two")
    await asyncio.wait_for(asked.wait(), WAIT_S)
    await server.until_confirmed()
    assert len(bot.events) == 1
    never.set()
    bot.handler = Answerer()
    await server.next_message()
    await server.next_message()
    assert len(bot.events) == 2
    assert first["message_id"] < second["message_id"]
    run.cancel()
    await asyncio.wait({run})


# Votes.


async def test_a_vote_is_counted_and_thanked(server: TelegramServer) -> None:
    """Whoever votes, the bot says what they read, to them alone, and knows the answer that it is about."""
    answerer = Answerer()
    bot = BotOf(answerer, COMMANDS, thanks="Thank you for your opinion.")
    async with running(server, adapter=make_adapter(server, bot=bot)):
        await server.say(ADA, CLUB, "@parley_test_bot hello")
        answer = await server.next_message(CLUB)
        up = await server.press(BEN, answer, "👍")
        down = await server.press(ADA, answer, "👎")
        await server.until(lambda: len(server.answered) == 2)
    assert bot.votes == [("2", "a1", True), ("1", "a1", False)]
    assert server.answered == {up: bot.thanks, down: bot.thanks}
    assert bot.sent_ids == {"a1": [str(answer["message_id"])]}
    assert len(server.messages) == len(answerer.asked) == 1


async def test_a_vote_that_finds_no_room_is_said_not_to_count(
    server: TelegramServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each voter reads so, alone; other presses are not left waiting either, and all work once there is room."""
    monkeypatch.setattr("adapters.telegram_adapter.ReplyQueues", partial(ReplyQueues, in_all=1))
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def slow(message: IncomingMessage, _: Progress) -> Reply:
        if message.text == "slow":
            entered.set()
            await go_on.wait()
        return Reply(message.text, answer_id="a1", can_vote=True)

    bot = BotOf(slow, COMMANDS)
    async with running(server, adapter=make_adapter(server, bot=bot)):
        await server.say(ADA, None, "hello")
        answer = await server.next_message()
        await server.say(ADA, None, "slow")
        await asyncio.wait_for(entered.wait(), WAIT_S)
        await server.say(ADA, None, "waits")
        refused = [await server.press(ADA, answer, "👍") for _ in range(2)]
        await server.until(lambda: len(server.answered) == 2)
        assert server.answered == dict.fromkeys(refused, said("vote_busy", "en"))
        go_on.set()
        for _ in range(2):
            await server.next_message()
        taken = await server.press(ADA, answer, "👍")
        await server.until(lambda: server.answered.get(taken) == bot.thanks)
    assert bot.votes == [("1", "a1", True)]


# Inline mode.


async def test_an_inline_question_is_answered(server: TelegramServer) -> None:
    """One article, formatted, for this person alone, and not for long; nothing of it is remembered."""
    answerer = Answerer()
    bot = BotOf(answerer, COMMANDS)
    async with running(server, adapter=make_adapter(server, bot=bot)):
        query_id = await server.type_inline(ADA, "  **when** <b>are you open ")
        await server.until(lambda: query_id in server.inline_answers)
    ((article,),) = server.inline_answers.values()
    assert article["shown"]["text"] == "re: when <b>are you open"
    assert [entity["type"] for entity in article["shown"]["entities"]] == ["bold"]
    assert article["title"] == "re: when <b>are you open"
    (call,) = server.calls_of("answerInlineQuery")
    assert (call.params["is_personal"], int(call.params["cache_time"])) == ("true", 5)
    (asked,) = answerer.asked
    assert (asked.is_direct, asked.user_id, asked.text) == (True, "1", "**when** <b>are you open")
    assert (bot.sent_ids, bot.events) == ({}, set())


@pytest.mark.parametrize(
    ("text", "more"), [("", {}), ("  ", {}), ("nothing", {}), ("hello", {"offset": "1"})], ids=repr
)
async def test_an_inline_question_without_an_answer_gets_none(server: TelegramServer, text: str, more: Json) -> None:
    """Nothing typed as yet, nothing known, no second page: Telegram is told so, for it waits."""
    async with running(server, Answerer()):
        query_id = await server.type_inline(ADA, text, **more)
        await server.until(lambda: query_id in server.inline_answers)
    assert server.inline_answers[query_id] == []


async def test_only_the_newest_inline_question_is_answered(server: TelegramServer) -> None:
    """What a person types over while the bot thinks is passed over; other people are not held up by it."""
    thinking, go_on = asyncio.Event(), asyncio.Event()
    asked: list[str] = []

    async def slow(message: IncomingMessage, _: Progress) -> Reply:
        asked.append(message.text)
        if message.user_id == "1":
            thinking.set()
            await go_on.wait()
        return Reply(message.text)

    async with running(server, slow):
        await server.type_inline(ADA, "w")
        await asyncio.wait_for(thinking.wait(), WAIT_S)
        for text in ("wh", "whe"):
            await server.type_inline(ADA, text)
        newest = await server.type_inline(ADA, "when")
        other = await server.type_inline(BEN, "hello")
        await server.until(lambda: other in server.inline_answers)
        go_on.set()
        await server.until(lambda: newest in server.inline_answers)
    assert set(server.inline_answers) == {newest, other}
    assert asked == ["w", "hello", "when"]


async def test_a_long_inline_answer_is_cut(server: TelegramServer) -> None:
    """What a person sends by it is one message."""

    async def at_length(_: IncomingMessage, __: Progress) -> Reply:
        return Reply("word " * 2000)

    async with running(server, at_length):
        query_id = await server.type_inline(ADA, "go")
        await server.until(lambda: query_id in server.inline_answers)
    (article,) = server.inline_answers[query_id]
    assert len(article["title"]) <= 60
    assert 3000 < len(article["shown"]["text"]) <= 4096


async def test_inline_mode_can_be_off(server: TelegramServer, caplog: pytest.LogCaptureFixture) -> None:
    """Then Telegram is not asked for such questions, and one that comes all the same is left alone."""
    caplog.set_level(logging.INFO, "adapters")
    answerer = Answerer()
    async with running(server, adapter=make_adapter(server, answerer, inline=False)):
        await server.wait_for("getUpdates")
        allowed = json.loads(server.calls_of("getUpdates")[0].params["allowed_updates"])
        server._allowed_updates = set()
        await server.type_inline(ADA, "hello")
        await server.say(ADA, None, "last")
        await server.next_message()
    assert sorted(allowed) == ["callback_query", "edited_message", "message", "my_chat_member"]
    assert server.calls_of("answerInlineQuery") == []
    assert "inline mode" not in caplog.text


@pytest.mark.parametrize("is_on", [True, False])
async def test_inline_mode_that_is_off_at_telegram_is_told(
    server: TelegramServer, caplog: pytest.LogCaptureFixture, is_on: bool
) -> None:
    """Only @BotFather can switch it on."""
    caplog.set_level(logging.INFO, "adapters")
    server.rights["supports_inline_queries"] = is_on
    async with running(server):
        await server.wait_for("getMyCommands")
    assert ("/setinline" in caplog.text) is not is_on
