"""Fine-tuning the upper half of the sentence encoder on a catalog. For training only.

Cross-entropy on a cosine classifier that begins at the class means, and the supervised contrastive loss (Khosla et al.
2020, "Supervised Contrastive Learning") on batches made of pairs of one class. The lower half stays frozen, so its
hidden states are computed once. In the end the weights are drawn back towards those before (Wortsman et al. 2022,
"Robust fine-tuning of zero-shot models").
"""

import itertools
import json
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import h5py
import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops
from numpy.typing import NDArray

from model.config import FineTuningConfig
from model.encoder import SentenceEncoder, Tell, pad_states

TIMED_STEPS = 6

LEAST_GROUPED = 8
"""From so many batches an epoch on, texts of like length come together; with fewer, a batch could lack most classes."""

LENGTH_NOISE = 4.0
"""Tokens by which the length of a pair may be misjudged when pairs are put together: batches vary, and pad little."""

PairBatch = tuple[tuple[NDArray[np.float32], NDArray[np.bool_]], dict[str, NDArray[np.float32]]]


class FineTuning:
    """Fine-tunes one encoder on one set of texts.

    Parameters
    ----------
    encoder
        Its upper half is changed in place by `run`.
    texts
        Normalised.
    labels
        The class of each, shape ``(n_texts,)``; every class has a text.
    config
        Rates and sizes.
    seed
        Of the batches and the dropout.
    tell
        Hears of the progress.
    """

    def __init__(
        self,
        encoder: SentenceEncoder,
        texts: Sequence[str],
        labels: NDArray[np.intp],
        *,
        config: FineTuningConfig,
        seed: int,
        tell: Tell,
    ) -> None:
        self._config = config
        self._upper = encoder.upper
        self._tell = tell
        keras.utils.set_random_seed(seed)
        states = encoder.hidden_states(texts, "reading the patterns", tell)
        self._batches = PairBatches(
            states, labels, batch_size=config.batch_size, token_dropout=config.token_dropout, seed=seed
        )
        self._network = self._build(int(labels.max()) + 1, _class_means(encoder.features_of_states(states), labels))
        self._at_start = [np.array(weight) for weight in self._network.get_weights()]

    def seconds_per_step(self) -> float:
        """Return how long a batch takes on this machine, by a few whose learning is undone."""
        self._compile(n_steps=1_000)
        batches = list(itertools.islice(self._batches, TIMED_STEPS))
        for _ in range(2):  # the first time traces for every width, and does not count
            started = time.perf_counter()
            for inputs, targets in batches:
                self._network.train_on_batch(inputs, targets)
            duration_s = time.perf_counter() - started
        self._network.set_weights(self._at_start)
        return duration_s / len(batches)

    def run(self, stage: str, epochs: int, checkpoints: Path) -> NDArray[np.float32]:
        """Fine-tune for so many epochs, from where an interrupted run of the same stopped.

        Returns the weights of the cosine classifier, shape ``(n_classes, n_features)``.

        Parameters
        ----------
        stage
            What is told.
        epochs
            Passes over the texts.
        checkpoints
            A directory for this run alone; an epoch that was done is not done again.
        """
        n_steps = epochs * len(self._batches)
        self._compile(n_steps)
        _drop_damaged(checkpoints)
        counter = _Counter(stage, n_steps, len(self._batches), self._batches, self._tell)
        backup = keras.callbacks.BackupAndRestore(checkpoints, save_freq="epoch", delete_checkpoint=False)
        self._network.fit(self._batches.dataset(), epochs=epochs, callbacks=[backup, counter], shuffle=False, verbose=0)
        share = self._config.tuned_share
        pairs = zip(self._network.get_weights(), self._at_start, strict=True)
        self._network.set_weights([share * tuned + (1 - share) * before for tuned, before in pairs])
        classifier: NDArray[np.float32] = self._network.get_layer("cosine").get_weights()[0].T * self._config.head_speed
        return classifier

    def _build(self, n_classes: int, means: NDArray[np.float32]) -> keras.Model:
        features = self._upper(self._upper.input)
        # Adam moves every weight alike: small weights times a large factor learn faster than the encoder does
        quick = self._config.head_speed
        cosine = layers.Dense(n_classes, use_bias=False, name="cosine")
        logits = layers.Rescaling(self._config.scale * quick, name="logits")(cosine(features))
        network = keras.Model(self._upper.input, {"logits": logits, "features": features})
        cosine.set_weights([means.T / quick])
        return network

    def _compile(self, n_steps: int) -> None:
        config = self._config
        warm_up = max(1, round(config.warm_up_share * n_steps))
        optimizer = keras.optimizers.AdamW(
            keras.optimizers.schedules.CosineDecay(
                0.0, max(1, n_steps - warm_up), warmup_target=config.learning_rate, warmup_steps=warm_up
            ),
            weight_decay=config.weight_decay,
            clipnorm=1.0,
        )
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "cosine"])
        optimizer.build(self._network.trainable_variables)  # else the first step makes variables, and is traced twice
        smoothed = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=config.label_smoothing)
        self._network.compile(
            optimizer=optimizer,
            loss={"logits": smoothed, "features": contrastive_loss(config.contrastive_temperature)},
            loss_weights={"logits": 1.0, "features": config.contrastive_weight},
            jit_compile=False,  # batches differ in width, and every width would compile anew
        )


def contrastive_loss(temperature: float) -> keras.losses.Loss:
    """Return the supervised contrastive loss over a batch.

    Of one-hot labels, ``(n_texts, n_classes)``, and features of length 1, ``(n_texts, n_features)``: each text should
    be nearer to those of its own class than to the others. A text alone in its class adds nothing.
    """

    def loss(labels: keras.KerasTensor, features: keras.KerasTensor) -> keras.KerasTensor:
        own = ops.eye(ops.shape(features)[0])
        cosines = ops.matmul(features, ops.transpose(features)) / temperature - 1e9 * own
        positives = ops.matmul(labels, ops.transpose(labels)) - own
        log_probabilities = cosines - ops.logsumexp(cosines, axis=1, keepdims=True)
        return -ops.sum(positives * log_probabilities, axis=1) / ops.maximum(ops.sum(positives, axis=1), 1.0)

    return loss


def _drop_damaged(checkpoints: Path) -> None:
    """Remove a checkpoint that was cut while it was written: the run begins anew."""
    weights = checkpoints / "latest.weights.h5"
    if not weights.exists():
        return
    try:
        json.loads((checkpoints / "training_metadata.json").read_bytes())
        with h5py.File(weights):
            pass
    except (OSError, ValueError):
        shutil.rmtree(checkpoints)


class PairBatches:
    """Batches made of pairs of texts of one class, many pairs being put together by length, anew every epoch.

    Parameters
    ----------
    states
        The hidden states of each text, ``(n_tokens, n_hidden)``.
    labels
        The class of each text, shape ``(n_texts,)``.
    batch_size
        Texts in a batch.
    token_dropout
        The share of tokens that are overlooked, others every time.
    seed
        Together with the number of the epoch it orders the pairs.
    """

    def __init__(
        self,
        states: Sequence[NDArray[np.float32]],
        labels: NDArray[np.intp],
        *,
        batch_size: int,
        token_dropout: float,
        seed: int,
    ) -> None:
        self._token_dropout = token_dropout
        self._states = states
        self._labels = labels
        self._lengths = np.array([len(state) for state in states])
        self._one_hot = np.eye(int(labels.max()) + 1, dtype=np.float32)
        n_pairs = int(np.sum((np.bincount(labels) + 1) // 2))
        self._n_batches = max(1, round(2 * n_pairs / batch_size))
        self._seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        return self._n_batches

    def __iter__(self) -> Iterator[PairBatch]:
        random = np.random.default_rng([self._seed, self.epoch])
        pairs = []
        for label in np.unique(self._labels):
            rows = random.permutation(np.flatnonzero(self._labels == label))
            rows = np.append(rows, rows[: len(rows) % 2])  # an odd one out is paired with the first
            pairs.append(rows.reshape(-1, 2))
        together = random.permutation(np.concatenate(pairs))
        if self._n_batches >= LEAST_GROUPED:
            widths = self._lengths[together].max(axis=1) + random.uniform(0.0, LENGTH_NOISE, len(together))
            together = together[np.argsort(widths)]
        parts = np.array_split(together, self._n_batches)
        for number in random.permutation(len(parts)):
            rows = parts[number].ravel()
            targets = self._one_hot[self._labels[rows]]
            batch = pad_states([self._some_tokens(self._states[row], random) for row in rows])
            yield batch, {"logits": targets, "features": targets}

    def _some_tokens(self, states: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
        """Return the hidden states of a text without those that are overlooked this time."""
        is_kept = random.random(len(states)) >= self._token_dropout
        is_kept[0] = True  # the opening token stays, so that every text has one
        return states[is_kept]

    def dataset(self) -> tf.data.Dataset:
        """Return the batches of one epoch, for `keras.Model.fit`; nothing is read ahead, the epoch may still change."""
        states = tf.TensorSpec((None, None, self._states[0].shape[1]), tf.float32)
        targets = tf.TensorSpec((None, self._one_hot.shape[1]), tf.float32)
        signature = ((states, tf.TensorSpec((None, None), tf.bool)), {"logits": targets, "features": targets})
        dataset = tf.data.Dataset.from_generator(self.__iter__, output_signature=signature)
        return dataset.apply(tf.data.experimental.assert_cardinality(len(self)))


class _Counter(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """Tells of every step, and gives each epoch its own order, also after an interruption."""

    def __init__(self, stage: str, n_steps: int, steps_per_epoch: int, batches: PairBatches, tell: Tell) -> None:
        super().__init__()
        self._stage = stage
        self._n_steps = n_steps
        self._steps_per_epoch = steps_per_epoch
        self._batches = batches
        self._tell = tell
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:  # noqa: ARG002 - the signature is Keras's
        self._epoch = epoch
        self._batches.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:  # noqa: ARG002 - the signature is Keras's
        self._tell(self._stage, self._epoch * self._steps_per_epoch + batch + 1, self._n_steps)


def _class_means(features: NDArray[np.float32], labels: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return the mean feature of each class, brought to length 1, shape ``(n_classes, n_features)``."""
    means = np.stack([features[labels == label].mean(axis=0) for label in range(int(labels.max()) + 1)])
    normed: NDArray[np.float32] = means / np.linalg.norm(means, axis=1, keepdims=True)
    return normed
