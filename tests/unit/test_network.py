"""The network's parts: the head, the similarity, the whole, and the batches that fit the head."""

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from model.config import HeadConfig
from model.features import Encoded
from model.network import (
    HeadBatches,
    assemble,
    build_head,
    build_similarity,
    compile_head,
    head_inputs,
    network_inputs,
    predict_logits,
    start_at,
)
from model.prototypes import Prototypes

N_IDS, N_FEATURES, N_OUTPUTS = 50, 6, 4
CONFIG = HeadConfig()


def text(*ids: int, tokens: int = 0) -> Encoded:
    """A text of some n-grams, each of weight 1, and so many tokens."""
    return Encoded(np.array(ids, np.int32), np.ones(len(ids), np.float32), np.arange(1, tokens + 1, dtype=np.int32))


def unit(shape: tuple[int, ...], seed: int = 0) -> NDArray[np.float32]:
    rows = np.random.default_rng(seed).normal(size=shape)
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("n_features", [0, N_FEATURES])
def test_head_gives_a_logit_an_intent_and_one(n_features: int) -> None:
    """From n-grams alone, or beside the features of an encoder; a text without an n-gram is no error."""
    head = build_head(n_features, N_IDS, N_OUTPUTS, CONFIG)
    assert set(head.input) == {"ngram_ids", "ngram_weights"} | ({"features"} if n_features else set())
    texts = [text(1, 2, 3), text(), text(*range(1, 40))]
    logits = predict_logits(head, texts, np.zeros((3, n_features), np.float32))
    assert logits.shape == (3, N_OUTPUTS)
    assert np.isfinite(logits).all()


def test_padding_does_not_change_logits() -> None:
    """A text among longer ones is what it is alone."""
    head = build_head(0, N_IDS, N_OUTPUTS, CONFIG)
    texts = [text(1, 2), text(*range(1, 30)), text(7)]
    together = predict_logits(head, texts, np.zeros((3, 0), np.float32))
    for row, one in enumerate(texts):
        assert together[row] == pytest.approx(predict_logits(head, [one], np.zeros((1, 0), np.float32))[0], abs=1e-6)


def test_logits_come_in_batches_of_any_size() -> None:
    """Also of none."""
    head = build_head(0, N_IDS, N_OUTPUTS, CONFIG)
    texts = [text(number % 40 + 1) for number in range(7)]
    none = np.zeros((7, 0), np.float32)
    whole = predict_logits(head, texts, none)
    for size in (1, 3, 7, 100):
        assert predict_logits(head, texts, none, batch_size=size) == pytest.approx(whole, abs=1e-6)
    assert predict_logits(head, [], np.zeros((0, 0), np.float32)).shape == (0, N_OUTPUTS)


def some_prototypes(n_labels: int) -> Prototypes:
    return Prototypes(unit((n_labels, 2, N_FEATURES)), np.linspace(-0.2, 0.3, n_labels, dtype=np.float32))


def test_head_begins_as_the_classifier_it_is_given() -> None:
    """Its n-grams add next to nothing yet."""
    head = build_head(N_FEATURES, N_IDS, N_OUTPUTS, CONFIG)
    classifier, features = unit((N_OUTPUTS, N_FEATURES)), unit((5, N_FEATURES), 1)
    start_at(head, classifier)
    logits = predict_logits(head, [text(1)] * 5, features)
    assert logits == pytest.approx(features @ classifier.T, abs=5e-3)


def test_similarity_is_that_of_the_prototypes() -> None:
    """To each intent."""
    prototypes, features = some_prototypes(3), unit((5, N_FEATURES), 1)
    found = np.asarray(build_similarity(prototypes)(features))
    assert found == pytest.approx(prototypes.similarity(features), abs=1e-6)


def test_whole_network_without_an_encoder_reads_n_grams() -> None:
    """And says nothing of similarity."""
    head = build_head(0, N_IDS, N_OUTPUTS, CONFIG)
    network = assemble(head, None, None)
    texts = [text(1, 2), text()]
    outputs = network(network_inputs(texts))
    assert set(outputs) == {"logits"}
    expected = predict_logits(head, texts, np.zeros((2, 0), np.float32))
    assert np.asarray(outputs["logits"]) == pytest.approx(expected, abs=1e-6)


def test_whole_network_reads_tokens_too() -> None:
    """The encoder's features go to the head and to the similarity."""
    tokens = keras.Input((None,), dtype="int32")
    embedded = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(10, N_FEATURES)(tokens))
    encoder = keras.Model(tokens, keras.layers.UnitNormalization()(embedded))
    head = build_head(N_FEATURES, N_IDS, N_OUTPUTS, CONFIG)
    prototypes = some_prototypes(N_OUTPUTS - 1)
    network = assemble(head, encoder, build_similarity(prototypes))
    texts = [text(1, 2, tokens=3), text(tokens=5)]
    inputs = network_inputs(texts)
    assert set(inputs) == {"ngram_ids", "ngram_weights", "token_ids"}
    outputs = network(inputs)
    features = np.asarray(encoder(inputs["token_ids"]))
    assert np.asarray(outputs["logits"]) == pytest.approx(predict_logits(head, texts, features), abs=1e-5)
    similarity = np.asarray(build_similarity(prototypes)(features))
    assert np.asarray(outputs["similarity"]) == pytest.approx(similarity, abs=1e-6)


def head_batches(n_texts: int, size: int = 4, n_features: int = 0, seed: int = 0) -> HeadBatches:
    texts = [text(*range(1, number % 9 + 1)) for number in range(n_texts)]
    targets = np.eye(max(n_texts, 1), dtype=np.float32)[:n_texts]
    weights = np.arange(n_texts, dtype=np.float32)
    return HeadBatches(
        texts,
        unit((n_texts, n_features)) if n_features else np.zeros((n_texts, 0), np.float32),
        targets,
        weights,
        batch_size=size,
        seed=seed,
    )


def test_every_text_comes_once_an_epoch_with_its_own_target_and_weight() -> None:
    """In an order that is new every epoch and the same in every run."""
    made, again = head_batches(11), head_batches(11)
    epochs = [[row for _, targets, _ in made for row in targets.argmax(axis=1)] for _ in range(2)]
    assert [sorted(rows) for rows in epochs] == [list(range(11))] * 2
    assert epochs[0] != epochs[1]
    assert epochs[0] == [row for _, targets, _ in again for row in targets.argmax(axis=1)]
    for inputs, targets, weights in made:
        rows = targets.argmax(axis=1)
        assert weights.tolist() == rows.tolist()
        assert (inputs["ngram_ids"] > 0).sum(axis=1).tolist() == (rows % 9).tolist()
    assert len(made) == 3


def test_batches_feed_keras_at_their_own_widths() -> None:
    """As many as announced, with features where there are any."""
    for n_features in (0, N_FEATURES):
        dataset = head_batches(11, n_features=n_features).dataset()
        batches = list(dataset)
        assert len(batches) == len(dataset) == 3
        assert len({inputs["ngram_ids"].shape[1] for inputs, _, _ in batches} | {0}) > 1
        assert all(("features" in inputs) is bool(n_features) for inputs, _, _ in batches)


@pytest.mark.parametrize("n_features", [0, N_FEATURES])
def test_head_learns_what_it_is_shown(n_features: int) -> None:
    """And the learning rate falls to 0 over the steps that were announced."""
    keras.utils.set_random_seed(0)
    head = build_head(n_features, N_IDS, N_OUTPUTS, CONFIG)
    labels = np.arange(40) % N_OUTPUTS
    texts = [text(label + 1, 10 + row % 7) for row, label in enumerate(labels)]
    features = np.eye(N_FEATURES, dtype=np.float32)[labels] if n_features else np.zeros((40, 0), np.float32)
    targets = np.eye(N_OUTPUTS, dtype=np.float32)[labels]
    batches = HeadBatches(texts, features, targets, np.ones(40, np.float32), batch_size=8, seed=0)
    compile_head(head, CONFIG, n_steps=20 * len(batches))
    expected = CONFIG.encoder_learning_rate if n_features else CONFIG.learning_rate
    assert float(head.optimizer.learning_rate) == pytest.approx(expected)
    assert head.optimizer.weight_decay == (CONFIG.encoder_weight_decay if n_features else CONFIG.weight_decay)
    head.fit(batches.dataset(), epochs=20, shuffle=False, verbose=0)
    assert float(head.optimizer.learning_rate) == pytest.approx(0, abs=1e-6)
    assert predict_logits(head, texts, features).argmax(axis=1).tolist() == labels.tolist()


def test_inputs_of_a_head_have_features_only_beside_an_encoder() -> None:
    """Else it has no such input."""
    assert set(head_inputs([text(1)], np.zeros((1, 0), np.float32))) == {"ngram_ids", "ngram_weights"}
    assert "features" in head_inputs([text(1)], np.zeros((1, 3), np.float32))
