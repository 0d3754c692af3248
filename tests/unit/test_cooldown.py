"""Cooldowns: how much at once, how fast after that, what is said about it, and that memory stays small."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.base import IncomingMessage
from bot.cooldown import (
    BURST,
    CROWD_BURST,
    CROWD_FACTOR,
    CooldownMemory,
    Cooldowns,
    CooldownStore,
    Limit,
    Refusal,
    Verdict,
)
from bot.shared.once import SharedCooldowns
from tests.unit.fakes import said
from tests.unit.redis_runs import joined

START = datetime(2026, 1, 1, tzinfo=UTC)
NOTICE, SILENCE = Refusal(is_crowded=False, is_noticed=True), Refusal(is_crowded=False, is_noticed=False)


def at(second: float, user: str = "ann", **changes: Any) -> IncomingMessage:
    return said("x", user, received_at=START + timedelta(seconds=second), **changes)


@pytest.fixture(params=["memory", "redis"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[CooldownStore]:
    """Where it is counted: what holds of one place holds of the other."""
    if request.param == "memory":
        yield CooldownMemory()
        return
    async with joined(request.getfixturevalue("redis").url) as shared:
        yield SharedCooldowns(shared.link)


@pytest.fixture
def cooldowns(store: CooldownStore) -> Cooldowns:
    return Cooldowns(store, 1.0)


async def test_a_burst_is_answered_then_one_each_interval(cooldowns: Cooldowns) -> None:
    """Twenty at once; then one notice, then nothing, and one answer for each second that passes."""
    assert [await cooldowns.refuse(at(0)) for _ in range(BURST)] == [None] * BURST
    assert [await cooldowns.refuse(at(0.5)) for _ in range(3)] == [NOTICE, SILENCE, SILENCE]
    assert [await cooldowns.refuse(at(1)) for _ in range(2)] == [None, SILENCE]
    assert [await cooldowns.refuse(at(4)) for _ in range(4)] == [None, None, None, SILENCE]


async def test_the_notice_comes_again_only_after_a_rest(cooldowns: Cooldowns) -> None:
    """Whoever goes on writing hears it once, however long; whoever has let all drain may hear it anew."""
    refusals = [await cooldowns.refuse(at(second / 4)) for second in range(400)]
    assert refusals.count(NOTICE) == 1
    rested_s = 100 + BURST
    refusals = [await cooldowns.refuse(at(rested_s)) for _ in range(BURST + 2)]
    assert refusals == [None] * BURST + [NOTICE, SILENCE]


async def test_what_was_written_during_an_outage_is_not_a_flood(cooldowns: Cooldowns) -> None:
    """A hundred messages, a second apart, delivered at once, are all answered."""
    assert [await cooldowns.refuse(at(second)) for second in range(100)] == [None] * 100


async def test_people_do_not_slow_each_other_down(cooldowns: Cooldowns) -> None:
    """Nor does the same id on another platform; one person's channels are one."""
    for _ in range(BURST):
        await cooldowns.refuse(at(0))
    assert await cooldowns.refuse(at(0, "ben")) is None
    assert await cooldowns.refuse(at(0, platform="telegram")) is None
    assert await cooldowns.refuse(at(0, conversation_id="there")) == NOTICE


@pytest.mark.parametrize(
    "place",
    [{"conversation_id": "c"}, {"conversation_id": "{n}", "server_id": "s"}],
    ids=["one conversation", "many of one server"],
)
async def test_a_crowd_has_a_limit_too(cooldowns: Cooldowns, place: dict[str, str]) -> None:
    """A hundred answers at once to different people; then ten a second. It is said once, and elsewhere all goes on."""

    async def ask(n: int, second: float = 0) -> Refusal | None:
        places = {name: value.format(n=n) for name, value in place.items()}
        return await cooldowns.refuse(at(second, f"user-{n}", is_direct=False, **places))

    assert [await ask(n) for n in range(CROWD_BURST)] == [None] * CROWD_BURST
    assert [await ask(n) for n in (200, 201)] == [Refusal(True, True), Refusal(True, False)]
    answers = [await ask(300 + n, 1) for n in range(CROWD_FACTOR + 5)]
    assert answers.count(None) == CROWD_FACTOR
    assert await cooldowns.refuse(at(0, "user-999", is_direct=False, conversation_id="far", server_id="away")) is None


@pytest.mark.parametrize(("operators", "servers", "n_answered"), [(1.0, 60.0, BURST), (1.0, 0.0, 60), (0.0, 60.0, 60)])
async def test_a_server_has_its_own_cooldown(operators: float, servers: float, n_answered: int) -> None:
    """Longer, or none; but where the operator wants none at all there is none."""
    cooldowns = Cooldowns(CooldownMemory(), operators)
    answers = [await cooldowns.refuse(at(second / 2), servers) for second in range(60)]
    assert answers.count(None) == n_answered


async def test_the_cooldown_of_a_server_holds_there_alone(cooldowns: Cooldowns) -> None:
    """Whoever has used up what a slow server gives is answered elsewhere."""
    there = {"server_id": "slow", "is_direct": False}
    answers = [await cooldowns.refuse(at(0, **there), 3_600.0) for _ in range(BURST + 1)]
    assert answers == [None] * BURST + [NOTICE]
    assert await cooldowns.refuse(at(0)) is None
    assert await cooldowns.refuse(at(0, server_id="other", is_direct=False), 60.0) is None


async def test_typed_questions_are_counted_apart(cooldowns: Cooldowns) -> None:
    """A question that is answered while it is typed takes nothing from those that are sent."""
    refused = [await cooldowns.refuse_inline(at(0)) for _ in range(CROWD_BURST + 1)]
    assert refused == [False] * CROWD_BURST + [True]
    assert await cooldowns.refuse(at(0)) is None
    assert not await Cooldowns(CooldownMemory(), 0.0).refuse_inline(at(0))


async def test_memory_is_bounded_and_short() -> None:
    """No more entries than the capacity, and none once all is worked off; no entry holds an id."""
    store = CooldownMemory(capacity=50)
    limit = Limit(5, 1.0)
    for n in range(200):
        await store.take(("person", "discord", f"user-{n}"), limit, 0.0)
    assert len(store) == 50
    assert not any(b"user" in key for key in store._entries)
    await store.forget_drained(1.0)
    assert len(store) == 0


@given(st.lists(st.floats(0, 60), min_size=1, max_size=200), st.integers(1, 10), st.floats(0.1, 5))
async def test_no_window_holds_more_than_burst_and_rate(times_s: list[float], burst: int, interval_s: float) -> None:
    """Whenever messages come, between any two answers lie as many intervals as answers over the burst."""
    store, limit = CooldownMemory(), Limit(burst, interval_s)
    answered_s = [one for one in sorted(times_s) if await store.take(("k",), limit, one) is Verdict.ANSWER]
    for first in range(len(answered_s)):
        for last in range(first, len(answered_s)):
            n_over = last - first + 1 - burst
            assert answered_s[last] - answered_s[first] >= n_over * interval_s - 1e-6
