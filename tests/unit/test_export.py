"""A network into its files: compiled with small weights where that changes nothing, with whole ones else."""

import logging
from pathlib import Path

import keras
import numpy as np
import pytest

from model import export
from model.config import HeadConfig, TrainingError
from model.encoder import read_encoder
from model.features import Encoded
from model.network import assemble, build_head, build_similarity
from model.prototypes import Prototypes
from model.runtime import ENCODER_FILE, KERAS_FILE, LITERT_FILE, LiteRTNetwork

N_INTENTS = 20


def network(*, shift: int = 0) -> keras.Model:
    """A network that ranks the intent of a text's first n-gram first, or the one so many further on."""
    head = build_head(0, N_INTENTS + 1, N_INTENTS + 1, HeadConfig(hidden_units=4))
    table = np.zeros((N_INTENTS + 1, N_INTENTS + 1), np.float32)
    for number in range(N_INTENTS):
        table[number + 1, (number + shift) % N_INTENTS] = 5.0
    head.get_layer("wide").set_weights([table])
    return assemble(head, None, None)


TEXTS = [
    Encoded(np.array([number % N_INTENTS + 1], np.int32), np.ones(1, np.float32), np.zeros(0, np.int32))
    for number in range(60)
]


@pytest.fixture(scope="module")
def right() -> keras.Model:
    keras.utils.set_random_seed(0)
    return network()


def best(directory: Path) -> list[int]:
    compiled = LiteRTNetwork((directory / LITERT_FILE).read_bytes())
    return [int(scores.logits.argmax()) for scores in compiled.scores(TEXTS)]


def test_both_files_are_written_and_agree(right: keras.Model, tmp_path: Path) -> None:
    """The saved network loads in safe mode, and the compiled one ranks alike."""
    assert export.save_network(right, tmp_path, TEXTS) == 1.0
    assert {path.name for path in tmp_path.iterdir()} == {KERAS_FILE, LITERT_FILE}
    assert best(tmp_path) == [number % N_INTENTS for number in range(60)]
    loaded = keras.saving.load_model(tmp_path / KERAS_FILE, compile=False, safe_mode=True)
    assert set(loaded.input) == set(right.input)


def test_small_weights_that_rank_otherwise_are_given_up(
    right: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The compiled network gets whole ones, and the log says how far the others were off."""
    wrong, compile_it = network(shift=1), export._compiled

    def compiled(own: keras.Model, *, is_quantised: bool) -> dict[str, bytes]:
        return compile_it(wrong if is_quantised else own, is_quantised=is_quantised)

    monkeypatch.setattr(export, "_compiled", compiled)
    with caplog.at_level(logging.WARNING):
        assert export.save_network(right, tmp_path, TEXTS) == 1.0
    assert best(tmp_path) == [number % N_INTENTS for number in range(60)]
    assert {LITERT_FILE: (tmp_path / LITERT_FILE).read_bytes()} == compile_it(right, is_quantised=False)
    assert "0.00 % of the patterns alike" in caplog.text


def test_network_that_never_ranks_alike_is_refused(
    right: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would answer otherwise than it was measured to."""
    wrong, compile_it = network(shift=1), export._compiled
    monkeypatch.setattr(export, "_compiled", lambda _, *, is_quantised: compile_it(wrong, is_quantised=is_quantised))
    with pytest.raises(TrainingError, match="another --seed") as caught:
        export.save_network(right, tmp_path, TEXTS)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("n_wrong", "is_enough"), [(0, True), (1, False)])
def test_nearly_all_texts_must_rank_alike(
    right: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_wrong: int, is_enough: bool
) -> None:
    """One of sixty is too many."""
    assert export.LEAST_AGREEMENT == 0.995
    tried: list[bool] = []
    compile_it = export._compiled

    def compiled(own: keras.Model, *, is_quantised: bool) -> dict[str, bytes]:
        tried.append(is_quantised)
        return compile_it(own, is_quantised=is_quantised)

    monkeypatch.setattr(export, "_compiled", compiled)
    expected = export._logits(right, TEXTS)
    for row in range(n_wrong):
        expected[row] = np.roll(expected[row], 1)
    monkeypatch.setattr(export, "_logits", lambda *_: expected)
    if is_enough:
        export.save_network(right, tmp_path, TEXTS)
        assert tried == [True]
    else:
        with pytest.raises(TrainingError):
            export.save_network(right, tmp_path, TEXTS)
        assert tried == [True, False]


def test_both_parts_are_given_up_together(tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of small weights and one of whole ones would not fit what was measured."""
    encoder = read_encoder(tiny_encoder)
    head = build_head(encoder.n_features, N_INTENTS, N_INTENTS + 1, HeadConfig())
    prototypes = Prototypes(np.ones((N_INTENTS, 1, encoder.n_features), np.float32), np.zeros(N_INTENTS, np.float32))
    network = assemble(head, encoder.network(), build_similarity(prototypes))
    text = Encoded(np.array([1], np.int32), np.ones(1, np.float32), np.array([7, 8, 9], np.int32))
    whole = export._compiled(network, is_quantised=False)
    monkeypatch.setattr(export, "LEAST_AGREEMENT", 2.0)
    with pytest.raises(TrainingError):
        export.save_network(network, tmp_path, [text])
    assert {name: (tmp_path / name).read_bytes() for name in whole} == whole
    assert set(whole) == {LITERT_FILE, ENCODER_FILE}
    small = export._compiled(network, is_quantised=True)
    assert all(len(small[name]) < len(whole[name]) for name in whole)
