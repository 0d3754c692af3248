"""Putting another model in service: the current one anew, an older one, or one just trained; and what admins read."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from pathlib import Path

from adapters.base import Progress
from bot.gate import GateError
from bot.inference import Inference
from bot.metrics import Metrics, ReloadOutcome
from bot.quoting import quoted
from bot.service import Service, ServiceLoader
from bot.tidying import tidy
from intents.catalog import Intent, IntentCatalog, SetContext, spoken_list
from intents.findings import CatalogError
from model.bundle import BundleError, BundleIncompatibleError, set_current
from model.classifier import IntentClassifier
from model.versions import before, current_name, go_back, versions

logger = logging.getLogger(__name__)

BUSY = "A reload is under way already. Try again when it has ended."
Announce = Callable[[], Awaitable[None]]

REFUSED = "Nothing was reloaded, and the old model still answers"

N_NAMED = 5
"""How many tags or findings an answer names before it says that there are more."""


class Reloader:
    """Replaces the classifier in service, one at a time; whatever fails, the old one serves on.

    Parameters
    ----------
    inference
        Holds the classifier in service.
    loader
        Loads the new one.
    executor
        The threads to load on.
    n_kept
        How many bundles are kept to go back to.
    metrics
        Counts what came of it.
    announce
        Tells other processes that something else serves; None where there are none.
    """

    def __init__(
        self,
        inference: Inference,
        loader: ServiceLoader,
        executor: Executor,
        *,
        n_kept: int = 5,
        metrics: Metrics | None = None,
        announce: Announce | None = None,
    ) -> None:
        self._inference = inference
        self._loader = loader
        self._executor = executor
        self._n_kept = n_kept
        self._metrics = metrics
        self._announce = announce
        self._lock = asyncio.Lock()

    @property
    def models_dir(self) -> Path:
        """Where the bundles are."""
        return self._loader.models_dir

    async def reload(self, progress: Progress) -> str:
        """Load the current bundle and the catalog beside those in service, swap, and say what changed."""
        if self._lock.locked():
            return BUSY
        return await self._told(await self._replace(progress, self._loader.anew))

    async def follow(self) -> str:
        """Put in service what another process has; that it understands as many messages was checked there."""
        return await self._replace(_silently, lambda serving: self._loader.anew(serving, compare_accuracy=False))

    async def rollback(self, asked: str, progress: Progress) -> str:
        """Go back to a kept bundle, which stays the current one over restarts, and say what changed.

        Parameters
        ----------
        asked
            The name of the bundle; empty for the one before that in service.
        """
        if self._lock.locked():
            return BUSY
        found, current = await asyncio.to_thread(lambda: (versions(self.models_dir), current_name(self.models_dir)))
        serving = self._inference.classifier.bundle.name
        name = asked
        if not asked:
            older = before(found, serving)
            if older is None:
                return f"There is no older model to go back to: {serving} is the oldest that is kept."
            name = older.name
        if all(one.name != name for one in found):
            kept = ", ".join(one.name for one in found) or "none"
            return f"No model is called {quoted(name)}. Kept are: {kept}."
        if name == serving == current:
            return f"{name} is in service already."

        def go_back_to(serving: IntentClassifier) -> Service:
            # with the messages that it was once good enough for it is not compared: an admin wants it back
            service = self._loader.anew(serving, name=name, compare_accuracy=False)
            go_back(self.models_dir, name)
            return service

        return await self._told(await self._replace(progress, go_back_to))

    async def activate(self, name: str, progress: Progress) -> str:
        """Make a new bundle the current one if it passes every check, and say what changed or what failed.

        Parameters
        ----------
        name
            Of the bundle.
        """

        def put_in_service(serving: IntentClassifier) -> Service:
            service = self._loader.anew(serving, name=name)
            set_current(self.models_dir, name)
            return service

        told = await self._told(await self._replace(progress, put_in_service))
        if self._inference.classifier.bundle.name == name:
            return told
        return f"{told}\nThe new model is kept as {name}: `/admin rollback {name}` asks no labelled messages of it."

    async def _replace(self, progress: Progress, load: Callable[[IntentClassifier], Service]) -> str:
        async with self._lock:
            await progress("Loading and checking the model ...")
            started = time.monotonic()
            loop = asyncio.get_running_loop()
            try:
                service = await loop.run_in_executor(self._executor, load, self._inference.classifier)
            except (BundleError, CatalogError, GateError) as error:
                logger.warning("reload refused: %s", error)
                self._count(ReloadOutcome.REFUSED)
                return f"{REFUSED}.\nThe check that failed: {_check_of(error)}.\n{_shortened(error)}"
            except Exception as error:
                logger.exception("reload failed")
                self._count(ReloadOutcome.FAILED)
                return f"{REFUSED}: {type(error).__name__}, see the log."
            old_name, old_catalog = self._inference.classifier.bundle.name, self._inference.classifier.catalog
            new = service.classifier
            self._inference.swap(new)
            duration_s = time.monotonic() - started
            self._count(ReloadOutcome.RELOADED)
            logger.info("reloaded %s in %.1f s", new.bundle.name, duration_s)
            has_replaced = old_name != new.bundle.name
            left = await tidy(
                self._executor,
                self.models_dir,
                n_kept=self._n_kept,
                in_use=new.bundle.name,
                has_replaced=has_replaced,
            )
        instead = f" in place of {old_name}" if has_replaced else ""
        model = f"model {new.bundle.name}{instead}"
        changes = describe_changes(old_catalog, new.catalog)
        return "\n".join([f"Reloaded in {duration_s:.1f} s: {model}. {changes}", *service.notes, *left])

    async def _told(self, told: str) -> str:
        """Tell the other processes, unless nothing was replaced; return what the admin is told."""
        if self._announce is not None and not told.startswith(REFUSED):
            await self._announce()
        return told

    def _count(self, outcome: ReloadOutcome) -> None:
        if self._metrics is not None:
            self._metrics.reloaded(outcome)


async def _silently(_: str) -> None:
    """Tell nobody of progress."""


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


def _check_of(error: BundleError | CatalogError | GateError) -> str:
    """Return what a new classifier did not pass, as admins read it."""
    match error:
        case GateError():
            return error.check
        case CatalogError():
            return "intents"
        case BundleIncompatibleError():
            return "format of the model"
        case _:
            return "files of the model"


def _shortened(error: Exception) -> str:
    lines = str(error).splitlines()
    if len(lines) > N_NAMED:
        lines = [*lines[:N_NAMED], f"... and {len(lines) - N_NAMED} more; `python -m scripts.validate` lists all."]
    return "\n".join(lines)
