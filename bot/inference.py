"""The one thread that scores, and the classifier in service, replaced as one reference."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from model.classifier import IntentClassifier
from model.decision import Decision


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

    @property
    def classifier(self) -> IntentClassifier:
        """The classifier in service. Read it once a message: it may be another a moment later."""
        return self._classifier

    def swap(self, classifier: IntentClassifier) -> None:
        """Put another classifier in service; messages being scored end with the one they began with."""
        self._classifier = classifier

    async def classify(self, classifier: IntentClassifier, text: str, contexts: Sequence[str]) -> Decision:
        """Decide about a message on the worker thread."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, classifier.classify, text, contexts)

    def close(self) -> None:
        """Take no more work; what is queued is dropped, what is running ends by itself."""
        self._worker.shutdown(wait=False, cancel_futures=True)
