"""`python -m scripts.adapt_encoder`: trains the published encoder further, on phrasings of what people ask bots.

For those who work on Parley: writes `model/adaptation.safetensors` anew from `model/phrasings`, which is due when a
phrasing was changed. It takes fifty minutes on two cores, once; every catalog is then trained on the adapted encoder.
Interrupted, it goes on after the last epoch that was done.
"""

import argparse
import hashlib
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from intents.disk import write_atomically
from model.adaptation import changes_of
from model.config import FineTuningConfig
from model.encoder_files import ADAPTATION_FILE, EncoderFilesError, verify
from model.examples import Examples
from model.runtime import import_tensorflow_quietly
from model.text import normalise
from scripts.options import fail, settings_or_exit, training_libraries

with training_libraries():
    from safetensors.numpy import save

    from scripts.progress import Tell, progress_bar

PHRASINGS_DIR = ADAPTATION_FILE.with_name("phrasings")

NAME_MARK = "# "
"""Begins the line that names what the messages below it ask; the name is one more of them."""

METADATA_KEY = "phrasings_sha256"
"""Under which the file keeps what it was made from."""

EPOCHS = 3
CONFIG = FineTuningConfig(batch_size=256, learning_rate=2e-4, contrastive_temperature=0.05, tuned_share=0.75)
SEED = 0


class PhrasingsError(Exception):
    """A file of phrasings is not as it should be; its text names the place and the mend."""


def main() -> int:
    """Adapt the encoder; return 0, or 130 if that was interrupted."""
    settings = settings_or_exit()
    argparse.ArgumentParser(prog="python -m scripts.adapt_encoder", description=__doc__).parse_args()
    try:
        verify(settings.encoder_dir)
    except EncoderFilesError as error:
        fail(error)
    files = sorted(PHRASINGS_DIR.glob("*.txt"))
    if not files:
        fail(f"{PHRASINGS_DIR} holds no phrasings, which are no part of the installed package: run this in the project")
    sha256 = sha256_of_all(files)
    checkpoints = ADAPTATION_FILE.with_name(f".adapting-{sha256[:16]}")
    try:
        with progress_bar() as tell:
            content = adaptation(settings.encoder_dir, read_phrasings(files), sha256, checkpoints, tell)
    except PhrasingsError as error:
        fail(error)
    except KeyboardInterrupt:
        print("Interrupted: the adaptation that was there stays; the same command goes on.", file=sys.stderr)
        return 130
    try:
        write_atomically(ADAPTATION_FILE, content)
    except OSError as error:
        fail(error)
    shutil.rmtree(checkpoints, ignore_errors=True)
    print(f"{ADAPTATION_FILE.name} is written: {len(content) / 1e6:.1f} MB.")
    return 0


def read_phrasings(files: Sequence[Path]) -> Examples:
    """Return the messages of files and which name each stands under; blocks of one name are one thing asked for.

    Raises
    ------
    PhrasingsError
        A message stands before the first name, or under two names.
    """
    names: dict[str, str] = {}
    for file in files:
        name = ""
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            text = normalise(line.removeprefix(NAME_MARK))
            if line.startswith(NAME_MARK):
                name = text
            if not text:
                continue
            if not name:
                raise PhrasingsError(f'{file}:{number} must be a name, such as "{NAME_MARK}cancel a booking"')
            if names.setdefault(text, name) != name:
                raise PhrasingsError(f'{file}:{number}: "{text}" stands under "{names[text]}" too; let one of them go')
    return Examples(tuple(names), np.unique(list(names.values()), return_inverse=True)[1])


def sha256_of_all(files: Sequence[Path]) -> str:
    """Return one SHA-256 for the texts of files, in their order, whatever ends their lines."""
    return hashlib.sha256("".join(file.read_text(encoding="utf-8") for file in files).encode()).hexdigest()


def adaptation(encoder_dir: Path, phrasings: Examples, sha256: str, checkpoints: Path, tell: Tell) -> bytes:
    """Return the file of what training on phrasings changes of an encoder.

    What `CONFIG` does not name is as by default in the fine-tuning of a catalog.

    Parameters
    ----------
    encoder_dir
        Holds the encoder's files as they were published.
    phrasings
        Normalised messages and the number of what each asks for.
    sha256
        Of the phrasings; the file tells it.
    checkpoints
        A directory for these phrasings alone; an epoch that was done is not done again.
    tell
        Hears of the progress.
    """
    import_tensorflow_quietly()
    import keras  # noqa: PLC0415 - these bring TensorFlow: seconds

    from model.encoder import read_encoder  # noqa: PLC0415
    from model.finetuning import FineTuning  # noqa: PLC0415

    keras.utils.set_random_seed(SEED)  # layers of dropout draw their seeds when they are made
    encoder = read_encoder(encoder_dir, as_published=True)
    before = encoder.upper_weights()
    tuning = FineTuning(encoder, phrasings.texts, phrasings.labels, config=CONFIG, seed=SEED, tell=tell)
    tuning.run("adapting the encoder", EPOCHS, checkpoints)
    return save(changes_of(before, encoder.upper_weights()), {METADATA_KEY: sha256})


if __name__ == "__main__":
    sys.exit(main())
