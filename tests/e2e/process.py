"""Programs of Parley as real processes, in an environment that holds nothing but what a test gives."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

WAIT_S = 60.0
"""A test that waits longer for a process has failed; generous, for a first import may be slow."""

LEAVE_S = 10.0
"""How long the bot may take to leave after a signal."""

NO_ENCODER = ROOT / "tests" / "data"
"""A directory without an encoder's files."""

KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")
"""The variables that a program may inherit: no proxies, and none of Parley's own."""


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process: what every program needs, where Parley lies, and what the test sets."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    # no test trains with an encoder that happens to be there, and none meets another's health page
    ours = {"PYTHONPATH": str(ROOT), "ENCODER_DIR": str(ROOT / "tests" / "no-encoder"), "HEALTH_ADDRESS": ""}
    return {**kept, **ours, **variables}


def command(*arguments: str) -> list[str]:
    """The command line of a module of Parley."""
    return [sys.executable, "-m", *arguments]


class Process:
    """A running program, and all it has written so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        self._changed = asyncio.Condition()
        self._n_open = 2
        self._written = {"stdout": b"", "stderr": b""}
        streams = {"stdout": process.stdout, "stderr": process.stderr}
        self._readers = [asyncio.create_task(self._read(name, stream)) for name, stream in streams.items()]

    async def _read(self, name: str, stream: asyncio.StreamReader) -> None:
        while data := await stream.read(65_536):
            async with self._changed:
                self._written[name] += data
                self._changed.notify_all()
        async with self._changed:
            self._n_open -= 1
            self._changed.notify_all()

    @property
    def stdout(self) -> str:
        return self._written["stdout"].decode()

    @property
    def stderr(self) -> str:
        return self._written["stderr"].decode("utf-8", "replace")

    @property
    def is_running(self) -> bool:
        return self._process.returncode is None

    async def wrote(self, text: str, times: int = 1) -> None:
        """Wait until standard error holds a text so often."""
        try:
            async with asyncio.timeout(WAIT_S), self._changed:
                await self._changed.wait_for(lambda: self.stderr.count(text) >= times or not self._n_open)
        except TimeoutError:
            raise AssertionError(f"waited {WAIT_S:.0f} s in vain for {text!r} in:\n{self.stderr}") from None
        assert self.stderr.count(text) >= times, f"the process ended without {text!r}:\n{self.stderr}"

    def signal(self, number: int = signal.SIGTERM) -> None:
        self._process.send_signal(number)

    async def code(self, within_s: float = WAIT_S) -> int:
        """Wait for the end, and for all output; return the exit code."""
        try:
            async with asyncio.timeout(within_s):
                code = await self._process.wait()
                await asyncio.gather(*self._readers)
        except TimeoutError:
            raise AssertionError(f"the process has not ended within {within_s:.0f} s:\n{self.stderr}") from None
        return code

    async def stop(self) -> int:
        """End it in order; return the exit code."""
        self.signal()
        return await self.code(LEAVE_S)

    async def kill(self) -> None:
        """End it whatever it does, and leave nothing behind."""
        if self.is_running:
            self._process.kill()
        await self.code()


@asynccontextmanager
async def running(
    arguments: Sequence[str], variables: Mapping[str, str], directory: Path, *, stdin: int = asyncio.subprocess.DEVNULL
) -> AsyncIterator[Process]:
    """A program for as long as the context lasts.

    Parameters
    ----------
    arguments
        The command line.
    variables
        Of its environment, beside those that every program needs.
    directory
        Its working directory.
    stdin
        Its standard input.
    """
    pipe = asyncio.subprocess.PIPE
    process = Process(
        await asyncio.create_subprocess_exec(
            *arguments, cwd=directory, env=environment(variables), stdin=stdin, stdout=pipe, stderr=pipe
        )
    )
    try:
        yield process
    finally:
        await process.kill()
