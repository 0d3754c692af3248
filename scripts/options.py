"""What the command lines share: the settings of the bot as their defaults, leaving with an error, files of figures."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from bot.config import ConfigError, Settings, parse_settings, read_environment
from model.encoder_files import MINILM_SHA256, EncoderFilesError, EncoderMissingError, identity_of, verify

MINILM = "minilm"
NO_ENCODER = "none"


@contextmanager
def training_libraries() -> Iterator[None]:
    """Import within it what the `train` extra installs; leave with exit code 1 and the mend if that is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        mend = 'run `pip install -e ".[train]"`, or use the Python of .venv'
        fail(f"{error.name} is not installed, which training and measuring need: {mend}")


def settings_or_exit() -> Settings:
    """Return the settings; leave with exit code 78 and the faults if they are wrong."""
    try:
        return parse_settings(read_environment())
    except ConfigError as error:
        print(error, file=sys.stderr)
        sys.exit(78)


def seed(text: str) -> int:
    """Return the seed of random numbers that an option gives; for `argparse`."""
    number = int(text)
    if not 0 <= number < 2**32:
        raise ValueError
    return number


def minutes(text: str) -> float:
    """Return the minutes that an option gives; for `argparse`."""
    number = float(text)
    if not 0 < number < float("inf"):
        raise ValueError
    return number


def fail(error: Exception | str) -> NoReturn:
    """Leave with exit code 1 and the error's text."""
    print(error, file=sys.stderr)
    sys.exit(1)


def write_json(path: Path, figures: Mapping[str, Any]) -> None:
    """Write figures to a file, or leave with exit code 1."""
    try:
        path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        fail(error)


@dataclass(frozen=True, slots=True)
class EncoderChoice:
    """Which sentence encoder to train with.

    Parameters
    ----------
    directory
        Where its files are; None trains without one.
    identity
        What they are (`model.encoder_files.identity_of`); None without one.
    is_chosen
        Whether it was asked for by name.
    """

    directory: Path | None
    identity: str | None
    is_chosen: bool

    @property
    def is_missing(self) -> bool:
        """Whether there is none only because its files are not there."""
        return self.directory is None and not self.is_chosen


def add_encoder_option(parser: argparse.ArgumentParser, settings: Settings) -> None:
    """Add `--encoder`."""
    parser.add_argument("--encoder", metavar="minilm|none|DIR", help=f"the sentence encoder ({MINILM}, if fetched)")
    parser.set_defaults(encoder_dir=settings.encoder_dir)


def chosen_encoder(arguments: argparse.Namespace) -> EncoderChoice:
    """Return what `--encoder` asks for; unasked, MiniLM if its files are there.

    Raises
    ------
    EncoderFilesError
        A file of an encoder that was asked for is missing, or a file is damaged.
    """
    asked: str | None = arguments.encoder
    if asked == NO_ENCODER:
        return EncoderChoice(None, None, is_chosen=True)
    if asked is not None and asked != MINILM:
        try:
            return EncoderChoice(Path(asked), identity_of(Path(asked)), is_chosen=True)
        except EncoderFilesError as error:
            fail(f"--encoder {asked}: this directory must hold {', '.join(MINILM_SHA256)}; one {error.fault}")
    try:
        verify(arguments.encoder_dir)
    except EncoderMissingError:
        if asked is None:
            return EncoderChoice(None, None, is_chosen=False)
        raise
    return EncoderChoice(arguments.encoder_dir, identity_of(arguments.encoder_dir), is_chosen=asked is not None)
