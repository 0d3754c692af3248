"""What admins do, as plain functions that every platform calls, and who is one."""

import asyncio
import logging
import time
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field

from adapters.base import IncomingMessage, Progress
from bot.inference import Inference
from bot.service import ServiceLoader, StoriesDifferError
from intents.catalog import Intent, IntentCatalog, SetContext, spoken_list
from intents.findings import CatalogError
from model.bundle import BundleError

logger = logging.getLogger(__name__)

N_NAMED = 5
"""How many tags or findings an answer names before it says that there are more."""


@dataclass(frozen=True, slots=True)
class Admins:
    """Who is an admin.

    Parameters
    ----------
    ids
        The users' ids by platform. Who sits at the terminal is the operator, and an admin.
    role_ids
        The ids of roles whose members are admins, by platform.
    managers_on
        The platforms on which whoever may manage a server is an admin as well.
    """

    ids: Mapping[str, frozenset[str]]
    role_ids: Mapping[str, frozenset[str]] = field(default_factory=dict)
    managers_on: frozenset[str] = frozenset()

    def include(self, message: IncomingMessage) -> bool:
        """Whether the message comes from an admin."""
        platform = message.platform
        return (
            platform == "console"
            or message.user_id in self.ids.get(platform, frozenset())
            or not message.role_ids.isdisjoint(self.role_ids.get(platform, frozenset()))
            or (message.can_manage and platform in self.managers_on)
        )


class Reloader:
    """Replaces the classifier in service, one reload at a time; whatever fails, the old one serves on.

    Parameters
    ----------
    inference
        Holds the classifier in service.
    loader
        Loads the new one.
    executor
        The threads to load on.
    """

    def __init__(self, inference: Inference, loader: ServiceLoader, executor: Executor) -> None:
        self._inference = inference
        self._loader = loader
        self._executor = executor
        self._lock = asyncio.Lock()

    async def reload(self, progress: Progress) -> str:
        """Load the current bundle and the catalog beside those in service, swap, and say what changed."""
        if self._lock.locked():
            return "A reload is under way already. Try again when it has ended."
        async with self._lock:
            await progress("Loading and checking the model ...")
            started = time.monotonic()
            try:
                service = await asyncio.get_running_loop().run_in_executor(
                    self._executor, self._loader.anew, self._inference.classifier
                )
            except (BundleError, CatalogError, StoriesDifferError) as error:
                logger.warning("reload refused: %s", error)
                return f"Nothing was reloaded, and the old model still answers.\n{_shortened(error)}"
            except Exception as error:
                logger.exception("reload failed")
                return f"Nothing was reloaded, and the old model still answers: {type(error).__name__}, see the log."
            old, new = self._inference.classifier, service.classifier
            self._inference.swap(new)
            duration_s = time.monotonic() - started
        logger.info("reloaded %s in %.1f s", new.bundle.name, duration_s)
        model = (
            f"model {new.bundle.name}"
            if old.bundle.name == new.bundle.name
            else (f"model {new.bundle.name} in place of {old.bundle.name}")
        )
        changes = describe_changes(old.catalog, new.catalog)
        return "\n".join([f"Reloaded in {duration_s:.1f} s: {model}. {changes}", *service.notes])


def describe_changes(old: IntentCatalog, new: IntentCatalog) -> str:
    """Return in a sentence which intents differ."""
    before = {intent.tag: intent for intent in old.intents}
    after = {intent.tag: intent for intent in new.intents}
    kept = [(before[tag], after[tag]) for tag in after if tag in before]
    changes = {
        "added": [tag for tag in after if tag not in before],
        "removed": [tag for tag in before if tag not in after],
        "with other patterns": [new.tag for old, new in kept if old.patterns != new.patterns],
        "with other answers": [new.tag for old, new in kept if old.responses != new.responses],
        "with other contexts": [new.tag for old, new in kept if _contexts(old) != _contexts(new)],
        "with other slots": [new.tag for old, new in kept if old.slots != new.slots],
        "with another action": [new.tag for old, new in kept if old.action != new.action],
    }
    parts = [f"{len(tags)} {what} ({spoken_list(tags, N_NAMED)})" for what, tags in changes.items() if tags]
    if old.fallback != new.fallback:
        parts.append("other fallback answers")
    return f"Intents: {'; '.join(parts)}." if parts else "The intents are the same."


def _contexts(intent: Intent) -> tuple[tuple[SetContext, ...], tuple[str, ...]]:
    return (intent.context_set, intent.context_filter)


def _shortened(error: Exception) -> str:
    lines = str(error).splitlines()
    if len(lines) > N_NAMED:
        lines = [*lines[:N_NAMED], f"... and {len(lines) - N_NAMED} more; `python -m scripts.validate` lists all."]
    return "\n".join(lines)
