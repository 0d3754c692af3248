"""The health page, asked over HTTP."""

import asyncio
import logging
from collections.abc import AsyncIterator

import aiohttp
import pytest

from bot.health import HealthServer, health_application
from bot.metrics import Metrics
from bot.readiness import Readiness


@pytest.fixture
def readiness() -> Readiness:
    return Readiness(asyncio.Event())


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
async def page(metrics: Metrics, readiness: Readiness) -> AsyncIterator[aiohttp.ClientSession]:
    server = HealthServer("127.0.0.1:0", health_application(metrics, readiness))
    await server.open()
    async with aiohttp.ClientSession(server.url) as session:
        yield session
    await server.close()


async def test_a_living_event_loop_answers(page: aiohttp.ClientSession) -> None:
    """Whatever is still missing, the process lives."""
    async with page.get("healthz") as answer:
        assert (answer.status, await answer.text()) == (200, "ok\n")


async def test_readiness_names_what_is_missing(page: aiohttp.ClientSession, readiness: Readiness) -> None:
    """From the start on, through the first connection and an outage, to the stop."""
    seen = []

    async def look() -> None:
        async with page.get("readyz") as answer:
            assert answer.content_type == "application/json"
            found = await answer.json()
            assert found["ready"] is (answer.status == 200) is (not found["missing"])
            seen.append((answer.status, found["bundle"], found["missing"]))

    await look()
    readiness.bundle = lambda: "20260101"
    discord, telegram = asyncio.Event(), asyncio.Event()
    readiness.platforms = {"discord": discord, "telegram": telegram}
    await look()
    discord.set()
    telegram.set()
    await look()
    telegram.clear()
    await look()
    readiness.stopping.set()
    telegram.set()
    await look()
    assert seen == [
        (503, None, ["no bundle is loaded", "no platform is started"]),
        (503, "20260101", ["discord is not connected", "telegram is not connected"]),
        (200, "20260101", []),
        (503, "20260101", ["telegram is not connected"]),
        (503, "20260101", ["the process is stopping"]),
    ]


@pytest.mark.parametrize("accept", ["", "application/openmetrics-text; version=1.0.0", "*/*"])
async def test_metrics_are_served_in_the_format_asked_for(
    page: aiohttp.ClientSession, metrics: Metrics, accept: str
) -> None:
    """Prometheus names the format that it likes best."""
    metrics.received("discord")
    async with page.get("metrics", headers={"Accept": accept}) as answer:
        assert answer.status == 200
        assert ("openmetrics" in answer.headers["Content-Type"]) is ("openmetrics" in accept)
        assert 'parley_messages_total{platform="discord"} 1.0' in (await answer.text()).splitlines()


async def test_nothing_else_is_served(page: aiohttp.ClientSession) -> None:
    """No listing, no other method."""
    for path in ("", "metrics/", "../etc/passwd"):
        async with page.get(path) as answer:
            assert answer.status == 404
    async with page.post("metrics") as answer:
        assert answer.status == 405


async def test_a_busy_port_is_a_warning(
    metrics: Metrics, readiness: Readiness, caplog: pytest.LogCaptureFixture
) -> None:
    """The bot answers without the page, and the operator reads which variable to mend."""
    first = HealthServer("127.0.0.1:0", health_application(metrics, readiness))
    await first.open()
    assert first.url is not None
    address = first.url.removeprefix("http://").removesuffix("/")
    second = HealthServer(address, health_application(metrics, readiness))
    await second.open()
    assert second.url is None
    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert f"HEALTH_ADDRESS {address}" in record.getMessage()
    await second.close()
    await first.close()


async def test_an_ipv6_address_is_served(metrics: Metrics, readiness: Readiness) -> None:
    """It is written in brackets, as in URLs."""
    server = HealthServer("[::1]:0", health_application(metrics, readiness))
    await server.open()
    if server.url is None:
        pytest.skip("no IPv6 here")
    async with aiohttp.ClientSession(server.url) as session, session.get("healthz") as answer:
        assert answer.status == 200
    await server.close()


async def test_the_end_is_not_held_up(metrics: Metrics, readiness: Readiness) -> None:
    """A server that was never opened, and one with an open connection, are closed all the same."""
    await HealthServer("127.0.0.1:0", health_application(metrics, readiness)).close()
    server = HealthServer("127.0.0.1:0", health_application(metrics, readiness))
    await server.open()
    async with aiohttp.ClientSession(server.url) as session, session.get("healthz"):
        async with asyncio.timeout(10):
            await server.close()
        assert server.url is None
