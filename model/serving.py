"""The trained network laid out as the serving process runs it: texts one behind the other. For training only.

The same weights and the same sums as in the Keras network, in half as many operations: without a dimension of texts,
with queries, keys and values in one product, and with what scales them in their weights. Texts are packed (Krell et al.
2021, "Efficient Sequence Packing without Cross-contamination"): a mask keeps each one's tokens to themselves. In two
parts: the lower half of the encoder, which no training of a catalog changes, and the rest.
"""

from collections.abc import Iterable

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray

from model.runtime import ENCODER_FILE, LITERT_FILE
from model.tokens import MAX_TOKENS

LEAST_SQUARE = 1e-12
"""The least square of a length that is divided by."""

TOKENS = tf.TensorSpec((None,), tf.int32, "token_ids")
POSITIONS = tf.TensorSpec((None,), tf.int32, "positions")
ATTENTION_BIAS = tf.TensorSpec((None, None), tf.float32, "attention_bias")
POOLING = tf.TensorSpec((None, None), tf.float32, "pooling")
NGRAMS = (
    tf.TensorSpec((None,), tf.int32, "ngram_ids"),
    tf.TensorSpec((None, None), tf.float32, "ngram_weights"),
)
"""What the functions read; see `model.packing.pack`."""

Array = NDArray[np.float32]


class PackedNgrams(tf.Module):
    """A network of `model.network.assemble` without a sentence encoder, its weights copied.

    Parameters
    ----------
    network
        The trained one.
    """

    def __init__(self, network: keras.Model) -> None:
        super().__init__()
        head = network.get_layer("intents")
        tables = [np.asarray(head.get_layer(name).embeddings) for name in ("deep", "wide")]
        self._widths = [table.shape[-1] for table in tables]
        self._scales = [float(np.abs(table).max()) or 1.0 for table in tables]  # weights of 8 bits share one
        scaled = [table / scale for table, scale in zip(tables, self._scales, strict=True)]
        self._tables = tf.Variable(np.concatenate(scaled, axis=-1), trainable=False)
        self._head = _dense_of(head.get_layer("head"))

    def functions(self) -> "dict[str, tf.types.experimental.ConcreteFunction]":
        """Return the function of `serving.tflite`, from n-grams to logits, ``(n_texts, n_labels + 1)``."""
        return {LITERT_FILE: tf.function(self._serve).get_concrete_function(*NGRAMS)}

    def _serve(self, ngram_ids: tf.Tensor, ngram_weights: tf.Tensor) -> dict[str, tf.Tensor]:
        # of a product that an activation follows at once, the converter loses the activation
        bags = tf.split(tf.matmul(ngram_weights, tf.gather(self._tables, ngram_ids)), self._widths, axis=-1)
        deep, wide = (bag * scale for bag, scale in zip(bags, self._scales, strict=True))
        return {"logits": self._head(tf.nn.relu(deep)) + wide}


class PackedTexts(tf.Module):
    """A network of `model.network.assemble` with a sentence encoder, its weights copied.

    Parameters
    ----------
    network
        The trained one.
    """

    def __init__(self, network: keras.Model) -> None:
        super().__init__()
        encoder = network.get_layer("encoder")
        lower, upper = encoder.get_layer("lower"), encoder.get_layer("upper")
        backbone = next(layer for layer in lower.layers if isinstance(layer, keras.Model))
        token, segment, position = (
            np.asarray(backbone.get_layer(f"{part}_embedding").weights[0]) for part in ("token", "segment", "position")
        )
        self._n_hidden = token.shape[-1]
        self._tokens = tf.Variable(token, trainable=False)
        self._positions = tf.Variable(position[:MAX_TOKENS] + segment[0], trainable=False)
        self._norm = _Norm(backbone.get_layer("embeddings_layer_norm"))
        self._lower = _blocks_of(backbone.layers)
        self._upper = _blocks_of(upper.layers)
        head, similarity = network.get_layer("intents"), network.get_layer("nearest_prototype")
        scale = head.get_layer("ngram_weight").scale
        self._ngrams = tf.Variable(scale * np.asarray(head.get_layer("wide").embeddings), trainable=False)
        self._head = _dense_of(head.get_layer("head"))
        self._hidden = [_dense_of(layer) for layer in head.layers if layer.name in {"hidden", "hidden_head"}]
        self._prototypes = _dense_of(similarity.get_layer("prototypes"))
        self._n_labels = similarity.output_shape[-1]

    def functions(self) -> "dict[str, tf.types.experimental.ConcreteFunction]":
        """Return the functions of `encoder.tflite` and `serving.tflite`.

        The first goes from tokens to their states, ``(n_tokens, n_hidden)``; the second from those and n-grams to
        logits and similarity, ``(n_texts, n_labels + 1)`` and ``(n_texts, n_labels)``.
        """
        states = tf.TensorSpec((None, self._n_hidden), tf.float32, "states")
        return {
            ENCODER_FILE: tf.function(self._states).get_concrete_function(TOKENS, POSITIONS, ATTENTION_BIAS),
            LITERT_FILE: tf.function(self._serve).get_concrete_function(*NGRAMS, ATTENTION_BIAS, POOLING, states),
        }

    def _states(self, token_ids: tf.Tensor, positions: tf.Tensor, attention_bias: tf.Tensor) -> dict[str, tf.Tensor]:
        ids = tf.maximum(token_ids - 1, 0)  # 0 is padding; the encoder's own ids begin at 1
        states = self._norm(tf.gather(self._tokens, ids) + tf.gather(self._positions, positions))
        for block in self._lower:
            states = block(states, attention_bias)
        return {"states": states}

    def _serve(
        self,
        ngram_ids: tf.Tensor,
        ngram_weights: tf.Tensor,
        attention_bias: tf.Tensor,
        pooling: tf.Tensor,
        states: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        last = states
        for block in self._upper:
            last = block(last, attention_bias)
        # brought to one length, a sum is what a mean is
        means = [_of_length_1(tf.matmul(pooling, one)) for one in (last, states)]
        features = tf.concat(means, axis=-1) * 0.5**0.5
        bags = tf.matmul(ngram_weights, tf.gather(self._ngrams, ngram_ids))
        logits = self._head(features) + bags
        if self._hidden:
            hidden, hidden_head = self._hidden
            logits += hidden_head(tf.nn.gelu(hidden(features)))
        likeness = tf.reshape(self._prototypes(features), [tf.shape(features)[0], self._n_labels, -1])
        return {"logits": logits, "similarity": tf.reduce_max(likeness, -1)}


class _Norm(tf.Module):
    """A layer normalisation."""

    def __init__(self, layer: layers.LayerNormalization) -> None:
        super().__init__()
        self._gamma = tf.Variable(np.asarray(layer.gamma), trainable=False)
        self._beta = tf.Variable(np.asarray(layer.beta), trainable=False)
        self._epsilon = layer.epsilon

    def __call__(self, states: tf.Tensor) -> tf.Tensor:
        apart = states - tf.reduce_mean(states, -1, keepdims=True)
        variance = tf.reduce_mean(apart * apart, -1, keepdims=True)
        return apart * tf.math.rsqrt(variance + self._epsilon) * self._gamma + self._beta


class _Dense(tf.Module):
    """A product with a matrix of shape ``(n_in, n_out)``, and a sum."""

    def __init__(self, kernel: Array, bias: Array) -> None:
        super().__init__()
        self._kernel = tf.Variable(kernel, trainable=False)
        self._bias = tf.Variable(bias, trainable=False)

    def __call__(self, states: tf.Tensor) -> tf.Tensor:
        return tf.matmul(states, self._kernel) + self._bias


def _dense_of(layer: layers.Dense) -> _Dense:
    return _Dense(np.asarray(layer.kernel), np.asarray(layer.bias))


class _Block(tf.Module):
    """A layer of the transformer: attention and a hidden layer, each added to what it read and normalised."""

    def __init__(self, layer: layers.Layer) -> None:
        super().__init__()
        attention = layer._self_attention_layer  # noqa: SLF001 - Keras Hub has no public names for its parts
        n_hidden, self._n_heads, n_head = attention.query_dense.kernel.shape
        parts = [
            (np.asarray(part.kernel).reshape(n_hidden, -1) * scale, np.asarray(part.bias).reshape(-1) * scale)
            for part, scale in (
                (attention.query_dense, np.float32(n_head**-0.5)),
                (attention.key_dense, np.float32(1)),
                (attention.value_dense, np.float32(1)),
            )
        ]
        self._n_head = n_head
        self._seen = _Dense(*(np.concatenate(part, axis=-1) for part in zip(*parts, strict=True)))
        output = attention.output_dense
        self._output = _Dense(np.asarray(output.kernel).reshape(-1, n_hidden), np.asarray(output.bias))
        self._attention_norm = _Norm(layer._self_attention_layer_norm)  # noqa: SLF001
        self._widened, self._narrowed = (
            _dense_of(dense)
            for dense in (layer._feedforward_intermediate_dense, layer._feedforward_output_dense)  # noqa: SLF001
        )
        self._activation = layer._feedforward_intermediate_dense.activation  # noqa: SLF001
        self._norm = _Norm(layer._feedforward_layer_norm)  # noqa: SLF001

    def __call__(self, states: tf.Tensor, attention_bias: tf.Tensor) -> tf.Tensor:
        by_head = tf.reshape(self._seen(states), [-1, 3 * self._n_heads, self._n_head])
        queries, keys, values = tf.split(tf.transpose(by_head, [1, 0, 2]), 3)
        shares = tf.nn.softmax(tf.matmul(queries, keys, transpose_b=True) + attention_bias)
        attended = tf.transpose(tf.matmul(shares, values), [1, 0, 2])
        n_hidden = self._n_heads * self._n_head
        states = self._attention_norm(states + self._output(tf.reshape(attended, [-1, n_hidden])))
        return self._norm(states + self._narrowed(self._activation(self._widened(states))))


def _blocks_of(parts: Iterable[layers.Layer]) -> list[_Block]:
    return [_Block(layer) for layer in parts if layer.name.startswith("transformer_layer")]


def _of_length_1(rows: tf.Tensor) -> tf.Tensor:
    squares = tf.reduce_sum(rows * rows, -1, keepdims=True)
    return rows * tf.math.rsqrt(tf.maximum(squares, LEAST_SQUARE))
