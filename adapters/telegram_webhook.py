"""Telegram by webhook: the web server that Telegram calls, and what Telegram is told of it.

Imports aiohttp, python-telegram-bot and this package, nothing else of Parley.
"""

import asyncio
import hashlib
import hmac
import json
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from telegram import WebhookInfo
from telegram.error import BadRequest, InvalidToken, TelegramError
from yarl import URL

from adapters.errors import PlatformUnavailableError
from adapters.telegram_polling import PollingBot, Watch, reason

logger = logging.getLogger(__name__)

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the header's name

BODY_LIMIT = 2**20
"""Bytes. The longest update holds a message of 4096 characters and the one that it replies to."""

CLOSING_S = 1.0
"""How long a request in flight may hold up the end; it is answered as soon as its update is queued."""

CHECK_EVERY_S = 300.0
"""How often Telegram is asked whether the webhook still stands, and the token still holds; at once when in doubt."""

SELF_SIGNED = 18
"""OpenSSL's X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT."""

REMOVED = (
    "another program has removed or changed this bot's webhook, which is set again now: let only one program use "
    "TELEGRAM_TOKEN, or have @BotFather make a new one"
)

Take = Callable[[dict[str, Any]], Awaitable[None]]
"""Queues an update, given as its JSON."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where Telegram brings its updates.

    Parameters
    ----------
    url
        The address that Telegram calls; behind it stands this process, or a proxy that passes on to it.
    secret
        What every call bears, so that nobody else can make one. All processes behind one address need the same.
    listen
        Host and port to listen on.
    certificate, key
        Paths. With both, TLS is spoken here, else a proxy does it. Telegram is given the certificate when it could not
        trust it otherwise: one that is self-signed, and one without a key, for why else would it be named.
    """

    url: str
    secret: str = field(repr=False)
    listen: str
    certificate: Path | None = None
    key: Path | None = None


def secret_of(token: str) -> str:
    """Return a secret for a bot whose operator has chosen none.

    It follows from the token, so that every process behind the address has the same, also after a restart; and the
    token does not follow from it.
    """
    return hmac.new(token.encode(), b"secret of the webhook", hashlib.sha256).hexdigest()


@asynccontextmanager
async def listening(webhook: Webhook, take: Take, on_refusal: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Take updates for as long as the context lasts.

    Parameters
    ----------
    webhook
        Where, and with which secret.
    take
        Called with each update. Only once it has returned does Telegram regard the update as delivered.
    on_refusal
        Called for each call that does not bear the secret.

    Raises
    ------
    PlatformUnavailableError
        The certificate cannot be read, or the address is taken.
    """
    path = URL(webhook.url).path
    secret = webhook.secret.encode()

    async def receive(request: web.Request) -> web.Response:
        if request.path != path:
            raise web.HTTPNotFound
        if request.method != "POST":
            raise web.HTTPMethodNotAllowed(request.method, ["POST"])
        if not hmac.compare_digest(request.headers.get(SECRET_HEADER, "").encode("utf-8", "surrogateescape"), secret):
            await on_refusal()
            raise web.HTTPForbidden
        await take(_update_in(await request.read()))
        return web.Response()

    app = web.Application(client_max_size=BODY_LIMIT)
    app.router.add_route("*", "/{path:.*}", receive)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=CLOSING_S)
    try:
        await runner.setup()
        await _open(runner, webhook)
        yield
    finally:
        await runner.cleanup()


async def _open(runner: web.AppRunner, webhook: Webhook) -> None:
    host, _, port = webhook.listen.rpartition(":")
    try:
        await web.TCPSite(runner, host.strip("[]") or None, int(port), ssl_context=_tls(webhook)).start()
    except (OSError, OverflowError, ValueError) as exc:
        why = getattr(exc, "strerror", None) or "host:port is expected"
        fault = f"nothing can be received from Telegram at {webhook.listen} (TELEGRAM_WEBHOOK_LISTEN): {why}"
        raise PlatformUnavailableError(fault) from exc


def _update_in(body: bytes) -> dict[str, Any]:
    try:
        update = json.loads(body)
    except (ValueError, RecursionError):
        update = None
    if not isinstance(update, dict) or not isinstance(update.get("update_id"), int):
        raise web.HTTPBadRequest
    return update


def _tls(webhook: Webhook) -> ssl.SSLContext | None:
    if webhook.certificate is None or webhook.key is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(webhook.certificate, webhook.key)
    except OSError as exc:  # an error of TLS is one
        fault = f"TELEGRAM_WEBHOOK_CERT and TELEGRAM_WEBHOOK_KEY are no certificate and its key: {exc.strerror or exc}"
        raise PlatformUnavailableError(fault) from exc
    return context


def certificate_to_upload(webhook: Webhook) -> bytes | None:
    """Return the certificate if Telegram must be given it; `Webhook` says when."""
    context = _tls(webhook)
    if webhook.certificate is None or (context is not None and not _is_self_signed(context)):
        return None
    try:
        return webhook.certificate.read_bytes()
    except OSError as exc:
        raise PlatformUnavailableError(f"TELEGRAM_WEBHOOK_CERT cannot be read: {exc.strerror}") from exc


def _is_self_signed(server_context: ssl.SSLContext) -> bool:
    """Let a client that trusts nobody shake hands with a server, in memory, and say what it complains of."""
    client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client_context.check_hostname = False
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server)
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    with suppress(ssl.SSLError):  # whatever else they cannot agree on tells nothing of the certificate
        while True:
            for side in (client, server):
                try:
                    side.do_handshake()
                except ssl.SSLWantReadError:
                    continue
                except ssl.SSLCertVerificationError as exc:
                    return exc.verify_code == SELF_SIGNED
    return False


class Registration:
    """What Telegram knows of the webhook, and keeps when the process ends: updates then wait there.

    Parameters
    ----------
    client
        The connection.
    webhook
        What it should know.
    allowed_updates
        Which kinds of updates it should bring.
    """

    def __init__(self, client: PollingBot, webhook: Webhook, allowed_updates: Sequence[str]) -> None:
        self._client = client
        self._webhook = webhook
        self._allowed_updates = allowed_updates
        self._was_refused = False

    async def ensure(self) -> None:
        """Set the webhook unless it stands as it should.

        A certificate is always uploaded, for Telegram does not tell which one it has.

        Raises
        ------
        PlatformUnavailableError
            Telegram refuses the address or the certificate, or the certificate cannot be read.
        """
        info = await self._client.get_webhook_info()
        if info.last_error_message:
            logger.warning("Telegram could not deliver to the webhook at last: %s", info.last_error_message)
        certificate = await asyncio.to_thread(certificate_to_upload, self._webhook)
        if certificate is None and self._holds(info):
            return
        try:
            await self._set(certificate)
        except BadRequest as exc:
            fault = f"Telegram does not take the webhook (TELEGRAM_WEBHOOK_URL, TELEGRAM_WEBHOOK_CERT): {reason(exc)}"
            raise PlatformUnavailableError(fault) from None  # the library's text may hold the token

    def _holds(self, info: WebhookInfo) -> bool:
        return (
            info.url == self._webhook.url
            and not info.has_custom_certificate
            and set(info.allowed_updates) == set(self._allowed_updates)
        )

    async def _set_again(self) -> None:
        await self._set(await asyncio.to_thread(certificate_to_upload, self._webhook))

    async def _set(self, certificate: bytes | None) -> None:
        await self._client.set_webhook(
            self._webhook.url,
            certificate=certificate,
            allowed_updates=self._allowed_updates,
            drop_pending_updates=False,
            secret_token=self._webhook.secret,
        )
        logger.info("Telegram was told to deliver to the webhook at %s", URL(self._webhook.url).host)

    async def renew_secret(self) -> None:
        """Set the webhook after a call with a wrong secret, once.

        Telegram does not tell which secret it has: the call is forged, or an earlier start has set another one.
        """
        if self._was_refused:
            return
        self._was_refused = True
        logger.warning("the webhook was called without its secret; Telegram is told the secret again")
        try:
            await self._set_again()
        except (TelegramError, PlatformUnavailableError) as exc:
            logger.warning("Telegram was not told the secret of the webhook: %s", reason(exc))

    async def keep(self, watch: Watch) -> None:
        """See to it that the webhook stays set, until `watch` knows that the token is refused."""
        while not watch.refused.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(CHECK_EVERY_S):
                    await watch.doubted.wait()
            watch.doubted.clear()
            try:
                info = await self._client.get_webhook_info()
                if info.url != self._webhook.url:
                    watch.tell(REMOVED)
                    await self._set_again()
            except InvalidToken:
                watch.refused.set()
            except TelegramError as exc:
                watch.failed(exc)
            else:
                watch.succeeded()
