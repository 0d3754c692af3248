"""A message as the classifier reads it: normalised, cut into words, words reduced to stems.

Standard library only: this runs in the serving process. The stems come from NLTK when a model is trained
(`model.words`) and travel in the bundle as a table.
"""

import re
import unicodedata

MAX_CHARACTERS = 4_000
"""What is read of one message: what Discord (4,000) and Telegram (4,096) let a person send. The rest is cut."""

_MARKUP = (
    (re.compile(r"```.*?(?:```|\Z)", re.DOTALL), " code "),  # a block of code is not talk
    (re.compile(r"<a?:\w+:\d+>"), " "),  # Discord's custom emoji
    (re.compile(r"<(?:@[!&]?|#|t:|/[^:<>]*:)[\d:a-zA-Z-]+>"), " "),  # Discord's mentions, channels, times, commands
    (re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE), " link "),
    (re.compile(r"(?<!\w)@\w+"), " "),  # mentions by name
    (re.compile("['`\u02bc\u2019]"), ""),  # apostrophes, typed or curly: don't and dont are one word
    (re.compile(r"_"), " "),
)
_ELONGATION = re.compile(r"([^\W\d_])\1{2,}")
_WORD = re.compile(r"(?:\w|[^\x00-\x7f])+(?:[+#]+(?![+#\w]))?")
"""Letters, digits and marks (beyond ASCII, nothing else is left), and the signs that end names such as C++ and C#."""

_FIRST_VITAL_MARK = "\u0900"
"""From here on, Devanagari's first, marks are vowels and voicing; those before are accents and vowel points."""

_DIACRITICS = re.compile("[\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe2f]")
"""Blocks of accents, enclosing marks and variation selectors beyond it."""


def normalise(text: str) -> str:
    """Return the words of a text, folded to one form and joined by single spaces; empty if it has none.

    NFKC, platform markup to a word or to nothing, case folded, accents and invisible characters dropped, letters
    repeated over twice cut to two, everything that is not part of a word dropped. Idempotent.
    """
    text = text[:MAX_CHARACTERS].replace("\u00b4", "'")  # NFKC would make the acute accent a space
    text = unicodedata.normalize("NFKC", text)
    for pattern, replacement in _MARKUP:
        text = pattern.sub(replacement, text)
    text = _ELONGATION.sub(r"\1\1", _plain(text.casefold()))
    return " ".join(_WORD.findall(text))[:MAX_CHARACTERS].rstrip()


def tokenise(normalised: str) -> list[str]:
    """Return the words of a normalised text."""
    return normalised.split()


def _plain(text: str) -> str:
    """Drop accents, so that ``que`` is ``qué``, and what cannot be seen; beyond ASCII, make what is no word a space."""
    if text.isascii():
        return text
    kept = "".join(_plain_character(char) for char in unicodedata.normalize("NFKD", text))
    return unicodedata.normalize("NFKC", kept)


def _plain_character(char: str) -> str:
    if char.isascii() or char.isalnum():
        return char
    category = unicodedata.category(char)
    if category == "Cf":
        return ""
    if category[0] != "M":
        return " "
    return "" if char < _FIRST_VITAL_MARK or _DIACRITICS.match(char) else char
