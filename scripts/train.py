"""`python -m scripts.train`: a catalog into a trained bundle, made current unless `--no-activate` is given.

The bundle's path and its metrics go to standard output, progress and remarks to standard error.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from intents.catalog import IntentCatalog
from intents.findings import CatalogError, Finding
from intents.kept import KEPT_CATALOG, load_kept_catalog
from model.bundle import Bundle, BundleError, check_writable, fingerprint, load_bundle, set_current
from model.config import FEATURES_DIR, Plan, TrainingConfig, TrainingError
from model.encoder_files import FETCH_COMMAND, TOKENIZER_FILE, EncoderFilesError
from model.features import words_of
from model.runtime import KERAS_FILE, LITERT_FILE, import_tensorflow_quietly
from model.text import normalise, tokenise
from model.tokens import SentenceTokenizer
from model.tuned import TUNED_FILE, Tuned, config_for, read_tuned
from model.versions import current_name, left_by_rollback
from scripts.options import (
    EncoderChoice,
    add_encoder_option,
    chosen_encoder,
    fail,
    minutes,
    seed,
    settings_or_exit,
    training_libraries,
)
from scripts.train_servers import train_servers_if_due

with training_libraries():
    from rich.table import Table

    from scripts.progress import Tell, progress_bar, progress_lines
    from scripts.tables import plain_console

if TYPE_CHECKING:
    from model.training import TrainingReport

N_WORST = 5
N_WARNINGS = 5
DEFAULT_BUDGET_MINUTES = 10.0

MIN_KNOWN_SHARE = 0.65
"""Of which share of a catalog's words MiniLM should know the whole word.

English catalogs have 0.86 and more, those of `tests/data/languages` 0.43 in Spanish, 0.21 in Chinese and under 0.1 in
Russian and Arabic.
"""


def main() -> int:
    """Train; return 0, or 1 if the catalog has errors or the bundle cannot be written."""
    arguments, settings = _arguments(), settings_or_exit()
    code = _train_catalog(arguments)
    is_of_the_bot = (arguments.intents, arguments.models) == (settings.intents_path, settings.models_dir)
    if code == 0 and arguments.if_due and is_of_the_bot:
        options = [] if arguments.encoder is None else ["--encoder", arguments.encoder]
        return train_servers_if_due(settings, [*options, "--budget", str(arguments.budget)])
    return code


def _train_catalog(arguments: argparse.Namespace) -> int:
    try:
        # what starts the bot time and again reads the files again only where they changed
        kept = arguments.models / KEPT_CATALOG if arguments.if_due else None
        catalog, warnings = load_kept_catalog(arguments.intents, normalise, kept)
    except CatalogError as error:
        print(f"{error}\nNothing was trained: mend these errors first.", file=sys.stderr)
        # a broken file keeps no bot from starting that has a model to serve
        return 0 if arguments.if_due and _current_bundle(arguments.models) else 1
    try:
        encoder = chosen_encoder(arguments)
        tuned = read_tuned(arguments.models)
    except (EncoderFilesError, TrainingError) as error:
        fail(error)
    if arguments.if_due and _fits(arguments.models, catalog, tuned, encoder):
        return 0
    _print_warnings(warnings)
    config = config_for(tuned, encoder.identity)
    _print_encoder_warning(encoder, catalog)
    if config != config_for(None, encoder.identity):
        print(
            f"Training with what was tuned: delete {arguments.models / TUNED_FILE} for the defaults.", file=sys.stderr
        )
    plan = Plan(
        encoder_dir=encoder.directory,
        is_encoder_chosen=encoder.is_chosen,
        fine_tune=arguments.fine_tune,
        budget_s=60 * arguments.budget,
        cache_dir=arguments.models / FEATURES_DIR,
    )
    started = time.monotonic()
    try:
        check_writable(arguments.models)
        tells = progress_lines() if arguments.progress == "lines" else progress_bar()
        path, report = _train(catalog, arguments.models, config, plan, seed=arguments.seed, tells=tells)
        if arguments.activate:
            set_current(arguments.models, path.name)
    except (OSError, TrainingError) as error:
        fail(error)
    except KeyboardInterrupt:
        print("Interrupted: the model that was current still is.", file=sys.stderr)
        return 130
    print(path)
    _print_report(report, time.monotonic() - started)
    return 0


def _print_encoder_warning(encoder: EncoderChoice, catalog: IntentCatalog) -> None:
    """Say what is to be expected of an encoder that nobody chose, where that is little."""
    if encoder.is_missing:
        print(
            "Training without the sentence encoder, whose files are not there: answers will be much less sure."
            f" Fetch them with `{FETCH_COMMAND}` and train again.",
            file=sys.stderr,
        )
    elif encoder.directory is not None and not encoder.is_chosen:
        known = _known_share(encoder.directory, catalog)
        if known < MIN_KNOWN_SHARE:
            print(
                f"The sentence encoder reads English, and knows {known:.0%} of the patterns' words: other languages are"
                " learnt better with `--encoder none`, or with a multilingual encoder (`--encoder DIR`).",
                file=sys.stderr,
            )


def _known_share(encoder_dir: Path, catalog: IntentCatalog) -> float:
    """Return the share of the patterns' words that an encoder knows whole, not in pieces; 1 where there are none."""
    tokenizer = SentenceTokenizer((encoder_dir / TOKENIZER_FILE).read_bytes())
    patterns = (pattern for intent in catalog.trainable for pattern in intent.patterns)
    counts = Counter(word for pattern in patterns for word in words_of(tokenise(normalise(pattern))))
    known = sum(count for word, count in counts.items() if tokenizer.is_word(word))
    return known / counts.total() if counts else 1.0


def _train(
    catalog: IntentCatalog,
    models_dir: Path,
    config: TrainingConfig,
    plan: Plan,
    *,
    seed: int,
    tells: AbstractContextManager[Tell],
) -> tuple[Path, "TrainingReport"]:
    """Train, telling the progress on standard error."""
    n_patterns = sum(len(intent.patterns) for intent in catalog.trainable)
    print(f"Training on {n_patterns} patterns of {len(catalog.trainable)} intents ...", file=sys.stderr)
    with training_libraries():
        import_tensorflow_quietly()
        from model.training import train  # noqa: PLC0415 - brings TensorFlow: seconds
    with tells as tell:
        return train(catalog, models_dir, config=config, plan=plan, seed=seed, tell=tell)


def _print_warnings(warnings: Sequence[Finding]) -> None:
    for warning in warnings[:N_WARNINGS]:
        print(warning, file=sys.stderr)
    if len(warnings) > N_WARNINGS:
        print(f"... {len(warnings)} warnings in all: `python -m scripts.validate` lists them", file=sys.stderr)


def _arguments() -> argparse.Namespace:
    settings = settings_or_exit()
    parser = argparse.ArgumentParser(prog="python -m scripts.train", description=__doc__.splitlines()[0])
    parser.add_argument("--intents", type=Path, default=settings.intents_path, metavar="PATH", help="(%(default)s)")
    parser.add_argument("--models", type=Path, default=settings.models_dir, metavar="DIR", help="(%(default)s)")
    add_encoder_option(parser, settings)
    tuning = parser.add_mutually_exclusive_group()
    tuning.add_argument(
        "--fine-tune",
        action="store_const",
        const="always",
        default="auto",
        help="fine-tune the encoder on the intents, however long it takes (when it fits the budget)",
    )
    tuning.add_argument(
        "--no-fine-tune", dest="fine_tune", action="store_const", const="never", help="leave the encoder as it is"
    )
    parser.add_argument(
        "--budget",
        type=minutes,
        default=DEFAULT_BUDGET_MINUTES,
        metavar="MINUTES",
        help="wall time in which the encoder is fine-tuned as well as fits (%(default)g)",
    )
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="of the random numbers (%(default)s)")
    parser.add_argument("--if-due", action="store_true", help="do nothing when the current bundle fits the intents")
    parser.add_argument(
        "--no-activate", dest="activate", action="store_false", help="write the bundle, but leave the current one so"
    )
    parser.add_argument(
        "--progress",
        choices=("bar", "lines"),
        default="bar",
        help="a bar, or a line a step for programs that read along (%(default)s)",
    )
    return parser.parse_args()


def _current_bundle(models_dir: Path) -> Bundle | None:
    """Return the current bundle if all its files are as they were written."""
    name = current_name(models_dir)
    return None if name is None else _whole_bundle(models_dir / name)


def _whole_bundle(path: Path) -> Bundle | None:
    try:
        bundle = load_bundle(path)
        for name in {*bundle.manifest.sha256, KERAS_FILE, LITERT_FILE}:
            bundle.read(name)
    except BundleError:
        return None
    return bundle


def _fits(models_dir: Path, catalog: IntentCatalog, tuned: Tuned | None, encoder: EncoderChoice) -> bool:
    """Whether the current bundle is whole, and fits; or that which an admin went back from, and does not want anew."""
    current = _current_bundle(models_dir)
    if current is None:
        return False
    name = left_by_rollback(models_dir)
    left = None if name is None else _whole_bundle(models_dir / name)
    return any(_is_of(one, catalog, tuned, encoder) for one in (current, left) if one is not None)


def _is_of(bundle: Bundle, catalog: IntentCatalog, tuned: Tuned | None, encoder: EncoderChoice) -> bool:
    """Whether a bundle was trained on this catalog with this configuration and encoder.

    Without encoder files any encoder will do, and one that was chosen for the bundle by name stays.
    """
    trained_with = bundle.manifest.config.get("encoder")
    if bundle.manifest.fingerprint != fingerprint(catalog, config_for(tuned, trained_with).to_json()):
        return False
    was_chosen = bool(bundle.manifest.training.get("is_encoder_chosen")) and not encoder.is_chosen
    return was_chosen or encoder.is_missing or encoder.identity == trained_with


def _print_report(report: "TrainingReport", duration_s: float) -> None:
    console = plain_console()
    policy = report.policy
    table = Table(title="On patterns held out of training", title_justify="left", show_header=False)
    tuned = f"fine-tuned in {report.fine_tuning_epochs} epochs" if report.fine_tuning_epochs else "not fine-tuned"
    rows = [
        ("patterns, intents", f"{report.n_patterns}, {report.n_intents}"),
        ("sentence encoder", tuned if report.has_encoder else "none"),
    ]
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
