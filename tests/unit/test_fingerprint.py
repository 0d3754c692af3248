"""The fingerprint: what needs training changes it, and nothing else does."""

import json
from dataclasses import replace

import pytest

from intents.catalog import Action, Entity, EntityType, Fallback, Intent, IntentCatalog, Response, SetContext, Slot
from model.bundle import fingerprint
from model.config import TrainingConfig

SLOTS = (Slot("who", Entity(EntityType.TEXT), ("Who?",)),)
HI = (Response("Hi!"),)
GREETING = Intent("greeting", ("hello", "hi"), HI, context_set=(SetContext("c"),))
THANKS = Intent("thanks", ("thanks",), (Response("Welcome!"),), context_filter=("c",))
SORRY = Fallback((Response("Sorry?"),))
CATALOG = IntentCatalog((GREETING, THANKS), SORRY)
CONFIG = TrainingConfig().to_json()


@pytest.mark.parametrize(
    "catalog",
    [
        IntentCatalog((replace(GREETING, responses=(Response("New!"),)), THANKS), Fallback((Response("Other?"),))),
        IntentCatalog((THANKS, GREETING), SORRY),
        IntentCatalog((replace(GREETING, patterns=("hi", "hello")), THANKS), SORRY),
        IntentCatalog((replace(GREETING, context_set=()), replace(THANKS, context_filter=("d",))), SORRY),
        IntentCatalog((GREETING, THANKS, Intent("patternless", (), HI)), SORRY),
        IntentCatalog((replace(GREETING, slots=SLOTS, annotations={"who": ("hi",)}), THANKS), SORRY),
        IntentCatalog((replace(GREETING, action=Action(call="a:b"), handoff=True, title="Hello"), THANKS), SORRY),
        IntentCatalog(CATALOG.intents, replace(SORRY, did_you_mean="", help=("Help",), handoff=True)),
    ],
    ids=[
        "responses",
        "order of intents",
        "order of patterns",
        "contexts",
        "patternless intent",
        "slots",
        "action and title",
        "fallback",
    ],
)
def test_what_needs_no_training_keeps_the_fingerprint(catalog: IntentCatalog) -> None:
    """An admin edits these and reloads."""
    assert fingerprint(catalog, CONFIG) == fingerprint(CATALOG, CONFIG)


@pytest.mark.parametrize(
    "catalog",
    [
        IntentCatalog((replace(GREETING, patterns=("hello", "hi", "hey")), THANKS), SORRY),
        IntentCatalog((replace(GREETING, patterns=("hello",)), THANKS), SORRY),
        IntentCatalog((replace(GREETING, tag="hello"), THANKS), SORRY),
        IntentCatalog((GREETING,), SORRY),
        IntentCatalog((replace(GREETING, patterns=("hello", "hi", "thanks")), replace(THANKS, patterns=())), SORRY),
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
