"""The log: no token in any line, whoever writes it."""

import asyncio
import json
import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from bot.log import REDACTED, TALKATIVE, RedactingFormatter, configure_logging, correlated

TOKEN = "123456:secret-token"
OTHER = "MTA.secret.token"


@pytest.fixture(autouse=True)
def _loggers_as_before() -> Iterator[None]:
    root = logging.getLogger()
    loggers = [root, *(logging.getLogger(name) for name in TALKATIVE)]
    levels, handlers = [logger.level for logger in loggers], root.handlers[:]
    # basicConfig(force=True) closes what it removes; pytest's own handlers must live on.
    for handler in handlers:
        root.removeHandler(handler)
    yield
    for handler in root.handlers[:]:
        root.removeHandler(handler)
    for handler in handlers:
        root.addHandler(handler)
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


def test_a_token_is_redacted_wherever_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    """In the message, in an argument, in a URL: each token is replaced, and the rest of the line is not."""
    configure_logging("INFO", (TOKEN, OTHER))
    logger = logging.getLogger("some.library")
    logger.info("%s twice: %s", TOKEN, f"{TOKEN}{OTHER}")
    logger.warning(f"https://host/bot{TOKEN}/getMe")  # noqa: G004 - as libraries do
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].endswith(f"INFO    some.library: {REDACTED} twice: {REDACTED}{REDACTED}")
    assert lines[1].endswith(f"WARNING some.library: https://host/bot{REDACTED}/getMe")


def test_a_token_is_redacted_in_a_trace(capsys: pytest.CaptureFixture[str]) -> None:
    """The exceptions of a trace, their causes and the stack of a record hold no token either."""
    configure_logging("INFO", (TOKEN,))

    def refuse() -> None:
        try:
            int(TOKEN)
        except ValueError as error:
            raise RuntimeError(f"the token {TOKEN} was rejected") from error

    try:
        refuse()
    except RuntimeError:
        logging.getLogger("bot").exception("failed with %s", TOKEN, stack_info=True)
    text = capsys.readouterr().err
    assert "Traceback" in text
    assert "RuntimeError: the token [redacted] was rejected" in text
    assert "ValueError: invalid literal for int() with base 10: '[redacted]'" in text
    assert "secret" not in text


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://d.com/api/v10/webhooks/12/aW50.Z-_/messages/@original", "/webhooks/12/[redacted]/messages/@original"),
        ("POST https://d.com/api/v10/interactions/34/aW50ZXI/callback", "/interactions/34/[redacted]/callback"),
        ("https://d.com/api/v10/webhooks/12", "/webhooks/12"),
    ],
)
def test_an_interaction_token_is_redacted(url: str, shown: str) -> None:
    """Whoever holds it could answer in the bot's name for a quarter of an hour."""
    record = logging.LogRecord("discord.http", logging.WARNING, "", 0, "limited: %s", (url,), None)
    text = RedactingFormatter(()).format(record)
    assert text.endswith(shown)
    assert "aW50" not in text


def test_libraries_are_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    """httpx would log every URL, token and all, and discord.py every message: even at DEBUG they speak up late."""
    configure_logging("DEBUG", ())
    for name in ("httpx", "httpcore.connection", "discord.gateway", "telegram.ext", "asyncio"):
        logging.getLogger(name).info("chatter")
        logging.getLogger(name).warning("matter of %s", name)
    logging.getLogger("discord.client").error("a trace for every reconnect")
    logging.getLogger("bot").debug("ours")
    lines = [line.partition(": ")[2] for line in capsys.readouterr().err.splitlines()]
    assert lines == [
        "matter of httpx",
        "matter of httpcore.connection",
        "matter of discord.gateway",
        "matter of telegram.ext",
        "matter of asyncio",
        "ours",
    ]


def test_the_level_holds_for_libraries_too(capsys: pytest.CaptureFixture[str]) -> None:
    """An operator who wants errors only gets no library's warnings."""
    configure_logging("ERROR", ())
    for name in ("httpx", "bot"):
        logging.getLogger(name).warning("too low")
        logging.getLogger(name).error("high enough")
    captured = capsys.readouterr()
    assert captured.err.count("high enough") == 2
    assert "too low" not in captured.err
    assert captured.out == ""


# Ids of messages.


def source_of(line: str) -> str:
    """Return what a line of text says of where it comes from: the logger, and the id if there is one."""
    return line.partition("INFO    ")[2].partition(":")[0]


async def test_the_lines_of_one_message_bear_one_id(capsys: pytest.CaptureFixture[str]) -> None:
    """Two messages answered side by side keep theirs apart, tasks that they begin included."""
    configure_logging("INFO", ())
    logger = logging.getLogger("bot")
    both_began = asyncio.Barrier(2)

    async def later(name: str) -> None:
        logger.info("%s later", name)

    async def answer(name: str) -> str:
        with correlated() as correlation_id:
            logger.info("%s begins", name)
            await both_began.wait()
            await asyncio.create_task(later(name))
        logger.info("%s is over", name)
        return correlation_id

    one, other = await asyncio.gather(answer("one"), answer("other"))
    assert one != other
    sources = {line.rpartition(": ")[2]: source_of(line) for line in capsys.readouterr().err.splitlines()}
    assert sources == {
        "one begins": f"bot [{one}]",
        "one later": f"bot [{one}]",
        "one is over": "bot",
        "other begins": f"bot [{other}]",
        "other later": f"bot [{other}]",
        "other is over": "bot",
    }


# JSON.


def json_lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_record_is_an_object_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Line breaks, quotes and anything but ASCII stay inside the string."""
    configure_logging("INFO", (), "json")
    logging.getLogger("bot.app").info('two\nlines, "quoted", %s', "ü\ud800")
    with correlated() as correlation_id:
        logging.getLogger("bot").warning("of a message")
    first, second = json_lines(capsys)
    assert datetime.fromisoformat(first.pop("time")).tzinfo is not None
    assert first == {"level": "INFO", "logger": "bot.app", "message": 'two\nlines, "quoted", ü\ud800'}
    assert second["id"] == correlation_id


def test_no_field_of_an_object_holds_a_token(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither the message nor the trace, even if JSON writes a token's characters otherwise."""
    token = 'quoted"secret\\token'
    configure_logging("INFO", (token,), "json")

    def refuse() -> None:
        raise RuntimeError(f"the token {token} was rejected")

    try:
        refuse()
    except RuntimeError:
        logging.getLogger("bot").exception("failed with %s at /webhooks/12/aW50", token)
    text = capsys.readouterr().err
    (line,) = text.splitlines()
    fields = json.loads(line)
    assert fields["message"] == "failed with [redacted] at /webhooks/12/[redacted]"
    assert fields["trace"].endswith("RuntimeError: the token [redacted] was rejected")
    assert "secret" not in text
