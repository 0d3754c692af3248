"""Who was taken for whom: the matrix of answers, and the pairs of intents with the messages that crossed over."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from intents.catalog import IntentCatalog
from model.evaluation import Outcome
from scripts.report.wording import Neighbour, Wording

N_NEIGHBOURS = 2
"""Patterns shown beside a message."""

N_CAUSES = 4
"""Patterns named as the cause of a pair's confusion."""


@dataclass(frozen=True, slots=True)
class Cell:
    """How many messages of a row got the answer of a column, which share of the row, and what that is."""

    answer: str
    n: int
    share: float
    kind: str


@dataclass(frozen=True, slots=True)
class Row:
    """What the messages of one intent, or those out of scope, got."""

    truth: str | None
    n: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Confusion:
    """How many messages of each intent got which answer; None means out of scope as truth, no answer as an answer.

    Parameters
    ----------
    counts
        Of truth and answer; pairs that did not occur are not there.
    tags
        Every intent that was meant or answered, in the catalog's order.
    """

    counts: Mapping[tuple[str | None, str | None], int]
    tags: tuple[str, ...]

    @property
    def totals(self) -> Mapping[str | None, int]:
        """How many messages mean each intent."""
        totals: Counter[str | None] = Counter()
        for (truth, _), n in self.counts.items():
            totals[truth] += n
        return totals

    def most_confused(self, most: int) -> tuple[str, ...]:
        """Return at most `most` intents that got or gave a wrong answer, those that are confused side by side.

        Pairs come before the intents that only messages out of scope were taken for.
        """
        crossings: Counter[frozenset[str]] = Counter()
        for (truth, answer), n in self.counts.items():
            if answer is not None and truth != answer:
                crossings[frozenset({answer} if truth is None else {truth, answer})] += n
        left: dict[str, None] = {}
        for tags in sorted(crossings, key=lambda tags: (-len(tags), -crossings[tags], sorted(tags))):
            if len(left.keys() | tags) <= most:
                left |= dict.fromkeys(sorted(tags))
        order: list[str] = []
        while left:
            # the one most confused with the last, or else the first of those left: they come from the most confused on
            following = max(left, key=lambda tag: crossings[frozenset({tag, *order[-1:]})] if order else 0)
            del left[following]
            order.append(following)
        return tuple(order)

    def rows(self, tags: Sequence[str]) -> list[Row]:
        """Return a row for each of some intents and for out of scope: a cell for each, all others, and no answer."""
        totals = self.totals
        others = frozenset(self.tags) - frozenset(tags)
        rows = []
        for truth in (*tags, None):
            counts = [(tag, self.counts.get((truth, tag), 0), "right" if tag == truth else "wrong") for tag in tags]
            if others:
                n_others = sum(self.counts.get((truth, tag), 0) for tag in others)
                counts.append(("another intent", n_others, "wrong"))
            counts.append(("no answer", self.counts.get((truth, None), 0), "right" if truth is None else "none"))
            n = totals.get(truth, 0)
            if n or truth is not None:
                cells = tuple(Cell(answer, count, count / max(n, 1), kind) for answer, count, kind in counts)
                rows.append(Row(truth, n, cells))
        return rows


def confusion(catalog: IntentCatalog, outcomes: Iterable[Outcome]) -> Confusion:
    """Count what the members got."""
    counts = Counter((outcome.message.intent, outcome.decision.intent) for outcome in outcomes)
    present = {tag for pair in counts for tag in pair}
    return Confusion(counts, tuple(intent.tag for intent in catalog.trainable if intent.tag in present))


@dataclass(frozen=True, slots=True)
class Crossing:
    """A message that ranked another intent first, and the patterns of that intent that are near it in wording."""

    outcome: Outcome
    neighbours: tuple[Neighbour, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two intents that were taken for each other.

    Parameters
    ----------
    tags
        Both, the one with more lost messages first.
    n
        The messages that mean either.
    crossings
        Those of them that ranked the other first, the surest mistakes first.
    causes
        The patterns nearest to most of them.
    """

    tags: tuple[str, str]
    n: int
    crossings: tuple[Crossing, ...]
    causes: tuple[Neighbour, ...]


def confused_pairs(catalog: IntentCatalog, outcomes: Sequence[Outcome]) -> list[Pair]:
    """Return the pairs of intents that were taken for each other, before the threshold, the most confused first."""
    wording = Wording(catalog)
    sizes = Counter(outcome.message.intent for outcome in outcomes)
    crossed: dict[frozenset[str], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        if outcome.message.intent is not None and outcome.first is not None and not outcome.is_found:
            crossed[frozenset({outcome.message.intent, outcome.first})].append(outcome)
    pairs = []
    for both, found in crossed.items():
        lost = Counter(outcome.message.intent for outcome in found)
        first, second = sorted(both, key=lambda tag: (-lost[tag], tag))
        crossings = tuple(
            Crossing(outcome, wording.nearest(outcome.message.text, outcome.first or "", N_NEIGHBOURS))
            for outcome in sorted(found, key=lambda outcome: -outcome.decision.score)
        )
        pairs.append(Pair((first, second), sizes[first] + sizes[second], crossings, _causes(crossings)))
    return sorted(pairs, key=lambda pair: (-len(pair.crossings), -len(pair.crossings) / pair.n, pair.tags))


def _causes(crossings: Iterable[Crossing]) -> tuple[Neighbour, ...]:
    """Return the patterns that are near the messages, by the sum of their similarities."""
    weights: Counter[tuple[str, str]] = Counter()
    nearest: dict[tuple[str, str], Neighbour] = {}
    for crossing in crossings:
        for neighbour in crossing.neighbours:
            key = (neighbour.tag, neighbour.pattern)
            weights[key] += neighbour.similarity  # type: ignore[assignment]  # typeshed knows whole counts alone
            nearest[key] = max(neighbour, nearest.get(key, neighbour), key=lambda one: one.similarity)
    return tuple(nearest[key] for key, _ in weights.most_common(N_CAUSES))
