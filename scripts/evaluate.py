"""`python -m scripts.evaluate`: labelled messages, or the patterns themselves, under the live rule.

The figures go to standard output, progress to standard error; `--report` makes a page of them to look at.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from bot.config import Settings
from intents.catalog import IntentCatalog
from intents.findings import CatalogError
from intents.validation import load_catalog
from model.bundle import TRAIN_COMMAND, BundleError, check_writable, current_path, fingerprint, load_bundle
from model.classifier import IntentClassifier
from model.config import FEATURES_DIR, Plan, TrainingError
from model.decision import Decision, Policy
from model.encoder_files import EncoderFilesError
from model.runtime import import_tensorflow_quietly, load_runtime
from model.text import normalise
from model.tuned import config_for, read_tuned
from scripts.options import add_encoder_option, chosen_encoder, fail, settings_or_exit, training_libraries, write_json

with training_libraries():
    from rich.console import Console
    from rich.table import Table

    from model.evaluation import by_intent, measure, pair_up
    from model.labelled import LabelledFileError, LabelledMessage, read_labelled
    from scripts.progress import progress_bar
    from scripts.report.advice import NO_ADVICE, Advice, advise, counted
    from scripts.report.confusion import confused_pairs
    from scripts.report.page import Report, percent, write_report
    from scripts.robustness import VariantMetrics, measure_variants
    from scripts.tables import plain_console

N_WORST = 10
N_ADVICE = 5
SEED = 0
"""Of the folds."""


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What was decided about every message, by what.

    Parameters
    ----------
    data, model
        As people read them.
    catalog, messages, decisions, policy
        What the figures follow from.
    latencies_ms
        Of each message; empty where none was timed.
    runtime
        What scored; None where that were several networks in training.
    variants
        The figures under each variant, where asked for.
    """

    data: str
    model: str
    catalog: IntentCatalog
    messages: Sequence[LabelledMessage]
    decisions: Sequence[Decision]
    policy: Policy
    latencies_ms: Sequence[float] = ()
    runtime: str | None = None
    variants: Sequence[VariantMetrics] = ()


def main() -> int:
    """Print the figures; return 0, or 1 if something cannot be read or written."""
    settings = settings_or_exit()
    arguments = _arguments(settings)
    try:
        if arguments.report is not None:
            check_writable(arguments.report)
        evaluated = _by_folds(arguments) if arguments.data is None else _by_file(arguments, settings)
        report = _report(evaluated)
        latency_ms = _percentiles(evaluated.latencies_ms)
        figures = report.metrics.to_json() | {"runtime": evaluated.runtime, "latency_ms": latency_ms}
        _print(report, figures)
        if arguments.json is not None:
            write_json(arguments.json, figures)
        if arguments.report is not None:
            print(write_report(arguments.report, report))
    except (
        BundleError,
        CatalogError,
        EncoderFilesError,
        LabelledFileError,
        OSError,
        TrainingError,
    ) as error:
        fail(error)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    return 0


def _arguments(settings: Settings) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.evaluate", description=__doc__.splitlines()[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", type=Path, metavar="F.jsonl", help="a labelled message a line")
    source.add_argument(
        "--folds", type=_folds, metavar="K", help="no file: train K times, and ask each pattern of a model without it"
    )
    parser.add_argument("--models", type=Path, default=settings.models_dir, metavar="DIR", help="(%(default)s)")
    parser.add_argument(
        "--intents",
        type=Path,
        metavar="PATH",
        help=f"with --data, take contexts from here (the bundle's own); with --folds, train on it"
        f" ({settings.intents_path})".replace("%", "%%"),
    )
    add_encoder_option(parser, settings)
    parser.add_argument("--variants", action="store_true", help="measure with typing errors and the like, too")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the figures here too")
    parser.add_argument("--report", type=Path, metavar="DIR", help="write a page to look at here: report.html")
    arguments = parser.parse_args()
    if arguments.variants and arguments.data is None:
        parser.error("--variants needs --data: the models of the folds are gone when they have been measured")
    if arguments.intents is None and arguments.data is None:
        arguments.intents = settings.intents_path
    return arguments


def _folds(text: str) -> int:
    number = int(text)
    if number < 2:  # noqa: PLR2004 - one part is trained on, one held out
        raise ValueError
    return number


def _by_file(arguments: argparse.Namespace, settings: Settings) -> Evaluated:
    """Ask the current model about every message of the file."""
    bundle = load_bundle(current_path(arguments.models))
    catalog = bundle.catalog
    if arguments.intents is not None:
        catalog, _ = load_catalog(arguments.intents, normalise)
        if fingerprint(catalog, bundle.manifest.config) != bundle.manifest.fingerprint:
            fail(f"{arguments.intents} has other patterns than the model: run `{TRAIN_COMMAND}`")
    messages = read_labelled(arguments.data, [intent.tag for intent in catalog.trainable])
    runtime = load_runtime(bundle, settings.model_runtime)
    classifier = IntentClassifier(bundle, runtime, catalog, threshold=settings.confidence_threshold)
    decisions, latencies_ms = [], []
    for message in messages:
        started = time.perf_counter()
        decisions.append(classifier.classify(message.text, message.contexts))
        latencies_ms.append(1_000 * (time.perf_counter() - started))
    return Evaluated(
        data=str(arguments.data),
        model=bundle.name,
        catalog=catalog,
        messages=messages,
        decisions=decisions,
        policy=classifier.rule.policy,
        latencies_ms=latencies_ms,
        runtime=classifier.runtime.name,
        variants=_variants(classifier, messages) if arguments.variants else (),
    )


def _variants(classifier: IntentClassifier, messages: Sequence[LabelledMessage]) -> Sequence[VariantMetrics]:
    from model.variants import VARIANTS  # noqa: PLC0415 - what rewrites messages is for this alone

    with progress_bar() as tell:
        return measure_variants(classifier, messages, VARIANTS, tell)


def _by_folds(arguments: argparse.Namespace) -> Evaluated:
    """Ask about every pattern and every generic message a model that was trained without it."""
    catalog, _ = load_catalog(arguments.intents, normalise)
    encoder = chosen_encoder(arguments)
    plan = Plan(encoder_dir=encoder.directory, cache_dir=arguments.models / FEATURES_DIR)
    config = config_for(read_tuned(arguments.models), encoder.identity)
    n_patterns = sum(len(intent.patterns) for intent in catalog.trainable)
    print(f"Training {arguments.folds} times on parts of {n_patterns} patterns ...", file=sys.stderr)
    with training_libraries():
        import_tensorflow_quietly()
        from model.training import cross_validator  # noqa: PLC0415 - brings TensorFlow: seconds
    with progress_bar() as tell:
        found = cross_validator(catalog, plan=plan, seed=SEED, tell=tell, folds=arguments.folds)(config)
    if not found.messages:
        raise TrainingError(
            f"{arguments.intents}: nothing to measure: write two intents or more, with two patterns each"
        )
    return Evaluated(
        data=str(arguments.intents),
        model=f"{arguments.folds}-fold cross-validation",
        catalog=catalog,
        messages=found.messages,
        decisions=found.decisions,
        policy=found.policy,
    )


def _report(evaluated: Evaluated) -> Report:
    outcomes = pair_up(evaluated.messages, evaluated.decisions)
    pairs = confused_pairs(evaluated.catalog, outcomes)
    return Report(
        data=evaluated.data,
        model=evaluated.model,
        made_at=datetime.now().astimezone(),
        catalog=evaluated.catalog,
        outcomes=outcomes,
        policy=evaluated.policy,
        metrics=measure(evaluated.messages, evaluated.decisions, evaluated.policy.threshold),
        intents=by_intent(evaluated.messages, evaluated.decisions),
        pairs=pairs,
        advice=advise(evaluated.catalog, outcomes, evaluated.policy, pairs),
        variants=evaluated.variants,
    )


def _percentiles(latencies_ms: Sequence[float]) -> dict[str, float] | None:
    if not latencies_ms:
        return None
    p50, p99 = np.percentile(latencies_ms, [50, 99]).round(3).tolist()
    return {"p50": p50, "p99": p99}


def _print(report: Report, figures: dict[str, Any]) -> None:
    console = plain_console()
    table = Table(title=f"{report.data} under {report.model}", title_justify="left", show_header=False)
    for name, value in figures.items():
        shown = f"{value:.4f}" if isinstance(value, float) else "-" if value is None else str(value)
        table.add_row(name.replace("_", " "), shown)
    console.print(table)
    worst = Table("intent", "found", "taken for", title="The hardest intents", title_justify="left")
    for row in report.intents[:N_WORST]:
        worst.add_row(row.tag, f"{row.recall:.0%} of {row.n}", row.confused_with or "-")
    console.print(worst)
    if report.variants:
        variants = Table("written with", "accuracy", "coverage", title="Written less carefully", title_justify="left")
        for variant in report.variants:
            variants.add_row(variant.name, percent(variant.metrics.accuracy), percent(variant.metrics.coverage))
        console.print(variants)
    _print_advice(console, report.advice)


def _print_advice(console: Console, advice: Sequence[Advice]) -> None:
    if not advice:
        console.print(NO_ADVICE)
    for one in advice[:N_ADVICE]:
        console.print(f"- {one.text}")
        for example in one.examples:
            console.print(f"    {example.text}" if example.tag is None else f"    {example.tag}: {example.text}")
    if len(advice) > N_ADVICE:
        console.print(f"... and {counted(len(advice) - N_ADVICE, 'more hint')}: --report DIR shows them all")


if __name__ == "__main__":
    sys.exit(main())
