"""A catalog into a trained, calibrated model, in reading order: prepare, adapt the encoder, fit, calibrate, export.

Imports TensorFlow, scikit-learn and NLTK; the serving process never imports this module.
"""

import importlib.metadata
import platform
import shutil
import time
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.utils.class_weight import compute_class_weight

from intents.catalog import IntentCatalog
from model.bundle import fingerprint, write_bundle
from model.calibration import HeldOut, calibrate, decide_held_out, in_scope
from model.config import Plan, TrainingConfig
from model.decision import Decision, Policy
from model.encoder import SentenceEncoder, Tell, read_encoder
from model.evaluation import IntentMetrics, LabelledMessage, Metrics, by_intent, measure
from model.export import save_network
from model.feature_cache import FeatureCache
from model.features import Encoded, NgramFeatures, TextFeatures, fit_ngrams
from model.finetuning import FineTuning
from model.network import (
    HeadBatches,
    assemble,
    build_head,
    build_similarity,
    compile_head,
    predict_logits,
    start_at,
)
from model.outside import generic_messages, unlike_patterns
from model.spelling import Spelling
from model.text import normalise
from model.words import frequent_words, stem_table, training_words

LARGE = 5_000
"""From this many patterns on, training goes by the `large` figures of the configuration."""

READING = "reading the texts"

BUDGET_RESERVE = 0.75
"""The share of the time budget that fine-tuning may plan with; the rest is for what it cannot foresee."""


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """What training found on patterns that were held out of it.

    Parameters
    ----------
    n_patterns, n_intents
        What was trained on.
    n_outside
        The generic messages that were learnt as out of scope.
    has_encoder
        Whether a sentence encoder is part of the model.
    fine_tuning_epochs
        The passes in which the encoder was adapted; 0 if it serves as published, or there is none.
    policy
        The figures of the decision.
    metrics, intents
        Under the live rule, over held-out patterns; None and empty where no intent has two patterns.
    """

    n_patterns: int
    n_intents: int
    n_outside: int
    has_encoder: bool
    fine_tuning_epochs: int
    policy: Policy
    metrics: Metrics | None
    intents: tuple[IntentMetrics, ...]


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """Every pattern that could be held out, what was decided about it, and under which policy."""

    messages: list[LabelledMessage]
    decisions: list[Decision]
    policy: Policy


@dataclass(frozen=True, slots=True)
class _Examples:
    """Normalised texts and the number of the label of each, shape ``(n_texts,)``."""

    texts: tuple[str, ...]
    labels: NDArray[np.intp]

    def at(self, rows: NDArray[np.intp]) -> "_Examples":
        return _Examples(tuple(self.texts[row] for row in rows), self.labels[rows])

    def __add__(self, other: "_Examples") -> "_Examples":
        return _Examples(self.texts + other.texts, np.concatenate([self.labels, other.labels]))


@dataclass(frozen=True, slots=True)
class _Features:
    """The features of texts by text; of width 0 without an encoder."""

    by_text: Mapping[str, NDArray[np.float32]]
    width: int

    def of(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = [self.by_text[text] for text in texts] if self.width else []
        return np.stack(rows) if rows else np.zeros((len(texts), self.width), np.float32)


@dataclass(frozen=True, slots=True)
class _Adapted:
    """An encoder, what it makes of all texts, and the classifier it was fine-tuned with, ``(n_labels, n_features)``."""

    encoder: SentenceEncoder | None
    features: _Features
    classifier: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class _Fitted:
    ngrams: NgramFeatures
    head: keras.Model
    prototypes: NDArray[np.float32]

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        features = TextFeatures(self.ngrams)
        return [features.encode(text) for text in texts]


def train(
    catalog: IntentCatalog, models_dir: Path, *, config: TrainingConfig, plan: Plan, seed: int, tell: Tell
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
    plan
        Encoder, fine-tuning and time.
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
    EncoderError
        The plan's directory holds no encoder that can be used.
    OSError
        The bundle cannot be written; the bundles that are there stay untouched.
    """
    started = time.monotonic()
    trainer = _Trainer(catalog, config, plan, seed, tell)
    config = trainer.config
    checkpoints = models_dir / f".fine-tuning-{fingerprint(catalog, config.to_json())[:16]}-{seed}"
    epochs = trainer.plan_epochs(plan.budget_s - (time.monotonic() - started), checkpoints)
    if epochs:
        held_out = trainer.hold_out(epochs, checkpoints / "held-out")
        adapted = trainer.adapt("fine-tuning", trainer.patterns, epochs, checkpoints / "all")
    else:
        held_out = trainer.cross_validate(config.folds_large if trainer.is_large else config.folds)
        adapted = trainer.as_published
    policy = calibrate(catalog, trainer.labels, held_out)
    fitted = trainer.fit("training on everything", trainer.everything, adapted)
    encoder = adapted.encoder

    messages, decisions = decide_held_out(catalog, trainer.labels, policy, in_scope(held_out))
    report = TrainingReport(
        n_patterns=trainer.n_patterns,
        n_intents=len(trainer.labels),
        n_outside=len(trainer.outside.texts),
        has_encoder=encoder is not None,
        fine_tuning_epochs=epochs,
        policy=policy,
        metrics=measure(messages, decisions, policy.threshold) if messages else None,
        intents=tuple(by_intent(messages, decisions)),
    )
    text_features = TextFeatures(fitted.ngrams)
    if encoder is not None:
        spelling = Spelling(frequent_words(trainer.patterns.texts), encoder.tokenizer.is_word)
        text_features = TextFeatures(fitted.ngrams, encoder.tokenizer, spelling)
    network = assemble(
        fitted.head, encoder.network() if encoder else None, build_similarity(fitted.prototypes) if encoder else None
    )
    tell("writing the model", 0, 1)
    path = write_bundle(
        models_dir,
        save_network=lambda directory: save_network(
            network, directory, [text_features.encode(text) for text in trainer.patterns.texts[: trainer.n_patterns]]
        ),
        features=text_features,
        catalog=catalog,
        labels=trainer.labels,
        policy=policy,
        config=config.to_json(),
        seed=seed,
        metrics=report.metrics.to_json() if report.metrics else None,
        training={
            "is_encoder_chosen": plan.is_encoder_chosen,
            "fine_tuning_epochs": epochs,
            "budget_s": plan.budget_s,
            "duration_s": round(time.monotonic() - started, 1),
        },
        versions=_versions(),
    )
    shutil.rmtree(checkpoints, ignore_errors=True)
    return path, report


def cross_validate(
    catalog: IntentCatalog, *, config: TrainingConfig, plan: Plan, seed: int, tell: Tell, folds: int
) -> CrossValidation:
    """Decide about each pattern by a model that was trained without it; the encoder stays as published."""
    trainer = _Trainer(catalog, config, plan, seed, tell)
    held_out = trainer.cross_validate(folds)
    policy = calibrate(catalog, trainer.labels, held_out)
    messages, decisions = decide_held_out(catalog, trainer.labels, policy, in_scope(held_out))
    return CrossValidation(messages, decisions, policy)


class _Trainer:
    """Fits the models of one catalog under one configuration."""

    def __init__(self, catalog: IntentCatalog, config: TrainingConfig, plan: Plan, seed: int, tell: Tell) -> None:
        tf.get_logger().setLevel("ERROR")  # its advice on tracing is for those who write networks
        self._plan = plan
        self._seed = seed
        self._tell = tell
        self.labels = tuple(intent.tag for intent in catalog.trainable)
        self.patterns = _patterns(catalog)
        self.n_patterns = len(self.patterns.texts)
        self.is_large = self.n_patterns >= LARGE
        self.encoder = read_encoder(plan.encoder_dir) if plan.encoder_dir else None
        self.config = replace(config, encoder=self.encoder.identity if self.encoder else None)
        if self.encoder is not None:
            self.patterns += _tag_words(catalog)
        generic = _Examples(generic_messages(), np.full(len(generic_messages()), len(self.labels), np.intp))
        self.everything = self.patterns + generic
        self.as_published = _Adapted(self.encoder, self._features(self.encoder))
        self.outside = generic.at(self._unlike_patterns(generic))
        self.everything = self.patterns + self.outside

    def plan_epochs(self, seconds: float, checkpoints: Path) -> int:
        """Return in how many epochs to adapt the encoder: 0 leaves it as it was published."""
        config = self.config.fine_tuning
        counts = np.bincount(self.patterns.labels[: self.n_patterns])
        if self.encoder is None or self._plan.fine_tune == "never" or len(counts) < 2 or counts.max() < 2:  # noqa: PLR2004
            return 0
        most = config.epochs_large if self.is_large else config.epochs
        if self._plan.fine_tune == "always":
            return most
        planned = checkpoints / "epochs"
        if planned.exists():
            return int(planned.read_text(encoding="ascii"))
        started = time.monotonic()
        per_epoch = self._fine_tuning(self.patterns, self._fresh_encoder()).seconds_per_epoch()
        seconds = BUDGET_RESERVE * (seconds - 2 * (time.monotonic() - started))
        affordable = int(seconds / (per_epoch * (2 - self.config.held_out_share)))
        epochs = min(affordable, most) if affordable >= config.min_epochs else 0
        if epochs:
            checkpoints.mkdir(parents=True, exist_ok=True)
            planned.write_text(str(epochs), encoding="ascii")
        return epochs

    def adapt(self, stage: str, examples: _Examples, epochs: int, checkpoints: Path) -> _Adapted:
        """Return an encoder fine-tuned on patterns."""
        encoder = self._fresh_encoder()
        classifier = self._fine_tuning(examples, encoder).run(stage, epochs, checkpoints)
        return _Adapted(encoder, self._features(encoder), classifier)

    def hold_out(self, epochs: int, checkpoints: Path) -> HeldOut:
        """Return what a model says of a stratified part of the texts, the encoder being adapted to the others."""
        rows = np.arange(self.n_patterns)
        repeated = rows[_is_repeated(self.patterns.labels[rows])]
        n_held = max(round(self.config.held_out_share * self.n_patterns), len(self.labels))
        if len(repeated) - n_held < len(self.labels):
            n_held = len(np.unique(self.patterns.labels[repeated]))
        _, held = train_test_split(
            repeated, test_size=n_held, stratify=self.patterns.labels[repeated], random_state=self._seed
        )
        kept = np.setdiff1d(np.arange(len(self.patterns.texts)), held)
        adapted = self.adapt("fine-tuning to calibrate", self.patterns.at(kept), epochs, checkpoints)
        n_outside = len(self.outside.texts)
        folds = np.random.default_rng(self._seed).permutation(n_outside)
        aside = folds[: round(0.3 * n_outside)]
        rest = np.setdiff1d(folds, aside)
        fitted = self.fit("calibrating", self.patterns.at(kept) + self.outside.at(rest), adapted)
        return self._scored(fitted, adapted.features, self.patterns.at(held) + self.outside.at(aside))

    def cross_validate(self, n_folds: int) -> HeldOut:
        """Return what is said of every pattern and generic message by a model that did not see it.

        An intent's only pattern is always trained on, never held out.
        """
        rows = np.arange(self.n_patterns)
        repeated = rows[_is_repeated(self.patterns.labels[rows])]
        if not len(repeated):
            return self._nothing_held_out()
        n_folds = min(n_folds, int(np.bincount(self.patterns.labels[rows]).max()))
        folds = StratifiedKFold(n_folds, shuffle=True, random_state=self._seed)
        with warnings.catch_warnings():
            # an intent of fewer patterns than folds is held out in some of them only, which is as it should be
            warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
            held_rows = [repeated[part] for _, part in folds.split(repeated, self.patterns.labels[repeated])]
        outside_rows = np.random.default_rng(self._seed).permutation(len(self.outside.texts))
        parts = list(zip(held_rows, np.array_split(outside_rows, n_folds), strict=True))
        scored = []
        for number, (held, aside_rows) in enumerate(parts, 1):
            kept = self.patterns.at(np.setdiff1d(np.arange(len(self.patterns.texts)), held))
            others = self.outside.at(np.setdiff1d(np.arange(len(self.outside.texts)), aside_rows))
            stage = f"cross-validating {number}/{len(parts)}"
            fitted = self.fit(stage, kept + others, self.as_published)
            held_texts = self.patterns.at(held) + self.outside.at(aside_rows)
            scored.append(self._scored(fitted, self.as_published.features, held_texts))
        return HeldOut(
            tuple(text for part in scored for text in part.texts),
            np.concatenate([part.labels for part in scored]),
            np.concatenate([part.logits for part in scored]),
            np.concatenate([part.similarity for part in scored]),
            np.concatenate([part.familiarity for part in scored]),
        )

    def fit(self, stage: str, examples: _Examples, adapted: _Adapted) -> _Fitted:
        """Fit a new head; beside an encoder it begins at the classifier it was adapted with, or at the class means."""
        keras.utils.set_random_seed(self._seed)
        config, n_labels = self.config, len(self.labels)
        words = training_words(examples.texts)
        stems = stem_table({word for text in words for word in text})
        min_count = config.min_count_large if self.is_large else config.min_count
        ngrams = fit_ngrams(words, stems, character_sizes=config.character_sizes, min_count=min_count)
        features = adapted.features
        head = build_head(features.width, ngrams.n_ids, n_labels + 1, config.head)
        rows = features.of(examples.texts)
        prototypes = np.zeros((n_labels, 1, 0), np.float32)
        if features.width:
            means = np.stack([_unit(rows[examples.labels == label].mean(axis=0)) for label in range(n_labels + 1)])
            if adapted.classifier is not None:
                means[:n_labels] = adapted.classifier
            start_at(head, config.head.scale * means)
            prototypes = self._prototypes(rows, examples.labels)
        batches = self._batches(ngrams, examples, rows)
        epochs = config.encoder_epochs if features.width else config.epochs_large if self.is_large else config.epochs
        epochs = max(epochs, config.min_steps // len(batches))
        compile_head(head, config.head, n_steps=len(batches) * epochs)
        told = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, _logs: self._tell(stage, epoch + 1, epochs))
        head.fit(batches.dataset(), epochs=epochs, callbacks=[told], shuffle=False, verbose=0)
        return _Fitted(ngrams, head, prototypes)

    def _features(self, encoder: SentenceEncoder | None) -> _Features:
        """Return the features of all texts; those of the encoder as published are kept for the next training."""
        if encoder is None:
            return _Features({}, 0)
        texts = tuple(dict.fromkeys(self.everything.texts))
        if encoder is self.encoder and self._plan.cache_dir is not None:
            cache = FeatureCache(self._plan.cache_dir, encoder.identity, encoder.n_features)
            rows = cache.features(texts, lambda missing: encoder.features(missing, READING, self._tell))
        else:
            rows = encoder.features(texts, READING, self._tell)
        return _Features(dict(zip(texts, rows, strict=True)), encoder.n_features)

    def _fresh_encoder(self) -> SentenceEncoder:
        assert self._plan.encoder_dir is not None
        return read_encoder(self._plan.encoder_dir)

    def _fine_tuning(self, examples: _Examples, encoder: SentenceEncoder) -> FineTuning:
        return FineTuning(
            encoder,
            examples.texts,
            examples.labels,
            config=self.config.fine_tuning,
            seed=self._seed,
            tell=self._tell,
        )

    def _unlike_patterns(self, generic: _Examples) -> NDArray[np.intp]:
        if self.encoder is not None:
            features = self.as_published.features
            return unlike_patterns(features.of(generic.texts), features.of(self.patterns.texts))
        patterns = set(self.patterns.texts)
        return np.flatnonzero([text not in patterns for text in generic.texts])

    def _scored(self, fitted: _Fitted, features: _Features, examples: _Examples) -> HeldOut:
        rows = features.of(examples.texts)
        cosines = np.einsum("tf,lpf->tlp", rows, fitted.prototypes).max(axis=2)
        return HeldOut(
            examples.texts,
            examples.labels,
            predict_logits(fitted.head, fitted.encode(examples.texts), rows),
            cosines.astype(np.float32),
            np.array([fitted.ngrams.familiarity(text) for text in examples.texts]),
        )

    def _nothing_held_out(self) -> HeldOut:
        n_labels = len(self.labels)
        return HeldOut(
            (),
            np.zeros(0, np.intp),
            np.zeros((0, n_labels + 1), np.float32),
            np.zeros((0, n_labels), np.float32),
            np.zeros(0),
        )

    def _prototypes(self, rows: NDArray[np.float32], labels: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return the centres of each intent's clusters, each of length 1: ``(n_labels, n_prototypes, n_features)``."""
        n_most = self.config.max_prototypes
        found = []
        for label in range(len(self.labels)):
            own = rows[labels == label]
            n_clusters = int(np.clip(round(len(own) / self.config.patterns_per_prototype), 1, n_most))
            centres = KMeans(n_clusters, n_init=1, random_state=self._seed).fit(own).cluster_centers_
            found.append(np.stack([_unit(centre) for centre in centres]))
        n_prototypes = max(map(len, found))
        # an intent of fewer patterns repeats its first prototype: the nearest is the same
        filled = [np.concatenate([own, np.repeat(own[:1], n_prototypes - len(own), axis=0)]) for own in found]
        return np.stack(filled).astype(np.float32)

    def _batches(self, ngrams: NgramFeatures, examples: _Examples, rows: NDArray[np.float32]) -> HeadBatches:
        n_labels = len(self.labels)
        in_catalog = examples.labels < n_labels
        present = np.unique(examples.labels[in_catalog])
        weight_of = np.ones(n_labels + 1, np.float32)
        weight_of[present] = compute_class_weight("balanced", classes=present, y=examples.labels[in_catalog])
        features = TextFeatures(ngrams)
        return HeadBatches(
            [features.encode(text) for text in examples.texts],
            rows,
            np.eye(n_labels + 1, dtype=np.float32)[examples.labels],
            weight_of[examples.labels],
            batch_size=batch_size(len(examples.texts)),
            seed=self._seed,
        )


def _patterns(catalog: IntentCatalog) -> _Examples:
    """Return each intent's patterns once, in the catalog's order; patterns without a word are left out."""
    texts: list[str] = []
    labels: list[int] = []
    for number, intent in enumerate(catalog.trainable):
        distinct = dict.fromkeys(normalise(pattern) for pattern in intent.patterns)
        kept = [text for text in distinct if text]
        texts += kept
        labels += [number] * len(kept)
    return _Examples(tuple(texts), np.asarray(labels, np.intp))


def _tag_words(catalog: IntentCatalog) -> _Examples:
    """Return the words of each tag as one more example of it; an encoder knows what they mean."""
    words = [normalise(intent.topic) for intent in catalog.trainable]
    rows = [number for number, text in enumerate(words) if text]
    return _Examples(tuple(words[row] for row in rows), np.asarray(rows, np.intp))


def _is_repeated(labels: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return which labels occur more than once, shape ``(n_texts,)``."""
    counts = Counter(labels.tolist())
    return np.array([counts[label] > 1 for label in labels], np.bool_)


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    length = float(np.linalg.norm(vector))
    return vector / length if length else vector


def batch_size(n_texts: int) -> int:
    """Return the batch size for so many texts: a power of two near a fiftieth of them, from 16 to 256."""
    return int(2 ** np.clip(np.round(np.log2(max(n_texts, 1) / 50)), 4, 8))


def _versions() -> Mapping[str, str]:
    libraries = ("keras", "keras-hub", "nltk", "numpy", "scikit-learn", "tensorflow", "tokenizers")
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in libraries}
