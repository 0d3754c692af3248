"""The change that adapts the published sentence encoder to what people ask of bots, the same for every catalog.

The encoder was published for sentences of all kinds. `scripts.adapt_encoder` trains it further, on phrasings of our own
writing (`model/phrasings`): the many wordings in which one thing is asked for should lie together, apart from its
neighbours. What that changes of a matrix is kept in 8 bits a weight, each row in steps of its own.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Tensors = Mapping[str, NDArray[np.floating]]

CHANGE, STEP = ".change", ".step"

MOST_STEPS = 127
"""By how many steps a weight may change either way: what 8 bits hold."""


def changes_of(before: Tensors, after: Tensors) -> dict[str, NDArray[np.generic]]:
    """Return what changed of weights: of a matrix how many steps, int8, and the step of each row; of a vector all.

    Parameters
    ----------
    before, after
        The weights by name, the same names and shapes in both.
    """
    changes: dict[str, NDArray[np.generic]] = {}
    for name, value in after.items():
        change = np.ascontiguousarray(value - before[name], np.float32)  # safetensors writes a transposed one wrongly
        if change.ndim == 2:  # noqa: PLR2004
            greatest = np.abs(change).max(axis=1, keepdims=True)
            step = np.where(greatest > 0, greatest, 1) / MOST_STEPS
            changes[name + STEP] = step
            changes[name + CHANGE] = np.round(change / step).astype(np.int8)
        else:
            changes[name + CHANGE] = change
    return changes


def adapted(weights: Tensors, changes: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.float32]]:
    """Return weights with the changes of `changes_of` added; those that it does not name stay as they are.

    Raises
    ------
    KeyError
        A weight that it names is missing.
    """
    result = {name: np.asarray(value, np.float32) for name, value in weights.items()}
    for key, change in changes.items():
        if key.endswith(CHANGE):
            name = key.removesuffix(CHANGE)
            step = np.asarray(changes.get(name + STEP, 1), np.float32)
            result[name] = result[name] + step * change.astype(np.float32)
    return result
