"""The gateway of the local Discord: sessions of shards, heartbeats, resuming, and events in their order."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.e2e import discord_payloads as payloads
from tests.e2e import specs
from tests.e2e.discord_payloads import Json

PATH = "/gateway/"
RESUME_PATH = "/resume-elsewhere/"

AUTHENTICATION_FAILED, INVALID_SHARD, DISALLOWED_INTENTS = 4004, 4010, 4014

Shard = tuple[int, int]
"""Its number, and how many there are."""


@dataclass
class Session:
    """What one shard has opened, over any number of connections."""

    shard: Shard
    id: str
    events: list[Json] = field(default_factory=list)
    socket: web.WebSocketResponse | None = None


class Gateway:
    """One session a shard at a time.

    Parameters
    ----------
    accepts_token
        Says whether a token is good.
    ready
        Makes the events that open a session, given its id and its shard: READY and what follows.
    notify
        Called after each frame that arrives.
    violations
        Where to note what breaks Discord's description.

    Attributes
    ----------
    frames
        What the clients sent.
    n_identified, n_resumed, n_refused
        How often a session was opened, resumed, and refused for coming too soon after another.
    intents
        What the latest session asked for.
    refused_intents
        What no session gets.
    heartbeat_interval_s
        What clients are told.
    max_concurrency, identify_every_s
        How many shards may open a session within how long; 0 s is no limit.
    n_connected
        How many connections there were.
    n_to_turn_away
        How many of the next connections are broken off before a word is said.
    n_to_refuse
        How many of the next sessions are refused as if another process had been faster.
    is_mute
        Whether nothing is answered any more, though connections stand.
    """

    def __init__(
        self,
        *,
        accepts_token: Callable[[str], bool],
        ready: Callable[[str, Shard], list[tuple[str, Json]]],
        notify: Callable[[], Awaitable[None]],
        violations: list[str],
    ) -> None:
        self.frames: list[Json] = []
        self.n_identified = 0
        self.n_resumed = 0
        self.n_refused = 0
        self.intents = 0
        self.refused_intents = 0
        self.heartbeat_interval_s = 41.25
        self.max_concurrency = 1
        self.identify_every_s = 0.0
        self.n_connected = 0
        self.n_to_turn_away = 0
        self.n_to_refuse = 0
        self.is_mute = False
        self._accepts_token = accepts_token
        self._ready = ready
        self._notify = notify
        self._violations = violations
        self._sessions: dict[int, Session] = {}
        self._identified_at: dict[int, float] = {}
        self._last_event: tuple[str, Json] | None = None
        self._transports: dict[web.WebSocketResponse, asyncio.Transport] = {}

    @property
    def activities(self) -> list[Json]:
        """What the client wanted to stand under its name, one after the other."""
        return [activity for frame in self.frames if frame["op"] == 3 for activity in frame["d"]["activities"]]

    @property
    def is_live(self) -> bool:
        """Whether every session is connected, and there is one."""
        return bool(self._sessions) and all(session.socket is not None for session in self._sessions.values())

    @property
    def live_shards(self) -> list[Shard]:
        """The shards with a connected session, in their order."""
        return sorted(session.shard for session in self._sessions.values() if session.socket is not None)

    async def dispatch(self, event: str, data: Json) -> None:
        """Deliver an event to the shard that owns its server, or keep it for a client that resumes."""
        guild_id = data.get("guild_id") or (data["id"] if event.startswith("GUILD_") else None)
        for session in self._sessions.values():
            if session.shard[0] == owner_of(guild_id, session.shard[1]):
                self._last_event = (event, data)
                await self._deliver(session, event, data)

    async def _deliver(self, session: Session, event: str, data: Json) -> None:
        frame = {"op": 0, "t": event, "s": len(session.events) + 1, "d": data}
        session.events.append(frame)
        if session.socket is not None:
            await self._send(session.socket, frame)

    async def repeat_last_event(self) -> None:
        """Deliver the last event once more, as a resume that goes too far back does."""
        assert self._last_event is not None
        await self.dispatch(*self._last_event)

    async def drop(self, code: int, shard_id: int = 0) -> None:
        """Close a session's connection; the client may resume."""
        await self._take_socket(shard_id).close(code=code)

    async def drop_unanswered(self) -> None:
        """Close every connection that opened no session, and that nothing was said to; its client tries again."""
        live = {session.socket for session in self._sessions.values()}
        await asyncio.gather(*(socket.close(code=4000) for socket in list(self._transports) if socket not in live))

    def abort(self, shard_id: int = 0) -> None:
        """Break a session's connection off without a word."""
        self._transports[self._take_socket(shard_id)].abort()

    def _take_socket(self, shard_id: int) -> web.WebSocketResponse:
        session = self._sessions[shard_id]
        socket, session.socket = session.socket, None
        assert socket is not None
        return socket

    async def ask_to_reconnect(self, shard_id: int = 0) -> None:
        """Ask a client to connect again and resume."""
        await self._send(self._socket_of(shard_id), _control(7, None))

    async def invalidate(self, *, resumable: bool, shard_id: int = 0) -> None:
        """Tell a client that its session is invalid, for now or for good."""
        socket = self._socket_of(shard_id)
        if not resumable:
            self.forget_session(shard_id)
        await self._send(socket, _control(9, resumable))

    async def send_raw(self, text: str, shard_id: int = 0) -> None:
        """Send what may be no frame at all."""
        await self._socket_of(shard_id).send_str(text)

    def _socket_of(self, shard_id: int) -> web.WebSocketResponse:
        socket = self._sessions[shard_id].socket
        assert socket is not None
        return socket

    def forget_session(self, shard_id: int = 0) -> None:
        """Refuse to resume: the client has to identify anew."""
        self._sessions[shard_id].id = ""

    async def close(self) -> None:
        """Close every connection."""
        await asyncio.gather(*(socket.close() for socket in self._transports))

    async def connect(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one connection."""
        if request.path == RESUME_PATH:
            self._violations.append("the gateway's address was given, and is not kept to after a resume")
        assert isinstance(request.transport, asyncio.Transport)
        self.n_connected += 1
        await self._notify()
        socket = web.WebSocketResponse()
        if self.n_to_turn_away > 0:
            self.n_to_turn_away -= 1
            request.transport.abort()
            return socket
        await socket.prepare(request)
        self._transports[socket] = request.transport
        await self._send(socket, _control(10, {"heartbeat_interval": int(self.heartbeat_interval_s * 1000)}))
        try:
            async for received in socket:
                if received.type is WSMsgType.TEXT and not self.is_mute:
                    await self._receive(socket, json.loads(received.data))
        finally:
            del self._transports[socket]
            for session in self._sessions.values():
                if session.socket is socket:
                    session.socket = None
            await self._notify()
        return socket

    async def _send(self, socket: web.WebSocketResponse, frame: Json) -> None:
        self._violations += specs.gateway_sent(frame)
        await socket.send_str(json.dumps(frame))

    async def _receive(self, socket: web.WebSocketResponse, frame: Json) -> None:
        self.frames.append(frame)
        self._violations += specs.gateway_received(frame)
        if frame["op"] == 1:
            await self._send(socket, _control(11, None))
        elif frame["op"] in (2, 6) and not self._accepts_token(frame["d"]["token"]):
            await socket.close(code=AUTHENTICATION_FAILED, message=b"Authentication failed.")
        elif frame["op"] == 2 and frame["d"]["intents"] & self.refused_intents:
            await socket.close(code=DISALLOWED_INTENTS, message=b"Disallowed intent(s).")
        elif frame["op"] == 2:
            await self._identify(socket, frame["d"])
        elif frame["op"] == 6:
            await self._resume(socket, frame["d"])
        await self._notify()

    async def _identify(self, socket: web.WebSocketResponse, data: Json) -> None:
        shard_id, n_shards = data.get("shard", (0, 1))
        if not 0 <= shard_id < n_shards:
            await socket.close(code=INVALID_SHARD, message=b"Invalid shard.")
            return
        if self._is_too_soon(shard_id) or self.n_to_refuse > 0:
            self.n_to_refuse = max(self.n_to_refuse - 1, 0)
            self.n_refused += 1
            await self._send(socket, _control(9, False))
            return
        self.intents = data["intents"]
        session = Session((shard_id, n_shards), payloads.snowflake(), socket=socket)
        self._sessions[shard_id] = session
        self.n_identified += 1
        for event, opening in self._ready(session.id, session.shard):
            await self._deliver(session, event, opening)

    def _is_too_soon(self, shard_id: int) -> bool:
        now, queue = asyncio.get_running_loop().time(), shard_id % self.max_concurrency
        is_too_soon = now < self._identified_at.get(queue, now) + self.identify_every_s and queue in self._identified_at
        self._identified_at[queue] = now
        return is_too_soon

    async def _resume(self, socket: web.WebSocketResponse, data: Json) -> None:
        session = next((one for one in self._sessions.values() if one.id == data["session_id"]), None)
        if session is None:
            await self._send(socket, _control(9, False))
            return
        for frame in session.events[data["seq"] :]:
            await self._send(socket, frame)
        session.socket = socket
        self.n_resumed += 1
        await self._deliver(session, "RESUMED", {})


def owner_of(guild_id: str | None, n_shards: int) -> int:
    """Return which shard a server belongs to; direct conversations, which have none, are the first one's."""
    return 0 if guild_id is None else (int(guild_id) >> 22) % n_shards


def _control(op: int, data: Any) -> Json:
    return {"op": op, "d": data, "s": None, "t": None}
