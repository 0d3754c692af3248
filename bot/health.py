"""The health page: whether the process lives, whether it can answer, and its metrics, over HTTP.

It imports aiohttp, so only what opens the page imports it.
"""

import logging

from aiohttp import web
from prometheus_client.exposition import choose_encoder

from bot.metrics import Metrics
from bot.readiness import Readiness

logger = logging.getLogger(__name__)

CLOSE_S = 1.0
"""How long a request in flight may hold up the end of the process."""


LARGEST_FORM = 256 * 1_024
"""Bytes of a form that the review page may be sent: one names each question of a group of the inbox."""


def health_application(metrics: Metrics, readiness: Readiness) -> web.Application:
    """Return the page; other pages may be added to it before it is opened.

    Parameters
    ----------
    metrics
        Shown at ``/metrics``.
    readiness
        Asked at ``/readyz``.
    """

    async def show_life(_request: web.Request) -> web.Response:
        return web.Response(text="ok\n")  # an event loop that hangs answers nothing

    async def show_readiness(_request: web.Request) -> web.Response:
        missing = readiness.missing()
        bundle = readiness.bundle() if readiness.bundle is not None else None
        found = {"ready": not missing, "missing": missing, "bundle": bundle}
        return web.json_response(found, status=503 if missing else 200)

    async def show_metrics(request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(metrics.registry), headers={"Content-Type": content_type})

    application = web.Application(client_max_size=LARGEST_FORM)
    application.add_routes(
        [web.get("/healthz", show_life), web.get("/readyz", show_readiness), web.get("/metrics", show_metrics)]
    )
    return application


class HealthServer:
    """Serves the page on one address.

    Parameters
    ----------
    address
        ``host:port``; port 0 is any that is free.
    application
        The page.
    """

    def __init__(self, address: str, application: web.Application) -> None:
        self._address = address
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=CLOSE_S)

    async def open(self) -> None:
        """Serve from now on; an address that cannot be had is a warning, since the bot answers without the page."""
        host, _, port = self._address.rpartition(":")
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host.strip("[]"), int(port)).start()
        except OSError as error:
            logger.warning(
                "no health page: HEALTH_ADDRESS %s cannot be had (%s); set another, or leave it empty for none",
                self._address,
                error.strerror or type(error).__name__,
            )
            return
        logger.info("health page at %s", self.url)

    @property
    def url(self) -> str | None:
        """Where it is served, with the port that was free; None if it is not."""
        if not self._runner.addresses:
            return None
        host, port = self._runner.addresses[0][:2]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/"

    async def close(self) -> None:
        """Serve no longer; may be called without having opened."""
        await self._runner.cleanup()
