"""Mending slips of the keyboard before a sentence encoder reads them: it knows whole words, and a slip makes another.

N-grams forgive a slip by themselves and read what was typed. Standard library only: this runs in the serving process.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

LEAST_LETTERS = 4
"""Shorter words are left alone: too many words are one letter away."""

MOST_LETTERS = 24
"""Longer ones are left alone, too: no words, and slow to vary."""

LARGEST_ALPHABET = 64
"""Scripts of more letters have no slips of one letter."""


class Spelling:
    """Replaces words that nobody knows by a known word one slip away.

    Parameters
    ----------
    words
        The words of the patterns, the most frequent first: what a slip may have meant.
    is_word
        Whether the encoder knows a word as a whole; such a word is never replaced.
    """

    def __init__(self, words: Sequence[str], is_word: Callable[[str], bool]) -> None:
        self.words = tuple(words)
        self._rank = {word: rank for rank, word in enumerate(self.words)}
        self._is_word = is_word
        alphabet = {letter for word in self.words for letter in word if letter.isalpha()}
        self._alphabet = sorted(alphabet) if len(alphabet) <= LARGEST_ALPHABET else []

    def mend(self, tokens: Iterable[str]) -> Iterator[str]:
        """Yield the words of a text, mended; words written together come apart."""
        for token in tokens:
            yield from self._mended(token)

    def _mended(self, word: str) -> tuple[str, ...]:
        if not (self._alphabet and LEAST_LETTERS <= len(word) <= MOST_LETTERS and word.isalpha()):
            return (word,)
        if word in self._rank or self._is_word(word):
            return (word,)
        meant = min((one for one in self._slips(word) if one in self._rank), key=self._rank.__getitem__, default=None)
        return (meant,) if meant is not None else self._apart(word)

    def _slips(self, word: str) -> Iterator[str]:
        """Yield every word one slip away: a letter swapped with the next, left out, put in or replaced."""
        for at in range(len(word) + 1):
            head, tail = word[:at], word[at:]
            if tail:
                yield head + tail[1:]
            if len(tail) > 1:
                yield head + tail[1] + tail[0] + tail[2:]
            for letter in self._alphabet:
                yield head + letter + tail
                if tail:
                    yield head + letter + tail[1:]

    def _apart(self, word: str) -> tuple[str, ...]:
        pairs = [(word[:at], word[at:]) for at in range(1, len(word))]
        known = [pair for pair in pairs if pair[0] in self._rank and pair[1] in self._rank]
        return max(known, key=lambda pair: min(map(len, pair)), default=(word,))
