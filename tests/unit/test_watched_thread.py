"""Threads that hang: the work that hung fails alone, and what waited goes on."""

import asyncio
import gc
import threading
from collections.abc import Callable, Iterator
from weakref import ref

import pytest

from bot.log import correlated
from bot.watched_thread import StuckError, WatchedThread
from tests.unit.fakes import WAIT_S

LIMIT_S = 0.1


class Trap:
    """Work that does not come back until it is let go."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.released = threading.Event()
        self.thread: threading.Thread | None = None

    def __call__(self) -> str:
        self.thread = threading.current_thread()
        self.entered.set()
        assert self.released.wait(WAIT_S)
        return "late"

    async def holds(self) -> None:
        assert await asyncio.to_thread(self.entered.wait, WAIT_S)


@pytest.fixture
def trap() -> Iterator[Trap]:
    trap = Trap()
    yield trap
    trap.released.set()


def name_of_thread() -> str:
    return threading.current_thread().name


async def test_work_runs_in_order_on_one_thread() -> None:
    """What is asked for side by side is done one after the other, off the event loop's thread."""
    thread = WatchedThread("test")
    order: list[int] = []
    note: Callable[[int], Callable[[], None]] = lambda number: lambda: order.append(number)  # noqa: E731
    await asyncio.gather(*(thread.run(note(number)) for number in range(20)))
    assert order == list(range(20))
    assert len({await thread.run(name_of_thread) for _ in range(3)} - {name_of_thread()}) == 1
    assert (thread.n_unfinished, thread.n_stuck) == (0, 0)
    thread.close()


async def test_an_error_holds_nobody() -> None:
    """Whoever waited is let go with it, not when garbage is collected."""
    thread = WatchedThread("test")

    class Asker:
        async def ask(self) -> None:
            with pytest.raises(ZeroDivisionError):
                await thread.run(lambda: 1 // 0)

    gc.disable()
    try:
        asker = Asker()
        seen = ref(asker)
        await asker.ask()
        del asker
        await thread.run(name_of_thread)  # the thread has let go of the work before
        assert seen() is None
    finally:
        gc.enable()
    thread.close()


async def test_an_error_is_the_askers() -> None:
    """It reaches who asked, and nobody behind it."""
    thread = WatchedThread("test")
    failing, fine = await asyncio.gather(thread.run(lambda: 1 // 0), thread.run(lambda: 1), return_exceptions=True)
    assert isinstance(failing, ZeroDivisionError)
    assert fine == 1
    thread.close()


async def test_what_waits_behind_a_stuck_thread_runs_on_another(trap: Trap, caplog: pytest.LogCaptureFixture) -> None:
    """Only the work that hung fails; nothing that had not begun is lost or done twice."""
    stuck: list[str] = []
    thread = WatchedThread("test", limit_s=LIMIT_S, on_stuck=lambda: stuck.append("stuck"))
    order: list[int] = []
    hanging = asyncio.create_task(thread.run(trap))
    await trap.holds()
    waiting = [asyncio.create_task(thread.run(lambda number=number: order.append(number))) for number in range(5)]
    with pytest.raises(StuckError, match=r"the thread test did not come back within 0\.1 s"):
        await asyncio.wait_for(hanging, WAIT_S)
    await asyncio.wait_for(asyncio.gather(*waiting), WAIT_S)
    assert sorted(order) == list(range(5))
    assert stuck == ["stuck"]
    assert caplog.text.count("is stuck") == 1
    assert (thread.n_unfinished, thread.n_stuck) == (0, 1)
    thread.close()


async def test_a_thread_that_comes_back_counts_no_longer(trap: Trap) -> None:
    """It was only slow: its late result is dropped, and it does nothing more."""
    thread = WatchedThread("test", limit_s=LIMIT_S)
    with pytest.raises(StuckError):
        await asyncio.wait_for(thread.run(trap), WAIT_S)
    assert thread.n_stuck == 1
    trap.released.set()
    assert trap.thread is not None
    await asyncio.to_thread(trap.thread.join, WAIT_S)
    assert not trap.thread.is_alive()
    assert thread.n_stuck == 0
    assert await thread.run(lambda: "done") == "done"
    thread.close()


async def test_who_waits_no_longer_leaves_a_stuck_thread_to_be_found(trap: Trap) -> None:
    """The next one who asks finds it, however the first one went."""
    thread = WatchedThread("test", limit_s=LIMIT_S)
    first = asyncio.create_task(thread.run(trap))
    await trap.holds()
    first.cancel()
    assert await asyncio.wait_for(thread.run(lambda: "done"), WAIT_S) == "done"
    assert thread.n_stuck == 1
    with pytest.raises(asyncio.CancelledError):
        await first
    thread.close()


async def test_what_is_called_off_before_it_begins_is_not_done(trap: Trap) -> None:
    """A member whose answer nobody waits for costs no scoring."""
    thread = WatchedThread("test")
    done: list[str] = []
    holding = asyncio.create_task(thread.run(trap))
    await trap.holds()
    waiting = asyncio.create_task(thread.run(lambda: done.append("done")))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    trap.released.set()
    assert await holding == "late"
    await thread.run(lambda: None)
    assert done == []
    thread.close()


async def test_work_bears_the_id_of_its_message() -> None:
    """What the thread logs leads back to the message."""
    from bot.log import _correlation_id

    thread = WatchedThread("test")
    with correlated() as correlation_id:
        assert await thread.run(_correlation_id.get) == correlation_id
    assert await thread.run(_correlation_id.get) == ""
    thread.close()


async def test_after_the_end_nothing_is_taken() -> None:
    """An end in order waits for no thread."""
    thread = WatchedThread("test")
    thread.close()
    with pytest.raises(RuntimeError, match="no more work"):
        await thread.run(lambda: None)
