"""The connection to Redis: commands, scripts, and what happens while it is away."""

import asyncio
import logging
import random
import re
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    ClusterDownError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from bot.database import DatabaseError

logger = logging.getLogger(__name__)

TIMEOUT_S = 2.0
"""How long a command may take; every answer waits for several."""

FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 5.0
"""Between two attempts to reach Redis again."""

PREFIX = "parley:"
"""What every key begins with."""

PERSON_SECRET_TTL_S = 400 * 86_400
"""How long the key lives by which people's ids are hashed; every start renews it, and it outlives every hash."""

UNUSABLE = (ClusterDownError, NoPermissionError, OutOfMemoryError, ReadOnlyError)
"""Of Redis's refusals, those with which it is as good as away: it would refuse the next command, too."""

_UNUSABLE_CODE = re.compile(r"(?:^|: -)(?:BUSY|MISCONF|NOREPLICAS|OOM|READONLY) ")
"""Likewise, where the client knows no class for it, and where Redis before 7 says it of a command in a script."""

Value = str | int | float


class SharedStateError(Exception):
    """Redis cannot be used at the start; its text is one sentence for the operator."""


class StateAwayError(DatabaseError):
    """Redis does not answer now, or refuses this one command."""


class RedisLink:
    """One Redis, by commands that fail at once while it is away, and an attempt to reach it again meanwhile.

    Nothing is tried twice by itself: a command whose answer is lost may have been carried out.

    Parameters
    ----------
    client
        Connects when it is first used.
    is_quiet
        Whether another link of the process says that Redis is away.
    """

    def __init__(self, client: Redis, *, is_quiet: bool = False) -> None:
        self._client = client
        self._is_quiet = is_quiet
        self._returning: asyncio.Task[None] | None = None
        self._on_return: list[Callable[[], Awaitable[None]]] = []
        self.process_id = secrets.token_hex(8)
        self.person_secret = b""

    @classmethod
    async def open(cls, url: str, *, is_quiet: bool = False) -> "RedisLink":
        """Return a link that has been tried.

        Parameters
        ----------
        url
            ``redis://``, ``rediss://`` or ``unix://``, with a password if need be.
        is_quiet
            Whether another link of the process says that Redis is away.

        Raises
        ------
        SharedStateError
            Redis is not there, or takes no commands.
        """
        try:
            client = client_of(url)
        except ValueError as error:
            raise SharedStateError(f"STATE_URL cannot be used: {error}") from error
        link = cls(client, is_quiet=is_quiet)
        try:
            await link._begin()
        except (RedisError, OSError) as error:
            await client.aclose()
            raise SharedStateError(
                f"The Redis that STATE_URL names, {place_of(url)}, cannot be used ({type(error).__name__}: {error}):"
                " start it, mend STATE_URL, or unset it to keep everything in this process."
            ) from error
        return link

    async def _begin(self) -> None:
        name = key("secret")
        await self._command("SET", name, secrets.token_hex(16), "NX", "EX", PERSON_SECRET_TTL_S)
        await self._command("EXPIRE", name, PERSON_SECRET_TTL_S)
        self.person_secret = str(await self._command("GET", name)).encode()

    @property
    def is_away(self) -> bool:
        """Whether Redis did not answer when it was last asked."""
        return self._returning is not None

    def on_return(self, call: Callable[[], Awaitable[None]]) -> None:
        """Have something done whenever Redis is there again."""
        self._on_return.append(call)

    async def do(self, *command: Value) -> Any:  # noqa: ANN401 - what it is depends on the command
        """Carry out a command and return Redis's answer.

        Raises
        ------
        StateAwayError
            Redis is away, or has just been found to be, or refuses the command.
        """
        if self.is_away:
            raise StateAwayError("Redis is away")
        try:
            return await self._command(*command)
        except (RedisError, OSError) as error:
            if isinstance(error, ResponseError) and not refuses_all(error):
                # what it says may repeat what people wrote
                logger.warning("Redis refuses a command, %s: %s", command[0], type(error).__name__)
                raise StateAwayError(f"Redis refuses {command[0]}") from error
            self._leave(error)
            raise StateAwayError(f"Redis is away: {type(error).__name__}") from error

    async def run(self, script: str, keys: list[str], *arguments: Value) -> Any:  # noqa: ANN401 - likewise
        """Run a Lua script, which Redis carries out as one step; see `do`."""
        return await self.do("EVAL", script, len(keys), *keys, *arguments)

    async def find(self, names: str) -> list[str]:
        """Return the keys of a pattern; see `do`."""
        found: set[str] = set()
        cursor = "0"
        while True:
            cursor, some = await self.do("SCAN", cursor, "MATCH", names, "COUNT", 1_000)
            found.update(some)
            if str(cursor) == "0":
                return sorted(found)

    async def close(self) -> None:
        """Try no more to reach it, and disconnect."""
        if self._returning is not None:
            self._returning.cancel()
            with suppress(asyncio.CancelledError):
                await self._returning
        with suppress(RedisError, OSError):
            await self._client.aclose()

    async def _command(self, *command: Value) -> Any:  # noqa: ANN401 - likewise
        task = asyncio.current_task()
        n_cancelled = task.cancelling() if task is not None else 0
        answer = await self._client.execute_command(*command)  # type: ignore[no-untyped-call]
        if task is not None and task.cancelling() > n_cancelled:
            # `asyncio.wait_for`, in which the client writes, loses a cancellation that comes as it ends (Python 3.11)
            raise asyncio.CancelledError
        return answer

    def _leave(self, error: Exception) -> None:
        if self._returning is not None:
            return
        logger.log(
            logging.DEBUG if self._is_quiet else logging.WARNING,
            "Redis is away (%s): this process answers from its own memory until it is back",
            type(error).__name__,
        )
        self._returning = asyncio.create_task(self._return(), name="reaching Redis again")

    async def _return(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - spreads attempts, guards nothing
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            try:
                await self._begin()
            except (RedisError, OSError) as error:
                logger.debug("Redis is still away: %s", type(error).__name__)
                continue
            self._returning = None
            logger.log(logging.DEBUG if self._is_quiet else logging.INFO, "Redis is back")
            break
        for call in self._on_return:
            try:
                await call()
            except StateAwayError:
                return  # it is tried again at the next return
            except DatabaseError as error:
                logger.warning("what was missed while Redis was away could not be caught up with: %s", error)


def refuses_all(error: ResponseError) -> bool:
    """Say whether Redis, which refused a command, would refuse any other one that writes, as where its disk is full."""
    return isinstance(error, UNUSABLE) or _UNUSABLE_CODE.search(str(error)) is not None


def client_of(url: str) -> Redis:
    """Return a client that connects when it is first used, and tries nothing twice.

    Raises
    ------
    ValueError
        The URL cannot be used; the text has no password.
    """
    client = Redis.from_url(
        url,
        decode_responses=True,
        protocol=2,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        client.connection_pool.make_connection()  # type: ignore[no-untyped-call]
    except TypeError:  # else the first command would raise it
        raise ValueError("what stands behind its ? is no option of such a connection") from None
    return client


def key(*parts: str) -> str:
    """Return a key; no part runs into another, and none has a meaning in a pattern."""
    return pattern(*parts)


def pattern(*parts: str | None) -> str:
    """Return a pattern of keys, in which None stands for any part."""
    return PREFIX + ":".join("*" if part is None else quote(part, safe="", errors="surrogatepass") for part in parts)


def place_of(url: str) -> str:
    """Return where a URL leads, without its user and password."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or 6379}" if parts.hostname else parts.path
