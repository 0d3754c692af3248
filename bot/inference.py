"""The thread that scores, the one that reads values, and the classifier in service, replaced as one reference."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar
from weakref import WeakKeyDictionary, ref

from adapters.base import IncomingMessage
from bot.entities import warm_up
from bot.watched_thread import LIMIT_S, WatchedThread
from model.classifier import IntentClassifier
from model.decision import Decision

logger = logging.getLogger(__name__)

Value = TypeVar("Value")

MOST_STUCK = 3
"""With more threads left behind, each with memory of its own, the process is better started anew."""


class Inference:
    """Scores messages off the event loop, one at a time.

    A thread that hangs is left behind. What it was scoring with cannot serve another, so those behind it are scored
    with a twin.

    Parameters
    ----------
    classifier
        Serves first, everywhere but in servers with a catalog of their own.
    server_catalogs
        Those, by platform and server; servers of one catalog share its classifier.
    limit_s
        How many seconds a message may take.
    on_stuck
        Called when a thread was left behind.
    on_lost
        Called when more than `MOST_STUCK` are; nothing but another process helps then.
    """

    def __init__(
        self,
        classifier: IntentClassifier,
        *,
        server_catalogs: Mapping[tuple[str, str], Path] | None = None,
        limit_s: float = LIMIT_S,
        on_stuck: Callable[[], None] = lambda: None,
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._classifier = classifier
        self._server_catalogs = dict(server_catalogs or {})
        self._own: dict[Path, IntentClassifier] = {}
        self._scoring = WatchedThread("scoring", limit_s=limit_s, on_stuck=self._leave_classifier)
        self._reading = WatchedThread("reading", limit_s=limit_s, on_stuck=self._count)
        self._on_stuck = on_stuck
        self._on_lost = on_lost
        self._scored_with: ref[IntentClassifier] | None = None  # a model that was replaced is let go at once
        self._twins: WeakKeyDictionary[IntentClassifier, IntentClassifier] = WeakKeyDictionary()
        self._prepare(classifier)

    @property
    def classifier(self) -> IntentClassifier:
        """The common classifier. Read it once a message: it may be another a moment later."""
        return self._classifier

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

    @property
    def n_waiting(self) -> int:
        """How many messages are being scored or wait for it."""
        return self._scoring.n_unfinished

    @property
    def is_lost(self) -> bool:
        """Whether too many threads are stuck for the process to go on."""
        return self._scoring.n_stuck + self._reading.n_stuck > MOST_STUCK

    def swap(self, classifier: IntentClassifier) -> None:
        """Put another common classifier in service; messages being scored end with the one they began with."""
        self._classifier = classifier
        self._prepare(classifier)

    def _prepare(self, classifier: IntentClassifier) -> None:
        """Load what reading the catalog's slots needs, on the thread that reads, before a member waits for it."""
        catalog = classifier.catalog
        entities = [slot.entity for intent in catalog.intents for slot in intent.slots]
        for language in catalog.languages or (None,):
            self._reading.begin(partial(warm_up, entities, language, datetime.now(UTC)))

    async def classify(
        self, classifier: IntentClassifier, text: str, contexts: Sequence[str], language: str | None = None
    ) -> Decision:
        """Decide about a message on the worker thread.

        Raises
        ------
        StuckError
            It took too long.
        """
        return await self._scoring.run(partial(self._decide, classifier, text, contexts, language))

    def _decide(
        self, classifier: IntentClassifier, text: str, contexts: Sequence[str], language: str | None
    ) -> Decision:
        self._scored_with = ref(classifier)
        if not classifier.runtime.is_stuck:
            return classifier.classify(text, contexts, language)
        twin = self._twins.get(classifier)
        if twin is None or twin.runtime.is_stuck:
            twin = self._twins[classifier] = classifier.twin()
        return twin.classify(text, contexts, language)

    def _leave_classifier(self) -> None:
        scored_with = self._scored_with() if self._scored_with is not None else None
        if scored_with is not None:
            for one in (scored_with, self._twins.get(scored_with)):
                if one is not None:
                    one.runtime.is_stuck = True
        self._count()

    def _count(self) -> None:
        self._on_stuck()
        if self.is_lost:
            logger.critical("more than %d threads are stuck: the process ends, to be started anew", MOST_STUCK)
            self._on_lost()

    async def read(self, work: Callable[[], Value]) -> Value:
        """Read values out of a text on a thread of its own, so that no date delays those who need none.

        Raises
        ------
        StuckError
            It took too long.
        """
        return await self._reading.run(work)

    def close(self) -> None:
        """Take no more work; what is queued is dropped, what is running ends by itself."""
        for thread in (self._scoring, self._reading):
            thread.close()
