"""The network laid out for one text says what the Keras network says, of texts of every length."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from model.config import HeadConfig
from model.encoder import SentenceEncoder, read_encoder
from model.features import PADDING_ID
from model.network import assemble, build_head, build_similarity
from model.prototypes import Prototypes
from model.serving import OneText
from model.tokens import MAX_TOKENS

N_IDS, N_LABELS, N_PROTOTYPES = 40, 6, 3


@pytest.fixture(scope="module")
def encoder(tiny_encoder: Path) -> SentenceEncoder:
    return read_encoder(tiny_encoder)


@pytest.fixture(scope="module")
def network(encoder: SentenceEncoder) -> keras.Model:
    """One whose every weight counts, those of the biases and norms too."""
    keras.utils.set_random_seed(3)
    random = np.random.default_rng(3)
    head = build_head(encoder.n_features, N_IDS, N_LABELS + 1, HeadConfig())
    centres = random.normal(size=(N_LABELS, N_PROTOTYPES, encoder.n_features)).astype(np.float32)
    similarity = build_similarity(Prototypes(centres, random.random(N_LABELS, np.float32)))
    network = assemble(head, encoder.copy().network(), similarity)
    network.set_weights([weight + random.normal(0, 0.2, weight.shape) for weight in network.get_weights()])
    return network


@pytest.fixture(scope="module")
def one_text(network: keras.Model) -> OneText:
    return OneText(network)


def said(one_text: OneText, inputs: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """What its two parts say, the one reading on from the other."""
    values = {name: tf.constant(value) for name, value in inputs.items()}
    states = one_text.lower_half()(token_ids=values["token_ids"])
    outputs: dict[str, Any] = one_text.rest()(**values, **states)
    return outputs


@pytest.mark.parametrize("n_padding", [0, 1, 30])
@pytest.mark.parametrize("n_tokens", [2, 3, 9, MAX_TOKENS - 30])
def test_same_is_said_of_every_text(network: keras.Model, one_text: OneText, n_tokens: int, n_padding: int) -> None:
    """Padding changes nothing in either."""
    random = np.random.default_rng(n_tokens)
    tokens = np.pad(random.integers(1, 90, n_tokens).astype(np.int32), (0, n_padding))[None]
    ids = np.append(random.integers(1, N_IDS, n_tokens), [PADDING_ID] * n_padding).astype(np.int32)[None]
    weights = (random.random(ids.shape) * (ids != PADDING_ID)).astype(np.float32)
    expected = network({"token_ids": tokens, "ngram_ids": ids, "ngram_weights": weights}, training=False)
    found = said(one_text, {"token_ids": tokens, "ngram_ids": ids, "ngram_weights": weights})
    assert set(found) == set(expected)
    for name, values in expected.items():
        assert np.asarray(found[name]) == pytest.approx(np.asarray(values), abs=1e-4)


def test_text_without_ngrams_is_read_by_the_encoder_alone(network: keras.Model, one_text: OneText) -> None:
    """One in words that no pattern has."""
    inputs = {
        "token_ids": np.array([[7, 8, 9]], np.int32),
        "ngram_ids": np.zeros((1, 1), np.int32),
        "ngram_weights": np.zeros((1, 1), np.float32),
    }
    found = said(one_text, inputs)
    assert np.asarray(found["logits"]) == pytest.approx(np.asarray(network(inputs)["logits"]), abs=1e-4)
