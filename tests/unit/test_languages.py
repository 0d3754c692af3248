"""Other languages and scripts than English, without an encoder: small catalogs are learnt and measured."""

from pathlib import Path

import pytest

from intents.validation import load_catalog
from model.bundle import load_bundle
from model.classifier import IntentClassifier
from model.config import Plan, TrainingConfig
from model.evaluation import measure
from model.labelled import read_labelled
from model.outside import generic_messages
from model.runtime import load_runtime
from model.text import normalise
from model.training import train

DATA = Path(__file__).parents[1] / "data" / "languages"


@pytest.mark.parametrize("language", ["es", "ru", "ar", "zh"])
def test_language_is_understood(language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three of four messages that equal no pattern rank their intent first; most are answered, and rightly."""
    few = generic_messages()[::40]  # they are English, so that a few tell as much, and the training is short
    monkeypatch.setattr("model.trainer.generic_messages", lambda: few)
    catalog, warnings = load_catalog(DATA / f"{language}.json", normalise)
    assert not warnings
    path, _ = train(catalog, tmp_path, config=TrainingConfig(folds=2), plan=Plan(), seed=0, tell=lambda *_: None)
    bundle = load_bundle(path)
    classifier = IntentClassifier(bundle, load_runtime(bundle), catalog)
    messages = read_labelled(DATA / f"{language}.jsonl", bundle.manifest.labels)
    decisions = [classifier.classify(message.text, message.contexts) for message in messages]
    metrics = measure(messages, decisions, classifier.rule.policy.threshold)
    assert metrics.accuracy is not None
    assert metrics.accuracy >= 0.75
