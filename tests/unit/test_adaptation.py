"""The adaptation of the published encoder: what is kept of a training, what it is made from, what it changes."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load, load_file, save

from model.adaptation import adapted, changes_of
from model.config import TrainingError
from model.encoder import read_encoder
from model.encoder_files import (
    ADAPTATION_FILE,
    MINILM_SHA256,
    WEIGHTS_FILE,
    EncoderMissingError,
    adaptation_of,
    identity_of,
    sha256_of,
)
from model.examples import Examples
from model.text import normalise
from scripts import adapt_encoder
from scripts.progress import Tell
from tests.tiny_encoder import N_HIDDEN, weights, write_encoder

PHRASING_FILES = sorted(adapt_encoder.PHRASINGS_DIR.glob("*.txt"))
STARTER_MESSAGES = Path(__file__).parents[1] / "data" / "starter_messages.jsonl"
TEXTS = ["hello", "i want a pizza", "when are you open on sunday"]

N_LAYERS, N_UNITS, N_INNER = 6, 384, 1_536


def test_adaptation_is_that_of_the_phrasings() -> None:
    """Whoever edits them has to run `scripts.adapt_encoder`, or this file tells of other ones."""
    with safe_open(ADAPTATION_FILE, "numpy") as file:
        assert file.metadata() == {adapt_encoder.METADATA_KEY: adapt_encoder.sha256_of_all(PHRASING_FILES)}


def test_adaptation_fits_the_published_encoder() -> None:
    """Every layer is changed, all changes are numbers, and those of matrices whole numbers of steps."""
    changes = load_file(ADAPTATION_FILE)
    inner = {"intermediate.dense": (N_INNER, N_UNITS), "output.dense": (N_UNITS, N_INNER)}
    attention = dict.fromkeys(["self.query", "self.key", "self.value", "output.dense"], (N_UNITS, N_UNITS))
    matrices = inner | {f"attention.{part}": shape for part, shape in attention.items()}
    expected = {}
    for number in range(N_LAYERS):
        layer = f"encoder.layer.{number}"
        for part, (n_rows, n_columns) in matrices.items():
            expected[f"{layer}.{part}.weight.change"] = ((n_rows, n_columns), np.int8)
            expected[f"{layer}.{part}.weight.step"] = ((n_rows, 1), np.float32)
            expected[f"{layer}.{part}.bias.change"] = ((n_rows,), np.float32)
        for part in ("attention.output", "output"):
            for one in ("weight", "bias"):
                expected[f"{layer}.{part}.LayerNorm.{one}.change"] = ((N_UNITS,), np.float32)
    assert {name: (value.shape, value.dtype) for name, value in changes.items()} == expected
    assert all(np.isfinite(value).all() and value.any() for value in changes.values())


def test_every_block_of_phrasings_has_enough_to_learn_from() -> None:
    """A class of one or two messages would teach nothing."""
    examples = adapt_encoder.read_phrasings(PHRASING_FILES)
    assert np.bincount(examples.labels).min() >= 8


def test_no_phrasing_is_a_message_that_is_measured_on() -> None:
    """It would be answered rightly because it was learnt by heart."""
    rows = STARTER_MESSAGES.read_text("utf-8").splitlines()
    measured = {text for row in rows if (text := normalise(json.loads(row)["text"]))}
    assert len(measured) > 400
    assert not measured & set(adapt_encoder.read_phrasings(PHRASING_FILES).texts)


def test_phrasings_are_read_in_blocks(tmp_path: Path) -> None:
    """The name of a block is one more message of it; blocks of one name are one, in whatever files they stand."""
    first, second = tmp_path / "a.txt", tmp_path / "b.txt"
    first.write_text("# Cancel a booking\ncall it OFF!\n\n# opening hours\nwhen are you open?\n...\n", "utf-8")
    second.write_text("# close an account\ndelete me\n\n# cancel a booking\ncall it off\ndrop my table\n", "utf-8")
    found = adapt_encoder.read_phrasings([first, second])
    assert dict(zip(found.texts, found.labels.tolist(), strict=True)) == {
        "cancel a booking": 0, "call it off": 0, "drop my table": 0,
        "close an account": 1, "delete me": 1,
        "opening hours": 2, "when are you open": 2,
    }  # fmt: skip


def test_changes_bring_weights_back() -> None:
    """Those of a matrix to half a step of its row, those of a vector whole; other weights are left alone."""
    random = np.random.default_rng(0)
    before = {"matrix": random.normal(size=(12, 8)).T, "vector": random.normal(size=8), "other": np.ones(3)}
    after = {"matrix": before["matrix"] + random.normal(size=(12, 8)).T, "vector": random.normal(size=8)}
    after["matrix"][3] = before["matrix"][3]
    assert not after["matrix"].flags.c_contiguous  # as an encoder gives them
    changes = load(save(changes_of(before, after)))
    found = adapted(before, changes)
    assert set(found) == set(before)
    steps = np.abs(after["matrix"] - before["matrix"]).max(axis=1, keepdims=True) / 127
    assert (np.abs(found["matrix"] - after["matrix"]) <= steps / 2 + 1e-6).all()
    assert found["matrix"][3] == pytest.approx(before["matrix"][3])
    assert found["vector"] == pytest.approx(after["vector"], abs=1e-6)
    assert found["other"].tolist() == [1, 1, 1]


def test_encoder_as_published_gives_its_weights_back(tmp_path: Path) -> None:
    """By the names and in the shapes of the file, all layers of it."""
    encoder = read_encoder(write_encoder(tmp_path), as_published=True)
    expected = {name: value for name, value in weights().items() if name.startswith("encoder.")}
    found = encoder.upper_weights()
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert found[name].tolist() == value.tolist(), name


def test_encoder_as_published_has_the_same_features(tmp_path: Path) -> None:
    """Wherever it is cut in two."""
    directory = write_encoder(tmp_path)
    whole, halves = (read_encoder(directory, as_published=one) for one in (True, False))
    found, expected = (one.features(TEXTS, "reading", lambda *_: None) for one in (whole, halves))
    assert found == pytest.approx(expected, abs=1e-5)


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of an encoder that is taken for the published one; its adaptation is beside it."""
    directory = write_encoder(tmp_path / "encoder")
    monkeypatch.setattr("model.encoder_files.ADAPTATION_FILE", tmp_path / "adaptation.safetensors")
    sha256 = MINILM_SHA256 | {WEIGHTS_FILE: sha256_of(directory / WEIGHTS_FILE)}
    monkeypatch.setattr("model.encoder_files.MINILM_SHA256", sha256)
    return directory


def test_published_encoder_is_read_adapted(published: Path) -> None:
    """Its weights alone decide; the adaptation is a part of what it is known by."""
    before = read_encoder(published, as_published=True)
    change = {"encoder.layer.0.attention.self.query.weight": np.ones((N_HIDDEN, N_HIDDEN), np.float32)}
    old = {name: np.zeros_like(value) for name, value in change.items()}
    (published.parent / "adaptation.safetensors").write_bytes(save(changes_of(old, change)))
    after = read_encoder(published)
    assert after.identity == identity_of(published) != before.identity
    assert read_encoder(published, as_published=True).identity == before.identity
    features = [one.features(TEXTS, "reading", lambda *_: None) for one in (before, after)]
    assert np.abs(features[0] - features[1]).max() > 0.01


@pytest.mark.parametrize(
    "content", [b"", save({"encoder.layer.9.output.dense.bias.change": np.ones(3)})], ids=["empty", "of another"]
)
def test_damaged_adaptation_is_named(published: Path, content: bytes) -> None:
    """Not the encoder's directory, whose files are sound."""
    file = published.parent / "adaptation.safetensors"
    file.write_bytes(content)
    with pytest.raises(TrainingError, match="install that anew") as caught:
        read_encoder(published)
    assert str(caught.value).startswith(f"{file} cannot be used")


def test_missing_adaptation_is_named(published: Path) -> None:
    """Fetching the encoder would not bring it."""
    with pytest.raises(EncoderMissingError, match=r"adaptation.safetensors is missing: it is a part of Parley"):
        identity_of(published)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("\ncall it off\n", r"a.txt:2 must be a name"),
        ("# cancel\ncall it off\n\n# move\nCall it off!\n", r'a.txt:5: "call it off" stands under "cancel" too'),
        ("# cancel\nmove it\n\n# move it\nlater please\n", r'a.txt:4: "move it" stands under "cancel" too'),
    ],
    ids=["before any name", "under two names", "a name"],
)
def test_message_of_no_name_or_of_two_is_named(tmp_path: Path, content: str, fault: str) -> None:
    """It would belong to nothing, or teach that one thing is two."""
    file = tmp_path / "a.txt"
    file.write_text(content, "utf-8")
    with pytest.raises(adapt_encoder.PhrasingsError, match=fault):
        adapt_encoder.read_phrasings([file])


def test_another_encoder_is_not_adapted(tiny_encoder: Path) -> None:
    """What was learnt on other weights would spoil these."""
    assert adaptation_of(sha256_of(tiny_encoder / WEIGHTS_FILE)) is None
    assert adaptation_of(MINILM_SHA256[WEIGHTS_FILE]) == ADAPTATION_FILE


def test_interrupted_adaptation_goes_on(tmp_path: Path) -> None:
    """No epoch is trained twice; what was not interrupted comes out the same again."""
    write_encoder(tmp_path / "encoder")
    phrasings = Examples(
        tuple(f"{word} {number}" for word in ("hello", "pizza") for number in range(40)), np.arange(80) // 40
    )
    told: list[int] = []

    def adaptation(checkpoints: str, tell: Tell) -> bytes:
        return adapt_encoder.adaptation(tmp_path / "encoder", phrasings, "abc", tmp_path / checkpoints, tell)

    def interrupted(stage: str, done: int, total: int) -> None:
        if stage == "adapting the encoder" and done > total / 2:
            raise KeyboardInterrupt

    def heard(stage: str, done: int, _total: int) -> None:
        if stage == "adapting the encoder":
            told.append(done)

    with pytest.raises(KeyboardInterrupt):
        adaptation("cut", interrupted)
    resumed = adaptation("cut", heard)
    n_resumed = len(told)
    whole = adaptation("whole", heard)
    assert adaptation("again", heard) == whole
    assert 0 < n_resumed < len(told) - n_resumed
    assert load(resumed).keys() == load(whole).keys()
