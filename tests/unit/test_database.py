"""The file that outlasts a restart: what is kept, who may read it, and what happens when it cannot be used."""

import asyncio
import logging
import stat
from pathlib import Path

import pytest

from bot.database import DATABASE_FILE, Database, DatabaseError

SCHEMA = ("CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL)",)
ADD = "INSERT INTO notes (text) VALUES (?)"
ALL = "SELECT text FROM notes ORDER BY id"


def files_in(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in directory.iterdir()}


async def test_what_is_written_is_there_after_a_restart(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The directory and the file are made, and nothing is said about it."""
    path = tmp_path / "new" / "state" / DATABASE_FILE
    database = await Database.open(path, SCHEMA)
    assert await database.execute(ADD, ("one",)) == 1
    await database.close()
    database = await Database.open(path, SCHEMA)
    assert await database.fetch(ALL) == [("one",)]
    await database.close()
    assert caplog.records == []


async def test_only_the_owner_may_read_the_files(tmp_path: Path) -> None:
    """Neither the file nor what SQLite keeps beside it is for others, even if it was before."""
    path = tmp_path / DATABASE_FILE
    path.touch(0o644)
    database = await Database.open(path, SCHEMA)
    await database.execute(ADD, ("one",))
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in files_in(tmp_path)]
    assert modes == [0o600] * 3
    await database.close()


@pytest.mark.parametrize("damage", ["no database", "a page overwritten"])
async def test_a_damaged_file_is_kept_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str) -> None:
    """One warning names it; a fresh one is begun, and the old is not lost."""
    path = tmp_path / DATABASE_FILE
    if damage == "no database":
        content = b"not a database, but long enough to look like one" * 100
    else:
        database = await Database.open(path, SCHEMA)
        for _ in range(500):
            await database.execute(ADD, ("words" * 20,))
        await database.close()
        content = path.read_bytes()
        content = content[:8192] + b"\xff" * 8192 + content[16_384:]
    path.write_bytes(content)
    database = await Database.open(path, SCHEMA)
    assert await database.fetch(ALL) == []
    await database.execute(ADD, ("one",))
    await database.close()
    (aside,) = files_in(tmp_path).keys() - {DATABASE_FILE}
    assert files_in(tmp_path)[aside] == content
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert f"{path} is damaged" in record.getMessage()
    assert aside in record.getMessage()


async def test_without_a_directory_to_write_to_it_works_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One warning names the file and the mend."""
    (tmp_path / "state").write_text("a file where the directory should be")
    path = tmp_path / "state" / DATABASE_FILE
    database = await Database.open(path, SCHEMA)
    assert database.path is None
    await database.execute(ADD, ("one",))
    assert await database.fetch(ALL) == [("one",)]
    await database.close()
    (record,) = caplog.records
    assert str(path) in record.getMessage()
    assert "STATE_DIR" in record.getMessage()


async def test_in_memory_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the terminal chat keeps ends with it."""
    monkeypatch.chdir(tmp_path)
    database = await Database.open(None, SCHEMA)
    await database.execute(ADD, ("one",))
    assert await database.fetch(ALL) == [("one",)]
    await database.close()
    assert files_in(tmp_path) == {}


async def test_forgotten_rows_leave_no_bytes(tmp_path: Path) -> None:
    """After scrubbing no file of the directory holds what was deleted."""
    database = await Database.open(tmp_path / DATABASE_FILE, SCHEMA)
    for i in range(300):
        await database.execute(ADD, (f"secret-{i}",))
    assert any(b"secret-" in content for content in files_in(tmp_path).values())
    assert await database.execute("DELETE FROM notes") == 300
    await database.scrub()
    assert not any(b"secret-" in content for content in files_in(tmp_path).values())
    await database.close()


async def test_two_processes_may_share_a_file(tmp_path: Path) -> None:
    """Writes of two connections wait for one another and are all kept."""
    path = tmp_path / DATABASE_FILE
    both = [await Database.open(path, SCHEMA) for _ in range(2)]
    await asyncio.gather(*(database.execute(ADD, (str(i),)) for i in range(50) for database in both))
    assert len(await both[0].fetch(ALL)) == 100
    for database in both:
        await database.close()


async def test_a_statement_that_fails_is_one_kind_of_error() -> None:
    """Whatever SQLite says, stores need to know one exception, also of a database that is closed."""
    database = await Database.open(None, SCHEMA)
    for work in (database.execute, database.fetch):
        with pytest.raises(DatabaseError, match="no such table"):
            await work("SELECT 1 FROM nowhere")
    await database.close()
    await database.close()
    with pytest.raises(DatabaseError):
        await database.execute(ADD, ("late",))
