"""The composition root: builds everything from the settings, runs it on one event loop, and shuts it down."""

import asyncio
import logging
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, NoReturn

from adapters.base import Adapter, Bot
from adapters.dispatch import until_stopped
from bot.actions import ActionRunner
from bot.assembly import Stores, make_desk, make_handler, make_loader, open_stores
from bot.catalog_places import own_catalogs
from bot.config import Settings
from bot.database import DATABASE_FILE
from bot.engine import IntentEngine
from bot.handoff import Handoff
from bot.inference import Inference
from bot.metrics import Metrics
from bot.process import settle
from bot.readiness import Readiness
from bot.review.rooms import Lobby, make_rooms
from bot.review.trials import Trials
from bot.server_catalogs import ServerCatalogs, WholeReloader, own_loaders
from bot.supervisor import ExitCode, supervise
from model.bundle import BundleError

if TYPE_CHECKING:
    from bot.shared.state import SharedState

logger = logging.getLogger(__name__)


async def run(settings: Settings, environment: Mapping[str, str], *, console: bool) -> ExitCode:
    """Serve until a signal, or the end of the terminal's input.

    Parameters
    ----------
    settings
        The process's settings.
    environment
        What they were read from; headers of endpoints take their secrets from it.
    console
        Whether to chat in the terminal instead of on the platforms.
    """
    stopping = asyncio.Event()
    _handle_signals(stopping)
    metrics, readiness = Metrics(), Readiness(stopping)
    async with AsyncExitStack() as stack:
        lobby = await stack.enter_async_context(_health_page(None if console else settings, metrics, readiness))
        shared = None
        if settings.state_url and not console:
            from bot.shared.link import SharedStateError  # noqa: PLC0415 - brings the Redis client
            from bot.shared.state import SharedState  # noqa: PLC0415

            try:
                shared = await SharedState.open(settings.state_url)
            except SharedStateError as error:
                logger.error("%s", error)  # noqa: TRY400 - one sentence for the operator, not a trace
                return ExitCode.FAILURE
            stack.push_async_callback(shared.close)
        return await _serve(
            settings, environment, stopping, metrics, readiness, lobby=lobby, shared=shared, console=console
        )


async def _serve(
    settings: Settings,
    environment: Mapping[str, str],
    stopping: asyncio.Event,
    metrics: Metrics,
    readiness: Readiness,
    *,
    lobby: Lobby,
    shared: "SharedState | None",
    console: bool,
) -> ExitCode:
    """Load the model, build the bot around it, and run the platforms."""
    actions = ActionRunner(settings.action_modules, environment=environment)
    loader = make_loader(settings, actions)
    loading = ThreadPoolExecutor(max_workers=1, thread_name_prefix="loading")
    try:
        loaded = asyncio.get_running_loop().run_in_executor(loading, loader.at_start)
        service = await until_stopped(stopping, loaded)
    except BundleError as error:
        logger.error("%s", error)  # noqa: TRY400 - one sentence for the operator, not a trace
        return ExitCode.FAILURE
    if service is None:
        return ExitCode.CLEAN
    for note in service.notes:
        logger.warning("%s", note)

    random_source = random.Random()  # noqa: S311 - chooses among responses, guards nothing
    inference = Inference(
        service.classifier,
        server_catalogs=own_catalogs(settings),
        on_stuck=metrics.worker_replaced,
        on_lost=lambda: leave(ExitCode.FAILURE),
    )
    announce = None if shared is None else shared.announce_reload
    servers = ServerCatalogs(
        inference, own_loaders(settings, loader), loading, n_kept=settings.bundles_kept, announce=announce
    )
    await until_stopped(stopping, servers.start())
    stores = await open_stores(settings, None if console else settings.state_dir / DATABASE_FILE, shared)
    handoff = Handoff(settings.handoff_chats)
    reloader = WholeReloader(
        inference,
        loader,
        loading,
        n_kept=settings.bundles_kept,
        metrics=metrics,
        servers=servers,
        announce=announce,
    )
    desk = make_desk(
        settings,
        stores,
        inference=inference,
        reloader=reloader,
        metrics=metrics,
        environment=environment,
        executor=loading,
        servers=servers,
    )
    handler = make_handler(
        settings,
        stores,
        engine=IntentEngine(inference, stores.contexts, actions, handoff, random_source),
        inference=inference,
        desk=desk,
        handoff=handoff,
        metrics=metrics,
    )
    lobby.rooms = make_rooms(
        settings,
        stores,
        desk=desk,
        inference=inference,
        reloader=reloader,
        trials=Trials(inference, loader, loading),
        metrics=metrics,
    )
    platforms = [_console(handler)] if console else _platforms(settings, handler)
    if shared is not None:
        await shared.start(on_reload=reloader.follow)
    handoff.connect({one.platform: one for one in platforms})
    _watch(metrics, readiness, inference, stores, platforms)
    settle()
    bundle = service.classifier.bundle
    logger.info(
        "ready: model %s, %d intents, runtime %s, platforms %s",
        bundle.name,
        len(service.classifier.catalog.intents),
        service.classifier.runtime.name,
        ", ".join(one.platform for one in platforms),
    )
    housekeeping = asyncio.create_task(stores.keep_house(stopping), name="housekeeping")
    # a training that is broken off at once leaves its admin an answer among the replies in flight
    leaving = asyncio.create_task(desk.close_after(stopping), name="leaving")
    try:
        return await supervise(platforms, stopping, random_source)
    finally:
        lobby.rooms = None
        housekeeping.cancel()
        leaving.cancel()
        await desk.aclose()
        await handler.aclose()
        await actions.aclose()
        inference.close()
        await stores.database.close()
        logger.info("stopped")


def _watch(
    metrics: Metrics, readiness: Readiness, inference: Inference, stores: Stores, platforms: Sequence[Adapter]
) -> None:
    """Let the health page read the figures of the moment from their owners."""
    metrics.watch(contexts=lambda: len(stores.contexts), waiting=lambda: inference.n_waiting)
    for one in platforms:
        metrics.watch_platform(one.platform, one.connected.is_set)
    readiness.bundle = lambda: inference.classifier.bundle.name
    readiness.platforms = {one.platform: one.connected for one in platforms}


@asynccontextmanager
async def _health_page(settings: Settings | None, metrics: Metrics, readiness: Readiness) -> AsyncIterator[Lobby]:
    """Serve the health page meanwhile, and the review page, where there are to be any."""
    lobby = Lobby()
    if settings is None or settings.health_address is None:
        yield lobby
        return
    from bot.health import HealthServer, health_application  # noqa: PLC0415 - brings aiohttp

    application = health_application(metrics, readiness)
    if settings.has_review:
        from bot.review.door import Door  # noqa: PLC0415 - likewise
        from bot.review.pages import add_review  # noqa: PLC0415 - brings jinja2

        add_review(application, Door(settings.review_password_hash), lobby, metrics)
    server = HealthServer(settings.health_address, application)
    await server.open()
    if settings.has_review and server.url is not None:
        logger.info("review page at %sreview", server.url)
    try:
        yield lobby
    finally:
        await server.close()


def _platforms(settings: Settings, bot: Bot) -> list[Adapter]:
    """Return the adapters whose token is set; a library is imported only for its own."""
    adapters: list[Adapter] = []
    if settings.discord_token:
        from adapters.discord_adapter import DiscordAdapter  # noqa: PLC0415

        adapters.append(
            DiscordAdapter(
                token=settings.discord_token,
                bot=bot,
                guild_ids=settings.discord_guild_ids,
                state_dir=settings.state_dir,
                api_url=settings.discord_api_url,
                gateway_url=settings.discord_gateway_url,
                shard_count=settings.shard_count,
                shard_ids=settings.shard_ids,
            )
        )
    if settings.telegram_token:
        from adapters.telegram_adapter import TelegramAdapter  # noqa: PLC0415

        adapters.append(
            TelegramAdapter(
                token=settings.telegram_token,
                bot=bot,
                api_url=settings.telegram_api_url,
                admin_ids=settings.telegram_admin_ids,
                inline=settings.telegram_inline,
                webhook_url=settings.telegram_webhook_url,
                webhook_secret=settings.telegram_webhook_secret,
                webhook_listen=settings.telegram_webhook_listen,
                webhook_cert=settings.telegram_webhook_cert,
                webhook_key=settings.telegram_webhook_key,
            )
        )
    return adapters


def _console(bot: Bot) -> Adapter:
    from adapters.console_adapter import ConsoleAdapter  # noqa: PLC0415

    return ConsoleAdapter(bot=bot, stdin=sys.stdin, stdout=sys.stdout)


def _handle_signals(stopping: asyncio.Event) -> None:
    """Set `stopping` at the first SIGINT or SIGTERM; leave at once at the second."""
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if stopping.is_set():
            leave(ExitCode.FAILURE)
        logger.info("stopping: finishing the replies in flight")
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))


def leave(code: int) -> NoReturn:
    """End the process now, without waiting for threads that cannot be interrupted: a model loading, a blocked read."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue  # nobody reads it any more
    os._exit(code)
