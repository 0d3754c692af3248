"""Work beside members who are being answered: done in pieces, with a rest after each."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

REST = 5.0
"""So many times as long as a piece of work took is rested after it: somebody may be waiting for an answer."""

MOST_REST_S = 0.5
"""What takes seconds is no longer a matter of rests, and some of it waited instead of computing."""


def rest_of(work_s: float) -> float:
    """Return for how many seconds to rest after work that took so many."""
    return min(MOST_REST_S, REST * work_s)


@contextmanager
def resting() -> Iterator[None]:
    """Rest after what is done within, on a thread beside the event loop.

    What counts is the time that the thread computed, not that it waited.
    """
    started = time.thread_time()
    yield
    time.sleep(rest_of(time.thread_time() - started))
