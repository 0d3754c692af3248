"""The thread that scores, the one that reads values, and the classifier in service, replaced as one reference."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

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

    @property
    def classifier(self) -> IntentClassifier:
        """The classifier in service. Read it once a message: it may be another a moment later."""
        return self._classifier

    def swap(self, classifier: IntentClassifier) -> None:
        """Put another classifier in service; messages being scored end with the one they began with."""
        self._classifier = classifier

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
