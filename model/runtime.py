"""Scoring a loaded bundle: one small protocol, and the two runtimes behind it.

LiteRT runs the compiled network in the serving process: a millisecond or two, tens of MB. Keras runs the saved model
itself, where LiteRT has no wheel. Each imports its library when it is loaded, never with this module.
"""

import importlib.util
import logging
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from model.bundle import Bundle, BundleCorruptError, BundleError
from model.decision import Scores
from model.features import MAX_NGRAMS, PADDING_ID, Encoded
from model.tokens import MAX_TOKENS

logger = logging.getLogger(__name__)

KERAS_FILE = "model.keras"
LITERT_FILE = "serving.tflite"

RuntimeChoice = Literal["auto", "litert", "keras"]

NGRAM_WIDTHS = (64, 128, 256, 512, MAX_NGRAMS)
"""The lengths to which one text's n-grams are padded."""

TOKEN_WIDTHS = (10, 15, 20, 30, 40, MAX_TOKENS)
"""Likewise its tokens: few, for LiteRT plans its memory anew when a length changes.

Multiples of 5, since its fastest kernels take 5 rows at once: 6 tokens cost as much as 10. See docs/model.md.
"""

LIMIT_S = 10.0
"""One text takes milliseconds: what takes longer will not end."""

NGRAMS_A_TOKEN = 16
"""Room for n-grams that is made with each token, so that mostly both lengths change together; 12 are usual."""


class RuntimeMissingError(BundleError):
    """The library that should run a bundle is not installed."""


class Runtime(Protocol):
    """Runs the network of one bundle, for one thread after the other."""

    is_stuck: bool
    """Whether a thread hangs in it, as whoever waited for that thread has noted: others need another runtime."""

    @property
    def name(self) -> str:
        """``"litert"`` or ``"keras"``, as logs and reports name it."""

    @property
    def file(self) -> str:
        """Which of the bundle's files it runs."""

    def scores(self, text: Encoded) -> Scores:
        """Return what the network says of one text, columns in the order of the manifest's labels."""


def load_runtime(bundle: Bundle, choice: RuntimeChoice = "auto") -> Runtime:
    """Return the runtime for a bundle; ``"auto"`` takes LiteRT, and Keras where LiteRT is not installed.

    Raises
    ------
    BundleCorruptError
        The network's file is missing, changed or cannot be loaded.
    RuntimeMissingError
        The library of the chosen runtime is not installed.
    """
    if choice == "auto" and not _is_installed("ai_edge_litert"):
        logger.warning("LiteRT is not installed here: serving with Keras, which is slower and takes more memory")
        choice = "keras"
    if choice == "keras":
        if not (_is_installed("keras") and _is_installed("tensorflow")):
            raise RuntimeMissingError("the Keras runtime needs TensorFlow: install Parley with its extra `train`")
        return KerasRuntime(bundle)
    if not _is_installed("ai_edge_litert"):
        raise RuntimeMissingError("the LiteRT runtime needs ai-edge-litert: install it, or set MODEL_RUNTIME=keras")
    return LiteRTRuntime(bundle)


def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


class LiteRTRuntime:
    """Runs the compiled network of a bundle."""

    name = "litert"
    file = LITERT_FILE

    def __init__(self, bundle: Bundle) -> None:
        self.is_stuck = False
        self._lock = threading.Lock()
        content = bundle.read(LITERT_FILE)
        try:
            self._network = LiteRTNetwork(content)
            n_labels = len(self.scores(bundle.features.encode("hello")).similarity)
        except (ValueError, RuntimeError, KeyError) as error:
            raise BundleCorruptError(bundle.path, f"{LITERT_FILE} cannot be run") from error
        _check_width(bundle, LITERT_FILE, n_labels)

    def scores(self, text: Encoded) -> Scores:
        """Return what the network says of one text; see `Runtime.scores`.

        Raises
        ------
        TimeoutError
            Another thread hangs in it.
        """
        if not self._lock.acquire(timeout=LIMIT_S):
            raise TimeoutError(f"another thread has been scoring for over {LIMIT_S:g} s")
        try:
            return self._network.scores(text)
        finally:
            self._lock.release()


class LiteRTNetwork:
    """A compiled network in one interpreter, which is resized when texts of another length come.

    Parameters
    ----------
    content
        The compiled network, kept here whole: whatever becomes of its file, it runs on.
    """

    def __init__(self, content: bytes) -> None:
        with _quiet_standard_error():  # it announces its delegate there
            from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415

            self._interpreter = Interpreter(model_content=content, num_threads=1)
            signature = self._interpreter.get_signature_runner()
            self._inputs = {name: detail["index"] for name, detail in signature.get_input_details().items()}
            self._outputs = {name: detail["index"] for name, detail in signature.get_output_details().items()}
            del signature  # no tensor may be resized while it lives
            self._widths = (0, 0)
            self._resize(NGRAM_WIDTHS[0], TOKEN_WIDTHS[0])

    def scores(self, text: Encoded) -> Scores:
        """Return what the network says of one text; see `Runtime.scores`."""
        n_tokens = next(width for width in TOKEN_WIDTHS if len(text.token_ids) <= width)
        roomy = NGRAMS_A_TOKEN * n_tokens if "token_ids" in self._inputs else 0
        n_ngrams = next(width for width in (roomy, *NGRAM_WIDTHS) if len(text.ngram_ids) <= width)
        if (n_ngrams, n_tokens) != self._widths:
            self._resize(n_ngrams, n_tokens)
        self._set("ngram_ids", text.ngram_ids, n_ngrams)
        self._set("ngram_weights", text.ngram_weights, n_ngrams)
        if "token_ids" in self._inputs:
            self._set("token_ids", text.token_ids, n_tokens)
        self._interpreter.invoke()
        logits: NDArray[np.float32] = self._interpreter.get_tensor(self._outputs["logits"])[0]
        if "similarity" not in self._outputs:
            return Scores(logits, np.zeros(len(logits) - 1, np.float32))
        return Scores(logits, self._interpreter.get_tensor(self._outputs["similarity"])[0])

    def _resize(self, n_ngrams: int, n_tokens: int) -> None:
        for name, width in (("ngram_ids", n_ngrams), ("ngram_weights", n_ngrams), ("token_ids", n_tokens)):
            if name in self._inputs:
                self._interpreter.resize_tensor_input(self._inputs[name], [1, width])
        self._interpreter.allocate_tensors()
        self._widths = (n_ngrams, n_tokens)

    def _set(self, name: str, values: NDArray[Any], width: int) -> None:
        padded = np.full((1, width), PADDING_ID, values.dtype)
        padded[0, : len(values)] = values
        self._interpreter.set_tensor(self._inputs[name], padded)


class KerasRuntime:
    """Runs the saved Keras model of a bundle as one traced function.

    `Model.predict` sets up a data pipeline for every call: slow for one message, and it leaks. A function of a fixed
    signature is traced once, and accepts texts of every length.
    """

    name = "keras"
    file = KERAS_FILE

    def __init__(self, bundle: Bundle) -> None:
        self.is_stuck = False
        content = bundle.read(KERAS_FILE)
        import_tensorflow_quietly()
        import keras  # noqa: PLC0415 - seconds and hundreds of MB, only for this runtime
        import tensorflow as tf  # noqa: PLC0415

        self._has_encoder = bundle.features.tokenizer is not None
        if self._has_encoder:
            import keras_hub  # noqa: F401, PLC0415 - registers the layers of the encoder

        try:
            with tempfile.TemporaryDirectory() as directory:  # Keras loads from a path; so it loads what was verified
                path = Path(directory, KERAS_FILE)
                path.write_bytes(content)
                model = keras.saving.load_model(path, compile=False, safe_mode=True)
        except (ValueError, TypeError, KeyError, OSError) as error:
            raise BundleCorruptError(bundle.path, f"{KERAS_FILE} cannot be loaded") from error
        if ("token_ids" in model.input) is not self._has_encoder:
            raise BundleCorruptError(bundle.path, f"{KERAS_FILE} reads other inputs than the bundle's features are")
        _check_width(bundle, KERAS_FILE, model.output["logits"].shape[-1] - 1)
        signature = {
            "ngram_ids": tf.TensorSpec((1, None), tf.int32),
            "ngram_weights": tf.TensorSpec((1, None), tf.float32),
        }
        if self._has_encoder:
            signature["token_ids"] = tf.TensorSpec((1, None), tf.int32)
        self._call = tf.function(lambda inputs: model(inputs, training=False), input_signature=[signature])

    def scores(self, text: Encoded) -> Scores:
        """Return what the network says of one text; see `Runtime.scores`."""
        inputs: dict[str, NDArray[Any]] = {
            "ngram_ids": text.ngram_ids[None],
            "ngram_weights": text.ngram_weights[None],
        }
        if self._has_encoder:
            inputs["token_ids"] = text.token_ids[None]
        outputs = self._call(inputs)
        logits: NDArray[np.float32] = outputs["logits"].numpy()[0]
        if "similarity" not in outputs:
            return Scores(logits, np.zeros(len(logits) - 1, np.float32))
        return Scores(logits, outputs["similarity"].numpy()[0])


def _check_width(bundle: Bundle, file: str, n_labels: int) -> None:
    if n_labels != len(bundle.manifest.labels):
        raise BundleCorruptError(bundle.path, f"{file} has another number of intents than the manifest")


def import_tensorflow_quietly() -> None:
    """Import TensorFlow without its notes on start-up, which no setting keeps from standard error.

    They are written by native code to the file descriptor, before its own log level counts. An import that fails is
    an exception as ever.
    """
    if "tensorflow" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _quiet_standard_error():
        import tensorflow as tf  # noqa: PLC0415

        tf.constant(0)  # the devices, too, are announced


@contextmanager
def _quiet_standard_error() -> Iterator[None]:
    """Keep what native code writes to the file descriptor of standard error from being seen."""
    if sys.stderr is not None:
        sys.stderr.flush()
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
