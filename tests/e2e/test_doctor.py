"""`python -m bot doctor` as a process, against the local servers."""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bot.handler import COMMANDS
from tests.e2e import discord_payloads as payloads
from tests.e2e.doctor_servers import ExaminedDiscord, ExaminedTelegram
from tests.e2e.places import Servers
from tests.e2e.process import command, running
from tests.e2e.telegram_server import person
from tests.redis_server import RedisServer

if TYPE_CHECKING:
    from tests.conftest import Trained

WEBHOOK = "https://bot.example/secret-path"


class Clinic:
    """The local servers, and the doctor to run against them."""

    def __init__(self, trained: "Trained", directory: Path) -> None:
        self.discord, self.telegram = ExaminedDiscord(), ExaminedTelegram()
        self.servers = Servers(self.discord, self.telegram, payloads.user("boss"), person(900_000, "Boss"))
        self.state_dir = directory / ".parley" / "state"
        self.directory = directory
        self._paths = {"INTENTS_PATH": str(trained.intents_path), "MODELS_DIR": str(trained.models_dir)}

    def register_commands(self) -> None:
        """Have all commands registered, as after the bot's first start."""
        names = dict.fromkeys(one.name.partition(" ")[0] for one in COMMANDS)
        definitions = [{"name": name, "description": name, "options": []} for name in names]
        bot_id = self.discord.bot["id"]
        self.discord.commands["global"] = [_registered(one, bot_id) for one in definitions]

    async def examine(self, variables: dict[str, str], *arguments: str) -> tuple[int, list[str]]:
        """Run the doctor; return its exit code and its lines. It writes nothing else, and no token."""
        async with running(command("bot", "doctor", *arguments), self._paths | variables, self.directory) as process:
            code = await process.code()
        assert process.stderr == ""
        assert self.discord.token not in process.stdout
        assert self.telegram.token not in process.stdout
        return code, process.stdout.splitlines()


def _registered(definition: payloads.Json, bot_id: str) -> payloads.Json:
    none = dict.fromkeys(["contexts", "default_member_permissions", "description_localizations", "name_localizations"])
    whole = {"type": 1, "dm_permission": True, "integration_types": [0], "nsfw": False, **none}
    return payloads.command(definition, bot_id, None) | whole


@pytest.fixture
async def clinic(trained: "Trained", tmp_path: Path) -> AsyncIterator[Clinic]:
    (tmp_path / "work").mkdir()
    clinic = Clinic(trained, tmp_path / "work")
    async with clinic.discord, clinic.telegram:
        yield clinic


def lines_on(lines: list[str], topic: str) -> list[str]:
    """Return the lines on a topic, without it, their levels first."""
    return [f"{level} {rest}" for level, rest in map(_split, lines) if rest.startswith(f"{topic}")]


def _split(line: str) -> tuple[str, str]:
    level, _, rest = line.partition(" ")
    return level, rest.strip()


def listen_in(state_dir: Path, channel_id: str) -> None:
    """Set a channel as one where the bot answers unasked, as an admin does from the chat."""
    state_dir.mkdir(parents=True)
    with contextlib.closing(sqlite3.connect(state_dir / "parley.sqlite3")) as database, database:
        database.execute("CREATE TABLE server_settings (platform TEXT, server_id TEXT, settings TEXT)")
        database.execute(
            "INSERT INTO server_settings VALUES ('discord', '1', ?)", (f'{{"listening": ["{channel_id}"]}}',)
        )


async def test_a_sound_bot_has_nothing_to_mend(clinic: Clinic) -> None:
    """Both tokens valid, everything registered and permitted: no warning, and exit code 0."""
    clinic.register_commands()
    clinic.telegram.rights = {"can_read_all_group_messages": True, "supports_inline_queries": True}
    code, lines = await clinic.examine(clinic.servers.variables)
    assert (code, lines[-1]) == (0, "0 fatal, 0 warnings"), lines
    assert {_split(line)[0] for line in lines[:-1]} == {"ok"}
    assert lines_on(lines, "DISCORD_TOKEN") == ["ok DISCORD_TOKEN: is valid, the bot is parley"]
    assert lines_on(lines, "TELEGRAM_TOKEN") == ["ok TELEGRAM_TOKEN: is valid, the bot is @parley_test_bot"]
    assert lines_on(lines, "permissions in") == ["ok permissions in Allotment: complete in 2 channels"]
    assert lines_on(lines, "second reader") == ["ok second reader: none"]
    assert lines_on(lines, "gateway")[0].startswith("ok gateway: answers")
    assert lines_on(lines, "bundle")[0].startswith("ok bundle: ")
    assert lines_on(lines, "clock") == ["ok clock: agrees with Discord's", "ok clock: agrees with Telegram's"]


@pytest.mark.parametrize("platform", ["none", "discord", "telegram"])
async def test_only_what_is_set_up_is_asked(clinic: Clinic, platform: str) -> None:
    """Without a token its platform is left alone, and without any that is said."""
    clinic.register_commands()
    variables = {
        "none": {},
        "discord": clinic.servers.discord_variables,
        "telegram": clinic.servers.telegram_variables,
    }[platform]
    code, lines = await clinic.examine(variables)
    assert code == 0, lines
    assert bool(clinic.discord.requests) is (platform == "discord")
    assert bool(clinic.telegram.calls) is (platform == "telegram")
    assert bool(lines_on(lines, "tokens")) is (platform == "none")


async def test_refused_tokens_are_fatal(clinic: Clinic) -> None:
    """Each is named with where to get it anew, and nothing more is asked of that platform."""
    wrong = {"DISCORD_TOKEN": "a-wrong-secret", "TELEGRAM_TOKEN": "123456:a-wrong-secret"}
    code, lines = await clinic.examine(clinic.servers.variables | wrong)
    assert code == 1
    (discord,), (telegram,) = lines_on(lines, "DISCORD_TOKEN"), lines_on(lines, "TELEGRAM_TOKEN")
    assert discord.startswith("fatal DISCORD_TOKEN: is refused")
    assert "developer portal" in discord
    assert telegram.startswith("fatal TELEGRAM_TOKEN: is refused")
    assert "@BotFather" in telegram
    assert "secret" not in "\n".join(lines)
    assert [request.path for request in clinic.discord.requests] == ["/users/@me"]
    assert clinic.telegram.calls == []


@pytest.mark.usefixtures("redis")  # which skips it where no server is installed
async def test_shared_state_and_pages_are_examined(clinic: Clinic, tmp_path: Path) -> None:
    """Where they are set up: Redis with its password, which is never shown, and who can open the review page."""
    clinic.register_commands()
    server = RedisServer(tmp_path, password="hush-hush")
    server.start()
    variables = clinic.servers.discord_variables | {
        "STATE_URL": server.url.replace("hush-hush", "loud%2Dloud"),
        "HEALTH_ADDRESS": "0.0.0.0:0",
        "REVIEW": "on",
        "REVIEW_REPORT": "nowhere",
    }
    try:
        refused, lines = await clinic.examine(variables)
        (state,) = lines_on(lines, "STATE_URL")
        assert (refused, "refuses the password" in state) == (1, True)
        assert lines_on(lines, "HEALTH_ADDRESS") == ["ok HEALTH_ADDRESS: 0.0.0.0:0 is free"]
        assert lines_on(lines, "REVIEW:")[0].startswith("warning REVIEW: HEALTH_ADDRESS 0.0.0.0:0 reaches beyond")
        assert lines_on(lines, "REVIEW_REPORT")[0].startswith("warning REVIEW_REPORT: no report at nowhere")
        assert "loud" not in "\n".join(lines)
        accepted, lines = await clinic.examine(variables | {"STATE_URL": server.url})
        assert (accepted, lines_on(lines, "STATE_URL")[0].startswith("ok STATE_URL: ")) == (0, True)
        assert "hush" not in "\n".join(lines)
    finally:
        server.stop()


async def test_platforms_that_are_away_are_fatal(clinic: Clinic) -> None:
    """Nobody listens at the addresses: the reason is told, and no address, which may hold the token."""
    variables = clinic.servers.variables | {"DISCORD_API_URL": "http://127.0.0.1:1/api/v10"}
    async with clinic.telegram.away():
        code, lines = await clinic.examine(variables)
    assert code == 1
    (discord,), (telegram,) = lines_on(lines, "Discord"), lines_on(lines, "Telegram")
    assert (
        discord
        == "fatal Discord: cannot be reached (Connection refused). See whether this machine reaches DISCORD_API_URL."
    )
    assert telegram.startswith("fatal Telegram: cannot be reached (Connection refused).")


async def test_wrong_values_are_fatal(clinic: Clinic) -> None:
    """Every variable that is wrong is a line, with what was expected and without its value."""
    code, lines = await clinic.examine({"LOG_LEVEL": "secret", "DISCORD_TOKEN": "a secret"})
    assert code == 1
    assert [line.partition(":")[2].partition(":")[0].strip() for line in lines[:-1]] == ["DISCORD_TOKEN", "LOG_LEVEL"]
    assert "secret" not in "\n".join(lines)


async def test_what_listens_needs_the_intent(clinic: Clinic) -> None:
    """A channel that is set to listen is of no use while Discord hides what is written there."""
    clinic.register_commands()
    listen_in(clinic.state_dir, clinic.discord.general["id"])
    code, lines = await clinic.examine(clinic.servers.discord_variables)
    assert code == 1
    (line,) = lines_on(lines, "message content intent")
    assert line.startswith("fatal message content intent: off, but 1 channels are set to listen. Switch on")
    clinic.discord.application_flags = 1 << 19
    code, lines = await clinic.examine(clinic.servers.discord_variables)
    assert code == 0
    assert lines_on(lines, "message content intent") == ["ok message content intent: on, 1 channels listen"]


async def test_missing_permissions_and_commands_are_named(clinic: Clinic) -> None:
    """By channel and by name, each with its mend; the bot still works, so it is no failure."""
    everyone = {"id": clinic.discord.guild_id, "type": 0, "allow": "0", "deny": str(1 << 14 | 1 << 15)}
    clinic.discord.general["permission_overwrites"] = [everyone]
    clinic.discord.team["permission_overwrites"] = [everyone | {"deny": str(1 << 10)}]
    variables = clinic.servers.discord_variables | {"DISCORD_GUILD_IDS": f"{clinic.discord.guild_id},77"}
    code, lines = await clinic.examine(variables)
    assert code == 0
    assert [line.partition(". ")[0] for line in lines_on(lines, "permissions in Allotment")] == [
        "warning permissions in Allotment: Embed Links, Attach Files missing in #general",
        "note permissions in Allotment: the bot does not see #team",
    ]
    registered, unreadable = lines_on(lines, "commands")
    assert registered.startswith(f"warning commands: not registered server {clinic.discord.guild_id}: /")
    assert unreadable.startswith("warning commands: those of server 77 cannot be read (status 403)")
    assert any("the bot is not in 77" in line for line in lines_on(lines, "servers"))


async def test_a_used_up_gateway_is_fatal(clinic: Clinic) -> None:
    """A bot that started too often is kept out for hours, which a restart does not mend."""
    clinic.discord.n_sessions_left = 0
    variables = clinic.servers.discord_variables | {"DISCORD_GATEWAY_URL": "ws://127.0.0.1:1/"}
    code, lines = await clinic.examine(variables)
    assert code == 1
    used_up, away = lines_on(lines, "gateway")
    assert used_up.startswith("fatal gateway: no connection is left for the next 2 hours")
    assert away.startswith("fatal gateway: cannot be reached (Connection refused)")


async def test_another_reader_is_found(clinic: Clinic) -> None:
    """What waits stays unread, and the other program is only held up for a moment."""

    async def read_on() -> None:
        async def read() -> None:
            async with http.get(f"{clinic.telegram.api_url}{clinic.telegram.token}/getUpdates?timeout=30") as answer:
                await answer.read()

        import aiohttp

        async with aiohttp.ClientSession() as http:
            while True:
                await read()

    other = asyncio.create_task(read_on())
    try:
        await clinic.telegram.wait_for("getUpdates")
        code, lines = await clinic.examine(clinic.servers.telegram_variables)
    finally:
        other.cancel()
        await asyncio.wait({other})
    assert code == 1
    (line,) = lines_on(lines, "second reader")
    assert line.startswith("fatal second reader: another program reads this bot's messages")


async def test_what_waits_to_be_read_is_not_confirmed(clinic: Clinic) -> None:
    """The doctor takes nothing from the bot."""
    await clinic.telegram.say(person(1, "Ann"), None, "hello")
    code, lines = await clinic.examine(clinic.servers.telegram_variables)
    assert code == 0
    assert lines_on(lines, "second reader")[0].startswith("note second reader: none seen, but messages are waiting")
    assert len(clinic.telegram.updates) == 1
    assert all("offset" not in call.params for call in clinic.telegram.calls_of("getUpdates"))


async def test_a_webhook_that_does_not_fit_is_named(clinic: Clinic) -> None:
    """One that nobody asked for, one that is missing, and one that fails; the path, which may be a secret, is not."""
    clinic.telegram.webhook = {"url": WEBHOOK}
    code, lines = await clinic.examine(clinic.servers.telegram_variables)
    assert code == 0
    (line,) = lines_on(lines, "webhook")
    assert line.startswith("warning webhook: Telegram calls bot.example, but TELEGRAM_WEBHOOK_URL is not set")
    assert clinic.telegram.calls_of("getUpdates") == []

    clinic.telegram.webhook_fault = {"last_error_date": int(time.time()), "last_error_message": "Connection timed out"}
    code, lines = await clinic.examine(clinic.servers.telegram_variables | {"TELEGRAM_WEBHOOK_URL": WEBHOOK})
    fits, fails = lines_on(lines, "webhook")
    assert fits == "ok webhook: Telegram calls bot.example; 0 wait to be read"
    assert fails.startswith("warning webhook: Telegram could not reach it within the last hour: Connection timed out")

    clinic.telegram.webhook, clinic.telegram.webhook_fault = {}, {}
    code, lines = await clinic.examine(clinic.servers.telegram_variables | {"TELEGRAM_WEBHOOK_URL": WEBHOOK})
    assert lines_on(lines, "webhook")[0].startswith("warning webhook: Telegram calls nobody")
    assert "secret-path" not in "\n".join(lines)


async def test_privacy_and_inline_mode_are_told(clinic: Clinic) -> None:
    """What only @BotFather can switch is a note with the command."""
    _, lines = await clinic.examine(clinic.servers.telegram_variables)
    assert "/setprivacy" in lines_on(lines, "privacy mode")[0]
    assert "/setinline" in lines_on(lines, "inline mode")[0]
    clinic.telegram.rights = {"supports_inline_queries": True}
    _, lines = await clinic.examine(clinic.servers.telegram_variables | {"TELEGRAM_INLINE": "off"})
    assert lines_on(lines, "inline mode")[0].startswith("note inline mode: on at Telegram, but TELEGRAM_INLINE is off")


async def test_a_bot_without_a_model_is_fatal(clinic: Clinic, tmp_path: Path) -> None:
    """The line has the command that mends it, and a file of variables is read like the bot reads it."""
    (clinic.directory / "other.env").write_text("LOG_LEVEL=INFO\n")
    code, lines = await clinic.examine({"MODELS_DIR": str(tmp_path / "none")}, "--env-file", "other.env")
    assert code == 1
    (line,) = lines_on(lines, "bundle")
    assert line.startswith("fatal bundle: no trained model")
    assert "python -m scripts.train" in line
