"""Fits the models of one catalog: heads on features, the encoder's fine-tuning, and what both say of held-out texts.

Imports TensorFlow, scikit-learn and NLTK; the serving process never imports this module.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from sklearn.utils.class_weight import compute_class_weight

from intents.catalog import IntentCatalog
from model.calibration import HeldOut
from model.config import HeadConfig, Plan, TrainingConfig
from model.encoder import SentenceEncoder, Tell, read_encoder
from model.examples import Examples, is_repeated, patterns_of, tag_words
from model.feature_cache import FeatureCache
from model.features import Encoded, NgramFeatures, TextFeatures, fit_ngrams, words_of
from model.finetuning import FineTuning
from model.network import HeadBatches, build_head, compile_head, predict_logits, start_at
from model.outside import generic_messages, unlike_patterns
from model.prototypes import Prototypes, find_prototypes, unit
from model.words import stem_table, training_words

LARGE = 5_000
"""From this many patterns on, training goes by the `large` figures of the configuration."""

READING = "reading the texts"

TIMED_TEXTS = 256
"""On so many patterns the time of a batch is taken."""

BUDGET_RESERVE = 0.75
"""The share of the time budget that fine-tuning may plan with; the rest is for what it cannot foresee."""


@dataclass(frozen=True, slots=True)
class Features:
    """The features of texts by text; of width 0 without an encoder."""

    by_text: Mapping[str, NDArray[np.float32]]
    width: int

    def of(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = [self.by_text[text] for text in texts] if self.width else []
        return np.stack(rows) if rows else np.zeros((len(texts), self.width), np.float32)


@dataclass(frozen=True, slots=True)
class Encoding:
    """An encoder, what it makes of all texts, and the classifier it was fine-tuned with, ``(n_labels, n_features)``."""

    encoder: SentenceEncoder | None
    features: Features
    classifier: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Fitted:
    ngrams: NgramFeatures
    head: keras.Model
    prototypes: Prototypes

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        features = TextFeatures(self.ngrams)
        return [features.encode(text) for text in texts]


class Trainer:
    """Fits the models of one catalog under one configuration."""

    def __init__(self, catalog: IntentCatalog, config: TrainingConfig, plan: Plan, seed: int, tell: Tell) -> None:
        tf.get_logger().setLevel("ERROR")  # its advice on tracing is for those who write networks
        self._plan = plan
        self._seed = seed
        self._tell = tell
        self.labels = tuple(one.label for one in catalog.classes)
        self.patterns = patterns_of(catalog)
        self.n_patterns = len(self.patterns.texts)
        self.is_large = self.n_patterns >= LARGE
        self.encoder = read_encoder(plan.encoder_dir) if plan.encoder_dir else None
        self.config = replace(config, encoder=self.encoder.identity if self.encoder else None)
        if self.encoder is not None:
            self.patterns += tag_words(catalog)
        generic = Examples(generic_messages(), np.full(len(generic_messages()), len(self.labels), np.intp))
        self.everything = self.patterns + generic
        self.untuned = Encoding(self.encoder, self._features(self.encoder))
        self.outside = generic.at(self._unlike_patterns(generic))
        self.everything = self.patterns + self.outside

    def plan_epochs(self, seconds: float, checkpoints: Path) -> int:
        """Return in how many epochs to fine-tune the encoder: 0 leaves it as it is for every catalog."""
        config = self.config.fine_tuning
        counts = np.bincount(self.patterns.labels[: self.n_patterns])
        if self.encoder is None or self._plan.fine_tune == "never" or len(counts) < 2 or counts.max() < 2:  # noqa: PLR2004
            return 0
        most = config.epochs_large if self.is_large else config.epochs
        if self._plan.fine_tune == "always":
            return most
        planned = checkpoints / "epochs"
        if planned.exists() and (text := planned.read_text(encoding="ascii")).isdigit():
            return int(text)
        started = time.monotonic()
        n_texts = len(self.patterns.texts)
        sample = self.patterns.at(np.linspace(0, n_texts - 1, min(n_texts, TIMED_TEXTS)).astype(np.intp))
        sample = Examples(sample.texts, np.unique(sample.labels, return_inverse=True)[1])
        per_epoch = self._fine_tuning(sample, self._fresh_encoder()).seconds_per_step() * n_texts / config.batch_size
        seconds = BUDGET_RESERVE * (seconds - (time.monotonic() - started))
        affordable = int(seconds / (per_epoch * (2 - self.config.held_out_share)))
        epochs = min(affordable, most) if affordable >= config.min_epochs else 0
        if epochs:
            checkpoints.mkdir(parents=True, exist_ok=True)
            planned.write_text(str(epochs), encoding="ascii")
        return epochs

    def fine_tune(self, stage: str, examples: Examples, epochs: int, checkpoints: Path) -> Encoding:
        """Return an encoder fine-tuned on patterns."""
        encoder = self._fresh_encoder()
        present, classes = np.unique(examples.labels, return_inverse=True)  # an intent may have no pattern with a word
        tuning = self._fine_tuning(Examples(examples.texts, classes), encoder)
        classifier = np.zeros((len(self.labels), encoder.n_features), np.float32)
        classifier[present] = tuning.run(stage, epochs, checkpoints)
        return Encoding(encoder, self._features(encoder), classifier)

    def hold_out(self, epochs: int, checkpoints: Path) -> HeldOut:
        """Return what a model says of a stratified part of the texts, the encoder being fine-tuned on the others."""
        held = self._held_out_rows()
        kept = np.setdiff1d(np.arange(len(self.patterns.texts)), held)
        encoding = self.fine_tune("fine-tuning to calibrate", self.patterns.at(kept), epochs, checkpoints)
        n_outside = len(self.outside.texts)
        folds = np.random.default_rng(self._seed).permutation(n_outside)
        aside = folds[: round(0.3 * n_outside)]
        rest = np.setdiff1d(folds, aside)
        fitted = self.fit("calibrating", self.patterns.at(kept) + self.outside.at(rest), encoding)
        return self._scored(fitted, encoding.features, self.patterns.at(held) + self.outside.at(aside))

    def cross_validate(self, n_folds: int) -> HeldOut:
        """Return what is said of every pattern and generic message by a model that did not see it.

        An intent's only pattern is always trained on, never held out. Patterns written one after the other are held out
        together: they are often alike, and beside its like a pattern would be better known than what members write.
        """
        rows = np.arange(self.n_patterns)
        repeated = rows[is_repeated(self.patterns.labels[rows])]
        if not len(repeated):
            return self._nothing_held_out()
        n_folds = min(n_folds, int(np.bincount(self.patterns.labels[rows]).max()))
        held_rows = self._blocks(repeated, n_folds)
        outside_rows = np.random.default_rng(self._seed).permutation(len(self.outside.texts))
        parts = list(zip(held_rows, np.array_split(outside_rows, n_folds), strict=True))
        scored = []
        for number, (held, aside_rows) in enumerate(parts, 1):
            kept = self.patterns.at(np.setdiff1d(np.arange(len(self.patterns.texts)), held))
            others = self.outside.at(np.setdiff1d(np.arange(len(self.outside.texts)), aside_rows))
            stage = f"cross-validating {number}/{len(parts)}"
            fitted = self.fit(stage, kept + others, self.untuned)
            held_texts = self.patterns.at(held) + self.outside.at(aside_rows)
            scored.append(self._scored(fitted, self.untuned.features, held_texts))
        return HeldOut(
            tuple(text for part in scored for text in part.texts),
            np.concatenate([part.labels for part in scored]),
            np.concatenate([part.logits for part in scored]),
            np.concatenate([part.similarity for part in scored]),
            np.concatenate([part.familiarity for part in scored]),
        )

    def fit(self, stage: str, examples: Examples, encoding: Encoding) -> Fitted:
        """Fit a new head; beside an encoder it begins at the classifier of the fine-tuning, or at the class means."""
        keras.utils.set_random_seed(self._seed)
        config, n_labels = self.config, len(self.labels)
        words = training_words(examples.texts)
        stems = stem_table({word for text in words for word in words_of(text)})
        min_count = config.min_count_large if self.is_large else config.min_count
        if self.encoder is not None:
            min_count = max(min_count, config.encoder_min_count)
        ngrams = fit_ngrams(words, stems, character_sizes=config.character_sizes, min_count=min_count)
        features = encoding.features
        head_config, epochs = self._head_plan(encoding)
        head = build_head(features.width, ngrams.n_ids, n_labels + 1, head_config)
        rows = features.of(examples.texts)
        prototypes = find_prototypes(rows, examples.labels, n_labels, config=config, seed=self._seed)
        if features.width:
            sums = np.stack([rows[examples.labels == label].sum(axis=0) for label in range(n_labels + 1)])
            means = np.stack([unit(own) for own in sums])
            if encoding.classifier is not None:
                means[:n_labels] = encoding.classifier
            start_at(head, config.head.scale * means)
        batches = self._batches(ngrams, examples, rows)
        epochs = max(epochs, config.min_steps // len(batches))
        compile_head(head, head_config, n_steps=len(batches) * epochs)
        told = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, _logs: self._tell(stage, epoch + 1, epochs))
        head.fit(batches.dataset(), epochs=epochs, callbacks=[told], shuffle=False, verbose=0)
        return Fitted(ngrams, head, prototypes)

    def _head_plan(self, encoding: Encoding) -> tuple[HeadConfig, int]:
        """Return how a head is built and fitted, and in how many epochs.

        A small catalog has no hidden layer on the features: it would learn few patterns by heart.
        """
        config, head = self.config, self.config.head
        if encoding.encoder is None:
            return head, config.epochs_large if self.is_large else config.epochs
        if self.is_large:
            return replace(head, encoder_learning_rate=head.encoder_learning_rate_large), config.encoder_epochs_large
        if encoding.classifier is not None:
            head = replace(head, encoder_learning_rate=head.encoder_learning_rate_tuned)
        return replace(head, feature_units=0), config.encoder_epochs

    def _features(self, encoder: SentenceEncoder | None) -> Features:
        """Return the features of all texts; those before any fine-tuning are kept for the next training."""
        if encoder is None:
            return Features({}, 0)
        texts = tuple(dict.fromkeys(self.everything.texts))
        if encoder is self.encoder and self._plan.cache_dir is not None:
            cache = FeatureCache(self._plan.cache_dir, encoder.identity, encoder.n_features)
            rows = cache.features(texts, lambda missing: self._computed(encoder, missing))
        else:
            rows = self._computed(encoder, texts)
        return Features(dict(zip(texts, rows, strict=True)), encoder.n_features)

    def _computed(self, encoder: SentenceEncoder, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the features of texts; what fine-tuning needs of them is kept where it may come."""
        if self._plan.fine_tune == "never":
            return encoder.features(texts, READING, self._tell)
        return encoder.features_of_states(encoder.hidden_states(texts, READING, self._tell))

    def _fresh_encoder(self) -> SentenceEncoder:
        assert self.encoder is not None
        keras.utils.set_random_seed(self._seed)  # layers of dropout draw their seeds when they are made
        return self.encoder.copy()

    def _fine_tuning(self, examples: Examples, encoder: SentenceEncoder) -> FineTuning:
        return FineTuning(
            encoder,
            examples.texts,
            examples.labels,
            config=self.config.fine_tuning,
            seed=self._seed,
            tell=self._tell,
        )

    def _unlike_patterns(self, generic: Examples) -> NDArray[np.intp]:
        if self.encoder is not None:
            features = self.untuned.features
            return unlike_patterns(features.of(generic.texts), features.of(self.patterns.texts))
        patterns = set(self.patterns.texts)
        return np.flatnonzero([text not in patterns for text in generic.texts])

    def _scored(self, fitted: Fitted, features: Features, examples: Examples) -> HeldOut:
        rows = features.of(examples.texts)
        return HeldOut(
            examples.texts,
            examples.labels,
            predict_logits(fitted.head, fitted.encode(examples.texts), rows),
            fitted.prototypes.similarity(rows),
            np.array([fitted.ngrams.familiarity(text) for text in examples.texts]),
        )

    def _held_out_rows(self) -> NDArray[np.intp]:
        """Return a share of each intent's patterns, as `cross_validate` does: one at least, and never its only one."""
        random = np.random.default_rng(self._seed)
        parts = []
        for label in range(len(self.labels)):
            own = np.flatnonzero(self.patterns.labels[: self.n_patterns] == label)
            n_held = min(max(1, round(self.config.held_out_share * len(own))), max(0, len(own) - 1))
            first = random.integers(len(own) - n_held + 1)
            parts.append(own[first : first + n_held])
        return np.concatenate(parts)

    def _blocks(self, rows: NDArray[np.intp], n_blocks: int) -> list[NDArray[np.intp]]:
        """Return patterns in so many parts, in each as much of every intent: what stands together, from some row on."""
        random = np.random.default_rng(self._seed)
        parts: list[list[NDArray[np.intp]]] = [[] for _ in range(n_blocks)]
        for label in np.unique(self.patterns.labels[rows]):
            own = rows[self.patterns.labels[rows] == label]
            own = np.roll(own, random.integers(len(own)))
            first = random.integers(n_blocks)  # the larger parts are not always the first
            for number, part in enumerate(np.array_split(own, n_blocks)):
                parts[(first + number) % n_blocks].append(part)
        return [np.sort(np.concatenate(part)) for part in parts]

    def _nothing_held_out(self) -> HeldOut:
        n_labels = len(self.labels)
        return HeldOut(
            (),
            np.zeros(0, np.intp),
            np.zeros((0, n_labels + 1), np.float32),
            np.zeros((0, n_labels), np.float32),
            np.zeros(0),
        )

    def _batches(self, ngrams: NgramFeatures, examples: Examples, rows: NDArray[np.float32]) -> HeadBatches:
        n_labels = len(self.labels)
        in_catalog = examples.labels < n_labels
        present = np.unique(examples.labels[in_catalog])
        weight_of = np.ones(n_labels + 1, np.float32)
        weight_of[present] = compute_class_weight("balanced", classes=present, y=examples.labels[in_catalog])
        n_outside = (~in_catalog).sum()
        if rows.shape[1] and n_outside:
            per_intent = in_catalog.sum() / len(present)
            weight_of[n_labels] = min(1.0, self.config.head.outside_weight * per_intent / n_outside)
        features = TextFeatures(ngrams)
        return HeadBatches(
            [features.encode(text) for text in examples.texts],
            rows,
            np.eye(n_labels + 1, dtype=np.float32)[examples.labels],
            weight_of[examples.labels],
            batch_size=batch_size(len(examples.texts)),
            seed=self._seed,
        )


def batch_size(n_texts: int) -> int:
    """Return the batch size for so many texts: a power of two near a fiftieth of them, from 16 to 256."""
    return int(2 ** np.clip(np.round(np.log2(max(n_texts, 1) / 50)), 4, 8))
