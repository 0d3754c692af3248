"""Buttons, menus, images and files in Discord: the real library against a local Discord, and nothing kept in memory."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from adapters.base import IncomingMessage, Progress, Reply, ReplyAttachment, ReplyChoice
from adapters.discord_sending import FILE_BYTES
from tests.bots import said
from tests.e2e import discord_payloads as payloads
from tests.e2e.discord_payloads import Json
from tests.e2e.discord_runs import Gate, Run, make_adapter, running
from tests.e2e.discord_server import EPHEMERAL, DiscordServer

SUPPRESS_EMBEDS = 4
CHOICES = (ReplyChoice("hours", "Opening hours"), ReplyChoice("join:2", "Join a group"))
ANY_MESSAGE = r"/channels/\d+/messages"
ANY_CALLBACK = r"/interactions/.*/callback"
PICTURE = "https://example.org/chess.png"


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
async def server() -> AsyncIterator[DiscordServer]:
    async with DiscordServer() as server:
        yield server


@pytest.fixture
def run(server: DiscordServer, tmp_path: Path) -> Any:
    return lambda handler: running(make_adapter(server, tmp_path / "state", handler))


def labels(message: Json) -> list[list[str]]:
    return [[button["label"] for button in row["components"]] for row in message["components"]]


def lines(message: Json) -> list[str]:
    """What the menu under a message offers; there is nothing else."""
    ((menu,),) = [row["components"] for row in message["components"]]
    return [option["label"] for option in menu["options"]]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    ours = [record for record in caplog.records if record.name.startswith("adapters")]
    return [record.getMessage() for record in ours if record.levelno >= logging.WARNING]


def unsent(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what is said of answers that did not arrive, if only for debugging."""
    return [line for record in caplog.records if "could not be sent" in (line := record.getMessage())]


async def ask(server: DiscordServer, user: Json, channel: Json) -> Json:
    """Say something that is answered with choices; return the answer."""
    await server.say(user, channel, "hello", mention_bot=channel["type"] != payloads.DM)
    message, _ = await server.next_message(channel)
    return message


def offering(choices: Sequence[ReplyChoice]) -> Any:
    """A handler that offers choices under an answer of two parts, and says which one was chosen."""

    async def handler(message: IncomingMessage, _: Progress) -> Reply:
        if message.choice_id is not None:
            return Reply(f"{message.choice_id}: {message.text}")
        return Reply("word " * 500, choices=tuple(choices))

    return handler


async def ask_at_length(server: DiscordServer, user: Json, channel: Json) -> Json:
    """Say something that is answered in two parts; return the second."""
    await server.say(user, channel, "go", mention_bot=True)
    first, last = [(await server.next_message())[0] for _ in range(2)]
    assert first["components"] == []
    return last


async def test_a_few_short_choices_become_buttons(server: DiscordServer, run: Any, ann: Json) -> None:
    """They stand in a row, under the last part of the answer, in their order."""
    async with run(offering([ReplyChoice(f"n{i}", f"Choice {i}") for i in range(5)])):
        last = await ask_at_length(server, ann, server.general)
    assert labels(last) == [[f"Choice {i}" for i in range(5)]]


@pytest.mark.parametrize(
    "titles", [[f"Choice {i}" for i in range(25)], ["A title of many words " * 4, "No"]], ids=["many", "long"]
)
async def test_other_choices_become_a_menu(server: DiscordServer, run: Any, ann: Json, titles: list[str]) -> None:
    """What was chosen there is a message like a pressed button; afterwards it stands there alone, and for good."""
    choices = [ReplyChoice(f"n{i}", title) for i, title in enumerate(titles)]
    async with run(offering(choices)):
        question = await ask_at_length(server, ann, server.general)
        assert lines(question) == [title.strip() for title in titles]
        interaction = await server.choose(ann, question, "No" if len(titles) == 2 else "Choice 9")
        answer = await interaction.next_followup()
    assert answer.content == ("n1: No" if len(titles) == 2 else "n9: Choice 9")
    assert labels(question) == [[answer.content.split(": ")[1]]]
    assert question["components"][0]["components"][0]["disabled"] is True


async def test_menu_is_for_the_person_asked_and_for_later_starts(server: DiscordServer, run: Any, ann: Json) -> None:
    """Another person is turned away, and the menu stays; a bot that knows nothing of it reads it."""
    handler = offering([ReplyChoice(f"n{i}", f"Choice {i}") for i in range(7)])
    async with run(handler):
        question = await ask_at_length(server, ann, server.general)
    async with run(handler):
        stranger = await server.choose(payloads.user("ben"), question, "Choice 1")
        await stranger.deferred()
        assert stranger.callback is not None
        assert stranger.callback["data"]["content"] == said("not_yours", "de")
        assert stranger.callback["data"]["flags"] & EPHEMERAL
        interaction = await server.choose(ann, question, "Choice 2")
        assert (await interaction.next_followup()).content == "n2: Choice 2"


async def test_odd_choices_do_not_cost_the_answer(
    server: DiscordServer, run: Any, ann: Json, caplog: pytest.LogCaptureFixture
) -> None:
    """Long titles are cut; what cannot be shown is left out with a line in the log, and the rest is there."""
    odd = [ReplyChoice("blank", " \n "), ReplyChoice("n1", "twice"), ReplyChoice("ü", "no id"), ReplyChoice("", "none")]
    many = [ReplyChoice(f"n{i}", f"{i} " + "long title \ud83d " * 20) for i in range(30)]
    async with run(offering((*many[:2], *odd, *many[2:]))):
        titles = lines(await ask_at_length(server, ann, server.general))
    assert [title.split()[0] for title in titles] == [str(i) for i in range(25)]
    assert max(map(len, titles)) <= 100
    assert warnings(caplog) == ["9 of 34 choices cannot be shown and are left out"]


@pytest.mark.parametrize("place", ["direct", "general", "thread"])
async def test_press_is_a_message(server: DiscordServer, run: Any, ann: Json, place: str) -> None:
    """It has the choice's id and title, the same key as what the person writes there, and is meant for the bot."""
    channel = server.dm(ann) if place == "direct" else getattr(server, place)
    asker = Asker()
    async with run(asker):
        question = await ask(server, ann, channel)
        interaction = await server.press(ann, question, "Join a group")
        answer = await interaction.next_followup()
    said, pressed = asker.seen
    assert (pressed.choice_id, pressed.text, pressed.is_addressed) == ("join:2", "Join a group", True)
    assert (pressed.key, pressed.is_direct, pressed.display_name) == (said.key, said.is_direct, "Ann")
    assert pressed.server_name == said.server_name == ("" if place == "direct" else "Allotment")
    assert (answer.content, answer.is_ephemeral) == ("join:2: Join a group", False)
    assert answer.body["flags"] == SUPPRESS_EMBEDS
    assert answer.body["allowed_mentions"] == {"parse": []}


async def test_a_press_that_finds_no_room_leaves_the_buttons(server: DiscordServer, run: Any, ann: Json) -> None:
    """Whoever is told to try again can do so."""
    gate = Gate()

    async def slow(message: IncomingMessage, progress: Progress) -> Reply:
        if message.text.isdecimal():
            await gate(message, progress)
        return Reply(message.text, choices=CHOICES)

    async with run(slow):
        question = await ask(server, ann, server.general)
        await server.say(ann, server.general, "0", mention_bot=True)
        await gate.entered.wait()
        for number in range(1, 51):  # as many as can wait
            await server.say(ann, server.general, str(number), mention_bot=True)
        refused = await server.press(ann, question, "Opening hours")
        assert (await refused.next_followup()).content == said("busy", "de")
        gate.opened.set()
        for _ in range(51):
            await server.next_message(server.general)
        again = await server.press(ann, question, "Opening hours")
        assert (await again.next_followup()).content == "Opening hours"


async def test_press_is_acknowledged_at_once(server: DiscordServer, run: Any, ann: Json) -> None:
    """Before the answer is known, and before what the same person asked earlier is answered; typing shows meanwhile."""
    gate = Gate()

    async def slow(message: IncomingMessage, progress: Progress) -> Reply:
        if message.choice_id or message.text == "earlier":
            await gate(message, progress)
        return Reply(message.text, choices=CHOICES)

    async with run(slow):
        question = await ask(server, ann, server.general)
        await server.say(ann, server.general, "earlier", mention_bot=True)
        await gate.entered.wait()
        interaction = await server.press(ann, question, "Opening hours")
        await interaction.deferred()
        assert interaction.is_update
        await server.wait_request("POST", r"/channels/\d+/typing")
        gate.opened.set()
        assert (await interaction.next_followup()).content == "Opening hours"


async def test_pressed_buttons_give_way_to_the_chosen_one(server: DiscordServer, run: Any, ann: Json) -> None:
    """Under the question stands what was chosen, and cannot be pressed again; its text stays."""
    async with run(Asker()):
        question = await ask(server, ann, server.general)
        interaction = await server.press(ann, question, "Opening hours")
        await interaction.next_followup()
    assert labels(question) == [["Opening hours"]]
    assert question["components"][0]["components"][0]["disabled"] is True
    assert question["content"] == "Which one?"


async def test_only_the_person_asked_may_press(server: DiscordServer, run: Any, ann: Json) -> None:
    """Anybody else is told so, and nobody else sees that; the buttons stay for whom they are."""
    asker = Asker()
    async with run(asker):
        question = await ask(server, ann, server.general)
        interaction = await server.press(payloads.user("ben"), question, "Opening hours")
        await interaction.deferred()
        assert interaction.callback is not None
        assert interaction.callback["data"]["content"] == said("not_yours", "de")
        assert interaction.callback["data"]["flags"] & EPHEMERAL
        assert asker.pressed == []
        await (await server.press(ann, question, "Opening hours")).next_followup()
    assert asker.pressed == ["hours"]


async def test_press_after_a_restart(server: DiscordServer, run: Any, ann: Json) -> None:
    """The bot that is asked need not be the one that offered: nothing is kept in memory, for strangers neither."""
    async with run(Asker()):
        question = await ask(server, ann, server.general)
    asker = Asker()
    async with run(asker):
        stranger = await server.press(payloads.user("ben"), question, "Opening hours")
        await stranger.deferred()
        interaction = await server.press(ann, question, "Join a group")
        answer = await interaction.next_followup()
    async with run(asker):
        interaction = await server.press(ann, answer.message, "Opening hours")
        await interaction.next_followup()
    assert asker.pressed == ["join:2", "hours"]


@pytest.mark.parametrize(("command", "is_hidden"), [("help", True), ("ask", False)])
async def test_answer_is_as_public_as_the_question(
    server: DiscordServer, run: Any, ann: Json, command: str, is_hidden: bool
) -> None:
    """Choices that only the asking person sees are answered for that person alone, and others for everyone."""
    options = {"question": "why?"} if command == "ask" else {}
    async with run(Asker()):
        used = await server.slash(ann, server.general, command, **options)
        question = await used.final()
        assert labels(question.message) == [["Opening hours", "Join a group"]]
        interaction = await server.press(ann, question.message, "Opening hours")
        answer = await interaction.next_followup()
    assert (answer.content, answer.is_ephemeral) == ("hours: Opening hours", is_hidden)


async def test_private_answer_to_a_press_stays_private(server: DiscordServer, run: Any, ann: Json) -> None:
    """What the bot says in private reaches the asking person alone, though the question was public."""

    async def whisper(message: IncomingMessage, _: Progress) -> Reply:
        return Reply("psst", private=message.choice_id is not None, choices=CHOICES)

    async with run(whisper):
        interaction = await server.press(ann, await ask(server, ann, server.general), "Opening hours")
        assert (await interaction.next_followup()).is_ephemeral


async def test_nothing_follows_a_press_without_a_reply(server: DiscordServer, run: Any, ann: Json) -> None:
    """A handler that returns None leaves the press without an answer, and nobody waiting."""

    async def mute(message: IncomingMessage, _: Progress) -> Reply | None:
        return None if message.choice_id else Reply("Which one?", choices=CHOICES)

    async with run(mute):
        interaction = await server.press(ann, await ask(server, ann, server.general), "Opening hours")
        assert (await interaction.next_answer()).kind == "edit"
        await ask(server, ann, server.general)
    assert [answer.kind for answer in interaction.answers] == ["edit"]


async def test_press_delivered_twice_is_one_press(
    server: DiscordServer, run: Any, ann: Json, caplog: pytest.LogCaptureFixture
) -> None:
    """A resumed session may deliver again what was taken."""
    asker = Asker()
    async with run(asker):
        interaction = await server.press(ann, await ask(server, ann, server.general), "Opening hours")
        await server.gateway.repeat_last_event()
        await interaction.next_followup()
        await ask(server, ann, server.general)
    assert asker.pressed == ["hours"]
    assert warnings(caplog) == []


@pytest.mark.parametrize(("status", "code"), [(404, 10062), (400, 40060)], ids=["expired", "acknowledged already"])
@pytest.mark.parametrize("is_stranger", [False, True], ids=["owner", "stranger"])
async def test_press_that_cannot_be_acknowledged_is_a_line_in_the_log(
    server: DiscordServer,
    run: Any,
    ann: Json,
    caplog: pytest.LogCaptureFixture,
    status: int,
    code: int,
    is_stranger: bool,
) -> None:
    """Discord tells the person that it failed, so it counts for nothing; the next press does."""
    asker = Asker()
    caplog.set_level(logging.DEBUG, "adapters")
    async with run(asker):
        question = await ask(server, ann, server.general)
        server.fail_next("POST", ANY_CALLBACK, status, code=code)
        await server.press(payloads.user("ben") if is_stranger else ann, question, "Opening hours")
        await server.wait_request("POST", ANY_CALLBACK)
        await (await server.press(ann, question, "Join a group")).next_followup()
    assert asker.pressed == ["join:2"]
    (line,) = unsent(caplog)
    assert line.endswith(f"{status}, error {code}")


@pytest.mark.parametrize(("status", "code"), [(404, 10008), (403, 50001)], ids=["deleted", "forbidden"])
async def test_question_that_cannot_be_changed_is_answered(
    server: DiscordServer, run: Any, ann: Json, caplog: pytest.LogCaptureFixture, status: int, code: int
) -> None:
    """The buttons of a message that is gone need not be taken away."""
    async with run(Asker()):
        question = await ask(server, ann, server.general)
        server.fail_next("PATCH", r"/webhooks/.*", status, code=code)
        interaction = await server.press(ann, question, "Opening hours")
        assert (await interaction.next_followup()).content == "hours: Opening hours"
    assert warnings(caplog) == []


async def test_press_that_cannot_be_answered_is_a_line_in_the_log(
    server: DiscordServer, run: Any, ann: Json, caplog: pytest.LogCaptureFixture
) -> None:
    """An answer that Discord does not take stops nothing."""
    caplog.set_level(logging.DEBUG, "adapters")
    async with run(Asker()):
        question = await ask(server, ann, server.general)
        server.fail_next("POST", r"/webhooks/.*", 404, code=10015)
        await server.press(ann, question, "Opening hours")
        await server.wait_request("POST", r"/webhooks/.*")
        await ask(server, ann, server.general)
    assert unsent(caplog) == ["an answer could not be sent: NotFound 404, error 10015"]


async def test_stop_finishes_the_press_in_flight(server: DiscordServer, ann: Json, tmp_path: Path) -> None:
    """A stop lets the answer out, and takes no further press."""
    gate, question = Gate(), {}

    async def gated(message: IncomingMessage, progress: Progress) -> Reply:
        return await gate(message, progress) if message.choice_id else Reply("Which one?", choices=CHOICES)

    at_work: Run
    async with running(make_adapter(server, tmp_path / "state", gated)) as at_work:
        question = await ask(server, ann, server.general)
        interaction = await server.press(ann, question, "Opening hours")
        await gate.entered.wait()
        at_work.stopping.set()
        asyncio.get_running_loop().call_soon(gate.opened.set)
        assert (await interaction.next_followup()).content == "Opening hours"


# Images and files.


def with_attachments(*attachments: ReplyAttachment) -> Any:
    async def handler(_: IncomingMessage, __: Progress) -> Reply:
        return Reply("Look!", choices=CHOICES, attachments=attachments)

    return handler


async def test_images_and_files_arrive(server: DiscordServer, run: Any, ann: Json, tmp_path: Path) -> None:
    """Images on the web are embedded, files on the web are links, and what lies here is uploaded, in one message."""
    (tmp_path / 'a "map".png').write_bytes(b"\x89PNG picture")
    (tmp_path / "rules.pdf").write_bytes(b"%PDF rules")
    handler = with_attachments(
        ReplyAttachment(PICTURE, is_image=True),
        ReplyAttachment("https://example.org/rules.zip", is_image=False),
        ReplyAttachment(str(tmp_path / 'a "map".png'), is_image=True),
        ReplyAttachment(str(tmp_path / "rules.pdf"), is_image=False),
    )
    async with run(handler):
        await server.say(ann, server.dm(ann), "go")
        message, body = await server.next_message()
    assert message["content"] == "Look!\nhttps://example.org/rules.zip"
    assert [embed["image"]["url"] for embed in message["embeds"]] == [PICTURE]
    assert not body["flags"] & SUPPRESS_EMBEDS
    assert server.requests_to("POST", ANY_MESSAGE)[0].files == [
        ("a _map_.png", b"\x89PNG picture"),
        ("rules.pdf", b"%PDF rules"),
    ]
    assert labels(message) == [["Opening hours", "Join a group"]]


async def test_answers_to_commands_and_presses_have_attachments(
    server: DiscordServer, run: Any, ann: Json, tmp_path: Path
) -> None:
    """An upload takes the place of an acknowledgement, or follows a press, like any answer."""
    (tmp_path / "rules.pdf").write_bytes(b"%PDF rules")
    async with run(with_attachments(ReplyAttachment(str(tmp_path / "rules.pdf"), is_image=False))):
        used = await server.slash(ann, server.general, "ask", question="rules?")
        first = await used.final()
        interaction = await server.press(ann, first.message, "Opening hours")
        second = await interaction.next_followup()
    for answer in (first, second):
        assert answer.content == "Look!"
        assert [attachment["filename"] for attachment in answer.message["attachments"]] == ["rules.pdf"]


async def test_text_goes_without_what_cannot_be_read(
    server: DiscordServer, run: Any, ann: Json, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """A file that is missing, none, or too large is a line in the log that names it."""
    (tmp_path / "large.bin").write_bytes(b"x" * (FILE_BYTES + 1))
    sources = [str(tmp_path / "missing.png"), str(tmp_path), str(tmp_path / "large.bin"), "\0"]
    async with run(with_attachments(*(ReplyAttachment(source, is_image=True) for source in sources))):
        await server.say(ann, server.dm(ann), "go")
        message, body = await server.next_message()
    assert message["content"] == "Look!"
    assert "attachments" not in body
    assert [source in line for source, line in zip(sources, warnings(caplog), strict=True)] == [True] * 4


@pytest.mark.parametrize(("status", "code"), [(403, 50013), (413, 40005), (400, 50035)])
@pytest.mark.parametrize("is_command", [False, True], ids=["message", "command"])
async def test_text_goes_without_what_discord_refuses(
    server: DiscordServer,
    run: Any,
    ann: Json,
    caplog: pytest.LogCaptureFixture,
    status: int,
    code: int,
    is_command: bool,
) -> None:
    """Whatever is wrong with an attachment, the text and the buttons arrive."""
    server.fail_next("PATCH" if is_command else "POST", rf"{ANY_MESSAGE}|/webhooks/.*", status, code=code)
    async with run(with_attachments(ReplyAttachment(PICTURE, is_image=True))):
        if is_command:
            used = await server.slash(ann, server.general, "help")
            message = (await used.final()).message
        else:
            message = await ask(server, ann, server.general)
    assert (message["content"], message["embeds"]) == ("Look!", [])
    assert labels(message) == [["Opening hours", "Join a group"]]
    (line,) = warnings(caplog)
    assert f"{status}, error {code}" in line


async def test_text_whose_receipt_is_lost_stands_once(server: DiscordServer, run: Any, ann: Json) -> None:
    """When an error hides that an answer was taken, with its image, no second one is added."""
    server.fail_next("POST", ANY_MESSAGE, 403, after_effect=True)  # 5xx, which the library repeats slowly, ends so too
    async with run(with_attachments(ReplyAttachment(PICTURE, is_image=True))):
        await server.say(ann, server.dm(ann), "go")
        await server.wait_request("POST", ANY_MESSAGE, 2)
    assert [m["content"] for m in server.messages.values() if m["author"] == server.bot] == ["Look!"]
