"""Work off the event loop, one piece at a time, on a thread that is replaced when it does not come back.

Standard library only.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from typing import TypeVar

from bot.daemon_threads import DaemonThreads

logger = logging.getLogger(__name__)

T = TypeVar("T")

LIMIT_S = 10.0
"""Scoring takes milliseconds, and reading a value well under a second: what takes longer will not end."""


class StuckError(Exception):
    """A piece of work took longer than the limit, and its thread was left to itself."""


class WatchedThread:
    """Runs functions in order; one that hangs fails alone, and those behind it run on another thread.

    Parameters
    ----------
    name
        What threads are called.
    limit_s
        How many seconds a function may take.
    on_stuck
        Called on the event loop when a thread was left behind, before the next one begins.
    """

    def __init__(self, name: str, *, limit_s: float = LIMIT_S, on_stuck: Callable[[], None] = lambda: None) -> None:
        self._name = name
        self._limit_s = limit_s
        self._on_stuck = on_stuck
        self._thread = _Thread(name)
        self._left_behind: list[_Thread] = []
        self._n_unfinished = 0

    @property
    def n_unfinished(self) -> int:
        """How many pieces of work are waited for."""
        return self._n_unfinished

    @property
    def n_stuck(self) -> int:
        """How many threads were left behind and have not come back since."""
        self._left_behind = [thread for thread in self._left_behind if thread.busy_s() > 0]
        return len(self._left_behind)

    async def run(self, work: Callable[[], T]) -> T:
        """Run a function and return its result.

        Raises
        ------
        StuckError
            It took too long. It may still be running.
        """
        self._n_unfinished += 1
        done: asyncio.Future[T] | None = None
        try:
            while True:
                done = await self._attempt(work)
                if not done.cancelled():
                    return done.result()
        finally:
            self._n_unfinished -= 1
            del done  # it holds its error, whose traceback holds this frame: a cycle, and in it all of the message

    def begin(self, work: Callable[[], object]) -> None:
        """Run a function whose result nobody waits for."""
        self._thread.submit(work)

    async def _attempt(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Wait until a function is done, or was called off because the thread ahead of it was left behind."""
        thread = self._thread
        future = thread.submit(work)
        done = asyncio.wrap_future(future)
        try:
            while not done.done():
                await asyncio.wait({done}, timeout=self._limit_s - thread.busy_s())
                if not done.done() and thread.busy_s() >= self._limit_s:
                    self._replace(thread)
                    if future.running():
                        raise StuckError(f"the thread {self._name} did not come back within {self._limit_s:g} s")
            return done
        finally:
            future.cancel()  # whoever asked may wait no longer

    def _replace(self, thread: "_Thread") -> None:
        if thread is not self._thread:
            return  # somebody else who waited has done it
        logger.error("the thread %s is stuck: it is left to itself, and another one goes on", self._name)
        self._left_behind.append(thread)
        self._on_stuck()
        self._thread = _Thread(self._name)
        thread.close()  # what had not begun is cancelled, and so begins on the new one

    def close(self) -> None:
        """Take no more work; what is queued is dropped, what is running is left to itself."""
        self._thread.close()
        self._on_stuck = _nobody  # whoever is called mostly holds this thread: without that, both are let go at once


def _nobody() -> None:
    """Call nobody."""


class _Thread:
    """A daemon thread that knows how long it has been at one piece of work."""

    def __init__(self, name: str) -> None:
        self._executor = DaemonThreads(1, name)
        self._began: float | None = None

    def submit(self, work: Callable[[], T]) -> Future[T]:
        context = copy_context()  # its log lines bear the id of the message
        return self._executor.submit(lambda: self._time(lambda: context.run(work)))

    def _time(self, work: Callable[[], T]) -> T:
        self._began = time.monotonic()
        try:
            return work()
        finally:
            self._began = None

    def busy_s(self) -> float:
        """Return for how many seconds it has been at the present piece of work, more than 0; 0 if it rests."""
        began = self._began
        return 0.0 if began is None else max(time.monotonic() - began, 1e-9)

    def close(self) -> None:
        self._executor.shutdown()
