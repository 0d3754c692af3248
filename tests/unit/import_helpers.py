"""What the tests of the importers share: running the scripts in this process, and reading what they wrote."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from intents.catalog import Intent, IntentCatalog
from intents.validation import load_catalog
from model.text import normalise

DATA = Path(__file__).parents[1] / "data" / "imports"


def run_import(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    """Run the script as its command line would; return its exit code."""
    from scripts.import_intents import main

    return _run(monkeypatch, main, arguments)


def run_export(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    """Run the export as its command line would; return its exit code."""
    from scripts.export_intents import main

    return _run(monkeypatch, main, arguments)


def _run(monkeypatch: pytest.MonkeyPatch, main, arguments: Sequence[str | Path]) -> int:  # noqa: ANN001
    monkeypatch.setattr("sys.argv", ["script", *map(str, arguments)])
    try:
        return int(main())
    except SystemExit as leaving:
        return int(leaving.code or 0)


def imported(monkeypatch: pytest.MonkeyPatch, source: Path, directory: Path, *options: str) -> IntentCatalog:
    """Import a source that must be readable; return the catalog of what was written."""
    target = directory / "bot.yaml"
    assert run_import(monkeypatch, source, "--to", target, *options) == 0
    return load_catalog(target, normalise)[0]


def intent_of(catalog: IntentCatalog, tag: str) -> Intent:
    """Return an intent by its tag."""
    return {intent.tag: intent for intent in catalog.intents}[tag]


def texts_of(intent: Intent) -> list[str]:
    """Return what an intent may answer."""
    return [response.text for response in intent.responses]
