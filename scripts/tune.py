"""`python -m scripts.tune`: looks for better figures of the training for these intents, by cross-validation.

The best trials go to standard output, progress to standard error. Ctrl-C ends the search early: what was finished until
then is judged and kept as at the end, and the exit code is 130. No labelled file is read.
"""

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from intents.catalog import IntentCatalog
from intents.findings import CatalogError
from intents.validation import load_catalog
from model.bundle import TRAIN_COMMAND, check_writable, fingerprint
from model.config import FEATURES_DIR, Plan, TrainingConfig, TrainingError
from model.encoder_files import FETCH_COMMAND, EncoderFilesError
from model.runtime import import_tensorflow_quietly
from model.text import normalise
from model.tuned import TUNED_FILE, Tuned, config_for, read_tuned, remove_tuned, write_tuned
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

with training_libraries():
    from rich.table import Table

    from scripts.progress import progress_bar
    from scripts.search import (
        Parameters,
        Space,
        Trial,
        configured,
        parameters_of,
        search,
        search_space,
        winner,
    )
    from scripts.tables import plain_console

if TYPE_CHECKING:
    from model.training import CrossValidation

N_BEST = 4
"""Columns of the table, beside that of the defaults: it fits 80 characters."""


@dataclass(frozen=True, slots=True)
class _Task:
    """What is tuned, and where the result goes."""

    catalog: IntentCatalog
    encoder: EncoderChoice
    models_dir: Path
    n_trials: int
    timeout_s: float
    seed: int
    earlier: Tuned | None
    """What was tuned before, to be taken over as a trial."""

    def store(self, trials: Sequence[Trial], best: Trial) -> Path:
        return write_tuned(
            self.models_dir,
            Tuned(
                created_at=datetime.now(UTC).isoformat(timespec="seconds"),
                patterns_fingerprint=fingerprint(self.catalog, {}),
                n_trials=len(trials) + self.n_before,
                accuracy_before=round(trials[0].accuracy, 4),
                accuracy_after=round(best.accuracy, 4),
                config=replace(configured(best.parameters), encoder=self.encoder.identity),
            ),
        )

    def known(self, space: Space) -> list[Parameters]:
        """Return the parameters to begin with: the defaults, and what was tuned before."""
        configs = [TrainingConfig(), *([self.earlier.config] if self.earlier else [])]
        return [parameters_of(config, space) for config in configs]

    @property
    def n_before(self) -> int:
        return self.earlier.n_trials if self.earlier else 0


def main() -> int:
    """Search and store; return 0, 130 if it was ended early, or 1 if something cannot be read, trained or written."""
    arguments = _arguments()
    trials: list[Trial] = []
    was_interrupted = False
    try:
        task = _task(arguments)
        try:
            _run(task, trials)
        except KeyboardInterrupt:
            was_interrupted = True
        if trials:
            best = winner(trials, task.n_before)
            _print_trials(trials)
            verdict = _verdict(task, trials, best, may_remove=arguments.reset and not was_interrupted)
            plain_console().print(verdict, soft_wrap=True)
    except (CatalogError, EncoderFilesError, OSError, TrainingError) as error:
        fail(error)
    except KeyboardInterrupt:
        was_interrupted = True
    if was_interrupted:
        print(f"Interrupted after {len(trials)} whole trials.", file=sys.stderr)
    return 130 if was_interrupted else 0


def _arguments() -> argparse.Namespace:
    settings = settings_or_exit()
    parser = argparse.ArgumentParser(prog="python -m scripts.tune", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--trials", type=_trials, required=True, metavar="N", help="configurations to try, the default one first"
    )
    parser.add_argument("--intents", type=Path, default=settings.intents_path, metavar="PATH", help="(%(default)s)")
    parser.add_argument("--models", type=Path, default=settings.models_dir, metavar="DIR", help="(%(default)s)")
    add_encoder_option(parser, settings)
    parser.add_argument(
        "--seed",
        type=seed,
        default=0,
        metavar="N",
        help="of the random numbers; another one tries others (%(default)s)",
    )
    parser.add_argument(
        "--timeout", type=minutes, default=math.inf, metavar="MINUTES", help="begin no trial after that (never)"
    )
    parser.add_argument(
        "--reset", action="store_true", help="forget what was tuned before; without a better one, the defaults serve"
    )
    return parser.parse_args()


def _trials(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _task(arguments: argparse.Namespace) -> _Task:
    catalog, _ = load_catalog(arguments.intents, normalise)
    encoder = chosen_encoder(arguments)
    if encoder.is_missing:
        print(
            "Tuning without the sentence encoder, whose files are not there: the result is for training without it."
            f" Fetch them with `{FETCH_COMMAND}` first.",
            file=sys.stderr,
        )
    check_writable(arguments.models)
    earlier = None if arguments.reset else read_tuned(arguments.models)
    fits = earlier is not None and config_for(earlier, encoder.identity) == earlier.config
    return _Task(
        catalog=catalog,
        encoder=encoder,
        models_dir=arguments.models,
        n_trials=arguments.trials,
        timeout_s=60 * arguments.timeout,
        seed=arguments.seed,
        earlier=earlier if fits else None,
    )


def _run(task: _Task, trials: list[Trial]) -> None:
    """Search under a progress bar on standard error, adding each trial that is done."""
    n_patterns = sum(len({normalise(text) for text in one.patterns} - {""}) for one in task.catalog.trainable)
    print(f"Tuning for {n_patterns} patterns of {len(task.catalog.trainable)} intents ...", file=sys.stderr)
    with training_libraries():
        import_tensorflow_quietly()
        from model.trainer import LARGE  # noqa: PLC0415 - brings TensorFlow: seconds
        from model.training import cross_validator  # noqa: PLC0415
    is_large = n_patterns >= LARGE
    space = search_space(has_encoder=task.encoder.directory is not None, is_large=is_large)
    plan = Plan(encoder_dir=task.encoder.directory, cache_dir=task.models_dir / FEATURES_DIR)

    default = TrainingConfig()
    trial_number = 0
    with progress_bar() as tell:
        validate = cross_validator(
            task.catalog,
            plan=plan,
            seed=task.seed,
            tell=lambda stage, done, total: tell(f"trial {trial_number + 1}/{task.n_trials}, {stage}", done, total),
            folds=default.folds_large if is_large else default.folds,
        )

        def measure(number: int, config: TrainingConfig) -> "CrossValidation":
            nonlocal trial_number
            trial_number = number
            found = validate(config)
            if not found.messages:
                raise TrainingError("Nothing can be held out to compare by: write two intents, with two patterns each")
            return found

        known = task.known(space)
        for trial in search(space, known, measure, n_trials=task.n_trials, timeout_s=task.timeout_s, seed=task.seed):
            trials.append(trial)
            print(f"trial {trial.number + 1}: loss {trial.loss:.4f}, accuracy {trial.accuracy:.4f}", file=sys.stderr)


def _print_trials(trials: Sequence[Trial]) -> None:
    best = sorted(trials[1:], key=lambda trial: trial.loss)[:N_BEST]
    shown = [trials[0], *best]
    table = Table("", "defaults", *(f"trial {trial.number + 1}" for trial in best), title_justify="left")
    table.title = f"The best of {len(trials)} trials"
    table.add_row("loss", *(f"{trial.loss:.4f}" for trial in shown))
    table.add_row("accuracy", *(f"{trial.accuracy:.4f}" for trial in shown))
    table.add_row("seconds", *(f"{trial.duration_s:.0f}" for trial in shown), end_section=True)
    for name in trials[0].parameters:
        table.add_row(name.replace("_", " "), *(f"{trial.parameters[name]:g}" for trial in shown))
    plain_console().print(table)


def _verdict(task: _Task, trials: Sequence[Trial], best: Trial | None, *, may_remove: bool) -> str:
    """Store the best trial if there is one, and return the sentence that says what was done and what comes next."""
    if best is not None:
        file = task.store(trials, best)
        return (
            f"Stored trial {best.number + 1} in {file}: it is surer of the right intent than the defaults and finds"
            f" {best.accuracy:.1%} of the held-out patterns ({trials[0].accuracy:.1%}). Run `{TRAIN_COMMAND}` now."
        )
    if len(trials) == 1:
        said = "Only the defaults were tried, and nothing was stored"
    else:
        said = "The defaults are as good as what was tried, as far as these patterns can tell: nothing was stored"
    if may_remove and remove_tuned(task.models_dir):
        return f"{said}, and {task.models_dir / TUNED_FILE} was removed. Run `{TRAIN_COMMAND}` now."
    if (task.models_dir / TUNED_FILE).exists():
        return f"{said}. {task.models_dir / TUNED_FILE}, tuned before, stays in use: `--reset` would remove it."
    return f"{said}; `{TRAIN_COMMAND}` goes by the defaults."


if __name__ == "__main__":
    sys.exit(main())
