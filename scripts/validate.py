"""`python -m scripts.validate`: everything that is wrong with an intents file, in one pass."""

import argparse
import io
import sys
from pathlib import Path

from intents.findings import CatalogError, Finding, errors_in
from intents.validation import load_catalog
from model.text import normalise
from scripts.options import settings_or_exit


def main() -> int:
    """Print the findings; return 1 if one is an error (or, with --strict, a warning)."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # an intent may hold what the terminal cannot show
    settings = settings_or_exit()
    parser = argparse.ArgumentParser(prog="python -m scripts.validate", description=__doc__)
    parser.add_argument(
        "path", nargs="?", type=Path, default=settings.intents_path, help="a file or a directory (%(default)s)"
    )
    parser.add_argument("--strict", action="store_true", help="warnings fail too")
    arguments = parser.parse_args()
    findings: tuple[Finding, ...]
    try:
        catalog, findings = load_catalog(arguments.path, normalise)
        n_patterns = sum(len(intent.patterns) for intent in catalog.intents)
        summary = f"{len(catalog.intents)} intents with {n_patterns} patterns"
    except CatalogError as error:
        findings, summary = error.findings, str(arguments.path)
    for finding in findings:
        print(finding)
    n_errors = len(errors_in(findings))
    n_warnings = len(findings) - n_errors
    print(f"{summary}: {n_errors} errors, {n_warnings} warnings")
    return int(n_errors > 0 or (arguments.strict and n_warnings > 0))


if __name__ == "__main__":
    sys.exit(main())
