"""Answers that are too long for a few messages of Discord: they become a file, or messages after all."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from adapters.base import IncomingMessage, Progress, Reply, ReplyAttachment
from adapters.discord_sending import FILE_NAME, to_parts
from tests.bots import BotOf, said
from tests.e2e.discord_payloads import Json
from tests.e2e.discord_runs import COMMANDS, make_adapter, running
from tests.e2e.discord_server import DiscordServer

ANY_MESSAGE = r"/channels/\d+/messages"
OPENING = "What follows are the **rules** of the club."
RULES = "\n\n".join(f"{i}. " + "Nobody leaves the garden gate open. " * 40 for i in range(1, 9))
LONG = f"{OPENING}\n\n{RULES}"


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    async with DiscordServer() as server:
        yield server


def answering(**fields: Any) -> BotOf:
    async def answer(_: IncomingMessage, __: Progress) -> Reply:
        return Reply(**({"text": LONG} | fields))

    return BotOf(answer, COMMANDS)


@pytest.fixture
def run(server: DiscordServer, tmp_path: Path) -> Any:
    return lambda bot: running(make_adapter(server, tmp_path / "state", bot=bot))


async def test_long_answer_becomes_a_file(server: DiscordServer, run: Any, ann: Json) -> None:
    """One message shows its first paragraph and says where the whole is, which is in the file letter by letter."""
    bot = answering(text=LONG + " ü \ud83d", answer_id="a1", can_vote=True)
    async with run(bot):
        await server.say(ann, server.dm(ann), "rules?")
        message, _ = await server.next_message()
    assert message["content"] == f"{OPENING}\n\n{said('whole_in_file', file=FILE_NAME)}"
    (request,) = server.requests_to("POST", ANY_MESSAGE)
    assert request.files == [(FILE_NAME, (LONG + " ü \ufffd").encode())]
    assert len(message["components"][0]["components"]) == 2
    assert bot.sent_ids == {"a1": [message["id"]]}


async def test_four_messages_are_no_file(server: DiscordServer, run: Any, ann: Json) -> None:
    """Only what is longer is one."""
    async with run(answering(text="word " * 1_590)):
        await server.say(ann, server.dm(ann), "go")
        messages = [(await server.next_message())[0] for _ in range(4)]
    assert all(message["attachments"] == [] for message in messages)


@pytest.mark.parametrize("command", ["help", "ask"])
async def test_long_answer_to_a_command_is_a_file_too(server: DiscordServer, run: Any, ann: Json, command: str) -> None:
    """It takes the place of the acknowledgement, seen by all or by one."""
    async with run(answering()):
        used = await server.slash(ann, server.general, command, **({"question": "why?"} if command == "ask" else {}))
        answer = await used.final()
    assert answer.content == f"{OPENING}\n\n{said('whole_in_file', 'de', file=FILE_NAME)}"
    assert [attachment["filename"] for attachment in answer.message["attachments"]] == [FILE_NAME]


async def test_file_leaves_room_for_others(
    server: DiscordServer, run: Any, ann: Json, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Ten files are what a message holds: the answer itself comes first."""
    attachments = []
    for i in range(10):
        (tmp_path / f"{i}.txt").write_text("x")
        attachments.append(ReplyAttachment(str(tmp_path / f"{i}.txt"), is_image=False))
    async with run(answering(attachments=tuple(attachments))):
        await server.say(ann, server.dm(ann), "go")
        await server.next_message()
    (request,) = server.requests_to("POST", ANY_MESSAGE)
    assert [name for name, _ in request.files] == [FILE_NAME, *(f"{i}.txt" for i in range(9))]
    assert "only 9 of 10 files are sent with an answer" in caplog.messages


@pytest.mark.parametrize("is_command", [False, True], ids=["message", "command"])
async def test_refused_file_is_spelled_out(
    server: DiscordServer, run: Any, ann: Json, caplog: pytest.LogCaptureFixture, is_command: bool
) -> None:
    """Where the bot may not attach files, the whole answer stands in messages, with its buttons under the last."""
    method, path = ("PATCH", r"/webhooks/.*") if is_command else ("POST", ANY_MESSAGE)
    server.fail_next(method, path, 403, code=50013)
    bot = answering(answer_id="a1", can_vote=True)
    async with run(bot):
        if is_command:
            used = await server.slash(ann, server.general, "ask", question="why?")
            messages = [(await used.final()).message for _ in range(8)]
        else:
            await server.say(ann, server.general, "rules?", mention_bot=True)
            messages = [(await server.next_message())[0] for _ in range(8)]
    assert "".join("".join(m["content"] for m in messages).split()) == "".join(LONG.split())
    assert [bool(message["components"]) for message in messages] == [False] * 7 + [True]
    assert bot.sent_ids == {"a1": [message["id"] for message in messages]}
    (line,) = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING and r.name.startswith("adapters")]
    assert "403, error 50013" in line


@pytest.mark.parametrize(
    ("text", "opening"),
    [
        ("\n\nFirst.\n\nSecond.\n" + "word " * 2_000, "First."),
        ("```python\na = 1\n\nb = 2\n```\n\n" + "word " * 2_000, "```python\na = 1\n\nb = 2\n```"),
        ("word " * 2_500, ("word " * 200).strip()),
    ],
    ids=["blank lines before", "code with a blank line", "one paragraph"],
)
async def test_opening_is_cut_well(text: str, opening: str) -> None:
    """It is the first paragraph; code in it stays code, and one that is long itself is cut between words."""
    (part,) = await to_parts(Reply(text), "1")
    assert part.text == f"{opening}\n\n{FILE_NAME}"
