"""Telegram by webhook: the real library, and a Bot API server that brings its updates over loopback."""

import asyncio
import json
import logging
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from adapters import telegram_webhook
from adapters.base import IncomingMessage, Progress, Reply
from adapters.errors import PlatformUnavailableError, TokenRefusedError
from adapters.telegram_adapter import TelegramAdapter
from adapters.telegram_webhook import SECRET_HEADER, Webhook, certificate_to_upload, secret_of
from tests.bots import BotOf
from tests.e2e.telegram_runs import COMMANDS, echo, make_adapter, running
from tests.e2e.telegram_server import WAIT_S, TelegramServer, person

Json = dict[str, Any]

ADA = person(1, "Ada")
PUBLIC = "https://parley.example/telegram/hook"
SECRET = "only-Telegram_knows"

openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates, and is absent")


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    async with TelegramServer() as server:
        yield server


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def behind_proxy(server: TelegramServer, **options: Any) -> TelegramAdapter:
    """An adapter to which a proxy in front of it passes on what Telegram brings."""
    port = free_port()
    server.backends.append(f"http://127.0.0.1:{port}/telegram/hook")
    given = {"webhook_url": PUBLIC, "webhook_secret": SECRET, "webhook_listen": f"127.0.0.1:{port}", **options}
    return make_adapter(server, **given)


async def call(
    server: TelegramServer, body: bytes, *, method: str = "POST", path: str = "", secret: str | None = SECRET
) -> int:
    """Call the webhook as anybody may; returns the status."""
    headers = {} if secret is None else {SECRET_HEADER: secret}
    url = server.backends[0] + path
    async with (
        ClientSession() as session,
        session.request(method, url, data=BytesIO(body), headers=headers) as response,
    ):
        return response.status


async def until_closed(server: TelegramServer) -> None:
    """Wait until the webhook takes no more connections."""
    port = int(server.backends[0].rpartition(":")[2].partition("/")[0])
    async with asyncio.timeout(WAIT_S):
        while True:
            with socket.socket() as probe, suppress(OSError):
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
                return
            await asyncio.sleep(0)


async def test_answers_what_is_brought(server: TelegramServer) -> None:
    """Nothing is polled; each update is taken once, and in its order."""
    async with running(server, adapter=behind_proxy(server)):
        for text in ("one", "two", "three"):
            await server.say(ADA, None, text)
        answers = [(await server.next_message())["text"] for _ in range(3)]
        await server.until_confirmed()
    assert answers == ["echo: one", "echo: two", "echo: three"]
    assert [status for _, status in server.brought] == [200] * 3
    assert server.calls_of("getUpdates") == []


async def test_is_taken_before_it_is_answered(server: TelegramServer) -> None:
    """Telegram does not wait for an answer, however long it takes."""
    go_on = asyncio.Event()

    async def slow(message: IncomingMessage, _: Progress) -> Reply:
        await go_on.wait()
        return Reply(message.text)

    async with running(server, adapter=behind_proxy(server, handler=slow)):
        await server.say(ADA, None, "hello")
        await server.until_confirmed()
        assert server.messages == []
        go_on.set()
        await server.next_message()


async def test_is_set_once_and_stays(server: TelegramServer) -> None:
    """It is set with all that it needs; after a restart it stands already, and what came meanwhile is answered."""
    async with running(server, adapter=behind_proxy(server)):
        pass
    assert server.webhook["url"] == PUBLIC
    await server.say(ADA, None, "meanwhile")
    server.backends.clear()
    async with running(server, adapter=behind_proxy(server)):
        assert (await server.next_message())["text"] == "echo: meanwhile"
    (setting,) = server.calls_of("setWebhook")
    assert setting.params["secret_token"] == SECRET
    assert "certificate" not in setting.params
    assert setting.params["drop_pending_updates"] == "false"
    kinds = ["callback_query", "edited_message", "inline_query", "message", "my_chat_member"]
    assert sorted(json.loads(setting.params["allowed_updates"])) == kinds
    assert server.calls_of("deleteWebhook") == []


@pytest.mark.parametrize("change", [{"webhook_url": PUBLIC + "/new"}, {"inline": False}])
async def test_is_set_again_when_it_differs(server: TelegramServer, change: Json) -> None:
    """Another address, or other kinds of updates."""
    async with running(server, adapter=behind_proxy(server)):
        pass
    async with running(server, adapter=behind_proxy(server, **change)):
        pass
    assert len(server.calls_of("setWebhook")) == 2


async def test_polling_removes_it(server: TelegramServer, caplog: pytest.LogCaptureFixture) -> None:
    """A webhook that is set stands in the way of polling: it goes, with a line, and nothing is lost."""
    async with running(server, adapter=behind_proxy(server, webhook_url="https://parley.example/secret-path")):
        pass
    await server.say(ADA, None, "meanwhile")
    async with running(server):
        assert (await server.next_message())["text"] == "echo: meanwhile"
    assert "a webhook at parley.example is set for this bot" in caplog.text
    assert "secret-path" not in caplog.text
    assert server.webhook == {}


async def test_refuses_whatever_is_not_telegrams(server: TelegramServer) -> None:
    """Only a POST on the path, with the secret and an update; the bot is undisturbed."""
    update = b'{"update_id": 1}'
    async with running(server, adapter=behind_proxy(server)):
        assert await call(server, update, path="/else") == 404
        assert await call(server, update, method="GET") == 405
        assert await call(server, update, method="PUT") == 405
        for secret in (None, "", "wrong", SECRET + "x", SECRET.lower()):
            assert await call(server, update, secret=secret) == 403
        for body in (b"", b"{", b"[]", b"\xff", b"{}", b'{"update_id": "1"}', b"[" * 100_000):
            assert await call(server, body) == 400
        assert await call(server, b" " * 2**20 + update) == 413
        assert await call(server, update) == 200
        await server.say(ADA, None, "hello")
        assert (await server.next_message())["text"] == "echo: hello"


async def test_an_update_that_cannot_be_read_blocks_nothing(
    server: TelegramServer, caplog: pytest.LogCaptureFixture
) -> None:
    """It is taken with a line in the log, for Telegram would bring it again for ever."""
    async with running(server, adapter=behind_proxy(server)):
        update_id = await server.send_update({"message": {"unheard": "of"}})
        await server.say(ADA, None, "hello")
        await server.next_message()
    assert f"update {update_id} cannot be read" in caplog.text
    assert server.brought[0] == (update_id, 200)
    server.violations.clear()  # of the update itself


async def test_what_is_brought_twice_is_answered_once(server: TelegramServer) -> None:
    """Telegram repeats what it believes was not taken, also after a restart."""
    bot = BotOf(echo, COMMANDS)
    async with running(server, adapter=behind_proxy(server, bot=bot)):
        said = await server.say(ADA, None, "hello")
        await server.next_message()
    ((update_id, _),) = server.brought
    server.backends.clear()
    async with running(server, adapter=behind_proxy(server, bot=bot)):
        await server.send_update({"update_id": update_id, "message": said})
        await server.say(ADA, None, "again")
        assert (await server.next_message())["text"] == "echo: again"
    assert len(server.messages) == 2


async def test_several_processes_share_a_webhook(server: TelegramServer) -> None:
    """Behind one address, with the secret that follows from the token, each update is answered by one of them."""
    bot = BotOf(echo, COMMANDS)
    first = behind_proxy(server, bot=bot, webhook_secret=None)
    second = behind_proxy(server, bot=bot, webhook_secret=None)
    async with running(server, adapter=first), running(server, adapter=second):
        for text in ("one", "two", "three", "four"):
            await server.say(ADA, None, text)
        answers = {(await server.next_message())["text"] for _ in range(4)}
    assert answers == {"echo: one", "echo: two", "echo: three", "echo: four"}
    (setting,) = server.calls_of("setWebhook")
    assert setting.params["secret_token"] == secret_of(server.token)
    assert server.token.partition(":")[2] not in setting.params["secret_token"]


async def test_a_changed_secret_is_told_once(server: TelegramServer, caplog: pytest.LogCaptureFixture) -> None:
    """Telegram does not say which secret it has: the first call with another one shows it."""
    async with running(server, adapter=behind_proxy(server)):
        pass
    server.backends.clear()
    async with running(server, adapter=behind_proxy(server, webhook_secret="another_one")):
        await server.say(ADA, None, "hello")
        assert (await server.next_message())["text"] == "echo: hello"
        assert await call(server, b"{}", secret="forged") == 403
        await server.until_confirmed()
    assert [one.params["secret_token"] for one in server.calls_of("setWebhook")] == [SECRET, "another_one"]
    assert caplog.text.count("called without its secret") == 1
    assert SECRET not in caplog.text


async def test_is_set_again_after_another_program_removed_it(
    server: TelegramServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bot looks after its webhook, and the admins read what is the matter."""
    monkeypatch.setattr(telegram_webhook, "CHECK_EVERY_S", 0.01)
    bot = BotOf(echo, COMMANDS)
    async with running(server, adapter=behind_proxy(server, bot=bot)):
        for n in (2, 3):
            await server._call("deleteWebhook", {})
            await server.wait_for("setWebhook", n)
        await server.say(ADA, None, "hello")
        await server.next_message()
    assert bot.reports == [("telegram", telegram_webhook.REMOVED)]


async def test_a_token_refused_later_ends_the_run(server: TelegramServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without polls the look after the webhook tells."""
    monkeypatch.setattr(telegram_webhook, "CHECK_EVERY_S", 0.01)
    run = asyncio.create_task(behind_proxy(server).run(asyncio.Event()))
    await server.wait_for("getWebhookInfo", 2)
    server.token = "123456:a-new-token"
    with pytest.raises(TokenRefusedError):
        await asyncio.wait_for(run, WAIT_S)


async def test_an_answer_that_cannot_be_sent_shows_a_refused_token(server: TelegramServer) -> None:
    """Nobody waits for the next look after the webhook, which is minutes away."""
    run = asyncio.create_task(behind_proxy(server).run(asyncio.Event()))
    await server.wait_for("getWebhookInfo", 1)
    await server.say(ADA, None, "hello")
    await server.next_message()
    server.token = "123456:a-new-token"
    await server.say(ADA, None, "and now?")
    with pytest.raises(TokenRefusedError):
        await asyncio.wait_for(run, WAIT_S)


async def test_one_refusal_is_looked_into(server: TelegramServer) -> None:
    """What one call is told of the token counts only if it is said again."""
    async with running(server, adapter=behind_proxy(server)):
        n_before = len(server.calls_of("getWebhookInfo"))
        server.fail_next("sendMessage", 401, description="Unauthorized")
        await server.say(ADA, None, "hello")
        await server.wait_for("getWebhookInfo", n_before + 1)
        await server.say(ADA, None, "still there?")
        assert (await server.next_message())["text"] == "echo: still there?"


async def test_an_outage_ends_nothing(
    server: TelegramServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """While Telegram does not answer the look after the webhook, two lines tell of it."""
    monkeypatch.setattr(telegram_webhook, "CHECK_EVERY_S", 0.01)
    caplog.set_level(logging.INFO, "adapters")
    async with running(server, adapter=behind_proxy(server)):
        n_before = len(server.calls_of("getWebhookInfo"))
        server.fail_next("getWebhookInfo", 502, times=3)
        await server.wait_for("getWebhookInfo", n_before + 6)
        await server.say(ADA, None, "hello")
        await server.next_message()
    assert [caplog.text.count(line) for line in ("Telegram is away", "Telegram is back")] == [1, 1]


@pytest.mark.parametrize("method", ["getWebhookInfo", "setWebhook"])
async def test_a_server_that_fails_at_start_is_unavailable(server: TelegramServer, method: str) -> None:
    """The run ends, its port is free again, and the next run connects."""
    server.fail_next(method, 502)
    adapter = behind_proxy(server)
    with pytest.raises(PlatformUnavailableError, match="Telegram cannot be reached"):
        await asyncio.wait_for(adapter.run(asyncio.Event()), WAIT_S)
    async with running(server, adapter=adapter):
        await server.say(ADA, None, "hello")
        await server.next_message()


async def test_a_busy_port_is_said(server: TelegramServer) -> None:
    """The address and its setting are named, and the next run may find it free."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        adapter = behind_proxy(server, webhook_listen=listen)
        with pytest.raises(PlatformUnavailableError, match=rf"{listen} \(TELEGRAM_WEBHOOK_LISTEN\): .*in use"):
            await asyncio.wait_for(adapter.run(asyncio.Event()), WAIT_S)
    assert server.calls_of("setWebhook") == []
    async with running(server, adapter=adapter):
        pass


@pytest.mark.parametrize("listen", ["nonsense", "127.0.0.1:https", "127.0.0.1:99999999"])
async def test_an_address_that_is_none_is_said(server: TelegramServer, listen: str) -> None:
    """A wrong setting ends the run with a sentence, not with a trace."""
    adapter = behind_proxy(server, webhook_listen=listen)
    with pytest.raises(PlatformUnavailableError, match="TELEGRAM_WEBHOOK_LISTEN"):
        await asyncio.wait_for(adapter.run(asyncio.Event()), WAIT_S)


async def test_an_address_that_telegram_refuses_is_said(server: TelegramServer) -> None:
    """Telegram's own words say what is the matter with it."""
    adapter = behind_proxy(server, webhook_url="http://parley.example/telegram/hook")
    with pytest.raises(PlatformUnavailableError, match=r"TELEGRAM_WEBHOOK_URL.*an https url must be provided"):
        await asyncio.wait_for(adapter.run(asyncio.Event()), WAIT_S)


async def test_finishes_a_reply_when_it_stops(server: TelegramServer) -> None:
    """What was taken is answered; what comes later waits at Telegram."""
    asked, stopped = asyncio.Event(), asyncio.Event()

    async def slow(message: IncomingMessage, _: Progress) -> Reply:
        asked.set()
        await stopped.wait()
        return Reply(message.text)

    stopping = asyncio.Event()
    run = asyncio.create_task(behind_proxy(server, handler=slow).run(stopping))
    await server.wait_for("setWebhook")
    await server.say(ADA, None, "hello")
    await asyncio.wait_for(asked.wait(), WAIT_S)
    stopping.set()
    await until_closed(server)
    later = await server.say(ADA, None, "later")
    await server.until(lambda: len(server.brought) > 1)
    stopped.set()
    await asyncio.wait_for(run, WAIT_S)
    assert [message["text"] for message in server.messages] == ["hello"]
    assert [waiting["message"] for waiting in server.updates] == [later]


# TLS without a proxy.


def make_certificate(directory: Path, *, signed_by: tuple[Path, Path] | None = None) -> tuple[Path, Path]:
    """Make a certificate for loopback, signed by itself or by another, and its key."""
    certificate, key = directory / "certificate.pem", directory / "key.pem"
    directory.mkdir()
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    command += ["-keyout", str(key), "-out", str(certificate)]
    if signed_by is not None:
        command += ["-CA", str(signed_by[0]), "-CAkey", str(signed_by[1])]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key


@openssl
async def test_speaks_tls_with_a_certificate_of_its_own(server: TelegramServer, tmp_path: Path) -> None:
    """Telegram is given the self-signed certificate at every start, and calls without a proxy between."""
    certificate, key = make_certificate(tmp_path / "own")
    listen = f"127.0.0.1:{free_port()}"
    options = {"webhook_cert": certificate, "webhook_key": key, "webhook_listen": listen}
    for n in (1, 2):
        async with running(server, adapter=make_adapter(server, webhook_url=f"https://{listen}/hook", **options)):
            await server.say(ADA, None, "hello")
            assert (await server.next_message())["text"] == "echo: hello"
        assert len(server.calls_of("setWebhook")) == n
    assert server.webhook_certificate == certificate.read_bytes()
    assert b"PRIVATE" not in server.webhook_certificate


@openssl
def test_only_what_telegram_cannot_trust_is_uploaded(tmp_path: Path) -> None:
    """A self-signed certificate, and one that a proxy uses; not one that somebody else has signed."""
    own = make_certificate(tmp_path / "own")
    signed = make_certificate(tmp_path / "signed", signed_by=own)

    def uploaded(certificate: Path | None, key: Path | None) -> bytes | None:
        return certificate_to_upload(Webhook("https://x/", "secret", "127.0.0.1:1", certificate, key))

    assert uploaded(*own) == own[0].read_bytes()
    assert uploaded(signed[0], None) == signed[0].read_bytes()
    assert uploaded(*signed) is None
    assert uploaded(None, None) is None


@openssl
async def test_files_that_do_not_fit_are_said(server: TelegramServer, tmp_path: Path) -> None:
    """The settings at fault are named, and the run may be tried again."""
    certificate, key = make_certificate(tmp_path / "one")
    _, other_key = make_certificate(tmp_path / "other")
    for files in (
        (certificate, other_key),
        (tmp_path / "absent", key),
        (key, certificate),
        (tmp_path / "absent", None),
    ):
        adapter = behind_proxy(server, webhook_cert=files[0], webhook_key=files[1])
        with pytest.raises(PlatformUnavailableError, match="TELEGRAM_WEBHOOK_CERT"):
            await asyncio.wait_for(adapter.run(asyncio.Event()), WAIT_S)
