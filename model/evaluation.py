"""Metrics of decisions over labelled messages, under the live rule. Training and scripts only: imports scikit-learn."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from sklearn.metrics import f1_score, roc_auc_score

from model.decision import Decision, Reason
from model.labelled import LabelledMessage


@dataclass(frozen=True, slots=True)
class Outcome:
    """A labelled message and what was decided about it."""

    message: LabelledMessage
    decision: Decision

    @property
    def first(self) -> str | None:
        """The first of the ranking, answered or not; None where nothing was ranked."""
        return self.decision.ranking[0].tag if self.decision.ranking else None

    @property
    def is_out_of_scope(self) -> bool:
        """Whether the message should get no answer."""
        return self.message.intent is None

    @property
    def is_found(self) -> bool:
        """Whether the message is in scope and its intent is the first of the ranking."""
        return not self.is_out_of_scope and self.first == self.message.intent

    @property
    def is_answered(self) -> bool:
        """Whether the message got an answer, right or wrong."""
        return self.decision.intent is not None


def pair_up(messages: Sequence[LabelledMessage], decisions: Sequence[Decision]) -> tuple[Outcome, ...]:
    """Return each message with its decision."""
    return tuple(Outcome(*pair) for pair in zip(messages, decisions, strict=True))


@dataclass(frozen=True, slots=True)
class IntentMetrics:
    """How one intent fares among the in-scope messages. Shares run from 0 to 1.

    Parameters
    ----------
    tag
        The intent.
    n
        The messages that mean it.
    recall
        Which share of them ranks it first.
    precision
        Which share of the messages that rank it first means it; None where none ranks it first.
    f1
        The harmonic mean of both.
    coverage
        Which share of its messages is answered, rightly or not.
    confused_with
        What its messages most often rank first instead.
    """

    tag: str
    n: int
    recall: float
    precision: float | None
    f1: float
    coverage: float
    confused_with: str | None


@dataclass(frozen=True, slots=True)
class Metrics:
    """The figures of an evaluation. Shares run from 0 to 1; those without any message to count are None.

    Parameters
    ----------
    n
        All messages.
    accuracy
        Share of the in-scope messages whose intent is first of the ranking, before the threshold.
    macro_f1
        Mean over the intents of the F1 score of the first of the ranking.
    coverage
        Share of the in-scope messages that are answered.
    accuracy_when_answered
        Share of the answered in-scope messages that get the right answer.
    oos_recall
        Share of the out-of-scope messages that fall back.
    oos_auroc
        Area under the ROC curve of the score, in scope against out of scope.
    threshold
        The threshold that decided.
    """

    n: int
    accuracy: float | None
    macro_f1: float | None
    coverage: float | None
    accuracy_when_answered: float | None
    oos_recall: float | None
    oos_auroc: float | None
    threshold: float

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain JSON values, by name."""
        return asdict(self)


def measure(messages: Sequence[LabelledMessage], decisions: Sequence[Decision], threshold: float) -> Metrics:
    """Return the metrics of one decision a message."""
    pairs = list(zip(messages, decisions, strict=True))
    inside = [(message.intent, decision) for message, decision in pairs if message.intent is not None]
    outside = [decision for message, decision in pairs if message.intent is None]
    truth = [intent for intent, _ in inside]
    first = [decision.ranking[0].tag if decision.ranking else "" for _, decision in inside]
    answered = [(intent, decision.intent) for intent, decision in inside if decision.intent is not None]
    return Metrics(
        n=len(pairs),
        accuracy=_share(intent == tag for intent, tag in zip(truth, first, strict=True)),
        macro_f1=float(f1_score(truth, first, labels=sorted(set(truth)), average="macro", zero_division=0.0))
        if truth
        else None,
        coverage=_share(decision.intent is not None for _, decision in inside),
        accuracy_when_answered=_share(intent == tag for intent, tag in answered),
        oos_recall=_share(decision.intent is None for decision in outside),
        oos_auroc=_auroc([decision.score for _, decision in inside], [decision.score for decision in outside]),
        threshold=threshold,
    )


def by_intent(messages: Sequence[LabelledMessage], decisions: Sequence[Decision]) -> list[IntentMetrics]:
    """Return the figures of each intent that a message means, the worst first."""
    inside: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in pair_up(messages, decisions):
        if outcome.message.intent is not None:
            inside[outcome.message.intent].append(outcome)
    ranked_first = Counter(outcome.first for outcomes in inside.values() for outcome in outcomes)
    rows = [_intent_metrics(tag, outcomes, ranked_first[tag]) for tag, outcomes in inside.items()]
    return sorted(rows, key=lambda row: (row.recall, row.tag))


def _intent_metrics(tag: str, outcomes: Sequence[Outcome], n_first: int) -> IntentMetrics:
    n = len(outcomes)
    n_found = sum(outcome.is_found for outcome in outcomes)
    wrong = [outcome.first for outcome in outcomes if not outcome.is_found and outcome.first is not None]
    return IntentMetrics(
        tag=tag,
        n=n,
        recall=n_found / n,
        precision=n_found / n_first if n_first else None,
        f1=2 * n_found / (n + n_first),
        coverage=sum(outcome.is_answered for outcome in outcomes) / n,
        confused_with=max(sorted(set(wrong)), key=wrong.count, default=None),
    )


def answered_up_to(decision: Decision, margin: float) -> float:
    """Return the highest threshold under which a message is answered: infinite for any, minus infinite for none.

    Parameters
    ----------
    decision
        Made under any threshold.
    margin
        Of the policy that made it.
    """
    if decision.reason is Reason.EXACT:
        return math.inf
    if not decision.ranking or not decision.score:  # of a text of which nothing is known
        return -math.inf
    return decision.score if decision.lead >= margin else -math.inf


def _share(hits: Iterator[bool]) -> float | None:
    values = list(hits)
    return sum(values) / len(values) if values else None


def _auroc(inside: Sequence[float], outside: Sequence[float]) -> float | None:
    if not inside or not outside:
        return None
    truth = np.r_[np.ones(len(inside)), np.zeros(len(outside))]
    return float(roc_auc_score(truth, np.r_[inside, outside]))
