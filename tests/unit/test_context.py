"""What is remembered of a person: lifespan, time to live, the bound, and the locks."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.context import MAX_CONTEXTS, MAX_FORMS, Contexts, ContextStore, Form, Key, UserState
from bot.shared.contexts import SharedContexts
from intents.catalog import DEFAULT_LIFESPAN, SetContext
from tests.unit.fakes import WAIT_S, Clock
from tests.unit.redis_runs import joined

LATER = 10_000.0

MakeStore = Callable[..., Awaitable[Any]]
"""Returns a store with a time to live and a clock."""
ANN: Key = ("discord", "here", "ann")
BEN: Key = ("discord", "here", "ben")


@pytest.fixture(params=["memory", "redis"])
async def make_store(request: pytest.FixtureRequest) -> AsyncIterator[MakeStore]:
    """Where states are kept: what holds of one place holds of the other."""
    async with AsyncExitStack() as stack:

        async def make(ttl_s: float = 60.0, clock: Clock | None = None) -> Contexts:
            clock = clock or Clock()
            if request.param == "memory":
                return ContextStore(capacity=10, ttl_s=ttl_s, clock=clock)
            shared = await stack.enter_async_context(joined(request.getfixturevalue("redis").url))
            return SharedContexts(shared.link, shared.line, capacity=10, ttl_s=ttl_s, clock=clock)

        yield make


def turns(n: int, state: UserState) -> UserState:
    for _ in range(n):
        state = state.a_turn_older()
    return state


def after_turn(state: UserState, *names: str) -> UserState:
    """The state after a message whose answer activates contexts."""
    return state.a_turn_older().with_contexts([SetContext(name) for name in names], now=0.0, ttl_s=LATER)


def test_a_context_lives_for_its_messages() -> None:
    """It is active for the next five messages after the one that set it, and not for the sixth."""
    set_now = after_turn(UserState(), "cheese")
    assert turns(DEFAULT_LIFESPAN - 1, set_now).names == ("cheese",)
    assert turns(DEFAULT_LIFESPAN, set_now).names == ()


def test_setting_a_context_again_renews_it() -> None:
    """It lives its whole span once more, stands once, and counts as the most recent."""
    state = after_turn(UserState(), "a", "b")
    state = after_turn(turns(DEFAULT_LIFESPAN - 1, state), "a", "a")
    assert state.names == ("a",)
    state = after_turn(after_turn(UserState(), "a", "b"), "a")
    assert state.names == ("b", "a")
    assert turns(DEFAULT_LIFESPAN - 1, state).names == ("a",)


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=3), max_size=20))
def test_contexts_follow_the_turns_that_set_them(history: list[list[str]]) -> None:
    """After any talk those are active that one of the last five turns set, the most recent last, each once."""
    state = UserState()
    for activated in history:
        state = after_turn(state, *activated)
    recent = [name for turn in history[-DEFAULT_LIFESPAN:] for name in dict.fromkeys(turn)]
    assert list(state.names) == list(reversed(dict.fromkeys(reversed(recent))))


@pytest.mark.parametrize("own_ttl_s", [None, 30.0, 90.0])
async def test_a_state_ends_with_its_time(make_store: MakeStore, own_ttl_s: float | None) -> None:
    """At the time to live nothing is known any more, nor the last answer; a context that lives longer keeps it."""
    clock = Clock()
    store = await make_store(clock=clock)
    context = SetContext("cheese", ttl_s=own_ttl_s)
    state = UserState(last_answer="With cheese?").with_contexts([context], now=clock.now, ttl_s=store.ttl_s)
    await store.put(ANN, state)
    clock.now += 59.9
    assert (await store.get(ANN)).last_answer == "With cheese?"
    assert (await store.get(ANN)).names == (("cheese",) if own_ttl_s != 30.0 else ())
    clock.now += 0.1
    store.drop_expired()
    assert await store.get(ANN) == (state if own_ttl_s == 90.0 else UserState())


async def test_what_has_ended_leaves_memory() -> None:
    """At the next sweep, though nobody has asked for it."""
    clock = Clock()
    store = ContextStore(capacity=10, ttl_s=60.0, clock=clock)
    await store.put(ANN, UserState(last_answer="With cheese?"))
    store.drop_expired()
    assert len(store) == 1
    clock.now += 60
    store.drop_expired()
    assert len(store) == 0


async def test_what_has_ended_is_not_known_though_still_there(make_store: MakeStore) -> None:
    """Before anybody sweeps, too."""
    clock = Clock()
    store = await make_store(clock=clock)
    await store.put(ANN, UserState(last_answer="With cheese?"))
    clock.now += 60
    assert await store.get(ANN) == UserState()


@pytest.mark.parametrize(("ttl_s", "is_active"), [(None, True), (30.0, False), (90.0, True)])
def test_a_context_may_have_a_time_of_its_own(ttl_s: float | None, is_active: bool) -> None:
    """The intent's time to live replaces the operator's, be it shorter or longer."""
    state = UserState().with_contexts([SetContext("cheese", ttl_s=ttl_s)], now=0.0, ttl_s=60.0)
    assert (state.at(40.0).names == ("cheese",)) is is_active


def test_a_context_may_have_a_lifespan_of_its_own() -> None:
    """A lifespan of one is over after one message."""
    state = UserState().with_contexts([SetContext("cheese", lifespan=1)], now=0.0, ttl_s=60.0)
    assert state.names == ("cheese",)
    assert turns(1, state).names == ()


def test_contexts_and_forms_are_bounded() -> None:
    """However many a catalog opens, the oldest leave first."""
    state = UserState().with_contexts([SetContext(str(number)) for number in range(50)], now=0.0, ttl_s=60.0)
    for number in range(50):
        state = state.with_form(Form(str(number), "slot", 60.0))
    assert state.names == tuple(map(str, range(50 - MAX_CONTEXTS, 50)))
    assert [form.intent for form in state.forms] == [str(number) for number in range(50 - MAX_FORMS, 50)]


async def test_people_are_kept_apart(make_store: MakeStore) -> None:
    """One person's state is not another's, and forgetting takes one's own."""
    store = await make_store()
    for key, response in ((ANN, "to Ann"), (BEN, "to Ben")):
        await store.put(key, UserState(last_response=response))
    await store.forget(ANN)
    await store.forget(("discord", "elsewhere", "ben"))
    assert await store.get(ANN) == UserState()
    assert (await store.get(BEN)).last_response == "to Ben"


async def test_a_person_is_forgotten_in_all_conversations(make_store: MakeStore) -> None:
    """Also what an answer under way writes; neither others nor the same id on another platform are."""
    store = await make_store()
    elsewhere, namesake = ("discord", "elsewhere", "ann"), ("telegram", "here", "ann")
    for key in (elsewhere, namesake, BEN):
        await store.put(key, UserState(last_answer="so"))
    async with store.locked(ANN):
        forgetting = asyncio.create_task(store.forget_person("discord", "ann"))
        await asyncio.sleep(0)
        await store.put(ANN, UserState(last_answer="late"))
    await asyncio.wait_for(forgetting, WAIT_S)
    assert [(await store.get(key)).last_answer for key in (ANN, elsewhere, namesake, BEN)] == [None, None, "so", "so"]


async def test_a_groups_contexts_move_with_it(make_store: MakeStore) -> None:
    """Everyone's, also in its topics; other groups stay."""
    store = await make_store()
    for conversation in ("-5", "-5:7", "-55"):
        await store.put(("telegram", conversation, "ann"), UserState(last_answer=conversation))
    await store.move("telegram", "-5", "-1005")
    found = {
        name: (await store.get(("telegram", name, "ann"))).last_answer for name in ("-1005", "-1005:7", "-55", "-5")
    }
    assert found == {"-1005": "-5", "-1005:7": "-5:7", "-55": "-55", "-5": None}


@given(st.integers(1, 5), st.lists(st.integers(0, 9)))
def test_the_store_is_bounded(capacity: int, users: list[int]) -> None:
    """After any traffic exactly those who wrote last are remembered, never more than there is room for."""

    async def remembered() -> set[int]:
        store = ContextStore(capacity=capacity, ttl_s=60.0, clock=Clock())
        for user in users:
            await store.put(("p", "c", str(user)), UserState(last_response="so"))
            assert len(store) <= capacity
        states = {user: await store.get(("p", "c", str(user))) for user in range(10)}
        return {user for user, state in states.items() if state.last_response}

    latest_first = list(dict.fromkeys(reversed(users)))
    assert asyncio.run(remembered()) == set(latest_first[:capacity])


async def test_a_lock_is_granted_in_the_order_of_asking(make_store: MakeStore) -> None:
    """Those who wait for one key get it one after the other, first come, first served."""
    store = await make_store()
    order: list[int] = []
    inside = 0

    async def turn(number: int) -> None:
        nonlocal inside
        async with store.locked(ANN):
            inside += 1
            assert inside == 1
            await asyncio.sleep(0)
            order.append(number)
            inside -= 1

    await asyncio.wait_for(asyncio.gather(*(turn(number) for number in range(20))), WAIT_S)
    assert order == list(range(20))


async def test_another_key_does_not_wait(make_store: MakeStore) -> None:
    """A lock that one person holds holds up nobody else."""
    store = await make_store()
    async with asyncio.timeout(WAIT_S), store.locked(ANN), store.locked(BEN):
        await store.put(BEN, UserState(last_answer="so"))
    assert (await store.get(BEN)).last_answer == "so"


@pytest.mark.parametrize("fails", [False, True])
async def test_locks_are_not_kept(fails: bool) -> None:
    """A lock that nobody holds or awaits takes no memory, though its holder failed or a waiting one gave up."""
    store = ContextStore(capacity=10, ttl_s=60.0)
    held = asyncio.Event()
    leave = asyncio.Event()

    async def hold() -> None:
        async with store.locked(ANN):
            held.set()
            await leave.wait()
            if fails:
                raise KeyError

    async def wait() -> None:
        async with store.locked(ANN):
            raise AssertionError

    holder, waiting = asyncio.create_task(hold()), asyncio.create_task(wait())
    await asyncio.wait_for(held.wait(), WAIT_S)
    waiting.cancel()
    await asyncio.wait({waiting}, timeout=WAIT_S)
    assert waiting.cancelled()
    assert store._locks
    leave.set()
    await asyncio.wait({holder}, timeout=WAIT_S)
    assert isinstance(holder.exception(), KeyError) is fails
    assert store._locks == {}
