"""A catalog as it was last read, so that a process that starts need not read it again where nothing changed.

Reading YAML and checking a catalog take longer than all else that serving begins with. Standard library only.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from intents.catalog import IntentCatalog
from intents.disk import write_atomically
from intents.documents import catalog_files
from intents.findings import Finding
from intents.validation import Normalise, load_catalog

CODE = Path(__file__).parent

KEPT_CATALOG = ".catalog.json"
"""The name of the file, in the models directory."""


Loaded = tuple[IntentCatalog, tuple[Finding, ...]]


def load_kept_catalog(path: Path, normalise: Normalise, kept: Path | None) -> Loaded:
    """Return what `load_catalog` returns, from a file that an earlier call wrote if the catalog is as it was then.

    Parameters
    ----------
    path
        A file of intents, or a directory of them.
    normalise
        The normalisation of the classifier, the same in all calls for one file.
    kept
        Where the catalog is kept; a file that cannot be read or written costs time, nothing else. None keeps nothing.

    Raises
    ------
    CatalogError
        Something in the catalog is an error; it holds everything found.
    """
    key = _key(path) if kept is not None else None
    if kept is None or key is None:
        return load_catalog(path, normalise)
    found = _read(kept, key)
    if found is None:
        found = load_catalog(path, normalise)
        _write(kept, key, *found)
    return found


def kept_catalog(path: Path, kept: Path) -> Loaded | None:
    """Return what `load_kept_catalog` returns, if an earlier call wrote it and the catalog is as it was then."""
    key = _key(path)
    return None if key is None else _read(kept, key)


def loaded_to_json(catalog: IntentCatalog, findings: Iterable[Finding]) -> dict[str, Any]:
    """Return a catalog and its warnings as plain JSON values; `loaded_from_json` reads them back."""
    return {"catalog": catalog.to_json(), "findings": [finding.to_json() for finding in findings]}


def loaded_from_json(value: Mapping[str, Any]) -> Loaded:
    """Read what `loaded_to_json` returned.

    Raises
    ------
    KeyError, TypeError, ValueError
        The value is not what `loaded_to_json` returns.
    """
    return IntentCatalog.from_json(value["catalog"]), tuple(Finding.from_json(one) for one in value["findings"])


def _key(path: Path) -> str | None:
    """Return a hash of what the catalog's files hold and of the code that reads them; None if they cannot be read."""
    digest = hashlib.sha256(str(path.absolute()).encode("utf-8", "surrogateescape"))
    try:
        for code in sorted(CODE.glob("*.py")):
            stat = code.stat()
            digest.update(f"{code.name} {stat.st_size} {stat.st_mtime_ns}\n".encode())
        files = catalog_files(path)
        for file in [path] if files is None else files:
            content = file.read_bytes()
            digest.update(f"{file.name} {len(content)}\n".encode("utf-8", "surrogateescape"))
            digest.update(content)
    except OSError:
        return None
    return digest.hexdigest()


def _read(kept: Path, key: str) -> Loaded | None:
    try:
        content = kept.read_bytes()
        if not content.startswith(_beginning(key)):
            return None
        catalog, findings = loaded_from_json(json.loads(content))
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    return (catalog, findings) if all(map(_is_there, _sources(catalog))) else None


def _beginning(key: str) -> bytes:
    """Return what a file of this key begins with, which is soon told from others."""
    return f'{{"key": "{key}", '.encode()


def _sources(catalog: IntentCatalog) -> list[str]:
    spoken = [*(intent.responses for intent in catalog.intents), catalog.fallback.responses]
    return [attachment.source for responses in spoken for one in responses for attachment in one.attachments]


def _is_there(source: str) -> bool:
    return source.startswith("https://") or Path(source).is_file()


def _write(kept: Path, key: str, catalog: IntentCatalog, findings: tuple[Finding, ...]) -> None:
    value = {"key": key} | loaded_to_json(catalog, findings)
    with contextlib.suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(kept, json.dumps(value).encode(), mode=0o600)
