"""A trained network into its files: the saved Keras model, and the same compiled for LiteRT, checked against it.

Imports TensorFlow: for training only.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from model.compiled import CompiledNetwork
from model.config import TrainingError
from model.encoder import traced
from model.features import Encoded
from model.network import network_inputs
from model.runtime import ENCODER_FILE, KERAS_FILE, LITERT_FILE, LiteRTNetwork
from model.serving import PackedNgrams, PackedTexts

logger = logging.getLogger(__name__)

LEAST_AGREEMENT = 0.995
"""The least share of texts whose best intent must be the same in both; below it the weights stay float32."""

TEXTS_AT_ONCE = 256


def save_network(network: keras.Model, directory: Path, texts: Sequence[Encoded]) -> float:
    """Write the saved and the compiled network; return the share of texts that both rank alike.

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
    network.save(directory / KERAS_FILE)
    expected = _logits(network, texts).argmax(axis=1)
    for is_quantised in (True, False):
        contents = _compiled(network, is_quantised=is_quantised)
        for name, content in contents.items():
            (directory / name).write_bytes(content)
        compiled = run_compiled(contents)
        agreement = float(np.mean([scores.logits.argmax() for scores in compiled.scores(texts)] == expected))
        if agreement >= LEAST_AGREEMENT:
            return agreement
        logger.warning("the compiled network ranks %.2f %% of the patterns alike", 100 * agreement)
    raise TrainingError(
        "the network, compiled for serving, does not rank as it was trained to; train with another --seed"
    )


def run_compiled(contents: Mapping[str, bytes]) -> LiteRTNetwork:
    """Return what runs the files of a compiled network, given by their names."""
    lower = CompiledNetwork(contents[ENCODER_FILE]) if ENCODER_FILE in contents else None
    return LiteRTNetwork(contents[LITERT_FILE], lower)


def _logits(network: keras.Model, texts: Sequence[Encoded]) -> NDArray[np.float32]:
    run = traced(network)
    order = np.argsort([len(text.token_ids) for text in texts], kind="stable")
    logits = np.zeros((len(texts), network.output["logits"].shape[-1]), np.float32)
    for start in range(0, len(order), TEXTS_AT_ONCE):
        rows = order[start : start + TEXTS_AT_ONCE]
        logits[rows] = run(network_inputs([texts[row] for row in rows]))["logits"].numpy()
    return logits


def _compiled(network: keras.Model, *, is_quantised: bool) -> dict[str, bytes]:
    """Return the compiled network by the names of its files."""
    laid_out = PackedTexts(network) if "token_ids" in network.input else PackedNgrams(network)
    return {
        name: _convert(tf.lite.TFLiteConverter.from_concrete_functions([function], laid_out), is_quantised=is_quantised)
        for name, function in laid_out.functions().items()
    }


def _convert(converter: tf.lite.TFLiteConverter, *, is_quantised: bool) -> bytes:
    if is_quantised:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    compiled: bytes = converter.convert()
    return compiled
