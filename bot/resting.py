"""Work beside members who are being answered: done in pieces, with a rest after each."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

REST = 3.0
"""So many times as long as a piece of work took is rested after it: somebody may be waiting for an answer."""


@contextmanager
def resting() -> Iterator[None]:
    """Rest after what is done within, on a thread beside the event loop.

    What counts is the time that the thread computed, not that it waited.
    """
    started = time.thread_time()
    yield
    time.sleep(REST * (time.thread_time() - started))
