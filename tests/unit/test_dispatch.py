"""The order of answers, and what ends them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from adapters.dispatch import MOST_REFUSALS, ReplyQueues, answer_with_typing, until_stopped

WAIT_S = 5.0


class Journal:
    """Jobs that note when they begin and end, and wait to be let on."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self._gates: dict[str, asyncio.Event] = {}
        self._changed = asyncio.Condition()

    def job(self, name: str, *, free: bool = True) -> Callable[[], Coroutine[Any, Any, None]]:
        gate = self._gates[name] = asyncio.Event()
        if free:
            gate.set()

        async def run() -> None:
            await self._note(f"{name} begins")
            await gate.wait()
            await self._note(f"{name} ends")

        return run

    def free(self, name: str) -> None:
        self._gates[name].set()

    async def _note(self, note: str) -> None:
        async with self._changed:
            self.notes.append(note)
            self._changed.notify_all()

    async def until(self, note: str) -> None:
        async with asyncio.timeout(WAIT_S), self._changed:
            await self._changed.wait_for(lambda: note in self.notes)


async def test_one_key_is_answered_in_order() -> None:
    """The second job of a key begins when the first has ended."""
    queues, journal = ReplyQueues(), Journal()
    queues.submit("a", journal.job("one", free=False))
    queues.submit("a", journal.job("two"))
    await journal.until("one begins")
    journal.free("one")
    await queues.drain()
    assert journal.notes == ["one begins", "one ends", "two begins", "two ends"]


async def test_keys_run_side_by_side() -> None:
    """A job that waits holds up its own key only."""
    queues, journal = ReplyQueues(), Journal()
    queues.submit("a", journal.job("slow", free=False))
    queues.submit("b", journal.job("fast"))
    await journal.until("fast ends")
    assert "slow ends" not in journal.notes
    journal.free("slow")
    await queues.drain()


async def test_one_key_cannot_pile_up_without_bound(caplog: pytest.LogCaptureFixture) -> None:
    """What exceeds a key's bound is refused, and said; the other keys have room, and so has this one later."""
    queues, journal = ReplyQueues(per_key=2), Journal()
    queues.submit("a", journal.job("one", free=False))
    await journal.until("one begins")
    assert queues.submit("a", journal.job("two"))
    assert queues.submit("a", journal.job("three"))
    assert not queues.submit("a", journal.job("four"))
    assert queues.submit("b", journal.job("other"))
    assert "dropped" in caplog.text
    journal.free("one")
    await journal.until("three ends")
    assert queues.submit("a", journal.job("five"))
    await queues.drain()
    assert "four begins" not in journal.notes
    assert "five ends" in journal.notes


async def test_what_a_job_queues_while_all_is_finished_is_finished_too() -> None:
    """Nothing goes on once the queues were drained."""
    queues, journal = ReplyQueues(), Journal()

    async def press() -> None:
        await journal.job("press", free=False)()
        queues.submit("a", journal.job("choice", free=False))

    queues.submit("press", press)
    await journal.until("press begins")
    draining = asyncio.create_task(queues.drain())
    await asyncio.sleep(0)
    journal.free("press")
    await journal.until("choice begins")
    for _ in range(5):  # turns of the loop in which it could end too early
        await asyncio.sleep(0)
    assert not draining.done()
    journal.free("choice")
    await draining
    assert journal.notes[-1] == "choice ends"


async def test_what_a_job_queues_when_it_is_cut_off_is_cut_off_too() -> None:
    """What is late is ended, with all that comes of it."""
    queues, journal = ReplyQueues(), Journal()

    async def press() -> None:
        try:
            await journal.job("press", free=False)()
        finally:
            queues.submit("a", journal.job("choice", free=False))

    queues.submit("press", press)
    await queues.drain(timeout_s=0.01)
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []
    assert "choice ends" not in journal.notes


async def test_what_was_written_during_an_outage_is_kept() -> None:
    """Fifty messages of one person have room."""
    queues, journal = ReplyQueues(), Journal()
    assert [queues.submit("a", journal.job(str(n))) for n in range(51)] == [True] * 50 + [False]
    await queues.drain()
    assert journal.notes[-1] == "49 ends"


async def test_a_burst_of_one_key_is_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    """However many messages are dropped, one line says so, and another only after the key's jobs were worked off."""
    queues, journal = ReplyQueues(per_key=1), Journal()
    queues.submit("a", journal.job("one", free=False))
    await journal.until("one begins")
    queues.submit("a", journal.job("two", free=False))
    assert not any(queues.submit("a", journal.job("more")) for _ in range(3))
    assert len(caplog.records) == 1
    journal.free("one")
    await journal.until("two begins")  # there is room, but the burst goes on
    assert [queues.submit("a", journal.job("more")) for _ in range(3)] == [True, False, False]
    assert len(caplog.records) == 1
    journal.free("two")
    await queues.drain()
    assert [queues.submit("a", journal.job("later")) for _ in range(3)] == [True, False, False]
    assert len(caplog.records) == 2
    await queues.drain()


async def test_a_burst_of_all_keys_is_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    """When all keys together have no room that is one line too, and another only after half was worked off."""
    queues, journal = ReplyQueues(in_all=2), Journal()
    for _ in range(2):
        assert [queues.submit(key, journal.job(key)) for key in "abcde"] == [True, True, False, False, False]
        await queues.drain()
    assert len(caplog.records) == 2


async def test_who_finds_no_room_is_told_once_a_burst() -> None:
    """At once, not behind all that waits, and again only after the key's jobs were worked off."""
    queues, journal = ReplyQueues(per_key=1), Journal()
    queues.submit("a", journal.job("one", free=False))
    await journal.until("one begins")
    assert queues.submit("a", journal.job("two"), refuse=journal.job("not this one"))
    for number in range(3):
        assert not queues.submit("a", journal.job("more"), refuse=journal.job(f"refusal {number}"))
    await journal.until("refusal 0 ends")
    assert "one ends" not in journal.notes
    journal.free("one")
    await queues.drain()
    for name in ("later", "more", "again"):
        queues.submit("a", journal.job(name), refuse=journal.job(f"refusal of {name}"))
    await queues.drain()
    refusals = [note for note in journal.notes if note.startswith(("refusal", "not")) and note.endswith("ends")]
    assert refusals == ["refusal 0 ends", "refusal of more ends"]


async def test_everyone_who_finds_no_room_is_told_once() -> None:
    """When all keys together have no room each is told, and again in the next burst."""
    queues, journal = ReplyQueues(in_all=2), Journal()
    for burst in range(2):
        for key in "abcdcd":
            queues.submit(key, journal.job(key), refuse=journal.job(f"refusal of {key} in {burst}"))
        await queues.drain()
    ended = [note for note in journal.notes if note.startswith("refusal") and note.endswith("ends")]
    assert ended == [f"refusal of {key} in {burst} ends" for burst in range(2) for key in "cd"]


async def test_a_flood_of_strangers_is_refused_in_silence() -> None:
    """So many are told at a time that sending refusals is no load of its own; the others read nothing."""
    queues, journal = ReplyQueues(in_all=1), Journal()
    queues.submit("first", journal.job("first", free=False))
    strangers = range(2 * MOST_REFUSALS)
    for stranger in strangers:
        queues.submit(stranger, journal.job("no room"), refuse=journal.job(f"refusal {stranger}", free=False))
    await journal.until("first begins")
    for stranger in strangers:
        journal.free(f"refusal {stranger}")
    journal.free("first")
    await queues.drain()
    assert sum(note.startswith("refusal") and note.endswith("ends") for note in journal.notes) == MOST_REFUSALS


async def test_a_refusal_that_fails_or_hangs_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The first is logged with its trace, the other is cut off with the answers."""
    queues, journal = ReplyQueues(per_key=1), Journal()

    async def fail() -> None:
        raise ValueError("broken")

    for key, refuse in (("a", fail), ("b", journal.job("hangs", free=False))):
        queues.submit(key, journal.job(f"{key} one"))
        queues.submit(key, journal.job("no room"), refuse=refuse)
    await journal.until("hangs begins")
    await queues.drain(timeout_s=0.05)
    assert {"a one ends", "b one ends"} <= set(journal.notes)
    assert "ValueError: broken" in caplog.text
    assert "1 answers were not finished in time" in caplog.text


async def test_all_keys_together_are_bounded() -> None:
    """What waits under all keys counts together, and what has begun no longer."""
    queues, journal = ReplyQueues(in_all=2), Journal()
    assert queues.submit("a", journal.job("one"))
    assert queues.submit("b", journal.job("two"))
    assert not queues.submit("c", journal.job("three"))
    await journal.until("two begins")
    assert queues.submit("c", journal.job("four"))
    await queues.drain()


async def test_a_failure_ends_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    """A job that raises is logged with its trace, and the next one of its key runs."""
    queues, journal = ReplyQueues(), Journal()

    async def fail() -> None:
        raise ValueError("broken")

    queues.submit("a", fail)
    queues.submit("a", journal.job("next"))
    await queues.drain()
    assert journal.notes == ["next begins", "next ends"]
    assert "ValueError: broken" in caplog.text


async def test_draining_cuts_off_what_takes_too_long(caplog: pytest.LogCaptureFixture) -> None:
    """After the bound a job is cancelled, and those behind it do not begin."""
    queues, journal = ReplyQueues(), Journal()
    queues.submit("a", journal.job("stuck", free=False))
    queues.submit("a", journal.job("behind"))
    await journal.until("stuck begins")
    await queues.drain(timeout_s=0)
    assert journal.notes == ["stuck begins"]
    assert "not finished in time" in caplog.text
    assert queues.submit("a", journal.job("later"))
    await queues.drain()
    assert "later ends" in journal.notes


async def test_draining_nothing_returns() -> None:
    """Without jobs there is nothing to wait for."""
    await ReplyQueues().drain(timeout_s=0)


class Typing:
    """Counts how often typing is shown."""

    def __init__(self, times: int, error: Exception | None = None) -> None:
        self.shown = 0
        self.enough = asyncio.Event()
        self._times = times
        self._error = error

    async def __call__(self) -> None:
        self.shown += 1
        if self.shown == self._times:
            self.enough.set()
        if self._error is not None:
            raise self._error


async def test_a_ready_answer_shows_no_typing() -> None:
    """What takes less than the bound is simply sent."""
    typing = Typing(1)

    async def answer() -> str:
        return "ready"

    assert await answer_with_typing(answer(), typing, every_s=0) == "ready"
    assert typing.shown == 0


async def test_typing_is_shown_again_until_the_answer_is_there() -> None:
    """A platform forgets after some seconds, so typing is renewed, and ends with the answer."""
    typing = Typing(3)

    async def answer() -> str:
        await typing.enough.wait()
        return "late"

    assert await answer_with_typing(answer(), typing, every_s=0, after_s=0) == "late"
    shown = typing.shown
    await asyncio.sleep(0)
    assert typing.shown == shown
    assert [task for task in asyncio.all_tasks() if task.get_name() == "typing"] == []


async def test_a_failure_to_show_typing_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    """The answer is what counts."""
    caplog.set_level(logging.INFO)
    typing = Typing(2, error=ConnectionError())

    async def answer() -> str:
        await typing.enough.wait()
        return "late"

    assert await answer_with_typing(answer(), typing, every_s=0, after_s=0) == "late"
    assert caplog.text == ""


async def test_a_failed_or_cancelled_answer_ends_typing() -> None:
    """However the answer ends, nothing types on."""

    async def fail() -> str:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await answer_with_typing(fail(), Typing(1), every_s=0, after_s=0)

    typing = Typing(1)
    task = asyncio.create_task(answer_with_typing(asyncio.Event().wait(), typing, every_s=0, after_s=0))
    await asyncio.wait_for(typing.enough.wait(), WAIT_S)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [task for task in asyncio.all_tasks() if task.get_name() == "typing"] == []


async def at_once() -> str:
    return "done"


async def test_work_that_ends_before_a_stop_returns_its_result() -> None:
    """Without a stop it is a plain await, of errors too."""
    assert await until_stopped(asyncio.Event(), at_once()) == "done"

    async def fail() -> str:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await until_stopped(asyncio.Event(), fail())


async def test_a_stop_cuts_work_off() -> None:
    """Work that would not end is cancelled, and has cleaned up when the call returns."""
    stopping, begun, cleaned = asyncio.Event(), asyncio.Event(), False

    async def work() -> str:
        nonlocal cleaned
        begun.set()
        try:
            await asyncio.Event().wait()
            return "done"
        finally:
            await asyncio.sleep(0)
            cleaned = True

    waiting = asyncio.create_task(until_stopped(stopping, work()))
    await asyncio.wait_for(begun.wait(), WAIT_S)
    stopping.set()
    assert await asyncio.wait_for(waiting, WAIT_S) is None
    assert cleaned


async def test_what_waits_for_a_stop_is_named() -> None:
    """In a listing of tasks each tells what it is for."""

    async def names() -> set[str]:
        await asyncio.sleep(0)  # both have begun
        return {task.get_name() for task in asyncio.all_tasks()}

    before = await names()
    seen = await until_stopped(asyncio.Event(), names())
    assert seen is not None
    assert seen - before == {"stopping", "work until a stop"}


async def test_a_stop_leaves_work_its_grace() -> None:
    """Within the grace work may still end by itself."""
    stopping = asyncio.Event()

    async def work() -> str:
        await stopping.wait()
        return await at_once()

    waiting: Awaitable[str | None] = until_stopped(stopping, work(), grace_s=WAIT_S)
    asyncio.get_running_loop().call_soon(stopping.set)
    assert await waiting == "done"
