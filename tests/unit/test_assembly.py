"""The stores together: opened over a database, kept clean, and replaced by memory where it fails."""

import asyncio
import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.assembly import SCHEMA, open_stores
from bot.config import Settings
from bot.cooldown import Limit
from bot.database import DATABASE_FILE, Database
from bot.server_settings import ServerSettings
from tests.unit.fakes import WAIT_S, stores_of


async def test_a_database_that_cannot_be_worked_with_leaves_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The bot starts all the same, with one warning that names the file."""
    path = tmp_path / DATABASE_FILE
    database = await Database.open(path, ("CREATE TABLE server_settings (other TEXT)",))
    await database.close()
    stores = await open_stores(Settings(), path)
    assert stores.database.path is None
    await stores.settings.put("discord", "1", ServerSettings(language="de"))
    await stores.database.close()
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert str(path) in record.getMessage()


async def test_what_is_too_old_is_dropped_while_nobody_writes(tmp_path: Path) -> None:
    """From memory and from the database; a database that fails stops nothing."""
    stores = await stores_of(await Database.open(tmp_path / DATABASE_FILE, SCHEMA))
    long_ago = datetime(2020, 1, 1, tzinfo=UTC).timestamp()
    await stores.database.execute("INSERT INTO votes VALUES ('a', 'discord', 'ann', 'hours', 1, ?)", (long_ago,))
    await stores.database.execute("INSERT INTO votable_answers VALUES ('a', 'discord', 'hours', ?)", (long_ago,))
    await stores.cooldowns.take(("person", "discord", "ann"), Limit(1, 1.0), long_ago)
    stopping = asyncio.Event()
    work = asyncio.create_task(stores.keep_house(stopping))
    await asyncio.sleep(0)
    stopping.set()  # it ends its round first
    await asyncio.wait_for(work, WAIT_S)
    assert len(stores.cooldowns) == 0
    assert await stores.database.fetch("SELECT 1 FROM votes UNION SELECT 1 FROM votable_answers") == []
    await stores.database.close()
    stopping.clear()
    failing = asyncio.create_task(stores.keep_house(stopping))
    await asyncio.sleep(0)
    stopping.set()
    await asyncio.wait_for(failing, WAIT_S)
