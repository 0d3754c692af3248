"""Reading a catalog beside members who are being answered: `python -m bot.catalog_reading PATH KEPT`.

Reading YAML and checking a catalog takes half a second of computing and 30 MB of libraries. In a process of its own it
keeps nobody waiting, and what it took goes back to the system.
"""

import logging
import os
import subprocess
import sys
from pathlib import Path

from bot.children import give_way, without_secrets
from intents.catalog import IntentCatalog
from intents.findings import CatalogError, Finding
from intents.kept import kept_catalog, load_kept_catalog
from model.text import normalise

logger = logging.getLogger(__name__)

LIMIT_S = 60.0


def main() -> int:
    """Read a catalog, and keep it for whoever asked; return 1 where that fails, which who asked finds out again."""
    path, kept = map(Path, sys.argv[1:])
    try:
        load_kept_catalog(path, normalise, kept)
    except CatalogError:
        return 1
    return 0


def read_catalog(path: Path, kept: Path) -> tuple[IntentCatalog, tuple[Finding, ...]]:
    """Return a catalog and its warnings, read by another process if it was changed; blocking.

    Where that process fails the catalog is read here, be it to say what its errors are.

    Parameters
    ----------
    path
        A file of intents, or a directory of them.
    kept
        Where it is kept as it was last read.

    Raises
    ------
    CatalogError
        Something in the catalog is an error; it holds everything found.
    """
    found = kept_catalog(path, kept)
    if found is None:
        _read_apart(path, kept)
        found = load_kept_catalog(path, normalise, kept)
    return found


def _read_apart(path: Path, kept: Path) -> None:
    command = [sys.executable, "-m", "bot.catalog_reading", str(path), str(kept)]
    try:
        child = subprocess.Popen(  # noqa: S603 - our own module
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=without_secrets(os.environ),
        )
    except OSError as error:
        logger.warning("no process can be started to read %s: %s", path, error)
        return
    with child:
        give_way(child.pid)
        try:
            child.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            logger.warning("reading %s in a process of its own took over %g s", path, LIMIT_S)
            child.kill()


if __name__ == "__main__":
    sys.exit(main())
