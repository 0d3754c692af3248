"""What the Redis of `STATE_URL` is like: whether it can be used, keeps what it is given, and agrees about the time.

It imports the Redis client, so only the doctor imports it, and only where `STATE_URL` is set.
"""

import contextlib
import re
import secrets
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.exceptions import (
    AskError,
    AuthenticationError,
    ClusterError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
)

from bot.findings import Finding, fatal, note, ok, warning
from bot.review.callers import is_loopback
from bot.shared.link import client_of, key, place_of

TOPIC = "STATE_URL"

LEAST_VERSION = (6, 2)
"""The oldest that the bot is written for."""

CLOCK_S = 2.0
"""By how much the clocks may differ: contexts and cooldowns count in seconds."""

PROBE_MS = 1_000
"""How long the key lives that is written to see whether that is allowed."""

LONGEST_REASON = 120
"""Characters of what the client or Redis says."""

POLICY = "volatile-ttl"
"""What would end first is given up first: conversations of minutes before votes and settings of months."""

SET_LIMIT = f"Set `maxmemory 64mb` and `maxmemory-policy {POLICY}` there."


async def examine_shared_state(url: str) -> AsyncIterator[Finding]:
    """Look at the Redis that several processes share; nothing of the bot's is read or changed there.

    Parameters
    ----------
    url
        As `STATE_URL` has it.
    """
    try:
        client = client_of(url)
    except ValueError as error:
        yield fatal(TOPIC, f"cannot be used: {error}", "Write it as redis://:password@host:6379/0.")
        return
    async with contextlib.aclosing(client):
        try:
            await client.set(key("doctor", secrets.token_hex(8)), 1, px=PROBE_MS)
            await client.execute_command("EVAL", "return 1", 0)  # type: ignore[no-untyped-call]
        except (RedisError, OSError) as error:
            yield explain(error, place_of(url))
            return
        yield ok(TOPIC, f"the Redis at {place_of(url)} answers, and can be written to")
        for finding in examine_access(url):
            yield finding
        try:
            ahead_s, facts = await _ahead_s(client), await client.info()
        except (RedisError, OSError) as error:
            yield note(TOPIC, f"its version, memory and clock are not told ({_reason(error)})", "Allow INFO and TIME.")
            return
    for finding in (*examine_server(facts), examine_clock(ahead_s)):
        yield finding


def explain(error: BaseException, place: str) -> Finding:
    """Return why a Redis cannot be used, and the mend."""
    if isinstance(error.__cause__, RedisError):  # the client wraps what goes wrong while it connects
        error = error.__cause__
    said = str(error)
    match error:
        case AuthenticationError() if "without any password" in said:
            text, mend = "has no password, but STATE_URL does", "Set `requirepass` there, or take it out of STATE_URL."
        case AuthenticationError() if "required" in said.casefold():
            text, mend = "wants a password", "Write it into STATE_URL, as redis://:password@host:6379/0."
        case AuthenticationError():
            text, mend = "refuses the password", "Write into STATE_URL what `requirepass` says there."
        case NoPermissionError():
            text = "does not let its user do what the bot needs"
            mend = "Let it: `ACL SETUSER NAME ~parley:* +@all`, with the name that STATE_URL has."
        case ReadOnlyError():
            text, mend = "is a replica, which takes no writes", "Name its primary in STATE_URL."
        case OutOfMemoryError():
            text, mend = "is full, and takes no writes", SET_LIMIT
        case AskError() | ClusterError():
            text, mend = "belongs to a cluster", "Name a server of its own in STATE_URL."
        case _ if said.startswith("DENIED"):
            text = "answers its own machine only, for it has no password"
            mend = "Set `requirepass` there, and write the password into STATE_URL."
        case _:
            text = f"cannot be used ({_reason(error)})"
            mend = "Start it, mend STATE_URL, or unset it to keep everything in one process."
    return fatal(TOPIC, f"the Redis at {place} {text}, so the bot does not start", mend)


def examine_access(url: str) -> Iterator[Finding]:
    """Look at whether strangers could read there what people write; only what answers no stranger needs no password."""
    parts = urlsplit(url)
    if parts.password is None and parts.hostname is not None and not is_loopback(parts.hostname):
        yield warning(
            TOPIC,
            "no password, so whoever reaches that Redis reads the last answers of everyone",
            "Set `requirepass` there, and write the password into STATE_URL.",
        )


def examine_server(facts: Mapping[str, Any]) -> Iterator[Finding]:
    """Look at what a Redis tells of itself.

    Parameters
    ----------
    facts
        The answer to INFO, by name.
    """
    version = str(facts.get("redis_version", "unknown"))
    if facts.get("redis_mode") == "cluster":
        yield fatal(TOPIC, "that Redis belongs to a cluster, which the bot cannot use", "Name a server of its own.")
    found = re.match(r"(\d+)\.(\d+)", version)
    if found is not None and (int(found[1]), int(found[2])) < LEAST_VERSION:
        least = ".".join(map(str, LEAST_VERSION))
        yield warning(TOPIC, f"Redis {version} is older than {least}", f"Install Redis {least} or a later one.")
    else:
        yield ok(TOPIC, f"Redis {version}")
    yield examine_memory(facts)


def examine_memory(facts: Mapping[str, Any]) -> Finding:
    """Look at what a Redis does once it is full."""
    most_bytes, policy = int(facts.get("maxmemory", 0)), str(facts.get("maxmemory_policy", "unknown"))
    if not most_bytes:
        return note(TOPIC, "that Redis may take all memory of its machine (`maxmemory` is 0)", SET_LIMIT)
    limit = f"{most_bytes / 2**20:,.0f} MB"
    if policy == "noeviction":
        return warning(
            TOPIC,
            f"with {limit} that Redis takes no more writes (`maxmemory-policy noeviction`), and each process is on its"
            " own",
            SET_LIMIT,
        )
    if policy != POLICY:
        return warning(
            TOPIC,
            f"with {limit} that Redis gives up settings and votes as readily as conversations (`maxmemory-policy"
            f" {policy}`)",
            SET_LIMIT,
        )
    n_evicted = int(facts.get("evicted_keys", 0))
    if n_evicted:
        return warning(
            TOPIC,
            f"{limit} are too little: that Redis has given up {n_evicted:,} entries since its start, conversations"
            " first",
            "Raise `maxmemory` there, or give the bot a Redis of its own.",
        )
    return ok(TOPIC, f"{limit}, then what ends first is given up first ({policy})")


def examine_clock(ahead_s: float) -> Finding:
    """Hold this machine's clock against that of the Redis; every process does, so all agree with each other.

    Parameters
    ----------
    ahead_s
        By how many seconds this machine's is ahead.
    """
    if abs(ahead_s) <= CLOCK_S:
        return ok("clock", "agrees with Redis's")
    direction = "ahead of" if ahead_s > 0 else "behind"
    return warning(
        "clock",
        f"{abs(ahead_s):,.0f} s {direction} Redis's, so conversations and cooldowns end at the wrong time elsewhere",
        "Switch on time synchronisation on both machines: `timedatectl set-ntp true`.",
    )


async def _ahead_s(client: Redis) -> float:
    """Return by how much this machine's clock is ahead, as it was half-way through the request."""
    asked_at = time.time()
    seconds, microseconds = await client.time()
    return (asked_at + time.time()) / 2 - (seconds + microseconds / 1_000_000)


def _reason(error: BaseException) -> str:
    return (str(error) or type(error).__name__)[:LONGEST_REASON]
