"""The parts of the bot, put together from the settings: what `bot.app` runs, and what tests drive."""

import asyncio
import logging
import time
from collections.abc import Mapping
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot import feedback, greeting, inbox, seen_events, server_settings
from bot.actions import ActionRunner
from bot.admin import Admins
from bot.admin_desk import AdminDesk
from bot.answers import TTL_S, AnswerLog
from bot.catalog_lessons import course_of, lesson_of
from bot.config import Settings
from bot.context import Contexts, ContextStore
from bot.cooldown import CooldownMemory, Cooldowns, CooldownStore
from bot.database import Database, DatabaseError
from bot.engine import IntentEngine
from bot.feedback import Feedback
from bot.gate import Gate, RegressionGate, StoryGate
from bot.greeting import Greeted, GreetedServers, Greeter
from bot.handler import MessageHandler, Parts
from bot.handoff import Handoff
from bot.inbox import Inbox
from bot.inbox_export import InboxExport
from bot.inference import Inference
from bot.media import MediaNotes
from bot.metrics import Metrics
from bot.notices import Notices
from bot.privacy import Forgets, Forgetting, Keeping
from bot.reloading import Reloader
from bot.retraining import Retrainer
from bot.seen_events import EventMemory, SeenEvents
from bot.server_catalogs import ServerCatalogs
from bot.server_settings import ServerSettingsStore
from bot.service import ServiceLoader
from bot.settings_command import SettingsDesk
from bot.talk import Talk
from bot.teaching import Teacher

if TYPE_CHECKING:
    from bot.shared.state import SharedState  # brings the Redis client

logger = logging.getLogger(__name__)

SCHEMA = (*server_settings.SCHEMA, *seen_events.SCHEMA, *feedback.SCHEMA, *greeting.SCHEMA, *inbox.SCHEMA)
"""The tables of every store."""

EXPORTS_DIR = "exports"
"""What goes with an answer as a file, in the directory of state."""

ROUND_S = 60.0
ROUNDS_TO_THE_DATABASE = 60
"""How often what is too old is dropped from memory, and after how many times from the database."""


@dataclass(frozen=True, slots=True)
class Stores:
    """All that keeps something: of people, of servers, of events; `elsewhere` are those of other processes."""

    database: Database
    contexts: Contexts
    answers: AnswerLog
    feedback: Feedback
    inbox: Inbox
    export: InboxExport
    settings: ServerSettingsStore
    seen: EventMemory
    media: MediaNotes
    cooldowns: CooldownStore
    greeted: Greeted
    elsewhere: tuple[Forgets, ...] = ()

    @classmethod
    async def open(
        cls,
        settings: Settings,
        database: Database,
        contexts: ContextStore | None = None,
        shared: "SharedState | None" = None,
    ) -> "Stores":
        """Read what was kept, and forget what is too old or may be kept no longer.

        Parameters
        ----------
        settings
            Of the process.
        database
            Open, with `SCHEMA`.
        contexts
            In place of those that the settings describe.
        shared
            Where several processes keep what they have in common; None for one process alone.

        Raises
        ------
        DatabaseError
            The database does not answer.
        """
        stores = cls(
            database=database,
            contexts=contexts or ContextStore(capacity=settings.context_capacity, ttl_s=settings.context_ttl_s),
            answers=AnswerLog(),
            feedback=Feedback(database),
            inbox=await Inbox.open(database, mode=settings.inbox),
            export=InboxExport(settings.state_dir / EXPORTS_DIR),
            settings=ServerSettingsStore(database),
            seen=SeenEvents(database),
            media=MediaNotes(),
            cooldowns=CooldownMemory(),
            greeted=GreetedServers(database),
        )
        if shared is not None:
            from bot.shared.stores import shared_stores  # noqa: PLC0415 - brings the Redis client

            stores = shared_stores(settings, stores, shared)
        await stores.settings.load()
        stores.export.remove()
        return stores

    async def keep_house(self, stopping: asyncio.Event) -> None:
        """Drop what may be kept no longer, again and again until `stopping` is set, also while nobody writes."""
        n_rounds = 0
        while not stopping.is_set():
            self.contexts.drop_expired()
            self.answers.drop_expired()
            self.media.drop_expired()
            await self.cooldowns.forget_drained(time.time())
            if n_rounds % ROUNDS_TO_THE_DATABASE == 0:
                try:
                    await self.feedback.prune()
                    await self.inbox.prune()
                except DatabaseError as error:
                    logger.warning("what is too old could not be deleted: %s", error)
            n_rounds += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), ROUND_S)


async def open_stores(settings: Settings, path: Path | None, shared: "SharedState | None" = None) -> Stores:
    """Open the database and the stores; if it cannot be worked with, all is kept in memory, with a warning.

    Parameters
    ----------
    settings
        Of the process.
    path
        The database's file; None in memory.
    shared
        Where several processes keep what they have in common; None for one process alone.
    """
    database = await Database.open(path, SCHEMA)
    try:
        return await Stores.open(settings, database, shared=shared)
    except DatabaseError as error:
        logger.warning("%s: settings, votes and what else is kept there are not to be had until it is mended", error)
        await database.close()
        return await Stores.open(settings, await Database.open(None, SCHEMA), shared=shared)


def admins_of(settings: Settings) -> Admins:
    """Return who is an admin under the settings."""
    return Admins(
        {"discord": settings.discord_admin_ids, "telegram": settings.telegram_admin_ids},
        {"discord": settings.discord_admin_role_ids},
        {"discord": frozenset(map(str, settings.discord_guild_ids if settings.discord_managers_are_admins else ()))},
    )


def make_loader(settings: Settings, actions: ActionRunner) -> ServiceLoader:
    """Return what loads the common model and catalog."""
    return ServiceLoader(
        settings.models_dir,
        settings.intents_path,
        settings.confidence_threshold,
        settings.model_runtime,
        actions.check,
        Gate(
            StoryGate(settings.stories, settings.action_modules) if settings.stories else None,
            RegressionGate(settings.regression_path, settings.regression_margin) if settings.regression_path else None,
        ),
    )


def make_desk(
    settings: Settings,
    stores: Stores,
    *,
    inference: Inference,
    reloader: Reloader,
    metrics: Metrics,
    environment: Mapping[str, str],
    executor: Executor,
    servers: ServerCatalogs | None = None,
) -> AdminDesk:
    """Return what answers admins.

    Parameters
    ----------
    settings
        Of the process.
    stores
        All that keeps something.
    inference, reloader
        What serves, and what replaces it.
    metrics
        Counts.
    environment
        What the settings were read from, for a training.
    executor
        The threads to edit intents on.
    servers
        Put servers' own catalogs in service; None where no server has one.
    """
    return AdminDesk(
        reloader=reloader,
        retrainer=Retrainer(environment=environment),
        course_of=course_of(settings, inference, reloader, servers),
        teacher=Teacher(executor),
        lesson_of=lesson_of(settings, inference),
        answers=stores.answers,
        inference=inference,
        inbox=stores.inbox,
        export=stores.export,
        metrics=metrics,
    )


def make_handler(
    settings: Settings,
    stores: Stores,
    *,
    engine: IntentEngine,
    inference: Inference,
    desk: AdminDesk,
    handoff: Handoff,
    metrics: Metrics,
) -> MessageHandler:
    """Return what adapters are given.

    Parameters
    ----------
    settings
        Of the process.
    stores
        All that keeps something.
    engine, inference
        Answer; the engine works with the contexts of the stores.
    desk
        Answers admins.
    handoff
        Knows the admins' chats.
    metrics
        Counts.
    """
    return MessageHandler(
        Parts(
            engine=engine,
            inference=inference,
            contexts=stores.contexts,
            answers=stores.answers,
            talk=Talk(engine, stores.answers, stores.feedback, stores.inbox, metrics, has_feedback=settings.feedback),
            desk=desk,
            settings_desk=SettingsDesk(stores.settings, cooldown_s=settings.cooldown_s, has_feedback=settings.feedback),
            forgetting=Forgetting(
                (
                    stores.contexts,
                    stores.answers,
                    stores.feedback,
                    stores.inbox,
                    stores.export,
                    stores.media,
                    *stores.elsewhere,
                ),
                stores.database,
            ),
            admins=admins_of(settings),
            settings=stores.settings,
            cooldowns=Cooldowns(stores.cooldowns, settings.cooldown_s),
            greeter=Greeter(stores.greeted, inference),
            media=stores.media,
            notices=Notices(handoff),
            seen=stores.seen,
            metrics=metrics,
            keeping=Keeping(
                context_ttl_s=settings.context_ttl_s,
                answers_ttl_s=TTL_S,
                cooldown_s=settings.cooldown_s,
                has_votes=settings.feedback,
                inbox=settings.inbox,
                has_handoff=bool(settings.discord_handoff_channel or settings.telegram_handoff_chat),
                is_shared=bool(stores.elsewhere),
            ),
        )
    )
