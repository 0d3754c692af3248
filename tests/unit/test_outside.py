"""Messages that are out of scope almost everywhere, and which of them a catalog may mean after all."""

import numpy as np
import pytest

from model.outside import TOO_SIMILAR, generic_messages, unlike_patterns
from model.text import normalise


def test_messages_are_distinct_and_normalised() -> None:
    """Each is an example as it stands, and there are enough of them to learn from."""
    messages = generic_messages()
    assert len(messages) > 1_000
    assert len(set(messages)) == len(messages)
    assert all(normalise(message) == message != "" for message in messages)


def test_messages_are_of_every_length() -> None:
    """Single words as well as sentences, or shortness itself would count as in scope."""
    lengths = {len(message.split()) for message in generic_messages()}
    assert {1, 2, 3, 5, 8, 12} <= lengths


@pytest.mark.parametrize(("cosine", "is_kept"), [(1.0, False), (0.81, False), (0.79, True), (0.0, True), (-1.0, True)])
def test_message_that_resembles_a_pattern_is_dropped(cosine: float, is_kept: bool) -> None:
    """It may well mean that pattern's intent."""
    assert TOO_SIMILAR == 0.8
    patterns = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]], np.float32)
    message = np.array([[cosine, np.sqrt(1 - cosine**2), 0.0]], np.float32)
    assert unlike_patterns(message, patterns).tolist() == ([0] if is_kept else [])


def test_any_pattern_may_drop_a_message() -> None:
    """Rows of the messages are returned, in their order."""
    patterns = np.eye(3, dtype=np.float32)
    messages = np.array([[0, 1, 0], [0.6, 0.6, 0.52915], [1, 0, 0], [-1, 0, 0]], np.float32)
    assert unlike_patterns(messages, patterns).tolist() == [1, 3]
