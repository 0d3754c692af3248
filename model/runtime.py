"""Scoring a loaded bundle: one small protocol, and the two runtimes behind it.

LiteRT runs the compiled network in the serving process: a millisecond or two, tens of MB. Keras runs the saved model
itself, where LiteRT has no wheel. Each imports its library when it is loaded, never with this module.
"""

import importlib.util
import logging
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Protocol
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from model.bundle import Bundle, BundleCorruptError, BundleError
from model.compiled import CompiledNetwork, quiet_standard_error
from model.decision import Scores
from model.features import Encoded
from model.packing import TEXT_WIDTHS, in_packs, pack

logger = logging.getLogger(__name__)

KERAS_FILE = "model.keras"
LITERT_FILE = "serving.tflite"
ENCODER_FILE = "encoder.tflite"
"""The lower half of the encoder, where there is one: `serving.tflite` reads on from it."""

FIRST_TEXT = "hello"
"""What every runtime scores when it is loaded, so that no member waits for what is set up with the first text."""

RuntimeChoice = Literal["auto", "litert", "keras"]


class RuntimeMissingError(BundleError):
    """The library that should run a bundle is not installed."""


class Runtime(Protocol):
    """Runs the network of one bundle, for one thread after the other."""

    at_once: int
    """How many texts it scores in much less time than one after the other."""

    is_stuck: bool
    """Whether a thread hangs in it, as whoever waited for that thread has noted: others need another runtime."""

    @property
    def name(self) -> str:
        """``"litert"`` or ``"keras"``, as logs and reports name it."""

    @property
    def files(self) -> tuple[str, ...]:
        """Which of the bundle's files it runs."""

    def scores(self, texts: Sequence[Encoded]) -> list[Scores]:
        """Return what the network says of each text, columns in the order of the manifest's labels."""


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
    at_once = TEXT_WIDTHS[-1]

    def __init__(self, bundle: Bundle) -> None:
        self.files = (LITERT_FILE, *([ENCODER_FILE] if ENCODER_FILE in bundle.manifest.sha256 else []))
        content = bundle.read(LITERT_FILE)
        try:
            lower = _lower_half(bundle) if ENCODER_FILE in self.files else None
            self._network = LiteRTNetwork(content, lower)
            n_labels = len(self.scores([bundle.features.encode(FIRST_TEXT)])[0].similarity)
        except (ValueError, RuntimeError, KeyError) as error:
            raise BundleCorruptError(bundle.path, f"{' or '.join(self.files)} cannot be run") from error
        _check_width(bundle, LITERT_FILE, n_labels)

    @property
    def is_stuck(self) -> bool:
        """See `Runtime`; who hangs in what several runtimes share hangs in all of them."""
        return any(part.is_stuck for part in self._network.parts)

    @is_stuck.setter
    def is_stuck(self, value: bool) -> None:
        for part in self._network.parts:
            part.is_stuck = value

    def scores(self, texts: Sequence[Encoded]) -> list[Scores]:
        """Return what the network says of each text; see `Runtime.scores`.

        Raises
        ------
        TimeoutError
            Another thread hangs in it.
        """
        return self._network.scores(texts)


class LiteRTNetwork:
    """A compiled network, which reads texts of every length.

    Parameters
    ----------
    content
        `serving.tflite`.
    lower
        The lower half of the encoder, from which it reads on; None where it has all that it needs.

    Attributes
    ----------
    parts
        The networks that it runs.
    """

    def __init__(self, content: bytes, lower: CompiledNetwork | None = None) -> None:
        self._network = CompiledNetwork(content)
        self._lower = lower
        self.parts = (self._network,) if lower is None else (self._network, lower)

    def scores(self, texts: Sequence[Encoded]) -> list[Scores]:
        """Return what the network says of each text; see `Runtime.scores`."""
        return [scores for together in in_packs(texts) for scores in self._scores(together)]

    def _scores(self, texts: Sequence[Encoded]) -> list[Scores]:
        values = pack(texts)
        if self._lower is not None:
            values |= self._lower.run(values)
        outputs = self._network.run(values)
        logits = outputs["logits"]
        if "similarity" in outputs:
            similarity = outputs["similarity"]
        else:
            similarity = np.zeros((len(logits), logits.shape[1] - 1), np.float32)
        return list(map(Scores, logits[: len(texts)], similarity))


_in_use: WeakValueDictionary[str, CompiledNetwork] = WeakValueDictionary()


def _lower_half(bundle: Bundle) -> CompiledNetwork:
    """Return the lower half of a bundle's encoder, which all bundles of the same share while one of them is in use.

    No training changes it, and it is most of their size.
    """
    digest = bundle.manifest.sha256[ENCODER_FILE]
    found = _in_use.get(digest)
    if found is not None and not found.is_stuck:
        bundle.verify(ENCODER_FILE)
        return found
    made = _in_use[digest] = CompiledNetwork(bundle.read(ENCODER_FILE))
    return made


class KerasRuntime:
    """Runs the saved Keras model of a bundle as one traced function.

    `Model.predict` sets up a data pipeline for every call: slow for one message, and it leaks. A function of a fixed
    signature is traced once, and accepts texts of every length.
    """

    name = "keras"
    at_once = 1
    files = (KERAS_FILE,)

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
        self.scores([bundle.features.encode(FIRST_TEXT)])  # traces it

    def scores(self, texts: Sequence[Encoded]) -> list[Scores]:
        """Return what the network says of each text; see `Runtime.scores`."""
        return list(map(self._scores, texts))

    def _scores(self, text: Encoded) -> Scores:
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
    with quiet_standard_error():
        import tensorflow as tf  # noqa: PLC0415

        tf.constant(0)  # the devices, too, are announced
