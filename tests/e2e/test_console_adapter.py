"""The terminal chat through real pipes, files and a pseudo-terminal."""

import asyncio
import logging
import os
import pty
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TextIO

import pytest

from adapters.base import Command, IncomingMessage, Progress, Reply, ReplyAttachment, ReplyChoice
from adapters.console_adapter import NO_ANSWER, ConsoleAdapter
from adapters.console_pipe import LINE_BYTES, LINES_AHEAD
from tests.bots import BotOf

WAIT_S = 10.0

COMMANDS = (Command("help", "Shows what I can do."), Command("reset", "Forgets the conversation."))


async def echo(message: IncomingMessage, progress: Progress) -> Reply | None:
    await progress("thinking")
    if message.text == "silence":
        return None
    return Reply(f"/{message.command} {message.text}" if message.command else f"echo: {message.text}")


CHOICES = (ReplyChoice("hours", "Opening hours"), ReplyChoice("join:2", "Join a group"))


async def ask(message: IncomingMessage, _: Progress) -> Reply | None:
    """Offer choices to whoever says ``ask``, and tell what came of a line."""
    if message.text == "ask":
        return Reply("Which one?\n", choices=CHOICES)
    return None if message.text == "silence" else Reply(f"{message.choice_id} {message.text}")


async def run(stdin: TextIO | None, stdout: TextIO | None, handler: Any = echo) -> None:
    adapter = ConsoleAdapter(bot=BotOf(handler, COMMANDS), stdin=stdin, stdout=stdout)
    await asyncio.wait_for(adapter.run(asyncio.Event()), WAIT_S)


async def talk(data: bytes, tmp_path: Path, handler: Any = echo) -> bytes:
    """Run the adapter from one file to another."""
    (tmp_path / "in").write_bytes(data)
    with (tmp_path / "in").open() as stdin, (tmp_path / "out").open("w") as stdout:
        await run(stdin, stdout, handler)
    return (tmp_path / "out").read_bytes()


async def test_every_line_gets_one_line(tmp_path: Path) -> None:
    """Empty lines, lines that are no UTF-8, a last line without its end: each has its answer, in order."""
    data = b"hello\n\n/why me\r\n\xff\xfe\nsilence\nlast"
    answers = await talk(data, tmp_path)
    assert answers.decode() == f"echo: hello\necho: \n/why me\necho: \ufffd\ufffd\n{NO_ANSWER}\necho: last\n"


async def test_an_answer_takes_one_line(tmp_path: Path) -> None:
    """Line breaks of every kind become spaces, and what cannot be encoded is replaced."""

    async def handler(_message: IncomingMessage, _progress: Progress) -> Reply:
        return Reply("a\nb\r\nc\u2028d\x0be \ud83d é")

    assert (await talk(b"x\n", tmp_path, handler)).decode() == "a b c d e ? é\n"


async def test_options_and_attachments_stand_on_the_line_of_the_answer(tmp_path: Path) -> None:
    """Whoever counts on one line for each gets one, with all that there is to choose."""

    async def handler(_message: IncomingMessage, _progress: Progress) -> Reply:
        sources = ("https://example.org/a.png", "/srv/rules.pdf")
        return Reply("Look!", choices=CHOICES, attachments=tuple(ReplyAttachment(s, is_image=False) for s in sources))

    line = "Look! https://example.org/a.png /srv/rules.pdf 1) Opening hours 2) Join a group\n"
    assert (await talk(b"x\ny\n", tmp_path, handler)).decode() == line * 2


async def test_an_option_is_chosen_by_number_or_title(tmp_path: Path) -> None:
    """Only what stands under the last answer can be chosen; every other number is what was said."""
    lines = ["2", "ask", "2", "2", "ask", " opening  HOURS ", "ask", "3", "1", "ask", "silence", "1"]
    answers = (await talk("\n".join(lines).encode(), tmp_path, ask)).decode().splitlines()
    offer = "Which one? 1) Opening hours 2) Join a group"
    assert answers == [
        "None 2",
        offer,
        "join:2 Join a group",
        "None 2",
        offer,
        "hours Opening hours",
        offer,
        "None 3",
        "None 1",
        offer,
        NO_ANSWER,
        "None 1",
    ]


async def test_no_input_is_an_end(tmp_path: Path) -> None:
    """An empty file, ``/dev/null`` and no standard input at all end the chat at once."""
    assert await talk(b"", tmp_path) == b""
    with (tmp_path / "out").open("r+") as stdout, os.fdopen(os.open(os.devnull, os.O_RDONLY)) as null:
        await run(null, stdout)
        await run(None, stdout)
        await run(null, None)
        assert stdout.read() == ""


async def test_many_and_long_lines_are_answered(tmp_path: Path) -> None:
    """Neither more lines than are read ahead nor a line as long as is kept is lost."""
    lines = [f"line {n}" for n in range(5 * LINES_AHEAD)] + ["x" * LINE_BYTES]
    answers = await talk("\n".join(lines).encode(), tmp_path)
    assert answers.decode().splitlines() == [f"echo: {line}" for line in lines]


async def test_a_line_without_bound_gets_one_answer(tmp_path: Path) -> None:
    """Of a line of any length a bounded part is kept, and what follows it is a line of its own."""
    long = b"x" * (100 * LINE_BYTES + 7)
    answers = (await talk(long + b"\nnext\n" + long, tmp_path)).decode().splitlines()
    kept = f"echo: {'x' * LINE_BYTES}"
    assert answers == [kept, "echo: next", kept]


class Pipes:
    """An adapter between two pipes, of which the test holds the other ends."""

    def __init__(self, handler: Any) -> None:
        read_end, write_end = os.pipe()
        self.stdin, self.lines = os.fdopen(read_end), os.fdopen(write_end, "wb", buffering=0)
        read_end, write_end = os.pipe()
        self.answers, self.stdout = os.fdopen(read_end, "rb", buffering=0), os.fdopen(write_end, "w")
        self.stopping = asyncio.Event()
        adapter = ConsoleAdapter(bot=BotOf(handler, COMMANDS), stdin=self.stdin, stdout=self.stdout)
        self.run = asyncio.create_task(adapter.run(self.stopping))

    def write(self, data: bytes) -> None:
        self.lines.write(data)

    async def read(self) -> bytes:
        return await asyncio.wait_for(asyncio.to_thread(self.answers.read, 65_536), WAIT_S)

    async def ended(self) -> None:
        await asyncio.wait_for(self.run, WAIT_S)

    def close(self) -> None:
        """Close the test's ends, by which the adapter's threads end, and only then theirs.

        Numbers of closed files are given out again: a thread still writing would write into a later test's pipe.
        """
        self.lines.close()
        self.answers.close()
        for thread in threading.enumerate():
            if thread.name in {"standard input", "standard output"}:
                thread.join(WAIT_S)
                assert not thread.is_alive()
        self.stdin.close()
        self.stdout.close()


@asynccontextmanager
async def piped(handler: Any = echo) -> AsyncIterator[Pipes]:
    pipes = Pipes(handler)
    try:
        yield pipes
        await pipes.ended()
    finally:
        pipes.close()


async def test_an_answer_comes_before_the_next_line() -> None:
    """Nothing is held back until the input ends."""
    async with piped() as pipes:
        for word in ("one", "two"):
            pipes.write(word.encode() + b"\n")
            assert await pipes.read() == f"echo: {word}\n".encode()
        pipes.stopping.set()


async def test_a_stop_does_not_wait_for_input() -> None:
    """A read that blocks holds nothing up."""
    async with piped() as pipes:
        pipes.write(b"hello\n")
        await pipes.read()
        pipes.stopping.set()


async def test_a_stop_lets_the_answer_out() -> None:
    """What is being answered is finished; what came after it is not begun."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(message: IncomingMessage, _progress: Progress) -> Reply:
        begun.set()
        await go_on.wait()
        for _ in range(10):  # turns of the loop in which the stop has its effect
            await asyncio.sleep(0)
        return Reply(message.text)

    async with piped(slow) as pipes:
        pipes.write(b"one\ntwo\n")
        await asyncio.wait_for(begun.wait(), WAIT_S)
        pipes.stopping.set()
        asyncio.get_running_loop().call_soon(go_on.set)
        await pipes.ended()
        assert await pipes.read() == b"one\n"


async def test_a_reader_that_left_is_an_end() -> None:
    """When nobody reads the answers any more the chat ends without a complaint."""
    async with piped() as pipes:
        pipes.answers.close()
        pipes.write(b"hello\n")


async def test_a_stop_does_not_wait_for_a_reader() -> None:
    """When nobody reads the answers, and the pipe is full, a stop still ends the chat."""
    answering = asyncio.Event()

    async def at_length(_message: IncomingMessage, _progress: Progress) -> Reply:
        answering.set()
        return Reply("x" * 1_000_000)

    async with piped(at_length) as pipes:
        pipes.write(b"hello\n")
        await asyncio.wait_for(answering.wait(), WAIT_S)
        await pipes.read()  # the rest does not fit into the pipe
        assert not pipes.run.done()
        pipes.stopping.set()


async def test_an_output_that_does_not_block_is_waited_for() -> None:
    """An answer that finds no room goes on when there is some, and the chat with it."""

    async def at_length(message: IncomingMessage, _progress: Progress) -> Reply:
        return Reply(message.text * 300_000)

    async with piped(at_length) as pipes:
        os.set_blocking(pipes.stdout.fileno(), False)
        pipes.write(b"a\nb\n")
        read = b""
        while read.count(b"\n") < 2:
            read += await pipes.read()
        assert read == b"a" * 300_000 + b"\n" + b"b" * 300_000 + b"\n"
        pipes.stopping.set()


async def test_a_terminal_that_hung_up_is_an_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A reader that was a terminal has gone as quietly as any other."""
    master, slave = pty.openpty()
    os.close(master)
    (tmp_path / "in").write_bytes(b"one\ntwo\n")
    with (tmp_path / "in").open() as stdin, os.fdopen(slave, "w") as stdout:
        await run(stdin, stdout)
    assert caplog.records == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
async def test_an_output_that_fails_is_an_end_with_its_reason(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A full disk ends the chat, which another start would not mend, and one line names the fault."""
    (tmp_path / "in").write_bytes(b"one\ntwo\n")
    with (tmp_path / "in").open() as stdin, os.fdopen(os.open("/dev/full", os.O_WRONLY), "w") as stdout:
        await run(stdin, stdout)
    (record,) = caplog.records
    assert (record.levelno, record.exc_info) == (logging.ERROR, None)
    assert "No space left" in record.message


class Screen:
    """A pseudo-terminal: what a person would type on and look at."""

    def __init__(self) -> None:
        self._master, slave = pty.openpty()
        self.stdin, self.stdout = os.fdopen(os.dup(slave)), os.fdopen(slave, "w")
        self._seen = ""

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    async def until(self, text: str) -> str:
        """Read up to a text; returns what came before it."""
        async with asyncio.timeout(WAIT_S):
            while text not in self._seen:
                self._seen += (await asyncio.to_thread(os.read, self._master, 65_536)).decode()
        before, _, self._seen = self._seen.partition(text)
        return before

    def close(self) -> None:
        self.stdin.close()
        self.stdout.close()
        os.close(self._master)


@pytest.mark.parametrize("leave", ["\x04", "\x03", None], ids=["Ctrl-D", "Ctrl-C", "a stop"])
async def test_chats_in_a_terminal(leave: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is a welcome, a prompt and a labelled answer with its lines; all ways to leave end cleanly."""
    monkeypatch.setenv("PROMPT_TOOLKIT_NO_CPR", "1")
    monkeypatch.setenv("TERM", "xterm")
    screen, stopping = Screen(), asyncio.Event()

    async def two_lines(message: IncomingMessage, progress: Progress) -> Reply:
        await progress("thinking")
        return Reply(f"first {message.text}\nsecond line")

    adapter = ConsoleAdapter(bot=BotOf(two_lines, COMMANDS), stdin=screen.stdin, stdout=screen.stdout)
    run = asyncio.create_task(adapter.run(stopping))
    try:
        assert "/help" in await screen.until("you > ")
        screen.type("hello\r")
        assert "thinking" in await screen.until("first hello")
        await screen.until("second line")
        await screen.until("you > ")
        if leave is None:
            stopping.set()
        else:
            screen.type(leave)
        await asyncio.wait_for(run, WAIT_S)
    finally:
        screen.close()


async def test_options_in_a_terminal_stand_below_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has its line under the answer, and its number chooses it."""
    monkeypatch.setenv("PROMPT_TOOLKIT_NO_CPR", "1")
    monkeypatch.setenv("TERM", "xterm")
    screen, stopping = Screen(), asyncio.Event()
    adapter = ConsoleAdapter(bot=BotOf(ask, COMMANDS), stdin=screen.stdin, stdout=screen.stdout)
    run = asyncio.create_task(adapter.run(stopping))
    try:
        await screen.until("you > ")
        screen.type("ask\r")
        await screen.until("Which one?")
        assert "\n" in await screen.until("1) Opening hours")
        assert "\n" in await screen.until("2) Join a group")
        await screen.until("you > ")
        screen.type("2\r")
        await screen.until("join:2 Join a group")
        stopping.set()
        await asyncio.wait_for(run, WAIT_S)
    finally:
        screen.close()
