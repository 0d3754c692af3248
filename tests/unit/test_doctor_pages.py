"""What the doctor says of the health page and the review page."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bot.config import Settings
from bot.doctor_pages import examine_pages, examine_review
from bot.findings import Finding, Level
from bot.review.password import hash_password
from bot.review.rooms import REPORT_FILE

HASH = hash_password("a long enough password")


async def examine(*, is_running_here: bool = False, **changes: Any) -> list[Finding]:
    settings = Settings(**({"telegram_token": "t"} | changes))
    return [finding async for finding in examine_pages(settings, is_running_here=is_running_here)]


async def test_an_address_that_is_taken_is_told() -> None:
    """By another program; a bot that runs there already is as it should be, and what is free is left free."""
    other = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    address = f"127.0.0.1:{other.sockets[0].getsockname()[1]}"
    async with other:
        (taken,) = await examine(health_address=address)
        assert (taken.level, taken.topic) == (Level.WARNING, "HEALTH_ADDRESS")
        assert taken.text.startswith(f"{address} cannot be had (")
        (running,) = await examine(health_address=address, is_running_here=True)
        assert (running.level, running.text) == (Level.OK, f"a bot answers at {address}")
    for _ in range(2):
        (free,) = await examine(health_address=address)
        assert (free.level, free.text) == (Level.OK, f"{address} is free")
    (nowhere,) = await examine(health_address="192.0.2.1:80")
    assert nowhere.level is Level.WARNING


async def test_without_a_page_no_address_is_looked_at() -> None:
    """It may be switched off, and the terminal chat has none."""
    assert await examine(health_address=None) == []
    assert await examine(telegram_token=None, health_address="192.0.2.1:80") == []


@pytest.mark.parametrize(
    ("changes", "level", "text"),
    [
        ({"review": True}, Level.OK, "for this machine alone"),
        ({"review": True, "health_address": "[::1]:8080"}, Level.OK, "for this machine alone"),
        ({"review": True, "health_address": "0.0.0.0:8080"}, Level.WARNING, "reaches beyond this machine"),
        ({"review": True, "health_address": "192.0.2.1:8080"}, Level.WARNING, "reaches beyond this machine"),
        ({"review_password_hash": HASH, "health_address": "0.0.0.0:8080"}, Level.OK, "asks for the password"),
        ({"review": False, "review_password_hash": HASH}, Level.NOTE, "off, though"),
        ({"review_report": Path("report")}, Level.NOTE, "off, though"),
    ],
)
def test_who_can_open_the_review_page_is_told(changes: dict[str, Any], level: Level, text: str) -> None:
    """A page that its readers cannot reach is a warning, and the hash is not shown."""
    (finding,) = examine_review(Settings(**changes))
    assert finding.level is level
    assert text in finding.text
    assert (level is Level.OK) is (not finding.mend)
    assert str(HASH) not in str(finding)


def test_no_review_page_is_no_finding() -> None:
    """It is off unless asked for."""
    assert list(examine_review(Settings())) == []


def test_a_missing_report_is_told(tmp_path: Path) -> None:
    """A file or a directory of one; an empty directory has none."""
    wanted = tmp_path / "report"

    def levels(path: Path) -> list[Level]:
        found = examine_review(Settings(review=True, review_report=path))
        return [one.level for one in found if one.topic == "REVIEW_REPORT"]

    assert levels(wanted) == [Level.WARNING]
    wanted.mkdir()
    assert levels(wanted) == [Level.WARNING]
    (wanted / REPORT_FILE).write_text("<p>")
    assert levels(wanted) == levels(wanted / REPORT_FILE) == []
