"""A trained model answering: the same object as in the bot and in the evaluation."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intents.catalog import IntentCatalog
from model.bundle import load_bundle
from model.classifier import IntentClassifier
from model.decision import Decision, Reason
from model.runtime import RuntimeChoice, load_runtime

TAGS = {"greeting", "opening_hours", "order_pizza", "cheese_yes", "cheese_no"}


@pytest.fixture(scope="module")
def classifier(trained_once_path: Path) -> IntentClassifier:
    return classifier_of(trained_once_path)
