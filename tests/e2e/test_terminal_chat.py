"""`python -m bot` in the terminal: through pipes a line of answer a line, in a real terminal a chat."""

import asyncio
import json
import os
import pty
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.process import LEAVE_S, WAIT_S, command, environment, running

if TYPE_CHECKING:
    from tests.conftest import Trained

HOURS = "We are open from 10:00 to 20:00."
FALLBACKS = {"I can help with opening hours and pizza.", "Ask me about pizza."}

Talk = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def variables(trained: "Trained") -> dict[str, str]:
    return {"INTENTS_PATH": str(trained.intents_path), "MODELS_DIR": str(trained.models_dir)}


@pytest.fixture
def talk(variables: dict[str, str], tmp_path: Path) -> Talk:
    """Pipe lines into the chat."""

    def run(data: bytes, *arguments: str, **more: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            command("bot", *arguments),
            input=data,
            capture_output=True,
            cwd=tmp_path,
            env=environment(variables | more),
            timeout=WAIT_S,
            check=False,
        )

    return run


def lines_of(ended: subprocess.CompletedProcess[bytes]) -> list[str]:
    """The answers of a chat that ended well."""
    assert ended.returncode == 0, ended.stderr.decode()
    text = ended.stdout.decode()
    assert text == "" or text.endswith("\n")
    return text.split("\n")[:-1]


def test_every_line_gets_one_line(talk: Talk) -> None:
    """Empty lines too, and a last one without its end; nothing else is on standard output."""
    answers = lines_of(talk(b"when do you close\n\n  \nI want a pizza\nyes\n/reset\nwhen do you close", "--console"))
    assert len(answers) == 7
    assert answers[0] == answers[6] == HOURS
    assert {answers[1], answers[2]} == FALLBACKS
    assert answers[3:5] == ["With cheese?", "Cheese it is."]


def test_without_a_token_it_is_the_terminal_chat(talk: Talk) -> None:
    """It says so on standard error, in a line, and asked for by its option it says nothing."""
    ended = talk(b"when do you close\n", DISCORD_TOKEN="")
    assert lines_of(ended) == [HOURS]
    (line,) = ended.stderr.decode().splitlines()
    assert "DISCORD_TOKEN" in line
    assert "terminal" in line
    assert talk(b"hello\n", "--console").stderr == b""


def test_with_a_token_it_is_the_terminal_chat_only_when_asked(talk: Talk) -> None:
    """The option wins over tokens, which nobody is called with."""
    nowhere = {"DISCORD_API_URL": "http://127.0.0.1:9/api/v10", "TELEGRAM_API_URL": "http://127.0.0.1:9/bot"}
    ended = talk(b"when do you close\n", "--console", DISCORD_TOKEN="secret", TELEGRAM_TOKEN="1:secret", **nowhere)
    assert lines_of(ended) == [HOURS]
    assert ended.stderr == b""


def test_no_input_is_an_end(talk: Talk) -> None:
    """An empty input ends the chat at once and well."""
    assert lines_of(talk(b"", "--console")) == []


def test_an_answer_of_many_lines_takes_one(talk: Talk, trained: "Trained") -> None:
    """Help has many lines, and a response may have: each comes as one, so that answers can be counted."""
    content = json.loads(trained.intents_path.read_text("utf-8"))
    content["intents"][1]["responses"] = ["Every day:\n- from ten\r\n- to eight\u2028Bye"]
    trained.intents_path.write_text(json.dumps(content), "utf-8")
    helping, hours = lines_of(talk(b"/help\nwhen do you close\n", "--console"))
    assert "/reload" in helping
    assert hours == "Every day: - from ten - to eight Bye"


def test_the_operator_reloads(talk: Talk) -> None:
    """Who sits at the terminal is an admin; the progress is no answer and stays off standard output."""
    (answer,) = lines_of(talk(b"/reload\n", "--console"))
    assert answer.startswith("Reloaded in ")


@pytest.mark.parametrize(
    "line",
    [
        b"x" * 100_000,
        b"word " * 20_000,
        b" " * 100_000,
        "ab́".encode() * 30_000,
        b"\xff\xfe\x80",
        b"\xed\xa0\xbd half a pair",
        b"\x00\x01\x1b[31m\x7f",
        "\u202e\u2066\u200b".encode(),
        b"\r",
        b"/",
        b"/" + b"x" * 100,
        b"@everyone <b>{display_name}</b> %s",
    ],
    ids=lambda line: repr(line[:12]),
)
def test_any_bytes_get_one_answer(talk: Talk, line: bytes) -> None:
    """Whatever a line holds, it gets one line, and the next its own."""
    ended = talk(line + b"\nwhen do you close\n", "--console")
    strange, hours = lines_of(ended)
    assert strange.strip()
    assert "went wrong" not in strange
    assert hours == HOURS
    assert ended.stderr == b""


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_the_locale_does_not_matter(talk: Talk, trained: "Trained", encoding: str) -> None:
    """Lines are UTF-8 in and out, whatever Python makes of the terminal's language."""
    content = json.loads(trained.intents_path.read_text("utf-8"))
    content["intents"][1]["responses"] = ["Täglich 🍕"]
    trained.intents_path.write_text(json.dumps(content), "utf-8")
    more = {"LC_ALL": "C", "PYTHONIOENCODING": encoding, "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    assert lines_of(talk("when do you clôse".encode() + b"\n", "--console", **more)) == ["Täglich 🍕"]


def test_a_reader_that_leaves_is_no_fault(variables: dict[str, str], tmp_path: Path) -> None:
    """`| head -1` ends the chat without a complaint."""
    shell = f"yes 'when do you close' | {' '.join(command('bot', '--console'))} | head -1"
    ended = subprocess.run(
        ["/bin/sh", "-c", shell],
        capture_output=True,
        cwd=tmp_path,
        env=environment(variables),
        timeout=WAIT_S,
        check=True,
    )
    assert (ended.stdout.decode(), ended.stderr) == (f"{HOURS}\n", b"")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_while_waiting_for_input_is_a_clean_end(
    variables: dict[str, str], tmp_path: Path, number: signal.Signals
) -> None:
    """A read that blocks holds nothing up."""
    arguments = command("bot", "--console")
    async with running(
        arguments, variables | {"LOG_LEVEL": "INFO"}, tmp_path, stdin=asyncio.subprocess.PIPE
    ) as process:
        await process.wrote("ready")
        process.signal(number)
        assert await process.code(LEAVE_S) == 0
    assert "Traceback" not in process.stderr
    assert process.stdout == ""


def test_a_signal_while_nobody_reads_is_a_clean_end(
    variables: dict[str, str], trained: "Trained", tmp_path: Path
) -> None:
    """An answer that does not fit into the pipe holds nothing up either."""
    content = json.loads(trained.intents_path.read_text("utf-8"))
    content["intents"][1]["responses"] = ["x" * 1_000_000]
    trained.intents_path.write_text(json.dumps(content), "utf-8")
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command("bot", "--console"), stdin=pipe, stdout=pipe, cwd=tmp_path, env=environment(variables), bufsize=0
    ) as process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(b"when do you close\n")
            assert process.stdout.read(1) == b"x"
            process.send_signal(signal.SIGTERM)
            assert process.wait(LEAVE_S) == 0
        finally:
            process.kill()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
def test_a_full_disk_is_one_line(variables: dict[str, str], tmp_path: Path) -> None:
    """An output that fails ends the chat, which is not started again, and says why."""
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            command("bot", "--console"),
            input=b"hello\nhello\n",
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env=environment(variables),
            timeout=WAIT_S,
            check=False,
        )
    (line,) = ended.stderr.decode().splitlines()
    assert "No space left" in line


@pytest.mark.parametrize("closed", [("<&-",), (">&-",), ("2>&-",), ("<&-", ">&-", "2>&-")], ids=" ".join)
def test_streams_that_the_parent_closed_are_no_fault(
    variables: dict[str, str], tmp_path: Path, closed: tuple[str, ...]
) -> None:
    """What is left does its part: without standard error, standard output still holds the answers alone."""
    ended = subprocess.run(
        ["sh", "-c", f'exec "$@" {" ".join(closed)}', "sh", *command("bot")],
        input=b"when do you close\n",
        capture_output=True,
        cwd=tmp_path,
        env=environment(variables),
        timeout=WAIT_S,
        check=False,
    )
    assert ended.returncode == 0
    assert b"Traceback" not in ended.stderr
    assert ended.stdout.decode() == (f"{HOURS}\n" if closed == ("2>&-",) else "")


class Terminal:
    """The chat in a pseudo-terminal: what a person types and sees."""

    def __init__(self, variables: dict[str, str], directory: Path) -> None:
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            command("bot"),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=directory,
            env=environment(variables | {"TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}),
            start_new_session=True,
        )
        os.close(slave)
        self._seen = ""

    async def type(self, keys: str) -> None:
        await asyncio.to_thread(os.write, self._master, keys.encode())

    async def until(self, text: str) -> str:
        """Read up to a text; returns what came before it."""
        async with asyncio.timeout(WAIT_S):
            while text not in self._seen:
                self._seen += (await asyncio.to_thread(os.read, self._master, 65_536)).decode("utf-8", "replace")
        before, _, self._seen = self._seen.partition(text)
        return before

    async def code(self) -> int:
        return await asyncio.to_thread(self.process.wait, WAIT_S)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)


@pytest.mark.parametrize("leave", ["\x04", "\x03", signal.SIGTERM], ids=["Ctrl-D", "Ctrl-C", "SIGTERM"])
async def test_a_person_chats(variables: dict[str, str], tmp_path: Path, leave: Any) -> None:
    """There is a word of welcome, a prompt, an answer with its label, and every way to leave is a clean one."""
    terminal = Terminal(variables, tmp_path)
    try:
        assert "terminal" in await terminal.until("/help")
        await terminal.until("you > ")
        await terminal.type("when do you close\r")
        await terminal.until("parley > ")
        await terminal.until(HOURS)
        await terminal.until("you > ")
        if isinstance(leave, str):
            await terminal.type(leave)
        else:
            terminal.process.send_signal(leave)
        assert await terminal.code() == 0
    finally:
        terminal.close()
