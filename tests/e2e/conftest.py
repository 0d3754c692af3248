"""What the end-to-end tests share: nothing stands before the local servers, and who asks on Discord."""

import pytest

from adapters import telegram_polling
from tests.e2e import discord_payloads as payloads


@pytest.fixture(autouse=True)
def _quick_and_direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy, which the libraries obey on loopback too, and short waits."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(telegram_polling, "JITTER_S", 0.0)


@pytest.fixture
def ann() -> payloads.Json:
    """A member of Discord."""
    return payloads.user("ann", shown_as="Ann")
