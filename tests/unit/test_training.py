"""Training on small catalogs: whatever a checked catalog holds, a bundle that serves comes out of it."""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from intents.catalog import Fallback, Intent, IntentCatalog
from model.bundle import Bundle, load_bundle, set_current
from model.classifier import IntentClassifier
from model.config import FineTuningConfig, HeadConfig, Plan, TrainingConfig
from model.decision import Policy, Reason
from model.encoder import EncoderError
from model.encoder_files import TOKENIZER_FILE, identity_of
from model.examples import Examples
from model.network import HeadBatches, build_head, compile_head
from model.outside import generic_messages
from model.runtime import load_runtime
from model.text import normalise
from model.trainer import Encoding, Trainer, batch_size
from model.training import TrainingReport, cross_validator, train
from tests.unit.fakes import saying

QUICK = TrainingConfig(
    min_steps=0, epochs=6, encoder_epochs=6, folds=2, fine_tuning=FineTuningConfig(epochs=2, batch_size=8)
)
UNBALANCED = {
    "numbers": [f"count to {number}" for number in range(12)] + ["COUNT to 1!", "..."],
    "pizza": ["one pizza please", "order a pizza", "pizza delivery"],
    "thanks": ["thank you"],
    "patternless": [],
}
N_OUTSIDE = 60

Told = list[tuple[str, int, int]]


@pytest.fixture(scope="module", autouse=True)
def _few_generic_messages() -> object:
    """Keep the trainings short: some of the messages, taken from the whole list."""
    few = generic_messages()[:: len(generic_messages()) // N_OUTSIDE][:N_OUTSIDE]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("model.trainer.generic_messages", lambda: few)
        yield


@dataclass
class Run:
    """One training: what came out, and what was told on the way."""

    bundle: Bundle
    report: TrainingReport
    told: Told

    @property
    def stages(self) -> list[str]:
        return list(dict.fromkeys(stage for stage, _, _ in self.told))

    def classifier(self) -> IntentClassifier:
        return IntentClassifier(self.bundle, load_runtime(self.bundle), self.bundle.catalog)


def quiet(*_: object) -> None:
    """Hear of the progress, and say nothing."""


def catalog_of(patterns: dict[str, Sequence[str]]) -> IntentCatalog:
    return IntentCatalog(
        tuple(Intent(tag, tuple(texts), saying("ok")) for tag, texts in patterns.items()), Fallback(())
    )


def trained_on(
    patterns: dict[str, Sequence[str]], models_dir: Path, config: TrainingConfig = QUICK, plan: Plan | None = None
) -> Run:
    told: Told = []
    path, report = train(
        catalog_of(patterns),
        models_dir,
        config=config,
        plan=plan or Plan(),
        seed=1,
        tell=lambda *progress: told.append(progress),
    )
    return Run(load_bundle(path), report, told)


@pytest.fixture(scope="module")
def unbalanced(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return trained_on(UNBALANCED, tmp_path_factory.mktemp("unbalanced"))


@pytest.fixture(scope="module")
def with_encoder(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """With the encoder as it was written, and a cache."""
    directory = tmp_path_factory.mktemp("with-encoder")
    return trained_on(UNBALANCED, directory, plan=plan_of(tiny_encoder, "never", cache_dir=directory / "features"))


@pytest.fixture(scope="module")
def fine_tuned(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return trained_on(UNBALANCED, tmp_path_factory.mktemp("tuned"), plan=plan_of(tiny_encoder, "always"))


def plan_of(encoder_dir: Path, fine_tune: str, **changes: object) -> Plan:
    return Plan(**{"encoder_dir": encoder_dir, "is_encoder_chosen": True, "fine_tune": fine_tune} | changes)


@pytest.fixture
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the writing of a network that the test runs nowhere; compiling one with an encoder takes seconds."""
    monkeypatch.setattr("model.training.save_network", lambda *_: 1.0)


# Without an encoder.


def test_labels_are_the_intents_with_patterns_in_their_order(unbalanced: Run) -> None:
    """One without patterns is no class."""
    assert unbalanced.bundle.manifest.labels == ("numbers", "pizza", "thanks")


def test_report_counts_what_was_trained_on(unbalanced: Run) -> None:
    """Patterns that say the same count once, and those that say nothing not at all."""
    report = unbalanced.report
    assert (report.n_patterns, report.n_intents, report.n_outside) == (12 + 3 + 1, 3, N_OUTSIDE)
    assert (report.has_encoder, report.fine_tuning_epochs) == (False, 0)


def test_metrics_are_of_the_patterns_that_can_be_held_out(unbalanced: Run) -> None:
    """An intent's only pattern is always trained on, and so never measured; generic messages are no rows."""
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
    assert manifest.metrics == report.metrics.to_json()
    assert manifest.policy == report.policy
    assert (manifest.seed, manifest.config) == (1, json.loads(json.dumps(QUICK.to_json())))
    assert {"keras", "keras-hub", "nltk", "python", "tensorflow", "tokenizers"} <= manifest.versions.keys()
    training = dict(manifest.training)
    assert training.pop("duration_s") > 0
    assert training.pop("litert_agreement") >= 0.995
    assert training == {"is_encoder_chosen": False, "fine_tuning_epochs": 0, "budget_s": 600.0}


def test_progress_is_told_stage_by_stage(unbalanced: Run) -> None:
    """Each stage counts its epochs from 1 to as many as announced; then the model is written."""
    assert unbalanced.stages == [
        "cross-validating 1/2",
        "cross-validating 2/2",
        "training on everything",
        "writing the model",
    ]
    for stage in unbalanced.stages[:-1]:
        epochs = [(epoch, of) for told, epoch, of in unbalanced.told if told == stage]
        assert epochs == [(number, QUICK.epochs) for number in range(1, QUICK.epochs + 1)]


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
    assert_same(trained_on(UNBALANCED, tmp_path), unbalanced)


def assert_same(again: Run, first: Run) -> None:
    ours, theirs = first.bundle, again.bundle
    assert theirs.manifest.labels == ours.manifest.labels
    assert theirs.manifest.fingerprint == ours.manifest.fingerprint
    assert theirs.features.ngrams.to_json() == ours.features.ngrams.to_json()
    assert again.report.policy.threshold == pytest.approx(first.report.policy.threshold, abs=0.05)
    text = ours.features.encode("order a count")
    for one, other in zip(_scores(theirs, text), _scores(ours, text), strict=True):
        assert one == pytest.approx(other, abs=0.05)


def _scores(bundle: Bundle, text: object) -> tuple[np.ndarray, np.ndarray]:
    (scores,) = load_runtime(bundle).scores([text])  # type: ignore[list-item]
    return scores.logits, scores.similarity


def test_generic_message_that_is_a_pattern_is_no_longer_outside(tmp_path: Path) -> None:
    """What an operator writes as a pattern is in scope."""
    message = generic_messages()[0]
    run = trained_on({"own": [message, "hello"], "pizza": ["one pizza", "pizza please"]}, tmp_path)
    assert run.report.n_outside == N_OUTSIDE - 1
    assert run.classifier().classify(message).intent == "own"


# Catalogs at the edge, with an encoder and without.

GREETINGS = ["hello", "hi there", "good morning"]


@pytest.fixture(params=["n-grams", "encoder"])
def any_plan(request: pytest.FixtureRequest, tiny_encoder: Path) -> Plan:
    """Without an encoder, and with one that is fine-tuned where that can be."""
    return Plan() if request.param == "n-grams" else plan_of(tiny_encoder, "always")


def test_one_intent_alone_can_be_trained(tmp_path: Path, any_plan: Plan) -> None:
    """It can be confused with nothing but what is out of scope."""
    run = trained_on({"greeting": GREETINGS}, tmp_path, plan=any_plan)
    assert run.report.n_intents == 1
    assert run.report.fine_tuning_epochs == 0
    assert run.classifier().classify("hello").reason is Reason.EXACT
    assert run.classifier().classify("good morning hello").ranking[0].tag == "greeting"


def test_one_pattern_an_intent_can_be_trained(tmp_path: Path, any_plan: Plan) -> None:
    """Nothing can be held out, so nothing is measured and the policy is the default."""
    run = trained_on({"greeting": ["hello"], "pizza": ["one pizza"]}, tmp_path, plan=any_plan)
    assert (run.report.metrics, run.report.intents, run.report.policy) == (None, (), Policy())
    assert run.bundle.manifest.metrics is None
    assert run.report.fine_tuning_epochs == 0
    assert run.classifier().classify("one pizza").intent == "pizza"


@pytest.mark.usefixtures("_no_network")
def test_two_patterns_an_intent_are_held_out_in_turn(tmp_path: Path) -> None:
    """Two folds at most, whatever the configuration asks for."""
    patterns = {"greeting": ["hello", "hello there"], "pizza": ["one pizza", "two pizza"]}
    run = trained_on(patterns, tmp_path, TrainingConfig(min_steps=0, epochs=3, folds=5))
    assert run.report.metrics is not None
    assert run.report.metrics.n == 4
    assert [stage for stage in run.stages if "cross" in stage] == ["cross-validating 1/2", "cross-validating 2/2"]


@pytest.mark.parametrize(
    "counts", [(2, 2), (2, 1), (3, 2, 1), (30, 1, 1, 1), (5, 5, 5, 2), (2,) * 30, (3, 1) * 20, (100, 2), (10,) * 10]
)
def test_every_intent_is_both_held_out_and_trained_on(
    counts: tuple[int, ...], tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the encoder is fine-tuned on a part; an intent's only pattern is never held out."""
    patterns = {f"of {n}": [f"{n} {number}" for number in range(count)] for n, count in enumerate(counts)}
    trained: list[Examples] = []

    def fine_tune(self: Trainer, _: str, examples: Examples, *__: object) -> Encoding:
        trained.append(examples)
        return self.untuned

    scored: list[Examples] = []
    monkeypatch.setattr(Trainer, "fine_tune", fine_tune)
    monkeypatch.setattr(Trainer, "fit", lambda *_: None)
    monkeypatch.setattr(Trainer, "_scored", lambda _, __, ___, examples: scored.append(examples))
    trainer = Trainer(catalog_of(patterns), QUICK, plan_of(tiny_encoder, "always", cache_dir=tmp_path), 0, quiet)
    trainer.hold_out(1, tmp_path)
    inside = [label for label in scored[0].labels.tolist() if label < len(counts)]
    own = [text for text in trained[0].texts if not text.startswith("of ")]
    assert set(inside) == {label for label, count in enumerate(counts) if count > 1}
    assert len(inside) == sum(max(1, round(0.2 * count)) for count in counts if count > 1)
    assert len(inside) + len(own) == sum(counts)
    assert {text.split()[0] for text in own} == {str(label) for label in range(len(counts))}
    assert set(scored[0].labels.tolist()) - set(inside) == {len(counts)}, "and some generic messages"


def test_intent_of_which_no_pattern_says_anything_can_be_trained(tmp_path: Path, any_plan: Plan) -> None:
    """The others are found all the same, though neither its tag nor a pattern has a word."""
    tag = "???"
    patterns = {tag: ["...", "?!"], "greeting": GREETINGS, "pizza": ["one pizza", "pizza please", "order a pizza"]}
    run = trained_on(patterns, tmp_path, plan=any_plan)
    assert run.bundle.manifest.labels == (tag, "greeting", "pizza")
    assert np.isfinite(_scores(run.bundle, run.bundle.features.encode("hello"))[0]).all()
    assert run.classifier().classify("order one pizza").ranking[0].tag == "pizza"


def test_huge_pattern_can_be_trained(tmp_path: Path, any_plan: Plan) -> None:
    """Its beginning is read."""
    patterns = {"greeting": GREETINGS, "huge": ["pizza " * 17_000, "x" * 100_000, "漢" * 100_000]}
    run = trained_on(patterns, tmp_path, plan=any_plan)
    assert run.report.n_patterns == 6
    assert run.classifier().classify("pizza " * 17_000).reason is Reason.EXACT
    assert run.classifier().classify("pizza pizza pizza").ranking[0].tag == "huge"


@pytest.mark.parametrize("fine_tune", [None, "always"])
def test_many_intents_of_one_pattern_can_be_trained(tmp_path: Path, tiny_encoder: Path, fine_tune: str | None) -> None:
    """All of them are labels; none can be measured."""
    patterns = {f"intent {number}": [f"about number {number}"] for number in range(300)}
    plan = Plan() if fine_tune is None else plan_of(tiny_encoder, fine_tune)
    run = trained_on(patterns, tmp_path, TrainingConfig(min_steps=0, epochs=1, encoder_epochs=1, folds=2), plan)
    assert (run.report.n_intents, run.report.metrics, run.report.policy) == (300, None, Policy())
    assert run.classifier().classify("about number 123").intent == "intent 123"


@pytest.mark.usefixtures("_no_network")
def test_large_catalog_goes_by_its_own_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer epochs and folds, and rare n-grams are dropped."""
    monkeypatch.setattr("model.trainer.LARGE", 6)
    monkeypatch.setattr("model.trainer.generic_messages", lambda: ("zzz",))
    config = TrainingConfig(
        min_steps=0, epochs=3, epochs_large=1, folds=3, folds_large=2, min_count=1, min_count_large=3
    )
    patterns = {"a": ["hello", "hello you", "hello bot"], "b": ["pizza", "one pizza", "a pizza"]}
    run = trained_on(patterns, tmp_path, config)
    assert [one for one in run.told if one[0] == "training on everything"] == [("training on everything", 1, 1)]
    assert "cross-validating 2/2" in run.stages
    ngrams = run.bundle.features.ngrams
    assert {"hello", "pizza", "you", "bot", "one", "a"} <= set(ngrams.words)
    assert "he" in ngrams.characters
    assert "bo" not in ngrams.characters


# With an encoder.


def test_bundle_holds_the_encoder(with_encoder: Run, tiny_encoder: Path) -> None:
    """As a part of the network, with its tokenizer; the configuration says which it was."""
    assert (with_encoder.bundle.path / TOKENIZER_FILE).is_file()
    assert with_encoder.bundle.manifest.config["encoder"] == identity_of(tiny_encoder)
    assert with_encoder.bundle.manifest.training["is_encoder_chosen"] is True
    assert (with_encoder.report.has_encoder, with_encoder.report.fine_tuning_epochs) == (True, 0)
    logits, similarity = _scores(with_encoder.bundle, with_encoder.bundle.features.encode("one pizza please"))
    assert (len(logits), len(similarity)) == (4, 3)
    assert int(similarity.argmax()) == with_encoder.bundle.manifest.labels.index("pizza")
    assert with_encoder.classifier().classify("order one pizza").ranking[0].tag == "pizza"


@pytest.mark.usefixtures("_no_network")
def test_patterns_that_stand_together_are_held_out_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each once, in one block an intent, and not in the same place of every intent."""
    patterns = {f"i{tag}": [f"x{tag} y{number}" for number in range(10)] for tag in range(6)} | {"few": ["a", "b"]}
    held: list[list[tuple[str, int]]] = []
    scored = Trainer._scored

    def seen(self: Trainer, fitted: Any, features: Any, examples: Examples) -> Any:
        tags = {normalise(text): (tag, number) for tag, own in patterns.items() for number, text in enumerate(own)}
        held.append([tags[text] for text in examples.texts if text in tags])
        return scored(self, fitted, features, examples)

    monkeypatch.setattr(Trainer, "_scored", seen)
    trained_on(patterns, tmp_path, replace(QUICK, folds=5, epochs=1))
    assert sorted(one for fold in held for one in fold) == sorted(
        (tag, number) for tag, own in patterns.items() for number in range(len(own))
    )
    starts = []
    for fold in held:
        assert sum(tag == "few" for tag, _ in fold) <= 1
        for tag in patterns.keys() - {"few"}:
            numbers = [number for own, number in fold if own == tag]
            assert numbers in ([0, 9], list(range(numbers[0], numbers[0] + 2)))
            starts.append(numbers[0] % 2 if numbers != [0, 9] else 1)
    assert set(starts) == {0, 1}


@pytest.mark.usefixtures("_no_network")
@pytest.mark.parametrize("fine_tune", ["never", "always"])
@pytest.mark.parametrize(("large", "widths", "n_epochs"), [(6, {7}, 2), (1_000, set(), 1)])
def test_hidden_layer_is_for_large_catalogs(
    tmp_path: Path,
    tiny_encoder: Path,
    monkeypatch: pytest.MonkeyPatch,
    fine_tune: str,
    large: int,
    widths: set[int],
    n_epochs: int,
) -> None:
    """Fine-tuned or not; with few patterns it would learn them by heart."""
    monkeypatch.setattr("model.trainer.LARGE", large)
    fitted: list[keras.Model] = []

    def remembered(*values: Any) -> keras.Model:
        fitted.append(build_head(*values))
        return fitted[-1]

    monkeypatch.setattr("model.trainer.build_head", remembered)
    config = TrainingConfig(
        min_steps=0,
        encoder_epochs=1,
        encoder_epochs_large=2,
        folds=2,
        folds_large=2,
        head=HeadConfig(feature_units=7),
        fine_tuning=FineTuningConfig(epochs=1, epochs_large=1, batch_size=8),
    )
    patterns = {"a": ["hello", "hello you", "hello bot"], "b": ["pizza", "one pizza", "a pizza"]}
    run = trained_on(patterns, tmp_path, config, plan_of(tiny_encoder, fine_tune))
    assert {layer.units for head in fitted for layer in head.layers if layer.name == "hidden"} == widths
    assert ("training on everything", n_epochs, n_epochs) in run.told
    assert ("training on everything", n_epochs + 1, n_epochs + 1) not in run.told


@pytest.mark.usefixtures("_no_network")
@pytest.mark.parametrize(
    ("fine_tune", "large", "rate"),
    [("never", 1_000, 0.1), ("always", 1_000, 0.2), ("never", 6, 0.3), ("always", 6, 0.3)],
)
def test_head_learns_at_the_rate_of_what_it_begins_at(
    tmp_path: Path, tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch, fine_tune: str, large: int, rate: float
) -> None:
    """At the class means, at the classifier of a fine-tuning, or with many patterns to learn."""
    monkeypatch.setattr("model.trainer.LARGE", large)
    rates: set[float] = set()

    def remembered(head: keras.Model, config: HeadConfig, n_steps: int) -> None:
        rates.add(config.encoder_learning_rate)
        compile_head(head, config, n_steps)

    monkeypatch.setattr("model.trainer.compile_head", remembered)
    head = HeadConfig(
        encoder_learning_rate=0.1, encoder_learning_rate_tuned=0.2, encoder_learning_rate_large=0.3, feature_units=7
    )
    patterns = {"a": ["hello", "hello you", "hello bot"], "b": ["pizza", "one pizza", "a pizza"]}
    trained_on(patterns, tmp_path, replace(QUICK, head=head), plan_of(tiny_encoder, fine_tune))
    assert rates == {rate}


@pytest.mark.usefixtures("_no_network")
@pytest.mark.parametrize(("outside_weight", "together"), [(0.5, 0.5 * 3), (1000.0, 4.0)])
def test_generic_messages_count_as_so_many_intents(
    tmp_path: Path,
    tiny_encoder: Path,
    monkeypatch: pytest.MonkeyPatch,
    outside_weight: float,
    together: float,
) -> None:
    """Beside an encoder: there are more of them than of the patterns, but none counts more than a pattern does."""
    monkeypatch.setattr("model.trainer.generic_messages", lambda: ("zzz", "yyy", "xxx", "www"))
    monkeypatch.setattr("model.trainer.unlike_patterns", lambda generic, _patterns: np.arange(len(generic)))
    weights: list[float] = []

    def remembered(*values: Any, **named: Any) -> HeadBatches:
        _texts, _features, targets, sample_weights = values
        weights.append(float(sample_weights[targets[:, -1] == 1].sum()))
        return HeadBatches(*values, **named)

    monkeypatch.setattr("model.trainer.HeadBatches", remembered)
    config = TrainingConfig(min_steps=0, encoder_epochs=1, folds=2, head=HeadConfig(outside_weight=outside_weight))
    patterns = {"a": ["hello", "hello you"], "b": ["pizza", "one pizza"]}  # and the tag of each
    trained_on(patterns, tmp_path, config, plan_of(tiny_encoder, "never"))
    assert weights[-1] == pytest.approx(together)


@pytest.mark.usefixtures("_no_network")
def test_texts_of_the_next_training_are_known(with_encoder: Run, tiny_encoder: Path, tmp_path: Path) -> None:
    """Only what is new is read."""
    cache = with_encoder.bundle.path.parent / "features"
    assert with_encoder.told[0][0] == "reading the texts"
    more = UNBALANCED | {"bye": ["see you later"]}
    run = trained_on(more, tmp_path, plan=plan_of(tiny_encoder, "never", cache_dir=cache))
    assert [one for one in run.told if one[0] == "reading the texts"] == [("reading the texts", 2, 2)]


def test_encoder_is_fine_tuned_on_the_patterns(fine_tuned: Run, with_encoder: Run) -> None:
    """Once to calibrate, once for the model; the epochs are recorded, and the similarity is another."""
    assert [stage for stage in fine_tuned.stages if "fine" in stage] == ["fine-tuning to calibrate", "fine-tuning"]
    assert fine_tuned.report.fine_tuning_epochs == 2
    assert fine_tuned.bundle.manifest.training["fine_tuning_epochs"] == 2
    text = with_encoder.bundle.features.encode("one pizza")
    assert not np.allclose(_scores(fine_tuned.bundle, text)[1], _scores(with_encoder.bundle, text)[1], atol=1e-4)
    assert fine_tuned.classifier().classify("order one pizza").ranking[0].tag == "pizza"


def test_held_out_part_measures_the_fine_tuned_model(fine_tuned: Run) -> None:
    """A fifth, and at least one of each intent that can spare one."""
    assert fine_tuned.report.metrics is not None
    assert fine_tuned.report.metrics.n == 3
    assert {row.tag for row in fine_tuned.report.intents} == {"numbers", "pizza"}


def test_no_checkpoint_is_left(fine_tuned: Run) -> None:
    """They serve an interrupted training alone."""
    assert [path.name for path in fine_tuned.bundle.path.parent.iterdir()] == [fine_tuned.bundle.name]


def test_same_seed_fine_tunes_the_same_encoder(tiny_encoder: Path, tmp_path: Path) -> None:
    """Dropout, too, goes by it, whatever the process did before."""
    config = replace(QUICK, fine_tuning=FineTuningConfig(batch_size=8, learning_rate=5e-3))
    trainer = Trainer(catalog_of(UNBALANCED), config, plan_of(tiny_encoder, "always"), 1, quiet)
    found = []
    for number in range(2):
        random.seed(number)
        encoding = trainer.fine_tune("fine-tuning", trainer.patterns, 1, tmp_path / str(number))
        found.append(encoding.features.of(trainer.patterns.texts))
    assert found[0] == pytest.approx(found[1], abs=1e-4)


@pytest.mark.usefixtures("_no_network")
def test_encoder_is_not_fine_tuned_within_a_tiny_budget(tiny_encoder: Path, tmp_path: Path) -> None:
    """Fewer epochs than are worth it are none; that is recorded."""
    run = trained_on(UNBALANCED, tmp_path, plan=plan_of(tiny_encoder, "auto", budget_s=0.001))
    assert run.report.fine_tuning_epochs == 0
    assert run.bundle.manifest.training["fine_tuning_epochs"] == 0
    assert run.bundle.manifest.training["budget_s"] == 0.001
    assert "fine-tuning" not in run.stages
    assert [path.name for path in tmp_path.iterdir()] == [run.bundle.name]


@pytest.mark.parametrize(
    ("fine_tune", "seconds", "epochs"),
    [
        ("auto", 3_600.0, 10),
        ("auto", 40.0, 4),
        ("auto", 20.0, 0),
        ("auto", -5.0, 0),
        ("always", -5.0, 10),
        ("never", 3_600.0, 0),
    ],
)
def test_epochs_are_planned_by_the_time(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fine_tune: str, seconds: float, epochs: int
) -> None:
    """As many as fit three quarters of it, fine-tuning once on four fifths and once on all, unless that is too few."""
    monkeypatch.setattr("model.trainer.FineTuning.seconds_per_step", lambda _: 1.0)
    patterns = {"a": [f"hello {number}" for number in range(16)], "b": [f"pizza {number}" for number in range(14)]}
    config = TrainingConfig(fine_tuning=FineTuningConfig(epochs=10, min_epochs=3, batch_size=8))
    plan = plan_of(tiny_encoder, fine_tune, cache_dir=tmp_path)
    trainer = Trainer(catalog_of(patterns), config, plan, 0, quiet)
    # 32 texts with both tags: 4 s an epoch; of 40 s, 30 s less what the timing took
    monkeypatch.setattr("model.trainer.time.monotonic", lambda: 0.0)
    assert trainer.plan_epochs(seconds, tmp_path / "checkpoints") == epochs
    if fine_tune == "auto" and epochs:
        assert trainer.plan_epochs(1.0, tmp_path / "checkpoints") == epochs, "an interrupted run keeps to its plan"


def test_plan_cut_in_writing_is_made_anew(tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process killed while it wrote the plan must not keep every later training from running."""
    monkeypatch.setattr("model.trainer.FineTuning.seconds_per_step", lambda _: 0.001)
    trainer = Trainer(catalog_of(UNBALANCED), QUICK, plan_of(tiny_encoder, "auto", cache_dir=tmp_path), 0, quiet)
    config = QUICK.fine_tuning
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "epochs").touch()
    assert trainer.plan_epochs(3_600.0, tmp_path / "checkpoints") in {0, config.epochs}


def test_directory_without_an_encoder_ends_training_in_order(tmp_path: Path) -> None:
    """Nothing is written."""
    with pytest.raises(EncoderError, match=r"config.json cannot be read"):
        trained_on(UNBALANCED, tmp_path / "models", plan=plan_of(tmp_path / "nowhere", "auto"))
    assert not (tmp_path / "models").exists()


def test_cross_validation_decides_about_every_pattern(tiny_encoder: Path, tmp_path: Path) -> None:
    """Of which its intent has another; by the encoder before fine-tuning, in so many folds."""
    told: Told = []
    cross_validate = cross_validator(
        catalog_of(UNBALANCED),
        plan=plan_of(tiny_encoder, "always", cache_dir=tmp_path),
        seed=0,
        tell=lambda *progress: told.append(progress),
        folds=3,
    )
    found = cross_validate(QUICK)
    assert len(found.messages) == len(found.decisions)
    inside = [message.intent for message in found.messages if message.intent is not None]
    assert (len(inside), set(inside)) == (15, {"numbers", "pizza"})
    assert 0 < len(found.messages) - len(inside) <= N_OUTSIDE
    assert found.policy.threshold > 0
    assert {stage for stage, _, _ in told} >= {f"cross-validating {number}/3" for number in (1, 2, 3)}
    assert not any("fine" in stage for stage, _, _ in told)


# Interruptions.


def stop_at(stage: str, failure: BaseException, told: Told) -> Callable[[str, int, int], None]:
    def tell(*progress: object) -> None:
        told.append(progress)  # type: ignore[arg-type]
        if progress[0] == stage:
            raise failure

    return tell


@pytest.mark.parametrize(
    ("stage", "failure"),
    [
        ("cross-validating 1/2", KeyboardInterrupt()),
        ("training on everything", RuntimeError("terminal gone")),
        ("writing the model", KeyboardInterrupt()),
        ("writing the model", RuntimeError("terminal gone")),
    ],
)
def test_interrupted_training_leaves_what_was_there(tmp_path: Path, failure: BaseException, stage: str) -> None:
    """No half bundle, and the current one untouched."""
    (tmp_path / "old").mkdir()
    set_current(tmp_path, "old")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    with pytest.raises(type(failure)):
        train(
            catalog_of({"greeting": GREETINGS, "pizza": ["one pizza", "pizza please"]}),
            tmp_path,
            config=TrainingConfig(min_steps=0, epochs=1, folds=2),
            plan=Plan(),
            seed=0,
            tell=stop_at(stage, failure, []),
        )
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


@pytest.mark.usefixtures("_no_network")
def test_interrupted_fine_tuning_goes_on(tiny_encoder: Path, tmp_path: Path) -> None:
    """What was fine-tuned is kept beside the bundles until a training of the same patterns ends."""
    (tmp_path / "old").mkdir()
    set_current(tmp_path, "old")
    plan = plan_of(tiny_encoder, "always")
    with pytest.raises(KeyboardInterrupt):
        train(
            catalog_of(UNBALANCED),
            tmp_path,
            config=QUICK,
            plan=plan,
            seed=1,
            tell=stop_at("fine-tuning", KeyboardInterrupt(), []),
        )
    assert (tmp_path / "current").read_text("utf-8").strip() == "old"
    kept = [path.name for path in tmp_path.iterdir() if path.name not in {"old", "current"}]
    assert len(kept) == 1
    assert kept[0].startswith(".fine-tuning-")
    run = trained_on(UNBALANCED, tmp_path, plan=plan)
    assert "fine-tuning to calibrate" not in run.stages
    assert run.report.fine_tuning_epochs == 2
    assert {path.name for path in tmp_path.iterdir()} == {"old", "current", run.bundle.name}


def test_interrupted_fine_tuning_of_other_intents_is_not_gone_on_with(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor of the same in another order, by which the classes are numbered."""
    monkeypatch.setattr("model.trainer.FineTuning.seconds_per_step", lambda _: 0.001)
    other = UNBALANCED | {"thanks": ["thank you", "thanks"]}
    config = replace(QUICK, fine_tuning=FineTuningConfig())
    for patterns in (UNBALANCED, other, dict(reversed(UNBALANCED.items()))):

        def tell(stage: str, _done: int, _of: int) -> None:
            if stage.startswith("fine-tuning"):
                raise KeyboardInterrupt

        plan = plan_of(tiny_encoder, "auto", cache_dir=tmp_path / "features")
        with pytest.raises(KeyboardInterrupt):
            train(catalog_of(patterns), tmp_path, config=config, plan=plan, seed=1, tell=tell)
    assert len(list(tmp_path.glob(".fine-tuning-*"))) == 3


@pytest.mark.parametrize(
    ("n_texts", "size"), [(0, 16), (1, 16), (800, 16), (1_600, 32), (12_800, 256), (1_000_000, 256)]
)
def test_batches_grow_with_the_catalog(n_texts: int, size: int) -> None:
    """A power of two near a fiftieth of the texts, within bounds."""
    assert batch_size(n_texts) == size
    assert np.log2(size).is_integer()
