"""The gateway of the local Discord: sessions, heartbeats, resuming, and events in their order."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import WSMsgType, web

from tests.e2e import discord_payloads as payloads
from tests.e2e import specs
from tests.e2e.discord_payloads import Json

PATH = "/gateway/"
RESUME_PATH = "/resume-elsewhere/"


class Gateway:
    """One session at a time, over any number of connections.

    Parameters
    ----------
    accepts_token
        Says whether a token is good.
    ready
        Makes the events that open a session, given its id: READY and what follows.
    notify
        Called after each frame that arrives.
    violations
        Where to note what breaks Discord's description.

    Attributes
    ----------
    frames
        What the client sent.
    n_identified, n_resumed
        How often a session was opened, and resumed.
    intents
        What the session asked for.
    """

    def __init__(
        self,
        *,
        accepts_token: Callable[[str], bool],
        ready: Callable[[str], list[tuple[str, Json]]],
        notify: Callable[[], Awaitable[None]],
        violations: list[str],
    ) -> None:
        self.frames: list[Json] = []
        self.n_identified = 0
        self.n_resumed = 0
        self.intents = 0
        self._accepts_token = accepts_token
        self._ready = ready
        self._notify = notify
        self._violations = violations
        self._session_id = ""
        self._events: list[Json] = []
        self._sockets: set[web.WebSocketResponse] = set()
        self._live: web.WebSocketResponse | None = None

    @property
    def is_live(self) -> bool:
        """Whether a session is connected."""
        return self._live is not None

    async def dispatch(self, event: str, data: Json) -> None:
        """Deliver an event, or keep it for a client that resumes."""
        frame = {"op": 0, "t": event, "s": len(self._events) + 1, "d": data}
        self._events.append(frame)
        if self._live is not None:
            await self._send(self._live, frame)

    async def repeat_last_event(self) -> None:
        """Deliver the last event once more, as a resume that goes too far back does."""
        await self.dispatch(self._events[-1]["t"], self._events[-1]["d"])

    async def drop(self, code: int) -> None:
        """Close the session's connection; the client may resume."""
        assert self._live is not None
        socket, self._live = self._live, None
        await socket.close(code=code)

    def forget_session(self) -> None:
        """Refuse to resume: the client has to identify anew."""
        self._session_id = ""

    async def close(self) -> None:
        """Close every connection."""
        await asyncio.gather(*(socket.close() for socket in self._sockets))

    async def connect(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one connection."""
        if request.path == RESUME_PATH:
            self._violations.append("the gateway's address was given, and is not kept to after a resume")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets.add(socket)
        await self._send(socket, _control(10, {"heartbeat_interval": 41_250}))
        try:
            async for received in socket:
                if received.type is WSMsgType.TEXT:
                    await self._receive(socket, json.loads(received.data))
        finally:
            self._sockets.discard(socket)
            if self._live is socket:
                self._live = None
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
            await socket.close(code=4004, message=b"Authentication failed.")
        elif frame["op"] == 2:
            await self._identify(socket, frame["d"]["intents"])
        elif frame["op"] == 6 and frame["d"]["session_id"] == self._session_id:
            await self._resume(socket, frame["d"]["seq"])
        elif frame["op"] == 6:
            await self._send(socket, _control(9, False))
        await self._notify()

    async def _identify(self, socket: web.WebSocketResponse, intents: int) -> None:
        self.intents = intents
        self._session_id = payloads.snowflake()
        self._events.clear()
        self._live = socket
        self.n_identified += 1
        for event, data in self._ready(self._session_id):
            await self.dispatch(event, data)

    async def _resume(self, socket: web.WebSocketResponse, n_received: int) -> None:
        for frame in self._events[n_received:]:
            await self._send(socket, frame)
        self._live = socket
        self.n_resumed += 1
        await self.dispatch("RESUMED", {})


def _control(op: int, data: Any) -> Json:
    return {"op": op, "d": data, "s": None, "t": None}
