"""`python -m scripts.import_intents`: a bot made elsewhere becomes a file of intents.

Reads projects of Rasa, exports of Dialogflow ES, intents of tutorials, tables of questions and answers, and recorded
dialogues; runs nothing of them. What could not be carried over goes to standard error, line by line.
"""

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

from bot.config import Settings
from intents.disk import write_atomically
from intents.findings import CatalogError
from intents.validation import load_catalog
from model.encoder_files import EncoderFilesError
from model.text import normalise
from scripts.importers.csv_pairs import read_csv
from scripts.importers.detect import FORMATS, detect
from scripts.importers.dialogflow import read_dialogflow
from scripts.importers.drafts import Bot, Ledger
from scripts.importers.finishing import finish
from scripts.importers.rasa import read_rasa
from scripts.importers.sources import ImportSourceError, Source, read_source
from scripts.importers.tutorial import read_tutorial
from scripts.importers.writing import header_lines, to_yaml
from scripts.options import add_encoder_option, chosen_encoder, fail, settings_or_exit, training_libraries

with training_libraries():
    from rich.table import Table

    from scripts.importers.dialogues import read_dialogues
    from scripts.importers.grouping import Vectorise
    from scripts.tables import plain_console


def main() -> int:
    """Import; return 0, or 1 if nothing could be read or written."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name may hold what the terminal cannot show
    arguments = _arguments(settings_or_exit())
    console = plain_console(stderr=True)
    ledger = Ledger()
    try:
        source = read_source(arguments.source)
        format_name = arguments.format or _told(detect(source), source)
        for skipped in source.skipped:
            ledger.note(skipped.name, "file", f"not read: {skipped.why}")
        bots = _read(source, format_name, arguments, ledger)
        for bot in bots:
            finish(bot, ledger, normalise)
        bots = [bot for bot in bots if bot.drafts] or fail(f"{source.path}: holds no intent with examples")
        targets = _targets(arguments.to or Path(f"{_stem(source.path)}.yaml"), bots, force=arguments.force)
        for note in ledger.notes:
            console.print(str(note), soft_wrap=True)
        for target, bot in zip(targets, bots, strict=True):
            header = header_lines(source.path, format_name, ledger.notes if bot is bots[0] else ())
            target.parent.mkdir(parents=True, exist_ok=True)
            like = source.path if source.path.is_file() else None  # real dialogues stay with those who may read them
            write_atomically(target, to_yaml(bot, header).encode(), like=like)
    except (EncoderFilesError, ImportSourceError, OSError) as error:
        fail(error)
    except RecursionError:
        fail(f"{arguments.source}: nested too deeply")
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    _print_summary(source, ledger)
    return max(map(_check, targets))


def _arguments(settings: Settings) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.import_intents", description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, metavar="SOURCE", help="a file, a directory or a zip archive")
    parser.add_argument("--format", choices=FORMATS, help="what it is (told from its content)")
    parser.add_argument(
        "--to", type=Path, metavar="FILE.yaml", help="write here (the source's name, in this directory)"
    )
    parser.add_argument("--force", action="store_true", help="write over files that are there")
    parser.add_argument(
        "--least", type=_least, default=1, metavar="N", help="of dialogues: leave out what was asked fewer times"
    )
    add_encoder_option(parser, settings)
    return parser.parse_args()


def _least(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _told(format_name: str, source: Source) -> str:
    print(f"{source.path}: read as {format_name}; --format says otherwise", file=sys.stderr)
    return format_name


def _read(source: Source, format_name: str, arguments: argparse.Namespace, ledger: Ledger) -> list[Bot]:
    if format_name == "dialogues":
        return read_dialogues(source, ledger, least=arguments.least, vectorise=_vectorise(arguments))
    readers = {"rasa": read_rasa, "dialogflow": read_dialogflow, "tutorial": read_tutorial, "csv": read_csv}
    return readers[format_name](source, ledger)


def _vectorise(arguments: argparse.Namespace) -> Vectorise | None:
    """Return what makes vectors of questions: the sentence encoder, if its files are there."""
    encoder = chosen_encoder(arguments)
    if encoder.directory is None:
        return None
    directory = encoder.directory
    print("Comparing by the sentence encoder ...", file=sys.stderr)
    with training_libraries():
        from model.runtime import import_tensorflow_quietly  # noqa: PLC0415 - brings TensorFlow: seconds

        import_tensorflow_quietly()
        from model.encoder import read_encoder  # noqa: PLC0415

    def vectorise(texts: Sequence[str]):  # type: ignore[no-untyped-def]  # noqa: ANN202 - as `Vectorise` says
        return read_encoder(directory).features(texts, "questions", lambda *_: None)

    return vectorise


def _stem(path: Path) -> str:
    return path.resolve().name.partition(".")[0] or "imported"


def _targets(first: Path, bots: Sequence[Bot], *, force: bool) -> list[Path]:
    """Return where to write each bot: the first where it was asked for, others beside it by their language.

    Raises
    ------
    ImportSourceError
        A file is there already, or the name is not of a catalog's file.
    """
    if first.suffix not in {".yaml", ".yml"}:
        raise ImportSourceError(f"{first}: --to must end with .yaml")
    targets = [first, *(first.with_suffix(f".{bot.language or number}.yaml") for number, bot in enumerate(bots[1:], 2))]
    for target in targets:
        if target.exists() and not force:
            raise ImportSourceError(f"{target}: is there already: --force writes over it, --to names another file")
    return targets


def _print_summary(source: Source, ledger: Ledger) -> None:
    table = Table("", "found", "carried over", "share", title=f"Imported from {source.path}", title_justify="left")
    for kind, found in ledger.found.items():
        if found:
            carried = max(0, found - ledger.lost[kind])
            table.add_row(kind, str(found), str(carried), f"{carried / found:.0%}")
    plain_console(stderr=True).print(table)


def _check(target: Path) -> int:
    """Print the path and what the validator says of the file; return 1 if it found errors."""
    print(target)
    try:
        catalog, findings = load_catalog(target, normalise)
    except CatalogError as error:
        for finding in error.errors:
            print(finding, file=sys.stderr)
        print(f"{target}: {len(error.errors)} errors to mend before training", file=sys.stderr)
        return 1
    n_patterns = sum(len(intent.patterns) for intent in catalog.intents)
    print(f"{target}: {len(catalog.intents)} intents with {n_patterns} patterns,", end=" ", file=sys.stderr)
    print(f"{len(findings)} warnings (`python -m scripts.validate {target}` lists them)", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
