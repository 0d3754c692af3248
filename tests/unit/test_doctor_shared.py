"""What the doctor says of the Redis of `STATE_URL`: real servers where one can be had, else what they tell."""

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis.exceptions import AskError, NoPermissionError, OutOfMemoryError, ReadOnlyError, ResponseError

from bot.doctor_shared import CLOCK_S, examine_access, examine_clock, examine_server, examine_shared_state, explain
from bot.findings import Finding, Level
from tests.redis_server import RedisServer

MB = 2**20
FACTS = {
    "redis_version": "7.0.15",
    "redis_mode": "standalone",
    "maxmemory": 64 * MB,
    "maxmemory_policy": "volatile-ttl",
    "evicted_keys": 0,
}


async def examine(url: str) -> list[Finding]:
    return [finding async for finding in examine_shared_state(url)]


@pytest.fixture
def locked(redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server with a password."""
    del redis  # which skips the test where no server is installed
    server = RedisServer(tmp_path_factory.mktemp("locked"), password="hush-hush")
    server.start()
    yield server
    server.stop()


async def test_a_sound_redis_has_nothing_to_mend(redis: RedisServer) -> None:
    """It answers, is new enough, gives up what ends first, and its clock agrees; nothing is left behind in it."""
    redis.call("CONFIG", "SET", "maxmemory", "64mb")
    redis.call("CONFIG", "SET", "maxmemory-policy", "volatile-ttl")
    redis.call("SET", "parley:secret", "kept")
    try:
        found = await examine(redis.url)
    finally:
        redis.call("CONFIG", "SET", "maxmemory", "0")
        redis.call("CONFIG", "SET", "maxmemory-policy", "noeviction")
    assert {one.level for one in found} == {Level.OK}, [str(one) for one in found]
    assert [one.topic for one in found].count("clock") == 1
    assert any("answers, and can be written to" in one.text for one in found)
    left = [name for name in redis.dump().split() if b"parley:" in name and b"doctor" not in name]
    assert left == [b"parley:secret"]
    assert redis.call("PTTL", "parley:secret") == b":-1\r\n", "the bot's keys are left alone"


async def test_a_redis_that_is_away_is_fatal(tmp_path: Path) -> None:
    """With where it was looked for; neither password nor user is told."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for url, place in ((f"redis://me:hush@127.0.0.1:{port}", f"127.0.0.1:{port}"), (f"unix://{tmp_path}/x", "/x")):
        (line,) = map(str, await examine(url))
        assert line.startswith("fatal    STATE_URL: the Redis at ")
        assert f"{place} cannot be used (" in line
        assert line.endswith("Start it, mend STATE_URL, or unset it to keep everything in one process.")
        assert "hush" not in line


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda url: url.replace(":hush-hush@", ""), "wants a password"),
        (lambda url: url.replace("hush-hush", "loud-loud"), "refuses the password"),
    ],
)
async def test_a_wrong_password_is_fatal(locked: RedisServer, change: Callable[[str], str], text: str) -> None:
    """A missing one is told apart from a wrong one, and neither is shown."""
    (finding,) = await examine(change(locked.url))
    assert finding.level is Level.FATAL
    assert text in finding.text
    assert "STATE_URL" in finding.mend
    assert "hush" not in str(finding)
    assert "loud" not in str(finding)
    assert (await examine(locked.url))[0].level is Level.OK


async def test_a_password_that_nobody_asks_for_is_told(redis: RedisServer) -> None:
    """The bot would not start with it."""
    (finding,) = await examine(redis.url.replace("unix://", "unix://:hush@"))
    assert (finding.level, "has no password, but STATE_URL does" in finding.text) == (Level.FATAL, True)


async def test_a_full_redis_is_fatal(redis: RedisServer) -> None:
    """It takes no writes, and each process would be on its own."""
    redis.call("CONFIG", "SET", "maxmemory", "1")
    try:
        (finding,) = await examine(redis.url)
    finally:
        redis.call("CONFIG", "SET", "maxmemory", "0")
    assert (finding.level, "is full" in finding.text) == (Level.FATAL, True)


async def test_a_user_who_may_not_write_is_fatal(redis: RedisServer) -> None:
    """The mend is the command that lets it; what may not be asked for is a note."""
    redis.call("ACL", "SETUSER", "reader", "on", ">word", "~*", "+@read", "+info")
    redis.call("ACL", "SETUSER", "writer", "on", ">word", "~parley:*", "+@all", "-info")
    try:
        (refused,) = await examine(redis.url.replace("unix://", "unix://reader:word@"))
        *_, untold = await examine(redis.url.replace("unix://", "unix://writer:word@"))
    finally:
        redis.call("ACL", "DELUSER", "reader", "writer")
    assert (refused.level, "ACL SETUSER" in refused.mend) == (Level.FATAL, True)
    assert (untold.level, "are not told" in untold.text) == (Level.NOTE, True)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ReadOnlyError("You can't write against a read only replica."), "is a replica"),
        (AskError("42 127.0.0.1:7000"), "belongs to a cluster"),
        (NoPermissionError("this user has no permissions"), "does not let its user"),
        (OutOfMemoryError("command not allowed"), "is full"),
        (ResponseError("DENIED Redis is running in protected mode because ..."), "its own machine only"),
        (ResponseError("x" * 999), "x" * 99),
        (TimeoutError(), "cannot be used (TimeoutError)"),
    ],
)
def test_every_failure_has_its_mend(error: Exception, text: str) -> None:
    """In a line that says what follows from it."""
    finding = explain(error, "host:6379")
    assert (finding.level, bool(finding.mend)) == (Level.FATAL, True)
    assert text in finding.text
    assert len(str(finding)) < 400


@pytest.mark.parametrize(
    ("changes", "level", "text"),
    [
        ({}, Level.OK, "64 MB, then what ends first is given up first"),
        ({"redis_version": "6.0.16"}, Level.WARNING, "Redis 6.0.16 is older than 6.2"),
        ({"redis_version": "unknown"}, Level.OK, "Redis unknown"),
        ({"redis_mode": "cluster"}, Level.FATAL, "belongs to a cluster"),
        ({"maxmemory": 0, "maxmemory_policy": "allkeys-lru"}, Level.NOTE, "may take all memory"),
        ({"maxmemory_policy": "noeviction"}, Level.WARNING, "takes no more writes"),
        ({"maxmemory_policy": "allkeys-lru"}, Level.WARNING, "gives up settings and votes as readily"),
        ({"maxmemory_policy": "volatile-lru"}, Level.WARNING, "gives up settings and votes as readily"),
        ({"evicted_keys": 1_234}, Level.WARNING, "has given up 1,234 entries"),
    ],
)
def test_what_a_redis_tells_of_itself_is_weighed(changes: dict[str, object], level: Level, text: str) -> None:
    """Only what may cost a conversation, a setting or a vote is a warning, and each has its mend."""
    found = list(examine_server({**FACTS, **changes}))
    (finding,) = [one for one in found if text in one.text]
    assert finding.level is level
    assert all(one.level is Level.OK or one.mend for one in found)


@pytest.mark.parametrize(
    ("url", "is_warned"),
    [
        ("redis://127.0.0.1:6379", False),
        ("redis://localhost", False),
        ("redis://[::1]:6379", False),
        ("unix:///run/redis.sock", False),
        ("redis://redis:6379/0", True),
        ("redis://me@10.0.0.7", True),
        ("rediss://:word@redis", False),
    ],
)
def test_a_redis_for_strangers_needs_a_password(url: str, is_warned: bool) -> None:
    """It holds the last answers of everyone; on this machine alone it may go without."""
    assert [one.level for one in examine_access(url)] == [Level.WARNING] * is_warned


@pytest.mark.parametrize(
    ("ahead_s", "text"),
    [(CLOCK_S, "agrees"), (-CLOCK_S, "agrees"), (3_700.0, "3,700 s ahead of"), (-61.0, "61 s behind")],
)
def test_clocks_must_agree(ahead_s: float, text: str) -> None:
    """Which way and how far they are apart."""
    finding = examine_clock(ahead_s)
    assert text in finding.text
    assert (finding.level is Level.OK) is (text == "agrees")


async def test_the_clock_is_this_machines_against_that_of_redis(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An hour ahead is told as such."""
    now = time.time
    monkeypatch.setattr("time.time", lambda: now() + 3_600)
    (finding,) = [one for one in await examine(redis.url) if one.topic == "clock"]
    assert (finding.level, finding.text.startswith("3,600 s ahead of Redis's")) == (Level.WARNING, True)
