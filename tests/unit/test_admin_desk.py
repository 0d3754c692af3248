"""Admins' commands through the handler, as adapters call it: what each answers, to whom, and how arguments complete."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.base import Reply
from bot.admin_commands import ADMIN_COMMANDS
from bot.admin_desk import INBOX_OFF, OVERHEARD, completions
from bot.assembly import Stores
from bot.config import Settings
from bot.handler import MessageHandler
from bot.inference import Inference
from bot.metrics import Summary
from bot.stats_text import Serving, resident_bytes, spoken_duration, stats_text
from bot.why import NOT_KNOWN
from intents.reading import read_intents
from tests.unit.fakes import CATALOG, FALLBACKS, FakeClassifier, Sentences, handler_of, said, stores_of

INTENTS = {
    "intents": [
        {"tag": intent.tag, "patterns": list(intent.patterns), "responses": [one.text for one in intent.responses]}
        for intent in CATALOG.intents
    ]
}


class Desk:
    """A handler over a directory of its own, and an admin who talks to it."""

    def __init__(self, directory: Path, handler: MessageHandler, stores: Stores) -> None:
        self.directory = directory
        self.intents_path = directory / "intents.json"
        self.handler = handler
        self.stores = stores

    async def say(self, text: str, user: str = "boss", **changes: Any) -> Reply:
        reply = await self.handler.answer(said(text, user, **changes), Sentences())
        assert reply is not None
        return reply

    async def admin(self, text: str, **changes: Any) -> str:
        """What an admin reads, and nobody else."""
        reply = await self.say(text, command="admin", **changes)
        assert reply.private
        return reply.text


def settings_in(directory: Path, **changes: Any) -> Settings:
    return Settings(
        discord_admin_ids=frozenset({"boss"}),
        telegram_admin_ids=frozenset({"chief"}),
        intents_path=directory / "intents.json",
        models_dir=directory / "models",
        state_dir=directory / "state",
        inbox="text",
        **changes,
    )


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    (tmp_path / "intents.json").write_text(json.dumps(INTENTS, indent=1), encoding="utf-8")
    classifier = FakeClassifier()
    classifier.bundle.features = SimpleNamespace(ngrams=None)
    classifier.bundle.manifest = SimpleNamespace(created_at="2026-01-01T00:00:00+00:00")
    inference = Inference(classifier)  # type: ignore[arg-type]
    settings = settings_in(tmp_path)
    stores = await stores_of(settings=settings)
    reloader = SimpleNamespace(models_dir=settings.models_dir)
    yield Desk(tmp_path, handler_of(stores, inference, settings=settings, reloader=reloader), stores)
    inference.close()
    stores.export.remove()
    await stores.database.close()


@pytest.mark.parametrize("command", [command.name for command in ADMIN_COMMANDS])
async def test_strangers_learn_and_change_nothing(desk: Desk, command: str) -> None:
    """Whatever command they send, written in whichever way; the file stays as it was."""
    before = desk.intents_path.read_text("utf-8")
    name, _, rest = command.partition(" ")
    for message in ({"command": command, "text": "greeting ahoy"}, {"command": name, "text": f"{rest} greeting ahoy"}):
        told = await desk.say(message["text"], "ann", command=message["command"])
        assert (told.private, told.attachments) == (True, ())
        assert "nly admins" in told.text
    assert await desk.handler.complete(said("", "ann", command="admin teach"), "intent") == ()
    assert desk.intents_path.read_text("utf-8") == before


async def test_why_explains_by_reply_by_id_and_the_last(desk: Desk) -> None:
    """Also what another member asked here; an admin's own commands are no answers."""
    assert await desk.admin("why") == NOT_KNOWN
    reply = await desk.say("hello", "ann", message_id="7")
    assert reply.answer_id is not None
    desk.handler.sent(reply.answer_id, ["8"])
    assert (await desk.say("how to fly", "ann", message_id="9")).text in FALLBACKS
    last = await desk.admin("why")
    assert "`how to fly` got a fallback." in last
    assert await desk.admin("why") == last
    by_reply = await desk.admin("why", replied_id="8")
    assert "`hello` was answered as greeting." in by_reply
    assert "a pattern of greeting, word for word" in by_reply
    assert await desk.admin(f"why {reply.answer_id}", conversation_id="elsewhere") == by_reply
    assert await desk.admin("why", conversation_id="elsewhere") == NOT_KNOWN
    menu = await desk.say("", command="admin why", replied_id="8")
    assert menu.text == by_reply


async def test_teach_and_undo_change_the_file(desk: Desk) -> None:
    """A form's arguments arrive as one text; what is replied to is never the pattern."""
    told = await desk.say("greeting ahoy there", command="admin teach", replied_id="8")
    assert "`ahoy there` to greeting" in told.text
    assert "ahoy there" in patterns(desk.intents_path)
    await desk.say("strange words", "ann", message_id="8")
    assert "Type an intent" in (await desk.say("greeting", command="admin teach", replied_id="8")).text
    assert "`ahoy there`" in await desk.admin("undo")
    assert "ahoy there" not in patterns(desk.intents_path)


def patterns(path: Path) -> list[str]:
    return [pattern for one in read_intents(path).intents for pattern in one.intent.patterns]


async def test_unanswered_shows_exports_and_clears(desk: Desk) -> None:
    """Groups to read, a file of everything, and an end; who asked stands nowhere."""
    assert await desk.admin("unanswered") == "The inbox is empty."
    for text in ("how to fly", "How to fly?", "hello"):
        await desk.say(text, "ann")
    listed = await desk.admin("unanswered")
    assert listed.startswith("2 x not answered\n   `How to fly?`")
    assert "/admin teach" in listed
    reply = await desk.say("unanswered export", command="admin")
    (attachment,) = reply.attachments
    path = Path(attachment.source)
    assert path.is_absolute()
    assert (mode(path), attachment.is_image) == (0o600, False)
    assert [row["text"] for row in rows(path)] == ["How to fly?"]
    assert "ann" not in repr(rows(path))
    assert "Expected" in await desk.admin("unanswered all")
    assert await desk.admin("unanswered clear") == "The inbox is empty now; entries that are gone: 1."
    assert not is_there(path)
    assert await desk.admin("unanswered export") == "The inbox is empty."


async def test_what_others_ask_is_told_to_admins_alone(desk: Desk) -> None:
    """Telegram has no private answers in groups, so there the inbox and other conversations stay closed."""
    group = {"platform": "telegram", "user": "chief", "conversation_id": "-1", "is_direct": False}
    answered = await desk.say("how to fly", "ann")
    for command in ("unanswered", "unanswered export", f"why {answered.answer_id}"):
        assert (await desk.say(command, command="admin", **group)).text == OVERHEARD
    own_chat = group | {"conversation_id": "chief", "is_direct": True}
    assert "how to fly" in await desk.admin("unanswered", **own_chat)
    assert "how to fly" in await desk.admin(f"why {answered.answer_id}", **own_chat)


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def is_there(path: Path) -> bool:
    return path.exists()


async def test_who_is_forgotten_is_in_no_exported_file(desk: Desk) -> None:
    """The file does not say whose a text is, so it goes as a whole."""
    await desk.say("how to fly", "ann")
    reply = await desk.say("unanswered export", command="admin")
    await desk.say("", "ann", command="forgetme")
    assert not is_there(Path(reply.attachments[0].source))
    assert await desk.admin("unanswered") == "The inbox is empty."
    assert await desk.admin("why") == NOT_KNOWN


async def test_an_inbox_that_is_off_says_how_to_open_it(desk: Desk) -> None:
    """The operator decides, not the admin."""
    desk.stores.inbox.mode = "off"
    assert await desk.admin("unanswered") == INBOX_OFF


async def test_stats_tell_the_figures_since_the_start(desk: Desk) -> None:
    """Of all places together, and of nobody in particular."""
    for text in ("hello", "hello", "when", "how to fly"):
        await desk.say(text, "ann")
    text = await desk.admin("stats")
    assert "Model: model-1, trained " in text
    assert f"{len(CATALOG.intents)} intents, runtime litert." in text
    assert "Messages: discord 5." in text
    assert "exact 3" in text
    assert "below_threshold 1" in text
    assert "Most answered: greeting 2, opening_hours 1." in text
    assert "ann" not in text.replace("channel", "")


def test_stats_are_readable_before_and_after_anything_happened() -> None:
    """Nothing counted is none; ages and bounds are in units that people use."""
    now = datetime(2026, 1, 3, 4, tzinfo=UTC)
    serving = Serving("m", now - timedelta(days=2, hours=4), 3, "litert", 61, 100 * 2**20)
    nothing = Summary({}, {}, None, None, 0, 0, {}, 0, 0, {"discord": False})
    text = stats_text(serving, nothing, {}, now)
    assert text.splitlines()[:4] == [
        "Running for 1 min, 100 MB of memory.",
        "Model: m, trained 2 d 4 h ago, 3 intents, runtime litert.",
        "Platforms: discord not connected.",
        "Messages: none.",
    ]
    much = Summary({"discord": 1}, {"exact": 2, "confident": 5}, 0.005, float("inf"), 1, 0, {"reloaded": 1}, 2, 1, {})
    text = stats_text(serving, much, {f"tag_{number}": number for number in range(9)}, now)
    assert "Answers by reason: confident 5, exact 2." in text
    assert "Most answered: tag_8 8, tag_7 7, tag_6 6, tag_5 5, tag_4 4." in text
    assert "Half of the answers within 5 ms, 99 of 100 took longer than any bound." in text


@pytest.mark.parametrize(
    ("seconds", "spoken"), [(-5, "0 s"), (59, "59 s"), (3_599, "59 min"), (3_660, "1 h 1 min"), (90_000, "1 d 1 h")]
)
def test_durations_have_two_units(seconds: float, spoken: str) -> None:
    """Rounded down; a clock that went back shows nothing below zero."""
    assert spoken_duration(seconds) == spoken


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells it so")
def test_the_memory_is_that_of_this_process() -> None:
    """In bytes: a Python with NumPy holds more than ten million and less than all."""
    held = resident_bytes()
    assert held is not None
    assert 10e6 < held < 1e12


async def test_arguments_complete(desk: Desk) -> None:
    """Intents by what is typed, those that begin with it first; models by their names; nothing else."""
    version = desk.directory / "models" / "20260101-000000-0123abcd"
    version.mkdir(parents=True)
    (version / "manifest.json").write_text('{"created_at": "2026-01-01T00:00:00+00:00"}')

    async def completed(command: str, argument: str, typed: str) -> list[str]:
        return list(await desk.handler.complete(said(typed, "boss", command=command), argument))

    assert await completed("admin teach", "intent", "ee") == ["greeting", "cheese_yes"]
    assert await completed("admin teach", "intent", "CHEE") == ["cheese_yes"]
    assert await completed("admin teach", "pattern", "x") == []
    assert await completed("admin rollback", "version", "2026") == [version.name]


def test_no_more_completions_than_a_platform_shows() -> None:
    """The first ones, in their order."""
    values = [f"a tag {number}" for number in range(60)]
    assert completions("TAG", values) == values[:25]
    assert completions("tag 5", ["x tag 5", "tag 5"]) == ["tag 5", "x tag 5"]
