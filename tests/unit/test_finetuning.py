"""Fine-tuning: what it changes, how it goes on after an interruption, and what its batches are made of."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from model.config import FineTuningConfig
from model.encoder import SentenceEncoder, read_encoder
from model.finetuning import FineTuning, PairBatches, _drop_damaged, contrastive_loss

CONFIG = FineTuningConfig(batch_size=8, learning_rate=5e-3)
STAGE = "fine-tuning"
TEXTS = [
    f"{word} {more}" for word in ("hello", "good morning", "hi") for more in ("bot", "friend", "there", "everyone")
]
TEXTS += [f"{word} {more}" for word in ("pizza", "order", "one cheese") for more in ("please", "now", "for me", "sure")]
LABELS = np.repeat([0, 1], 12)
N_STEPS = 3
"""Batches of an epoch: 24 texts, 8 a batch."""


class Tuned:
    """One run on a fresh encoder, as far as it comes."""

    def __init__(
        self,
        directory: Path,
        checkpoints: Path,
        *,
        config: FineTuningConfig = CONFIG,
        epochs: int = 2,
        tell: Callable[[int], None] = lambda _: None,
    ) -> None:
        keras.utils.set_random_seed(3)  # dropout layers draw their seeds when an encoder is read
        self.encoder = read_encoder(directory)
        self.lower = self.encoder.lower.get_weights()
        self.upper = self.encoder.upper.get_weights()
        self.checkpoints = checkpoints
        self.steps: list[int] = []
        self.totals: set[int] = set()

        def hear(stage: str, done: int, of: int) -> None:
            if stage == STAGE:
                self.steps.append(done)
                self.totals.add(of)
                tell(done)

        self.tuning = FineTuning(self.encoder, TEXTS, LABELS, config=config, seed=3, tell=hear)
        self.classifier: NDArray[np.float32] | None = None
        self.was_interrupted = False
        try:
            self.classifier = self.tuning.run(STAGE, epochs, checkpoints)
        except KeyboardInterrupt:
            self.was_interrupted = True

    @property
    def moved(self) -> list[NDArray[np.float32]]:
        """By how much each weight of the upper half was changed."""
        return [after - before for after, before in zip(self.encoder.upper.get_weights(), self.upper, strict=True)]


def interrupt_at(step: int) -> Callable[[int], None]:
    def tell(done: int) -> None:
        if done == step:
            raise KeyboardInterrupt

    return tell


WHOLE = replace(CONFIG, tuned_share=1.0)


@pytest.fixture(scope="module")
def whole(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    """A run of which all is kept."""
    return Tuned(tiny_encoder, tmp_path_factory.mktemp("whole"), config=WHOLE)


@pytest.fixture
def checkpoints(whole: Tuned, tmp_path: Path) -> Path:
    """A copy of what that run left."""
    return Path(shutil.copytree(whole.checkpoints, tmp_path / "checkpoints"))


def mean_loss(encoder: SentenceEncoder) -> float:
    """The contrastive loss over all texts: low where those of a class are nearer to each other than to the rest."""
    features = encoder.features(TEXTS, "reading", lambda *_: None)
    loss = contrastive_loss(CONFIG.contrastive_temperature)
    return float(np.mean(loss(np.eye(2, dtype=np.float32)[LABELS], features)))


def test_upper_half_learns_and_lower_half_stays(whole: Tuned, tiny_encoder: Path) -> None:
    """Afterwards the texts of a class are nearer to each other than before."""
    assert all(
        np.array_equal(one, other) for one, other in zip(whole.encoder.lower.get_weights(), whole.lower, strict=True)
    )
    trained = whole.encoder.upper.trainable_variables
    assert len(trained) == 16, "one of two layers"
    assert max(float(np.abs(change).max()) for change in whole.moved) > 1e-3
    assert mean_loss(whole.encoder) < mean_loss(read_encoder(tiny_encoder)) - 0.3


def test_every_step_is_told(whole: Tuned) -> None:
    """Over all epochs, from 1 to as many as were announced."""
    assert whole.steps == list(range(1, 2 * N_STEPS + 1))
    assert whole.totals == {2 * N_STEPS}


def test_classifier_begins_at_the_class_means_and_learns(whole: Tuned) -> None:
    """One vector a class; the texts of each are nearest to its own."""
    assert whole.classifier is not None
    assert whole.classifier.shape == (2, whole.encoder.n_features)
    features = whole.encoder.features(TEXTS, "reading", lambda *_: None)
    assert (features @ whole.classifier.T).argmax(axis=1).tolist() == LABELS.tolist()
    assert np.linalg.norm(whole.classifier, axis=1) == pytest.approx([1, 1], abs=0.3)


def test_finished_run_is_not_repeated(whole: Tuned, tiny_encoder: Path, checkpoints: Path) -> None:
    """A training that was interrupted after it comes to the same encoder without a step."""
    again = Tuned(tiny_encoder, checkpoints, config=WHOLE)
    assert again.steps == []
    assert_moved_alike(again, whole)
    assert again.classifier == pytest.approx(whole.classifier, abs=1e-5)


def assert_moved_alike(one: Tuned, other: Tuned, *, share: float = 1.0, tolerance: float = 1e-5) -> None:
    """Weights are compared, not the states of random number generators."""
    variables = one.encoder.upper.weights
    for own, its, variable in zip(one.moved, other.moved, variables, strict=True):
        if variable.dtype == "float32":
            assert own == pytest.approx(share * its, abs=tolerance)


def test_weights_are_drawn_back(whole: Tuned, tiny_encoder: Path, checkpoints: Path) -> None:
    """Of every change its share is kept."""
    assert_moved_alike(Tuned(tiny_encoder, checkpoints, config=replace(WHOLE, tuned_share=0.7)), whole, share=0.7)


def test_interrupted_run_goes_on_at_the_next_epoch(whole: Tuned, tiny_encoder: Path, tmp_path: Path) -> None:
    """What was done is not done again, and both together come to much what a run without interruption does."""
    first = Tuned(tiny_encoder, tmp_path / "run", config=WHOLE, tell=interrupt_at(N_STEPS + 1))
    assert first.was_interrupted
    assert first.steps == list(range(1, N_STEPS + 2))
    second = Tuned(tiny_encoder, tmp_path / "run", config=WHOLE)
    assert second.steps == list(range(N_STEPS + 1, 2 * N_STEPS + 1))
    assert second.totals == {2 * N_STEPS}
    assert_moved_alike(second, whole, tolerance=3e-2)


def test_interruption_before_the_end_of_the_first_epoch_leaves_nothing(tiny_encoder: Path, tmp_path: Path) -> None:
    """There is nothing to go on from."""
    assert Tuned(tiny_encoder, tmp_path / "run", tell=interrupt_at(1)).was_interrupted
    assert not list(tmp_path.rglob("*.h5"))


def test_checkpoint_cut_in_writing_does_no_harm(tiny_encoder: Path, checkpoints: Path) -> None:
    """A process killed while it wrote one must not keep every later training from running: it begins anew."""
    (weights,) = checkpoints.rglob("latest.weights.h5")
    weights.write_bytes(weights.read_bytes()[:2_000])
    again = Tuned(tiny_encoder, checkpoints, config=WHOLE)
    assert again.classifier is not None
    assert again.steps == list(range(1, 2 * N_STEPS + 1))


@pytest.mark.parametrize(
    ("name", "n_bytes"), [("latest.weights.h5", 0), ("latest.weights.h5", 2_000), ("training_metadata.json", 10)]
)
def test_checkpoint_of_which_a_file_is_cut_is_dropped(checkpoints: Path, name: str, n_bytes: int) -> None:
    """Whole, it stays."""
    _drop_damaged(checkpoints)
    (path,) = checkpoints.rglob(name)
    path.write_bytes(path.read_bytes()[:n_bytes])
    _drop_damaged(checkpoints)
    assert not checkpoints.exists()


# Batches.


def batches(labels: list[int], *, size: int = 8, dropout: float = 0.5, seed: int = 0, epoch: int = 0) -> PairBatches:
    """Batches of texts of 1 to 9 tokens; each state holds the number of its text, and that of its token."""
    states = [np.array([[row + 1, token, 1] for token in range(row % 9 + 1)], np.float32) for row in range(len(labels))]
    made = PairBatches(states, np.array(labels), batch_size=size, token_dropout=dropout, seed=seed)
    made.epoch = epoch
    return made


def rows_of(made: PairBatches) -> list[list[int]]:
    """The number of each text, batch by batch."""
    return [(states[:, 0, 0] - 1).astype(int).tolist() for (states, _), _ in made]


MIXED = [0] * 7 + [1] * 4 + [2] + [3] * 12


def test_batches_are_made_of_pairs_of_one_class() -> None:
    """Else a text would have none of its kind to be near to; an odd one out is paired with another once more."""
    for rows in rows_of(batches(MIXED)):
        assert len(rows) % 2 == 0
        for one, other in zip(rows[::2], rows[1::2], strict=True):
            assert MIXED[one] == MIXED[other]


def test_an_epoch_has_every_text() -> None:
    """And one of each odd class twice."""
    rows = [row for batch in rows_of(batches(MIXED)) for row in batch]
    assert set(rows) == set(range(len(MIXED)))
    assert len(rows) == 8 + 4 + 2 + 12
    assert len(batches(MIXED)) == len(rows_of(batches(MIXED)))


def test_order_differs_from_epoch_to_epoch_but_not_from_run_to_run() -> None:
    """So that an interrupted run goes on as it would have."""
    first, second = (rows_of(batches(MIXED, epoch=epoch)) for epoch in (0, 1))
    assert first != second
    assert rows_of(batches(MIXED, epoch=1)) == second
    assert rows_of(batches(MIXED, seed=1)) != first


def test_targets_are_the_classes() -> None:
    """One-hot, the same for both losses."""
    for (states, _), targets in batches(MIXED):
        rows = (states[:, 0, 0] - 1).astype(int)
        assert targets["logits"].argmax(axis=1).tolist() == [MIXED[row] for row in rows]
        assert targets["logits"].sum() == len(rows)
        assert targets["features"] is targets["logits"]


@pytest.mark.parametrize("dropout", [0.0, 0.5, 1.0])
def test_tokens_are_overlooked_but_never_the_first(dropout: float) -> None:
    """A share of them, others every time, is left out of the batch; its padding is masked."""
    n_kept, n_tokens = 0, 0
    for epoch in range(5):
        for (states, mask), _ in batches([0, 1] * 100, size=32, dropout=dropout, epoch=epoch):
            assert (states[:, 0, 1] == 0).all()
            assert ((states[..., 2] == 1) == mask).all()
            assert (np.diff(states[..., 1], axis=1)[mask[:, 1:]] > 0).all()
            n_kept += mask[:, 1:].sum()
            n_tokens += ((states[:, 0, 0] - 1) % 9).sum()
            assert mask.shape == states.shape[:2]
            assert mask.shape[1] % 4 == 0
    assert n_kept / n_tokens == pytest.approx(1 - dropout, abs=0.03)


@pytest.mark.parametrize("labels", [[0, 1], [0] * 5, [0, 1, 1], list(range(40))])
def test_few_texts_make_a_batch(labels: list[int]) -> None:
    """At least one, whatever the batch size."""
    made = batches(labels, size=64)
    assert len(rows_of(made)) == len(made) >= 1


# The contrastive loss.


def unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_contrastive_loss_is_that_of_the_paper() -> None:
    """Equation 2 of Khosla et al. 2020, over a batch computed by loops."""
    random = np.random.default_rng(0)
    features, classes, temperature = unit(random.normal(size=(7, 5))), [0, 1, 0, 2, 1, 0, 1], 0.2
    expected = []
    for row in range(7):
        others = [other for other in range(7) if other != row]
        total = sum(np.exp(features[row] @ features[other] / temperature) for other in others)
        own = [other for other in others if classes[other] == classes[row]]
        logs = [np.log(np.exp(features[row] @ features[other] / temperature) / total) for other in own]
        expected.append(-np.mean(logs) if logs else 0.0)
    found = contrastive_loss(temperature)(np.eye(3, dtype=np.float32)[classes], features)
    assert float(np.mean(found)) == pytest.approx(np.mean(expected), rel=1e-4)


def test_learning_of_the_timing_is_undone(tiny_encoder: Path) -> None:
    """The time of a step is measured on the network itself, which then begins as it was."""
    encoder = read_encoder(tiny_encoder)
    before = [np.array(weight) for weight in encoder.upper.get_weights()]
    tuning = FineTuning(encoder, TEXTS, LABELS, config=CONFIG, seed=0, tell=lambda *_: None)
    assert 0 < tuning.seconds_per_step() < 60
    for one, other in zip(encoder.upper.get_weights(), before, strict=True):
        if one.dtype == np.float32:
            assert np.array_equal(one, other)
