"""`python -m scripts.train`: a catalog into a trained bundle, made current.

The bundle's path and its metrics go to standard output, progress and remarks to standard error.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from intents.catalog import IntentCatalog
from intents.findings import CatalogError
from intents.validation import load_catalog
from model.bundle import Bundle, BundleError, check_writable, current_path, fingerprint, load_bundle, set_current
from model.config import TrainingConfig, TrainingError
from model.runtime import KERAS_FILE, LITERT_FILE, import_tensorflow_quietly
from model.text import normalise
from scripts.options import fail, settings_or_exit
from scripts.tables import plain_console

if TYPE_CHECKING:
    from model.training import TrainingReport

N_WORST = 5
N_WARNINGS = 5


def main() -> int:
    """Train; return 0, or 1 if the catalog has errors or the bundle cannot be written."""
    arguments = _arguments()
    try:
        catalog, warnings = load_catalog(arguments.intents, normalise)
    except CatalogError as error:
        print(f"{error}\nNothing was trained: mend these errors first.", file=sys.stderr)
        # a broken file keeps no bot from starting that has a model to serve
        return 0 if arguments.if_due and _whole_bundle(arguments.models) else 1
    for warning in warnings[:N_WARNINGS]:
        print(warning, file=sys.stderr)
    if len(warnings) > N_WARNINGS:
        print(f"... {len(warnings)} warnings in all: `python -m scripts.validate` lists them", file=sys.stderr)
    config = TrainingConfig()
    if arguments.if_due and _fits(arguments.models, catalog, config):
        return 0
    started = time.monotonic()
    try:
        check_writable(arguments.models)
        path, report = _train(catalog, arguments.models, config, arguments.seed)
        set_current(arguments.models, path.name)
    except (OSError, TrainingError) as error:
        fail(error)
    except KeyboardInterrupt:
        print("Interrupted: the model that was current still is.", file=sys.stderr)
        return 130
    print(path)
    _print_report(report, time.monotonic() - started)
    return 0


def _train(
    catalog: IntentCatalog, models_dir: Path, config: TrainingConfig, seed: int
) -> tuple[Path, "TrainingReport"]:
    """Train under a progress bar on standard error."""
    n_patterns = sum(len(intent.patterns) for intent in catalog.trainable)
    print(f"Training on {n_patterns} patterns of {len(catalog.trainable)} intents ...", file=sys.stderr)
    import_tensorflow_quietly()
    from model.training import train  # noqa: PLC0415 - brings TensorFlow: seconds

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = plain_console(stderr=True)
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("preparing", total=None)

        def tell(stage: str, epoch: int, epochs: int) -> None:
            progress.update(bar, description=stage, completed=epoch, total=epochs)

        return train(catalog, models_dir, config=config, seed=seed, tell=tell)


def _arguments() -> argparse.Namespace:
    settings = settings_or_exit()
    parser = argparse.ArgumentParser(prog="python -m scripts.train", description=__doc__.splitlines()[0])
    parser.add_argument("--intents", type=Path, default=settings.intents_path, metavar="PATH", help="(%(default)s)")
    parser.add_argument("--models", type=Path, default=settings.models_dir, metavar="DIR", help="(%(default)s)")
    parser.add_argument("--seed", type=_seed, default=0, metavar="N", help="of the random numbers (%(default)s)")
    parser.add_argument("--if-due", action="store_true", help="do nothing when the current bundle fits the intents")
    return parser.parse_args()


def _seed(text: str) -> int:
    number = int(text)
    if not 0 <= number < 2**32:
        raise ValueError
    return number


def _whole_bundle(models_dir: Path) -> Bundle | None:
    """Return the current bundle if all its files are as they were written."""
    try:
        bundle = load_bundle(current_path(models_dir))
        for name in {*bundle.manifest.sha256, KERAS_FILE, LITERT_FILE}:
            bundle.read(name)
    except BundleError:
        return None
    return bundle


def _fits(models_dir: Path, catalog: IntentCatalog, config: TrainingConfig) -> bool:
    """Whether the current bundle is whole and was trained on this catalog with this configuration."""
    bundle = _whole_bundle(models_dir)
    return bundle is not None and bundle.manifest.fingerprint == fingerprint(catalog, config.to_json())


def _print_report(report: "TrainingReport", duration_s: float) -> None:
    console = plain_console()
    policy = report.policy
    table = Table(title="On patterns held out of training", title_justify="left", show_header=False)
    rows = [("patterns, intents, epochs", f"{report.n_patterns}, {report.n_intents}, {report.epochs}")]
    if report.metrics is not None:
        figures = report.metrics.to_json()
        named = ("accuracy", "macro_f1", "coverage", "accuracy_when_answered")
        shares = [(name.replace("_", " "), figures[name]) for name in named]
        rows += [(name, "-" if share is None else f"{share:.3f}") for name, share in shares]
    rows += [("threshold", f"{policy.threshold:.3f}"), ("trained in", f"{duration_s:.0f} s")]
    for row in rows:
        table.add_row(*row)
    console.print(table)
    if report.metrics is None:
        console.print("Nothing could be held out to measure: write at least two intents, with two patterns each.")
        return
    worst = [row for row in report.intents if row.confused_with][:N_WORST]
    if worst:
        listing = Table("intent", "found", "taken for", title="The hardest intents", title_justify="left")
        for hard in worst:
            listing.add_row(hard.tag, f"{hard.recall:.0%} of {hard.n}", hard.confused_with)
        console.print(listing)


if __name__ == "__main__":
    sys.exit(main())
