"""The thread that scores, the one that reads values, and the classifier in service, replaced as one reference."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TypeVar

from bot.entities import warm_up
from model.classifier import IntentClassifier
from model.decision import Decision

Value = TypeVar("Value")


class Inference:
    """Scores messages off the event loop, one at a time.

    Parameters
    ----------
    classifier
        Serves first.
    """

    def __init__(self, classifier: IntentClassifier) -> None:
        self._classifier = classifier
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="scoring")
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reading")
        self._prepare(classifier)

    @property
    def classifier(self) -> IntentClassifier:
        """The classifier in service. Read it once a message: it may be another a moment later."""
        return self._classifier

    def swap(self, classifier: IntentClassifier) -> None:
        """Put another classifier in service; messages being scored end with the one they began with."""
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
        return await loop.run_in_executor(self._worker, classifier.classify, text, contexts, language)

    async def read(self, work: Callable[[], Value]) -> Value:
        """Read values out of a text on a thread of its own, so that no date delays those who need none."""
        return await asyncio.get_running_loop().run_in_executor(self._reader, work)

    def close(self) -> None:
        """Take no more work; what is queued is dropped, what is running ends by itself."""
        for executor in (self._worker, self._reader):
            executor.shutdown(wait=False, cancel_futures=True)
