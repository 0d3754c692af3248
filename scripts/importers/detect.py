"""Which format a source is of, told from its content."""

import json
from collections.abc import Callable

from scripts.importers.csv_pairs import read_rows
from scripts.importers.dialogflow import is_agent
from scripts.importers.documents import Node, read_json
from scripts.importers.drafts import Ledger
from scripts.importers.rasa import PARTS
from scripts.importers.rasa_paths import is_markdown_story
from scripts.importers.rasa_training import is_markdown_training
from scripts.importers.sources import ImportSourceError, Source, SourceFile
from scripts.importers.tutorial import entries_of

FORMATS = ("rasa", "dialogflow", "tutorial", "csv", "dialogues")
TURNS = ("turns", "messages", "conversation", "conversations", "dialogue", "dialog", "utterances")

Tests = dict[str, Callable[[SourceFile], bool]]


def detect(source: Source) -> str:
    """Return the name of the format.

    Raises
    ------
    ImportSourceError
        No file looks like any of them.
    """
    if is_agent(source):
        return "dialogflow"
    tests: Tests = {"rasa": _is_rasa, "tutorial": _is_tutorial, "dialogues": _is_dialogues, "csv": _is_csv}
    for name, looks_like in tests.items():
        if any(looks_like(file) for file in source.files):
            return name
    _explain(source)
    known = ", ".join(FORMATS)
    raise ImportSourceError(f"{source.path}: of no format that is known here ({known}): name it with --format")


def _explain(source: Source) -> None:
    """Raise what is wrong with a single file, which tells more than that it is of no format."""
    if len(source.files) == 1:
        file = source.files[0]
        if file.path.suffix.lower() == ".json":
            read_json(file.text(), file.name)
        file.text()


def _is_rasa(file: SourceFile) -> bool:
    suffix = file.path.suffix.lower()
    try:
        text = file.text()
        if suffix == ".md":
            return is_markdown_training(text) or is_markdown_story(text)
        if suffix not in {".yml", ".yaml"}:
            return False
        # top-level names stand at the beginning of a line, even in a file that is not valid further down
        return any(line.startswith(f"{part}:") for line in text.split("\n") for part in PARTS)
    except ImportSourceError:
        return False


def _json(file: SourceFile) -> Node | None:
    if file.path.suffix.lower() not in {".json", ".txt", ""}:
        return None
    try:
        return read_json(file.text(), file.name)
    except ImportSourceError:
        return None


def _is_tutorial(file: SourceFile) -> bool:
    root = _json(file)
    return root is not None and next(entries_of(root), None) is not None


def _is_dialogues(file: SourceFile) -> bool:
    try:
        text = file.text()
    except ImportSourceError:
        return False
    first = next((line for line in text.split("\n") if line.strip()), "")
    if file.path.suffix.lower() in {".jsonl", ".ndjson"} or first.lstrip().startswith(("{", "[")):
        try:
            return _is_dialogue(json.loads(first))
        except ValueError:
            root = _json(file)
            return root is not None and any(_has_turns(one) for one in (root, *root))
        except RecursionError:
            return False
    return False


def _is_dialogue(value: object) -> bool:
    if isinstance(value, dict):
        return any(name in value for name in TURNS)
    return isinstance(value, list) and bool(value) and all(isinstance(one, str | dict | list) for one in value)


def _has_turns(node: Node) -> bool:
    return any(name in node for name in TURNS) or (node.is_list and all(one.text for one in node))


def _is_csv(file: SourceFile) -> bool:
    if file.path.suffix.lower() not in {".csv", ".tsv", ".txt", ""}:
        return False
    try:
        return bool(read_rows(file, Ledger()))
    except ImportSourceError:
        return False
