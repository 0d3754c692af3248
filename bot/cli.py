"""The command line of the process: options, settings, streams; then the event loop."""

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from bot.app import leave, run
from bot.config import ConfigError, Settings, parse_settings, read_environment
from bot.log import configure_logging
from bot.process import prepare_process
from bot.review.asking import ask_and_print
from bot.supervisor import ExitCode

logger = logging.getLogger(__name__)


def main() -> NoReturn:
    """Read the settings, serve, and leave with the exit code."""
    _open_closed_streams()
    parser = argparse.ArgumentParser(prog="python -m bot", description="Answer on Discord, on Telegram, or here.")
    parser.add_argument(
        "task",
        nargs="?",
        choices=["doctor", "hash-password"],
        help="doctor: say what is wrong with the set-up, and what mends it; hash-password: make REVIEW_PASSWORD_HASH",
    )
    parser.add_argument("--console", action="store_true", help="chat in the terminal, whatever tokens are set")
    parser.add_argument("--env-file", type=Path, metavar="F", help="read this file instead of .env")
    arguments = parser.parse_args()
    if arguments.task == "hash-password":
        leave(ask_and_print())
    try:
        environment = read_environment(arguments.env_file)
        if arguments.task == "doctor":
            _examine(environment)
        settings = parse_settings(environment)
    except ConfigError as error:
        print(error, file=sys.stderr)  # noqa: T201 - logging is not set up yet
        leave(ExitCode.CONFIGURATION)
    console = arguments.console or not settings.has_platform
    level = settings.log_level or ("WARNING" if console else "INFO")
    configure_logging(level, settings.secrets, settings.log_format)
    if console and not arguments.console:
        print("No DISCORD_TOKEN or TELEGRAM_TOKEN is set: this is the chat in the terminal.", file=sys.stderr)  # noqa: T201
    prepare_process()
    asyncio.run(_serve(settings, environment, console=console))


def _examine(environment: Mapping[str, str]) -> NoReturn:
    """Say what is wrong, and leave with the exit code; what is found stands in for the log."""
    from bot.doctor import run_doctor  # noqa: PLC0415 - what it asks with is of no use to serving
    from bot.handler import COMMANDS  # noqa: PLC0415

    logging.disable(logging.CRITICAL)
    leave(asyncio.run(run_doctor(environment, [command.name for command in COMMANDS])))


def _open_closed_streams() -> None:
    """Give standard streams that the parent closed (`>&-`) to the null device, before a socket takes their numbers."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            handle = os.open(os.devnull, os.O_RDWR)
            if handle != number:
                os.dup2(handle, number)
                os.close(handle)
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8"))


async def _serve(settings: Settings, environment: Mapping[str, str], *, console: bool) -> NoReturn:
    """Serve, and leave from within the event loop: its own end waits for a name look-up that gets no answer.

    After a failure as well: the end of the interpreter waits for the thread of a database that was not closed.
    """
    try:
        code = await run(settings, environment, console=console)
    except Exception:
        logger.exception("the bot failed, and ends")
        code = ExitCode.FAILURE
    leave(code)
