"""A trained network into its files: the saved Keras model, and the same compiled for LiteRT, checked against it.

Imports TensorFlow: for training only.
"""

import contextlib
import io
import logging
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from model.config import TrainingError
from model.network import Encoded, predict_logits
from model.runtime import KERAS_FILE, LITERT_FILE, LiteRTNetwork

logger = logging.getLogger(__name__)

LEAST_AGREEMENT = 0.995
"""The least share of texts whose best intent must be the same in both; below it the weights stay float32."""


def save_network(network: keras.Model, directory: Path, texts: Sequence[Encoded]) -> None:
    """Write `model.keras` and `serving.tflite`.

    Parameters
    ----------
    network
        The trained network.
    directory
        Where to.
    texts
        Encoded texts, at least one, on which the compiled network must rank the same intent first: with weights of 8
        bits on at least `LEAST_AGREEMENT` of them, else it gets weights of 32.

    Raises
    ------
    TrainingError
        The compiled network differs even so.
    """
    # a model of its own around the same layers: the optimiser's state, twice the weights, is of no use here
    bare = keras.Model(network.inputs, network.outputs)
    bare.save(directory / KERAS_FILE)
    expected = predict_logits(bare, texts).argmax(axis=1)
    for is_quantised in (True, False):
        content = _compiled(bare, is_quantised=is_quantised)
        (directory / LITERT_FILE).write_bytes(content)
        compiled = LiteRTNetwork(content)
        agreement = float(np.mean([compiled.logits(*text).argmax() for text in texts] == expected))
        if agreement >= LEAST_AGREEMENT:
            return
        logger.warning("the compiled network ranks %.2f %% of the patterns alike", 100 * agreement)
    raise TrainingError(
        "the network, compiled for serving, does not rank as it was trained to; train with another --seed"
    )


def _compiled(network: keras.Model, *, is_quantised: bool) -> bytes:
    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    if is_quantised:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does
        compiled: bytes = converter.convert()
    return compiled
