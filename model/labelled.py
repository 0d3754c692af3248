"""Labelled messages, and the file that they stand in: a JSON object a line. Standard library only."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


class LabelledFileError(Exception):
    """A file of labelled messages cannot be used; its text names the line and the mend."""


@dataclass(frozen=True, slots=True)
class LabelledMessage:
    """A message and what it means; an intent of None is out of scope."""

    text: str
    intent: str | None
    contexts: tuple[str, ...] = ()


def read_labelled(path: Path, known_tags: Sequence[str]) -> list[LabelledMessage]:
    """Read a file with a JSON object a line: ``{"text": str, "intent": str | null, "contexts": [str]?}``.

    Raises
    ------
    LabelledFileError
        The file or a line of it is not of that form, or an intent is not among `known_tags`.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise LabelledFileError(f"{path}: cannot be read as UTF-8 text: {error}") from error
    messages = [
        _labelled(line, f"{path}:{number}", frozenset(known_tags))
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]
    if not messages:
        raise LabelledFileError(f'{path}: empty: write one {{"text": ..., "intent": ...}} a line')
    return messages


def _labelled(line: str, place: str, known_tags: frozenset[str]) -> LabelledMessage:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise LabelledFileError(f"{place}: not valid JSON: {error}") from error
    if not isinstance(row, dict) or not isinstance(row.get("text"), str):
        raise LabelledFileError(f'{place}: missing field "text": expected {{"text": ..., "intent": ...}}')
    intent, contexts = row.get("intent"), row.get("contexts") or []
    if "intent" not in row or not isinstance(intent, str | None):
        raise LabelledFileError(f'{place}: missing field "intent": a tag, or null for out of scope')
    if intent is not None and intent not in known_tags:
        raise LabelledFileError(f'{place}: unknown intent "{intent}": the model was not trained on it')
    if not isinstance(contexts, list) or not all(isinstance(name, str) for name in contexts):
        raise LabelledFileError(f'{place}: "contexts" must be a list of strings')
    return LabelledMessage(row["text"], intent, tuple(contexts))
