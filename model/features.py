"""What the network reads of a text: word and character n-grams with weights, and the tokens of a sentence encoder.

NumPy and the standard library, and `tokenizers` where there is an encoder: this runs in the serving process.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import mul
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.spelling import Spelling
from model.text import tokenise
from model.tokens import MAX_READ, MAX_TOKENS, SentenceTokenizer

MAX_NGRAMS = 1_024
"""How many n-grams of one text are read: those of about 250 characters. The rest is cut."""

UNKNOWN_WORD = 0.5
"""What an unknown word counts for, of which every character n-gram is known; see docs/model.md."""

PADDING_ID = 0
"""The id that fills the rows of a batch; its weight is 0."""

LEAST_STEM = 4
"""The letters of the shortest stem that an unknown word is taken to begin with; see docs/model.md."""

MOST_ENDING = 4
"""How many letters may follow it."""

_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
"""A character of the Chinese and Japanese scripts, or a stretch of others."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """One text as the network reads it.

    Parameters
    ----------
    ngram_ids, ngram_weights
        Shape ``(n_ngrams,)`` each: `NgramFeatures.encode`.
    token_ids
        Shape ``(n_tokens,)``: `SentenceTokenizer.encode`; empty without a sentence encoder.
    """

    ngram_ids: NDArray[np.int32]
    ngram_weights: NDArray[np.float32]
    token_ids: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class NgramFeatures:
    """The fitted vocabulary of word and character n-grams.

    Parameters
    ----------
    stems
        Word to stem, for the words whose stem differs.
    words
        Word unigrams and bigrams, of stems, to their ids.
    characters
        Character n-grams within a word, beyond Latin letters within its stem, its ends marked by spaces, to their ids.
    idf
        float32, shape ``(n_ids,)``: the inverse document frequency of each id; that of the padding is 0.
    character_sizes
        The least and the greatest n of the character n-grams.
    """

    stems: Mapping[str, str]
    words: Mapping[str, int]
    characters: Mapping[str, int]
    idf: NDArray[np.float32]
    character_sizes: tuple[int, int]

    @property
    def n_ids(self) -> int:
        """The number of ids, the padding included."""
        return len(self.idf)

    def encode(self, normalised: str) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return the ids of a text's known n-grams and their weights, both of shape ``(n_ngrams,)``.

        A weight is ``(1 + ln count) * idf``, words and characters each brought to an Euclidean length of 1 (Salton and
        Buckley 1988, "Term-weighting approaches in automatic text retrieval").
        """
        tokens = tokenise(normalised)
        blocks = [
            self._block(self.words, word_ngrams(map(self._stem, words_of(tokens)))),
            self._block(self.characters, character_ngrams(spellings(tokens, self._stem), self.character_sizes)),
        ]
        ids, weights = (np.concatenate(part)[:MAX_NGRAMS] for part in zip(*blocks, strict=True))
        return ids, weights

    def familiarity(self, normalised: str) -> float:
        """Return how much of a text the training texts know, from 0 to 1: by so much a confidence counts.

        The mean over its words, weighted by idf: 1 for a word that they hold, and for another, which weighs as much as
        their rarest n-gram, `UNKNOWN_WORD` times the share of its longer character n-grams that they hold (a typing
        error leaves most of them).
        """
        words = list(words_of(tokenise(normalised)))
        if not words:
            return 0.0
        rarest = float(self.idf.max())
        stems = [self._stem(word) for word in words]
        weights = [float(self.idf[self.words[stem]]) if stem in self.words else rarest for stem in stems]
        known = [
            1.0 if stem in self.words else UNKNOWN_WORD * self._known_characters(word)
            for stem, word in zip(stems, words, strict=True)
        ]
        total = sum(weights)
        return sum(map(mul, known, weights)) / total if total else 0.0

    def _stem(self, word: str) -> str:
        """Return the stem of a word; of an unknown one beyond Latin letters, the longest known that it begins with."""
        if word in self.stems or word in self.words or word.isascii():
            return self.stems.get(word, word)
        shorter = (word[:end] for end in range(len(word) - 1, max(LEAST_STEM, len(word) - MOST_ENDING) - 1, -1))
        return next((stem for stem in shorter if stem in self.words), word)

    def _known_characters(self, word: str) -> float:
        greatest = self.character_sizes[1]
        ngrams = list(character_ngrams([word], (greatest - 1, greatest)))
        return sum(ngram in self.characters for ngram in ngrams) / (len(ngrams) or 1)

    def _block(
        self, vocabulary: Mapping[str, int], ngrams: Iterable[str]
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        counts = Counter(filter(None, map(vocabulary.get, ngrams)))  # no id of an n-gram is 0: that is the padding
        ids = np.fromiter(counts.keys(), np.int32, len(counts))
        weights = (1 + np.log(np.fromiter(counts.values(), np.float32, len(counts)))) * self.idf[ids]
        length = math.sqrt(weights @ weights)
        return ids, weights / length if length else weights

    def to_json(self) -> dict[str, Any]:
        """Return the features as plain JSON values; `from_json` reads them back."""
        return {
            "stems": dict(self.stems),
            "words": list(self.words),
            "characters": list(self.characters),
            "idf": [round(float(value), 6) for value in self.idf],
            "character_sizes": list(self.character_sizes),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "NgramFeatures":
        """Read what `to_json` returned.

        Raises
        ------
        KeyError, TypeError, ValueError
            The value is not what `to_json` returns.
        """
        words, characters = value["words"], value["characters"]
        idf = np.asarray(value["idf"], np.float32)
        if len(idf) != 1 + len(words) + len(characters):
            raise ValueError("idf and vocabulary differ in length")
        least, greatest = value["character_sizes"]
        return cls(
            stems=dict(value["stems"]),
            words=_numbered(words, PADDING_ID + 1),
            characters=_numbered(characters, PADDING_ID + 1 + len(words)),
            idf=idf,
            character_sizes=(int(least), int(greatest)),
        )


@dataclass(frozen=True, slots=True)
class TextFeatures:
    """Everything that turns a text into the network's inputs.

    Parameters
    ----------
    ngrams
        The vocabulary of n-grams.
    tokenizer
        That of the sentence encoder, or None without one.
    spelling
        Mends slips before the encoder reads a text.
    """

    ngrams: NgramFeatures
    tokenizer: SentenceTokenizer | None = None
    spelling: Spelling | None = None

    def encode(self, normalised: str) -> Encoded:
        """Return a normalised text as the network reads it."""
        return Encoded(*self.ngrams.encode(normalised), self._tokens(normalised))

    def _tokens(self, normalised: str) -> NDArray[np.int32]:
        if self.tokenizer is None:
            return np.zeros(0, np.int32)
        if self.spelling is not None:
            words = tokenise(normalised[:MAX_READ])
            normalised = " ".join(self.spelling.mend(words[:MAX_TOKENS]))
        return self.tokenizer.encode(normalised)


def fit_ngrams(
    texts: Sequence[Sequence[str]],
    stems: Mapping[str, str],
    *,
    character_sizes: tuple[int, int],
    min_count: int,
) -> NgramFeatures:
    """Collect the vocabulary of the training texts.

    Parameters
    ----------
    texts
        The words of each text.
    stems
        Word to stem.
    character_sizes
        The least and the greatest n of the character n-grams.
    min_count
        The least number of texts that an n-gram of characters or of two words must stand in.
    """
    words: Counter[str] = Counter()
    characters: Counter[str] = Counter()

    def stem(word: str) -> str:
        return stems.get(word, word)

    for tokens in texts:
        words.update(set(word_ngrams(map(stem, words_of(tokens)))))
        characters.update(set(character_ngrams(spellings(tokens, stem), character_sizes)))
    kept_words = sorted(ngram for ngram, count in words.items() if count >= min_count or " " not in ngram)
    kept_characters = sorted(ngram for ngram, count in characters.items() if count >= min_count)
    counts = [words[ngram] for ngram in kept_words] + [characters[ngram] for ngram in kept_characters]
    idf = [0.0, *(math.log((1 + len(texts)) / (1 + count)) + 1 for count in counts)]
    return NgramFeatures(
        stems=stems,
        words=_numbered(kept_words, PADDING_ID + 1),
        characters=_numbered(kept_characters, PADDING_ID + 1 + len(kept_words)),
        idf=np.asarray(idf, np.float32),
        character_sizes=character_sizes,
    )


def words_of(tokens: Iterable[str]) -> Iterator[str]:
    """Yield the words of tokens: where no spaces part the words, each character and each stretch of another script."""
    for token in tokens:
        yield from (token,) if token.isascii() else _UNSPACED.findall(token)


def spellings(tokens: Iterable[str], stem: Callable[[str], str]) -> Iterator[str]:
    """Yield of each token the letters that its n-grams are of: in other scripts than Latin those of its stem.

    Endings of languages that have many say little of what is meant; see docs/model.md.
    """
    return (token if token.isascii() else stem(token) for token in tokens)


def word_ngrams(stems: Iterable[str]) -> Iterator[str]:
    """Yield the words and the pairs of neighbours."""
    previous = None
    for stem in stems:
        yield stem
        if previous is not None:
            yield f"{previous} {stem}"
        previous = stem


def character_ngrams(tokens: Iterable[str], sizes: tuple[int, int]) -> Iterator[str]:
    """Yield the character n-grams of each word, its ends marked by spaces."""
    least, greatest = sizes
    for token in tokens:
        padded = f" {token} "
        for size in range(least, greatest + 1):
            for start in range(len(padded) - size + 1):
                yield padded[start : start + size]


def pad_ngrams(texts: Sequence[Encoded]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return the n-grams of texts as one batch: ids and weights, both of shape ``(n_texts, n_ngrams)``."""
    width = max((len(text.ngram_ids) for text in texts), default=0) or 1
    ids = np.full((len(texts), width), PADDING_ID, np.int32)
    weights = np.zeros((len(texts), width), np.float32)
    for row, text in enumerate(texts):
        ids[row, : len(text.ngram_ids)] = text.ngram_ids
        weights[row, : len(text.ngram_weights)] = text.ngram_weights
    return ids, weights


def pad_tokens(texts: Sequence[Encoded]) -> NDArray[np.int32]:
    """Return the tokens of texts as one batch of shape ``(n_texts, n_tokens)``."""
    width = max((len(text.token_ids) for text in texts), default=0) or 1
    tokens = np.full((len(texts), width), PADDING_ID, np.int32)
    for row, text in enumerate(texts):
        tokens[row, : len(text.token_ids)] = text.token_ids
    return tokens


def _numbered(items: Iterable[str], first: int) -> dict[str, int]:
    return {item: number for number, item in enumerate(items, first)}
