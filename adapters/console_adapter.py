"""The terminal as a platform: a chat with colour and history or, through pipes, one line of answer for each line.

Imports this package and, in a terminal only, prompt_toolkit; nothing else of Parley.
"""

import asyncio
import errno
import getpass
import logging
import re
import sys
import textwrap
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Protocol, TextIO

from adapters.base import Bot, Command, IncomingMessage, ReplyChoice
from adapters.console_choices import answer_text, chosen, one_line
from adapters.console_pipe import Pipe
from adapters.dispatch import DRAIN_S, until_stopped

logger = logging.getLogger(__name__)

NO_ANSWER = "I have nothing to say to that."
"""Printed when the bot does not answer, for whoever pipes lines in counts on one line for each."""

WELCOME = "Write a message and press Enter. /help lists the commands; Ctrl-D leaves."

PROMPT = "you > "

LABEL = "parley > "

COMMAND = re.compile(r"\s*/(\w{1,32})(?:\s+(.*))?", re.ASCII | re.DOTALL)

SHOW_S = 1.0
"""How long an answer may take to be written after a stop: nobody may be reading."""

READER_GONE = frozenset({errno.EPIPE, errno.ECONNRESET, errno.EIO})
"""Errors by which an output tells that nobody reads it any more; EIO is a terminal that hung up."""


class ConsoleAdapter:
    """The terminal, as `adapters.base.Adapter` describes a platform.

    Parameters
    ----------
    bot
        Answers every line, and has the commands to complete.
    stdin, stdout
        Where lines come from and answers go; both must stand on a file descriptor. A process may lack either, and
        then there is nobody to talk to.
    """

    platform = "console"

    def __init__(self, *, bot: Bot, stdin: TextIO | None, stdout: TextIO | None) -> None:
        self._bot = bot
        self._stdin = stdin
        self._stdout = stdout
        self._connected = asyncio.Event()

    @property
    def connected(self) -> asyncio.Event:
        return self._connected

    async def run(self, stopping: asyncio.Event) -> None:
        """Answer until the input ends, the output takes no more, or `stopping` is set.

        No fault of the output is raised: another start would not mend it, and would lose the lines read ahead.
        """
        if self._stdin is None or self._stdout is None:
            return
        self._connected.set()
        try:
            face: _Face
            if self._stdin.isatty() and self._stdout.isatty():
                face = _Terminal(self._stdin, self._stdout, self._bot.commands)
            else:
                face = Pipe(self._stdin, self._stdout)
            await self._talk(face, stopping)
        except OSError as exc:
            if exc.errno not in READER_GONE:
                fault = exc.strerror or type(exc).__name__
                logger.error("standard output takes no more answers, so the chat ends: %s", fault)  # noqa: TRY400 - one line for the operator
        finally:
            self._connected.clear()

    async def post(self, conversation_id: str, text: str) -> None:  # noqa: ARG002 - there is one conversation
        """Show a text to the operator, on standard error; see `adapters.base.Adapter.post`."""
        sys.stderr.write(f"{text}\n")

    async def _talk(self, face: "_Face", stopping: asyncio.Event) -> None:
        display_name = _own_name()
        choices: tuple[ReplyChoice, ...] = ()
        for number in count(1):
            line = await until_stopped(stopping, face.read())
            if line is None:
                return
            incoming = to_message(
                line, number=number, display_name=display_name, received_at=datetime.now(UTC), choices=choices
            )
            reply = await until_stopped(stopping, self._bot.answer(incoming, face.show_progress), grace_s=DRAIN_S)
            choices = () if reply is None else reply.choices
            await until_stopped(stopping, face.show(NO_ANSWER if reply is None else answer_text(reply)), grace_s=SHOW_S)
            if stopping.is_set():
                return


def to_message(
    line: str, *, number: int, display_name: str, received_at: datetime, choices: Sequence[ReplyChoice] = ()
) -> IncomingMessage:
    """Read a line as a message.

    ``/name`` at its beginning makes it a command; the number or the title of a choice is that choice, but of `choices`
    only, those under the last answer.
    """
    match = COMMAND.fullmatch(line)
    command, text = (match[1].lower(), (match[2] or "").strip()) if match else (None, line)
    choice = chosen(line, choices)
    if choice is not None:
        command, text = None, choice.title
    return IncomingMessage(
        platform=ConsoleAdapter.platform,
        conversation_id="terminal",
        user_id="local",
        message_id=str(number),
        text=text,
        display_name=display_name,
        is_direct=True,
        is_addressed=True,
        locale=None,
        received_at=received_at,
        command=command,
        choice_id=choice.id if choice is not None else None,
    )


def wrapped(text: str, columns: int) -> str:
    """Break a text at the terminal's width, keep its own line breaks, and indent all but the first line."""
    width = max(20, columns - len(LABEL) - 1)
    # A long word is most often an address, and that is only of use in one piece.
    wrapper = textwrap.TextWrapper(width, break_long_words=False, break_on_hyphens=False)
    rows = [row for line in text.splitlines() for row in wrapper.wrap(line) or [""]]
    return ("\n" + " " * len(LABEL)).join(rows)


def _own_name() -> str:
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):  # no account for this user id, as in some containers
        return "you"


class _Face(Protocol):
    """What the person sees."""

    async def read(self) -> str | None:
        """Wait for a line; None is the end."""

    async def show(self, text: str) -> None:
        """Show an answer.

        Raises
        ------
        OSError
            The output does not take it.
        """

    async def show_progress(self, text: str) -> None: ...


class _Terminal:
    """A prompt with colour, history and completion of commands."""

    def __init__(self, stdin: TextIO, stdout: TextIO, commands: Sequence[Command]) -> None:
        # Not needed, and not loaded, by the process that serves.
        from prompt_toolkit import PromptSession  # noqa: PLC0415
        from prompt_toolkit.completion import WordCompleter  # noqa: PLC0415
        from prompt_toolkit.input import create_input  # noqa: PLC0415
        from prompt_toolkit.output import create_output  # noqa: PLC0415

        self._output = create_output(stdout)
        descriptions = {f"/{command.name}": command.description for command in commands}
        self._session: PromptSession[str] = PromptSession(
            [("ansicyan bold", PROMPT)],
            completer=WordCompleter(list(descriptions), meta_dict=descriptions, sentence=True),
            input=create_input(stdin),
            output=self._output,
            # Both leave; a KeyboardInterrupt would tear down the event loop instead of ending this coroutine.
            interrupt_exception=EOFError,
        )
        self._print(("ansibrightblack", WELCOME))

    async def read(self) -> str | None:
        try:
            return await self._session.prompt_async(set_exception_handler=False, handle_sigint=False)
        except EOFError:
            return None

    async def show(self, text: str) -> None:
        self._print(("ansigreen bold", LABEL), ("", wrapped(text, self._output.get_size().columns)))

    async def show_progress(self, text: str) -> None:
        self._print(("ansibrightblack", one_line(text)))

    def _print(self, *fragments: tuple[str, str]) -> None:
        from prompt_toolkit import print_formatted_text  # noqa: PLC0415
        from prompt_toolkit.formatted_text import FormattedText  # noqa: PLC0415

        print_formatted_text(FormattedText(fragments), output=self._output)
