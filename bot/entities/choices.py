"""Choices: a value or its synonym, as written, by the word that tells it from the others, or with a slip."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter

from bot.entities.values import Found, InvalidValueError, SlotValue, options, prepare
from intents.catalog import Entity
from model.text import normalise

CUTOFF = 82.0
"""Similarity in percent from which a word is taken for a slip of the keyboard (``chss`` and ``chess`` have 89)."""

LEAD = 8.0
"""By how much the most similar value must be ahead of the second."""

FIRST_MESSAGE_CUTOFF = 88.0
SHORTEST_SIMILAR = 4
FIRST_MESSAGE_SHORTEST = 7
"""Letters from which words in a first message may have slips: shorter ones are too often other words."""

_SMALL_WORDS = frozenset({
    "a", "an", "and", "the", "of", "or", "for", "to", "in", "on", "at", "i", "it", "is", "one", "my", "me", "we",
    "y", "e", "o", "u", "de", "la", "el", "los", "las", "un", "una", "le", "les", "und", "der", "die", "das", "ein",
    "eine",
})  # fmt: skip
_NEGATIONS = frozenset({
    "not", "no", "except", "without", "but", "nicht", "kein", "keine", "außer", "ausser", "ohne", "sin", "excepto",
    "pas", "sauf", "never",
})  # fmt: skip
_WORD = re.compile(r"\S+")
_UNSPACED = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
"""Scripts whose words stand without spaces."""


@dataclass(frozen=True, slots=True)
class _Options:
    """The names of a choice, normalised, each with its value; and the words that tell one value from the others."""

    names: tuple[tuple[str, str], ...]
    telling: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Words:
    """A text, normalised, with the place of each of its words in what was written."""

    text: str
    places: tuple[tuple[int, int, int, int], ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the place in the source of a place in the normalised text."""
        inside = [(first, last) for begin, finish, first, last in self.places if begin < end and start < finish]
        return inside[0][0], inside[-1][1]


def read_choice(entity: Entity, text: str) -> SlotValue:
    """Return the one value that a text names.

    Raises
    ------
    InvalidValueError
        It names none, or several.
    """
    known, words = _options(_key(entity)), _words(prepare(text))
    exact = [value for name, value in known.names if name == words.text]
    named = _named(known.names, words)
    told = [
        one
        for one in _named(known.telling, words)
        if not any(one[1] < end and start < one[2] for _, start, end in named)
    ]
    for values in (
        exact,
        [value for value, _, _ in sorted([*named, *told], key=itemgetter(1))],
        _similar(known, words.text),
    ):
        distinct = list(dict.fromkeys(values))
        if len(distinct) == 1:
            return SlotValue(distinct[0], distinct[0])
        if distinct:
            raise InvalidValueError(f"Did you mean {options(distinct, last='or')}?")
    raise InvalidValueError(f"I know these: {options(tuple(entity.values))}.")


def find_choices(entity: Entity, text: str, *, similar: bool = True) -> list[Found]:
    """Return the values of a choice that a text names, in order: as written, or if `similar` long words with a slip."""
    known, words = _options(_key(entity)), _words(text)
    found = _named(known.names, words) or (list(_slips(known, words)) if similar else [])
    return [Found(SlotValue(value, value), (words.span(start, end),)) for value, start, end in found]


def _key(entity: Entity) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((value, tuple(synonyms)) for value, synonyms in entity.values.items())


@lru_cache(maxsize=256)
def _options(values: tuple[tuple[str, tuple[str, ...]], ...]) -> _Options:
    names: dict[str, str] = {}
    for value, synonyms in values:
        for name in (value, *synonyms):
            names.setdefault(normalise(name) or name.strip().casefold(), value)
    owners: dict[str, set[str]] = {}
    for name, value in names.items():
        for word in name.split():
            owners.setdefault(word, set()).add(value)
    telling = {
        word: next(iter(values_of))
        for word, values_of in owners.items()
        if len(values_of) == 1 and len(word) > 2 and word not in _SMALL_WORDS | _NEGATIONS  # noqa: PLR2004 - letters
    }
    longest_first = sorted(filter(lambda item: item[0], names.items()), key=lambda item: -len(item[0]))
    return _Options(tuple(longest_first), tuple(telling.items()))


def _words(text: str) -> _Words:
    parts, places, length = [], [], 0
    for match in _WORD.finditer(text):
        word = normalise(match[0]) or (match[0] if len(match[0]) == 1 else "")
        if word:
            places.append((length, length + len(word), *match.span()))
            parts.append(word)
            length += len(word) + 1
    return _Words(" ".join(parts), tuple(places))


def _named(names: Sequence[tuple[str, str]], words: _Words) -> list[tuple[str, int, int]]:
    """Return the values that a text names as whole words, in order, longer names before those within them."""
    found: list[tuple[str, int, int]] = []
    for name, value in names:
        if name in _SMALL_WORDS and name != words.text:
            continue
        start = words.text.find(name)
        while start >= 0:
            end = start + len(name)
            free = not any(first < end and start < last for _, first, last in found)
            if free and _stands_alone(words.text, start, end) and not _negated(words.text, start):
                found.append((value, start, end))
            start = words.text.find(name, end)
    return sorted(found, key=lambda one: one[1])


def _stands_alone(text: str, start: int, end: int) -> bool:
    before, after = text[start - 1 : start], text[end : end + 1]
    return (not before.isalnum() or bool(_UNSPACED.match(text[start]))) and (
        not after.isalnum() or bool(_UNSPACED.match(text[end - 1]))
    )


def _negated(text: str, start: int) -> bool:
    return bool(_NEGATIONS.intersection(text[:start].split()[-2:]) - {"no"}) or text[:start].endswith(
        "anything but the "
    )


def _similar(known: _Options, text: str) -> list[str]:
    """Return the value most similar to the text or to words of it, and those hardly less so."""
    best: dict[str, float] = {}
    for name, value in (*known.names, *known.telling):
        if len(name) >= SHORTEST_SIMILAR:
            scores = [score for score, start, _ in _scores(name, text, CUTOFF) if not _negated(text, start)]
            score = max(scores, default=0.0)
            best[value] = max(best.get(value, 0.0), score)
    top = max(best.values(), default=0.0)
    return [value for value, score in best.items() if score >= CUTOFF and top - score < LEAD]


def _slips(known: _Options, words: _Words) -> Iterator[tuple[str, int, int]]:
    """Yield the one value whose name stands in a text with a slip."""
    best: dict[str, tuple[float, int, int]] = {}
    for name, value in known.names:
        if len(name) >= FIRST_MESSAGE_SHORTEST:
            top = max(_scores(name, words.text, FIRST_MESSAGE_CUTOFF), default=(0.0, 0, 0))
            best[value] = max(best.get(value, top), top)
    ranked = sorted(((score, value, start, end) for value, (score, start, end) in best.items()), reverse=True)
    second = ranked[1][0] if len(ranked) > 1 else 0.0
    if ranked and ranked[0][0] >= FIRST_MESSAGE_CUTOFF and ranked[0][0] - second >= LEAD:
        _, value, start, end = ranked[0]
        if not _negated(words.text, start):
            yield value, start, end


def _scores(name: str, text: str, cutoff: float) -> Iterator[tuple[float, int, int]]:
    """Yield how similar a name is to as many words of a text as it has, give or take one."""
    from rapidfuzz.fuzz import ratio  # noqa: PLC0415 - loaded when the first slip is looked for

    words = [match.span() for match in _WORD.finditer(text)]
    length = len(name.split())
    for count in range(max(1, length - 1), length + 2):
        for first in range(len(words) - count + 1):
            start, end = words[first][0], words[first + count - 1][1]
            score = ratio(name, text[start:end], score_cutoff=cutoff)
            if score:
                yield score, start, end
