"""The stores that processes share, in place of those of one process."""

from dataclasses import replace

from bot.assembly import Stores
from bot.config import Settings
from bot.shared.contexts import SharedContexts
from bot.shared.forgetting import ForgottenElsewhere
from bot.shared.once import SharedCooldowns, SharedGreeted, SharedMediaNotes, SharedSeenEvents
from bot.shared.settings import SharedServerSettings
from bot.shared.state import SharedState
from bot.shared.votes import SharedFeedback


def shared_stores(settings: Settings, local: Stores, shared: SharedState) -> Stores:
    """Return stores of which those are in Redis that all processes must have in common.

    Parameters
    ----------
    settings
        Of the process.
    local
        Those of this process: what is answered from while Redis is away, and what each keeps for itself.
    shared
        Open.
    """
    link = shared.link
    contexts = SharedContexts(link, shared.line, capacity=settings.context_capacity, ttl_s=settings.context_ttl_s)
    media = SharedMediaNotes(link)
    own = (contexts, local.answers, local.feedback, local.inbox, media)
    return replace(
        local,
        contexts=contexts,
        feedback=SharedFeedback(link, local.feedback),
        settings=SharedServerSettings(local.database, link, shared.news),
        seen=SharedSeenEvents(link, local.seen),
        media=media,
        cooldowns=SharedCooldowns(link, local.cooldowns),
        greeted=SharedGreeted(link, local.greeted),
        elsewhere=(ForgottenElsewhere(link, shared.news, own, local.export, local.database),),
    )
