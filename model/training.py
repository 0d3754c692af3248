"""A catalog into a trained, calibrated model, in reading order: prepare, fine-tune the encoder, fit, calibrate, export.

Imports TensorFlow, scikit-learn and NLTK; the serving process never imports this module.
"""

import hashlib
import importlib.metadata
import json
import platform
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from intents.catalog import IntentCatalog
from model.bundle import write_bundle
from model.calibration import calibrate, decide_held_out, in_scope
from model.config import Plan, TrainingConfig
from model.decision import Decision, Policy
from model.encoder import Tell
from model.evaluation import IntentMetrics, Metrics, by_intent, measure
from model.export import save_network
from model.features import TextFeatures
from model.labelled import LabelledMessage
from model.network import assemble, build_similarity
from model.spelling import Spelling
from model.trainer import Trainer
from model.words import frequent_words


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
        The passes in which the encoder was fine-tuned; 0 if it was not, or there is none.
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
    """Every pattern and generic message that could be held out, what was decided about it, and under which policy."""

    messages: list[LabelledMessage]
    decisions: list[Decision]
    policy: Policy


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
    trainer = Trainer(catalog, config, plan, seed, tell)
    config = trainer.config
    checkpoints = models_dir / f".fine-tuning-{_fingerprint_in_order(trainer)[:16]}-{seed}"
    epochs = trainer.plan_epochs(plan.budget_s - (time.monotonic() - started), checkpoints)
    if epochs:
        held_out = trainer.hold_out(epochs, checkpoints / "held-out")
        encoding = trainer.fine_tune("fine-tuning", trainer.patterns, epochs, checkpoints / "all")
    else:
        held_out = trainer.cross_validate(config.folds_large if trainer.is_large else config.folds)
        encoding = trainer.untuned
    policy = calibrate(catalog, trainer.labels, held_out)
    fitted = trainer.fit("training on everything", trainer.everything, encoding)
    encoder = encoding.encoder

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


def cross_validator(
    catalog: IntentCatalog, *, plan: Plan, seed: int, tell: Tell, folds: int
) -> Callable[[TrainingConfig], CrossValidation]:
    """Return a function that cross-validates configurations one after the other; the encoder is not fine-tuned."""
    trainer = Trainer(catalog, TrainingConfig(), plan, seed, tell)

    def cross_validate(config: TrainingConfig) -> CrossValidation:
        trainer.config = replace(config, encoder=trainer.config.encoder)
        held_out = trainer.cross_validate(folds)
        policy = calibrate(catalog, trainer.labels, held_out)
        return CrossValidation(*decide_held_out(catalog, trainer.labels, policy, held_out), policy)

    return cross_validate


def _fingerprint_in_order(trainer: Trainer) -> str:
    """Return the SHA-256 of all that a fine-tuning depends on; other than a bundle's, it tells apart other orders."""
    patterns = [trainer.labels, trainer.patterns.texts, trainer.patterns.labels.tolist()]
    content = json.dumps([patterns, trainer.config.to_json()], ensure_ascii=True, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _versions() -> Mapping[str, str]:
    libraries = ("keras", "keras-hub", "nltk", "numpy", "scikit-learn", "tensorflow", "tokenizers")
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in libraries}
