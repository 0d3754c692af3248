"""The thread that scores, the one that reads values, and the classifier in service, replaced as one reference."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from adapters.base import IncomingMessage
from bot.entities import warm_up
from model.classifier import IntentClassifier
from model.decision import Decision

Value = TypeVar("Value")


class Inference:
    """Scores messages off the event loop, one at a time.

    Parameters
    ----------
    classifier
        Serves first, everywhere but in servers with a catalog of their own.
    server_catalogs
        Those, by platform and server; servers of one catalog share its classifier.
    """

    def __init__(
        self, classifier: IntentClassifier, server_catalogs: Mapping[tuple[str, str], Path] | None = None
    ) -> None:
        self._classifier = classifier
        self._server_catalogs = dict(server_catalogs or {})
        self._own: dict[Path, IntentClassifier] = {}
        self._n_waiting = 0
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="scoring")
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reading")
        self._prepare(classifier)

    @property
    def classifier(self) -> IntentClassifier:
        """The common classifier. Read it once a message: it may be another a moment later."""
        return self._classifier

    @property
    def n_waiting(self) -> int:
        """Messages that are being scored or wait to be."""
        return self._n_waiting

    def classifier_for(self, message: IncomingMessage) -> IntentClassifier:
        """Return what decides about a message: its server's own, where there is one in service, else the common one."""
        return self.classifier_of(message.platform, message.server_id)

    def classifier_of(self, platform: str, server_id: str) -> IntentClassifier:
        """Return what decides in a server."""
        path = self._server_catalogs.get((platform, server_id))
        return self._classifier if path is None else self._own.get(path, self._classifier)

    def own(self, path: Path) -> IntentClassifier | None:
        """Return the classifier of a server's catalog; None where the common one serves in its place."""
        return self._own.get(path)

    def swap_own(self, path: Path, classifier: IntentClassifier) -> None:
        """Put the classifier of a server's catalog in service."""
        self._own[path] = classifier
        self._prepare(classifier)

    def swap(self, classifier: IntentClassifier) -> None:
        """Put another common classifier in service; messages being scored end with the one they began with."""
        self._classifier = classifier
        self._prepare(classifier)

    def _prepare(self, classifier: IntentClassifier) -> None:
        """Load what reading the catalog's slots needs, on the thread that reads, before a member waits for it."""
        catalog = classifier.catalog
        entities = [slot.entity for intent in catalog.intents for slot in intent.slots]
        for language in catalog.languages or (None,):
            self._reader.submit(warm_up, entities, language, datetime.now(UTC))

    async def classify(
        self, classifier: IntentClassifier, text: str, contexts: Sequence[str], language: str | None = None
    ) -> Decision:
        """Decide about a message on the worker thread."""
        loop = asyncio.get_running_loop()
        self._n_waiting += 1
        try:
            return await loop.run_in_executor(self._worker, classifier.classify, text, contexts, language)
        finally:
            self._n_waiting -= 1

    async def read(self, work: Callable[[], Value]) -> Value:
        """Read values out of a text on a thread of its own, so that no date delays those who need none."""
        return await asyncio.get_running_loop().run_in_executor(self._reader, work)

    def close(self) -> None:
        """Take no more work; what is queued is dropped, what is running ends by itself."""
        for executor in (self._worker, self._reader):
            executor.shutdown(wait=False, cancel_futures=True)
