"""The figures of the decision, from texts that the network did not see: temperature, evidence and threshold."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

from intents.catalog import IntentCatalog
from model.decision import Decision, DecisionRule, Evidence, Policy, Reason, Scores, confidences_of, log_odds_of
from model.labelled import LabelledMessage

COVERAGE = 0.94
"""The share of held-out in-scope messages that the threshold must still answer; see docs/model.md."""

EVIDENCE_TEMPERATURE = 1.0
"""Of the log-odds in the evidence beside an encoder. Calibrated ones are steeper, and say the same of all that is sure:
docs/model.md."""

MOST_FAMILIARITY = 1.0
"""The greatest weight of familiarity beside an encoder.

Generic messages are of other words than the patterns, more so than what members ask beyond the intents: by them alone
it would weigh too much. See docs/model.md.
"""

RIDGE = 1e-2
"""Keeps the evidence's weights finite where held-out texts are told apart without an error."""


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Held-out texts and what a network without them says.

    Parameters
    ----------
    texts
        Normalised.
    labels
        Shape ``(n_texts,)``; ``n_labels`` is a generic message that is out of scope.
    logits
        Shape ``(n_texts, n_labels + 1)``.
    similarity
        Shape ``(n_texts, n_labels)``.
    familiarity
        Shape ``(n_texts,)``.
    """

    texts: tuple[str, ...]
    labels: NDArray[np.intp]
    logits: NDArray[np.float32]
    similarity: NDArray[np.float32]
    familiarity: NDArray[np.float64]

    def at(self, rows: NDArray[np.bool_]) -> "HeldOut":
        """Return some of the texts."""
        return HeldOut(
            tuple(text for text, kept in zip(self.texts, rows, strict=True) if kept),
            self.labels[rows],
            self.logits[rows],
            self.similarity[rows],
            self.familiarity[rows],
        )


def in_scope(held_out: HeldOut) -> HeldOut:
    """Return the held-out patterns, without the generic messages."""
    return held_out.at(held_out.labels < held_out.similarity.shape[1])


def decide_held_out(
    catalog: IntentCatalog, labels: Sequence[str], policy: Policy, held_out: HeldOut
) -> tuple[list[LabelledMessage], list[Decision]]:
    """Decide about every held-out text, its intent's contexts being active, without the help of exact matches."""
    filters = {one.label: one.representative.context_filter for one in catalog.classes}
    rule = DecisionRule(catalog, labels, policy)
    tags = [*labels, None]
    messages = [
        LabelledMessage(text, tags[label], filters[tag] if (tag := tags[label]) is not None else ())
        for text, label in zip(held_out.texts, held_out.labels, strict=True)
    ]
    decisions = [
        rule.with_scores(Scores(logits, similarity), float(familiarity), message.contexts)
        for logits, similarity, familiarity, message in zip(
            held_out.logits, held_out.similarity, held_out.familiarity, messages, strict=True
        )
    ]
    return messages, decisions


def calibrate(catalog: IntentCatalog, labels: Sequence[str], held_out: HeldOut) -> Policy:
    """Return the policy of the held-out texts.

    The temperature has the least negative log likelihood; the evidence tells answers that are right from those that
    are wrong or out of scope; the threshold is the highest that still answers `COVERAGE` of what is in scope.
    """
    inside = in_scope(held_out)
    if not inside.texts:
        return Policy()
    allowed = _allowed(catalog, held_out)
    temperature = _temperature(inside, allowed[held_out.labels < len(labels)])
    policy = Policy(temperature=temperature, threshold=0.0, evidence=_evidence(held_out, allowed, temperature))
    _, decisions = decide_held_out(catalog, labels, policy, inside)
    return replace(policy, threshold=threshold_for(decisions, COVERAGE))


def _allowed(catalog: IntentCatalog, held_out: HeldOut) -> NDArray[np.bool_]:
    """Return which labels each text may get: those without a filter, and those that its own intent shares one with."""
    needed = [frozenset(one.contexts) for one in catalog.classes]
    active = [frozenset(one.representative.context_filter) for one in catalog.classes]
    rows = [[not names or bool(names & own) for names in needed] for own in [*active, frozenset[str]()]]
    return np.array(rows)[held_out.labels]


def _temperature(inside: HeldOut, allowed: NDArray[np.bool_]) -> float:
    rows = np.arange(len(inside.labels))

    def loss(log_temperature: float) -> float:
        confidences = confidences_of(inside.logits, allowed, float(np.exp(log_temperature)))[rows, inside.labels]
        return float(-np.mean(np.log(np.maximum(confidences, 1e-12))))

    found = minimize_scalar(loss, bounds=(np.log(0.1), np.log(5.0)), method="bounded")
    return round(float(np.exp(found.x)), 4)


def _evidence(held_out: HeldOut, allowed: NDArray[np.bool_], temperature: float) -> Evidence:
    """Fit a logistic regression whose weights are not negative; both kinds of text count alike, however many."""
    confidences = confidences_of(held_out.logits, allowed, temperature)[:, :-1]
    is_right = confidences.argmax(axis=1) == held_out.labels  # never of a generic message
    if is_right.all() or not is_right.any():
        return Evidence(temperature=temperature)
    has_encoder = held_out.similarity.any()
    if has_encoder:
        temperature = EVIDENCE_TEMPERATURE
    certainties = confidences_of(held_out.logits, allowed, temperature)[:, :-1].max(axis=1)
    kinds = np.stack(
        [
            [log_odds_of(float(certainty)) for certainty in certainties],
            np.where(allowed, held_out.similarity, -1.0).max(axis=1),
            held_out.familiarity,
        ],
        axis=1,
    )
    means, deviations = kinds.mean(axis=0), np.maximum(kinds.std(axis=0), 1e-6)
    inputs = (kinds - means) / deviations * (kinds.std(axis=0) > 1e-6)  # noqa: PLR2004 - what never varies says nothing
    weights = np.where(is_right, 0.5 / is_right.sum(), 0.5 / (~is_right).sum())
    signs = np.where(is_right, 1.0, -1.0)

    def loss(parameters: NDArray[np.float64]) -> float:
        margins = signs * (parameters[0] + inputs @ parameters[1:])
        return float(weights @ np.logaddexp(0, -margins) + RIDGE * parameters[1:] @ parameters[1:])

    most = MOST_FAMILIARITY * deviations[2] if has_encoder else None
    found = minimize(loss, np.zeros(4), bounds=[(None, None), (0, None), (0, None), (0, most)]).x
    slopes = found[1:] / deviations
    bias = found[0] - slopes @ means
    figures = [round(float(value), 6) for value in (bias, *slopes)]
    return replace(Evidence(*figures), temperature=temperature)


def threshold_for(decisions: Sequence[Decision], coverage: float) -> float:
    """Return the highest threshold, rounded down to four places, that answers `coverage` of decisions made under 0.

    What is ambiguous stays unanswered under any threshold, so that the threshold makes up for it.
    """
    scores = sorted((one.score for one in decisions if one.reason is Reason.CONFIDENT), reverse=True)
    needed = int(np.ceil(coverage * len(decisions)))
    if not scores:
        return 0.0
    return float(np.floor(scores[min(needed, len(scores)) - 1] * 10_000) / 10_000)
