"""What is searched when the training is tuned, in which order, and what counts as better. For `scripts.tune`.

A trial is judged by the mean negative log likelihood of the right intent over the held-out patterns, under calibrated
confidences. On a small catalog it is steadier than the accuracy, which a single pattern moves in steps, and it counts
how sure the right answer is.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.distributions import FloatDistribution, IntDistribution

from model.config import HeadConfig, TrainingConfig
from model.evaluation import Outcome, pair_up

if TYPE_CHECKING:
    from model.training import CrossValidation

LEAST_CONFIDENCE = 1e-3
"""A right intent that is less likely counts as this likely: no single pattern is to decide."""

CHANCE = 0.05
"""Of storing a configuration that is no better than the default one, over all that were tried."""

Parameters = Mapping[str, float]
Space = Mapping[str, FloatDistribution | IntDistribution]
Measure = Callable[[int, TrainingConfig], "CrossValidation"]
"""Cross-validates the configuration of the trial of a number."""

ALWAYS: Space = {"label_smoothing": FloatDistribution(0, 0.3)}
WITH_ENCODER: Space = {
    "encoder_weight_decay": FloatDistribution(1e-3, 1, log=True),
    "feature_dropout": FloatDistribution(0, 0.5),
    "ngram_weight": FloatDistribution(0, 1.5),
    "scale": FloatDistribution(5, 60, log=True),
}
BESIDE_ENCODER: Space = {
    "encoder_learning_rate": FloatDistribution(1e-3, 5e-2, log=True),
    "encoder_epochs": IntDistribution(2, 20, log=True),
}
BESIDE_ENCODER_LARGE: Space = {
    "encoder_learning_rate_large": FloatDistribution(3e-3, 1.5e-1, log=True),
    "encoder_epochs_large": IntDistribution(4, 30, log=True),
    "feature_units": IntDistribution(64, 1024, log=True),
    "dropout": FloatDistribution(0, 0.8),
}
WITHOUT_ENCODER: Space = {
    "weight_decay": FloatDistribution(1e-4, 1e-1, log=True),
    "learning_rate": FloatDistribution(5e-4, 3e-2, log=True),
    "dropout": FloatDistribution(0, 0.8),
    "hidden_units": IntDistribution(32, 512, log=True),
}
EPOCHS: Space = {"epochs": IntDistribution(4, 30, log=True)}
EPOCHS_LARGE: Space = {"epochs_large": IntDistribution(3, 15, log=True)}
MIN_COUNT: Space = {"min_count": IntDistribution(1, 3)}
MIN_COUNT_LARGE: Space = {"min_count_large": IntDistribution(1, 6)}

OF_HEAD = frozenset(field.name for field in fields(HeadConfig))


@dataclass(frozen=True, slots=True)
class Trial:
    """One configuration and how it did.

    Parameters
    ----------
    number
        Counted from 0, which has the default configuration.
    parameters
        What was set in the configuration.
    losses
        The negative log likelihood of every held-out pattern, shape ``(n_patterns,)``, alike ordered in all trials.
    accuracy
        The share of the patterns whose intent ranks first.
    duration_s
        Of the cross-validation.
    """

    number: int
    parameters: Parameters
    losses: NDArray[np.float64]
    accuracy: float
    duration_s: float

    @property
    def loss(self) -> float:
        """The criterion."""
        return float(self.losses.mean())


def search_space(*, has_encoder: bool, is_large: bool) -> Space:
    """Return the figures that a training goes by; `is_large` is that of the catalog (`model.training.LARGE`)."""
    of_kind = WITH_ENCODER if has_encoder else WITHOUT_ENCODER
    if has_encoder:
        of_size = BESIDE_ENCODER_LARGE if is_large else BESIDE_ENCODER
    else:
        of_size = EPOCHS_LARGE if is_large else EPOCHS
    return {**ALWAYS, **of_kind, **of_size, **(MIN_COUNT_LARGE if is_large else MIN_COUNT)}


def configured(parameters: Parameters) -> TrainingConfig:
    """Return the default configuration with some of its figures set."""
    of_head: dict[str, Any] = {name: value for name, value in parameters.items() if name in OF_HEAD}
    others: dict[str, Any] = {name: value for name, value in parameters.items() if name not in OF_HEAD}
    default = TrainingConfig()
    return replace(default, head=replace(default.head, **of_head), **others)


def parameters_of(config: TrainingConfig, space: Space) -> Parameters:
    """Return the figures of a configuration that are searched."""
    return {name: getattr(config.head if name in OF_HEAD else config, name) for name in space}


def is_within(parameters: Parameters, space: Space) -> bool:
    """Whether the search could come to these figures by itself."""
    return all(within.low <= parameters[name] <= within.high for name, within in space.items())


def search(
    space: Space, known: Sequence[Parameters], measure: Measure, *, n_trials: int, timeout_s: float, seed: int
) -> Iterator[Trial]:
    """Yield the trials one by one: the known parameters in turn, then what a Parzen estimator proposes.

    Bergstra et al. 2011, "Algorithms for Hyper-Parameter Optimization".

    Parameters
    ----------
    space
        What is searched.
    known
        The first of them is the default configuration; those outside the space are left out.
    measure
        Cross-validates.
    n_trials
        The most trials.
    timeout_s
        After that no trial begins but the first.
    seed
        Of what is proposed.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    for parameters in known:
        if is_within(parameters, space):
            study.enqueue_trial(dict(parameters))
    begun = time.monotonic()
    for number in range(n_trials):
        started = time.monotonic()
        if number and started - begun > timeout_s:
            return
        asked = study.ask(dict(space))
        parameters = {name: _rounded(value) for name, value in asked.params.items()}
        found = measure(number, configured(parameters))
        outcomes = pair_up(found.messages, found.decisions)
        trial = Trial(
            number=number,
            parameters=parameters,
            losses=np.array([_loss(outcome) for outcome in outcomes]),
            accuracy=sum(outcome.is_found for outcome in outcomes) / sum(not one.is_out_of_scope for one in outcomes),
            duration_s=time.monotonic() - started,
        )
        study.tell(asked, trial.loss)
        yield trial


def _rounded(value: float) -> float:
    return value if isinstance(value, int) else float(f"{value:.3g}")


def _loss(outcome: Outcome) -> float:
    """Return the negative log of the confidence in what is right: the intent, or for a generic message none of them."""
    confidences = {ranked.tag: ranked.confidence for ranked in outcome.decision.ranking}
    if outcome.message.intent is None:
        return -math.log(max(LEAST_CONFIDENCE, 1 - sum(confidences.values())))
    return -math.log(max(LEAST_CONFIDENCE, confidences.get(outcome.message.intent, 0.0)))


def winner(trials: Sequence[Trial], n_before: int = 0) -> Trial | None:
    """Return the trial of the least loss if it beats the first, the default one, by more than the noise; else None.

    Nor may it find fewer patterns. A one-sided paired z-test over the patterns; its level is shared among all that were
    compared with the default (Bonferroni), for the best of many is better by chance alone.

    Parameters
    ----------
    trials
        Of one search.
    n_before
        The trials of the search that one of these was taken over from.
    """
    default, *others = trials
    best = min((one for one in others if one.accuracy >= default.accuracy), key=lambda one: one.loss, default=None)
    if best is None or len(default.losses) < 2:  # noqa: PLR2004 - one pattern has no deviation
        return None
    gains = default.losses - best.losses
    error = gains.std(ddof=1) / math.sqrt(len(gains))
    needed = NormalDist().inv_cdf(1 - CHANCE / (len(others) + n_before))
    return best if gains.mean() > needed * error else None
