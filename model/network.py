"""The Keras network: n-grams into embedding bags, one softmax over the intents. Imports Keras: for training only.

Wide and deep (Cheng et al. 2016, "Wide & Deep Learning for Recommender Systems"): a linear path remembers the words of
an intent, a hidden layer generalises over them. Stock layers alone: the saved model loads in safe mode anywhere.
"""

import math
from collections.abc import Sequence

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from model.config import NetworkConfig
from model.features import pad

Encoded = tuple[NDArray[np.int32], NDArray[np.float32]]
"""The ids and the weights of one text, both of shape ``(n_ngrams,)``."""


def build_network(n_ids: int, n_labels: int, config: NetworkConfig) -> keras.Model:
    """Return a new network: ids and weights of shape ``(n_texts, n_ngrams)`` in, logits ``(n_texts, n_labels)`` out."""
    ids = keras.Input((None,), dtype="int32", name="ngram_ids")
    weights = keras.Input((None,), dtype="float32", name="ngram_weights")

    def bag(units: int, name: str, deviation: float) -> keras.KerasTensor:
        initializer = keras.initializers.RandomNormal(stddev=deviation)
        embedded = layers.Embedding(n_ids, units, embeddings_initializer=initializer, name=name)(ids)
        return layers.Dot(axes=1, name=f"{name}_bag")([weights, embedded])

    hidden = layers.Activation("relu")(bag(config.hidden_units, "deep", 0.3 * config.hidden_units**-0.5))
    deep = layers.Dense(n_labels, name="head")(layers.Dropout(config.dropout)(hidden))
    wide = bag(n_labels, "wide", 1e-3)
    return keras.Model([ids, weights], layers.Add(name="logits")([deep, wide]))


class Batches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras ships no types
    """Encoded texts in batches, each padded to its own longest text, in a new seeded order every epoch.

    Parameters
    ----------
    texts
        The encoded texts.
    targets
        float32, shape ``(n_texts, n_labels)``: one row of one-hot labels a text.
    sample_weights
        float32, shape ``(n_texts,)``.
    batch_size
        Texts in a batch; the last may have fewer.
    seed
        Orders the texts.
    """

    def __init__(
        self,
        texts: Sequence[Encoded],
        targets: NDArray[np.float32],
        sample_weights: NDArray[np.float32],
        *,
        batch_size: int,
        seed: int,
    ) -> None:
        super().__init__()
        self._texts = texts
        self._targets = targets
        self._sample_weights = sample_weights
        self._batch_size = batch_size
        self._random = np.random.default_rng(seed)
        self._order = self._random.permutation(len(texts))

    def __len__(self) -> int:
        return math.ceil(len(self._texts) / self._batch_size)

    def __getitem__(self, number: int) -> tuple[Encoded, NDArray[np.float32], NDArray[np.float32]]:
        rows = self._order[number * self._batch_size : (number + 1) * self._batch_size]
        return pad([self._texts[row] for row in rows]), self._targets[rows], self._sample_weights[rows]

    def on_epoch_end(self) -> None:
        """Take a new order."""
        self._order = self._random.permutation(len(self._texts))


def compile_network(network: keras.Model, config: NetworkConfig, n_steps: int) -> None:
    """Set loss and optimiser; the learning rate falls to 0 along a cosine over `n_steps` batches.

    Categorical cross-entropy with label smoothing (Szegedy et al. 2016) under AdamW (Loshchilov and Hutter 2019,
    "Decoupled Weight Decay Regularization").
    """
    schedule = keras.optimizers.schedules.CosineDecay(config.learning_rate, n_steps)
    network.compile(
        optimizer=keras.optimizers.AdamW(schedule, weight_decay=config.weight_decay),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=config.label_smoothing),
        weighted_metrics=["accuracy"],
        jit_compile=False,  # batches differ in width, and every width would compile anew
    )


def predict_logits(network: keras.Model, texts: Sequence[Encoded], batch_size: int = 512) -> NDArray[np.float32]:
    """Return the logits of encoded texts, shape ``(n_texts, n_labels)``."""
    parts = [
        np.asarray(network(pad(texts[start : start + batch_size]), training=False), np.float32)
        for start in range(0, len(texts), batch_size)
    ]
    return np.concatenate(parts) if parts else np.zeros((0, network.output_shape[-1]), np.float32)
