"""A catalog into a trained, calibrated model, in reading order: prepare, fit, calibrate, refit, export.

Imports TensorFlow, scikit-learn and NLTK; the serving process never imports this module.
"""

import importlib.metadata
import math
import platform
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.utils.class_weight import compute_class_weight

from intents.catalog import IntentCatalog
from model.bundle import write_bundle
from model.calibration import HeldOut, calibrate, decide_held_out
from model.config import TrainingConfig
from model.decision import Policy
from model.evaluation import IntentMetrics, Metrics, by_intent, measure
from model.export import save_network
from model.features import NgramFeatures, fit_features
from model.network import Batches, Encoded, build_network, compile_network, predict_logits
from model.text import normalise
from model.words import stem_table, training_words

LARGE = 5_000
"""From this many patterns on, training goes by the `large` figures of the configuration."""


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """What training found on patterns that were held out of it.

    Parameters
    ----------
    n_patterns, n_intents
        What was trained on.
    epochs
        The passes that early stopping chose.
    policy
        The figures of the decision.
    metrics, intents
        Under the live rule, over the cross-validation; None and empty where no intent has two patterns.
    """

    n_patterns: int
    n_intents: int
    epochs: int
    policy: Policy
    metrics: Metrics | None
    intents: tuple[IntentMetrics, ...]


Tell = Callable[[str, int, int], None]
"""Hears what is being done, which epoch is done, and of how many."""


@dataclass(frozen=True, slots=True)
class _Examples:
    """Normalised patterns and the number of the label of each, shape ``(n_texts,)``."""

    texts: tuple[str, ...]
    labels: NDArray[np.intp]

    def at(self, rows: NDArray[np.intp]) -> "_Examples":
        return _Examples(tuple(self.texts[row] for row in rows), self.labels[rows])


@dataclass(frozen=True, slots=True)
class _Fitted:
    features: NgramFeatures
    network: keras.Model
    epochs: int

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        return [self.features.encode(text) for text in texts]


def train(
    catalog: IntentCatalog, models_dir: Path, *, config: TrainingConfig, seed: int, tell: Tell
) -> tuple[Path, TrainingReport]:
    """Train on a catalog and write the bundle; the caller makes it current.

    Parameters
    ----------
    catalog
        Checked; at least one intent has patterns.
    models_dir
        Where bundles live.
    config
        The training configuration.
    seed
        Of every random number.
    tell
        Hears of the progress.

    Returns
    -------
    tuple[Path, TrainingReport]
        The bundle's directory and what was measured.

    Raises
    ------
    OSError
        The bundle cannot be written; the bundles that are there stay untouched.
    """
    tf.get_logger().setLevel("ERROR")  # its advice on tracing is for those who write networks
    labels = tuple(intent.tag for intent in catalog.trainable)
    examples = _examples(catalog)
    trainer = _Trainer(config, len(labels), len(examples.texts), seed, tell)

    epochs = trainer.choose_epochs(examples)
    held_out = trainer.cross_validate(examples, epochs)
    policy = calibrate(catalog, labels, held_out)
    fitted = trainer.fit("training on everything", examples, epochs)

    messages, decisions = decide_held_out(catalog, labels, policy, held_out)
    report = TrainingReport(
        n_patterns=len(examples.texts),
        n_intents=len(labels),
        epochs=epochs,
        policy=policy,
        metrics=measure(messages, decisions, policy.threshold) if messages else None,
        intents=tuple(by_intent(messages, decisions)),
    )
    path = write_bundle(
        models_dir,
        save_network=lambda directory: save_network(fitted.network, directory, fitted.encode(examples.texts)),
        features=fitted.features,
        catalog=catalog,
        labels=labels,
        policy=policy,
        config=config.to_json(),
        seed=seed,
        metrics=report.metrics.to_json() | {"epochs": epochs} if report.metrics else None,
        versions=_versions(),
    )
    return path, report


def _examples(catalog: IntentCatalog) -> _Examples:
    """Return each intent's patterns once, in the catalog's order; patterns without a word are left out."""
    texts: list[str] = []
    labels: list[int] = []
    for number, intent in enumerate(catalog.trainable):
        distinct = dict.fromkeys(normalise(pattern) for pattern in intent.patterns)
        kept = [text for text in distinct if text]
        texts += kept
        labels += [number] * len(kept)
    return _Examples(tuple(texts), np.asarray(labels, np.intp))


class _Trainer:
    """Fits networks of one configuration."""

    def __init__(self, config: TrainingConfig, n_labels: int, n_texts: int, seed: int, tell: Tell) -> None:
        large = n_texts >= LARGE
        self._config = config
        self._n_labels = n_labels
        self._seed = seed
        self._tell = tell
        self._min_count = config.min_count_large if large else config.min_count
        n_batches = math.ceil(n_texts / batch_size(n_texts))
        self._max_epochs = max(config.epochs_large if large else config.epochs, config.min_steps // n_batches)
        self._folds = config.folds_large if large else config.folds

    def choose_epochs(self, examples: _Examples) -> int:
        """Return how many epochs do best on a stratified validation split."""
        counts = Counter(examples.labels.tolist())
        repeated = np.flatnonzero([counts[label] > 1 for label in examples.labels])
        n_validation = max(round(self._config.validation_share * len(examples.texts)), len(set(counts)))
        if n_validation < self._config.min_validation or len(repeated) - n_validation < len(counts):
            return self._max_epochs  # too few patterns to tell one epoch from another
        _, held = train_test_split(
            repeated, test_size=n_validation, stratify=examples.labels[repeated], random_state=self._seed
        )
        training = np.setdiff1d(np.arange(len(examples.texts)), held)
        fitted = self.fit("looking for the epochs", examples.at(training), self._max_epochs, examples.at(held))
        return fitted.epochs

    def cross_validate(self, examples: _Examples, epochs: int) -> HeldOut:
        """Return the logits of every pattern by a network that did not see it.

        An intent's only pattern is always trained on, never held out.
        """
        counts = Counter(examples.labels.tolist())
        repeated = np.flatnonzero([counts[label] > 1 for label in examples.labels])
        if not len(repeated) or len(counts) < 2:  # noqa: PLR2004 - one intent has nothing to be confused with
            return HeldOut((), np.zeros(0, np.intp), np.zeros((0, self._n_labels), np.float32), np.zeros(0))
        n_folds = min(self._folds, max(counts.values()))
        folds = StratifiedKFold(n_folds, shuffle=True, random_state=self._seed)
        logits = np.zeros((len(examples.texts), self._n_labels), np.float32)
        familiarity = np.zeros(len(examples.texts))
        with warnings.catch_warnings():
            # an intent of fewer patterns than folds is held out in some of them only, which is as it should be
            warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
            parts = [part for _, part in folds.split(repeated, examples.labels[repeated])]
        for number, part in enumerate(parts, 1):
            held = repeated[part]
            training = np.setdiff1d(np.arange(len(examples.texts)), held)
            fitted = self.fit(f"cross-validating {number}/{n_folds}", examples.at(training), epochs)
            texts = examples.at(held).texts
            logits[held] = predict_logits(fitted.network, fitted.encode(texts))
            familiarity[held] = [fitted.features.familiarity(text) for text in texts]
        chosen = examples.at(repeated)
        return HeldOut(chosen.texts, chosen.labels, logits[repeated], familiarity[repeated])

    def fit(self, stage: str, examples: _Examples, epochs: int, validation: _Examples | None = None) -> _Fitted:
        """Fit a new network, with early stopping where there is a validation set."""
        keras.utils.set_random_seed(self._seed)
        words = training_words(examples.texts)
        stems = stem_table({word for text in words for word in text})
        features = fit_features(words, stems, character_sizes=self._config.character_sizes, min_count=self._min_count)
        network = build_network(features.n_ids, self._n_labels, self._config.network)
        batches = self._batches(features, examples)
        compile_network(network, self._config.network, n_steps=len(batches) * self._max_epochs)
        callbacks: list[keras.callbacks.Callback] = [
            keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, _logs: self._tell(stage, epoch + 1, epochs))
        ]
        stopping = keras.callbacks.EarlyStopping(
            monitor="val_accuracy", mode="max", patience=self._config.patience, restore_best_weights=True
        )
        if validation is not None:
            callbacks.append(stopping)
        if self._n_labels > 1:  # a single intent leaves nothing to learn
            network.fit(
                batches,
                validation_data=self._batches(features, validation) if validation else None,
                epochs=epochs,
                callbacks=callbacks,
                verbose=0,
            )
        return _Fitted(features, network, stopping.best_epoch + 1 if validation else epochs)

    def _batches(self, features: NgramFeatures, examples: _Examples) -> Batches:
        texts: list[Encoded] = [features.encode(text) for text in examples.texts]
        present = np.unique(examples.labels)
        weight_of = np.ones(self._n_labels, np.float32)
        weight_of[present] = compute_class_weight("balanced", classes=present, y=examples.labels)
        return Batches(
            texts,
            np.eye(self._n_labels, dtype=np.float32)[examples.labels],
            weight_of[examples.labels],
            batch_size=batch_size(len(texts)),
            seed=self._seed,
        )


def batch_size(n_texts: int) -> int:
    """Return the batch size for so many texts: a power of two near a fiftieth of them, from 16 to 256."""
    return int(2 ** np.clip(np.round(np.log2(max(n_texts, 1) / 50)), 4, 8))


def _versions() -> Mapping[str, str]:
    libraries = ("keras", "nltk", "numpy", "scikit-learn", "tensorflow")
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in libraries}
