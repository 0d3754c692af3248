"""Two processes of one bot over one Redis: settings, votes, notes, greetings, reloads and forgetting are in common."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from bot.assembly import SCHEMA, Stores
from bot.config import Settings
from bot.cooldown import CooldownMemory, Limit
from bot.database import DATABASE_FILE, Database
from bot.doctor_shared import examine_shared_state
from bot.feedback import Thumbs, Vote
from bot.findings import Level
from bot.handler import MessageHandler
from bot.inbox_export import InboxExport
from bot.inference import Inference
from bot.server_settings import DEFAULTS, ServerSettings, ServerSettingsStore
from bot.shared.forgetting import ForgottenElsewhere
from bot.shared.link import RedisLink, SharedStateError, StateAwayError
from bot.shared.once import SharedCooldowns, SharedMediaNotes
from bot.shared.state import SharedState
from tests.redis_server import MISSING, RedisServer, is_installed
from tests.unit.fakes import WAIT_S, FakeClassifier, Sentences, handler_of, said
from tests.unit.redis_runs import joined

SETTINGS = Settings(inbox="text")
GERMAN = ServerSettings(language="de")


class Member:
    """One process: its stores, and its handler."""

    def __init__(self, shared: SharedState, stores: Stores, handler: MessageHandler) -> None:
        self.shared = shared
        self.stores = stores
        self.handler = handler


@pytest.fixture
async def join(redis: RedisServer, tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """Starts a process with a database of its own."""
    async with AsyncExitStack() as stack:

        async def start(name: str) -> Member:
            database = await Database.open(tmp_path / name / DATABASE_FILE, SCHEMA)
            stack.push_async_callback(database.close)
            shared = await SharedState.open(redis.url)
            stores = await Stores.open(SETTINGS, database, shared=shared)
            inference = Inference(FakeClassifier())  # type: ignore[arg-type]
            stack.callback(inference.close)
            stack.push_async_callback(shared.close)
            reloads: asyncio.Queue[str] = asyncio.Queue()

            async def reload() -> str:
                reloads.put_nowait(name)
                return "reloaded"

            await shared.start(on_reload=reload)
            member = Member(shared, stores, handler_of(stores, inference, settings=SETTINGS))
            member.reloads = reloads  # type: ignore[attr-defined]
            return member

        yield start


async def until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not holds():  # noqa: ASYNC110 - that another process was heard is no event of this loop
            await asyncio.sleep(0.005)


async def test_a_conversation_is_carried_on_by_either(join: Callable[..., Any]) -> None:
    """What one process has asked, the other understands the answer to."""
    one, other = await join("one"), await join("other")
    asked = await one.handler.answer(said("a pizza"), Sentences())
    answered = await other.handler.answer(said("yes"), Sentences())
    assert (asked.text, answered.text) == ("With cheese?", "Cheese it is.")


async def test_settings_hold_in_every_process(join: Callable[..., Any]) -> None:
    """Those that were there before, a change, and its going with a group; a process that joins later knows them."""
    one, other = await join("one"), await join("other")
    await one.stores.settings.put("telegram", "-5", GERMAN)
    await until(lambda: other.stores.settings.of_server("telegram", "-5") == GERMAN)
    third = await join("third")
    assert third.stores.settings.of_server("telegram", "-5") == GERMAN
    await third.handler.moved("telegram", "-5", "-1005")
    for member in (one, other):
        await until(lambda member=member: member.stores.settings.of_server("telegram", "-1005") == GERMAN)
        await until(lambda member=member: member.stores.settings.of_server("telegram", "-5") == DEFAULTS)


async def test_settings_survive_a_redis_that_lost_everything(join: Callable[..., Any], redis: RedisServer) -> None:
    """The next process that starts brings them back from its file."""
    one = await join("one")
    await one.stores.settings.put("discord", "s", GERMAN)
    redis.call("FLUSHALL")
    await join("one")
    fresh = await join("fresh")
    assert fresh.stores.settings.of_server("discord", "s") == GERMAN


@pytest.mark.skipif(not is_installed(), reason=MISSING)
async def test_a_redis_that_goes_away_during_the_start_is_caught_up_with(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    """The process starts with what its file holds, and Redis gets that when it is back."""
    server = RedisServer(tmp_path_factory.mktemp("starting"))
    server.start()
    database = await Database.open(tmp_path / DATABASE_FILE, SCHEMA)
    await Stores.open(SETTINGS, database)
    await ServerSettingsStore(database).put("discord", "s", GERMAN)
    shared = await SharedState.open(server.url)
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def reload() -> str:
        heard.put_nowait("reload")
        return "reloaded"

    try:
        server.stop()
        stores = await Stores.open(SETTINGS, database, shared=shared)
        await shared.start(on_reload=reload)
        assert stores.settings.of_server("discord", "s") == GERMAN
        server.start()
        await until(lambda: b"settings:discord:s" in server.dump())
        async with joined(server.url) as other:
            while heard.empty():  # what is announced before it listens again is not for it
                await other.announce_reload()
                await asyncio.sleep(0.05)
    finally:
        await shared.close()
        await database.close()
        server.stop()


async def test_votes_notes_and_greetings_are_in_common(join: Callable[..., Any]) -> None:
    """An answer of one is voted on through the other; nobody is told or greeted twice."""
    one, other = await join("one"), await join("other")
    answered = await one.handler.answer(said("when"), Sentences())
    assert answered.can_vote
    assert await other.stores.feedback.vote("discord", answered.answer_id, "ann", is_up=True) is Vote.NEW
    assert await one.stores.feedback.vote("discord", answered.answer_id, "ann", is_up=True) is Vote.SAME
    assert await one.stores.feedback.counts() == {"opening_hours": Thumbs(1, 0)}
    voice = said("", medium="voice")
    assert [await member.handler.answer(voice, Sentences()) is None for member in (one, other)] == [False, True]
    greetings = [await member.handler.joined("discord", "1", None) is None for member in (one, other, one)]
    assert greetings == [False, True, True]
    await other.handler.left("discord", "1")
    assert await other.handler.joined("discord", "1", None) is not None


async def test_an_event_is_answered_by_one(join: Callable[..., Any]) -> None:
    """Whoever asks first, among many at the same time."""
    members = [await join("one"), await join("other")]
    for event in range(20):
        asked = [member.handler.is_new("telegram", str(event)) for member in members * 3]
        assert (await asyncio.gather(*asked)).count(True) == 1


async def test_a_reload_is_told_to_all_others(join: Callable[..., Any]) -> None:
    """Each follows once, and whoever told it does not follow itself; nor does who joins later."""
    members = [await join(name) for name in ("one", "other", "third")]
    await members[0].shared.announce_reload()
    late = await join("late")
    for member in members[1:]:
        await asyncio.wait_for(member.reloads.get(), WAIT_S)
    await members[1].shared.announce_reload()
    for member in (members[0], members[2], late):
        await asyncio.wait_for(member.reloads.get(), WAIT_S)
    assert all(member.reloads.empty() for member in (*members, late))


async def test_whoever_is_forgotten_is_forgotten_everywhere(join: Callable[..., Any], redis: RedisServer) -> None:
    """Also in what each process keeps for itself, and in one that was stopped meanwhile; nobody learns who it was."""
    one, other = await join("one"), await join("other")
    for user in ("8675309001", "4242424242"):
        for member in (one, other):
            await member.handler.answer(said("purple submarine", user), Sentences())
    await one.handler.answer(said("", "8675309001", command="forgetme"), Sentences())

    async def people(member: Member) -> set[tuple[str, str]]:
        return await member.stores.inbox.people() | await member.stores.answers.people()

    async with asyncio.timeout(WAIT_S):
        while len(await people(other)) != 1:  # noqa: ASYNC110 - as in `until`
            await asyncio.sleep(0.005)
    assert await people(one) == await people(other) == {("discord", "4242424242")}
    assert b"8675309001" not in redis.dump()
    assert b"4242424242" in redis.dump()


async def test_the_file_of_another_process_goes_with_a_person(redis: RedisServer, tmp_path: Path) -> None:
    """The inbox that was exported there may hold their texts, and does not say which."""
    database = await Database.open(None, SCHEMA)
    async with joined(redis.url) as one, joined(redis.url) as other:
        exports = [InboxExport(tmp_path / name) for name in ("one", "other")]
        asking = ForgottenElsewhere(one.link, one.news, (), exports[0], database)
        ForgottenElsewhere(other.link, other.news, (), exports[1], database)
        file = await exports[1].write("purple submarine")
        await asking.forget_person("discord", "ann")
        await until(lambda: not file.exists())
    await database.close()


async def test_a_process_that_was_stopped_forgets_when_it_starts(
    join: Callable[..., Any], redis: RedisServer, tmp_path: Path
) -> None:
    """What its file still holds of whoever asked for it is gone before it answers anybody."""
    async with joined(redis.url) as shared:
        database = await Database.open(tmp_path / "sleeper" / DATABASE_FILE, SCHEMA)
        sleeper = await Stores.open(SETTINGS, database, shared=shared)
        inference = Inference(FakeClassifier())  # type: ignore[arg-type]
        await handler_of(sleeper, inference, settings=SETTINGS).answer(said("purple submarine"), Sentences())
        assert await sleeper.inbox.people() == {("discord", "ann")}
        inference.close()
        await database.close()
    awake = await join("awake")
    await awake.handler.answer(said("", command="forgetme"), Sentences())
    sleeper_again = await join("sleeper")
    assert await sleeper_again.stores.inbox.people() == set()


async def test_a_process_that_was_stopped_for_long_forgets_when_it_starts(
    join: Callable[..., Any], redis: RedisServer
) -> None:
    """Announcements end after a day, but whom to forget is known for as long as anything of them may be kept."""
    sleeper, awake = await join("sleeper"), await join("awake")
    await sleeper.handler.answer(said("purple submarine"), Sentences())
    await sleeper.handler.answer(said("purple submarine", "ben"), Sentences())
    await sleeper.shared.close()
    await awake.handler.answer(said("", command="forgetme"), Sentences())
    redis.call("DEL", "parley:news")
    assert await sleeper.stores.inbox.people() == {("discord", "ann"), ("discord", "ben")}
    sleeper_again = await join("sleeper")
    assert await sleeper_again.stores.inbox.people() == {("discord", "ben")}
    assert b"ann" not in redis.dump()


async def test_whoever_comes_back_is_not_forgotten_twice(join: Callable[..., Any]) -> None:
    """Neither by who forgot them, nor by others, nor after a restart, though others are forgotten meanwhile."""
    one, other = await join("one"), await join("other")
    for user in ("ann", "ben"):
        for member in (one, other):
            await member.handler.answer(said("purple submarine", user), Sentences())
    for user, asked, elsewhere in (("ann", one, other), ("ben", other, one)):
        await asked.handler.answer(said("", user, command="forgetme"), Sentences())
        async with asyncio.timeout(WAIT_S):
            while ("discord", user) in await elsewhere.stores.inbox.people():  # noqa: ASYNC110 - as in `until`
                await asyncio.sleep(0.005)
        for member in (one, other):
            await member.handler.answer(said("yellow balloon"), Sentences())
    assert await one.stores.inbox.people() == {("discord", "ann")}
    for name in ("one", "other"):
        again = await join(name)
        assert await again.stores.inbox.people() == {("discord", "ann")}


async def test_who_was_told_while_redis_was_away_is_not_told_again(
    tmp_path_factory: pytest.TempPathFactory, redis: RedisServer
) -> None:
    """By any process once it is back; and whoever is forgotten by one leaves nothing with the other."""
    del redis
    server = RedisServer(tmp_path_factory.mktemp("away"))
    server.start()
    voice = said("", medium="voice")
    try:
        async with joined(server.url) as one, joined(server.url) as other:
            notes, others = SharedMediaNotes(one.link), SharedMediaNotes(other.link)
            back = [asyncio.Event(), asyncio.Event()]
            for shared, event in zip((one, other), back, strict=True):

                async def note(event: asyncio.Event = event) -> None:
                    event.set()

                shared.link.on_return(note)
            server.stop()
            assert [await notes.is_due(voice) for _ in range(2)] == [True, False]
            with pytest.raises(StateAwayError):
                await other.link.do("PING")
            server.start()
            for event in back:
                await asyncio.wait_for(event.wait(), WAIT_S)
            assert [await one_of_them.is_due(voice) for one_of_them in (others, notes)] == [False, False]
            assert await notes.people() == {("discord", "ann")}
            assert await others.people() == set()
    finally:
        server.stop()


async def test_a_note_of_one_process_goes_with_a_person(join: Callable[..., Any]) -> None:
    """Also where another process is asked to forget them."""
    one, other = await join("one"), await join("other")
    assert await one.handler.answer(said("", medium="voice"), Sentences()) is not None
    assert await one.stores.media.people() == {("discord", "ann")}
    await other.handler.answer(said("", command="forgetme"), Sentences())
    async with asyncio.timeout(WAIT_S):
        while await one.stores.media.people():  # noqa: ASYNC110 - as in `until`
            await asyncio.sleep(0.005)
    assert await other.handler.answer(said("", medium="voice"), Sentences()) is not None


async def test_forgetting_says_so_where_it_cannot_reach_all(
    tmp_path_factory: pytest.TempPathFactory, redis: RedisServer, tmp_path: Path
) -> None:
    """While Redis is away a person reads that it has not worked, and nothing else stops working."""
    del redis
    server = RedisServer(tmp_path_factory.mktemp("away"))
    server.start()
    database = await Database.open(tmp_path / DATABASE_FILE, SCHEMA)
    inference = Inference(FakeClassifier())  # type: ignore[arg-type]
    try:
        async with joined(server.url) as shared:
            stores = await Stores.open(SETTINGS, database, shared=shared)
            handler = handler_of(stores, inference, settings=SETTINGS)
            server.stop()
            asked = await handler.answer(said("a pizza"), Sentences())
            answered = await handler.answer(said("yes"), Sentences())
            assert asked is not None
            assert answered is not None
            assert (asked.text, answered.text, answered.can_vote) == ("With cheese?", "Cheese it is.", True)
            assert await stores.feedback.vote("discord", str(answered.answer_id), "ann", is_up=True) is Vote.NEW
            assert [await handler.is_new("telegram", "7") for _ in range(2)] == [True, False]
            assert await handler.joined("discord", "1", None) is not None
            await stores.settings.put("discord", "s", GERMAN)
            forgotten = await handler.answer(said("", command="forgetme"), Sentences())
            assert forgotten is not None
            assert "again" in forgotten.text
            back = asyncio.Event()

            async def note() -> None:
                back.set()

            shared.link.on_return(note)
            server.start()
            await asyncio.wait_for(back.wait(), WAIT_S)
            assert "de" in await shared.link.do("GET", "parley:settings:discord:s")
    finally:
        server.stop()
        inference.close()
        await database.close()


async def test_cooldowns_count_alike(redis: RedisServer) -> None:
    """Whatever times messages have, Redis and memory say the same of each."""
    draws = random.Random(0)
    async with joined(redis.url) as shared:
        in_redis, in_memory = SharedCooldowns(shared.link), CooldownMemory()
        for person in range(30):
            limit, now_s = Limit(draws.randint(1, 5), draws.choice([0.1, 1.0, 1 / 3])), 1.8e9
            for _ in range(40):
                now_s += draws.choice([0.0, 0.01, draws.random()])
                key = ("person", str(person))
                assert await in_redis.take(key, limit, now_s) is await in_memory.take(key, limit, now_s)


@pytest.mark.parametrize("url", ["redis://:hush-hush@127.0.0.1:1/0", "unix://:hush-hush@/nowhere/redis.sock"])
async def test_a_redis_that_is_not_there_is_one_sentence(url: str) -> None:
    """It names the variable and the place, and not the password."""
    with pytest.raises(SharedStateError, match=r"STATE_URL.*(127\.0\.0\.1:1|/nowhere/redis\.sock)") as caught:
        await RedisLink.open(url)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1?ssl_cert_reqs=none", "unix:///nowhere?hush=hush"])
async def test_an_option_that_there_is_not_is_one_sentence(url: str) -> None:
    """As one of TLS where there is none; the doctor says the same."""
    with pytest.raises(SharedStateError, match=r"STATE_URL cannot be used: what stands behind its \?") as caught:
        await RedisLink.open(url)
    assert "hush" not in str(caught.value)
    (finding,) = [one async for one in examine_shared_state(url)]
    assert (finding.level, "what stands behind its ?" in finding.text) == (Level.FATAL, True)


async def test_a_password_is_used_and_never_said(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer) -> None:
    """The right one opens; with a wrong one the operator is told so."""
    del redis
    server = RedisServer(tmp_path_factory.mktemp("locked"), password="hush-hush")
    server.start()
    try:
        async with joined(server.url) as shared:
            assert await shared.link.do("PING") in {True, "PONG"}
        with pytest.raises(SharedStateError, match=r"Auth|WRONGPASS|invalid") as caught:
            await RedisLink.open(server.url.replace("hush-hush", "loud-loud"))
        assert "loud" not in str(caught.value)
    finally:
        server.stop()
