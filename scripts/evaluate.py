"""`python -m scripts.evaluate`: a file of labelled messages under the live rule."""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from rich.table import Table

from intents.findings import CatalogError
from intents.validation import load_catalog
from model.bundle import TRAIN_COMMAND, BundleError, current_path, fingerprint, load_bundle
from model.classifier import IntentClassifier
from model.evaluation import LabelledFileError, by_intent, measure, read_labelled
from model.runtime import load_runtime
from model.text import normalise
from scripts.options import fail, settings_or_exit, write_json
from scripts.tables import plain_console

N_WORST = 10


def main() -> int:
    """Print the metrics; return 0, or 1 if something cannot be read."""
    settings = settings_or_exit()
    parser = argparse.ArgumentParser(prog="python -m scripts.evaluate", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="F.jsonl", help="a labelled message a line")
    parser.add_argument("--models", type=Path, default=settings.models_dir, metavar="DIR", help="(%(default)s)")
    parser.add_argument("--intents", type=Path, metavar="PATH", help="take contexts from here (the bundle's own)")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the figures here too")
    arguments = parser.parse_args()
    try:
        bundle = load_bundle(current_path(arguments.models))
        catalog = bundle.catalog
        if arguments.intents is not None:
            catalog, _ = load_catalog(arguments.intents, normalise)
            if fingerprint(catalog, bundle.manifest.config) != bundle.manifest.fingerprint:
                print(f"{arguments.intents} has other patterns than the model: run `{TRAIN_COMMAND}`", file=sys.stderr)
                return 1
        messages = read_labelled(arguments.data, bundle.manifest.labels)
        runtime = load_runtime(bundle, settings.model_runtime)
        classifier = IntentClassifier(bundle, runtime, catalog, threshold=settings.confidence_threshold)
    except (BundleError, CatalogError, LabelledFileError) as error:
        fail(error)
    classifier.warm_up()
    decisions, latencies_ms = [], []
    for message in messages:
        started = time.perf_counter()
        decisions.append(classifier.classify(message.text, message.contexts))
        latencies_ms.append(1_000 * (time.perf_counter() - started))
    metrics = measure(messages, decisions, classifier.rule.policy.threshold)
    p50, p99 = np.percentile(latencies_ms, [50, 99]).round(3).tolist()
    figures = metrics.to_json() | {"runtime": classifier.runtime.name, "latency_ms": {"p50": p50, "p99": p99}}
    console = plain_console()
    table = Table(title=f"{arguments.data} under {bundle.name}", title_justify="left", show_header=False)
    for name, value in figures.items():
        shown = f"{value:.4f}" if isinstance(value, float) else "-" if value is None else str(value)
        table.add_row(name.replace("_", " "), shown)
    console.print(table)
    worst = Table("intent", "found", "taken for", title="The hardest intents", title_justify="left")
    for row in by_intent(messages, decisions)[:N_WORST]:
        worst.add_row(row.tag, f"{row.recall:.0%} of {row.n}", row.confused_with or "-")
    console.print(worst)
    if arguments.json is not None:
        write_json(arguments.json, figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
