"""Buttons, images and files in Telegram: the real library against a Bot API server, and nothing kept in memory."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from adapters.base import IncomingMessage, Progress, Reply, ReplyAttachment, ReplyChoice
from tests.bots import said
from tests.e2e.telegram_runs import make_adapter, running
from tests.e2e.telegram_server import WAIT_S, TelegramServer, group, person, private

Json = dict[str, Any]

ADA = person(1, "Ada")
BEN = person(2, "Ben")
CLUB = group(-1001, title="Club *of* Chess")
FORUM = group(-1002, title="Forum", is_forum=True)
CHOICES = (ReplyChoice("hours", "Opening hours"), ReplyChoice("join:2", "Join a group of people"))
PICTURE = "https://example.org/chess.png"

# The library warns of its own attribute, whenever it is told to pause.
pytestmark = pytest.mark.filterwarnings("ignore:.*attribute `retry_after`:DeprecationWarning")


class Asker:
    """A handler that asks with choices, and repeats a choice; it remembers what it was given."""

    def __init__(self) -> None:
        self.seen: list[IncomingMessage] = []

    async def __call__(self, message: IncomingMessage, _: Progress) -> Reply:
        self.seen.append(message)
        if message.choice_id is None:
            return Reply("Which one?", choices=CHOICES)
        return Reply(f"{message.choice_id}: {message.text}", choices=CHOICES)

    @property
    def pressed(self) -> list[str | None]:
        return [message.choice_id for message in self.seen if message.choice_id is not None]


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    async with TelegramServer() as server:
        yield server


def titles(message: Json) -> list[list[str]]:
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [[button["text"] for button in row] for row in rows]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    ours = [record for record in caplog.records if record.name.startswith("adapters")]
    return [record.getMessage() for record in ours if record.levelno >= logging.WARNING]


async def ask(server: TelegramServer, user: Json, chat: Json | None = None, *, topic: int | None = None) -> Json:
    """Say something that is answered with choices; return the answer."""
    said = await server.say(user, chat, "@parley_test_bot hello" if chat else "hello", topic=topic)
    return await server.next_message(said["chat"])


async def test_choices_become_buttons(server: TelegramServer) -> None:
    """Short ones stand side by side, long ones below each other, under the last part of the answer."""
    all_titles = ["Yes", "No", "Cancel", "Opening hours of the club", "Join a group", "Leave again"]
    choices = tuple(ReplyChoice(f"n{i}", title) for i, title in enumerate(all_titles))

    async def at_length(_: IncomingMessage, __: Progress) -> Reply:
        return Reply("word " * 1000, choices=choices)

    async with running(server, at_length):
        await server.say(ADA, None, "go")
        first, last = await server.next_message(), await server.next_message()
    assert titles(first) == []
    assert titles(last) == [["Yes", "No", "Cancel"], ["Opening hours of the club"], ["Join a group", "Leave again"]]


async def test_odd_choices_do_not_cost_the_answer(server: TelegramServer, caplog: pytest.LogCaptureFixture) -> None:
    """What Telegram would refuse is left out with a line in the log, and the rest is there."""
    odd = (ReplyChoice("blank", " "), ReplyChoice("x" * 32, "long \ud83d " * 40), ReplyChoice("x" * 33, "longer"))

    async def oddly(_: IncomingMessage, __: Progress) -> Reply:
        return Reply("Which?", choices=odd)

    ann = person(9_999_999_999_999_999, "Ann")
    async with running(server, oddly):
        await server.say(ann, None, "go")
        ((title,),) = titles(await server.next_message())
    assert title.startswith("long \ufffd long")
    assert len(title) <= 80
    assert warnings(caplog) == ["2 of 3 choices cannot be shown and are left out"]


@pytest.mark.parametrize(("chat", "topic"), [(None, None), (CLUB, None), (FORUM, 7)], ids=["private", "group", "topic"])
async def test_press_is_a_message(server: TelegramServer, chat: Json | None, topic: int | None) -> None:
    """It has the choice's id and title, the same key as what the person writes there, and is meant for the bot."""
    asker = Asker()
    async with running(server, asker):
        question = await ask(server, ADA, chat, topic=topic)
        query_id = await server.press(ADA, question, "Opening hours")
        answer = await server.next_message(question["chat"])
        await server.until(lambda: query_id in server.answered)
    said, pressed = asker.seen
    assert (pressed.choice_id, pressed.text, pressed.is_addressed) == ("hours", "Opening hours", True)
    assert (pressed.key, pressed.is_direct, pressed.display_name) == (said.key, said.is_direct, "Ada")
    assert pressed.server_name == said.server_name == (chat["title"].replace("*", r"\*") if chat else "")
    assert pressed.received_at.tzinfo is not None
    assert answer["text"] == "hours: Opening hours"
    assert answer.get("message_thread_id") == topic
    assert ("reply_to_message" in answer) is (chat is not None)
    assert server.answered == {query_id: ""}


async def test_a_press_that_finds_no_room_leaves_the_buttons(server: TelegramServer) -> None:
    """Whoever is told to try again can do so."""
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def slow(message: IncomingMessage, _: Progress) -> Reply:
        if message.text.isdecimal():
            entered.set()
            await go_on.wait()
        return Reply(message.text, choices=CHOICES)

    async with running(server, adapter=make_adapter(server, slow, rate_limits=False)):
        question = await ask(server, ADA)
        await server.say(ADA, None, "0")
        await asyncio.wait_for(entered.wait(), WAIT_S)
        for number in range(1, 51):  # as many as can wait
            await server.say(ADA, None, str(number))
        await server.press(ADA, question, "Opening hours")
        assert (await server.next_message(private(ADA)))["text"] == said("busy", "en")
        go_on.set()
        for _ in range(51):
            await server.next_message(private(ADA))
        await server.press(ADA, question, "Opening hours")
        assert (await server.next_message(private(ADA)))["text"] == "Opening hours"


async def test_press_is_acknowledged_at_once(server: TelegramServer) -> None:
    """Before the answer is known, and before what the same person asked earlier is answered."""
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def slow(message: IncomingMessage, _: Progress) -> Reply:
        if message.choice_id or message.text == "earlier":
            entered.set()
            await go_on.wait()
        return Reply(message.text, choices=CHOICES)

    async with running(server, slow):
        question = await ask(server, ADA)
        await server.say(ADA, None, "earlier")
        await asyncio.wait_for(entered.wait(), WAIT_S)
        query_id = await server.press(ADA, question, "Opening hours")
        await server.until(lambda: query_id in server.answered)
        go_on.set()
        assert [(await server.next_message())["text"] for _ in range(3)] == ["hello", "earlier", "Opening hours"]


async def test_pressed_buttons_give_way_to_what_was_chosen(server: TelegramServer) -> None:
    """The question keeps its text, tells the choice, and has no buttons any more."""
    async with running(server, Asker()):
        question = await ask(server, ADA)
        await server.press(ADA, question, "Opening hours")
        await server.next_message(private(ADA))
        await server.wait_for("editMessageText")
    assert question["text"] == "Which one?\n\n→ Opening hours"
    assert titles(question) == []


async def test_long_question_only_loses_its_buttons(server: TelegramServer) -> None:
    """Where there is no room for the choice in the message it is not told."""

    async def at_length(message: IncomingMessage, _: Progress) -> Reply:
        return Reply("x" * 4096 if message.choice_id is None else "done", choices=CHOICES)

    async with running(server, at_length):
        question = await ask(server, ADA)
        await server.press(ADA, question, "Opening hours")
        await server.next_message(private(ADA))
        await server.wait_for("editMessageReplyMarkup")
    assert question["text"] == "x" * 4096
    assert titles(question) == []


async def test_only_the_person_asked_may_press(server: TelegramServer) -> None:
    """Anybody else is told so, alone; the buttons stay for whom they are."""
    asker = Asker()
    async with running(server, asker):
        question = await ask(server, ADA, CLUB)
        query_id = await server.press(BEN, question, "Opening hours")
        await server.until(lambda: query_id in server.answered)
        assert server.answered == {query_id: said("not_yours", "en")}
        assert titles(question) == [["Opening hours"], ["Join a group of people"]]
        await server.press(ADA, question, "Opening hours")
        await server.next_message(CLUB)
    assert asker.pressed == ["hours"]
    assert len(server.messages) == 2


async def test_press_after_a_restart(server: TelegramServer) -> None:
    """The bot that is asked need not be the one that offered: nothing is kept in memory, for strangers neither."""
    async with running(server, Asker()):
        question = await ask(server, ADA, CLUB)
    asker = Asker()
    stranger_id = await server.press(BEN, question, "Opening hours")
    await server.press(ADA, question, "Join a group of people")
    async with running(server, asker):
        answer = await server.next_message(CLUB)
        await server.until(lambda: len(server.answered) == 2)
    await server.press(ADA, answer, "Opening hours")
    async with running(server, asker):
        await server.next_message(CLUB)
    assert asker.pressed == ["join:2", "hours"]
    assert server.answered[stranger_id] == said("not_yours", "en")


async def test_press_under_an_old_message(server: TelegramServer) -> None:
    """Telegram shows an old message no longer; the choice counts, only its title is not known."""
    asker = Asker()
    async with running(server, asker):
        question = await ask(server, ADA, CLUB)
        await server.press(ADA, question, "Opening hours", is_old=True)
        await server.next_message(CLUB)
    (_, pressed) = asker.seen
    assert (pressed.choice_id, pressed.text, pressed.key) == ("hours", "", asker.seen[0].key)
    assert titles(question) == []


async def test_press_that_nobody_made_for_us_is_acknowledged(server: TelegramServer) -> None:
    """A button of another program with the same token, or none of any message, leaves nobody waiting."""
    asker = Asker()
    base = {"from": ADA, "chat_instance": "1"}
    async with running(server, asker):
        question = await ask(server, ADA)
        for query_id, more in [("a", {"data": "other", "message": question}), ("b", {"data": "c:1:x"}), ("c", {})]:
            server._pressed.add(query_id)
            await server.send_update({"callback_query": {"id": query_id, **base, **more}})
        await server.until(lambda: len(server.answered) == 3)
        await ask(server, ADA)
    assert asker.pressed == []


@pytest.mark.parametrize("method", ["answerCallbackQuery", "editMessageText"])
@pytest.mark.parametrize("fault", [400, 403, 502, "drop"])
async def test_what_fails_beside_the_answer_is_passed_over(
    server: TelegramServer, caplog: pytest.LogCaptureFixture, method: str, fault: Any
) -> None:
    """A press that is too old, a question that is gone, a right that is missing: the answer comes."""
    async with running(server, Asker()):
        question = await ask(server, ADA)
        server.fail_next(method, fault)
        await server.press(ADA, question, "Opening hours")
        assert (await server.next_message(private(ADA)))["text"] == "hours: Opening hours"
        await server.wait_for(method)
    assert warnings(caplog) == []


async def test_two_presses_and_a_deleted_question(server: TelegramServer, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever presses twice before the buttons go is heard twice; what cannot be changed again is passed over."""
    asker = Asker()
    async with running(server, asker):
        question = await ask(server, ADA)
        shown = dict(question)
        for _ in range(2):
            await server.press(ADA, shown, "Opening hours")
            await server.next_message(private(ADA))
        del server._history[private(ADA)["id"], question["message_id"]]
        await server.press(ADA, shown, "Opening hours")
        await server.next_message(private(ADA))
    assert asker.pressed == ["hours"] * 3
    assert warnings(caplog) == []


# Images and files.


def with_attachments(*attachments: ReplyAttachment) -> Any:
    async def handler(_: IncomingMessage, __: Progress) -> Reply:
        return Reply("Look!", choices=CHOICES, attachments=attachments)

    return handler


async def test_images_and_files_arrive(server: TelegramServer, tmp_path: Path) -> None:
    """From the web Telegram fetches them, what lies here is uploaded; they follow the text."""
    (tmp_path / "map.png").write_bytes(b"\x89PNG picture")
    (tmp_path / 'the "rules".pdf').write_bytes(b"%PDF rules")
    handler = with_attachments(
        ReplyAttachment(PICTURE, is_image=True),
        ReplyAttachment("https://example.org/rules.zip", is_image=False),
        ReplyAttachment(str(tmp_path / "map.png"), is_image=True),
        ReplyAttachment(str(tmp_path / 'the "rules".pdf'), is_image=False),
    )
    async with running(server, handler):
        await server.say(ADA, FORUM, "/help", topic=7)
        text, *others = [await server.next_message(FORUM) for _ in range(5)]
    assert text["text"] == "Look!"
    assert titles(text) == [["Opening hours"], ["Join a group of people"]]
    assert [next(kind for kind in ("photo", "document") if kind in m) for m in others] == [
        "photo", "document", "photo", "document",
    ]  # fmt: skip
    assert {message["message_thread_id"] for message in [text, *others]} == {7}
    photos, documents = server.calls_of("sendPhoto"), server.calls_of("sendDocument")
    assert photos[0].params["photo"] == PICTURE
    assert (photos[1].params["photo"], photos[1].files["photo"]) == ("map.png", b"\x89PNG picture")
    assert documents[0].params["document"] == "https://example.org/rules.zip"
    assert documents[1].params["document"] == "the _rules_.pdf"
    assert documents[1].files["document"] == b"%PDF rules"


async def test_address_that_telegram_does_not_fetch_is_a_link(server: TelegramServer) -> None:
    """It fetches some kinds of file only, and small ones; a member can open the rest."""
    server.unfetchable.add(PICTURE)
    async with running(server, with_attachments(ReplyAttachment(PICTURE, is_image=True))):
        await server.say(ADA, None, "go")
        assert [(await server.next_message())["text"] for _ in range(2)] == ["Look!", PICTURE]


async def test_text_goes_without_what_cannot_be_read(
    server: TelegramServer, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """A file that is missing, none, or too large is a line in the log that names it; the others arrive."""
    with (tmp_path / "large.png").open("wb") as large:
        large.truncate(50_000_001)
    (tmp_path / "small.png").write_bytes(b"x")
    sources = [str(tmp_path / "missing.png"), str(tmp_path), str(tmp_path / "large.png"), "\0"]
    attachments = [ReplyAttachment(source, is_image=True) for source in [*sources, str(tmp_path / "small.png")]]
    async with running(server, with_attachments(*attachments)):
        await server.say(ADA, None, "go")
        text, photo = await server.next_message(), await server.next_message()
    assert (text["text"], "photo" in photo) == ("Look!", True)
    assert [source in line for source, line in zip(sources, warnings(caplog), strict=True)] == [True] * 4


@pytest.mark.parametrize("fault", [413, 502, "drop"])
async def test_text_goes_without_what_telegram_refuses(
    server: TelegramServer, caplog: pytest.LogCaptureFixture, tmp_path: Path, fault: Any
) -> None:
    """Whatever is wrong with a file, the text and the buttons arrive, and the file is not sent again."""
    (tmp_path / "map.png").write_bytes(b"\x89PNG picture")
    server.fail_next("sendPhoto", fault)
    async with running(server, with_attachments(ReplyAttachment(str(tmp_path / "map.png"), is_image=True))):
        message = await ask(server, ADA)
        await server.wait_for("sendPhoto")
        await ask(server, ADA)
    assert message["text"] == "Look!"
    assert titles(message)
    (line,) = warnings(caplog)
    assert "map.png was not sent to Telegram" in line
    assert server.token not in line
