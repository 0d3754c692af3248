"""The trained network laid out for one text at a time, as the serving process runs it. For training only.

The same weights and the same sums as in the Keras network, in half as many operations: without a dimension of texts,
with queries, keys and values in one product, and with what scales them in their weights. In two parts: the lower half
of the encoder, which training leaves as published, and the rest.
"""

from collections.abc import Iterable

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray

from model.tokens import MAX_TOKENS

FAR_BELOW = -1e9
"""Added to the attention that is paid to padding: after the softmax its share is 0."""

LEAST_SQUARE = 1e-12
"""The least square of a length that is divided by."""

TOKENS = tf.TensorSpec((1, None), tf.int32, "token_ids")

Array = NDArray[np.float32]


class OneText(tf.Module):
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
        self._places = tf.Variable(position[:MAX_TOKENS] + segment[0], trainable=False)
        self._norm = _Norm(backbone.get_layer("embeddings_layer_norm"))
        self._lower = _blocks_of(backbone.layers)
        self._upper = _blocks_of(upper.layers)
        head, similarity = network.get_layer("intents"), network.get_layer("nearest_prototype")
        scale = head.get_layer("ngram_weight").scale
        self._ngrams = tf.Variable(scale * np.asarray(head.get_layer("wide").embeddings), trainable=False)
        self._head = _Dense(*map(np.asarray, head.get_layer("head").weights))
        self._prototypes = _Dense(*map(np.asarray, similarity.get_layer("prototypes").weights))
        self._n_labels = similarity.output_shape[-1]

    def lower_half(self) -> "tf.types.experimental.ConcreteFunction":
        """Return the function from a text's tokens, ``(1, n_tokens)``, to their states, ``(n_tokens, n_hidden)``."""
        return tf.function(self._states).get_concrete_function(TOKENS)

    def rest(self) -> "tf.types.experimental.ConcreteFunction":
        """Return the function from n-grams, tokens and states to logits and similarity.

        They are of shapes ``(1, n_labels + 1)`` and ``(1, n_labels)``.
        """
        return tf.function(self._serve).get_concrete_function(
            tf.TensorSpec((1, None), tf.int32, "ngram_ids"),
            tf.TensorSpec((1, None), tf.float32, "ngram_weights"),
            TOKENS,
            tf.TensorSpec((None, self._n_hidden), tf.float32, "states"),
        )

    def _states(self, token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        tokens = tf.reshape(token_ids, [-1])
        ids = tf.maximum(tokens - 1, 0)  # 0 is padding; the encoder's own ids begin at 1
        states = self._norm(tf.gather(self._tokens, ids) + self._places[: tf.size(tokens)])
        unseen = _unseen(_is_token(tokens))
        for block in self._lower:
            states = block(states, unseen)
        return {"states": states}

    def _serve(
        self, ngram_ids: tf.Tensor, ngram_weights: tf.Tensor, token_ids: tf.Tensor, states: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        is_token, last = _is_token(tf.reshape(token_ids, [-1])), states
        unseen = _unseen(is_token)
        for block in self._upper:
            last = block(last, unseen)
        # brought to one length, a sum is what a mean is
        means = [_of_length_1(tf.matmul(is_token[None], one)) for one in (last, states)]
        features = tf.concat(means, axis=-1) * 0.5**0.5
        bag = tf.matmul(ngram_weights, tf.gather(self._ngrams, tf.reshape(ngram_ids, [-1])))
        likeness = tf.reshape(self._prototypes(features), [1, self._n_labels, -1])
        return {"logits": self._head(features) + bag, "similarity": tf.reduce_max(likeness, -1)}


def _is_token(tokens: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.not_equal(tokens, 0), tf.float32)


def _unseen(is_token: tf.Tensor) -> tf.Tensor:
    return FAR_BELOW * (1 - is_token)


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
            _Dense(np.asarray(dense.kernel), np.asarray(dense.bias))
            for dense in (layer._feedforward_intermediate_dense, layer._feedforward_output_dense)  # noqa: SLF001
        )
        self._activation = layer._feedforward_intermediate_dense.activation  # noqa: SLF001
        self._norm = _Norm(layer._feedforward_layer_norm)  # noqa: SLF001

    def __call__(self, states: tf.Tensor, unseen: tf.Tensor) -> tf.Tensor:
        by_head = tf.reshape(self._seen(states), [-1, 3 * self._n_heads, self._n_head])
        queries, keys, values = tf.split(tf.transpose(by_head, [1, 0, 2]), 3)
        shares = tf.nn.softmax(tf.matmul(queries, keys, transpose_b=True) + unseen)
        attended = tf.transpose(tf.matmul(shares, values), [1, 0, 2])
        n_hidden = self._n_heads * self._n_head
        states = self._attention_norm(states + self._output(tf.reshape(attended, [-1, n_hidden])))
        return self._norm(states + self._narrowed(self._activation(self._widened(states))))


def _blocks_of(parts: Iterable[layers.Layer]) -> list[_Block]:
    return [_Block(layer) for layer in parts if layer.name.startswith("transformer_layer")]


def _of_length_1(rows: tf.Tensor) -> tf.Tensor:
    squares = tf.reduce_sum(rows * rows, -1, keepdims=True)
    return rows * tf.math.rsqrt(tf.maximum(squares, LEAST_SQUARE))
