"""Rests between pieces of work: some times what was computed, and never long."""

import time

import pytest

from bot import resting


def test_a_rest_is_some_times_as_long_as_the_work() -> None:
    """What takes seconds is not followed by many more."""
    assert resting.rest_of(0.0) == 0.0
    assert resting.rest_of(0.01) == pytest.approx(0.01 * resting.REST)
    assert resting.rest_of(60.0) == resting.MOST_REST_S


def test_waiting_is_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what the thread computed is followed by a rest, also where it fails nothing is lost."""
    rests: list[float] = []
    times = iter([1.0, 1.02])
    monkeypatch.setattr(time, "thread_time", lambda: next(times))
    monkeypatch.setattr(time, "sleep", rests.append)
    with resting.resting():
        pass
    assert rests == [pytest.approx(0.02 * resting.REST)]
