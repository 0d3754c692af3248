"""Training on small catalogs: whatever a checked catalog holds, a bundle that serves comes out of it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from intents.catalog import Intent, IntentCatalog
from model.bundle import Bundle, load_bundle, set_current
from model.classifier import IntentClassifier
from model.config import TrainingConfig
from model.decision import Policy, Reason
from model.runtime import load_runtime
from model.training import TrainingReport, batch_size, train

QUICK = TrainingConfig(min_steps=0, epochs=3, folds=2)
UNBALANCED = {
    "numbers": [f"count to {number}" for number in range(12)] + ["COUNT to 1!", "..."],
    "pizza": ["one pizza please", "order a pizza", "pizza delivery"],
    "thanks": ["thank you"],
    "patternless": [],
}


@dataclass
class Run:
    """One training: what came out, and what was told on the way."""

    bundle: Bundle
    report: TrainingReport
    told: list[tuple[str, int, int]]

    def classifier(self) -> IntentClassifier:
        return IntentClassifier(self.bundle, load_runtime(self.bundle), self.bundle.catalog)


def catalog_of(patterns: dict[str, Sequence[str]]) -> IntentCatalog:
    return IntentCatalog(tuple(Intent(tag, tuple(texts), ("ok",)) for tag, texts in patterns.items()), ("Sorry?",))


def trained_on(patterns: dict[str, Sequence[str]], models_dir: Path, config: TrainingConfig = QUICK) -> Run:
    told: list[tuple[str, int, int]] = []
    path, report = train(
        catalog_of(patterns), models_dir, config=config, seed=1, tell=lambda *progress: told.append(progress)
    )
    return Run(load_bundle(path), report, told)


@pytest.fixture(scope="module")
def unbalanced(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return trained_on(UNBALANCED, tmp_path_factory.mktemp("unbalanced"))


def test_labels_are_the_intents_with_patterns_in_their_order(unbalanced: Run) -> None:
    """One without patterns is no class."""
    assert unbalanced.bundle.manifest.labels == ("numbers", "pizza", "thanks")


def test_report_counts_what_was_trained_on(unbalanced: Run) -> None:
    """Patterns that say the same count once, and those that say nothing not at all."""
    assert (unbalanced.report.n_patterns, unbalanced.report.n_intents) == (12 + 3 + 1, 3)
    assert 1 <= unbalanced.report.epochs <= QUICK.epochs


def test_metrics_are_of_the_patterns_that_can_be_held_out(unbalanced: Run) -> None:
    """An intent's only pattern is always trained on, and so never measured."""
    metrics = unbalanced.report.metrics
    assert metrics is not None
    assert metrics.n == 12 + 3
    assert {row.tag: row.n for row in unbalanced.report.intents} == {"numbers": 12, "pizza": 3}
    assert metrics.threshold == unbalanced.report.policy.threshold
    assert metrics.accuracy is not None
    assert metrics.accuracy > 0.7
    assert metrics.oos_recall is None


def test_manifest_repeats_the_report(unbalanced: Run) -> None:
    """What was printed can be read again later."""
    manifest, report = unbalanced.bundle.manifest, unbalanced.report
    assert report.metrics is not None
    assert manifest.metrics == report.metrics.to_json() | {"epochs": report.epochs}
    assert manifest.policy == report.policy
    assert (manifest.seed, manifest.config) == (1, json.loads(json.dumps(QUICK.to_json())))
    assert {"keras", "nltk", "python", "tensorflow"} <= manifest.versions.keys()


def test_progress_is_told_stage_by_stage(unbalanced: Run) -> None:
    """Each stage counts its epochs from 1 to no more than announced."""
    stages = list(dict.fromkeys(stage for stage, _, _ in unbalanced.told))
    assert stages[-3:] == ["cross-validating 1/2", "cross-validating 2/2", "training on everything"]
    assert stages[:-3] in ([], ["looking for the epochs"])
    for stage in stages:
        epochs = [epoch for told, epoch, _ in unbalanced.told if told == stage]
        assert epochs == list(range(1, len(epochs) + 1))
    assert all(epoch <= of for _, epoch, of in unbalanced.told)
    assert unbalanced.told[-1][1:] == (unbalanced.report.epochs, unbalanced.report.epochs)


def test_unbalanced_catalog_still_knows_its_small_intents(unbalanced: Run) -> None:
    """Every pattern is answered, and a rare intent is found by its words."""
    classifier = unbalanced.classifier()
    for tag, patterns in UNBALANCED.items():
        for pattern in patterns:
            decision = classifier.classify(pattern)
            assert decision.intent == (None if pattern == "..." else tag)
    assert classifier.classify("thank you so").ranking[0].tag == "thanks"


def test_same_seed_trains_the_same_model(unbalanced: Run, tmp_path: Path) -> None:
    """Labels, vocabulary and fingerprint exactly; figures as exactly as floating point lets them."""
    again = trained_on(UNBALANCED, tmp_path)
    ours, theirs = unbalanced.bundle, again.bundle
    assert theirs.manifest.labels == ours.manifest.labels
    assert theirs.manifest.fingerprint == ours.manifest.fingerprint
    assert theirs.features.to_json() == ours.features.to_json()
    assert again.report.epochs == unbalanced.report.epochs
    assert again.report.policy.threshold == pytest.approx(unbalanced.report.policy.threshold, abs=0.05)
    text = ours.features.encode("order a count")
    assert load_runtime(theirs).logits(*text) == pytest.approx(load_runtime(ours).logits(*text), abs=0.05)


def test_one_intent_alone_can_be_trained(tmp_path: Path) -> None:
    """It has nothing to be confused with, so nothing is measured and the policy is the default."""
    run = trained_on({"greeting": ["hello", "hi there", "good morning"]}, tmp_path)
    assert (run.report.metrics, run.report.intents, run.report.policy) == (None, (), Policy())
    assert run.bundle.manifest.metrics is None
    assert run.classifier().classify("hello").reason is Reason.EXACT
    assert run.classifier().classify("good morning hello").intent == "greeting"


def test_one_pattern_an_intent_can_be_trained(tmp_path: Path) -> None:
    """Nothing can be held out, and all the epochs are used."""
    run = trained_on({"greeting": ["hello"], "pizza": ["one pizza"]}, tmp_path)
    assert (run.report.metrics, run.report.epochs, run.report.policy) == (None, QUICK.epochs, Policy())
    assert run.classifier().classify("one pizza").intent == "pizza"


def test_two_patterns_an_intent_are_held_out_in_turn(tmp_path: Path) -> None:
    """Two folds at most, whatever the configuration asks for."""
    run = trained_on(
        {"greeting": ["hello", "hello there"], "pizza": ["one pizza", "two pizza"]},
        tmp_path,
        TrainingConfig(min_steps=0, epochs=3, folds=5),
    )
    assert run.report.metrics is not None
    assert run.report.metrics.n == 4
    assert "cross-validating 2/2" in {stage for stage, _, _ in run.told}


def test_large_catalog_goes_by_its_own_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer epochs and folds, and rare n-grams are dropped."""
    monkeypatch.setattr("model.training.LARGE", 6)
    config = TrainingConfig(
        min_steps=0, epochs=3, epochs_large=1, folds=3, folds_large=2, min_count=1, min_count_large=3
    )
    run = trained_on(
        {"a": ["hello", "hello you", "hello bot"], "b": ["pizza", "one pizza", "a pizza"]}, tmp_path, config
    )
    assert run.report.epochs == 1
    assert "cross-validating 2/2" in {stage for stage, _, _ in run.told}
    assert set(run.bundle.features.words) == {"hello", "pizza", "you", "bot", "one", "a"}
    assert "he" in run.bundle.features.characters
    assert "bo" not in run.bundle.features.characters


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), RuntimeError("terminal gone")])
def test_interrupted_training_leaves_what_was_there(tmp_path: Path, failure: BaseException) -> None:
    """No half bundle, and the current one untouched."""
    (tmp_path / "old").mkdir()
    set_current(tmp_path, "old")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}

    def tell(*_: object) -> None:
        raise failure

    with pytest.raises(type(failure)):
        train(catalog_of(UNBALANCED), tmp_path, config=QUICK, seed=0, tell=tell)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("n_texts", "size"), [(0, 16), (1, 16), (800, 16), (1_600, 32), (12_800, 256), (1_000_000, 256)]
)
def test_batches_grow_with_the_catalog(n_texts: int, size: int) -> None:
    """A power of two near a fiftieth of the texts, within bounds."""
    assert batch_size(n_texts) == size
    assert np.log2(size).is_integer()
