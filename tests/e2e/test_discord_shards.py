"""A bot of Discord that is divided into shards, in one process and in several."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from adapters.errors import PlatformUnavailableError
from tests.e2e import discord_payloads as payloads
from tests.e2e import process
from tests.e2e.discord_payloads import Json
from tests.e2e.discord_runs import Run, make_adapter, running
from tests.e2e.discord_server import DiscordServer

ANY_COMMANDS = r"/applications/.*commands"
ANY_MESSAGE = r"/channels/\d+/messages"


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    async with DiscordServer() as server:
        yield server


@pytest.fixture
def run(server: DiscordServer, tmp_path: Path) -> Any:
    def start(**changes: Any) -> AbstractAsyncContextManager[Run]:
        return running(make_adapter(server, tmp_path / "state", **changes))

    return start


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards follow each other faster than in life."""
    monkeypatch.setattr("adapters.discord_shards.IDENTIFY_EVERY_S", 0.1)
    monkeypatch.setattr("adapters.discord_shards.INVALID_SESSION_S", (0.0, 0.02))


def channels_of(server: DiscordServer, n_shards: int) -> list[Json]:
    """Give each shard a server; return their channels, in the shards' order."""
    return [server.add_guild(payloads.snowflake_of(shard_id, n_shards)) for shard_id in range(n_shards)]


def shards_of(server: DiscordServer) -> list[list[int]]:
    return [frame["d"]["shard"] for frame in server.gateway.frames if frame["op"] == 2]


async def test_one_shard_needs_no_configuration(server: DiscordServer, run: Any) -> None:
    """A bot of a few servers is told so by Discord, and is one shard."""
    async with run():
        assert shards_of(server) == [[0, 1]]


async def test_as_many_shards_as_discord_recommends(server: DiscordServer, run: Any, ann: Json) -> None:
    """Each takes its turn to open a session; what is said in any server, and directly, is answered once."""
    server.n_shards = 3
    server.gateway.identify_every_s = 0.05
    channels = [*channels_of(server, 3), server.dm(ann)]
    async with run():
        assert server.gateway.live_shards == [(0, 3), (1, 3), (2, 3)]
        for channel in channels:
            await server.say(ann, channel, "hello", mention_bot=True)
        answered = {(await server.next_message())[0]["channel_id"] for _ in channels}
    assert answered == {channel["id"] for channel in channels}
    assert len(server.requests_to("POST", ANY_MESSAGE)) == len(channels)
    assert server.gateway.n_refused == 0
    assert len(server.requests_to("PUT", ANY_COMMANDS)) == 1
    assert not server.gateway.is_live


async def test_shards_start_side_by_side_where_discord_lets_them(
    server: DiscordServer, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large bots have several queues, and none waits for another."""
    monkeypatch.setattr("adapters.discord_shards.IDENTIFY_EVERY_S", 3_600.0)
    server.n_shards = server.gateway.max_concurrency = 4
    async with run():
        assert len(server.gateway.live_shards) == 4


async def test_only_the_named_shards_are_served(server: DiscordServer, run: Any, ann: Json) -> None:
    """Other servers, and direct messages, are another process's, and so are the commands."""
    zero, one, _, three = channels_of(server, 4)
    async with run(shard_count=4, shard_ids=(1, 3)):
        assert server.gateway.live_shards == [(1, 4), (3, 4)]
        for channel in (zero, server.dm(ann), one, three):
            await server.say(ann, channel, "hello", mention_bot=True)
        answered = {(await server.next_message())[0]["channel_id"] for _ in range(2)}
        await server.invite_bot(payloads.snowflake_of(1, 4))
    assert answered == {one["id"], three["id"]}
    assert len(server.requests_to("POST", ANY_MESSAGE)) == 2
    assert server.requests_to("PUT", ANY_COMMANDS) == []


async def test_two_processes_share_the_servers(server: DiscordServer, tmp_path: Path, ann: Json) -> None:
    """Each answers its own, the one with shard 0 also what is said directly, and it alone registers the commands."""
    channels = [*channels_of(server, 3), server.dm(ann)]
    program = [*process.command("tests.e2e.discord_process"), server.token, server.api_url, server.gateway_url]
    with_first = process.running([*program, str(tmp_path / "a"), "3", "0"], {}, tmp_path)
    with_others = process.running([*program, str(tmp_path / "b"), "3", "1", "2"], {}, tmp_path)
    server.gateway.max_concurrency = 3
    async with with_first as first, with_others as second:
        await server.wait_until(
            lambda: len(server.gateway.live_shards) == 3, "all shards are connected", process.WAIT_S
        )
        for channel in channels:
            await server.say(ann, channel, "hello", mention_bot=True)
        answered = [(await server.next_message())[0]["channel_id"] for _ in channels]
        used = await server.slash(ann, channels[2], "ask", question="why?")
        assert (await used.final()).content == "/ask why?"
        assert [await first.stop(), await second.stop()] == [0, 0]
    assert sorted(answered) == sorted(channel["id"] for channel in channels)
    assert len(server.requests_to("PUT", ANY_COMMANDS)) == 1


async def test_connected_means_every_shard(server: DiscordServer, run: Any, ann: Json) -> None:
    """While one is away the others answer; it resumes, and nothing that was said to it is lost."""
    zero, one = channels_of(server, 2)
    async with run(shard_count=2) as at_work:
        server.gateway.is_mute = True
        await server.drop_gateway(shard_id=1)
        await server.say(ann, one, "meanwhile", mention_bot=True)
        await server.say(ann, zero, "here", mention_bot=True)
        message, _ = await server.next_message()
        assert message["content"] == "Ann: here"
        assert not at_work.adapter.connected.is_set()
        server.gateway.is_mute = False
        await server.gateway.drop_unanswered()
        await at_work.connected()
        message, _ = await server.next_message()
    assert message["content"] == "Ann: meanwhile"
    assert (server.gateway.n_identified, server.gateway.n_resumed) == (2, 1)


async def test_long_outage_of_one_shard_ends_the_run(
    server: DiscordServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The supervisor starts all of them afresh; none is left connected."""
    monkeypatch.setattr("adapters.discord_connection.OUTAGE_S", 0.1)
    at_work = Run(make_adapter(server, tmp_path / "state", shard_count=2))
    await at_work.connected()
    server.gateway.is_mute = True
    await server.drop_gateway(shard_id=1)
    with pytest.raises(PlatformUnavailableError, match="for too long"):
        await at_work.task
    await server.wait_until(lambda: not server.gateway.live_shards, "no shard is connected")
    assert not at_work.adapter.connected.is_set()


async def test_session_that_another_process_was_faster_for_is_tried_again(server: DiscordServer, run: Any) -> None:
    """Processes do not know of each other's turns; Discord refuses one of them, which waits and comes again."""
    server.gateway.n_to_refuse = 2
    async with run(shard_count=2):
        assert server.gateway.live_shards == [(0, 2), (1, 2)]
    assert server.gateway.n_refused == 2


async def test_recommendation_that_cannot_be_had_is_an_outage(server: DiscordServer, tmp_path: Path) -> None:
    """Another try may help."""
    server.fail_next("GET", "/gateway/bot", 503)
    adapter = make_adapter(server, tmp_path / "state")
    with pytest.raises(PlatformUnavailableError, match="cannot be reached"):
        await adapter.run(asyncio.Event())
    at_work = Run(adapter)
    await at_work.connected()
    await at_work.end()


async def test_no_session_is_opened_beyond_the_days_limit(server: DiscordServer, tmp_path: Path) -> None:
    """Discord takes the token from who goes on; the next try may come when it allows it again."""
    server.n_shards, server.n_sessions_left = 2, 1
    with pytest.raises(PlatformUnavailableError, match=r"no new session for 4\.0 hours"):
        await make_adapter(server, tmp_path / "state").run(asyncio.Event())
    assert shards_of(server) == []


async def test_stop_ends_what_waits_for_its_turn(
    server: DiscordServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shard that has not begun yet opens no session, and holds nothing up."""
    monkeypatch.setattr("adapters.discord_shards.IDENTIFY_EVERY_S", 3_600.0)
    at_work = Run(make_adapter(server, tmp_path / "state", shard_count=2))
    await server.wait_connected()
    assert not at_work.adapter.connected.is_set()
    await at_work.end()
    assert shards_of(server) == [[0, 2]]
