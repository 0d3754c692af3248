"""Logging of the process: one line a record on standard error, and no token in any of them."""

import logging
import re
import sys
from collections.abc import Sequence
from typing import Literal

LogFormat = Literal["text", "json"]

FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
REDACTED = "[redacted]"

TALKATIVE = {
    "httpx": logging.WARNING,  # at INFO it logs every URL, and Telegram's hold the token
    "httpcore": logging.WARNING,
    "discord": logging.WARNING,  # at DEBUG it logs the text of messages
    "discord.client": logging.CRITICAL,  # a trace for every reconnect and a warning about voice; the adapter speaks
    "telegram": logging.WARNING,
    "aiosqlite": logging.WARNING,  # at DEBUG it logs what is written
    "asyncio": logging.WARNING,
}

INTERACTION_TOKEN = re.compile(r"(/(?:webhooks|interactions)/\d+/)[\w.-]+")
"""In the URLs that discord.py logs when it is rate-limited."""


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
        text = super().format(record)
        for secret in self._secrets:
            text = text.replace(secret, REDACTED)
        return INTERACTION_TOKEN.sub(rf"\1{REDACTED}", text)


def configure_logging(level: str, secrets: Sequence[str]) -> None:
    """Send every record of `level` and above to standard error, redacted; libraries speak from WARNING on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(RedactingFormatter(secrets))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name, least in TALKATIVE.items():
        logging.getLogger(name).setLevel(max(least, logging.getLevelNamesMapping()[level]))
