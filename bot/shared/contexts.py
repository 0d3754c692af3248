"""Contexts that several processes share: whichever gets a person's message carries their conversation on."""

import logging
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import unquote

from bot.context import ContextStore, Key, UserState, moved_id
from bot.shared.line import Line, line_key
from bot.shared.link import RedisLink, StateAwayError, pattern
from bot.shared.link import key as key_of
from bot.shared.state_json import from_json, to_json

logger = logging.getLogger(__name__)

_PUT = """
local head = redis.call('LINDEX', KEYS[2], 0) or ''
if ARGV[3] ~= '' and string.match(head, '^%w+') ~= string.match(ARGV[3], '^%w+') then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""

_MOVE = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('RENAME', KEYS[1], KEYS[2])
return 1
"""


class SharedContexts:
    """States in Redis; in memory what is put while Redis is away, until it is back.

    Parameters
    ----------
    link
        To the Redis that all processes share.
    line
        Orders a person's messages.
    capacity
        States kept in memory while Redis is away.
    ttl_s
        Seconds that a context lives.
    clock
        Returns seconds since the epoch, which mean the same in every process.
    """

    def __init__(
        self, link: RedisLink, line: Line, *, capacity: int, ttl_s: float, clock: Callable[[], float] = time.time
    ) -> None:
        self.ttl_s = ttl_s
        self.clock = clock
        self._link = link
        self._line = line
        self._local = ContextStore(capacity=capacity, ttl_s=ttl_s, clock=clock)
        self._arrived: dict[Key, deque[tuple[str, str]]] = {}
        self._held: dict[Key, str] = {}
        link.on_return(self._hand_over)

    def __len__(self) -> int:
        return len(self._local)

    async def arrived(self, key: Key, message_id: str) -> None:
        """Put a message in its person's line, before the next one can arrive anywhere."""
        ticket = await self._line.enter(key)
        if ticket is not None:
            self._arrived.setdefault(key, deque()).append((message_id, ticket))

    async def settled(self, key: Key, message_id: str) -> None:
        """Let the message behind go on."""
        tickets = self._arrived.get(key, deque())
        for one in [one for one in tickets if one[0] == message_id][:1]:
            tickets.remove(one)
            if not tickets:
                del self._arrived[key]
            await self._line.leave(key, one[1])

    @asynccontextmanager
    async def locked(self, key: Key) -> AsyncIterator[None]:
        """Hold the key's lock: in the order of arrival, where a message's was told, else of asking."""
        async with self._local.locked(key):
            arrived = self._arrived.get(key)
            ticket = arrived[0][1] if arrived else await self._line.enter(key)
            try:
                if ticket is not None:
                    await self._line.wait(key, ticket)
                    self._held[key] = ticket
                yield
            finally:
                self._held.pop(key, None)
                if ticket is not None and not arrived:
                    await self._line.leave(key, ticket)

    async def get(self, key: Key) -> UserState:
        """Return what is remembered and still holds; an empty state if nothing is."""
        if self._local.has(key):
            return await self._local.get(key)
        try:
            text = await self._link.do("GET", _name(key))
        except StateAwayError:
            return await self._local.get(key)
        try:
            state, ends_at = (UserState(), 0.0) if text is None else from_json(text)
        except ValueError:
            logger.warning("a conversation begins anew: what was remembered of it is of another version")
            return UserState()
        now = self.clock()
        return state.at(now) if ends_at > now else UserState()

    async def put(self, key: Key, state: UserState) -> None:
        """Remember a state, unless its message took so long that another has taken its turn."""
        ends_at = max(self.clock() + self.ttl_s, state.expires_at)
        ttl_ms = max(1, math.ceil(1_000 * (ends_at - self.clock())))
        try:
            is_kept = await self._link.run(
                _PUT, [_name(key), line_key(key)], to_json(state, ends_at), ttl_ms, self._held.get(key, "")
            )
        except StateAwayError:
            await self._local.put(key, state)
            return
        await self._local.forget(key)
        if not is_kept:
            logger.warning("an answer took so long that the next message did not wait: it is not remembered")

    async def forget(self, key: Key) -> None:
        """Forget a key.

        Raises
        ------
        StateAwayError
            It is forgotten here only.
        """
        await self._local.forget(key)
        await self._link.do("DEL", _name(key))

    def drop_expired(self) -> None:
        """Keep nothing in memory that holds no longer; Redis does so by itself."""
        self._local.drop_expired()

    async def forget_person(self, platform: str, user_id: str) -> None:
        """Forget a person in all conversations, after the answers that are under way in any process.

        Raises
        ------
        StateAwayError
            They are forgotten here only.
        """
        await self._local.forget_person(platform, user_id)
        patterns = [pattern(kind, platform, None, user_id) for kind in ("context", "line")]
        names = [name for one in patterns for name in await self._link.find(one)]
        for one in sorted({_key_of(name) for name in names}):
            async with self.locked(one):
                await self.forget(one)

    async def people(self) -> set[tuple[str, str]]:
        """Return of whom anything is kept in memory, by platform and id."""
        return await self._local.people()

    async def move(self, platform: str, old_id: str, new_id: str) -> None:
        """Take everyone's state in a group, and in its topics, along to its new id."""
        await self._local.move(platform, old_id, new_id)
        for name in await self._link.find(pattern("context", platform, None, None)):
            _, conversation, user_id = _key_of(name)
            moved = moved_id(conversation, old_id, new_id)
            if moved != conversation:
                # it may have ended since it was found
                await self._link.run(_MOVE, [name, _name((platform, moved, user_id))])

    async def _hand_over(self) -> None:
        """Give Redis what was put while it was away."""
        for one in self._local.known():
            async with self.locked(one):
                if self._local.has(one):
                    await self.put(one, await self._local.get(one))


def _name(one: Key) -> str:
    return key_of("context", *one)


def _key_of(name: str) -> Key:
    _, _, platform, conversation, user_id = (unquote(part, errors="surrogatepass") for part in name.split(":"))
    return (platform, conversation, user_id)
