"""The inbox as an admin reads it: questions that are alike side by side, and the whole of it as JSON lines.

Pure functions. How alike two texts are is told by the words that they share, each weighted by how rare it is in the
inbox and in the catalog's patterns. The sentence encoder would do better, but it serves: a thousand texts would hold up
every answer for seconds.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from bot.inbox import Entry, Kind
from bot.quoting import quoted
from model.features import character_ngrams, words_of
from model.text import normalise, tokenise

LEAST_SIMILARITY = 0.4
"""The least cosine to a group's first question of one that joins it.

With it and the next one, of 700 questions of CLINC150's validation part (60 intents, a seventh out of scope) 78 % of
the pairs in a group mean the same, and 28 % of the pairs that do are in one; 0.3 and 0.2 make that 71 and 33.
"""

LEAST_SIMILARITY_OF_INTENT = 0.25
"""The same where the model takes both for the same intent."""

N_EXAMPLES = 3
"""Of a group, how many questions a listing shows."""

CHARACTER_SIZES = (4, 4)
"""What forms of one word share, in any language."""


@dataclass(frozen=True, slots=True)
class Group:
    """Questions that are alike.

    Parameters
    ----------
    entries
        At least one, the most frequent first.
    """

    entries: tuple[Entry, ...]

    @property
    def n_times(self) -> int:
        """How often they came."""
        return sum(entry.n_times for entry in self.entries)

    @property
    def nearest(self) -> str | None:
        """The intent that most of them are nearest to."""
        counts: Counter[str] = Counter()
        for entry in self.entries:
            if entry.nearest is not None:
                counts[entry.nearest] += entry.n_times
        return counts.most_common(1)[0][0] if counts else None


def grouped(entries: Sequence[Entry], patterns: Iterable[str]) -> tuple[Group, ...]:
    """Return all entries in groups, the most frequent first; blocking, some tenths of a second for a full inbox.

    Parameters
    ----------
    entries
        The most frequent first. One without a text is a group by itself.
    patterns
        Of the catalog: what they often hold says little.
    """
    features = [_features(entry.text or "") for entry in entries]
    vectors = _vectors(features, [_features(pattern) for pattern in patterns])
    similarity = vectors @ vectors.T
    groups: dict[int, list[int]] = {}
    for number, entry in enumerate(entries):
        leads = {first: similarity[first, number] - _least(entries[first], entry) for first in groups}
        best = max(leads, key=leads.__getitem__, default=number)
        if leads.get(best, -1.0) < 0:
            groups[number] = [number]
        else:
            groups[best].append(number)
    found = [Group(tuple(entries[number] for number in group)) for group in groups.values()]
    return tuple(sorted(found, key=lambda group: -group.n_times))


def listing(groups: Sequence[Group], n_shown: int) -> str:
    """Return the most frequent groups in words: how often, what was asked, and which intent was nearest."""
    if not groups:
        return "The inbox is empty."
    lines = []
    for group in groups[:n_shown]:
        first = group.entries[0]
        what = "answer voted down" if first.kind is Kind.VOTED_DOWN else "not answered"
        nearest = f", nearest: {group.nearest}" if group.nearest is not None else ""
        lines.append(f"{group.n_times} x {what}{nearest}")
        lines += [f"   {quoted(entry.text)}" for entry in group.entries[:N_EXAMPLES] if entry.text is not None]
        if len(group.entries) > N_EXAMPLES:
            lines.append(f"   ... and {len(group.entries) - N_EXAMPLES} like it")
    if len(groups) > n_shown:
        lines.append(f"... and {len(groups) - n_shown} more groups")
    return "\n".join(lines)


def json_lines(groups: Sequence[Group]) -> str:
    """Return a JSON object a line for every entry, with the number of its group; who asked stands nowhere."""
    rows = [
        {
            "text": entry.text,
            "kind": entry.kind.value,
            "nearest": entry.nearest,
            "times": entry.n_times,
            "people": entry.n_people,
            "last": datetime.fromtimestamp(entry.last_at, UTC).isoformat(timespec="seconds"),
            "group": number,
        }
        for number, group in enumerate(groups, start=1)
        for entry in group.entries
    ]
    return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)


def _least(first: Entry, entry: Entry) -> float:
    """Return how alike to a group's first entry another must be to join it; beyond 1 for never."""
    if entry.text is None or first.kind is not entry.kind:
        return 2.0
    is_same = entry.nearest is not None and entry.nearest == first.nearest
    return LEAST_SIMILARITY_OF_INTENT if is_same else LEAST_SIMILARITY


def _features(text: str) -> frozenset[str]:
    words = list(words_of(tokenise(normalise(text))))
    return frozenset((*words, *character_ngrams(words, CHARACTER_SIZES)))


def _vectors(features: Sequence[frozenset[str]], background: Sequence[frozenset[str]]) -> NDArray[np.float32]:
    """Return a row a text, of length 1: ``(n_texts, n_features)``."""
    n_holding: Counter[str] = Counter()
    for held in (*features, *background):
        n_holding.update(held)
    n_texts = len(features) + len(background)
    known: Mapping[str, int] = {name: place for place, name in enumerate(sorted(set().union(*features)))}
    vectors = np.zeros((len(features), max(len(known), 1)), np.float32)
    for row, held in enumerate(features):
        for name in held:
            vectors[row, known[name]] = math.log((1 + n_texts) / (1 + n_holding[name]))
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors /= np.where(lengths > 0, lengths, 1.0)
    return vectors
