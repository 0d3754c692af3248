"""The decision whether to answer, and as which intent: scores, policy and active contexts in, a `Decision` out.

The same object decides live and in the evaluation. NumPy and the standard library only.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from intents.catalog import Intent, IntentCatalog
from model.text import normalise

DEFAULT_MARGIN = 0.02
"""The least lead of the best intent over the second; see docs/model.md for the measurement."""

N_ALLOWED = 1_024
"""For how many combinations of contexts and language is remembered what they allow."""

MAX_LOG_ODDS = 30.0
"""Beyond it a confidence is 0 or 1 in float32."""


class Reason(StrEnum):
    """Which rule decided. The first two answer, the others fall back."""

    EXACT = "exact"
    CONFIDENT = "confident"
    EMPTY = "empty"
    BELOW_THRESHOLD = "below_threshold"
    AMBIGUOUS = "ambiguous"
    OUT_OF_SCOPE = "out_of_scope"


@dataclass(frozen=True, slots=True)
class Scores:
    """What the network says of one text.

    Parameters
    ----------
    logits
        Shape ``(n_labels + 1,)``: of each intent, and last of "none of them".
    similarity
        Shape ``(n_labels,)``: how like the patterns of each intent it is, as `model.prototypes` says; zeros without a
        sentence encoder.
    """

    logits: NDArray[np.float32]
    similarity: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a text being in scope, and how much each kind counts.

    A logistic regression: the score is ``sigmoid(bias + log_odds * ... + similarity * ... + familiarity * ...)``. The
    default is the confidence at a temperature of 1.

    Parameters
    ----------
    bias
        Of the sum.
    log_odds
        Weight of the log-odds of the best intent's confidence.
    similarity
        Weight of the greatest similarity to an intent.
    familiarity
        Weight of `model.features.NgramFeatures.familiarity`.
    temperature
        Divides the logits of the confidence whose log-odds count.
    """

    bias: float = 0.0
    log_odds: float = 1.0
    similarity: float = 0.0
    familiarity: float = 0.0
    temperature: float = 1.0

    def score(self, log_odds: float, similarity: float, familiarity: float) -> float:
        """Return how surely a text is in scope, from 0 to 1."""
        total = self.bias + self.log_odds * log_odds + self.similarity * similarity + self.familiarity * familiarity
        return 1 / (1 + math.exp(-max(-MAX_LOG_ODDS, min(MAX_LOG_ODDS, total))))


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
        The least `Decision.lead`, from 0 to 1.
    evidence
        What the score is made of.
    """

    temperature: float = 1.0
    threshold: float = 0.5
    margin: float = DEFAULT_MARGIN
    evidence: Evidence = Evidence()


class RankedIntent(NamedTuple):
    """An intent that could be meant, and its calibrated confidence; a tuple, for a message makes one of each intent."""

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
        The number compared with the threshold, from 0 to 1: how surely the message is in scope.
    ranking
        Every intent that the active contexts allow, best first; of an exact match, that intent alone.
    """

    intent: str | None
    reason: Reason
    score: float
    ranking: tuple[RankedIntent, ...]

    @property
    def lead(self) -> float:
        """By how much the first of the ranking leads the second, of all that the ranking has; 0 without a ranking."""
        first, second = (*(ranked.confidence for ranked in self.ranking[:2]), 0.0, 0.0)[:2]
        total = sum(ranked.confidence for ranked in self.ranking)
        return (first - second) / total if total else 0.0


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
    known
        What another rule found patterns to be, normalised: for those it is not worked out again.

    Attributes
    ----------
    normalised
        The same of this one: by pattern as it is written.
    """

    def __init__(
        self, catalog: IntentCatalog, labels: Sequence[str], policy: Policy, *, known: Mapping[str, str] | None = None
    ) -> None:
        known = known or {}
        self.labels = tuple(labels)
        self.policy = policy
        classes = {one.label: one.intents for one in catalog.classes}
        self._members = [classes[label] for label in self.labels]
        self._tags = [members[0].tag if len(members) == 1 else None for members in self._members]
        self._conditional = [
            number
            for number, members in enumerate(self._members)
            if all(intent.context_filter or intent.language for intent in members)
        ]
        self._allowed: dict[tuple[tuple[str, ...], str | None], NDArray[np.bool_]] = {}
        self._exact: dict[str, list[Intent]] = defaultdict(list)
        patterns = [pattern for members in self._members for intent in members for pattern in intent.patterns]
        self.normalised = {one: known[one] if one in known else normalise(one) for one in patterns}
        for members in self._members:
            for intent in members:
                for pattern in {self.normalised[pattern] for pattern in intent.patterns}:
                    self._exact[pattern].append(intent)

    def without_scores(self, normalised: str, contexts: Sequence[str], language: str | None = None) -> Decision | None:
        """Decide what needs no network: an empty text, or one that equals a pattern; else return None.

        Parameters
        ----------
        normalised
            The normalised text.
        contexts
            The active contexts, the most recently set last. Where several allowed intents have the pattern, the one
            whose context was set last is meant.
        language
            Of the member; None for any.
        """
        if not normalised:
            return Decision(None, Reason.EMPTY, 0.0, ())
        equal = [one for one in self._exact.get(normalised, ()) if _is_allowed(one, contexts, language)]
        if not equal:
            return None
        tag = _latest(equal, contexts).tag
        return Decision(tag, Reason.EXACT, 1.0, (RankedIntent(tag, 1.0),))

    def with_scores(
        self, scores: Scores, familiarity: float, contexts: Sequence[str], language: str | None = None
    ) -> Decision:
        """Decide by the network's scores.

        Parameters
        ----------
        scores
            Columns as `labels`.
        familiarity
            How much of the text the training texts know, from 0 to 1 (`NgramFeatures.familiarity`).
        contexts
            The active contexts.
        language
            Of the member; None for any.
        """
        allowed = self.allowed(contexts, language)
        if not allowed.any():
            return Decision(None, Reason.OUT_OF_SCOPE, 0.0, ())
        confidences = confidences_of(scores.logits, allowed, self.policy.temperature)
        order = np.argsort(-confidences[:-1], kind="stable")
        order = order[allowed[order]]
        tags = [self._tags[number] or self._meant(number, contexts, language).tag for number in order.tolist()]
        ranking = tuple(map(RankedIntent, tags, confidences[order].tolist()))
        if not familiarity and not scores.similarity.any():
            return Decision(None, Reason.OUT_OF_SCOPE, 0.0, ranking)  # neither n-grams nor an encoder know any of it
        confidence, evidence = ranking[0].confidence, self.policy.evidence
        certainty = float(confidences_of(scores.logits, allowed, evidence.temperature)[order[0]])
        score = evidence.score(log_odds_of(certainty), float(scores.similarity[allowed].max()), familiarity)
        answered = Decision(ranking[0].tag, Reason.CONFIDENT, score, ranking)
        if score < self.policy.threshold:
            is_outside = confidences[-1] > confidence
            return replace(answered, intent=None, reason=Reason.OUT_OF_SCOPE if is_outside else Reason.BELOW_THRESHOLD)
        if answered.lead < self.policy.margin:
            return replace(answered, intent=None, reason=Reason.AMBIGUOUS)
        return answered

    def allowed(self, contexts: Sequence[str], language: str | None = None) -> NDArray[np.bool_]:
        """Return which labels the active contexts and the member's language allow: ``(n_labels,)``, to be read only."""
        asked = (tuple(contexts), language)
        if asked not in self._allowed:
            if len(self._allowed) >= N_ALLOWED:
                self._allowed.clear()
            self._allowed[asked] = self._find_allowed(*asked)
        return self._allowed[asked]

    def _find_allowed(self, contexts: tuple[str, ...], language: str | None) -> NDArray[np.bool_]:
        allowed = np.ones(len(self.labels), np.bool_)
        for number in self._conditional:
            allowed[number] = any(_is_allowed(one, contexts, language) for one in self._members[number])
        allowed.flags.writeable = False
        return allowed

    def _meant(self, number: int, contexts: Sequence[str], language: str | None) -> Intent:
        """Return the intent that an allowed label stands for."""
        return _latest([one for one in self._members[number] if _is_allowed(one, contexts, language)], contexts)


def _is_allowed(intent: Intent, contexts: Sequence[str], language: str | None) -> bool:
    if language is not None and intent.language is not None and intent.language != language:
        return False
    return not intent.context_filter or any(name in contexts for name in intent.context_filter)


def _latest(intents: Sequence[Intent], contexts: Sequence[str]) -> Intent:
    """Return the intent whose context was set last; the first where none needs one."""
    ages = {name: age for age, name in enumerate(contexts)}
    return max(intents, key=lambda intent: max((ages.get(name, -1) for name in intent.context_filter), default=-1))


def confidences_of(logits: NDArray[np.float32], allowed: NDArray[np.bool_], temperature: float) -> NDArray[np.float64]:
    """Return calibrated confidences, shape ``(..., n_labels + 1)``; "none of them", the last, is always allowed.

    Parameters
    ----------
    logits
        Shape ``(..., n_labels + 1)``.
    allowed
        Shape ``(..., n_labels)``.
    temperature
        Divides the logits.
    """
    always = np.ones((*allowed.shape[:-1], 1), np.bool_)
    return masked_softmax(logits / np.float32(temperature), np.concatenate([allowed, always], axis=-1))


def log_odds_of(confidence: float) -> float:
    """Return the log-odds of a confidence, within `MAX_LOG_ODDS`."""
    if not 0 < confidence < 1:
        return math.copysign(MAX_LOG_ODDS, confidence - 0.5)
    return max(-MAX_LOG_ODDS, min(MAX_LOG_ODDS, math.log(confidence) - math.log1p(-confidence)))


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
