"""Logging of the process: one line a record on standard error, as text or as JSON, and no token in any of them."""

import json
import logging
import random
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Literal

LogFormat = Literal["text", "json"]

FORMAT = "%(asctime)s %(levelname)-7s %(source)s: %(message)s"
REDACTED = "[redacted]"

TALKATIVE = {
    "httpx": logging.WARNING,  # at INFO it logs every URL, and Telegram's hold the token
    "httpcore": logging.WARNING,
    "discord": logging.WARNING,  # at DEBUG it logs the text of messages
    "discord.client": logging.CRITICAL,  # a trace for every reconnect and a warning about voice; the adapter speaks
    "telegram": logging.WARNING,
    "aiosqlite": logging.WARNING,  # at DEBUG it logs what is written
    "aiohttp": logging.WARNING,
    "redis": logging.WARNING,  # at DEBUG it may log what is written
    "asyncio": logging.WARNING,
}

INTERACTION_TOKEN = re.compile(r"(/(?:webhooks|interactions)/\d+/)[\w.-]+")
"""In the URLs that discord.py logs when it is rate-limited."""

_correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")


@contextmanager
def correlated() -> Iterator[str]:
    """Have every line of this task, and of tasks and threads begun meanwhile in its context, bear one new id.

    The id is made up: it leads from line to line, and to nobody.
    """
    token = _correlation_id.set(f"{random.getrandbits(32):08x}")
    try:
        yield _correlation_id.get()
    finally:
        _correlation_id.reset(token)


class RedactingFormatter(logging.Formatter):
    """Formats a record, trace included, and replaces every secret in it.

    Parameters
    ----------
    secrets
        The texts that no line may hold.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        super().__init__(FORMAT)
        self._secrets = tuple(secrets)

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text without secrets."""
        correlation_id = _correlation_id.get()
        record.source = f"{record.name} [{correlation_id}]" if correlation_id else record.name
        return self._redacted(super().format(record))

    def _redacted(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, REDACTED)
        return INTERACTION_TOKEN.sub(rf"\1{REDACTED}", text)


class JsonFormatter(RedactingFormatter):
    """The same, as one JSON object: time, level, logger and message; id and trace where there are any."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line of JSON without secrets."""
        trace = [self.formatException(record.exc_info)] if record.exc_info else []
        trace += [self.formatStack(record.stack_info)] if record.stack_info else []
        fields = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "id": _correlation_id.get(),
            # before they are encoded, which would write some characters of a secret otherwise
            "message": self._redacted(record.getMessage()),
            "trace": self._redacted("\n".join(trace)),
        }
        return json.dumps({name: value for name, value in fields.items() if value})


def configure_logging(level: str, secrets: Sequence[str], log_format: LogFormat = "text") -> None:
    """Send every record of `level` and above to standard error, redacted; libraries speak from WARNING on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(secrets) if log_format == "json" else RedactingFormatter(secrets))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name, least in TALKATIVE.items():
        logging.getLogger(name).setLevel(max(least, logging.getLevelNamesMapping()[level]))
