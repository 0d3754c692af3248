"""`python -m scripts.validate`: everything that is wrong with an intents file, in one pass."""

import argparse
import io
import json
import sys
from pathlib import Path

from bot.config import Settings, read_environment
from intents.catalog import IntentCatalog
from intents.findings import CatalogError, Finding, Severity, errors_in
from intents.validation import load_catalog
from model.config import FEATURES_DIR, TrainingError
from model.encoder_files import FETCH_COMMAND, MINILM_SHA256, EncoderFilesError
from model.text import normalise
from scripts.options import settings_or_exit

SCHEMA_FILE = Path(__file__).parents[1] / "intents" / "schema.json"
NOT_COMPARED = "near duplicates were not looked for: {why}"


def main() -> int:
    """Print the findings; return 1 if one is an error (or, with --strict, a warning)."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # an intent may hold what the terminal cannot show
    settings = settings_or_exit()
    arguments = _parser(settings).parse_args()
    if arguments.write_schema:
        SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
        print(SCHEMA_FILE)
        return 0
    findings: tuple[Finding, ...]
    skipped = None
    try:
        catalog, findings = load_catalog(arguments.path, normalise)
        n_patterns = sum(len(intent.patterns) for intent in catalog.intents)
        summary = f"{len(catalog.intents)} intents with {n_patterns} patterns"
        deeper, skipped = _looked_deeper(arguments.path, catalog, settings)
        findings += tuple(deeper)
    except CatalogError as error:
        findings, summary = error.findings, str(arguments.path)
    n_errors = len(errors_in(findings))
    n_warnings = len(findings) - n_errors
    if arguments.json:
        print(json.dumps([finding.to_json() for finding in findings], indent=2))
    else:
        print(*findings, sep="\n", end="\n" * bool(findings))
    if skipped is not None:
        print(NOT_COMPARED.format(why=skipped), file=sys.stderr if arguments.json else sys.stdout)
    if not arguments.json:
        print(f"{summary}: {n_errors} errors, {n_warnings} warnings")
    return int(n_errors > 0 or (arguments.strict and n_warnings > 0))


def _parser(settings: Settings) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m scripts.validate", description=__doc__)
    parser.add_argument(
        "path", nargs="?", type=Path, default=settings.intents_path, help="a file or a directory (%(default)s)"
    )
    parser.add_argument("--strict", action="store_true", help="warnings fail too")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.add_argument("--write-schema", action="store_true", help="write the JSON Schema of the format, for editors")
    return parser


def schema_text() -> str:
    """Return the content of `schema.json`."""
    from intents.schema import json_schema  # noqa: PLC0415 - takes time to start

    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def _looked_deeper(path: Path, catalog: IntentCatalog, settings: Settings) -> tuple[list[Finding], str | None]:
    """Return what is found with the operator's functions and the sentence encoder, or why the latter was not used."""
    from intents.reading import read_intents  # noqa: PLC0415 - takes time to start

    read = {one.intent.tag: one for one in read_intents(path).intents}
    findings = []
    if any(intent.action is not None for intent in catalog.intents):
        from bot.actions import ActionRunner  # noqa: PLC0415 - most catalogs have no need of it

        faults = ActionRunner(settings.action_modules, environment=read_environment()).check(catalog)
        findings += [read[str(fault.tag)].finding(fault.severity, fault.message, "action") for fault in faults]
    if not all((settings.encoder_dir / name).is_file() for name in MINILM_SHA256):
        return findings, f"the encoder's files are not in {settings.encoder_dir} (`{FETCH_COMMAND}` fetches them)"
    try:
        from scripts.near_duplicates import near_duplicates  # noqa: PLC0415 - brings NumPy

        for near in near_duplicates(catalog.intents, settings.encoder_dir, settings.models_dir / FEATURES_DIR):
            one, other = near.one.patterns[near.one_pattern], near.other.patterns[near.other_pattern]
            message = f"near duplicate: {other!r} says nearly the same as {one!r} of {near.one.tag}; keep one of them"
            steps = ("patterns", near.other_pattern)
            findings.append(read[near.other.tag].finding(Severity.WARNING, message, *steps))
    except ModuleNotFoundError as error:
        return findings, f"{error.name} is not installed, which the train extra brings"
    except (EncoderFilesError, TrainingError) as error:
        return findings, str(error)
    return findings, None


if __name__ == "__main__":
    sys.exit(main())
