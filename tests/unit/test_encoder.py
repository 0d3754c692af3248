"""The sentence encoder: the features of texts, against an independent computation, and files that are none."""

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from model.config import TrainingError
from model.encoder import (
    TOKENS_AT_ONCE,
    WIDTH_STEP,
    EncoderError,
    SentenceEncoder,
    batches_by_length,
    pad_batch,
    read_encoder,
)
from model.encoder_files import CONFIG_FILE, TOKENIZER_FILE, WEIGHTS_FILE, identity_of
from model.tokens import MAX_TOKENS
from tests.tiny_encoder import N_HEADS, N_HIDDEN, N_LAYERS, WORDS, weights, write_encoder

Weights = Mapping[str, NDArray[np.float32]]
TEXTS = ["hello", "i want a pizza", "when are you open on sunday", "zebra quilt", "pizza " * 100, ""]


@pytest.fixture(scope="module")
def encoder(tiny_encoder: Path) -> SentenceEncoder:
    return read_encoder(tiny_encoder)


def features(encoder: SentenceEncoder, texts: list[str]) -> NDArray[np.float32]:
    return encoder.features(texts, "reading", lambda *_: None)


# The same in NumPy, after Devlin et al. 2018, "BERT", one text at a time and so without padding.


def normed(states: NDArray[np.float64], named: Weights, name: str) -> NDArray[np.float64]:
    centred = states - states.mean(axis=-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-12)
    return scaled * named[f"{name}.weight"] + named[f"{name}.bias"]


def dense(states: NDArray[np.float64], named: Weights, name: str) -> NDArray[np.float64]:
    return states @ named[f"{name}.weight"].T.astype(np.float64) + named[f"{name}.bias"]


def attended(states: NDArray[np.float64], named: Weights, name: str) -> NDArray[np.float64]:
    size = N_HIDDEN // N_HEADS
    query, key, value = (dense(states, named, f"{name}.self.{part}") for part in ("query", "key", "value"))
    heads = []
    for head in range(N_HEADS):
        own = slice(head * size, (head + 1) * size)
        raw = np.exp(query[:, own] @ key[:, own].T / math.sqrt(size))
        heads.append(raw / raw.sum(axis=1, keepdims=True) @ value[:, own])
    return dense(np.concatenate(heads, axis=1), named, f"{name}.output.dense")


def gelu(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values * 0.5 * (1 + np.vectorize(math.erf)(values / math.sqrt(2)))


def unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return vector / np.linalg.norm(vector)


def expected_features(named: Weights, ids: list[int]) -> NDArray[np.float64]:
    embedded = named["embeddings.word_embeddings.weight"][ids].astype(np.float64)
    embedded += named["embeddings.position_embeddings.weight"][: len(ids)]
    embedded += named["embeddings.token_type_embeddings.weight"][0]
    states = [normed(embedded, named, "embeddings.LayerNorm")]
    for number in range(N_LAYERS):
        layer = f"encoder.layer.{number}"
        middle = states[-1] + attended(states[-1], named, f"{layer}.attention")
        middle = normed(middle, named, f"{layer}.attention.output.LayerNorm")
        inner = dense(gelu(dense(middle, named, f"{layer}.intermediate.dense")), named, f"{layer}.output.dense")
        states.append(normed(middle + inner, named, f"{layer}.output.LayerNorm"))
    both = [unit(states[number].mean(axis=0)) for number in (N_LAYERS, N_LAYERS // 2)]
    return np.concatenate(both) / math.sqrt(2)


@pytest.mark.parametrize("text", TEXTS)
def test_features_are_those_of_the_published_weights(encoder: SentenceEncoder, text: str) -> None:
    """As computed from the paper; but for the form of GELU, which differs by less than a thousandth."""
    (found,) = features(encoder, [text])
    expected = expected_features(weights(), (encoder.tokenizer.encode(text) - 1).tolist())
    assert float(found @ expected) > 0.999
    assert found == pytest.approx(expected, abs=1e-2)


def test_features_have_length_one(encoder: SentenceEncoder) -> None:
    """Two layers side by side, so that a product is a cosine."""
    found = features(encoder, TEXTS)
    assert (found.shape, found.dtype) == ((len(TEXTS), 2 * N_HIDDEN), np.float32)
    assert encoder.n_features == 2 * N_HIDDEN
    assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-5)


def test_other_texts_have_other_features(encoder: SentenceEncoder) -> None:
    """Words and their order count; a text of the same words is nearer than one of others."""
    same, likewise, turned, other = features(
        encoder, ["i want a pizza", "i want one pizza", "pizza a want i", "when are you open"]
    )
    assert float(same @ turned) < 0.9999
    assert float(same @ likewise) > float(same @ other)


def test_padding_does_not_change_a_texts_features(encoder: SentenceEncoder) -> None:
    """Beside longer texts it is what it is alone."""
    together = features(encoder, TEXTS)
    for row, text in enumerate(TEXTS):
        assert together[row] == pytest.approx(features(encoder, [text])[0], abs=1e-5)


def test_every_width_of_padding_is_overlooked(encoder: SentenceEncoder) -> None:
    """Up to the longest text that is read."""
    network = encoder.network()
    ids = encoder.tokenizer.encode("i want a pizza")
    found = [np.asarray(network(np.pad(ids, (0, width - len(ids)))[None]))[0] for width in (6, 7, 16, MAX_TOKENS)]
    for one in found[1:]:
        assert one == pytest.approx(found[0], abs=1e-5)


@pytest.mark.parametrize("n_texts", [0, 1, 2, 257, 700])
def test_any_number_of_texts_is_read(encoder: SentenceEncoder, n_texts: int) -> None:
    """In batches, each text in its own row, and all of them told."""
    words = WORDS.split()
    texts = [" ".join(words[row % 50 : row % 50 + 1 + row % 23]) for row in range(n_texts)]
    told: list[tuple[str, int, int]] = []
    found = encoder.features(texts, "reading", lambda *progress: told.append(progress))
    assert found.shape == (n_texts, encoder.n_features)
    assert found[::97] == pytest.approx(features(encoder, texts[::97]), abs=1e-5)
    assert [of for _, _, of in told] == [n_texts] * len(told)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert (told[-1] if told else ("reading", 0, 0)) == ("reading", n_texts, n_texts)


@pytest.mark.parametrize("lengths", [[], [1], [3] * 5_000, list(range(1, 65)) * 40, [64] * 300, [1] * 500 + [64]])
def test_batches_hold_every_row_once_and_few_tokens(lengths: list[int]) -> None:
    """With their padding no more than the bound, or hardly; short texts come first."""
    encoded = [np.ones(length, np.int32) for length in lengths]
    batches = list(batches_by_length(encoded))
    rows = [int(row) for batch in batches for row in batch]
    assert sorted(rows) == list(range(len(lengths)))
    assert [lengths[row] for row in rows] == sorted(lengths)
    for batch in batches:
        assert pad_batch([encoded[row] for row in batch]).size <= 1.2 * TOKENS_AT_ONCE


def test_batch_is_as_wide_as_its_longest_text_and_little_wider() -> None:
    """Few widths, or every one would be traced anew."""
    batch = pad_batch([np.array([5, 6], np.int32), np.array([7, 8, 9, 5, 6], np.int32)])
    assert batch.tolist() == [[5, 6, 0, 0, 0, 0, 0, 0], [7, 8, 9, 5, 6, 0, 0, 0]]
    assert batch.shape[1] % WIDTH_STEP == 0


def test_weights_of_a_larger_model_are_read(tmp_path: Path, encoder: SentenceEncoder) -> None:
    """Some encoders were saved as a part of one."""
    prefixed = read_encoder(write_encoder(tmp_path, prefix="bert."))
    assert features(prefixed, TEXTS) == pytest.approx(features(encoder, TEXTS), abs=1e-6)


def test_halved_precision_is_read(tmp_path: Path, encoder: SentenceEncoder) -> None:
    """Many encoders are published so."""
    directory = write_encoder(tmp_path)
    save_file({name: value.astype(np.float16) for name, value in weights().items()}, directory / WEIGHTS_FILE)
    assert features(read_encoder(directory), TEXTS) == pytest.approx(features(encoder, TEXTS), abs=1e-2)


def test_encoder_knows_what_it_was_read_from(tiny_encoder: Path, encoder: SentenceEncoder, tmp_path: Path) -> None:
    """Other weights are another encoder."""
    assert encoder.identity == identity_of(tiny_encoder)
    assert read_encoder(write_encoder(tmp_path, seed=1)).identity != encoder.identity


def without_weight(directory: Path) -> None:
    named = load_file(directory / WEIGHTS_FILE)
    del named["encoder.layer.1.output.dense.bias"]
    save_file(named, directory / WEIGHTS_FILE)


def changed_config(**changes: object) -> Callable[[Path], None]:
    def change(directory: Path) -> None:
        config = json.loads((directory / CONFIG_FILE).read_text("utf-8")) | changes
        kept = {name: value for name, value in config.items() if value is not None}
        (directory / CONFIG_FILE).write_text(json.dumps(kept), "utf-8")

    return change


def written(name: str, content: bytes) -> Callable[[Path], None]:
    def write(directory: Path) -> None:
        (directory / name).write_bytes(content)

    return write


def cut_weights(directory: Path) -> None:
    (directory / WEIGHTS_FILE).write_bytes((directory / WEIGHTS_FILE).read_bytes()[:-100])


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (changed_config(model_type="roberta"), '"roberta"'),
        (changed_config(model_type=None), '"None"'),
        (written(CONFIG_FILE, b"[]"), "model_type"),
        (written(CONFIG_FILE, b"{"), "config.json is not valid JSON"),
        (written(CONFIG_FILE, b"\xff"), "config.json is not valid JSON"),
        (changed_config(hidden_size=None), "hidden_size is missing"),
        (changed_config(hidden_size="wide"), "config.json"),
        (changed_config(num_hidden_layers=3), "encoder.layer.2"),
        (changed_config(hidden_size=48), "config.json"),
        (changed_config(vocab_size=50), "config.json"),
        (changed_config(num_attention_heads=3), "config.json"),
        (written(TOKENIZER_FILE, b"{}"), "tokenizer.json is not a tokenizer"),
        (written(WEIGHTS_FILE, b""), "model.safetensors cannot be read"),
        (written(WEIGHTS_FILE, bytes(1_000)), "model.safetensors cannot be read"),
        (cut_weights, "model.safetensors cannot be read"),
        (without_weight, "encoder.layer.1.output.dense.bias is missing"),
    ]
    + [
        ((lambda directory, name=name: (directory / name).unlink()), f"{name} cannot be read")
        for name in (CONFIG_FILE, TOKENIZER_FILE, WEIGHTS_FILE)
    ],
    ids=[
        "architecture",
        "no architecture",
        "list",
        "cut config",
        "binary config",
        "no size",
        "size of text",
        "layers",
        "width",
        "vocabulary",
        "heads",
        "tokenizer",
        "empty weights",
        "other weights",
        "cut weights",
        "no weight",
        "without config",
        "without tokenizer",
        "without weights",
    ],
)
def test_directory_without_an_encoder_is_named(tmp_path: Path, damage: Callable[[Path], object], told: str) -> None:
    """One sentence with the directory and the fault, of the kind that ends a training in order."""
    directory = write_encoder(tmp_path / "encoder")
    damage(directory)
    with pytest.raises(EncoderError) as caught:
        read_encoder(directory)
    text = str(caught.value)
    assert isinstance(caught.value, TrainingError)
    assert text.startswith(f"{directory} holds no sentence encoder of the BERT architecture: ")
    assert told in text
    assert "\n" not in text
    assert len(text) < 400


def test_tokenizer_of_another_encoder_is_refused(tmp_path: Path) -> None:
    """Its ids would be read as other words, or as none."""
    directory = write_encoder(tmp_path / "encoder")
    named = dict(weights())
    name = "embeddings.word_embeddings.weight"
    named[name] = named[name][:50]
    save_file(named, directory / WEIGHTS_FILE)
    changed_config(vocab_size=50)(directory)
    with pytest.raises(EncoderError, match=r"more tokens than config.json says"):
        read_encoder(directory)


def test_place_without_a_directory_is_named(tmp_path: Path) -> None:
    """As one without files."""
    with pytest.raises(EncoderError, match=r"nowhere holds no sentence encoder .*: config\.json cannot be read"):
        read_encoder(tmp_path / "nowhere")
