"""What the doctor concludes from what it is told."""

import json
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.config import Settings
from bot.doctor_discord import ADMINISTRATOR, NEEDED, examine_channels, examine_intent, permissions_in
from bot.doctor_local import examine_access, examine_disk, examine_state, listening_channels
from bot.doctor_network import Answer, Probe, UnreachableError, examine_clock
from bot.doctor_telegram import examine_webhook
from bot.findings import Finding, Level, some_of

EVERYTHING_NEEDED = sum(NEEDED.values())
VIEW, SEND = NEEDED["View Channel"], NEEDED["Send Messages"]
GUILD, BOT = "1", "9"
SERVER = {"id": GUILD, "name": "Allotment"}


def role(role_id: str, *permissions: int) -> dict[str, Any]:
    return {"id": role_id, "permissions": str(sum(permissions))}


def overwrite(of: str, *, allow: int = 0, deny: int = 0) -> dict[str, Any]:
    return {"id": of, "type": 0, "allow": str(allow), "deny": str(deny)}


def channel(*overwrites: dict[str, Any], name: str = "general", kind: int = 0) -> dict[str, Any]:
    return {"type": kind, "name": name, "permission_overwrites": list(overwrites)}


EVERYONE = role(GUILD, EVERYTHING_NEEDED)


@pytest.mark.parametrize(
    ("roles", "held", "overwrites", "granted"),
    [
        ([EVERYONE], [], [], EVERYTHING_NEEDED),
        ([role(GUILD, VIEW), role("5", SEND)], ["5"], [], VIEW | SEND),
        ([role(GUILD, VIEW), role("5", SEND)], [], [], VIEW),
        ([role(GUILD, VIEW)], [], [overwrite(GUILD, deny=VIEW)], 0),
        ([role(GUILD, VIEW)], ["5"], [overwrite(GUILD, deny=VIEW), overwrite("5", allow=VIEW)], VIEW),
        ([role(GUILD)], ["5", "6"], [overwrite("5", deny=VIEW), overwrite("6", allow=VIEW)], VIEW),
        ([role(GUILD)], ["6", "5"], [overwrite("6", allow=VIEW), overwrite("5", deny=VIEW)], VIEW),
        ([role(GUILD)], ["5"], [overwrite("5", allow=VIEW), overwrite(BOT, deny=VIEW)], 0),
        ([role(GUILD)], [], [overwrite("7", allow=VIEW)], 0),
        ([role(GUILD, ADMINISTRATOR)], [], [overwrite(GUILD, deny=VIEW)], ~0),
    ],
)
def test_permissions_follow_discords_order(
    roles: list[dict[str, Any]], held: list[str], overwrites: list[dict[str, Any]], granted: int
) -> None:
    """Everyone's, then the roles' denials before their grants, then the member's own; administrators may do all."""
    assert permissions_in(channel(*overwrites), GUILD, roles, {"roles": held}, BOT) == granted


def test_channels_that_lack_the_same_are_one_line() -> None:
    """Voice channels do not count, nor does what the bot is kept out of count as a fault."""
    lacking = overwrite(GUILD, deny=SEND)
    channels = [
        channel(lacking, name="one"),
        channel(lacking, name="two", kind=5),
        channel(overwrite(GUILD, deny=VIEW), name="staff"),
        channel(lacking, name="voice", kind=2),
        channel(name="fine"),
    ]
    found = list(examine_channels(SERVER, channels, [EVERYONE], {"roles": []}, BOT))
    assert [(one.level, one.text) for one in found] == [
        (Level.WARNING, "Send Messages missing in #one, #two"),
        (Level.NOTE, "the bot does not see #staff"),
        (Level.OK, "complete in 1 channels"),
    ]


@pytest.mark.parametrize(
    ("flags", "listening", "level"),
    [
        (0, [], Level.OK),
        (0, ["1"], Level.FATAL),
        (1 << 18, ["1"], Level.OK),
        (1 << 19, ["1"], Level.OK),
        (1 << 14, ["1"], Level.FATAL),
    ],
)
def test_the_intent_matters_only_to_who_listens(flags: int, listening: list[str], level: Level) -> None:
    """Mentions, direct messages and commands need none."""
    assert examine_intent(flags, listening).level is level


@pytest.mark.parametrize(
    ("info", "webhook_url", "levels"),
    [
        ({}, None, [Level.OK]),
        ({"url": "https://a/x"}, "https://a/x", [Level.OK]),
        ({"url": "https://a/x"}, "https://a/y", [Level.WARNING]),
        ({"url": "https://a/x"}, None, [Level.WARNING]),
        ({"url": ""}, "https://a/y", [Level.WARNING]),
        ({"url": "https://a/x", "last_error_date": 1}, "https://a/x", [Level.OK]),
        ({"url": "https://a/x", "last_error_date": 1e11}, "https://a/x", [Level.OK, Level.WARNING]),
        ({"url": "", "last_error_date": 1e11}, None, [Level.OK]),
    ],
)
def test_a_webhook_is_held_against_the_settings(
    info: dict[str, Any], webhook_url: str | None, levels: list[Level]
) -> None:
    """Who set another is told of, and a fault only while it is fresh."""
    found = list(examine_webhook(info, webhook_url))
    assert [one.level for one in found] == levels
    assert not any("/x" in str(one) or "/y" in str(one) for one in found), "the path may be a secret"


@pytest.mark.parametrize(
    ("ahead_s", "text"),
    [(0.4, "agrees"), (-29.0, "agrees"), (3_700.0, "3,700 s ahead of"), (-61.0, "61 s behind"), (None, None)],
)
def test_a_clock_that_is_off_is_told(ahead_s: float | None, text: str | None) -> None:
    """Which way and how far; a server that tells no time is no reason to complain."""
    found = list(examine_clock(Answer(200, {}, ahead_s), "Discord"))
    assert [text in one.text for one in found if text] == ([True] if text else [])


def test_admins_are_missed_only_where_a_token_is() -> None:
    """Roles are admins too, as is whoever manages a server if that is set."""
    without = Settings(discord_token="t", telegram_token="t", telegram_admin_ids=frozenset({"1"}))
    assert [one.text for one in examine_access(without)] == ["Discord has none, so nobody can reload there"]
    by_role = Settings(discord_token="t", discord_admin_role_ids=frozenset({"1"}))
    by_right = Settings(discord_token="t", discord_managers_are_admins=True)
    assert [list(examine_access(one)) for one in (by_role, by_right)] == [[], []]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    """Models may be on a read-only disk, settings and votes may not."""
    tmp_path.chmod(0o555)
    found = examine_disk(Settings(models_dir=tmp_path / "models", state_dir=tmp_path / "state"))
    assert [(one.topic, one.level) for one in found] == [("MODELS_DIR", Level.WARNING), ("STATE_DIR", Level.FATAL)]


def test_directories_that_are_not_there_yet_are_fine(tmp_path: Path) -> None:
    """The bot makes them; looking at them does not."""
    found = list(examine_disk(Settings(models_dir=tmp_path / "a" / "b", state_dir=tmp_path / "c")))
    assert not any(one.level is Level.FATAL for one in found)
    assert list(tmp_path.iterdir()) == []


def test_a_path_through_a_file_cannot_be_written_to(tmp_path: Path) -> None:
    """A file stands where a directory should be."""
    (tmp_path / "state").write_text("")
    (_, found) = examine_disk(Settings(models_dir=tmp_path, state_dir=tmp_path / "state"))
    assert (found.topic, found.level) == ("STATE_DIR", Level.FATAL)


def make_state(directory: Path, *rows: tuple[str, str]) -> None:
    with closing(sqlite3.connect(directory / "parley.sqlite3")) as database, database:
        database.execute("CREATE TABLE server_settings (platform TEXT, server_id TEXT, settings TEXT)")
        database.executemany("INSERT INTO server_settings VALUES (?, '1', ?)", rows)


def test_listening_channels_are_read_without_writing(tmp_path: Path) -> None:
    """Of one platform; the file stays as it is."""
    rows = [("discord", ["5", "6"]), ("telegram", ["7"]), ("discord", [])]
    make_state(tmp_path, *((platform, json.dumps({"listening": channels})) for platform, channels in rows))
    before = (tmp_path / "parley.sqlite3").read_bytes()
    assert listening_channels(tmp_path, "discord") == {"5", "6"}
    assert [one.level for one in examine_state(tmp_path)] == [Level.OK]
    assert (tmp_path / "parley.sqlite3").read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"no database at all, but long enough to look at" * 100])
def test_a_damaged_file_of_state_hinders_nothing(tmp_path: Path, content: bytes) -> None:
    """Without a file, and with one that has no such table or is none, no channel listens."""
    assert listening_channels(tmp_path, "discord") == frozenset()
    assert list(examine_state(tmp_path)) == []
    (tmp_path / "parley.sqlite3").write_bytes(content)
    assert listening_channels(tmp_path, "discord") == frozenset()
    assert [one.level for one in examine_state(tmp_path)] == [Level.WARNING if content else Level.OK]


def test_long_lists_are_cut() -> None:
    """A server with hundreds of channels is still one line."""
    assert some_of(["a", "b"]) == "a, b"
    assert some_of("abcdefg") == "a, b, c, d, e and 2 more"


def test_a_finding_is_one_line() -> None:
    """Level, topic, text, and the mend if there is one."""
    assert str(Finding(Level.OK, "clock", "agrees")) == "ok       clock: agrees"
    assert str(Finding(Level.FATAL, "clock", "is off", "Set it.")) == "fatal    clock: is off. Set it."


# How it asks.


class Service:
    """A service that answers as it is told, and counts how often it was asked."""

    def __init__(self) -> None:
        self.answers: list[web.Response] = []
        self.n_asked = 0

    async def answer(self, _request: web.Request) -> web.Response:
        self.n_asked += 1
        return self.answers.pop(0)


@pytest.fixture
async def service() -> Any:
    service = Service()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", service.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with aiohttp.ClientSession() as session:
        yield service, Probe(session, f"http://127.0.0.1:{runner.addresses[0][1]}/")
    await runner.cleanup()


async def test_a_rate_limit_is_waited_for_once(service: Any) -> None:
    """A short one; what asks for minutes is an answer like any other."""
    told, probe = service
    told.answers = [web.Response(status=429, headers={"Retry-After": "0"}), web.json_response({"fine": True})]
    assert (await probe.get("/path")).body == {"fine": True}
    told.answers = [web.Response(status=429, headers={"Retry-After": "600"})]
    assert (await probe.get("/path")).status == 429
    assert told.n_asked == 3


async def test_an_answer_that_is_no_json_is_none(service: Any) -> None:
    """A proxy's page of HTML, say; its clock is read all the same."""
    told, probe = service
    told.answers = [web.Response(status=502, text="<html>", headers={"Date": "Thu, 01 Jan 1970 00:00:00 GMT"})]
    answer = await probe.get("/path")
    assert (answer.status, answer.body) == (502, None)
    assert answer.ahead_s == pytest.approx(time.time(), abs=60)
    told.answers = [web.Response(text="{}", headers={"Date": "yesterday"})]
    assert (await probe.get("/path")).ahead_s is None


async def test_a_greeting_that_does_not_come_is_unreachable(service: Any) -> None:
    """What answers there speaks HTTP, but no web socket."""
    told, probe = service
    told.answers = [web.Response(text="hello")]
    with pytest.raises(UnreachableError):
        await probe.greets(f"{probe._base_url}/gateway".replace("http:", "ws:"))


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://no-such-host.invalid", "http://[", "http://a b/"])
async def test_no_failure_tells_the_address(url: str) -> None:
    """It may hold a token."""
    async with aiohttp.ClientSession() as session:
        with pytest.raises(UnreachableError) as error:
            await Probe(session, f"{url}/secret").get("/getMe")
    assert "secret" not in str(error.value)
    assert str(error.value)
