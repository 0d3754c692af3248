"""Keeping platforms running: each alone, started again with growing pauses, stopped together."""

import asyncio
import logging
import random
from collections.abc import Sequence
from contextlib import suppress
from enum import IntEnum

from adapters.base import Adapter
from adapters.errors import PlatformUnavailableError, TokenRefusedError

logger = logging.getLogger(__name__)

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 300.0
STOP_S = 9.0
"""How long the platforms may take to finish their replies and disconnect."""


class ExitCode(IntEnum):
    """What the process returns."""

    CLEAN = 0
    FAILURE = 1
    CONFIGURATION = 78


async def supervise(adapters: Sequence[Adapter], stopping: asyncio.Event, random_source: random.Random) -> ExitCode:
    """Run platforms until all have ended; set `stopping` to end them.

    A token refused at the first attempt ends all of them: the operator is looking, and should mend it. One refused
    later ends its platform alone.
    """
    running = {asyncio.create_task(_keep_running(one, stopping, random_source), name=one.platform) for one in adapters}
    stopped = asyncio.create_task(stopping.wait(), name="stopping")
    refusals: list[_Refusal] = []
    code = ExitCode.CLEAN
    while running and not stopping.is_set():
        await asyncio.wait({*running, stopped}, return_when=asyncio.FIRST_COMPLETED)
        ended = {task for task in running if task.done()}
        running -= ended
        for refusal in [refusal for task in ended if (refusal := task.result()) is not None]:
            logger.error("%s", refusal.error)
            refusals.append(refusal)
        is_last = bool(refusals) and not running and not stopping.is_set()
        if is_last or any(refusal.at_start for refusal in refusals):
            code = ExitCode.CONFIGURATION
            stopping.set()
    stopped.cancel()
    if running:
        _, late = await asyncio.wait(running, timeout=STOP_S)
        for task in late:
            logger.warning("%s did not stop in time", task.get_name())
            task.cancel()
    return code


class _Refusal:
    """A refused token, and whether the platform's first attempt met it."""

    def __init__(self, error: TokenRefusedError, *, at_start: bool) -> None:
        self.error = error
        self.at_start = at_start


async def _keep_running(adapter: Adapter, stopping: asyncio.Event, random_source: random.Random) -> _Refusal | None:
    """Run a platform, again and again while it is unavailable, until it ends by itself."""
    pause_s = FIRST_PAUSE_S
    is_first = True
    while not stopping.is_set():
        watch = asyncio.create_task(adapter.connected.wait(), name=f"{adapter.platform} connecting")
        try:
            await adapter.run(stopping)
        except TokenRefusedError as error:
            return _Refusal(error, at_start=is_first and not watch.done())
        except Exception as error:
            if watch.done():
                pause_s = FIRST_PAUSE_S
            if stopping.is_set():
                logger.warning("%s ended with %s", adapter.platform, type(error).__name__)
            elif isinstance(error, PlatformUnavailableError):
                logger.warning("%s; trying again in about %.0f s", error, pause_s)
            else:
                logger.exception("%s failed; trying again in about %.0f s", adapter.platform, pause_s)
        else:
            return None
        finally:
            watch.cancel()
        is_first = False
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), pause_s * random_source.uniform(0.5, 1.5))
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
    return None
