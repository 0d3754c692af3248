"""Stand-ins for what the engine is given: a small catalog, a classifier without a network, and messages."""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from adapters.base import IncomingMessage
from intents.catalog import Intent, IntentCatalog
from model.decision import Decision, DecisionRule, Policy, Reason
from model.text import normalise

WAIT_S = 10.0
"""A test that waits longer for something has failed."""

PIZZA = Intent("order_pizza", ("a pizza",), ("With cheese?",), context_set=("cheese",))
YES = Intent("cheese_yes", ("yes",), ("Cheese it is.",), context_filter=("cheese",))
HELLO = Intent("greeting", ("hello",), ("Hello {display_name}!", "Hi {display_name}!"))
HOURS = Intent("opening_hours", ("when",), ("From ten to eight.",))
CATALOG = IntentCatalog((HELLO, HOURS, PIZZA, YES), ("What?", "Pardon?"))


class FakeClassifier:
    """An `IntentClassifier` that knows a message by a pattern or not at all, and can be held up or fail."""

    def __init__(self, catalog: IntentCatalog = CATALOG, *, name: str = "model-1") -> None:
        self.catalog = catalog
        self.intents = {intent.tag: intent for intent in catalog.intents}
        self.bundle = SimpleNamespace(name=name)
        self.calls: list[tuple[str, tuple[str, ...]]] = []
        self.threads: set[str] = set()
        self.held: set[str] = set()
        self.broken: set[str] = set()
        self.entered = threading.Event()
        self.go_on = threading.Event()
        self._rule = DecisionRule(catalog, [intent.tag for intent in catalog.trainable], Policy())

    def classify(self, text: str, contexts: Sequence[str] = ()) -> Decision:
        self.calls.append((text, tuple(contexts)))
        self.threads.add(threading.current_thread().name)
        if text in self.held:
            self.entered.set()
            assert self.go_on.wait(WAIT_S)
        if text in self.broken:
            raise ArithmeticError(text)
        decision = self._rule.without_scores(normalise(text), contexts)
        return decision or Decision(None, Reason.BELOW_THRESHOLD, 0.0, ())

    async def until_entered(self) -> None:
        """Wait until a held message is being scored."""
        assert await asyncio.to_thread(self.entered.wait, WAIT_S)


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
