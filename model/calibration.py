"""The figures of the decision, from held-out patterns: temperature and threshold."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from intents.catalog import IntentCatalog
from model.decision import Decision, DecisionRule, Policy, Reason, masked_softmax
from model.evaluation import LabelledMessage

COVERAGE = 0.95
"""The share of held-out in-scope messages that the threshold must still answer."""


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Held-out patterns: texts, labels ``(n_texts,)``, logits ``(n_texts, n_labels)``, familiarity ``(n_texts,)``."""

    texts: tuple[str, ...]
    labels: NDArray[np.intp]
    logits: NDArray[np.float32]
    familiarity: NDArray[np.float64]


def decide_held_out(
    catalog: IntentCatalog, labels: Sequence[str], policy: Policy, held_out: HeldOut
) -> tuple[list[LabelledMessage], list[Decision]]:
    """Decide about every held-out pattern, its intent's contexts being active, without the help of exact matches."""
    filters = {intent.tag: intent.context_filter for intent in catalog.trainable}
    rule = DecisionRule(catalog, labels, policy)
    messages = [
        LabelledMessage(text, labels[label], filters[labels[label]])
        for text, label in zip(held_out.texts, held_out.labels, strict=True)
    ]
    decisions = [
        rule.with_scores(logits, float(familiarity), message.contexts)
        for logits, familiarity, message in zip(held_out.logits, held_out.familiarity, messages, strict=True)
    ]
    return messages, decisions


def calibrate(catalog: IntentCatalog, labels: Sequence[str], held_out: HeldOut) -> Policy:
    """Return the temperature of the least negative log likelihood, and the highest threshold that answers enough."""
    if not held_out.texts:
        return Policy()
    filters = [frozenset(intent.context_filter) for intent in catalog.trainable]
    allowed = np.array(
        [[not needed or bool(needed & filters[label]) for needed in filters] for label in held_out.labels]
    )
    rows = np.arange(len(held_out.labels))

    def loss(temperature: float) -> float:
        probabilities = masked_softmax(held_out.logits / np.float32(temperature), allowed)[rows, held_out.labels]
        return float(-np.mean(np.log(np.maximum(probabilities, 1e-12))))

    temperatures: list[float] = np.geomspace(0.1, 5.0, 200).tolist()
    best = temperatures[int(np.argmin([loss(temperature) for temperature in temperatures]))]
    policy = Policy(temperature=round(best, 4), threshold=0.0)
    _, decisions = decide_held_out(catalog, labels, policy, held_out)
    return replace(policy, threshold=max(threshold_for(decisions, COVERAGE), least_threshold(catalog)))


def least_threshold(catalog: IntentCatalog) -> float:
    """Return the threshold below which none makes sense: twice chance among the intents without context, at most 0.5.

    A catalog of a few intents and patterns has hardly any held-out scores to find a threshold by, and a network that is
    sure of everything.
    """
    return min(0.5, 2 / max(1, len(catalog.topics)))


def threshold_for(decisions: Sequence[Decision], coverage: float) -> float:
    """Return the highest threshold, rounded down to four places, that answers `coverage` of decisions made under 0.

    What is ambiguous stays unanswered under any threshold, so that the threshold makes up for it.
    """
    scores = sorted((one.score for one in decisions if one.reason is Reason.CONFIDENT), reverse=True)
    needed = int(np.ceil(coverage * len(decisions)))
    if not scores:
        return 0.0
    return float(np.floor(scores[min(needed, len(scores)) - 1] * 10_000) / 10_000)
