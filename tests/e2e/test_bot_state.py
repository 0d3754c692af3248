"""What `python -m bot` keeps over restarts, who may change it, and how it is forgotten: through real processes."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bot.cooldown import BURST
from bot.database import DATABASE_FILE
from bot.words import WORDS
from tests.e2e import discord_payloads as payloads
from tests.e2e.places import LOCALE, Json, Servers, place_of
from tests.e2e.process import Process, command, running

if TYPE_CHECKING:
    from tests.conftest import Trained

HOURS = "We are open from 10:00 to 20:00."
FALLBACKS = ("I can help with opening hours and pizza.", "Ask me about pizza.")
ONE_OF_EACH = ["discord server", "telegram private"]
LETTERS = str.maketrans("0123456789", "абвгдежзик")
"""No part of a word of these is known to the small model, so that it never takes it for an intent."""


class House:
    """The local servers, and a directory with a trained model to start bots in."""

    def __init__(self, servers: Servers, trained: "Trained", path: Path) -> None:
        self.servers = servers
        self.state = path / "state"
        self._path = path
        self._paths = {"INTENTS_PATH": str(trained.intents_path), "MODELS_DIR": str(trained.models_dir)}
        self.trained = trained

    def bot(self, variables: Mapping[str, str] | None = None) -> AbstractAsyncContextManager[Process]:
        own = {"STATE_DIR": str(self.state), "INBOX": "text", **(variables or {})}
        return running(command("bot"), self.servers.variables | self._paths | own, self._path)

    def person(self, name: str) -> Json:
        user = payloads.user(name, shown_as=name.title())
        self.servers.discord.locales[user["id"]] = LOCALE
        return user

    async def use(self, user: Json, name: str, channel: Json | None = None, **options: str) -> str:
        """Use a slash command, and return all that it says."""
        interaction = await self.servers.discord.slash(user, channel or self.servers.discord.general, name, **options)
        return str((await interaction.next_answer()).content)

    def kept(self) -> bytes:
        """Return the bytes of all files that the bot has written."""
        return b"".join(path.read_bytes() for path in self.state.iterdir())


@pytest.fixture
async def house(trained: "Trained", tmp_path: Path) -> AsyncIterator[House]:
    servers = Servers.make()
    (tmp_path / "work").mkdir()
    async with servers.discord, servers.telegram:
        yield House(servers, trained, tmp_path / "work")


async def ready(process: Process) -> None:
    await process.wrote("connected to Discord")
    await process.wrote("connected to Telegram")


async def test_settings_hold_over_a_restart(house: House) -> None:
    """A channel that was silenced stays so, and only admins may change that."""
    discord, ann = house.servers.discord, house.person("ann")
    place = place_of("discord server", house.servers)
    admin = house.servers.discord_admin
    async with house.bot() as process:
        await ready(process)
        assert await house.use(ann, "admin settings", key="silence", value="here") == WORDS["admins_only"]["en"]
        assert await place.ask(ann, "when do you close") == HOURS
        told = await house.use(admin, "admin settings", key="silence", value="here")
        assert told.startswith("Done.")
        assert f"- silence: <#{discord.general['id']}>" in told
        assert await ask_in_silence(house, ann) == WORDS["silent_here"]["en"]
        assert await process.stop() == 0
    async with house.bot() as process:
        await ready(process)
        assert await ask_in_silence(house, ann) == WORDS["silent_here"]["en"]
        assert (await house.use(ann, "privacy")).startswith(WORDS["privacy"]["en"])
        assert (await house.use(admin, "admin settings", key="silence", value="off")).startswith("Done.")
        assert await place.ask(ann, "when do you close") == HOURS
        assert await process.stop() == 0
    assert "Traceback" not in process.stderr
    assert (house.state / DATABASE_FILE).stat().st_mode & 0o777 == 0o600


async def test_a_group_is_silent_until_its_admin_says_otherwise(house: House) -> None:
    """Also in the next process: neither a mention nor a command that all may use is answered, the settings are."""
    telegram, place = house.servers.telegram, place_of("telegram group", house.servers)
    ann = place.newcomer("Ann")
    async with house.bot() as process:
        await ready(process)
        assert await place.ask(ann, "when do you close") == HOURS
        assert (await place.use(place.admin, "admin", "settings silence here")).startswith("Done.")
        assert await process.stop() == 0
    n_sent = len(telegram.messages)
    async with house.bot() as process:
        await ready(process)
        group = telegram.messages[-1]["chat"]
        for text in (f"@{telegram.me['username']} when do you close", "/help"):
            await telegram.say(place.admin, group, text)  # answered in order, if at all
        assert (await place.use(place.admin, "admin", "settings silence off")).startswith("Done.")
        assert await place.ask(ann, "when do you close") == HOURS
        assert await process.stop() == 0
    assert len(telegram.messages) == n_sent + 2


async def test_a_link_opens_an_intent(house: House) -> None:
    """What follows from it follows; a link to nothing is the help."""
    async with house.bot() as process:
        await ready(process)
        place = place_of("telegram private", house.servers)
        ann = place.newcomer("Ann")
        assert await place.use(ann, "start", "order_pizza") == "With cheese?"
        assert await place.ask(ann, "yes") == "Cheese it is."
        assert "/privacy" in await place.use(ann, "start", "nothing")
        assert await process.stop() == 0


async def ask_in_silence(house: House, user: Json) -> str:
    """Ask for all to read, and return what is said to the asking person alone."""
    discord = house.servers.discord
    interaction = await discord.slash(user, discord.general, "ask", question="when do you close")
    answer = await interaction.next_followup()
    assert answer.is_ephemeral
    return str(answer.content)


def secret_of(who: Json) -> str:
    """A word of one person's alone."""
    return f"щ{who['id']}".translate(LETTERS)


@pytest.mark.parametrize("name", ONE_OF_EACH)
async def test_nothing_is_left_of_a_person_who_wants_to_be_forgotten(house: House, name: str) -> None:
    """No file holds their words or their id, neither while the bot runs nor once it has ended."""
    async with house.bot() as process:
        await ready(process)
        place = place_of(name, house.servers)
        ann, ben = place.newcomer("Ann"), place.newcomer("Ben")
        for who in (ann, ben):
            assert await place.ask(who, secret_of(who)) in FALLBACKS
            assert await place.ask(who, "I want a pizza") == "With cheese?"
        traces = [secret_of(who).encode() for who in (ann, ben)]
        assert all(trace in house.kept() for trace in traces)
        assert (await place.use(ann, "forgetme")).startswith(WORDS["forgotten"]["en"])
        assert [trace in house.kept() for trace in traces] == [False, True]
        assert await place.ask(ann, "yes, with cheese") != "Cheese it is."
        assert await place.ask(ben, "yes") == "Cheese it is."
        assert (await place.use(ann, "forgetme")).startswith(WORDS["forgotten"]["en"])
        assert await process.stop() == 0
    assert [trace in house.kept() for trace in traces] == [False, True]
    assert "Traceback" not in process.stderr


@pytest.mark.parametrize("name", ONE_OF_EACH)
async def test_a_flood_is_told_to_wait_once(house: House, name: str) -> None:
    """Then nothing; what another person asks meanwhile is answered."""
    async with house.bot({"COOLDOWN_S": "3600"}) as process:
        await ready(process)
        place = place_of(name, house.servers)
        ann, ben = place.newcomer("Ann"), place.newcomer("Ben")
        answers = [await place.ask(ann, "when do you close") for _ in range(BURST + 1)]
        assert answers == [HOURS] * BURST + [WORDS["slow_down"]["en"]]
        assert await place.ask(ben, "when do you close") == HOURS
        assert await process.stop() == 0


async def test_a_vote_counts_after_a_restart(house: House) -> None:
    """The thumb under an answer of an earlier process still counts, and a person has one."""
    discord, ann = house.servers.discord, house.person("ann")
    async with house.bot() as process:
        await ready(process)
        await discord.say(ann, discord.general, "when do you close", mention_bot=True)
        message, _ = await discord.next_message(discord.general)
        assert await process.stop() == 0
    async with house.bot() as process:
        await ready(process)
        for title, words in (("👍", "voted_up"), ("👎", "voted_down")):
            assert await press(house, ann, message, title) == WORDS[words]["en"]
        assert await process.stop() == 0
    async with house.bot({"FEEDBACK": "off"}) as process:
        await ready(process)
        assert await press(house, ann, message, "👍") == WORDS["votes_off"]["en"]
        await discord.say(ann, discord.general, "when do you close", mention_bot=True)
        unvotable, _ = await discord.next_message(discord.general)
        assert unvotable["components"] == []
        assert await process.stop() == 0


async def press(house: House, user: Json, message: Json, title: str) -> str:
    interaction = await house.servers.discord.press(user, message, title)
    return str((await interaction.next_answer()).content)


async def test_a_server_is_greeted_once(house: House) -> None:
    """Not again by the next process."""
    discord = house.servers.discord
    channel: dict[str, Any] = payloads.text_channel("lobby", "555")
    async with house.bot() as process:
        await ready(process)
        await discord.invite_bot("555", [channel])
        greeting, _ = await discord.next_message(channel)
        assert WORDS["how_discord"]["en"] in greeting["content"]
        assert await process.stop() == 0
    async with house.bot() as process:
        await ready(process)
        await discord.invite_bot("555", [channel])
        ann = house.person("ann")
        await discord.say(ann, channel, "when do you close", mention_bot=True)
        answer, _ = await discord.next_message(channel)
        assert answer["content"] == HOURS
        assert await process.stop() == 0


async def test_a_damaged_database_keeps_no_bot_from_starting(house: House) -> None:
    """It is put aside with a warning, and settings are kept in a fresh one."""
    house.state.mkdir()
    (house.state / DATABASE_FILE).write_bytes(b"no database at all" * 500)
    admin = house.servers.discord_admin
    house.servers.discord.locales[admin["id"]] = LOCALE
    async with house.bot() as process:
        await ready(process)
        assert "is damaged" in process.stderr
        assert (await house.use(admin, "admin settings", key="language", value="de")).startswith("Done.")
        assert await process.stop() == 0
    assert len(list(house.state.glob(f"{DATABASE_FILE}.damaged-*"))) == 1
