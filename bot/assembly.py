"""The parts of the bot, put together from the settings: what `bot.app` runs, and what tests drive."""

import random
from collections.abc import Callable

from bot import feedback, greeting, inbox, seen_events, server_settings
from bot.actions import ActionRunner
from bot.admin import Admins
from bot.admin_commands import AdminDesk
from bot.answers import TTL_S, AnswerLog
from bot.config import Settings
from bot.context import ContextStore
from bot.cooldown import CooldownMemory, Cooldowns
from bot.database import Database
from bot.engine import IntentEngine
from bot.feedback import Feedback
from bot.greeting import Greeter
from bot.handler import Parts
from bot.handoff import Handoff
from bot.inbox import Inbox
from bot.inference import Inference
from bot.media import MediaNotes
from bot.metrics import Metrics
from bot.notices import Notices
from bot.privacy import Forgetting, Keeping
from bot.seen_events import SeenEvents
from bot.server_settings import ServerSettingsStore
from bot.settings_command import SettingsDesk
from bot.talk import Talk

SCHEMA = (*server_settings.SCHEMA, *seen_events.SCHEMA, *feedback.SCHEMA, *greeting.SCHEMA, *inbox.SCHEMA)
"""The tables of every store."""


def admins_of(settings: Settings) -> Admins:
    """Return who is an admin under the settings."""
    return Admins(
        {"discord": settings.discord_admin_ids, "telegram": settings.telegram_admin_ids},
        {"discord": settings.discord_admin_role_ids},
        frozenset({"discord"} if settings.discord_managers_are_admins else ()),
    )


async def assemble(
    settings: Settings,
    database: Database,
    *,
    inference: Inference,
    contexts: ContextStore,
    actions: ActionRunner,
    handoff: Handoff,
    metrics: Metrics,
    random_source: random.Random,
    make_desk: Callable[[Parts], AdminDesk],
) -> Parts:
    """Put the parts together.

    Parameters
    ----------
    settings
        Of the process.
    database
        Open, with `SCHEMA`.
    inference, contexts, actions, handoff, metrics, random_source
        What the engine works with.

    Raises
    ------
    DatabaseError
        What was kept cannot be read.
    """
