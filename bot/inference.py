"""The thread that scores, the one that reads values, and the classifier in service, replaced as one reference."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar
from weakref import WeakKeyDictionary, ref

from adapters.base import IncomingMessage
from bot.entities import warm_up
from bot.watched_thread import LIMIT_S, WatchedThread
from model.classifier import IntentClassifier, Question
from model.decision import Decision
from model.tokens import MAX_TOKENS

logger = logging.getLogger(__name__)

Value = TypeVar("Value")

MOST_CHARACTERS = 5 * MAX_TOKENS
"""Messages decided about together have no more: with longer ones a network has to be run again, and all would wait."""

MOST_STUCK = 3
"""With more threads left behind, each with memory of its own, the process is better started anew."""


@dataclass(slots=True, eq=False)
class _Waiting:
    """A message that waits to be decided about."""

    classifier: IntentClassifier
    question: Question
    has_company: bool = False
    decision: Decision | None = None


class Inference:
    """Scores messages off the event loop, those that wait at the same time together.

    A thread that hangs is left behind. What it was scoring with cannot serve another, so those behind it are scored
    with a twin; those that were scored with the one that hangs are scored once more, each alone.

    Parameters
    ----------
    classifier
        Serves first, everywhere but in servers with a catalog of their own.
    server_catalogs
        Those, by platform and server; servers of one catalog share its classifier.
    limit_s
        How many seconds a message may take, or those that are scored together.
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
        self._waiting: deque[_Waiting] = deque()  # those that no thread has taken
        self._lock = threading.Lock()
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
        """Decide about a message on the worker thread, together with others that wait for it.

        Raises
        ------
        StuckError
            It took too long.
        """
        waiting = _Waiting(classifier, Question(text, contexts, language))
        work = partial(self._decide, waiting)
        with self._lock:
            self._waiting.append(waiting)
        try:
            try:
                return await self._scoring.run(work)
            except Exception as error:
                if not waiting.has_company:
                    raise
                fault = type(error).__name__  # its text might hold what somebody wrote
                logger.warning("messages decided about together went wrong (%s): each is decided about alone", fault)
            return await self._scoring.run(work)
        finally:
            if waiting.decision is None:  # whoever asked waits no longer
                with self._lock, suppress(ValueError):
                    self._waiting.remove(waiting)

    def _decide(self, first: _Waiting) -> Decision:
        """Decide about a message whose turn it is, unless another took it along."""
        if first.decision is None:
            together = self._taken_along(first)
            classifier = self._sound(first.classifier)
            decisions = classifier.classify_all([one.question for one in together])
            for one, decision in zip(together, decisions, strict=True):
                one.decision = decision
        assert first.decision is not None
        return first.decision

    def _taken_along(self, first: _Waiting) -> list[_Waiting]:
        """Return a message and those behind it that its network reads at once.

        A message that was taken before and is undecided all the same, because of an error or a thread that hung, is
        alone: if it was to blame, it goes wrong by itself.
        """
        together, n_characters = [first], len(first.question.text)
        with self._lock:
            if first in self._waiting:
                self._waiting.remove(first)
                while self._waiting and len(together) < first.classifier.runtime.at_once:
                    n_characters += len(self._waiting[0].question.text)
                    if self._waiting[0].classifier is not first.classifier or n_characters > MOST_CHARACTERS:
                        break
                    together.append(self._waiting.popleft())
        first.has_company = len(together) > 1
        return together

    def _sound(self, classifier: IntentClassifier) -> IntentClassifier:
        """Return a classifier, or its twin where a thread hangs in it."""
        self._scored_with = ref(classifier)
        if not classifier.runtime.is_stuck:
            return classifier
        twin = self._twins.get(classifier)
        if twin is None or twin.runtime.is_stuck:
            twin = self._twins[classifier] = classifier.twin()
        return twin

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
