"""Words and stems of the training texts, by NLTK; needs none of NLTK's downloaded data. Training only.

Serving cuts the same words without NLTK (`model.text.tokenise`) and reads stems from the bundle's table. Which
characters make a word is decided once, by `model.text.normalise`: NLTK's patterns run on another regular expression
engine than Python's, which counts fewer of the numerals.
"""

import re
from collections import Counter
from collections.abc import Iterable

from nltk.stem.snowball import SnowballStemmer
from nltk.tokenize import WhitespaceTokenizer

_LANGUAGE_OF = {"russian": re.compile("[\u0400-\u04ff]"), "arabic": re.compile("[\u0600-\u06ff]")}
"""The stemmer of a word by its first letter; those of other languages in the script go by its rules, too."""


def training_words(normalised: Iterable[str]) -> list[list[str]]:
    """Return the words of each normalised text."""
    words: list[list[str]] = WhitespaceTokenizer().tokenize_sents(normalised)
    return words


def frequent_words(normalised: Iterable[str]) -> list[str]:
    """Return the different words of normalised texts, the most frequent first."""
    counts = Counter(word for words in training_words(normalised) for word in words)
    return sorted(counts, key=lambda word: (-counts[word], word))


def stem_table(words: Iterable[str]) -> dict[str, str]:
    """Return the stem of every word whose stem differs from it, by the rules of the language of its script.

    The Snowball stemmers (Porter 2001, "Snowball: A language for stemming algorithms") are rules alone. Scripts without
    one pass unchanged, and Latin letters are taken for English: docs/model.md has what that does to other languages.
    """
    stemmers = {language: SnowballStemmer(language) for language in ("english", *_LANGUAGE_OF)}
    stems = {word: stemmers[_language_of(word)].stem(word) for word in words}
    return {word: stem for word, stem in sorted(stems.items()) if stem and stem != word}


def _language_of(word: str) -> str:
    return next((language for language, letter in _LANGUAGE_OF.items() if letter.match(word)), "english")
