"""Endpoints that intents call: what is sent, what is refused, and answers of every kind, over real connections."""

import asyncio
import gzip
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import httpcore
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from bot.action_values import ActionError, Filler, result_placeholders
from bot.actions import ActionRunner
from bot.config import SECRET_VARIABLES
from bot.entities import SlotValue
from bot.http_action import MOST_BYTES, EndpointCaller, endpoint_faults
from bot.public_network import CheckedBackend, PrivateAddressError, is_public
from intents.catalog import Action, Fallback, Intent, IntentCatalog, Response

LOOPBACK = "127.0.0.1"
METADATA = "http://169.254.169.254/latest/meta-data/"
SLOTS = {
    "n": SlotValue("five", 5),
    "half": SlotValue("a half", 0.5),
    "day": SlotValue("tomorrow", "2026-03-01"),
    "evil": SlotValue("", "../a b?c=d&e#f%2F\r\nHost: x"),
    "dots": SlotValue("", ".."),
}
FILLER = Filler(SLOTS, {"display_name": "Ann"})

Handle = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass
class Endpoint:
    """A server on loopback that answers as a test says, and remembers what it was asked."""

    port: int = 0
    handle: Handle | None = None
    asked: list[web.BaseRequest] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append(request)
        self.bodies.append(await request.read())
        if self.handle is None:
            return web.json_response({"ok": True})
        return await self.handle(request)

    def url(self, path: str = "/", host: str = LOOPBACK) -> str:
        return f"http://{host}:{self.port}{path}"

    def answers(self, body: bytes | str, status: int = 200, **headers: str) -> None:
        """Answer always the same."""
        content = body.encode() if isinstance(body, str) else body

        async def handle(_: web.BaseRequest) -> web.Response:
            kinds = {"Content-Type": "application/json"} | {key.replace("_", "-"): to for key, to in headers.items()}
            return web.Response(body=content, status=status, headers=kinds)

        self.handle = handle


async def on_loopback(_: str, __: int) -> Sequence[str]:
    """Every host is this machine."""
    return [LOOPBACK]


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    endpoint = Endpoint()
    runner = web.ServerRunner(web.Server(endpoint.serve, handler_cancellation=True), shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, LOOPBACK, 0)
    await site.start()
    endpoint.port = runner.addresses[0][1]
    yield endpoint
    await runner.cleanup()


@pytest.fixture
async def caller() -> AsyncIterator[EndpointCaller]:
    caller = EndpointCaller({"KEY": "top-secret", "EMPTY": "", "BAD": "a\r\nb"}, on_loopback)
    yield caller
    await caller.aclose()


def action(url: str, *, allow_private: bool = True, **changes: Any) -> Action:
    return Action(url=url, allow_private=allow_private, **changes)


async def call(caller: EndpointCaller, url: str, **changes: Any) -> Any:
    return await caller.call(action(url, **changes), FILLER)


async def test_json_template_is_filled_and_sent(caller: EndpointCaller, endpoint: Endpoint) -> None:
    """Numbers stay numbers, a slot without value is null, and a secret goes into its header."""
    body = {"n": "{n}", "list": ["{half}", {"who": "{display_name}!"}], "none": "{missing}", "day": "{day}", "same": 1}
    await call(
        caller,
        endpoint.url("/vote"),
        method="post",
        body=body,
        headers={"Authorization": "Bearer {env:KEY}", "X-A": "b"},
    )
    [request] = endpoint.asked
    assert (request.method, request.path) == ("POST", "/vote")
    sent = json.loads(endpoint.bodies[0])
    assert sent == {"n": 5, "list": [0.5, {"who": "Ann!"}], "none": None, "day": "2026-03-01", "same": 1}
    assert request.headers["Authorization"] == "Bearer top-secret"
    assert request.headers["X-A"] == "b"
    assert request.headers["Content-Type"] == "application/json"


async def test_url_is_filled_with_encoded_values(caller: EndpointCaller, endpoint: Endpoint) -> None:
    """A value stays within its part of the path or the query."""
    await call(caller, endpoint.url("/days/{day}/{evil}/x?n={n}&evil={evil}&name={display_name}#{n}"))
    [request] = endpoint.asked
    evil = SLOTS["evil"].value
    path, _, query = request.raw_path.partition("?")
    parts = path.split("/")
    assert [unquote(part) for part in parts] == ["", "days", "2026-03-01", evil, "x"]
    assert dict(request.query) == {"n": "5", "evil": evil, "name": "Ann"}
    assert "\n" not in query


async def test_value_cannot_climb_the_path(caller: EndpointCaller, endpoint: Endpoint) -> None:
    """Not even one of dots alone."""
    with pytest.raises(ActionError, match="change the path"):
        await call(caller, endpoint.url("/public/{dots}/secret"))
    assert endpoint.asked == []


@given(st.text())
def test_any_value_can_be_in_a_url(value: str) -> None:
    """And leaves the host as it is."""
    from bot.http_action import _filled_url, _parsed

    if value in {".", ".."}:
        return
    filled = _filled_url("https://example.org/a/{x}?b={x}", Filler({"x": SlotValue("", value)}, {}))
    url = _parsed(filled)
    assert (url.host, url.params["b"]) == ("example.org", value.encode("utf-8", "replace").decode())


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        ('{"a": 1, "b": "x", "c": null, "d": true, "e": 2.0, "f": [1], "g": {}}', "application/json", None),
        ('"text"', "application/json; charset=utf-8", {"result": "text"}),
        ("3.5", "application/problem+json", {"result": "3.5"}),
        ("null", "application/json", {"result": ""}),
        ("", "application/json", {"result": ""}),
        ('\ufeff{"result": "all"}', "application/json", {"result": "all", "result.result": "all"}),
        ('"\\ud800"', "application/json", {"result": "?"}),
        (" plain\n", "text/plain", {"result": "plain"}),
        ("größe".encode("latin-1"), "text/plain; charset=latin-1", {"result": "größe"}),
        ("", "text/html", {"result": ""}),
    ],
)
async def test_answers_become_results(
    caller: EndpointCaller, endpoint: Endpoint, body: str | bytes, kind: str, expected: dict[str, str] | None
) -> None:
    """The scalars of an object by name, a text or a number as it is."""
    endpoint.answers(body, Content_Type=kind)
    named = {"result.a": "1", "result.b": "x", "result.c": "", "result.d": "true", "result.e": "2", "result": ""}
    assert result_placeholders(await call(caller, endpoint.url())) == (expected or named)


@pytest.mark.parametrize(
    ("body", "headers", "fault"),
    [
        ("{", {}, "damaged"),
        ("<html>", {}, "damaged"),
        (b"\xff\xfe\xfa", {}, "damaged"),
        ("NaN", {}, "damaged"),
        ("[" * 60_000, {}, "damaged"),
        ("9" * 6_000, {}, "damaged"),
        ("1", {"Content_Type": "text/plain; charset=no-such"}, "damaged"),
        ("[1]", {}, "is a list"),
        ("<p>hello</p>", {"Content_Type": "text/html"}, "neither JSON nor plain text"),
        (b"\x89PNG", {"Content_Type": "image/png"}, "damaged|neither"),
        ("x" * (MOST_BYTES + 1), {"Content_Type": "text/plain"}, "larger than"),
    ],
)
async def test_answer_that_cannot_be_used_is_an_error(
    caller: EndpointCaller, endpoint: Endpoint, body: str | bytes, headers: dict[str, str], fault: str
) -> None:
    """Garbage, of the wrong kind, or too large."""
    endpoint.answers(body, **headers)
    with pytest.raises(ActionError, match=fault):
        await call(caller, endpoint.url())


async def test_compressed_answer_is_never_unpacked(caller: EndpointCaller, endpoint: Endpoint) -> None:
    """A few kilobytes could become gigabytes; none is asked for."""
    endpoint.answers(gzip.compress(b"0" * 10_000_000), Content_Encoding="gzip")
    with pytest.raises(ActionError, match="compresses"):
        await call(caller, endpoint.url())
    assert endpoint.asked[0].headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("status", [300, 304, 400, 404, 429, 500, 503])
async def test_status_of_failure_is_an_error(caller: EndpointCaller, endpoint: Endpoint, status: int) -> None:
    """Whatever the answer holds."""
    endpoint.answers('{"a": 1}' if status != 304 else "", status)
    with pytest.raises(ActionError, match=f"status {status}"):
        await call(caller, endpoint.url())


async def test_endless_answer_is_cut_off(caller: EndpointCaller, endpoint: Endpoint) -> None:
    """As soon as it is too large."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 10_000)
        except ConnectionError:
            return response

    endpoint.handle = handle
    with pytest.raises(ActionError, match="larger than"):
        await call(caller, endpoint.url())


@pytest.mark.parametrize("drips", [False, True])
async def test_endpoint_that_never_answers_is_given_up(
    caller: EndpointCaller, endpoint: Endpoint, *, drips: bool
) -> None:
    """The limit is for the whole, so that a byte now and then does not help."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        if drips:
            await response.prepare(request)
        while True:
            await asyncio.sleep(0.01)
            if drips:
                await response.write(b"x")

    endpoint.handle = handle
    with pytest.raises(ActionError, match="no answer within"):
        await call(caller, endpoint.url(), timeout_s=0.15)


RAW_ANSWERS: Mapping[str, bytes] = {
    "nothing": b"",
    "garbage": b"\x00\x01 no HTTP at all\r\n\r\n",
    "half a header": b"HTTP/1.1 200 OK\r\nContent-Ty",
    "half a body": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nContent-Type: text/plain\r\n\r\nhalf",
    "bad chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "endless header": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000,
    "bad length": b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
    "bad location": b"HTTP/1.1 302 Found\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n",
    "other scheme": b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
    "with a user": b"HTTP/1.1 302 Found\r\nLocation: http://a:b@127.0.0.1/\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("name", RAW_ANSWERS)
async def test_broken_conversation_is_an_error(caller: EndpointCaller, name: str) -> None:
    """Connections that close early, and what is no HTTP."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(RAW_ANSWERS[name])
        writer.close()

    server = await asyncio.start_server(serve, LOOPBACK, 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ActionError, match=r"gives no answer|cannot be called"):
            await call(caller, f"http://{LOOPBACK}:{port}/")


async def test_endpoint_that_closes_its_half_is_still_read(caller: EndpointCaller) -> None:
    """An answer that ends with the connection is one."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nwhole")
        writer.write_eof()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, LOOPBACK, 0)
    async with server:
        assert await call(caller, f"http://{LOOPBACK}:{server.sockets[0].getsockname()[1]}/") == "whole"


async def test_nobody_listening_is_an_error(caller: EndpointCaller) -> None:
    """At once."""
    with socket.socket() as unused:
        unused.bind((LOOPBACK, 0))
        port = unused.getsockname()[1]
    with pytest.raises(ActionError, match="ConnectError"):
        await call(caller, f"http://{LOOPBACK}:{port}/")


async def redirect_to(endpoint: Endpoint, location: str, status: int = 302) -> None:
    async def handle(request: web.BaseRequest) -> web.Response:
        if request.path == "/":
            return web.Response(status=status, headers={"Location": location})
        return web.json_response({"arrived": request.path})

    endpoint.handle = handle


@pytest.mark.parametrize(("status", "method"), [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")])
async def test_redirect_is_followed(caller: EndpointCaller, endpoint: Endpoint, status: int, method: str) -> None:
    """On the same host with its headers; the body only where the method stays."""
    await redirect_to(endpoint, "/there", status)
    result = await call(caller, endpoint.url(), method="POST", body={"a": "{n}"}, headers={"X-Key": "{env:KEY}"})
    assert result == {"arrived": "/there"}
    assert [request.method for request in endpoint.asked] == ["POST", method]
    assert [request.headers.get("X-Key") for request in endpoint.asked] == ["top-secret"] * 2
    assert endpoint.bodies[1] == (endpoint.bodies[0] if method == "POST" else b"")


async def test_secrets_stay_with_their_host(caller: EndpointCaller, endpoint: Endpoint) -> None:
    """A redirect to another gets none of the configured headers."""
    await redirect_to(endpoint, endpoint.url("/there", "elsewhere.example"))
    await call(caller, endpoint.url("/", "here.example"), headers={"X-Key": "{env:KEY}", "Authorization": "{env:KEY}"})
    first, second = endpoint.asked
    assert first.headers["X-Key"] == "top-secret"
    assert second.host.startswith("elsewhere.example")
    assert "top-secret" not in str(second.headers)


async def test_redirects_end(caller: EndpointCaller, endpoint: Endpoint) -> None:
    """Three are followed, a fourth is not."""
    await redirect_to(endpoint, "/")
    with pytest.raises(ActionError, match="more than 3 times"):
        await call(caller, endpoint.url())
    assert len(endpoint.asked) == 4


async def test_cookies_are_not_kept(caller: EndpointCaller, endpoint: Endpoint) -> None:
    """One member's are no other's."""
    endpoint.answers("{}", Set_Cookie="member=ann; Path=/")
    for _ in range(2):
        await call(caller, endpoint.url())
    assert all("Cookie" not in request.headers for request in endpoint.asked)


async def test_proxies_of_the_environment_are_not_used(
    caller: EndpointCaller, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would look names up on their own."""
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert await call(caller, endpoint.url()) == {"ok": True}


class Public:
    """Names that are on the public internet, and whose connections come to this machine all the same.

    A name in `private` has the private address given for it.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, port: int, private: Mapping[str, str]) -> None:
        self.connected: list[str] = []
        self.resolved: list[str] = []
        self._private = private
        connect = httpcore.AnyIOBackend.connect_tcp

        async def to_this_machine(backend: Any, host: str, *_: Any, **__: Any) -> Any:
            self.connected.append(host)
            return await connect(backend, LOOPBACK, port)

        monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", to_this_machine)

    async def resolve(self, host: str, _: int) -> Sequence[str]:
        self.resolved.append(host)
        return [self._private.get(host, "93.184.216.34")]


@pytest.mark.parametrize(
    "location", [METADATA, "http://127.0.0.1/", "http://[::1]/", "http://inside.example/", "//localhost/", "http://0/"]
)
async def test_redirect_to_a_private_address_is_refused(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, location: str
) -> None:
    """Each hop is checked anew, and nothing connects to it."""
    private = {
        "169.254.169.254": "169.254.169.254",
        "127.0.0.1": LOOPBACK,
        "::1": "::1",
        "inside.example": "10.0.0.1",
        "localhost": LOOPBACK,
        "0": "0.0.0.0",
    }
    public = Public(monkeypatch, endpoint.port, private)
    caller = EndpointCaller({}, public.resolve)
    await redirect_to(endpoint, location)
    with pytest.raises(PrivateAddressError):
        await call(caller, "http://outside.example/", allow_private=False)
    assert public.connected == ["93.184.216.34"]
    await redirect_to(endpoint, "http://outside.example/there")
    assert await call(caller, "http://outside.example/", allow_private=False) == {"arrived": "/there"}
    await caller.aclose()


async def test_name_is_looked_up_once_for_a_connection(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address that was checked is the one that is connected to: a second answer comes too late."""
    answers = iter([["93.184.216.34"], [LOOPBACK]])
    public = Public(monkeypatch, endpoint.port, {})

    async def rebinding(_: str, __: int) -> Sequence[str]:
        return next(answers)

    caller = EndpointCaller({}, rebinding)
    assert await call(caller, "http://rebinds.example/", allow_private=False) == {"ok": True}
    assert endpoint.asked[0].headers["Host"] == "rebinds.example"
    with pytest.raises(PrivateAddressError):
        await call(caller, "http://rebinds.example/", allow_private=False)
    assert public.connected == ["93.184.216.34"]
    await caller.aclose()


async def test_connection_that_may_be_private_serves_no_other_action(
    caller: EndpointCaller, endpoint: Endpoint
) -> None:
    """What one action is allowed, another does not inherit."""
    assert await call(caller, endpoint.url()) == {"ok": True}
    with pytest.raises(PrivateAddressError, match="allow_private: true"):
        await call(caller, endpoint.url(), allow_private=False)
    assert len(endpoint.asked) == 1


async def test_one_private_address_among_public_ones_is_enough() -> None:
    """No name server chooses for us."""

    async def mixed(_: str, __: int) -> Sequence[str]:
        return ["93.184.216.34", "10.0.0.1"]

    with pytest.raises(PrivateAddressError):
        await CheckedBackend(mixed, allow_private=False).connect_tcp("mixed.example", 80)


async def test_next_address_is_tried(endpoint: Endpoint) -> None:
    """Where the first does not answer."""

    async def several(_: str, __: int) -> Sequence[str]:
        return ["127.0.0.2", LOOPBACK]

    stream = await CheckedBackend(several, allow_private=True).connect_tcp("x.example", endpoint.port, timeout=2)
    await stream.aclose()


async def test_host_without_address_is_an_error() -> None:
    """Whatever the name server's fault."""

    async def failing(_: str, __: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    async def empty(_: str, __: int) -> Sequence[str]:
        return []

    for resolve in (failing, empty):
        caller = EndpointCaller({}, resolve)
        with pytest.raises(ActionError, match="ConnectError"):
            await call(caller, "http://nowhere.example/")
        await caller.aclose()


@pytest.mark.parametrize(
    "address",
    [
        "93.184.216.34",
        "8.8.8.8",
        "2606:2800:220:1::1",
        "::ffff:93.184.216.34",
        "2002:5db8:d822::1",  # 6to4 of 93.184.216.34
        "64:ff9b::5db8:d822",
    ],
)
def test_public_addresses_may_be_called(address: str) -> None:
    """In every form."""
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.255.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
        *("0.0.0.0", "0.1.2.3", "192.0.0.1", "198.18.0.1", "203.0.113.4", "224.0.0.1", "239.1.1.1", "240.0.0.1"),
        *("255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "2606:2800::1%1", "fc00::1", "fd00::1", "fec0::1"),
        *("ff02::1", "ff0e::1", "2001:db8::1", "3fff::1", "100::1", "5f00::1", "2001:0:1::1", "4000::1"),
        *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "2002:7f00:1::", "2002:a00:1::1"),
        *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808", "localhost", "", "1"),
    ],
)
def test_other_addresses_may_not_be_called(address: str) -> None:
    """Private, loopback, link-local, multicast, reserved, unspecified, and whatever carries one of those."""
    assert not is_public(address)


@pytest.mark.parametrize(
    ("one", "fault"),
    [
        (Action(url="ftp://example.org/"), "https://"),
        (Action(url="example.org"), "https://"),
        (Action(url="{display_name}://example.org/"), "https://"),
        (Action(url="https:///path"), "https://"),
        (Action(url="https://{host}/"), "placeholder in its host"),
        (Action(url="https://example.{tld}:{port}/"), "placeholder in its host"),
        (Action(url="https://a:b@example.org/"), "user or password"),
        (Action(url="https://example.org\\@10.0.0.1/"), "https://"),
        (Action(url="https://example.org:99999/"), "no host that can be called"),
        (Action(url="https://[::1/"), "cannot be read"),
        (Action(url="https://192.168.1.1/"), "allow_private: true"),
        (Action(url="http://[::1]:80/"), "allow_private: true"),
        (Action(url="http://127.1/"), "allow_private: true"),
        (Action(url="http://localhost:8080/"), "allow_private: true"),
        (Action(url="https://example.org/?key={env:KEY}"), "secrets go into headers"),
        (Action(url="https://example.org/", body=["{env:KEY}"]), "secrets go into headers"),
        (Action(url="https://example.org/", method="BREW"), "method BREW is not known"),
        (Action(url="https://example.org/", body={"a": {1, 2}}), "written as JSON"),
        (Action(url="https://example.org/", body=float("nan")), "written as JSON"),
        (Action(url="https://example.org/", headers={"X": "{env:NOT_SET}"}), "NOT_SET, which is not set"),
        (Action(url="https://example.org/", headers={"X": "{env:EMPTY}"}), "EMPTY, which is not set"),
        (Action(url="https://example.org/", headers={"X": "{day}"}), "placeholder day"),
        (Action(url="https://example.org/", headers={"X": "a\nb"}), "printable ASCII"),
        (Action(url="https://example.org/", headers={"X": "{env:BAD}"}), "printable ASCII"),
        (Action(url="https://example.org/", headers={"Host": "inside"}), "header Host cannot be set"),
        (Action(url="https://example.org/", headers={"a b": "c"}), "header a b cannot be set"),
    ],
)
async def test_endpoint_that_cannot_work_is_a_finding(one: Action, fault: str) -> None:
    """It says how to mend it, nothing is looked up for it, and no secret is in it."""
    environment = {"KEY": "top-secret", "EMPTY": "", "BAD": "top-\nsecret"}
    [found] = endpoint_faults(one, environment)
    assert fault in found
    assert "top-secret" not in found


@pytest.mark.parametrize("variable", SECRET_VARIABLES)
def test_no_endpoint_is_sent_the_bots_own_secrets(variable: str) -> None:
    """None of them."""
    one = Action(url="https://example.org/", headers={"X": f"{{env:{variable}}}"})
    [found] = endpoint_faults(one, {variable: "top-secret"})
    assert f"asks for {variable}, which is the bot's own secret" in found


def test_sound_endpoint_has_no_fault() -> None:
    """Placeholders in the path and the query, secrets in headers, and a private address where it is allowed."""
    one = Action(
        url="https://example.org/{a}?b={b}", method="POST", body={"c": "{c}"}, headers={"X-Key": "k {env:KEY}"}
    )
    assert endpoint_faults(one, {"KEY": "x"}) == []
    assert endpoint_faults(Action(url="http://10.0.0.1:8080/", allow_private=True), {}) == []


async def test_runner_calls_endpoints(endpoint: Endpoint, caplog: pytest.LogCaptureFixture) -> None:
    """It checks them, gives their results, and logs failures without what members said or what the address holds."""
    runner = ActionRunner([], environment={"KEY": "top-secret"})
    one = action(endpoint.url("/x?key=hidden&day={day}"), headers={"X-Key": "{env:KEY}"}, timeout_s=2)
    intents = (Intent("a", ("a",), (Response("b"),), action=one),)
    assert runner.check(IntentCatalog(intents, Fallback(()))) == ()
    endpoint.answers('{"count": 3}')
    assert await runner.run(one, SLOTS, {"intent": "a"}) == {"result": "", "result.count": "3"}
    endpoint.answers("no", 500)
    with pytest.raises(ActionError):
        await runner.run(one, SLOTS, {"intent": "a"})
    [record] = [record for record in caplog.records if record.name == "bot.actions"]
    assert record.getMessage() == f"intent a: the action GET {LOOPBACK} failed: the endpoint answers with status 500"
    assert not any(text in record.getMessage() for text in ("hidden", "2026", "top-secret"))
    await runner.aclose()
