"""Scoring a loaded bundle: a small protocol, and the runtime that runs the saved Keras model.

TensorFlow is imported when the Keras runtime is loaded, never by importing this module.
"""

import os
import sys
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from model.bundle import Bundle, BundleCorruptError

KERAS_FILE = "model.keras"


class Runtime(Protocol):
    """Runs the network of one bundle. Not thread-safe: one worker calls it."""

    @property
    def name(self) -> str:
        """``"keras"``, as logs and reports name it."""

    def logits(self, ids: NDArray[np.int32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the logits of a batch.

        Parameters
        ----------
        ids, weights
            Shape ``(n_texts, n_ngrams)`` each, as `model.features.pad` returns them.

        Returns
        -------
        NDArray[np.float32]
            Shape ``(n_texts, n_labels)``, columns as the manifest's labels.
        """


class KerasRuntime:
    """Runs `model.keras` as one traced function.

    `Model.predict` sets up a data pipeline for every call: slow for one message, and it leaks. A function of a fixed
    signature is traced once, and accepts batches of every shape.
    """

    name = "keras"

    def __init__(self, bundle: Bundle) -> None:
        import_tensorflow_quietly()
        import keras  # noqa: PLC0415 - seconds and hundreds of MB, only for this runtime
        import tensorflow as tf  # noqa: PLC0415

        try:
            model = keras.saving.load_model(bundle.path / KERAS_FILE, compile=False, safe_mode=True)
        except (ValueError, TypeError, KeyError, OSError) as error:
            raise BundleCorruptError(bundle.path, f"{KERAS_FILE} cannot be loaded ({type(error).__name__})") from error
        if model.output_shape[-1] != len(bundle.manifest.labels):
            raise BundleCorruptError(bundle.path, f"{KERAS_FILE} has another number of intents than the manifest")
        signature = [tf.TensorSpec((None, None), tf.int32), tf.TensorSpec((None, None), tf.float32)]
        self._call = tf.function(lambda ids, weights: model([ids, weights], training=False), input_signature=signature)

    def logits(self, ids: NDArray[np.int32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the logits of a batch; see `Runtime.logits`."""
        return np.asarray(self._call(ids, weights), np.float32)


def import_tensorflow_quietly() -> None:
    """Import TensorFlow without its notes on start-up, which no setting keeps from standard error.

    They are written by native code to the file descriptor, before its own log level counts. An import that fails is
    an exception as ever.
    """
    if "tensorflow" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
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
