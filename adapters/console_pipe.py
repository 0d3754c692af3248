"""The chat through pipes and files: one line of answer for each line.

Standard library only, and this package.
"""

import asyncio
import os
import select
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TextIO

from adapters.console_choices import one_line

LINES_AHEAD = 100
"""How many lines may be read before the first of them is answered."""

CHUNK_BYTES = 65_536

LINE_BYTES = 65_536
"""What is kept of a line; no chat platform lets a person write more."""


class Pipe:
    """Lines of bytes in, lines of bytes out, straight from and to the file descriptors.

    Neither Python's buffered input, whose lock a blocked read would hold when the process ends, nor its buffered
    output, which would complain then of a reader that has gone.
    """

    def __init__(self, stdin: TextIO, stdout: TextIO) -> None:
        self._out = stdout.fileno()
        self._lines: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._room = threading.Semaphore(LINES_AHEAD)
        # A regular file cannot be watched by the event loop, and a read cannot be interrupted: hence a daemon.
        arguments = (stdin.fileno(), asyncio.get_running_loop())
        threading.Thread(target=self._feed, args=arguments, name="standard input", daemon=True).start()

    def _feed(self, fd: int, loop: asyncio.AbstractEventLoop) -> None:
        with suppress(RuntimeError):  # the event loop was closed meanwhile
            for line in _lines_of(fd):
                self._room.acquire()
                loop.call_soon_threadsafe(self._lines.put_nowait, line)
            loop.call_soon_threadsafe(self._lines.put_nowait, None)

    async def read(self) -> str | None:
        line = await self._lines.get()
        self._room.release()
        return None if line is None else line.removesuffix(b"\r").decode("utf-8", "replace")

    async def show(self, text: str) -> None:
        data = one_line(text).encode("utf-8", "replace") + b"\n"
        await _on_a_daemon(lambda: _write(self._out, data), name="standard output")

    async def show_progress(self, text: str) -> None:
        """Show nothing: only answers belong on standard output."""


def _lines_of(fd: int) -> Iterator[bytes]:
    """Read line by line, of each line `LINE_BYTES` at most; the rest of a longer one is passed over."""
    line = b""
    with suppress(OSError):  # a terminal that hung up is an end like any other
        while chunk := os.read(fd, CHUNK_BYTES):
            *ends, rest = chunk.split(b"\n")
            for end in ends:
                yield (line + end)[:LINE_BYTES]
                line = b""
            line = (line + rest)[:LINE_BYTES]
    if line:
        yield line


def _write(fd: int, data: bytes) -> None:
    """Write all of it, however long that takes; an output that does not block is waited for."""
    while data:
        try:
            data = data[os.write(fd, data) :]
        except BlockingIOError:
            select.select([], [fd], [])


def _on_a_daemon(work: Callable[[], None], *, name: str) -> asyncio.Future[None]:
    """Do in a thread of its own what may block for ever, for an executor's thread would hold up the end of the process.

    The future has the work's end or its OSError; cancelling it leaves the thread behind.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def settle(error: OSError | None) -> None:
        if done.cancelled():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def run() -> None:
        error: OSError | None = None
        try:
            work()
        except OSError as exc:
            error = exc
        with suppress(RuntimeError):  # the event loop was closed meanwhile
            loop.call_soon_threadsafe(settle, error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return done
