"""The pretrained sentence encoder in Keras: read from its published files, and run over texts. For training only.

A sentence is the mean over its tokens of two layers of a BERT encoder, the last and the one in the middle, each brought
to the same length. The middle one still holds wording that the last has turned into meaning: on frozen features it is
worth a point of accuracy (docs/model.md).
"""

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import keras_hub
import numpy as np
import tensorflow as tf
from keras import layers, ops
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors

from model.adaptation import Tensors, adapted
from model.config import TrainingError
from model.encoder_files import (
    ADAPTATION_MEND,
    CONFIG_FILE,
    TOKENIZER_FILE,
    WEIGHTS_FILE,
    adaptation_of,
    identity_of,
)
from model.tokens import SentenceTokenizer, TokenizerError

TOKENS_AT_ONCE = 4_096
"""What a batch of texts comes to at most, padding included."""

WIDTH_STEP = 4
"""Batches are padded to multiples of it: few shapes, little padding."""

Tell = Callable[[str, int, int], None]
"""Hears what is being done, how much of it is done, and of how much."""


class EncoderError(TrainingError):
    """A directory holds no encoder that can be used; its text is one sentence."""

    def __init__(self, directory: Path, fault: str) -> None:
        super().__init__(f"{directory} holds no sentence encoder of the BERT architecture: {fault}")


@dataclass(frozen=True, slots=True)
class SentenceEncoder:
    """An encoder in two halves: fine-tuning changes the upper one alone.

    Read as published, to be adapted, it has all its layers in the upper one, and the embeddings alone in the lower.

    Parameters
    ----------
    tokenizer
        Cuts texts.
    lower
        From token ids, ``(n_texts, n_tokens)``, 0 being padding, to the hidden states of the middle layer,
        ``(n_texts, n_tokens, n_hidden)``.
    upper
        From those and the mask of the tokens to the features, ``(n_texts, 2 * n_hidden)``, each of length 1.
    identity
        `model.encoder_files.identity_of` the files that it was read from.
    states
        The hidden states of texts that were kept, shared by all copies.
    """

    tokenizer: SentenceTokenizer
    lower: keras.Model
    upper: keras.Model
    identity: str
    states: dict[str, NDArray[np.float32]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def n_features(self) -> int:
        """The width of the features."""
        width: int = self.upper.output_shape[-1]
        return width

    def network(self) -> keras.Model:
        """Return both halves as one model from token ids to features."""
        tokens = keras.Input((None,), dtype="int32", name="token_ids")
        return keras.Model(tokens, self.upper([self.lower(tokens), ops.not_equal(tokens, 0)]), name="encoder")

    def copy(self) -> "SentenceEncoder":
        """Return an encoder with an upper half of its own."""
        upper = keras.models.clone_model(self.upper)
        upper.set_weights(self.upper.get_weights())
        return replace(self, upper=upper)

    def upper_weights(self) -> Tensors:
        """Return the weights of the upper half by the names and in the shapes in which they are published."""
        blocks = (layer for layer in self.upper.layers if isinstance(layer, keras_hub.layers.TransformerEncoder))
        return {name: _published(name, np.array(one)) for block in blocks for name, one in _block_variables(block)}

    def hidden_states(self, texts: Sequence[str], stage: str, tell: Tell) -> list[NDArray[np.float32]]:
        """Return the hidden states of the middle layer for each text, ``(n_tokens, n_hidden)``, and keep them."""
        missing = [text for text in dict.fromkeys(texts) if text not in self.states]
        run = traced(self.lower)
        encoded = [self.tokenizer.encode(text) for text in missing]
        done = 0
        for rows in batches_by_length(encoded):
            batch = run(pad_batch([encoded[row] for row in rows])).numpy()
            for row, state in zip(rows, batch, strict=True):
                self.states[missing[row]] = state[: len(encoded[row])].copy()
            done += len(rows)
            tell(stage, done, len(missing))
        return [self.states[text] for text in texts]

    def features_of_states(self, states: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return the features of texts whose hidden states are known, shape ``(n_texts, n_features)``."""
        run = traced(self.upper)
        features = np.zeros((len(states), self.n_features), np.float32)
        for rows in batches_by_length(states):
            features[rows] = run([*pad_states([states[row] for row in rows])]).numpy()
        return features

    def features(self, texts: Sequence[str], stage: str, tell: Tell) -> NDArray[np.float32]:
        """Return the features of normalised texts, shape ``(n_texts, n_features)``, and keep nothing."""
        run = traced(self.network())
        encoded = [self.tokenizer.encode(text) for text in texts]
        features = np.zeros((len(texts), self.n_features), np.float32)
        done = 0
        for rows in batches_by_length(encoded):
            features[rows] = run(pad_batch([encoded[row] for row in rows])).numpy()
            done += len(rows)
            tell(stage, done, len(texts))
        return features


def traced(model: keras.Model) -> Callable[..., Any]:
    """Return a model as a function that is traced once, for batches of every shape."""
    signature = tf.nest.map_structure(lambda one: tf.TensorSpec(one.shape, one.dtype, name=one.name), model.input)
    run: Callable[..., Any] = tf.function(lambda inputs: model(inputs, training=False), input_signature=[signature])
    return run


def batches_by_length(encoded: Sequence[NDArray[np.generic]]) -> Iterator[NDArray[np.intp]]:
    """Yield the rows of texts of like length, at most `TOKENS_AT_ONCE` tokens at a time with their padding."""
    order = np.argsort([len(ids) for ids in encoded], kind="stable")
    start = 0
    while start < len(order):
        end = start + 1
        # each text is the longest until then, and widens the batch
        while end < len(order) and (end + 1 - start) * _padded_width(len(encoded[order[end]])) <= TOKENS_AT_ONCE:
            end += 1
        yield order[start:end]
        start = end


def _padded_width(n_tokens: int) -> int:
    return -(-n_tokens // WIDTH_STEP) * WIDTH_STEP


def pad_batch(encoded: Sequence[NDArray[np.int32]]) -> NDArray[np.int32]:
    """Return token ids as one batch, its width a multiple of `WIDTH_STEP`."""
    width = _padded_width(max(map(len, encoded)))
    batch = np.zeros((len(encoded), width), np.int32)
    for row, ids in enumerate(encoded):
        batch[row, : len(ids)] = ids
    return batch


def pad_states(states: Sequence[NDArray[np.float32]]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return hidden states as one batch, as wide as `pad_batch` makes it, and the mask of its tokens."""
    width = _padded_width(max(map(len, states)))
    batch = np.zeros((len(states), width, states[0].shape[1]), np.float32)
    mask = np.zeros((len(states), width), np.bool_)
    for row, state in enumerate(states):
        batch[row, : len(state)] = state
        mask[row, : len(state)] = True
    return batch, mask


def read_encoder(directory: Path, *, as_published: bool = False) -> SentenceEncoder:
    """Read an encoder from `config.json`, `tokenizer.json` and `model.safetensors`, as Hugging Face lays them out.

    Parameters
    ----------
    directory
        Where they lie.
    as_published
        Without its adaptation, and with all layers in the upper half: that is what adapts it.

    Raises
    ------
    EncoderError
        A file is missing or damaged, or the encoder has another architecture than BERT.
    TrainingError
        The adaptation is damaged.
    """
    try:
        config = json.loads((directory / CONFIG_FILE).read_bytes())
        tokenizer_content = (directory / TOKENIZER_FILE).read_bytes()
        weights_content = (directory / WEIGHTS_FILE).read_bytes()
    except OSError as error:
        raise EncoderError(directory, f"{Path(error.filename).name} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise EncoderError(directory, f"{CONFIG_FILE} is not valid JSON") from error
    architecture = config.get("model_type") if isinstance(config, dict) else None
    if architecture != "bert":
        raise EncoderError(directory, f'its "model_type" is "{architecture}"')
    try:
        tokenizer = SentenceTokenizer(tokenizer_content)
        tensors = _without_prefix(load_tensors(weights_content))
        adaptation = None if as_published else adaptation_of(hashlib.sha256(weights_content).hexdigest())
        if adaptation is not None:
            tensors = _adapted(tensors, adaptation)
        lower, upper = _halves(config, tensors, is_whole=as_published)
    except TokenizerError as error:
        raise EncoderError(directory, f"{TOKENIZER_FILE} is {error}") from error
    except SafetensorError as error:
        raise EncoderError(directory, f"{WEIGHTS_FILE} cannot be read ({error})") from error
    except KeyError as error:
        raise EncoderError(directory, f"{error.args[0]} is missing") from error
    except (ValueError, TypeError) as error:
        raise EncoderError(directory, f"the weights are not those of {CONFIG_FILE} ({error})") from error
    if tokenizer.n_tokens > config["vocab_size"]:
        raise EncoderError(directory, f"{TOKENIZER_FILE} has more tokens than {CONFIG_FILE} says")
    return SentenceEncoder(tokenizer, lower, upper, identity_of(directory, as_published=as_published))


def _without_prefix(tensors: Tensors) -> Tensors:
    """Return the tensors by their bare names: some encoders were saved as a part of a larger model."""
    return {name.removeprefix("bert."): np.asarray(value, np.float32) for name, value in tensors.items()}


def _adapted(tensors: Tensors, adaptation: Path) -> Tensors:
    try:
        return adapted(tensors, load_tensors(adaptation.read_bytes()))
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise TrainingError(f"{adaptation} cannot be used ({error}): {ADAPTATION_MEND}") from error


def _halves(config: Mapping[str, int], tensors: Tensors, *, is_whole: bool) -> tuple[keras.Model, keras.Model]:
    n_layers, n_hidden = config["num_hidden_layers"], config["hidden_size"]
    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=config["vocab_size"],
        num_layers=n_layers,
        num_heads=config["num_attention_heads"],
        hidden_dim=n_hidden,
        intermediate_dim=config["intermediate_size"],
        dropout=0.1,
        max_sequence_length=config["max_position_embeddings"],
        num_segments=config["type_vocab_size"],
    )
    _assign(backbone, tensors, n_layers)
    blocks = [backbone.get_layer(f"transformer_layer_{number}") for number in range(n_layers)]
    middle = max(1, n_layers // 2)
    first = 0 if is_whole else middle

    tokens = keras.Input((None,), dtype="int32", name="token_ids")
    ids = ops.maximum(tokens - 1, 0)  # 0 is padding; the encoder's own ids begin at 1
    inputs = {
        "token_ids": ids,
        "segment_ids": ops.zeros_like(ids),
        "padding_mask": ops.cast(ops.not_equal(tokens, 0), "int32"),
    }
    below = blocks[first - 1].output if first else backbone.get_layer("embeddings_dropout").output
    lower = keras.Model(tokens, keras.Model(backbone.input, below)(inputs), name="lower")
    lower.trainable = False

    states = keras.Input((None, n_hidden), dtype="float32", name="hidden_states")
    mask = keras.Input((None,), dtype="bool", name="token_mask")
    layer = states
    half = states
    for number, block in enumerate(blocks[first:], first + 1):
        layer = block(layer, padding_mask=mask)
        half = layer if number == middle else half
    means = [layers.UnitNormalization()(layers.GlobalAveragePooling1D()(one, mask=mask)) for one in (layer, half)]
    features = layers.Rescaling(0.5**0.5)(layers.Concatenate()(means))
    return lower, keras.Model([states, mask], features, name="upper")


def _assign(backbone: keras.Model, tensors: Tensors, n_layers: int) -> None:
    """Put the weights into the layers."""
    norm = backbone.get_layer("embeddings_layer_norm")
    embeddings = {
        "word_embeddings.weight": backbone.get_layer("token_embedding").embeddings,
        "token_type_embeddings.weight": backbone.get_layer("segment_embedding").embeddings,
        "position_embeddings.weight": backbone.get_layer("position_embedding").position_embeddings,
        "LayerNorm.weight": norm.gamma,
        "LayerNorm.bias": norm.beta,
    }
    for part, variable in embeddings.items():
        _put(variable, f"embeddings.{part}", tensors[f"embeddings.{part}"])
    for number in range(n_layers):
        for name, variable in _block_variables(backbone.get_layer(f"transformer_layer_{number}")):
            # one matrix there, one slice a head here
            value = tensors[name].T
            _put(variable, name, value.reshape(variable.shape) if value.size == math.prod(variable.shape) else value)


def _put(variable: keras.Variable, name: str, value: NDArray[np.float32]) -> None:
    if value.shape != variable.shape:  # else Keras would say so with all the weights
        raise ValueError(f"{name} has not the shape {tuple(variable.shape)}")
    variable.assign(value)


def _block_variables(block: layers.Layer) -> Iterator[tuple[str, keras.Variable]]:
    """Yield the weights of a transformer layer with the names that they are published under."""
    name = f"encoder.layer.{block.name.removeprefix('transformer_layer_')}"
    attention = block._self_attention_layer  # noqa: SLF001 - Keras Hub has no public names for its parts
    dense = {
        "attention.self.query": attention.query_dense,
        "attention.self.key": attention.key_dense,
        "attention.self.value": attention.value_dense,
        "attention.output.dense": attention.output_dense,
        "intermediate.dense": block._feedforward_intermediate_dense,  # noqa: SLF001
        "output.dense": block._feedforward_output_dense,  # noqa: SLF001
    }
    for part, layer in dense.items():
        yield f"{name}.{part}.weight", layer.kernel
        yield f"{name}.{part}.bias", layer.bias
    norms = {
        "attention.output": block._self_attention_layer_norm,  # noqa: SLF001
        "output": block._feedforward_layer_norm,  # noqa: SLF001
    }
    for part, layer in norms.items():
        yield f"{name}.{part}.LayerNorm.weight", layer.gamma
        yield f"{name}.{part}.LayerNorm.bias", layer.beta


def _published(name: str, value: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a weight of Keras Hub in its published shape."""
    if value.ndim == 1 or name.endswith(".bias"):
        return value.ravel()
    # the projection back from the heads is the only one whose inputs are cut into slices
    return value.reshape((-1, value.shape[-1]) if ".attention.output." in name else (len(value), -1)).T
