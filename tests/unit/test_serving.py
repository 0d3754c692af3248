"""The network laid out for serving says what the Keras network says, of texts of every length, together or alone."""

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import pytest

from model import export
from model.config import HeadConfig
from model.encoder import SentenceEncoder, read_encoder
from model.features import Encoded
from model.network import assemble, build_head, build_similarity, network_inputs
from model.prototypes import Prototypes
from model.runtime import LiteRTNetwork
from model.tokens import MAX_TOKENS

N_IDS, N_LABELS, N_PROTOTYPES = 40, 6, 3


@pytest.fixture(scope="module")
def encoder(tiny_encoder: Path) -> SentenceEncoder:
    return read_encoder(tiny_encoder)


@pytest.fixture(scope="module", params=[0, 5], ids=["linear head", "hidden layer"])
def network(request: pytest.FixtureRequest, encoder: SentenceEncoder) -> keras.Model:
    """One whose every weight counts, those of the biases and norms too."""
    keras.utils.set_random_seed(3)
    random = np.random.default_rng(3)
    head = build_head(encoder.n_features, N_IDS, N_LABELS + 1, HeadConfig(feature_units=request.param))
    centres = random.normal(size=(N_LABELS, N_PROTOTYPES, encoder.n_features)).astype(np.float32)
    similarity = build_similarity(Prototypes(centres, random.random(N_LABELS, np.float32)))
    network = assemble(head, encoder.copy().network(), similarity)
    network.set_weights([weight + random.normal(0, 0.2, weight.shape) for weight in network.get_weights()])
    return network


@pytest.fixture(scope="module")
def compiled(network: keras.Model) -> LiteRTNetwork:
    return compile_whole(network)


def compile_whole(network: keras.Model) -> LiteRTNetwork:
    """Compile a network with its weights as they are, so that it must say the same to the last places."""
    return export.run_compiled(export._compiled(network, is_quantised=False))


def a_text(random: np.random.Generator, n_ngrams: int, n_tokens: int) -> Encoded:
    ids = random.integers(1, N_IDS, n_ngrams).astype(np.int32)
    tokens = random.integers(1, 90, n_tokens).astype(np.int32)
    return Encoded(ids, random.random(n_ngrams, np.float32), tokens)


def assert_same(network: keras.Model, compiled: LiteRTNetwork, texts: Sequence[Encoded]) -> None:
    for text, scores in zip(texts, compiled.scores(texts), strict=True):
        expected = network({name: network_inputs([text])[name] for name in network.input}, training=False)
        assert scores.logits == pytest.approx(np.asarray(expected["logits"])[0], abs=1e-4)
        similarity = np.asarray(expected["similarity"])[0] if "similarity" in expected else np.zeros(N_LABELS)
        assert scores.similarity == pytest.approx(similarity, abs=1e-4)


@pytest.mark.parametrize("n_tokens", [2, 3, 9, 10, 34, MAX_TOKENS])
def test_same_is_said_of_a_text_of_every_length(network: keras.Model, compiled: LiteRTNetwork, n_tokens: int) -> None:
    """Padded or not."""
    assert_same(network, compiled, [a_text(np.random.default_rng(n_tokens), n_tokens, n_tokens)])


@pytest.mark.parametrize("lengths", [(2, 2), (5, 5), (3, 40, 9), (7, 8, 9, 10, 2, 6, 5, 8)])
def test_same_is_said_of_each_text_of_a_pack(
    network: keras.Model, compiled: LiteRTNetwork, lengths: tuple[int, ...]
) -> None:
    """None pays attention to another, and each begins at the first position."""
    random = np.random.default_rng(sum(lengths))
    assert_same(network, compiled, [a_text(random, 2 * length, length) for length in lengths])


def test_text_without_ngrams_is_read_by_the_encoder_alone(network: keras.Model, compiled: LiteRTNetwork) -> None:
    """One in words that no pattern has."""
    assert_same(network, compiled, [a_text(np.random.default_rng(0), 0, 3)])


def test_same_is_said_without_an_encoder() -> None:
    """Of texts with and without n-grams."""
    keras.utils.set_random_seed(3)
    random = np.random.default_rng(3)
    network = assemble(build_head(0, N_IDS, N_LABELS + 1, HeadConfig()), None, None)
    network.set_weights([weight + random.normal(0, 0.2, weight.shape) for weight in network.get_weights()])
    assert_same(network, compile_whole(network), [a_text(random, n_ngrams, 0) for n_ngrams in (3, 0, 40)])
