"""Stand-ins for what the engine is given: a small catalog, a classifier without a network, and messages."""

import asyncio
import random
import threading
from collections.abc import MutableSequence, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from adapters.base import IncomingMessage
from bot.actions import ActionRunner
from bot.assembly import SCHEMA, Stores, make_desk, make_handler
from bot.config import Settings
from bot.context import ContextStore
from bot.daemon_threads import DaemonThreads
from bot.database import Database
from bot.engine import IntentEngine
from bot.handler import MessageHandler
from bot.handoff import Handoff
from bot.inference import Inference
from bot.metrics import Metrics
from intents.catalog import Fallback, Intent, IntentCatalog, Response, SetContext
from model.classifier import Question
from model.decision import Decision, DecisionRule, Policy, Reason
from model.text import normalise

WAIT_S = 10.0
"""A test that waits longer for something has failed."""


def saying(*texts: str) -> tuple[Response, ...]:
    """Responses of plain text."""
    return tuple(map(Response, texts))


PIZZA = Intent("order_pizza", ("a pizza",), saying("With cheese?"), context_set=(SetContext("cheese"),))
YES = Intent("cheese_yes", ("yes",), saying("Cheese it is."), context_filter=("cheese",))
HELLO = Intent("greeting", ("hello",), saying("Hello {display_name}!", "Hi {display_name}!"))
HOURS = Intent("opening_hours", ("when",), saying("From ten to eight."))
FALLBACKS = ("What?", "Pardon?")
CATALOG = IntentCatalog((HELLO, HOURS, PIZZA, YES), Fallback(saying(*FALLBACKS), did_you_mean=""))


class FakeRuntime:
    """Stands for a network."""

    name = "litert"
    at_once = 8
    is_stuck = False


class FakeClassifier:
    """An `IntentClassifier` that knows a message by a pattern or not at all, and can be held up or fail."""

    def __init__(self, catalog: IntentCatalog = CATALOG, *, name: str = "model-1") -> None:
        self.catalog = catalog
        self.intents = {intent.tag: intent for intent in catalog.intents}
        self.bundle = SimpleNamespace(name=name)
        self.runtime = FakeRuntime()
        self.calls: list[tuple[str, tuple[str, ...]]] = []
        self.threads: set[str] = set()
        self.held: set[str] = set()
        self.broken: set[str] = set()
        self.groups: MutableSequence[list[str]] = []
        self.entered = threading.Event()
        self.go_on = threading.Event()
        self.rule = DecisionRule(catalog, [one.label for one in catalog.classes], Policy())

    def classify(self, text: str, contexts: Sequence[str] = (), language: str | None = None) -> Decision:
        self.calls.append((text, tuple(contexts)))
        self.threads.add(threading.current_thread().name)
        if text in self.held:
            self.entered.set()
            assert self.go_on.wait(WAIT_S)
        if text in self.broken:
            raise ArithmeticError(text)
        decision = self.rule.without_scores(normalise(text), contexts, language)
        return decision or Decision(None, Reason.BELOW_THRESHOLD, 0.0, ())

    def classify_all(self, questions: Sequence[Question]) -> list[Decision]:
        self.groups.append([one.text for one in questions])
        return [self.classify(one.text, one.contexts, one.language) for one in questions]

    async def until_entered(self) -> None:
        """Wait until a held message is being scored."""
        assert await asyncio.to_thread(self.entered.wait, WAIT_S)


def engine_of(inference: Inference, contexts: ContextStore, handoff: Handoff | None = None) -> IntentEngine:
    """An engine whose draws are always the same."""
    return IntentEngine(inference, contexts, ActionRunner(()), handoff or Handoff({}), random.Random(0))


async def stores_of(database: Database | None = None, settings: Settings | None = None) -> Stores:
    """Stores in memory, or in a database; whoever asks closes it."""
    settings = settings or Settings()
    contexts = ContextStore(capacity=100, ttl_s=60.0, clock=Clock())
    return await Stores.open(settings, database or await Database.open(None, SCHEMA), contexts)


def handler_of(
    stores: Stores,
    inference: Inference,
    *,
    settings: Settings | None = None,
    engine: IntentEngine | None = None,
    reloader: Any = None,
    handoff: Handoff | None = None,
) -> MessageHandler:
    """A handler over stores, with the stand-ins' engine unless another is given."""
    handoff, settings, metrics = handoff or Handoff({}), settings or Settings(), Metrics()
    desk = make_desk(
        settings,
        stores,
        inference=inference,
        reloader=reloader or SimpleNamespace(),
        metrics=metrics,
        environment={},
        executor=DaemonThreads(1, "editing"),
    )
    return make_handler(
        settings,
        stores,
        engine=engine or engine_of(inference, stores.contexts, handoff),
        inference=inference,
        desk=desk,
        handoff=handoff,
        metrics=metrics,
    )


def said(text: str, user: str = "ann", **changes: Any) -> IncomingMessage:
    """A message of a person in a direct conversation, unless the changes say otherwise."""
    fields: dict[str, Any] = {
        "platform": "discord",
        "conversation_id": "here",
        "user_id": user,
        "message_id": "1",
        "text": text,
        "display_name": user.title(),
        "is_direct": True,
        "is_addressed": True,
        "locale": None,
        "received_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    return IncomingMessage(**(fields | changes))


@dataclass
class Sentences:
    """A `Progress` that remembers what it was told."""

    told: list[str] = field(default_factory=list)

    async def __call__(self, sentence: str) -> None:
        self.told.append(sentence)


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now
