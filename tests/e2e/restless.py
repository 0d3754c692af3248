"""A program that trains, teaches, rolls back and tidies without end, for tests that kill it: ``MODELS INTENTS SEED``.

All but the network is written as by a real training, whose minutes would leave few moments to be killed at.
"""

import random
import shutil
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from intents.editing import add_pattern, undo
from model.bundle import Bundle, current_path, load_bundle, set_current, write_bundle
from model.runtime import ENCODER_FILE, KERAS_FILE, LITERT_FILE
from model.text import normalise
from model.versions import go_back, prune, versions


def train(models_dir: Path, bundle: Bundle) -> None:
    """Write a bundle, and make it current."""

    def save_network(directory: Path) -> float:
        for name in {KERAS_FILE, LITERT_FILE, ENCODER_FILE} & bundle.manifest.sha256.keys():
            shutil.copy(bundle.path / name, directory)
        return 1.0

    manifest = bundle.manifest
    path = write_bundle(
        models_dir,
        save_network=save_network,
        features=bundle.features,
        catalog=bundle.catalog,
        labels=manifest.labels,
        policy=manifest.policy,
        config=manifest.config,
        seed=manifest.seed,
        metrics=manifest.metrics,
        training={name: value for name, value in manifest.training.items() if name != "litert_agreement"},
        versions=manifest.versions,
    )
    set_current(models_dir, path.name)


def teach(intents_path: Path, draws: random.Random) -> None:
    """Add a pattern; most often, take it back."""
    edit = add_pattern(intents_path, "greeting", f"ahoy number {draws.random()}", normalise)
    if draws.random() < 0.9:
        undo(edit)


def roll_back(models_dir: Path, draws: random.Random) -> None:
    """Go back to any version."""
    go_back(models_dir, draws.choice(versions(models_dir)).name)


def main() -> None:
    """Do one thing after the other, and say when it begins."""
    models_dir, intents_path, seed = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    draws = random.Random(seed)
    work: list[Callable[[], object]] = [
        lambda: train(models_dir, load_bundle(current_path(models_dir))),
        lambda: teach(intents_path, draws),
        lambda: roll_back(models_dir, draws),
        lambda: prune(models_dir, n_kept=2, in_use=(), now=datetime.now(UTC)),
    ]
    sys.stderr.write("begun\n")
    while True:
        draws.choice(work)()


if __name__ == "__main__":
    main()
