"""The decision whether to answer, and as which intent: scores, policy and active contexts in, a `Decision` out.

The same object decides live and in the evaluation. NumPy and the standard library only.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from intents.catalog import IntentCatalog
from model.text import normalise

DEFAULT_MARGIN = 0.02
"""The least lead of the best intent over the second; see docs/model.md for the measurement."""


class Reason(StrEnum):
    """Which rule decided. The first two answer, the others fall back."""

    EXACT = "exact"
    CONFIDENT = "confident"
    EMPTY = "empty"
    BELOW_THRESHOLD = "below_threshold"
    AMBIGUOUS = "ambiguous"
    OUT_OF_SCOPE = "out_of_scope"


@dataclass(frozen=True, slots=True)
class Policy:
    """The figures of the decision, found on held-out patterns when a model is trained.

    Parameters
    ----------
    temperature
        Divides the logits (Guo et al. 2017, "On Calibration of Modern Neural Networks").
    threshold
        The least score that is answered, from 0 to 1.
    margin
        The least lead of the best confidence over the second, from 0 to 1.
    """

    temperature: float = 1.0
    threshold: float = 0.5
    margin: float = DEFAULT_MARGIN


@dataclass(frozen=True, slots=True)
class RankedIntent:
    """An intent that could be meant, and its calibrated confidence."""

    tag: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided about one message, and why.

    Parameters
    ----------
    intent
        The tag of the intent to answer, or None to fall back.
    reason
        The rule that decided.
    score
        The number compared with the threshold, from 0 to 1: confidence times familiarity.
    ranking
        Every intent that the active contexts allow, best first; of an exact match, that intent alone.
    """

    intent: str | None
    reason: Reason
    score: float
    ranking: tuple[RankedIntent, ...]


class DecisionRule:
    """The rule for one catalog under one policy.

    Parameters
    ----------
    catalog
        Supplies patterns and contexts.
    labels
        The tags in the order of the network's outputs.
    policy
        The figures.
    """

    def __init__(self, catalog: IntentCatalog, labels: Sequence[str], policy: Policy) -> None:
        self.labels = tuple(labels)
        self.policy = policy
        intents = {intent.tag: intent for intent in catalog.intents}
        self._filters = [frozenset(intents[label].context_filter) for label in self.labels]
        self._exact: dict[str, list[int]] = defaultdict(list)
        for number, label in enumerate(self.labels):
            for pattern in {normalise(pattern) for pattern in intents[label].patterns}:
                self._exact[pattern].append(number)

    def without_scores(self, normalised: str, contexts: Sequence[str]) -> Decision | None:
        """Decide what needs no network: an empty text, or one that equals a pattern; else return None.

        Parameters
        ----------
        normalised
            The normalised text.
        contexts
            The active contexts, the most recently set last. Where several allowed intents have the pattern, the one
            whose context was set last is meant.
        """
        if not normalised:
            return Decision(None, Reason.EMPTY, 0.0, ())
        allowed = self._allowed(contexts)
        equal = [number for number in self._exact.get(normalised, ()) if allowed[number]]
        if not equal:
            return None
        ages = {name: age for age, name in enumerate(contexts)}
        best = max(equal, key=lambda number: max((ages.get(name, -1) for name in self._filters[number]), default=-1))
        label = self.labels[best]
        return Decision(label, Reason.EXACT, 1.0, (RankedIntent(label, 1.0),))

    def with_scores(self, logits: NDArray[np.float32], familiarity: float, contexts: Sequence[str]) -> Decision:
        """Decide by the network's scores.

        Parameters
        ----------
        logits
            Shape ``(n_labels,)``, columns as `labels`.
        familiarity
            By how much a confidence counts for the text, from 0 to 1 (`NgramFeatures.familiarity`).
        contexts
            The active contexts.
        """
        allowed = self._allowed(contexts)
        confidences = masked_softmax(logits / self.policy.temperature, allowed)
        order = [int(number) for number in np.argsort(-confidences, kind="stable") if allowed[number]]
        ranking = tuple(RankedIntent(self.labels[number], float(confidences[number])) for number in order)
        if not ranking:
            return Decision(None, Reason.OUT_OF_SCOPE, 0.0, ())
        confidence = ranking[0].confidence
        lead = confidence - (ranking[1].confidence if len(ranking) > 1 else 0.0)
        score = confidence * familiarity
        if confidence < self.policy.threshold:
            return Decision(None, Reason.BELOW_THRESHOLD, score, ranking)
        if score < self.policy.threshold:
            return Decision(None, Reason.OUT_OF_SCOPE, score, ranking)
        if lead < self.policy.margin:
            return Decision(None, Reason.AMBIGUOUS, score, ranking)
        return Decision(ranking[0].tag, Reason.CONFIDENT, score, ranking)

    def _allowed(self, contexts: Sequence[str]) -> NDArray[np.bool_]:
        active = set(contexts)
        return np.fromiter((not needed or bool(needed & active) for needed in self._filters), np.bool_)


def masked_softmax(logits: NDArray[np.float32], allowed: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the probabilities among the allowed labels; those of the others, and of none allowed, are 0.

    Parameters
    ----------
    logits, allowed
        Shape ``(..., n_labels)`` each.
    """
    masked = np.where(allowed, logits.astype(np.float64), -np.inf)
    best = masked.max(axis=-1, keepdims=True)
    exponentials = np.exp(masked - np.where(np.isfinite(best), best, 0.0))
    total = exponentials.sum(axis=-1, keepdims=True)
    probabilities: NDArray[np.float64] = exponentials / np.where(total > 0, total, 1.0)
    return probabilities
