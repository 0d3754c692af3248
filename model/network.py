"""The Keras network: a sentence encoder and n-grams, one softmax over the intents. Imports Keras: for training only.

Three parts, each a functional model of stock layers, so that the saved whole loads in safe mode anywhere:

- the encoder (`model.encoder`) turns token ids into the features of a sentence; a catalog may do without;
- the head, trained here, turns those features and the n-grams of the text into logits;
- the similarity compares the features with the prototypes of each intent.

The logits have one column more than there are intents: the last is "none of them", learnt from messages that are out
of scope everywhere.
"""

import math
from collections.abc import Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops
from numpy.typing import NDArray

from model.config import HeadConfig
from model.features import Encoded, pad_ngrams, pad_tokens
from model.prototypes import Prototypes

Rows = Sequence[Encoded]
HeadBatch = tuple[dict[str, NDArray[np.generic]], NDArray[np.float32], NDArray[np.float32]]


def build_head(n_features: int, n_ids: int, n_outputs: int, config: HeadConfig) -> keras.Model:
    """Return a new head: n-grams, and where `n_features` is not 0 the features of a sentence, to logits.

    Beside an encoder the n-grams have a linear path alone (wide), and the features one or two, the second with a hidden
    layer. Without one the n-grams are wide and deep (Cheng et al. 2016, "Wide & Deep Learning for Recommender
    Systems"): the linear path remembers the words of an intent, a hidden layer generalises over them.

    Parameters
    ----------
    n_features
        The width of the sentence features, or 0 for none.
    n_ids
        The number of n-grams.
    n_outputs
        The number of intents, and one.
    config
        Sizes and rates.
    """
    ids = keras.Input((None,), dtype="int32", name="ngram_ids")
    weights = keras.Input((None,), dtype="float32", name="ngram_weights")

    def bag(units: int, name: str, deviation: float) -> keras.KerasTensor:
        initializer = keras.initializers.RandomNormal(stddev=deviation)
        embedded = layers.Embedding(n_ids, units, embeddings_initializer=initializer, name=name)(ids)
        return layers.Dot(axes=1, name=f"{name}_bag")([weights, embedded])

    inputs = {"ngram_ids": ids, "ngram_weights": weights}
    wide = bag(n_outputs, "wide", 1e-3)
    if n_features:
        inputs["features"] = keras.Input((n_features,), dtype="float32", name="features")
        dropped = layers.Dropout(config.feature_dropout)(inputs["features"])
        paths = [
            layers.Dense(n_outputs, name="head")(dropped),
            layers.Rescaling(config.ngram_weight, name="ngram_weight")(wide),
        ]
        if config.feature_units:
            initializer = keras.initializers.RandomNormal(stddev=4.0 * n_features**-0.5)
            hidden = layers.Dense(config.feature_units, "gelu", kernel_initializer=initializer, name="hidden")
            dropped = layers.Dropout(config.dropout)(hidden(inputs["features"]))
            paths.append(layers.Dense(n_outputs, kernel_initializer="zeros", name="hidden_head")(dropped))
    else:
        hidden = layers.Activation("relu")(bag(config.hidden_units, "deep", 0.3 * config.hidden_units**-0.5))
        paths = [layers.Dense(n_outputs, name="head")(layers.Dropout(config.dropout)(hidden)), wide]
    return keras.Model(inputs, layers.Add(name="logits")(paths), name="intents")


def start_at(head: keras.Model, classifier: NDArray[np.float32]) -> None:
    """Let a head beside an encoder begin as a linear classifier of its features.

    Parameters
    ----------
    classifier
        Shape ``(n_outputs, n_features)``.
    """
    head.get_layer("head").set_weights([classifier.T, np.zeros(len(classifier), np.float32)])


def build_similarity(prototypes: Prototypes) -> keras.Model:
    """Return a model from features, ``(n_texts, n_features)``, to what `Prototypes.similarity` says of them."""
    n_labels, n_prototypes, n_features = prototypes.centres.shape
    features = keras.Input((n_features,), dtype="float32", name="features")
    likeness = layers.Dense(n_labels * n_prototypes, name="prototypes")
    grouped = layers.Reshape((n_labels, n_prototypes))(likeness(features))
    likeness.set_weights([prototypes.centres.reshape(-1, n_features).T, -prototypes.tightness.repeat(n_prototypes)])
    return keras.Model(features, ops.max(grouped, axis=-1), name="nearest_prototype")


def assemble(head: keras.Model, encoder: keras.Model | None, similarity: keras.Model | None) -> keras.Model:
    """Return the whole network: token ids and n-grams in, logits and similarity out."""
    inputs = {name: keras.Input((None,), dtype=head.input[name].dtype, name=name) for name in _NGRAM_INPUTS}
    if encoder is None or similarity is None:
        return keras.Model(inputs, {"logits": head(inputs)})
    tokens = keras.Input((None,), dtype="int32", name="token_ids")
    features = encoder(tokens)
    outputs = {"logits": head(inputs | {"features": features}), "similarity": similarity(features)}
    return keras.Model(inputs | {"token_ids": tokens}, outputs)


_NGRAM_INPUTS = ("ngram_ids", "ngram_weights")


class HeadBatches:
    """Encoded texts in batches, each padded to its own longest text, in a new seeded order every epoch.

    Parameters
    ----------
    texts
        The encoded texts.
    features
        Shape ``(n_texts, n_features)``; `n_features` may be 0.
    targets
        float32, shape ``(n_texts, n_outputs)``: one row of one-hot labels a text.
    sample_weights
        float32, shape ``(n_texts,)``.
    batch_size
        Texts in a batch; the last may have fewer.
    seed
        Orders the texts.
    """

    def __init__(
        self,
        texts: Rows,
        features: NDArray[np.float32],
        targets: NDArray[np.float32],
        sample_weights: NDArray[np.float32],
        *,
        batch_size: int,
        seed: int,
    ) -> None:
        self._texts = texts
        self._features = features
        self._targets = targets
        self._sample_weights = sample_weights
        self._batch_size = batch_size
        self._random = np.random.default_rng(seed)

    def __len__(self) -> int:
        return math.ceil(len(self._texts) / self._batch_size)

    def __iter__(self) -> Iterator[HeadBatch]:
        order = self._random.permutation(len(self._texts))
        for start in range(0, len(order), self._batch_size):
            rows = order[start : start + self._batch_size]
            inputs = head_inputs([self._texts[row] for row in rows], self._features[rows])
            yield inputs, self._targets[rows], self._sample_weights[rows]

    def dataset(self) -> tf.data.Dataset:
        """Return the batches of one epoch after the other, for `keras.Model.fit`.

        With a signature of its own: `fit` would take the widths of the first batches for those of all.
        """
        inputs = {
            "ngram_ids": tf.TensorSpec((None, None), tf.int32),
            "ngram_weights": tf.TensorSpec((None, None), tf.float32),
        }
        if self._features.shape[1]:
            inputs["features"] = tf.TensorSpec((None, self._features.shape[1]), tf.float32)
        targets = tf.TensorSpec((None, self._targets.shape[1]), tf.float32)
        signature = (inputs, targets, tf.TensorSpec((None,), tf.float32))
        dataset = tf.data.Dataset.from_generator(self.__iter__, output_signature=signature)
        return dataset.apply(tf.data.experimental.assert_cardinality(len(self))).prefetch(2)


def compile_head(head: keras.Model, config: HeadConfig, n_steps: int) -> None:
    """Set loss and optimiser; the learning rate falls to 0 along a cosine over `n_steps` batches.

    Categorical cross-entropy with label smoothing (Szegedy et al. 2016) under AdamW (Loshchilov and Hutter 2019,
    "Decoupled Weight Decay Regularization").
    """
    if "features" in head.input:
        learning_rate, weight_decay = config.encoder_learning_rate, config.encoder_weight_decay
    else:
        learning_rate, weight_decay = config.learning_rate, config.weight_decay
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, n_steps)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=weight_decay)
    optimizer.build(head.trainable_variables)  # else the first step makes variables, and is traced twice
    head.compile(
        optimizer=optimizer,
        loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=config.label_smoothing),
        jit_compile=False,  # batches differ in width, and every width would compile anew
    )


def head_inputs(texts: Rows, features: NDArray[np.float32]) -> dict[str, NDArray[np.generic]]:
    """Return the inputs of a head for some texts."""
    ids, weights = pad_ngrams(texts)
    inputs: dict[str, NDArray[np.generic]] = {"ngram_ids": ids, "ngram_weights": weights}
    return inputs | {"features": features} if features.shape[1] else inputs


def predict_logits(
    head: keras.Model, texts: Rows, features: NDArray[np.float32], batch_size: int = 512
) -> NDArray[np.float32]:
    """Return the logits of encoded texts, shape ``(n_texts, n_outputs)``."""
    parts = [
        np.asarray(
            head(head_inputs(texts[start : start + batch_size], features[start : start + batch_size]), training=False)
        )
        for start in range(0, len(texts), batch_size)
    ]
    return np.concatenate(parts) if parts else np.zeros((0, head.output_shape[-1]), np.float32)


def network_inputs(texts: Rows) -> dict[str, NDArray[np.generic]]:
    """Return the inputs of a whole network for some texts, one at least."""
    inputs = head_inputs(texts, np.zeros((len(texts), 0), np.float32))
    return inputs | {"token_ids": pad_tokens(texts)} if len(texts[0].token_ids) else inputs
