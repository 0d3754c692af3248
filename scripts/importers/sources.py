"""The files of a bot to be imported, from a file, a directory or a zip archive, bounded in number and size.

An archive is read in memory and never unpacked; links are not followed.
"""

import os
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

MAX_FILE_BYTES = 32 * 2**20
MAX_TOTAL_BYTES = 128 * 2**20
MAX_FILES = 20_000
SUFFIXES = frozenset({".csv", ".json", ".jsonl", ".md", ".ndjson", ".tsv", ".txt", ".yaml", ".yml"})
SKIPPED = frozenset({"__pycache__", "node_modules", "results", "site-packages", "venv"})
"""Folders that hold nothing of a bot's own."""

_UTF16_SHARE = 0.3


class ImportSourceError(Exception):
    """A source from which nothing can be read; its text is one sentence."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a source.

    Parameters
    ----------
    name
        As notes name it.
    path
        Within the source; of a single file its name.
    content
        Its bytes.
    """

    name: str
    path: PurePosixPath
    content: bytes

    def text(self) -> str:
        """Return the content as text: UTF-8 or UTF-16, else Windows-1252.

        Raises
        ------
        ImportSourceError
            The file is no text.
        """
        return decode(self.content, self.name)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was not read, and why."""

    name: str
    why: str


@dataclass(slots=True)
class Source:
    """What a path holds."""

    path: Path
    files: list[SourceFile] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def find(self, name: str, beside: SourceFile) -> SourceFile | None:
        """Return the file that another one names by a path, relative to itself, to a folder above it, or to the top."""
        wanted = PurePosixPath(name.replace("\\", "/"))
        if wanted.is_absolute() or ".." in wanted.parts:
            return None
        by_path = {file.path: file for file in self.files}
        return next((by_path[at / wanted] for at in beside.path.parents if at / wanted in by_path), None)


def read_source(path: Path) -> Source:
    """Read a file, the files of a directory and those below it, or a zip archive.

    Raises
    ------
    ImportSourceError
        There is nothing to read.
    """
    source = Source(path)
    try:
        if path.is_dir():
            _keep(source, _in_directory(path))
        elif not path.exists():
            raise ImportSourceError(f"{path}: no such file or directory")
        elif not path.is_file():
            raise ImportSourceError(f"{path}: neither a file nor a directory")
        elif zipfile.is_zipfile(path):
            _read_archive(source)
        else:
            _keep(source, iter([(str(path), PurePosixPath(path.name), path)]))
    except OSError as error:
        raise ImportSourceError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:  # a null byte in the path
        raise ImportSourceError(f"{str(path)!r}: not a path") from error
    if not source.files:
        why = f": {source.skipped[0].name}: {source.skipped[0].why}" if source.skipped else ""
        raise ImportSourceError(f"{path}: holds no file that could be read{why}")
    if not any(file.content.strip() for file in source.files):
        raise ImportSourceError(f"{path}: empty")
    return source


def decode(content: bytes, name: str) -> str:
    """Return bytes as text.

    Raises
    ------
    ImportSourceError
        They are none.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif b"\0" in content:
        # exports of spreadsheets may leave the mark out: every second byte of plain letters is null
        even, odd = content[::2].count(0), content[1::2].count(0)
        encodings = ["utf-16-be"] if even > odd else ["utf-16-le"]
        if max(even, odd) < _UTF16_SHARE * len(content) / 2 or min(even, odd) > max(even, odd) / 10:
            raise ImportSourceError(f"{name}: not a text file")
    else:
        encodings = ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text or len(re.findall(r"[\x01-\x08\x0e-\x1a\x1c-\x1f]", text[:10_000])) > len(text[:10_000]) / 50:
            break
        return re.sub("\r\n?", "\n", text)
    raise ImportSourceError(f"{name}: not a text file")


def _in_directory(directory: Path) -> Iterator[tuple[str, PurePosixPath, Path]]:
    for folder, folders, names in os.walk(directory):
        folders[:] = sorted(one for one in folders if one not in SKIPPED and not one.startswith("."))
        for name in sorted(names):
            path = Path(folder, name)
            if path.suffix.lower() in SUFFIXES and not name.startswith(".") and path.is_file():
                yield str(path), PurePosixPath(path.relative_to(directory).as_posix()), path


def _keep(source: Source, found: Iterator[tuple[str, PurePosixPath, Path]]) -> None:
    total = 0
    for name, inside, path in found:
        if path.is_symlink() and path != source.path:
            source.skipped.append(Skipped(name, "a link"))
            continue
        with path.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
        total = _take(source, SourceFile(name, inside, content), total)


def _take(source: Source, file: SourceFile, total: int) -> int:
    """Add a file if it is within the bounds; return the bytes taken until then."""
    if len(file.content) > MAX_FILE_BYTES:
        source.skipped.append(Skipped(file.name, f"larger than {MAX_FILE_BYTES // 2**20} MB"))
        return total
    total += len(file.content)
    if total > MAX_TOTAL_BYTES or len(source.files) >= MAX_FILES:
        bounds = f"more than {MAX_TOTAL_BYTES // 2**20} MB or {MAX_FILES:,} files"
        raise ImportSourceError(f"{source.path}: {bounds}: import the part that holds the intents")
    source.files.append(file)
    return total


def _read_archive(source: Source) -> None:
    total = 0
    try:
        with zipfile.ZipFile(source.path) as archive:
            if len(archive.infolist()) > MAX_FILES:
                raise ImportSourceError(f"{source.path}: more than {MAX_FILES:,} files")
            for info in archive.infolist():
                inside = PurePosixPath(info.filename)
                name = f"{source.path}!{info.filename}"
                if info.is_dir() or inside.suffix.lower() not in SUFFIXES or _is_foreign(inside.parts):
                    continue
                if inside.is_absolute() or ".." in inside.parts or "\\" in info.filename or ":" in info.filename:
                    source.skipped.append(Skipped(name, "its path leads out of the archive"))
                    continue
                if info.flag_bits & 1:
                    source.skipped.append(Skipped(name, "encrypted"))
                    continue
                with archive.open(info) as stream:
                    content = stream.read(MAX_FILE_BYTES + 1)  # whatever size the archive claims
                total = _take(source, SourceFile(name, inside, content), total)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ImportSourceError(f"{source.path}: a damaged zip archive ({error})") from error


def _is_foreign(parts: Sequence[str]) -> bool:
    return any(part in SKIPPED or part == "__MACOSX" or (part.startswith(".") and part != "..") for part in parts)
