"""What outlasts a restart: one SQLite file, worked on by a thread of its own. Every store brings its tables along."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import aiosqlite

logger = logging.getLogger(__name__)

DATABASE_FILE = "parley.sqlite3"
IN_MEMORY = ":memory:"
MODE = 0o600
"""Nobody but the bot's own account reads who voted and what was asked."""

BUSY_TIMEOUT_S = 5.0
"""How long a statement waits for another process that writes to the same file."""

SIDE_FILES = ("-wal", "-shm")
"""What SQLite keeps beside a file while it is open."""

PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA secure_delete = ON",  # what is forgotten is overwritten, not merely unlinked
)

Value = str | int | float | bytes | None
Parameters = Sequence[Value] | Mapping[str, Value]


class DatabaseError(Exception):
    """A statement could not be carried out; its text says why."""


class Database:
    """One open SQLite database. `open` makes it; each statement is a transaction of its own.

    Parameters
    ----------
    connection
        Open, with its tables.
    path
        The file; None in memory.
    """

    def __init__(self, connection: aiosqlite.Connection, path: Path | None) -> None:
        self._connection = connection
        self.path = path

    @classmethod
    async def open(cls, path: Path | None, schema: Sequence[str]) -> "Database":
        """Open a database, and make what is missing: its directory, the file, tables.

        A damaged file is moved aside and a fresh one begun; where no file can be written, everything is kept in memory.
        Either is said once, as a warning: the bot answers all the same.

        Parameters
        ----------
        path
            The file; None keeps everything in memory.
        schema
            ``CREATE TABLE IF NOT EXISTS`` and the like, of every store.
        """
        if path is None:
            return cls(await _connect(IN_MEMORY, schema), None)
        try:
            return cls(await _connect_to_file(path, schema), path)
        except (OSError, sqlite3.Error) as error:
            logger.warning(
                "%s cannot be used (%s): settings, votes and what else is kept there are lost when the bot stops. Make"
                " STATE_DIR a directory that it may write to.",
                path,
                error,
            )
            return cls(await _connect(IN_MEMORY, schema), None)

    async def execute(self, sql: str, parameters: Parameters = ()) -> int:
        """Carry out a statement that returns no rows, and return how many it changed.

        Raises
        ------
        DatabaseError
            It could not be carried out.
        """
        try:
            # its cursor is through with it: to close that would take a second way to the thread and back
            return (await self._connection.execute(sql, parameters)).rowcount
        except (sqlite3.Error, ValueError) as error:  # ValueError: it is closed
            raise DatabaseError(f"{self.path or 'the database'}: {error}") from error

    async def fetch(self, sql: str, parameters: Parameters = ()) -> list[tuple[Value, ...]]:
        """Return the rows of a query, or of a statement with ``RETURNING``.

        Raises
        ------
        DatabaseError
            It could not be carried out.
        """
        try:
            return [tuple(row) for row in await self._connection.execute_fetchall(sql, parameters)]
        except (sqlite3.Error, ValueError) as error:
            raise DatabaseError(f"{self.path or 'the database'}: {error}") from error

    async def scrub(self) -> None:
        """Leave no trace of deleted rows in the files: the log of writes still holds the pages as they were.

        Raises
        ------
        DatabaseError
            It could not be carried out.
        """
        await self.fetch("PRAGMA wal_checkpoint(TRUNCATE)")

    async def close(self) -> None:
        """Carry out what is waiting, and close; a second time does nothing."""
        await self._connection.close()


async def _connect_to_file(path: Path, schema: Sequence[str]) -> aiosqlite.Connection:
    """Return a connection to a sound file, if need be a fresh one."""
    await asyncio.to_thread(_make_private, path)
    try:
        return await _connect(str(path), schema)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode not in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            raise
        aside = await asyncio.to_thread(_move_aside, path)
        logger.warning(
            "%s is damaged (%s): a fresh one is begun. What it held about members is still in %s; delete that file when"
            " you need it no more.",
            path,
            error,
            aside.name,
        )
    await asyncio.to_thread(_make_private, path)
    return await _connect(str(path), schema)


def _make_private(path: Path) -> None:
    """Make a file before SQLite does, whose files anyone may read; those beside it get the same rights."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(MODE)
    path.chmod(MODE)


def _move_aside(path: Path) -> Path:
    aside = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%dT%H%M%S')}")
    for end in ("", *SIDE_FILES):
        beside = path.with_name(path.name + end)
        if beside.exists():
            beside.replace(aside.with_name(aside.name + end))
    return aside


async def _connect(place: str, schema: Sequence[str]) -> aiosqlite.Connection:
    """Return a connection to a database that has been checked and has its tables."""
    connection = await aiosqlite.connect(place, isolation_level=None, timeout=BUSY_TIMEOUT_S)
    try:
        for pragma in PRAGMAS:
            await connection.execute_fetchall(pragma)
        _check(await connection.execute_fetchall("PRAGMA quick_check(1)"))
        for statement in schema:
            await connection.execute_fetchall(statement)
    except BaseException:
        await connection.close()
        raise
    return connection


def _check(findings: Iterable[sqlite3.Row]) -> None:
    verdict = next(iter(findings))[0]
    if verdict != "ok":
        damage = sqlite3.DatabaseError(verdict)
        damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise damage
