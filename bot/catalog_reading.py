"""Reading a catalog beside members who are being answered: `python -m bot.catalog_reading PATH KEPT`.

Reading YAML and checking a catalog takes half a second of computing and 30 MB of libraries. In a process of its own it
keeps nobody waiting, and what it took goes back to the system.
"""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

from bot.children import SOMEWHAT_LATER, give_way, without_secrets
from intents.findings import CatalogError, Finding
from intents.kept import Loaded, kept_catalog, load_kept_catalog, loaded_from_json, loaded_to_json
from model.text import normalise

logger = logging.getLogger(__name__)

LIMIT_S = 60.0

REFUSED = "refused"
"""The field of what is wrong, in place of those of a catalog."""


def main() -> None:
    """Read a catalog, keep it for the next start, and write it to standard output, or what is wrong with it."""
    path, kept = map(Path, sys.argv[1:])
    try:
        found = loaded_to_json(*load_kept_catalog(path, normalise, kept))
    except CatalogError as error:
        found = {REFUSED: [one.to_json() for one in error.findings]}
    json.dump(found, sys.stdout)


def read_catalog(path: Path, kept: Path) -> Loaded:
    """Return a catalog and its warnings, read by another process if it was changed; blocking.

    Where no process can do it, it is read here.

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
    found = kept_catalog(path, kept) or _read_apart(path, kept)
    return load_kept_catalog(path, normalise, kept) if found is None else found


def _read_apart(path: Path, kept: Path) -> Loaded | None:
    command = [sys.executable, "-m", "bot.catalog_reading", str(path), str(kept)]
    environment = without_secrets(os.environ)
    try:
        child = subprocess.Popen(  # noqa: S603 - our own module
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
        )
        with child:
            give_way(child.pid, SOMEWHAT_LATER)
            try:
                written, errors = child.communicate(timeout=LIMIT_S)
            except subprocess.TimeoutExpired:
                child.kill()
                raise
        if child.returncode != 0:
            last = errors.decode("utf-8", "replace").strip().rpartition("\n")[2]
            logger.warning("the process that reads %s ended with %d: %s", path, child.returncode, last)
            return None
        value = json.loads(written)
        if REFUSED not in value:
            return loaded_from_json(value)
        findings = tuple(Finding.from_json(one) for one in value[REFUSED])
    except (OSError, subprocess.TimeoutExpired, ValueError, TypeError, KeyError, RecursionError) as error:
        logger.warning("%s could not be read by a process of its own: %s", path, error)
        return None
    raise CatalogError(findings)


if __name__ == "__main__":
    main()
