"""Messages that are out of scope almost everywhere: examples of "none of these intents" for every catalog."""

from importlib import resources

import numpy as np
from numpy.typing import NDArray

from model.text import normalise

MESSAGES_FILE = "out_of_scope.txt"

TOO_SIMILAR = 0.8
"""From this cosine to a pattern on, a message may well mean its intent; see docs/model.md."""


def generic_messages() -> tuple[str, ...]:
    """Return the normalised messages, each once."""
    lines = resources.files("model").joinpath(MESSAGES_FILE).read_text(encoding="utf-8").splitlines()
    return tuple(dict.fromkeys(text for line in lines if (text := normalise(line))))


def unlike_patterns(messages: NDArray[np.float32], patterns: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return the rows of the messages that resemble no pattern.

    Parameters
    ----------
    messages, patterns
        Features of length 1, shapes ``(n_messages, n_features)`` and ``(n_patterns, n_features)``.
    """
    return np.flatnonzero((messages @ patterns.T).max(axis=1) < TOO_SIMILAR)
