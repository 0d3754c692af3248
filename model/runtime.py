"""Scoring a loaded bundle: one small protocol, and the two runtimes behind it.

LiteRT runs the compiled network in the serving process: 0.1 ms a message, tens of MB. Keras runs the saved model
itself, where LiteRT has no wheel. Each imports its library when it is loaded, never with this module.
"""

import importlib.util
import logging
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from model.bundle import Bundle, BundleCorruptError, BundleError
from model.features import MAX_NGRAMS, PADDING_ID

logger = logging.getLogger(__name__)

KERAS_FILE = "model.keras"
LITERT_FILE = "serving.tflite"

RuntimeChoice = Literal["auto", "litert", "keras"]

WIDTHS = (64, 128, 256, 512, MAX_NGRAMS)
"""The lengths to which one text's n-grams are padded: LiteRT plans its memory once for each."""


class RuntimeMissingError(BundleError):
    """The library that should run a bundle is not installed."""


class Runtime(Protocol):
    """Runs the network of one bundle. Not thread-safe: one worker calls it."""

    @property
    def name(self) -> str:
        """``"litert"`` or ``"keras"``, as logs and reports name it."""

    def logits(self, ids: NDArray[np.int32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the logits of one text, shape ``(n_labels,)``, in the order of the manifest's labels.

        Parameters
        ----------
        ids, weights
            Shape ``(n_ngrams,)`` each, as `model.features.NgramFeatures.encode` returns them.
        """


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
    """Runs the compiled network of a bundle on one thread."""

    name = "litert"

    def __init__(self, bundle: Bundle) -> None:
        self._network = LiteRTNetwork(bundle.read(LITERT_FILE))
        try:
            n_labels = len(self.logits(np.zeros(1, np.int32), np.zeros(1, np.float32)))
        except (ValueError, RuntimeError, KeyError) as error:
            raise BundleCorruptError(bundle.path, f"{LITERT_FILE} cannot be run") from error
        _check_width(bundle, LITERT_FILE, n_labels)

    def logits(self, ids: NDArray[np.int32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the logits of one text; see `Runtime.logits`."""
        return self._network.logits(ids, weights)


class LiteRTNetwork:
    """A compiled network: one interpreter a width, made when a text first needs it.

    Parameters
    ----------
    content
        The compiled network, kept here whole: whatever becomes of its file, it runs on.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._interpreters: dict[int, tuple[Any, int, int, int]] = {}

    def logits(self, ids: NDArray[np.int32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the logits of one text; see `Runtime.logits`."""
        width = next(width for width in WIDTHS if len(ids) <= width)
        padding = (0, width - len(ids))
        interpreter, ids_at, weights_at, logits_at = self._interpreters.get(width) or self._plan(width)
        interpreter.set_tensor(ids_at, np.pad(ids, padding, constant_values=PADDING_ID)[None])
        interpreter.set_tensor(weights_at, np.pad(weights, padding)[None])
        interpreter.invoke()
        logits: NDArray[np.float32] = interpreter.get_tensor(logits_at)[0]
        return logits

    def _plan(self, width: int) -> tuple[Any, int, int, int]:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType  # noqa: PLC0415

        interpreter = Interpreter(
            model_content=self._content,
            num_threads=1,
            # its delegate has no kernel for embeddings, and announces itself on standard error
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        inputs = {detail["dtype"]: detail["index"] for detail in interpreter.get_input_details()}
        places = (inputs[np.int32], inputs[np.float32], interpreter.get_output_details()[0]["index"])
        for place in places[:2]:
            interpreter.resize_tensor_input(place, [1, width])
        interpreter.allocate_tensors()
        self._interpreters[width] = (interpreter, *places)
        return self._interpreters[width]


class KerasRuntime:
    """Runs the saved Keras model of a bundle as one traced function.

    `Model.predict` sets up a data pipeline for every call: slow for one message, and it leaks. A function of a fixed
    signature is traced once, and accepts texts of every length.
    """

    name = "keras"

    def __init__(self, bundle: Bundle) -> None:
        content = bundle.read(KERAS_FILE)
        import_tensorflow_quietly()
        import keras  # noqa: PLC0415 - seconds and hundreds of MB, only for this runtime
        import tensorflow as tf  # noqa: PLC0415

        try:
            with tempfile.TemporaryDirectory() as directory:  # Keras loads from a path; so it loads what was verified
                path = Path(directory, KERAS_FILE)
                path.write_bytes(content)
                model = keras.saving.load_model(path, compile=False, safe_mode=True)
        except (ValueError, TypeError, KeyError, OSError) as error:
            raise BundleCorruptError(bundle.path, f"{KERAS_FILE} cannot be loaded") from error
        _check_width(bundle, KERAS_FILE, model.output_shape[-1])
        signature = [tf.TensorSpec((1, None), tf.int32), tf.TensorSpec((1, None), tf.float32)]
        self._call = tf.function(lambda ids, weights: model([ids, weights], training=False), input_signature=signature)

    def logits(self, ids: NDArray[np.int32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the logits of one text; see `Runtime.logits`."""
        logits: NDArray[np.float32] = self._call(ids[None], weights[None]).numpy()[0]
        return logits


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
    if sys.stderr is not None:
        sys.stderr.flush()
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        import tensorflow as tf  # noqa: PLC0415

        tf.constant(0)  # the devices, too, are announced
    finally:
        os.dup2(kept, 2)
        os.close(kept)
