"""What the threshold does: the scores of right, wrong and out-of-scope messages, and the shares as it varies."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.evaluation import Outcome, answered_up_to

N_BINS = 25
N_STEPS = 100


@dataclass(frozen=True, slots=True)
class Histogram:
    """The scores of one kind of message: counts, shape ``(N_BINS,)``, of equal steps from 0 to 1."""

    kind: str
    n: int
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """What a threshold comes to; shares of nothing are None.

    Parameters
    ----------
    threshold
        From 0 to 1.
    coverage
        Share of the in-scope messages that it answers.
    accuracy_when_answered
        Share of those answered rightly.
    oos_recall
        Share of the out-of-scope messages that it leaves unanswered.
    n_right, n_wrong
        Messages answered rightly, and wrongly: with a wrong intent, or out of scope.
    """

    threshold: float
    coverage: float | None
    accuracy_when_answered: float | None
    oos_recall: float | None
    n_right: int
    n_wrong: int


def score_histograms(outcomes: Sequence[Outcome]) -> list[Histogram]:
    """Return the histograms of the messages ranked right, ranked wrong, and out of scope, those that there are."""
    kinds = {
        "right": [outcome.decision.score for outcome in outcomes if outcome.is_found],
        "wrong": [outcome.decision.score for outcome in outcomes if not (outcome.is_found or outcome.is_out_of_scope)],
        "out of scope": [outcome.decision.score for outcome in outcomes if outcome.is_out_of_scope],
    }
    return [
        Histogram(kind, len(scores), tuple(np.histogram(scores, N_BINS, (0.0, 1.0))[0].tolist()))
        for kind, scores in kinds.items()
        if scores
    ]


class Sweep:
    """The messages under any threshold.

    Parameters
    ----------
    outcomes
        Decided under any threshold.
    margin
        Of the policy that decided.
    """

    def __init__(self, outcomes: Sequence[Outcome], margin: float) -> None:
        found = np.array([outcome.is_found for outcome in outcomes], np.bool_)
        outside = np.array([outcome.is_out_of_scope for outcome in outcomes], np.bool_)
        limits = np.array([answered_up_to(outcome.decision, margin) for outcome in outcomes], np.float64)
        self._right = np.sort(limits[found])
        self._wrong = np.sort(limits[~found & ~outside])
        self._outside = np.sort(limits[outside])

    def at(self, threshold: float) -> Setting:
        """Return what one threshold comes to."""
        right, wrong, outside = (_at_least(limits, threshold) for limits in (self._right, self._wrong, self._outside))
        n_inside = len(self._right) + len(self._wrong)
        return Setting(
            threshold=threshold,
            coverage=(right + wrong) / n_inside if n_inside else None,
            accuracy_when_answered=right / (right + wrong) if right + wrong else None,
            oos_recall=1 - outside / len(self._outside) if len(self._outside) else None,
            n_right=right,
            n_wrong=wrong + outside,
        )

    def settings(self) -> list[Setting]:
        """Return what thresholds from 0 to 1 come to, in equal steps."""
        return [self.at(step / N_STEPS) for step in range(N_STEPS + 1)]


def _at_least(limits: NDArray[np.float64], threshold: float) -> int:
    return len(limits) - int(np.searchsorted(limits, threshold))
