"""The fingerprint: what needs training changes it, and nothing else does."""

import json
from dataclasses import replace

import pytest

from intents.catalog import Intent, IntentCatalog
from model.bundle import fingerprint
from model.config import TrainingConfig

GREETING = Intent("greeting", ("hello", "hi"), ("Hi!",), context_set=("c",))
THANKS = Intent("thanks", ("thanks",), ("Welcome!",), context_filter=("c",))
CATALOG = IntentCatalog((GREETING, THANKS), ("Sorry?",))
CONFIG = TrainingConfig().to_json()


@pytest.mark.parametrize(
    "catalog",
    [
        IntentCatalog((replace(GREETING, responses=("New!",)), THANKS), ("Other?",)),
        IntentCatalog((THANKS, GREETING), CATALOG.fallback_responses),
        IntentCatalog((replace(GREETING, patterns=("hi", "hello")), THANKS), ()),
        IntentCatalog((replace(GREETING, context_set=()), replace(THANKS, context_filter=("d",))), ()),
        IntentCatalog((GREETING, THANKS, Intent("patternless", (), ("x",))), ()),
    ],
    ids=["responses", "order of intents", "order of patterns", "contexts", "patternless intent"],
)
def test_what_needs_no_training_keeps_the_fingerprint(catalog: IntentCatalog) -> None:
    """An admin edits these and reloads."""
    assert fingerprint(catalog, CONFIG) == fingerprint(CATALOG, CONFIG)


@pytest.mark.parametrize(
    "catalog",
    [
        IntentCatalog((replace(GREETING, patterns=("hello", "hi", "hey")), THANKS), ()),
        IntentCatalog((replace(GREETING, patterns=("hello",)), THANKS), ()),
        IntentCatalog((replace(GREETING, tag="hello"), THANKS), ()),
        IntentCatalog((GREETING,), ()),
        IntentCatalog((replace(GREETING, patterns=("hello", "hi", "thanks")), replace(THANKS, patterns=())), ()),
    ],
    ids=["new pattern", "pattern gone", "new name", "intent gone", "pattern moved"],
)
def test_what_needs_training_changes_the_fingerprint(catalog: IntentCatalog) -> None:
    """Tags and patterns are what the network learns."""
    assert fingerprint(catalog, CONFIG) != fingerprint(CATALOG, CONFIG)


def test_configuration_is_part_of_the_fingerprint() -> None:
    """Every figure of it, after the way through the manifest too."""
    assert fingerprint(CATALOG, json.loads(json.dumps(CONFIG))) == fingerprint(CATALOG, CONFIG)
    for name, value in CONFIG.items():
        changed = value | {"dropout": 0.123} if isinstance(value, dict) else 99
        assert fingerprint(CATALOG, CONFIG | {name: changed}) != fingerprint(CATALOG, CONFIG)
