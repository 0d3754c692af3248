"""`python -m bot` on both platforms at once: talk, contexts, commands, reloads. One process serves all tests."""

import json
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.e2e.places import PLACES, Json, Place, Servers, place_of
from tests.e2e.process import Process, command, running

if TYPE_CHECKING:
    from tests.conftest import Trained

pytestmark = pytest.mark.asyncio(loop_scope="module")

FALLBACKS = ("I can help with opening hours and pizza.", "Ask me about pizza.")
HOURS = "We are open from 10:00 to 20:00."

ONE_OF_EACH = ["discord server", "telegram private"]
"""For what does not differ between the places of a platform."""


@dataclass
class Bot:
    """The process and what it works on."""

    servers: Servers
    process: Process
    intents_path: Path
    models_dir: Path

    def edit(self, tag: str, **fields: Any) -> None:
        """Change an intent in the file."""
        content = json.loads(self.intents_path.read_text("utf-8"))
        (intent,) = [intent for intent in content["intents"] if intent["tag"] == tag]
        intent.update(fields)
        self.intents_path.write_text(json.dumps(content), "utf-8")

    @property
    def bundle_path(self) -> Path:
        return self.models_dir / (self.models_dir / "current").read_text("utf-8").strip()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(trained_once: "Trained", tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bot]:
    """Both platforms served; at the end a signal, a clean exit, and nothing in the output that should not be there."""
    directory = tmp_path_factory.mktemp("bot")
    intents_path = Path(shutil.copy(trained_once.intents_path, directory / "intents.json"))
    models_dir = Path(shutil.copytree(trained_once.models_dir, directory / "models"))
    servers = Servers.make()
    paths = {"INTENTS_PATH": str(intents_path), "MODELS_DIR": str(models_dir), "STATE_DIR": str(directory / "state")}
    async with (
        servers.discord,
        servers.telegram,
        running(command("bot"), servers.variables | paths, directory) as process,
    ):
        await process.wrote("connected to Discord")
        await process.wrote("connected to Telegram")
        yield Bot(servers, process, intents_path, models_dir)
        assert await process.stop() == 0
    assert process.stdout == ""
    assert "Traceback" not in process.stderr
    assert servers.discord.token not in process.stderr
    assert servers.telegram.token not in process.stderr


@pytest.fixture(autouse=True)
def _no_violations(bot: Bot) -> Iterator[None]:
    """The servers outlast a test, and their own end would not tell which one it was."""
    yield
    assert bot.servers.violations == []


@pytest_asyncio.fixture(loop_scope="module")
async def _files_as_before(bot: Bot) -> AsyncIterator[None]:
    """Put the files back after a test that changes them, and have them served."""
    kept = {path: path.read_bytes() for path in (bot.intents_path, *bot.bundle_path.iterdir())}
    yield
    for path, content in kept.items():
        path.write_bytes(content)
    place = place_of("discord direct", bot.servers)
    assert (await place.use(place.admin, "reload", n_answers=2)).startswith("Reloaded")


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, bot: Bot) -> Place:
    return place_of(request.param, bot.servers)


def one_place(bot: Bot, name: str) -> tuple[Place, Json]:
    """A place by its name, and somebody in it."""
    place = place_of(name, bot.servers)
    return place, place.newcomer("Ann")


async def reload(place: Place) -> str:
    """Reload as an admin: a sentence of progress, then the answer."""
    return await place.use(place.admin, "reload", n_answers=2)


async def test_a_greeting_is_answered_by_name(place: Place) -> None:
    """The shortest conversation there is, on every platform and in every kind of place."""
    assert await place.ask(place.newcomer("Ann"), "hello") in {"Hello Ann!", "Good to see you, Ann."}


async def test_what_is_not_understood_gets_a_fallback(place: Place) -> None:
    """A text of nothing but signs means nothing; the two fallbacks take turns."""
    ann = place.newcomer("Ann")
    assert {await place.ask(ann, "?!"), await place.ask(ann, "?!")} == set(FALLBACKS)


async def test_interleaved_conversations_stay_apart(place: Place) -> None:
    """Two people order at once in one place; a yes means something only to whoever was asked."""
    ann, ben = place.newcomer("Ann"), place.newcomer("Ben")
    assert await place.ask(ann, "I want a pizza") == "With cheese?"
    assert await place.ask(ben, "yes") != "Cheese it is."
    assert await place.ask(ben, "order a pizza please") == "With cheese?"
    assert await place.ask(ann, "yes") == "Cheese it is."
    assert await place.ask(ben, "no thanks") == "No cheese then."


async def test_help_shows_examples_and_commands(place: Place) -> None:
    """Members see what to ask and which commands are theirs, admins one more."""
    text = await place.use(place.newcomer("Ann"), "help")
    assert re.search("^[-•] hello$", text, re.MULTILINE)
    assert "/reset" in text
    assert "/reload" not in text
    assert "/reload" in await place.use(place.admin, "help")


async def test_ask_is_plain_talk(place: Place) -> None:
    """The command shares its context with what is said without it."""
    ann = place.newcomer("Ann")
    assert await place.use(ann, "ask", "can I get a pizza") == "With cheese?"
    assert await place.ask(ann, "with cheese") == "Cheese it is."


async def test_reset_begins_afresh(place: Place) -> None:
    """After it a yes answers no question any more."""
    ann = place.newcomer("Ann")
    await place.ask(ann, "I want a pizza")
    assert "forgotten" in await place.use(ann, "reset")
    assert await place.ask(ann, "yes") != "Cheese it is."


@pytest.mark.parametrize(("name", "text"), [("telegram private", "/start"), ("telegram group", "/ask")])
async def test_telegrams_own_ways_get_help(bot: Bot, name: str, text: str) -> None:
    """Telegram sends `/start` when a chat is opened, and lets a command go without its argument."""
    place, ann = one_place(bot, name)
    assert "for example" in await place.use(ann, text.removeprefix("/"))


@pytest.mark.parametrize("name", ["discord server", "telegram group"])
async def test_a_bare_mention_gets_help(bot: Bot, name: str) -> None:
    """Somebody who only calls the bot learns what to say."""
    place, ann = one_place(bot, name)
    assert "for example" in await place.ask(ann, "")


async def test_an_unknown_command_is_named(bot: Bot) -> None:
    """In a private chat every command is meant for the bot, so it says which it does not know."""
    place, ann = one_place(bot, "telegram private")
    assert "/dance" in await place.use(ann, "dance", "now")


async def test_a_stranger_cannot_reload(place: Place) -> None:
    """Whoever is no admin is told so, and nothing else happens: there is one answer, and no progress before it."""
    ann = place.newcomer("Ann")
    assert "Only admins" in await place.use(ann, "reload")
    assert await place.ask(ann, "when do you close") == HOURS


async def test_an_admin_reloads(place: Place) -> None:
    """The answer says how long it took, which model serves, and what changed."""
    text = await reload(place)
    assert text.startswith("Reloaded in ")
    assert "model 2" in text
    assert text.endswith("The intents are the same.")


@pytest.mark.usefixtures("_files_as_before")
@pytest.mark.parametrize("name", ONE_OF_EACH)
async def test_an_edited_response_is_served_after_a_reload(bot: Bot, name: str) -> None:
    """No training is needed, and a conversation that has begun goes on over the reload."""
    place, ann = one_place(bot, name)
    await place.ask(ann, "I want a pizza")
    bot.edit("opening_hours", responses=["We never close."])
    assert await place.ask(place.admin, "when do you close") == HOURS
    assert "1 with other answers (opening_hours)" in await reload(place)
    assert await place.ask(place.admin, "when do you close") == "We never close."
    assert await place.ask(ann, "yes") == "Cheese it is."


@pytest.mark.usefixtures("_files_as_before")
@pytest.mark.parametrize("name", ONE_OF_EACH)
async def test_changed_patterns_are_told_to_need_training(bot: Bot, name: str) -> None:
    """The intents as trained serve on, and the admin reads the command to run."""
    place, ann = one_place(bot, name)
    bot.edit("opening_hours", patterns=["are you there"], responses=["Always."])
    text = await reload(place)
    assert "training is due" in text
    assert "python -m scripts.train" in text
    assert await place.ask(ann, "when do you close") == HOURS


@pytest.mark.usefixtures("_files_as_before")
@pytest.mark.parametrize("name", ONE_OF_EACH)
async def test_a_broken_intents_file_is_refused(bot: Bot, name: str) -> None:
    """Its faults are named with the file, and the old answers stay."""
    place, ann = one_place(bot, name)
    bot.edit("opening_hours", responses=[])
    text = await reload(place)
    assert text.startswith("Nothing was reloaded")
    assert "intents.json" in text
    assert "opening_hours" in text
    bot.intents_path.write_bytes(b'{"intents": [')
    assert "intents.json" in await reload(place)
    assert await place.ask(ann, "when do you close") == HOURS


@pytest.mark.usefixtures("_files_as_before")
@pytest.mark.parametrize("name", ONE_OF_EACH)
@pytest.mark.parametrize("file", ["manifest.json", "features.json", "serving.tflite"])
async def test_a_broken_bundle_is_refused(bot: Bot, name: str, file: str) -> None:
    """The damaged file is named with the command that mends it, and the old model serves on."""
    place, ann = one_place(bot, name)
    path = bot.bundle_path / file
    path.write_bytes(path.read_bytes()[:-7])
    text = await reload(place)
    assert text.startswith("Nothing was reloaded")
    assert file in text
    assert "python -m scripts.train" in text
    assert await place.ask(ann, "when do you close") == HOURS


@pytest.mark.parametrize(
    "text",
    [
        " ",
        "x" * 4_000,
        "\x00\x07\x1b[31m\x7f",
        "\u202eabc\u2066\u200b",
        "torn \ud83d half",
        "*_`~|<b>&amp;</b>[a](b) @everyone @here <@&1>",
        "🏳️‍🌈" * 500,
        "{display_name} {0} %s ${HOME}",
        "/",
    ],
    ids=["blank", "long", "control", "directions", "surrogate", "markup", "emoji", "placeholders", "slash"],
)
async def test_any_text_gets_one_answer(place: Place, text: str) -> None:
    """Whatever somebody writes, there is an answer, and the next message gets its own."""
    ann = place.newcomer("Ann")
    answer = await place.ask(ann, text)
    assert answer.strip()
    assert "went wrong" not in answer
    assert await place.ask(ann, "when do you close") == HOURS
