"""Contexts in Redis: the order of messages across processes, what becomes of a process that dies, and the format."""

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.exceptions import MasterDownError, ReadOnlyError, ResponseError

from adapters.base import ReplyChoice
from bot.context import ActiveContext, FilledForm, Form, Key, UserState
from bot.entities import SlotValue
from bot.shared import line
from bot.shared.contexts import SharedContexts
from bot.shared.link import StateAwayError, refuses_all
from bot.shared.state import SharedState
from bot.shared.state_json import VERSION, from_json, to_json
from tests.redis_server import RedisServer
from tests.unit.fakes import WAIT_S
from tests.unit.redis_runs import joined

ANN: Key = ("telegram", "-5:7", "ann")

texts = st.text(st.characters(), max_size=20)  # lone surrogates included
numbers = st.floats(0, 1e10)
values = st.dictionaries(texts, st.builds(SlotValue, texts, texts | st.integers() | numbers), max_size=3)
states = st.builds(
    UserState,
    contexts=st.lists(st.builds(ActiveContext, texts, st.integers(1, 9), numbers), max_size=3).map(tuple),
    last_response=st.none() | texts,
    last_answer=st.none() | texts,
    forms=st.lists(st.builds(Form, texts, texts, numbers, values), max_size=3).map(tuple),
    filled=st.lists(st.builds(FilledForm, texts, values, numbers), max_size=3).map(tuple),
    offered=st.lists(st.builds(ReplyChoice, texts, texts), max_size=3).map(tuple),
    fallbacks=st.integers(0, 9),
    handoff_text=st.none() | texts,
)


def contexts_of(shared: SharedState) -> SharedContexts:
    return SharedContexts(shared.link, shared.line, capacity=10, ttl_s=60.0)


@given(states, numbers)
def test_a_state_survives_being_written(state: UserState, ends_at: float) -> None:
    """Whatever texts and values it holds, and in nothing but ASCII."""
    text = to_json(state, ends_at)
    assert text.isascii()
    assert from_json(text) == (state, ends_at)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "1", "{}", '{"version": 99}', f'{{"version": {VERSION}, "ends_at": 1}}', '{"version": 1}']
)
async def test_a_state_that_cannot_be_read_is_forgotten(redis: RedisServer, text: str) -> None:
    """The conversation begins anew, and the next answer is remembered."""
    with pytest.raises(ValueError, match=r"."):
        from_json(text)
    async with joined(redis.url) as shared:
        contexts = contexts_of(shared)
        await contexts.put(ANN, UserState(last_answer="so"))
        await shared.link.do("SET", "parley:context:telegram:-5%3A7:ann", text)
        assert await contexts.get(ANN) == UserState()
        await contexts.put(ANN, UserState(last_answer="again"))
        assert (await contexts.get(ANN)).last_answer == "again"


async def test_the_order_of_arrival_holds_across_processes(redis: RedisServer) -> None:
    """Though a process begins with a later message first, and has others of the same person waiting."""
    async with joined(redis.url) as first, joined(redis.url) as second:
        processes = [contexts_of(first), contexts_of(second)]
        for number in range(12):
            await processes[number % 2 if number < 6 else 0].arrived(ANN, str(number))
        order: list[int] = []

        async def answer(number: int) -> None:
            contexts = processes[number % 2 if number < 6 else 0]
            async with contexts.locked(ANN):
                order.append(number)
            await contexts.settled(ANN, str(number))

        async def work_off(numbers: list[int]) -> None:
            for number in numbers:
                await answer(number)

        second_begins = asyncio.create_task(work_off([1, 3, 5]))
        await asyncio.sleep(0)
        await asyncio.wait_for(work_off([0, 2, 4, *range(6, 12)]), WAIT_S)
        await asyncio.wait_for(second_begins, WAIT_S)
        assert order == list(range(12))
        assert b"line" not in redis.dump()


async def test_a_message_without_an_answer_keeps_nobody_waiting(redis: RedisServer) -> None:
    """A command, or talk that the bot does not answer, is settled all the same."""
    async with joined(redis.url) as first, joined(redis.url) as second:
        one, other = contexts_of(first), contexts_of(second)
        await one.arrived(ANN, "1")
        await other.arrived(ANN, "2")
        await one.settled(ANN, "1")
        await one.settled(ANN, "never arrived")
        async with asyncio.timeout(WAIT_S), other.locked(ANN):
            pass


async def test_what_arrives_at_once_does_not_wait_for_itself(redis: RedisServer) -> None:
    """One update that is brought to two processes twice each, at the same time, whichever ticket comes first."""
    async with joined(redis.url) as first, joined(redis.url) as second:
        processes = [contexts_of(first), contexts_of(second)]
        for _ in range(20):
            await asyncio.gather(*(one.arrived(ANN, "1") for one in processes * 2))

            async def answer_twice(one: SharedContexts) -> None:
                for _ in range(2):
                    async with one.locked(ANN):
                        await one.put(ANN, UserState(last_answer="so"))
                    await one.settled(ANN, "1")

            await asyncio.wait_for(asyncio.gather(*map(answer_twice, processes)), WAIT_S)
        assert b"line" not in redis.dump()


async def test_a_dead_process_keeps_nobody_waiting(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it had not answered is passed over as soon as it is heard of no more."""
    monkeypatch.setattr(line, "ALIVE_MS", 60)
    monkeypatch.setattr(line, "ALIVE_EVERY_S", 0.02)
    async with joined(redis.url) as first, joined(redis.url) as second:
        dead, alive = contexts_of(first), contexts_of(second)
        await dead.arrived(ANN, "1")
        assert first.line._heartbeat is not None
        first.line._heartbeat.cancel()  # as if it were killed
        async with asyncio.timeout(WAIT_S), alive.locked(ANN):
            pass


async def test_whoever_takes_too_long_writes_nothing_any_more(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The next one goes on after the time limit, and what it remembers is not overwritten."""
    monkeypatch.setattr(line, "HEAD_MS", 40)
    async with joined(redis.url) as first, joined(redis.url) as second:
        slow, next_one = contexts_of(first), contexts_of(second)
        async with asyncio.timeout(WAIT_S), slow.locked(ANN):
            async with next_one.locked(ANN):
                await next_one.put(ANN, UserState(last_answer="in time"))
            await slow.put(ANN, UserState(last_answer="too late"))
        assert (await slow.get(ANN)).last_answer == "in time"
        assert "took so long" in caplog.text
        async with asyncio.timeout(WAIT_S), slow.locked(ANN):
            await slow.put(ANN, UserState(last_answer="and on"))
        assert (await next_one.get(ANN)).last_answer == "and on"


async def test_a_lock_is_given_back_whatever_happens(redis: RedisServer) -> None:
    """Its holder fails, or whoever waits for it gives up: nothing is left in Redis."""
    async with joined(redis.url) as first, joined(redis.url) as second:
        one, other = contexts_of(first), contexts_of(second)
        with contextlib.suppress(ArithmeticError):
            async with one.locked(ANN):
                waiting = asyncio.create_task(other.locked(ANN).__aenter__())
                async with asyncio.timeout(WAIT_S):
                    while redis.call("LLEN", "parley:line:telegram:-5%3A7:ann") != b":2\r\n":  # noqa: ASYNC110
                        await asyncio.sleep(0)
                waiting.cancel()
                await asyncio.wait([waiting], timeout=WAIT_S)
                raise ArithmeticError
        assert b"line" not in redis.dump()


async def test_what_ends_while_its_group_moves_costs_nothing(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A context that is gone when its turn comes is no outage, and all others go along."""
    async with joined(redis.url) as shared:
        contexts = contexts_of(shared)
        for user in ("ann", "ben"):
            await contexts.put(("telegram", "-5", user), UserState(last_answer=user))
        find = shared.link.find

        async def find_and_lose_one(names: str) -> list[str]:
            found = await find(names)
            await shared.link.do("DEL", found[0])
            return found

        monkeypatch.setattr(shared.link, "find", find_and_lose_one)
        await contexts.move("telegram", "-5", "-1005")
        assert not shared.link.is_away
        assert (await contexts.get(("telegram", "-1005", "ann"))) == UserState()
        assert (await contexts.get(("telegram", "-1005", "ben"))).last_answer == "ben"


async def test_a_refused_command_is_no_outage(redis: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    """What else is asked is answered by Redis as before; the log has neither key nor value."""
    async with joined(redis.url) as shared:
        await shared.link.do("SET", "parley:text", "purple submarine")
        with pytest.raises(StateAwayError, match="Redis refuses LPUSH"):
            await shared.link.do("LPUSH", "parley:text", "purple submarine")
        assert not shared.link.is_away
        assert await shared.link.do("GET", "parley:text") == "purple submarine"
        assert "submarine" not in caplog.text


@pytest.fixture
def failing_disk(redis: RedisServer, tmp_path: Path) -> Iterator[RedisServer]:
    """A server that is to write snapshots and cannot, so that it takes nothing any more."""
    del redis  # which skips the test where no server is installed
    server = RedisServer(tmp_path)
    server.start()
    (tmp_path / "dump.rdb").mkdir()
    yield server
    server.stop()


async def test_a_redis_whose_disk_fails_is_away_until_it_works(failing_disk: RedisServer) -> None:
    """It refuses whatever writes; what the process remembers meanwhile is handed over afterwards."""
    async with joined(failing_disk.url) as shared:
        contexts, is_back = contexts_of(shared), asyncio.Event()

        async def note() -> None:
            is_back.set()

        shared.link.on_return(note)
        failing_disk.call("CONFIG", "SET", "save", "3600 1")
        failing_disk.call("BGSAVE")
        async with asyncio.timeout(WAIT_S):
            while not failing_disk.call("SET", "probe", "1").startswith(b"-MISCONF"):  # noqa: ASYNC110 - not ours
                await asyncio.sleep(0.005)
        await contexts.put(ANN, UserState(last_answer="hello"))
        assert shared.link.is_away
        assert (await contexts.get(ANN)).last_answer == "hello"
        failing_disk.call("CONFIG", "SET", "save", "")
        await asyncio.wait_for(is_back.wait(), WAIT_S)
        assert len(contexts) == 0
        assert (await contexts.get(ANN)).last_answer == "hello"


@pytest.mark.parametrize(
    ("error", "is_outage"),
    [
        (ResponseError("NOREPLICAS Not enough good replicas to write."), True),
        (ResponseError("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."), True),
        (ResponseError("Error running script (call to f_0): @user_script:1: @user_script: 1: -OOM command no"), True),
        (MasterDownError("Link with MASTER is down and replica-serve-stale-data is set to 'no'."), True),
        (ReadOnlyError("You can't write against a read only replica."), True),
        (ResponseError("no such key"), False),
        (ResponseError("BUSYKEY Target key name already exists."), False),
        (ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value"), False),
    ],
)
def test_what_refuses_all_is_told_from_what_refuses_one(error: ResponseError, is_outage: bool) -> None:
    """As Redis words it, in a script also as versions before 7 do."""
    assert refuses_all(error) is is_outage


async def test_every_key_has_a_time_to_live(redis: RedisServer) -> None:
    """Nothing stays in Redis for ever."""
    async with joined(redis.url) as shared:
        contexts = contexts_of(shared)
        await contexts.arrived(ANN, "1")
        async with contexts.locked(ANN):
            await contexts.put(ANN, UserState(last_answer="so"))
        await shared.announce_reload()
        names = await shared.link.find("parley:*")
        kinds = {name.split(":")[1] for name in names}
        assert kinds == {"alive", "context", "head", "line", "news", "secret"}
        assert [name for name in names if await shared.link.do("PTTL", name) <= 0] == []


async def test_answers_go_on_while_redis_is_away(
    tmp_path_factory: pytest.TempPathFactory, redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """From this process's memory, with one warning; what was said meanwhile is known to all once Redis is back."""
    del redis  # only where one is installed
    caplog.set_level(logging.INFO)
    server = RedisServer(tmp_path_factory.mktemp("away"))
    server.start()
    try:
        async with joined(server.url) as first, joined(server.url) as second:
            one, other = contexts_of(first), contexts_of(second)
            await one.put(ANN, UserState(last_answer="before"))
            server.stop()
            async with asyncio.timeout(WAIT_S):
                for _ in range(3):
                    await one.arrived(ANN, "1")
                    async with one.locked(ANN):
                        await one.put(ANN, UserState(last_answer="meanwhile"))
                    await one.settled(ANN, "1")
            assert (await one.get(ANN)).last_answer == "meanwhile"
            assert caplog.text.count("Redis is away") == 1
            back = asyncio.Event()

            async def note() -> None:
                back.set()

            first.link.on_return(note)
            server.start()
            await asyncio.wait_for(back.wait(), WAIT_S)
            assert "Redis is back" in caplog.text
            assert len(one) == 0
            assert (await other.get(ANN)).last_answer == "meanwhile"
    finally:
        server.stop()
