"""The two runtimes: they say the same of every text, and refuse what they cannot run."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary, ref

import numpy as np
import pytest
from numpy.typing import NDArray

import model.compiled
import model.runtime
from model.bundle import Bundle, BundleCorruptError, load_bundle
from model.decision import Scores
from model.encoder_files import sha256_of
from model.features import MAX_NGRAMS, Encoded
from model.packing import NGRAM_WIDTHS, TOKEN_WIDTHS
from model.runtime import (
    ENCODER_FILE,
    KERAS_FILE,
    LITERT_FILE,
    LiteRTNetwork,
    LiteRTRuntime,
    Runtime,
    RuntimeMissingError,
    load_runtime,
)
from model.tokens import MAX_TOKENS

if TYPE_CHECKING:
    from tests.conftest import Trained

LIKE = 0.05
"""How far a cosine may be off under weights of 8 bits."""

TIE = 0.1
"""How near the first two logits of a text are that an encoder of random weights knows nothing of."""


@pytest.fixture(scope="module", params=["not fine-tuned", "fine-tuned"])
def bundle(request: pytest.FixtureRequest) -> Bundle:
    name = "trained_with_encoder" if request.param == "not fine-tuned" else "trained_with_fine_tuning"
    return load_bundle(request.getfixturevalue(name).bundle_path)


@pytest.fixture(scope="module")
def runtimes(bundle: Bundle) -> tuple[Runtime, Runtime]:
    return load_runtime(bundle, "litert"), load_runtime(bundle, "keras")


def texts_of(bundle: Bundle, widths: list[tuple[int, int]]) -> Iterator[Encoded]:
    """Texts of so many n-grams and tokens each."""
    random = np.random.default_rng(0)
    assert bundle.features.tokenizer is not None
    n_ids, n_tokens = bundle.features.ngrams.n_ids, bundle.features.tokenizer.n_tokens
    for of_ngrams, of_tokens in widths:
        ids = random.integers(1, n_ids, of_ngrams).astype(np.int32)
        weights = random.uniform(0, 1, of_ngrams).astype(np.float32)
        weights /= np.linalg.norm(weights) or 1.0
        yield Encoded(ids, weights, random.integers(1, n_tokens + 1, of_tokens).astype(np.int32))


def assert_alike(one: Scores, other: Scores) -> None:
    """Both rank alike, but for intents that are next to equal."""
    assert one.logits.shape == other.logits.shape
    assert one.similarity == pytest.approx(other.similarity, abs=LIKE)
    spread = float(np.ptp(other.logits)) + 1.0
    assert one.logits == pytest.approx(other.logits, abs=0.1 * spread)


def test_runtimes_agree_on_texts_of_every_length(bundle: Bundle, runtimes: tuple[Runtime, Runtime]) -> None:
    """Of 1 to the most tokens, long and short by turns, so that memory is planned anew each time."""
    lengths = [length for pair in zip(range(1, 33), range(64, 32, -1), strict=True) for length in pair]
    litert, keras = runtimes
    for text in texts_of(bundle, [(10 + 3 * length % 50, length) for length in lengths]):
        assert_alike(*litert.scores([text]), *keras.scores([text]))


def test_runtimes_agree_on_texts_of_every_width(bundle: Bundle, runtimes: tuple[Runtime, Runtime]) -> None:
    """None, as many n-grams as each width holds, and one more."""
    counts = [0, *NGRAM_WIDTHS, *(width + 1 for width in NGRAM_WIDTHS[:-1])]
    tokens = [2, *TOKEN_WIDTHS, *(width + 1 for width in TOKEN_WIDTHS[:-1])]
    widths = [(counts[number % len(counts)], tokens[number % len(tokens)]) for number in range(72)]
    assert {of_ngrams for of_ngrams, _ in widths} >= {0, MAX_NGRAMS}
    assert {of_tokens for _, of_tokens in widths} >= {2, MAX_TOKENS}
    litert, keras = runtimes
    for text in texts_of(bundle, widths):
        assert_alike(*litert.scores([text]), *keras.scores([text]))


def test_runtimes_agree_on_words(bundle: Bundle, runtimes: tuple[Runtime, Runtime]) -> None:
    """Patterns and other texts, in the scripts that the encoder knows and others; what is no tie has the same first."""
    like_patterns = ["hello there", "could i order one pizza please", "are you open", "pizza " * 500]
    litert, keras = runtimes
    for text in [*like_patterns, "zebra", "漢字", ""]:
        encoded = bundle.features.encode(text)
        (one,), (other,) = litert.scores([encoded]), keras.scores([encoded])
        assert_alike(one, other)
        is_same = one.logits.argmax() == other.logits.argmax()
        is_tie = float(np.diff(np.sort(other.logits)[-2:])[0]) < TIE
        assert is_same or (is_tie and text not in like_patterns)


def test_what_was_scored_before_does_not_matter(bundle: Bundle, runtimes: tuple[Runtime, Runtime]) -> None:
    """The same text gets the same scores after any other."""
    for runtime in runtimes:
        short, long = bundle.features.encode("hello"), bundle.features.encode("order a pizza please " * 20)
        (before,) = runtime.scores([short])
        kept: NDArray[np.float32] = before.logits.copy()
        runtime.scores([long])
        assert before.logits.tolist() == kept.tolist(), "it is no view of the network's memory"
        assert runtime.scores([short])[0].logits == pytest.approx(kept, abs=1e-5)


def test_texts_scored_together_get_what_each_gets_alone(bundle: Bundle, runtimes: tuple[Runtime, Runtime]) -> None:
    """Packed with others before and behind it, some of which fill a pack by themselves."""
    random = np.random.default_rng(1)
    widths = [(int(random.integers(0, 90)), int(random.integers(2, 14))) for _ in range(40)]
    widths[7:7] = [(MAX_NGRAMS, 5), (20, MAX_TOKENS), (MAX_NGRAMS, MAX_TOKENS)]
    texts = list(texts_of(bundle, widths))
    for runtime in runtimes:
        together = runtime.scores(texts)
        assert len(together) == len(texts)
        for text, scores in zip(texts, together, strict=True):
            (alone,) = runtime.scores([text])
            assert scores.logits == pytest.approx(alone.logits, abs=1e-3)
            assert scores.similarity == pytest.approx(alone.similarity, abs=1e-3)
        assert runtime.scores([]) == []


@pytest.mark.parametrize("choice", ["litert", "keras"])
def test_network_without_an_encoder_knows_no_similarity(trained_once: "Trained", choice: str) -> None:
    """There is nothing to compare; its logits are alike in both."""
    own = load_bundle(trained_once.bundle_path)
    runtime = load_runtime(own, choice)
    assert runtime.name == choice
    (scores,) = runtime.scores([own.features.encode("could i order one pizza please")])
    assert scores.logits.shape == (len(own.manifest.labels) + 1,)
    assert scores.similarity.tolist() == [0.0] * len(own.manifest.labels)
    assert own.manifest.labels[int(scores.logits.argmax())] == "order_pizza"


def changed(trained: "Trained", directory: Path, name: str, content: bytes) -> Bundle:
    """A bundle one of whose files is another, by a digest that holds."""
    path = shutil.copytree(trained.bundle_path, directory / "bundle")
    (path / name).write_bytes(content)
    manifest = json.loads((path / "manifest.json").read_text("utf-8"))
    manifest["sha256"][name] = sha256_of(path / name)
    (path / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return load_bundle(path)


@pytest.mark.parametrize(("choice", "name"), [("litert", LITERT_FILE), ("keras", KERAS_FILE)])
@pytest.mark.parametrize("content", [b"", b"nonsense" * 1_000], ids=["empty", "other"])
def test_network_that_cannot_be_run_is_corrupt(
    trained_once: "Trained", tmp_path: Path, choice: str, name: str, content: bytes
) -> None:
    """One sentence names the file."""
    with pytest.raises(BundleCorruptError, match=name) as caught:
        load_runtime(changed(trained_once, tmp_path, name, content), choice)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("choice", "name"), [("litert", LITERT_FILE), ("keras", KERAS_FILE)])
def test_missing_or_damaged_network_is_corrupt(trained_once: "Trained", tmp_path: Path, choice: str, name: str) -> None:
    """It is held to its digest before anything runs it."""
    path = shutil.copytree(trained_once.bundle_path, tmp_path / "bundle")
    content = (path / name).read_bytes()
    for damage in (lambda: (path / name).write_bytes(content[:-1]), (path / name).unlink):
        damage()
        with pytest.raises(BundleCorruptError, match=name):
            load_runtime(load_bundle(path), choice)


@pytest.mark.parametrize(("choice", "name"), [("litert", LITERT_FILE), ("keras", KERAS_FILE)])
def test_network_of_another_bundle_is_corrupt(
    trained_once: "Trained", trained_with_encoder: "Trained", tmp_path: Path, choice: str, name: str
) -> None:
    """Without the tokens that it was trained on it would guess."""
    content = (trained_with_encoder.bundle_path / name).read_bytes()
    bundle = changed(trained_once, tmp_path, name, content)
    with pytest.raises(BundleCorruptError):
        load_runtime(bundle, choice)


# The lower half of the encoder, which runtimes share.


def test_training_leaves_the_lower_half_as_it_was(
    trained_with_encoder: "Trained", trained_with_fine_tuning: "Trained"
) -> None:
    """To the byte, fine-tuned or not."""
    one, other = trained_with_encoder.bundle_path, trained_with_fine_tuning.bundle_path
    assert (one / ENCODER_FILE).read_bytes() == (other / ENCODER_FILE).read_bytes()
    assert (one / LITERT_FILE).read_bytes() != (other / LITERT_FILE).read_bytes()


@pytest.fixture
def nothing_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has loaded no bundle yet."""
    monkeypatch.setattr(model.runtime, "_in_use", WeakValueDictionary())


def both(one: "Trained", other: "Trained") -> tuple[LiteRTRuntime, LiteRTRuntime]:
    runtimes = [load_runtime(load_bundle(trained.bundle_path), "litert") for trained in (one, other)]
    first, second = runtimes
    assert isinstance(first, LiteRTRuntime)
    assert isinstance(second, LiteRTRuntime)
    return first, second


@pytest.mark.usefixtures("nothing_in_use")
def test_the_lower_half_is_shared_while_it_is_in_use(
    trained_with_encoder: "Trained", trained_with_fine_tuning: "Trained"
) -> None:
    """By bundles of the same encoder, and let go with the last of them."""
    one, other = both(trained_with_encoder, trained_with_fine_tuning)
    assert one._network._lower is other._network._lower
    seen = ref(one._network._lower)
    del one
    assert seen() is not None
    del other
    assert seen() is None


@pytest.mark.usefixtures("nothing_in_use")
def test_whoever_hangs_in_the_lower_half_hangs_in_all_that_share_it(
    trained_with_encoder: "Trained", trained_with_fine_tuning: "Trained"
) -> None:
    """What is loaded next has one of its own."""
    one, other = both(trained_with_encoder, trained_with_fine_tuning)
    assert not other.is_stuck
    one.is_stuck = True
    assert other.is_stuck
    new = load_runtime(load_bundle(trained_with_encoder.bundle_path), "litert")
    assert not new.is_stuck


@pytest.mark.parametrize("is_in_use", [False, True])
def test_missing_or_damaged_lower_half_is_corrupt(
    trained_with_encoder: "Trained", tmp_path: Path, *, is_in_use: bool
) -> None:
    """Also where another bundle has brought it already: after a restart it would be missing."""
    serving = load_runtime(load_bundle(trained_with_encoder.bundle_path), "litert") if is_in_use else None
    path = shutil.copytree(trained_with_encoder.bundle_path, tmp_path / "bundle")
    content = (path / ENCODER_FILE).read_bytes()
    for damage in (lambda: (path / ENCODER_FILE).write_bytes(content[:-1]), (path / ENCODER_FILE).unlink):
        damage()
        with pytest.raises(BundleCorruptError, match=ENCODER_FILE):
            load_runtime(load_bundle(path), "litert")
    del serving


@pytest.mark.parametrize("content", [b"", b"nonsense" * 1_000], ids=["empty", "other"])
def test_lower_half_that_cannot_be_run_is_corrupt(
    trained_with_encoder: "Trained", tmp_path: Path, content: bytes
) -> None:
    """One sentence names the files."""
    with pytest.raises(BundleCorruptError, match=ENCODER_FILE) as caught:
        load_runtime(changed(trained_with_encoder, tmp_path, ENCODER_FILE, content), "litert")
    assert "\n" not in str(caught.value)


def test_network_without_its_lower_half_is_corrupt(trained_with_encoder: "Trained", tmp_path: Path) -> None:
    """A manifest that does not name it is of no help."""
    path = shutil.copytree(trained_with_encoder.bundle_path, tmp_path / "bundle")
    manifest = json.loads((path / "manifest.json").read_text("utf-8"))
    del manifest["sha256"][ENCODER_FILE]
    (path / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(BundleCorruptError, match=LITERT_FILE):
        load_runtime(load_bundle(path), "litert")


@pytest.mark.usefixtures("nothing_in_use")
def test_a_thread_that_hangs_is_waited_for_only_so_long(
    trained_with_encoder: "Trained", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever comes to the lower half meanwhile is told."""
    monkeypatch.setattr(model.compiled, "LIMIT_S", 0.01)
    bundle = load_bundle(trained_with_encoder.bundle_path)
    runtime = load_runtime(bundle, "litert")
    assert isinstance(runtime, LiteRTRuntime)
    assert runtime._network._lower is not None
    with runtime._network._lower._lock, pytest.raises(TimeoutError, match="scoring for over"):
        runtime.scores([bundle.features.encode("hello")])
    assert runtime.is_stuck, "whoever comes next takes another"


def test_a_text_after_one_that_failed_is_scored(trained_once: "Trained", monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it is as long as the one for which there was no memory."""
    content = (trained_once.bundle_path / LITERT_FILE).read_bytes()
    network, bundle = LiteRTNetwork(content), load_bundle(trained_once.bundle_path)
    short, long = bundle.features.encode("hello"), bundle.features.encode("order a pizza please " * 20)
    expected = network.scores([long])[0].logits.tolist()
    network.scores([short])
    interpreter = network._network._interpreter
    with monkeypatch.context() as patch:
        patch.setattr(interpreter, "allocate_tensors", lambda: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            network.scores([long])
    assert network.scores([long])[0].logits.tolist() == expected


def without(*modules: str) -> Callable[[str], bool]:
    return lambda module: module not in modules


def test_runtime_that_is_not_installed_is_named(trained_once: "Trained", monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to install; without a choice the other one serves."""
    own = load_bundle(trained_once.bundle_path)
    monkeypatch.setattr("model.runtime._is_installed", without("ai_edge_litert"))
    with pytest.raises(RuntimeMissingError, match="MODEL_RUNTIME=keras"):
        load_runtime(own, "litert")
    assert load_runtime(own, "auto").name == "keras"
    monkeypatch.setattr("model.runtime._is_installed", without("tensorflow", "ai_edge_litert"))
    for choice in ("keras", "auto"):
        with pytest.raises(RuntimeMissingError, match="extra `train`"):
            load_runtime(own, choice)
