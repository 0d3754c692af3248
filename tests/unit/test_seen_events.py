"""Which events were seen: over restarts, each platform for itself, bounded."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bot.database import DATABASE_FILE, Database
from bot.seen_events import SCHEMA, EventMemory, SeenEvents
from bot.shared.once import SharedSeenEvents
from tests.unit.redis_runs import joined


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path / DATABASE_FILE, SCHEMA)
    yield database
    await database.close()


@pytest.fixture(params=["sqlite", "redis"])
async def make_seen(request: pytest.FixtureRequest, database: Database) -> AsyncIterator[Callable[[], EventMemory]]:
    """Where events are remembered: what holds of one place holds of the other."""
    if request.param == "sqlite":
        yield lambda: SeenEvents(database)
        return
    async with joined(request.getfixturevalue("redis").url) as shared:
        yield lambda: SharedSeenEvents(shared.link, SeenEvents(database))


async def test_an_event_is_new_once(make_seen: Callable[[], EventMemory]) -> None:
    """Asking makes it old, in the next process too; another platform's number is another event."""
    assert await make_seen().is_new("discord", "1")
    assert not await make_seen().is_new("discord", "1")
    assert await make_seen().is_new("telegram", "1")


async def test_the_last_events_are_kept(database: Database) -> None:
    """At least as many as said of each platform, and not many more; a busy platform pushes out no other's."""
    seen = SeenEvents(database, kept=20, prune_every=10)
    await seen.is_new("telegram", "first")
    for number in range(100):
        assert await seen.is_new("discord", str(number))
        ((n_kept,),) = await database.fetch("SELECT COUNT(*) FROM seen_events WHERE platform = 'discord'")
        assert isinstance(n_kept, int)
        assert n_kept <= 30
    assert not any([await seen.is_new("discord", str(number)) for number in range(80, 100)])
    assert not await seen.is_new("telegram", "first")


async def test_in_doubt_an_event_is_new(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """An answer twice is better than none; the operator is told."""
    await database.close()
    assert await SeenEvents(database).is_new("discord", "1")
    assert "seen before" in caplog.text
