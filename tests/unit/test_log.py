"""The log: no token in any line, whoever writes it."""

import logging
from collections.abc import Iterator

import pytest

from bot.log import REDACTED, RedactingFormatter, configure_logging

TOKEN = "123456:secret-token"
OTHER = "MTA.secret.token"


@pytest.fixture(autouse=True)
def _loggers_as_before() -> Iterator[None]:
    root = logging.getLogger()
    loggers = [root, *(logging.getLogger(name) for name in ("httpx", "httpcore", "discord", "discord.client"))]
    loggers += [logging.getLogger(name) for name in ("telegram", "asyncio")]
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
