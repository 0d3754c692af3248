"""Texts as the token ids of the sentence encoder. Runs in the serving process: `tokenizers` and NumPy alone.

`tokenizers` is imported when a tokenizer is made, so that a bundle without an encoder does not pay for it.
"""

from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

MAX_TOKENS = 64
"""How many tokens of one text are read; the rest is cut. 64 are about 50 words."""

MAX_READ = 12 * MAX_TOKENS
"""How many characters are looked at for them: no text of many words has longer ones on average."""


class TokenizerError(Exception):
    """A tokenizer's file cannot be used."""


class SentenceTokenizer:
    """Cuts texts into the tokens of one encoder.

    Parameters
    ----------
    content
        The bytes of its `tokenizer.json`.

    Raises
    ------
    TokenizerError
        They are no tokenizer.
    """

    def __init__(self, content: bytes) -> None:
        from tokenizers import Tokenizer  # noqa: PLC0415 - 10 MB that only an encoder needs

        try:
            self._tokenizer = Tokenizer.from_buffer(content)
        except Exception as error:  # it raises bare exceptions
            raise TokenizerError(f"not a tokenizer: {error}") from error
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self.content = content
        unknown = getattr(self._tokenizer.model, "unk_token", None)
        self._unknown = None if unknown is None else self._tokenizer.token_to_id(unknown)

    @property
    def n_tokens(self) -> int:
        """How many different tokens there are."""
        size: int = self._tokenizer.get_vocab_size(with_added_tokens=True)
        return size

    def is_word(self, word: str) -> bool:
        """Whether a word is one token as a whole, and not the one for what is unknown."""
        ids = self._tokenizer.encode(word, add_special_tokens=False).ids
        return len(ids) == 1 and ids[0] != self._unknown

    def encode(self, normalised: str) -> NDArray[np.int32]:
        """Return the token ids of a text, each raised by one since 0 pads, of shape ``(n_tokens,)``.

        Of a longer text, the first ``MAX_TOKENS - 1`` and the closing token.
        """
        ids = self._tokenizer.encode(normalised[:MAX_READ]).ids
        if len(ids) > MAX_TOKENS:
            ids = ids[: MAX_TOKENS - 1] + ids[-1:]
        return np.asarray(ids, np.int32) + 1


_in_use: WeakValueDictionary[bytes, SentenceTokenizer] = WeakValueDictionary()


def shared_tokenizer(content: bytes) -> SentenceTokenizer:
    """Return the tokenizer of a file, which all that read the same content share while one of them is in use.

    It never changes, and to make another takes 10 MB, and the interpreter from everybody else for 20 ms.

    Raises
    ------
    TokenizerError
        The content is no tokenizer.
    """
    found = _in_use.get(content)
    if found is None:
        found = _in_use[content] = SentenceTokenizer(content)
    return found
