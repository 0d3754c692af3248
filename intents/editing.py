"""Changing a catalog's files as a careful person would: one line more, and every other character as it was."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml.error import YAMLError

from intents.annotations import annotations_in, without_annotations
from intents.checks import active_together
from intents.disk import write_atomically
from intents.documents import YAML_ENDINGS, Document, read_text_document
from intents.faults import did_you_mean
from intents.findings import errors_in
from intents.places import Steps
from intents.reading import Reading, ReadIntent, read_intents
from intents.scalars import Written
from intents.spans import Span, spans_of

BACKUP = ".bak"
"""What the name of a file as it was before the last edit ends in."""

_PLAIN = re.compile(r"[^\W\d_](?:[\w '.!?()/-]|,(?= ))*")
"""Texts that YAML reads as they stand, outside of brackets."""

_NOT_TEXT = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
"""Words that YAML, or an older reader of it, takes for something else."""


class EditError(Exception):
    """A change that is refused; its text says why, and the files are as they were."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A change that was made.

    Parameters
    ----------
    file
        What was changed.
    backup
        A copy of what it was before, until the next edit.
    before
        What it was before.
    digest
        SHA-256 of what was written.
    """

    file: Path
    backup: Path
    before: bytes = field(repr=False)
    digest: bytes


def add_pattern(path: Path, tag: str, text: str, normalise: Callable[[str], str]) -> Edit:
    """Add a pattern to an intent, in the file that holds it.

    Parameters
    ----------
    path
        A file of intents, or a directory of them.
    tag
        Of the intent; a follow-up's too.
    text
        The pattern; it may mark values of the intent's slots.
    normalise
        The normalisation of the classifier.

    Raises
    ------
    EditError
        The text or the file does not allow it.
    """
    text = " ".join(text.split())
    reading = read_intents(path)
    read = next((one for one in reading.intents if one.intent.tag == tag), None)
    errors = errors_in(reading.findings)
    if read is None and errors:
        raise EditError(f'no intent is called "{tag}" in what can be read, for there are errors: {errors[0]}')
    if read is None:
        raise EditError(
            f'no intent is called "{tag}": {did_you_mean(tag, [one.intent.tag for one in reading.intents])}'
        )
    _check(text, read, reading, normalise)
    file = Path(read.file).resolve()
    content = file.read_bytes()
    return _replace(file, content, _with_pattern(file, content, read, text))


def undo(edit: Edit) -> None:
    """Take a change back: the last one first, then the one before it.

    Raises
    ------
    EditError
        The file was changed since, or cannot be written.
    """
    try:
        if hashlib.sha256(edit.file.read_bytes()).digest() != edit.digest:
            raise EditError(f"{edit.file} was changed since, so it stays as it is")
        write_atomically(edit.file, edit.before, like=edit.file)
    except OSError as error:
        raise EditError(f"{edit.file} cannot be put back: {error.strerror}") from error


def _check(text: str, read: ReadIntent, reading: Reading, normalise: Callable[[str], str]) -> None:
    """Refuse what the catalog's checks would refuse."""
    normalised = normalise(without_annotations(text))
    if not normalised:
        raise EditError("the text holds no letter or digit, so it could never match")
    if not text.isprintable():
        raise EditError("the text holds characters that cannot be seen")
    slots = [slot.name for slot in read.intent.slots]
    for name, marked in annotations_in(text):
        if name not in slots:
            raise EditError(f'"{marked}" is marked as a value of "{name}", which is no slot of {read.intent.tag}')
    for other in reading.intents:
        if active_together(read.intent, other.intent) and normalised in map(normalise, other.intent.patterns):
            where = "already" if other is read else "and both can be meant at once"
            raise EditError(f'"{text}" is a pattern of {other.intent.tag}, {where}')


def _with_pattern(file: Path, content: bytes, read: ReadIntent, text: str) -> bytes:
    """Return the file's content with one pattern more."""
    steps = (*read.steps, "patterns")
    mark = b"\xef\xbb\xbf" if content.startswith(b"\xef\xbb\xbf") else b""
    old = content.removeprefix(mark).decode()
    try:
        root = spans_of(old)
    except (YAMLError, ValueError) as error:
        raise EditError(f"{file} holds characters that only a text editor can keep: add the pattern by hand") from error
    span = root.at(steps) if root is not None else None
    if span is None or span.is_null:
        raise EditError(f"{read.intent.tag} has no list of patterns in {file}: begin one there")
    is_yaml = file.suffix.lower() in YAML_ENDINGS
    new = _inserted(old, span, text, is_yaml=is_yaml)
    if new is None or not _is_as_meant(file, old, new, steps, text):
        raise EditError(f"the patterns of {read.intent.tag} are written in a way that only a person can add to: {file}")
    return mark + new.encode()


def _inserted(old: str, span: Span, text: str, *, is_yaml: bool) -> str | None:
    """Return the text of a file with a pattern added to those in the span."""
    if span.style == "-" and span.items:
        return _line_inserted(old, span, text)
    if span.style == "[":
        if not span.items:
            return old[: span.start + 1] + json.dumps(text, ensure_ascii=False) + old[span.end - 1 :]
        last = span.items[-1]
        before = old[span.items[-2].end if len(span.items) > 1 else span.start + 1 : last.start]
        gap = re.sub(r"^\s*,|#[^\n]*", "", before) if is_yaml else before.replace(",", "", 1)
        separator = gap if "\n" in gap else " "
        written = _scalar(text, last.style or '"')
        return f"{old[: last.end]},{separator}{written}{old[last.end :]}"
    if span.style in {"", '"', "'"}:
        value = old[span.start : span.end]
        first = value if span.style else json.dumps(value, ensure_ascii=False)
        return f"{old[: span.start]}[{first}, {json.dumps(text, ensure_ascii=False)}]{old[span.end :]}"
    return None


def _line_inserted(old: str, span: Span, text: str) -> str:
    """Return the text of a file with a line added to a list in block style."""
    last = span.items[-1]
    ending = "\r\n" if "\r\n" in old else "\n"
    at = last.end
    if old[at - 1 : at] != "\n":  # a scalar of several lines ends with its last line
        line_end = old.find("\n", at)
        at = len(old) if line_end < 0 else line_end + 1
    line_start = old.rfind("\n", 0, span.start) + 1
    indent = old[line_start : line_start + span.column]
    dash = old[last.start - max(last.column - span.column, 2) : last.start]
    dash = dash if dash.startswith("-") and not dash[1:].strip() and "\n" not in dash else "- "
    line = f"{indent if not indent.strip() else ' ' * span.column}{dash}{_scalar(text, last.style)}{ending}"
    return f"{old[:at]}{'' if old[:at].endswith(chr(10)) else ending}{line}{old[at:]}"


def _scalar(text: str, style: str) -> str:
    """Return a text as YAML writes it, in the quotation marks of its neighbour where that has some."""
    if style == "'":
        return "'" + text.replace("'", "''") + "'"
    is_plain = style != '"' and _PLAIN.fullmatch(text) and text.casefold() not in _NOT_TEXT
    return text if is_plain and Written(text).value == text else json.dumps(text, ensure_ascii=False)


def _is_as_meant(file: Path, old: str, new: str, steps: Steps, text: str) -> bool:
    """Whether the new text differs from the old by the pattern alone."""
    was, now = read_text_document(file, old), read_text_document(file, new)
    if not isinstance(was, Document) or not isinstance(now, Document):
        return False
    holder: Any = was.value
    for step in steps[:-1]:
        holder = holder[step] if isinstance(step, str) else [one for one in holder if one is not None][step]
    written = holder["patterns"]
    holder["patterns"] = [*(written if isinstance(written, list) else [written]), text]
    return bool(was.value == now.value)


def _replace(file: Path, old: bytes, new: bytes) -> Edit:
    """Put the new content in the old one's place at once, keeping a copy of the old."""
    backup = file.with_name(file.name + BACKUP)
    try:
        write_atomically(backup, old, like=file)
        if file.read_bytes() != old:
            raise EditError(f"{file} was changed meanwhile: try again")
        write_atomically(file, new, like=file)
    except OSError as error:
        raise EditError(f"{file} cannot be written: {error.strerror}") from error
    return Edit(file, backup, old, hashlib.sha256(new).digest())
