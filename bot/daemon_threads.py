"""An executor whose threads may hang for good without keeping the process from ending. Standard library only."""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class DaemonThreads(Executor):
    """Runs functions on at most so many threads, none of which is ever waited for.

    `ThreadPoolExecutor` joins its threads when the interpreter ends: one function that hangs would hang the process.

    Parameters
    ----------
    most
        Threads, each started when it is first needed.
    name
        What their names begin with.
    """

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._work: SimpleQueue[tuple[Future[object], Callable[[], object]] | None] = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._lock = threading.Lock()
        self._n_threads = 0
        self._is_closed = False

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Run a function on a thread, later if all are busy.

        Raises
        ------
        RuntimeError
            The executor was shut down.
        """
        future: Future[R] = Future()
        with self._lock:
            if self._is_closed:
                raise RuntimeError("no more work is taken")
            self._work.put((future, lambda: fn(*args, **kwargs)))  # type: ignore[arg-type]  # its result is an object
            if not self._idle.acquire(blocking=False) and self._n_threads < self._most:
                self._n_threads += 1
                name = f"{self._name}-{self._n_threads}"
                threading.Thread(target=self._run, name=name, daemon=True).start()
        return future

    def shutdown(self, wait: bool = False, *, cancel_futures: bool = True) -> None:  # noqa: ARG002 - it never waits
        """Take no more work; what is queued is dropped unless asked otherwise, what is running is left to itself."""
        with self._lock:
            self._is_closed = True
            while cancel_futures and not self._work.empty():
                if (item := self._work.get()) is not None:
                    item[0].cancel()
            for _ in range(self._n_threads):
                self._work.put(None)

    def _run(self) -> None:
        while (item := self._work.get()) is not None:
            future, call = item
            if future.set_running_or_notify_cancel():
                try:
                    result = call()
                except BaseException as error:  # noqa: BLE001 - SystemExit too belongs to who waits for the result
                    future.set_exception(error)
                else:
                    future.set_result(result)
                    del result
            del item, future, call
            self._idle.release()
