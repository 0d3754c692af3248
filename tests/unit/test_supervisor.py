"""Keeping platforms running: refusals, outages, crashes and the stop."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterator

import pytest

from adapters.errors import PlatformUnavailableError, TokenRefusedError
from bot import supervisor
from bot.supervisor import ExitCode, supervise
from tests.unit.fakes import WAIT_S

Step = Callable[["FakeAdapter", asyncio.Event], Awaitable[None]]


class FakeAdapter:
    """An `Adapter` whose runs follow a script, and serve until the stop once that is at its end."""

    def __init__(self, platform: str, *script: Step) -> None:
        self.platform = platform
        self.connected = asyncio.Event()
        self.break_off = asyncio.Event()
        self.n_runs = 0
        self._begun = asyncio.Condition()
        self._script = iter(script)

    async def run(self, stopping: asyncio.Event) -> None:
        async with self._begun:
            self.n_runs += 1
            self._begun.notify_all()
        try:
            await next(self._script, serve)(self, stopping)
        finally:
            self.connected.clear()

    async def until_run(self, number: int) -> None:
        """Wait until that run has begun."""
        async with asyncio.timeout(WAIT_S), self._begun:
            await self._begun.wait_for(lambda: self.n_runs >= number)


async def serve(adapter: FakeAdapter, stopping: asyncio.Event) -> None:
    adapter.connected.set()
    await stopping.wait()


async def refuse(_adapter: FakeAdapter, _stopping: asyncio.Event) -> None:
    raise TokenRefusedError("SOME_TOKEN")


async def refuse_later(adapter: FakeAdapter, _stopping: asyncio.Event) -> None:
    adapter.connected.set()
    await adapter.break_off.wait()
    raise TokenRefusedError("SOME_TOKEN")


async def be_away(_adapter: FakeAdapter, _stopping: asyncio.Event) -> None:
    raise PlatformUnavailableError("nobody answers")


async def be_away_later(adapter: FakeAdapter, stopping: asyncio.Event) -> None:
    adapter.connected.set()
    await adapter.break_off.wait()
    await be_away(adapter, stopping)


async def crash(_adapter: FakeAdapter, _stopping: asyncio.Event) -> None:
    raise ZeroDivisionError


async def hang(adapter: FakeAdapter, _stopping: asyncio.Event) -> None:
    adapter.connected.set()
    await asyncio.Event().wait()


class NoPauses(random.Random):
    """Draws pauses of no length."""

    def uniform(self, a: float, b: float) -> float:
        assert (a, b) == (0.5, 1.5)
        return 0.0


class Jitter(random.Random):
    """Notes what is drawn, and draws pauses of no length."""

    def __init__(self) -> None:
        super().__init__(0)
        self.shares: list[float] = []

    def uniform(self, a: float, b: float) -> float:
        self.shares.append(super().uniform(a, b))
        return 0.0


class Supervised:
    """Adapters under a supervisor at work."""

    def __init__(self, *adapters: FakeAdapter, random_source: random.Random | None = None) -> None:
        self.stopping = asyncio.Event()
        self._task = asyncio.create_task(supervise(adapters, self.stopping, random_source or NoPauses()))

    async def code(self) -> ExitCode:
        """Wait for the end."""
        return await asyncio.wait_for(self._task, WAIT_S)

    async def stop(self) -> ExitCode:
        assert not self._task.done()
        self.stopping.set()
        return await self.code()


@pytest.fixture
def spoke() -> Iterator[asyncio.Event]:
    """Set once the supervisor has logged something."""
    event = asyncio.Event()

    class Ear(logging.Handler):
        def emit(self, _record: logging.LogRecord) -> None:
            event.set()

    ear = Ear()
    supervisor.logger.addHandler(ear)
    yield event
    supervisor.logger.removeHandler(ear)


async def connected(adapter: FakeAdapter) -> None:
    await asyncio.wait_for(adapter.connected.wait(), WAIT_S)


async def test_platforms_run_until_the_stop() -> None:
    """A signal ends all of them cleanly."""
    adapters = [FakeAdapter("one"), FakeAdapter("two")]
    supervised = Supervised(*adapters)
    for adapter in adapters:
        await connected(adapter)
    assert await supervised.stop() is ExitCode.CLEAN
    assert [adapter.n_runs for adapter in adapters] == [1, 1]


async def test_a_platform_that_ends_by_itself_is_not_run_again() -> None:
    """The terminal's input ends, and with it the process."""

    async def end(_adapter: FakeAdapter, _stopping: asyncio.Event) -> None:
        await asyncio.sleep(0)

    adapter = FakeAdapter("console", end)
    assert await Supervised(adapter).code() is ExitCode.CLEAN
    assert adapter.n_runs == 1


async def test_a_token_refused_at_start_ends_all(caplog: pytest.LogCaptureFixture) -> None:
    """One line without a trace says which variable to mend, and the other platform is stopped in order."""
    other = FakeAdapter("other")
    assert await Supervised(FakeAdapter("one", refuse), other).code() is ExitCode.CONFIGURATION
    (record,) = caplog.records
    assert (record.levelno, record.exc_info) == (logging.ERROR, None)
    assert "SOME_TOKEN" in record.getMessage()
    assert not other.connected.is_set()


async def test_a_token_refused_later_ends_its_platform_alone(
    caplog: pytest.LogCaptureFixture, spoke: asyncio.Event
) -> None:
    """The other one serves on, and the signal that ends it is a clean end."""
    one, other = FakeAdapter("one", refuse_later), FakeAdapter("other")
    supervised = Supervised(one, other)
    await connected(one)
    await connected(other)
    one.break_off.set()
    await asyncio.wait_for(spoke.wait(), WAIT_S)
    assert "SOME_TOKEN" in caplog.text
    assert other.connected.is_set()
    assert await supervised.stop() is ExitCode.CLEAN
    assert one.n_runs == 1


async def test_the_process_ends_when_no_platform_is_left() -> None:
    """Once the last token is refused there is nothing to serve."""
    one, other = FakeAdapter("one", refuse_later), FakeAdapter("other", refuse_later)
    supervised = Supervised(one, other)
    for adapter in (one, other):
        await connected(adapter)
        adapter.break_off.set()
    assert await supervised.code() is ExitCode.CONFIGURATION


async def test_a_token_refused_after_an_outage_was_good_once() -> None:
    """A platform that has served before counts as refused later, whatever came between."""
    one, other = FakeAdapter("one", be_away_later, be_away, refuse), FakeAdapter("other", refuse_later)
    supervised = Supervised(one, other)
    await connected(one)
    one.break_off.set()
    await connected(other)
    await one.until_run(3)
    other.break_off.set()
    assert await supervised.code() is ExitCode.CONFIGURATION
    assert other.n_runs == 1


def pauses(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [message.rpartition("about ")[2] for message in caplog.messages if "trying again in about" in message]


async def test_an_unavailable_platform_is_tried_again_with_growing_pauses(caplog: pytest.LogCaptureFixture) -> None:
    """The pauses double up to a bound, the reason is a line each time, and no trace."""
    adapter = FakeAdapter("one", *[be_away] * 11)
    supervised = Supervised(adapter)
    await connected(adapter)
    assert pauses(caplog) == [f"{s} s" for s in (1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300)]
    assert all(record.exc_info is None and "nobody answers" in record.getMessage() for record in caplog.records)
    assert await supervised.stop() is ExitCode.CLEAN


async def test_a_platform_that_is_away_for_hours_comes_back(caplog: pytest.LogCaptureFixture) -> None:
    """It is asked every few minutes, never all at once, and the other platform never notices."""
    drawn = Jitter()
    adapter, other = FakeAdapter("one", *[be_away] * 120, be_away_later), FakeAdapter("other")
    supervised = Supervised(adapter, other, random_source=drawn)
    await connected(adapter)
    paused_s = [
        float(pause.removesuffix(" s")) * share for pause, share in zip(pauses(caplog), drawn.shares, strict=True)
    ]
    assert sum(paused_s) > 8 * 3600
    assert max(paused_s) <= 1.5 * supervisor.LONGEST_PAUSE_S
    assert len(set(paused_s)) > 100, "many bots do not come back in the same instant"
    assert (other.n_runs, other.connected.is_set()) == (1, True)
    caplog.clear()
    adapter.break_off.set()
    await adapter.until_run(122)
    assert pauses(caplog) == ["1 s"], "after a connection the pauses begin anew"
    assert await supervised.stop() is ExitCode.CLEAN


async def test_the_pauses_begin_anew_after_a_connection(caplog: pytest.LogCaptureFixture) -> None:
    """A platform that was there again is tried again soon."""
    adapter = FakeAdapter("one", be_away, be_away, be_away_later, be_away)
    supervised = Supervised(adapter)
    await connected(adapter)
    adapter.break_off.set()
    await adapter.until_run(5)
    assert pauses(caplog) == ["1 s", "2 s", "1 s", "2 s"]
    assert await supervised.stop() is ExitCode.CLEAN


async def test_a_pause_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next try comes when the pause is over, with the drawn share of its length."""

    class Shares(random.Random):
        def uniform(self, _a: float, _b: float) -> float:
            return 1.5

    monkeypatch.setattr(supervisor, "FIRST_PAUSE_S", 0.1)
    adapter = FakeAdapter("one", be_away)
    loop = asyncio.get_running_loop()
    began = loop.time()
    supervised = Supervised(adapter, random_source=Shares())
    await connected(adapter)
    assert loop.time() - began >= 0.149
    await supervised.stop()


async def test_a_crash_leaves_the_other_platform_alone(caplog: pytest.LogCaptureFixture) -> None:
    """A fault of the program is logged with its trace, and its platform is started again."""
    one, other = FakeAdapter("one", crash, crash), FakeAdapter("other")
    supervised = Supervised(one, other)
    await connected(one)
    await connected(other)
    assert (one.n_runs, other.n_runs) == (3, 1)
    assert [record.exc_info is not None for record in caplog.records] == [True, True]
    assert await supervised.stop() is ExitCode.CLEAN


async def test_a_stop_ends_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for minutes because a platform was away."""
    monkeypatch.setattr(supervisor, "FIRST_PAUSE_S", 1_000.0)
    away = asyncio.Event()

    async def be_noticed_away(adapter: FakeAdapter, stopping: asyncio.Event) -> None:
        away.set()
        await be_away(adapter, stopping)

    adapter = FakeAdapter("one", be_noticed_away)
    supervised = Supervised(adapter, random_source=random.Random(0))
    await asyncio.wait_for(away.wait(), WAIT_S)
    assert await supervised.stop() is ExitCode.CLEAN
    assert adapter.n_runs == 1


async def test_a_stop_is_bounded(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A platform that does not end is named and left behind."""
    monkeypatch.setattr(supervisor, "STOP_S", 0.05)
    stuck, other = FakeAdapter("stuck", hang), FakeAdapter("other")
    supervised = Supervised(stuck, other)
    await connected(stuck)
    await connected(other)
    assert await supervised.stop() is ExitCode.CLEAN
    assert caplog.messages == ["stuck did not stop in time"]


def test_the_process_can_leave_within_ten_seconds() -> None:
    """What an operator's service manager is promised."""
    assert supervisor.STOP_S < 10
