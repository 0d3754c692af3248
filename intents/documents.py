"""The files of a catalog, JSON or YAML, into plain values with their places; whatever is wrong in one is a finding."""

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from intents.findings import Finding, Severity
from intents.places import Place, Places, Steps, places_in_json

YAML_ENDINGS = (".yaml", ".yml")
ENDINGS = (".json", *YAML_ENDINGS)
MOST_LEVELS = 50
"""How deep values may lie in one another."""

MOST_DIGITS = 18
"""Longer integers are read as floating-point numbers: no field needs them, and Python refuses thousands of digits."""


@dataclass(frozen=True, slots=True)
class Document:
    """What a file holds.

    Parameters
    ----------
    file
        As the caller named it.
    value
        Plain values, as of JSON; where YAML takes a scalar for a number or a boolean it is `intents.scalars.Written`.
    places
        Where all of it stands.
    """

    file: Path
    value: Any
    places: Places

    def finding(
        self, severity: Severity, message: str, *, steps: Steps = (), tag: str | None = None, field: str | None = None
    ) -> Finding:
        """Return a finding about the value at the steps."""
        return Finding(severity, str(self.file), message, tag, field, self.places.line_of(steps))


class _DuplicateFieldError(ValueError):
    """A JSON object bears one name twice, of which JSON would silently keep the last."""


def catalog_files(path: Path) -> list[Path] | None:
    """Return the files of a catalog, in the order of their names; None if the path is no directory."""
    with contextlib.suppress(OSError):  # reading the path as a file tells what is wrong with it
        if path.is_dir():
            return sorted(file for file in path.iterdir() if file.suffix.lower() in ENDINGS and file.is_file())
    return None


def read_document(file: Path) -> Document | Finding:
    """Return what the file holds, or what keeps it from being read."""
    try:
        text = file.read_text(encoding="utf-8-sig")
        return read_text_document(file, text)
    except UnicodeDecodeError as fault:
        line = fault.object[: fault.start].count(b"\n") + 1
        return _error(file, "not valid UTF-8: save the file in the encoding UTF-8", line)
    except FileNotFoundError:
        return _error(file, "missing: no such file or directory; INTENTS_PATH or --intents names it")
    except OSError as fault:
        return _error(file, f"cannot be read: {fault.strerror}")


def read_text_document(file: Path, text: str) -> Document | Finding:
    """Return what a file of this name and text holds, or what keeps it from being read."""
    return _yaml_document(file, text) if file.suffix.lower() in YAML_ENDINGS else _json_document(file, text)


def _error(file: Path, message: str, line: int | None = None) -> Finding:
    return Finding(Severity.ERROR, str(file), message, line=line)


def _json_document(file: Path, text: str) -> Document | Finding:
    try:
        value = json.loads(text, object_pairs_hook=_unique_fields, parse_int=_integer)
        json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as fault:
        message = f"not valid JSON: {fault.msg} (line {fault.lineno}, column {fault.colno})"
        return _error(file, message, fault.lineno)
    except _DuplicateFieldError as fault:
        return _error(file, f"duplicate field {fault} in one object: keep one of them")
    except UnicodeEncodeError as fault:
        half = ascii(fault.object[fault.start])[1:-1]
        return _error(file, f"not valid text: {half} is one half of a character without the other")
    except RecursionError:
        return _error(file, "not valid: nested too deeply to be intents")
    return Document(file, value, Places(lambda: places_in_json(text)))


def _yaml_document(file: Path, text: str) -> Document | Finding:
    from intents.yaml_documents import YamlError, read_yaml  # noqa: PLC0415 - the library takes time to start

    try:
        value, place = read_yaml(text)
    except YamlError as fault:
        return _error(file, fault.message, fault.line)

    def found() -> Place:
        return place

    return Document(file, value, Places(found))


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= MOST_DIGITS else float(digits)


def _unique_fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        raise _DuplicateFieldError(repr(next(name for name in names if names.count(name) > 1)))
    return value


def is_deep(value: Any) -> bool:  # noqa: ANN401 - whatever a file holds
    """Whether values lie deeper in one another than anything in a catalog needs."""
    layer = [value]
    for _ in range(MOST_LEVELS):
        layer = [
            held
            for item in layer
            if isinstance(item, dict | list)
            for held in (item.values() if isinstance(item, dict) else item)
        ]
        if not layer:
            return False
    return True
