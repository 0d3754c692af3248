"""What can happen to HTTP on its way: a proxy on loopback before a local server, with a fault for chosen requests.

It knows one request at a time on each connection and bodies of a stated length, as the platforms' libraries send.
"""

import asyncio
import re
import socket
import struct
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Self

HEAD_END = b"\r\n\r\n"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
RESET_AT_ONCE = struct.pack("ii", 1, 0)

JSON_CUT_OFF = b'{"ok": true, "result": {"message_id": 1'
PAGE = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


class Fault(Enum):
    """What happens to one request, and whether the server behind ever sees it."""

    UNREAD = "the connection is closed before the request goes anywhere"
    UNANSWERED = "the request is carried out, and the connection closed without an answer"
    RESET = "the request is carried out, and the connection torn down"
    HALF_CLOSED = "the request is carried out, and only the server's direction is closed"
    CUT = "the request is carried out, and half of the answer arrives"
    NO_JSON = "the request is carried out, and what arrives with status 200 is no JSON"
    PAGE_OK = "the request is carried out, and a page of HTML arrives with status 200"
    PAGE_502 = "the request is carried out, and a proxy's page arrives with status 502"
    PAGE_UNREAD = "a proxy answers with its page, and the request goes no further"
    NO_HTTP = "the request is carried out, and what arrives is no HTTP"
    LATE = "the request is carried out, and the answer waits for `Wire.release`"

    @property
    def is_carried_out(self) -> bool:
        return self not in {Fault.UNREAD, Fault.PAGE_UNREAD}


@dataclass
class _Planned:
    path: re.Pattern[str]
    fault: Fault
    times: int


class Wire:
    """The way to a server on a port of this machine: an asynchronous context manager.

    Attributes
    ----------
    port
        Where the way begins.
    met
        The faults that requests have met so far.
    """

    def __init__(self, to_port: int) -> None:
        self.port = 0
        self.met: list[Fault] = []
        self._to_port = to_port
        self._planned: list[_Planned] = []
        self._released = asyncio.Event()
        self._under_way: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def fail_next(self, path: str, fault: Fault, *, times: int = 1) -> None:
        """Let the next requests to a path, a regular expression for the end of it, meet a fault."""
        self._planned.append(_Planned(re.compile(path), fault, times))

    def release(self) -> None:
        """Let answers that are late arrive."""
        self._released.set()

    def _fault_of(self, head: bytes) -> Fault | None:
        path = head.split(b" ", 2)[1].decode().partition("?")[0]
        for planned in self._planned:
            if planned.times > 0 and planned.path.search(path):
                planned.times -= 1
                self.met.append(planned.fault)
                return planned.fault
        return None

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._under_way.add(task)
        try:
            while await self._carry_one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # either end may leave at any time
        finally:
            writer.close()
            self._under_way.discard(task)

    async def _carry_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Carry one request and its answer; say whether the connection stands after it."""
        request = await _message(reader)
        fault = self._fault_of(request)
        answer = b""
        if fault is None or fault.is_carried_out:
            answer = await self._answer_of(request, reader)
        if fault is Fault.LATE:
            await self._released.wait()
        stands = await _deliver(answer, fault, writer)
        if fault is Fault.HALF_CLOSED:
            await reader.read()  # until the other end closes too
        return stands

    async def _answer_of(self, request: bytes, client: asyncio.StreamReader) -> bytes:
        """Pass a request on; once the client has gone, so has its request."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._to_port)
        writer.write(request)
        answering = asyncio.create_task(_message(reader))
        leaving = asyncio.create_task(client.read(1))
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                raise ConnectionResetError("the client has gone")
            return await answering
        finally:
            for task in (answering, leaving):
                task.cancel()
            await asyncio.gather(answering, leaving, return_exceptions=True)
            writer.close()


async def _message(reader: asyncio.StreamReader) -> bytes:
    """Read a request or an answer, with its body."""
    head = await reader.readuntil(HEAD_END)
    length = LENGTH.search(head)
    return head + (await reader.readexactly(int(length[1])) if length else b"")


async def _deliver(answer: bytes, fault: Fault | None, writer: asyncio.StreamWriter) -> bool:
    """Send an answer, or what a fault makes of it; say whether the connection stands."""
    if fault is Fault.RESET:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_ONCE)
        return False
    if fault is Fault.HALF_CLOSED:
        writer.write_eof()
        return False
    spoilt = {
        Fault.UNREAD: b"",
        Fault.UNANSWERED: b"",
        Fault.CUT: answer[: answer.find(HEAD_END) + len(HEAD_END) + 10],
        Fault.NO_JSON: _whole("200 OK", "application/json", JSON_CUT_OFF),
        Fault.PAGE_OK: _whole("200 OK", "text/html", PAGE),
        Fault.PAGE_502: _whole("502 Bad Gateway", "text/html", PAGE),
        Fault.PAGE_UNREAD: _whole("502 Bad Gateway", "text/html", PAGE),
        Fault.NO_HTTP: b"\x00\xffgarbage\r\n\r\n",
    }
    writer.write(answer if fault in {None, Fault.LATE} else spoilt[fault])
    await writer.drain()
    return fault in {None, Fault.LATE, Fault.NO_JSON, Fault.PAGE_OK, Fault.PAGE_502, Fault.PAGE_UNREAD}


def _whole(status: str, kind: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
