"""The order of answers: within one key one after the other, across keys side by side, all of it bounded.

Standard library only.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from contextlib import suppress
from typing import Any, TypeVar

logger = logging.getLogger(__name__)

T = TypeVar("T")

Job = Callable[[], Coroutine[Any, Any, None]]

TYPING_AFTER_S = 1.0
"""An answer that is ready sooner shows no typing."""

DRAIN_S = 7.0
"""How long replies in flight may take after a stop; the process leaves within 10 s."""

MOST_REFUSALS = 20
"""How many are told so at a time: in a flood of strangers the sending itself would be a load."""


class ReplyQueues:
    """One queue of jobs a key, each worked through by one task until its last message is sent.

    What finds no room is dropped, with one warning a burst, and is told so once a key and burst. A burst is over once
    the key's jobs were worked off, or half of what may wait in all.

    Parameters
    ----------
    per_key
        Jobs that may wait under one key: what one person can pile up, or has written during an outage.
    in_all
        Jobs that may wait under all keys together.
    """

    def __init__(self, *, per_key: int = 50, in_all: int = 1_000) -> None:
        self._per_key = per_key
        self._in_all = in_all
        self._waiting: dict[Hashable, deque[Job]] = {}
        self._n_waiting = 0
        self._full_keys: set[Hashable] = set()
        self._is_full = False
        self._told_keys: set[Hashable] = set()
        self._refusals: set[asyncio.Task[None]] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def submit(self, key: Hashable, job: Job, *, refuse: Job | None = None) -> bool:
        """Queue a job; say whether there was room.

        Parameters
        ----------
        key
            Jobs of equal keys run in the order of their submission.
        job
            Called once to make the coroutine that answers. What it raises is logged, and ends nothing else.
        refuse
            Says so where the answer would stand. If there is no room it runs at once, waiting for nothing, the
            first time in a burst; unless so many are being told already.
        """
        queue = self._waiting.get(key)
        if self._n_waiting >= self._in_all:
            if not self._is_full:
                self._is_full = True
                logger.warning("messages are dropped: %d wait for an answer, of everyone together", self._n_waiting)
            self._refuse(key, refuse)
            return False
        if queue is not None and len(queue) >= self._per_key:
            if key not in self._full_keys:
                self._full_keys.add(key)
                logger.warning("messages of one person are dropped: %d wait for an answer", len(queue))
            self._refuse(key, refuse)
            return False
        self._n_waiting += 1
        if queue is not None:
            queue.append(job)
            return True
        self._waiting[key] = deque([job])
        self._start(self._work(key), f"answers to {key}")
        return True

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _refuse(self, key: Hashable, refuse: Job | None) -> None:
        """Tell whoever finds no room, beside everything that waits; once a burst."""
        if refuse is None or key in self._told_keys or len(self._refusals) >= MOST_REFUSALS:
            return
        if len(self._told_keys) >= self._in_all:
            self._told_keys.clear()
        self._told_keys.add(key)
        task = self._start(_logged(refuse), f"refusal to {key}")
        self._refusals.add(task)
        task.add_done_callback(self._refusals.discard)

    async def _work(self, key: Hashable) -> None:
        queue = self._waiting[key]
        try:
            while queue:
                job = queue.popleft()
                self._make_room(1)
                await _logged(job)
        finally:
            self._make_room(len(queue))
            del self._waiting[key]
            self._full_keys.discard(key)
            self._told_keys.discard(key)

    def _make_room(self, n_jobs: int) -> None:
        self._n_waiting -= n_jobs
        if self._is_full and self._n_waiting <= self._in_all // 2:
            self._is_full = False
            self._told_keys.clear()

    async def drain(self, timeout_s: float = DRAIN_S) -> None:
        """Wait for every job, at most `timeout_s` seconds, then cancel what is left.

        Both hold as well for what a job queues meanwhile.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self._tasks:
                    await asyncio.wait(self._tasks)
        if self._tasks:
            logger.warning("%d answers were not finished in time", len(self._tasks))
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks)


async def _logged(job: Job) -> None:
    """Run a job whose failure ends nothing else."""
    try:
        await job()
    except Exception:
        logger.exception("an answer failed")


async def answer_with_typing(
    answer: Awaitable[T],
    show_typing: Callable[[], Awaitable[object]],
    *,
    every_s: float,
    after_s: float = TYPING_AFTER_S,
) -> T:
    """Await an answer, showing typing from `after_s` seconds on, again every `every_s` seconds.

    A failure to show typing is no failure of the answer: it is logged at DEBUG.
    """

    async def type_on() -> None:
        await asyncio.sleep(after_s)
        while True:
            try:
                await show_typing()
            except Exception:
                logger.debug("typing could not be shown", exc_info=True)
            await asyncio.sleep(every_s)

    typing = asyncio.create_task(type_on(), name="typing")
    try:
        return await answer
    finally:
        typing.cancel()
        with suppress(asyncio.CancelledError):
            await typing


async def until_stopped(stopping: asyncio.Event, work: Awaitable[T], *, grace_s: float = 0.0) -> T | None:
    """Await `work`, but at most `grace_s` seconds longer once `stopping` is set; None if it was cut off."""
    task = asyncio.ensure_future(work)
    if task is not work and isinstance(task, asyncio.Task):
        task.set_name("work until a stop")
    stop = asyncio.create_task(stopping.wait(), name="stopping")
    try:
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            await asyncio.wait({task}, timeout=grace_s)
        return task.result() if task.done() else None
    finally:
        stop.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
