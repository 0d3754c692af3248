"""Files of intents into values, in the well-known JSON shape; every fault of the shape becomes a finding.

`{"intents": [{"tag", "patterns", "responses", "context_set", "context_filter"}]}`: a string stands for a list of one,
an empty string for nothing, `context` for `context_set`.
"""

import contextlib
import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from intents.catalog import Intent
from intents.findings import Finding, Severity

FIELDS = ("tag", "patterns", "responses", "context_set", "context_filter")
ALIASES = {"context": "context_set"}
FALLBACK_TAGS = ("noanswer", "fallback")


@dataclass(frozen=True, slots=True)
class ReadIntent:
    """An intent, the file that it stands in, and the fields that its entry leaves out."""

    file: str
    intent: Intent
    left_out: frozenset[str] = frozenset()


@dataclass(slots=True)
class Reading:
    """All that could be read, and the findings on the way."""

    intents: list[ReadIntent] = field(default_factory=list)
    fallbacks: list[ReadIntent] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def add(
        self, severity: Severity, file: str, message: str, *, tag: str | None = None, field: str | None = None
    ) -> None:
        """Record a finding."""
        self.findings.append(Finding(severity, file, message, tag, field))


class _DuplicateFieldError(ValueError):
    """A JSON object bears one name twice, of which JSON would silently keep the last."""


def read_intents(path: Path) -> Reading:
    """Read a file of intents, or every `*.json` of a directory (not of those below it), in the order of their names."""
    reading = Reading()
    for file in _files(path, reading):
        document = _document(file, reading)
        for number, entry in _entries(document, str(file), reading):
            _read_entry(entry, f"intents[{number}]", str(file), reading)
    return reading


def _files(path: Path, reading: Reading) -> list[Path]:
    with contextlib.suppress(OSError):  # reading the path as a file tells what is wrong with it
        if path.is_dir():
            files = sorted(file for file in path.glob("*.json") if file.is_file())
            if not files:
                reading.add(Severity.ERROR, str(path), "empty: the directory holds no *.json file of intents")
            return files
    return [path]


def _document(file: Path, reading: Reading) -> Any:  # noqa: ANN401 - whatever JSON the file holds
    try:
        text = file.read_text(encoding="utf-8-sig")
        # no number has a place in a catalog; as an int, one of thousands of digits would be a ValueError
        document = json.loads(text, object_pairs_hook=_unique_fields, parse_int=float)
        json.dumps(document, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        place = f"{file}:{error.lineno}"
        reading.add(Severity.ERROR, place, f"not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})")
    except _DuplicateFieldError as error:
        reading.add(Severity.ERROR, str(file), f"duplicate field {error} in one object: keep one of them")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        reading.add(Severity.ERROR, f"{file}:{line}", "not valid UTF-8: save the file in the encoding UTF-8")
    except UnicodeEncodeError as error:
        half = ascii(error.object[error.start])[1:-1]
        reading.add(Severity.ERROR, str(file), f"not valid text: {half} is one half of a character without the other")
    except RecursionError:
        reading.add(Severity.ERROR, str(file), "not valid: nested too deeply to be intents")
    except FileNotFoundError:
        reading.add(Severity.ERROR, str(file), "missing: no such file or directory; INTENTS_PATH or --intents names it")
    except OSError as error:
        reading.add(Severity.ERROR, str(file), f"cannot be read: {error.strerror}")
    else:
        return {} if document is None else document  # null lists no intents either
    return None


def _unique_fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        raise _DuplicateFieldError(repr(next(name for name in names if names.count(name) > 1)))
    return value


def _entries(document: Any, file: str, reading: Reading) -> Iterator[tuple[int, dict[str, Any]]]:  # noqa: ANN401
    if document is None:
        return
    entries = document.get("intents") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        reading.add(Severity.ERROR, file, 'missing field "intents": the file must be {"intents": [...]}')
        return
    for unknown in (name for name in document if name != "intents"):
        reading.add(Severity.WARNING, file, f'unknown field "{unknown}" beside "intents": it is ignored')
    if not entries:
        reading.add(Severity.WARNING, file, 'empty: "intents" lists no intent')
    for number, entry in enumerate(entries):
        if isinstance(entry, dict):
            yield number, entry
        else:
            reading.add(Severity.ERROR, file, "not an intent: expected an object with a tag", tag=f"intents[{number}]")


def _read_entry(entry: dict[str, Any], place: str, file: str, reading: Reading) -> None:
    tag = _tag(entry, place, file, reading)
    _warn_unknown(entry, tag, file, reading)
    texts = {key: _texts(entry, key, tag, file, reading) for key in FIELDS[1:]}
    read = ReadIntent(file, Intent(tag, **texts), frozenset(FIELDS) - entry.keys())
    is_fallback = tag in FALLBACK_TAGS and not texts["patterns"]
    (reading.fallbacks if is_fallback else reading.intents).append(read)
    for key in ("context_set", "context_filter"):
        if is_fallback and texts[key]:
            message = "ignored: a fallback is answered whatever the context, and sets none"
            reading.add(Severity.WARNING, file, message, tag=tag, field=key)


def _tag(entry: dict[str, Any], place: str, file: str, reading: Reading) -> str:
    """Return the tag, or the place that names an intent without one."""
    tag = entry.get("tag")
    if isinstance(tag, str) and tag.strip():
        if tag.strip().isprintable():
            return tag.strip()
        reading.add(Severity.ERROR, file, "not text: control characters in the tag", tag=place, field="tag")
        return place
    fault = "missing" if "tag" not in entry else "empty" if tag is None or isinstance(tag, str) else "not text"
    reading.add(Severity.ERROR, file, f"{fault}: give the intent a name", tag=place, field="tag")
    return place


def _warn_unknown(entry: dict[str, Any], name: str, file: str, reading: Reading) -> None:
    known = [*FIELDS, *ALIASES]
    for unknown in (written for written in entry if written not in known):
        near = difflib.get_close_matches(unknown.casefold(), known, n=1, cutoff=0)
        message = f'unknown field, ignored: did you mean "{near[0]}"?'
        reading.add(Severity.WARNING, file, message, tag=name, field=unknown)


def _texts(entry: dict[str, Any], key: str, name: str, file: str, reading: Reading) -> tuple[str, ...]:
    """Return the texts of a field and its aliases, stripped; empty ones mean none."""
    texts: list[str] = []
    for written in (key, *(alias for alias, meant in ALIASES.items() if meant == key)):
        value = entry.get(written)
        values = [item for item in (value if isinstance(value, list) else [value]) if item is not None]
        texts += [item.strip() for item in values if isinstance(item, str) and item.strip()]
        if not all(isinstance(item, str) for item in values):
            message = "not text: expected a string or a list of strings"
            reading.add(Severity.ERROR, file, message, tag=name, field=written)
    return tuple(texts)
