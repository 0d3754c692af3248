"""Reading a catalog beside members who are being answered: `python -m bot.catalog_reading PATH KEPT`.

Reading YAML and checking a catalog takes half a second of computing and 30 MB of libraries.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.children import ask_child
from intents.findings import CatalogError, Finding
from intents.kept import Loaded, kept_catalog, load_kept_catalog, loaded_from_json, loaded_to_json
from model.text import normalise

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
    found = kept_catalog(path, kept) or ask_child("bot.catalog_reading", (path, kept), _understand)
    return load_kept_catalog(path, normalise, kept) if found is None else found


def _understand(value: Mapping[str, Any]) -> Loaded:
    if REFUSED in value:
        raise CatalogError(tuple(Finding.from_json(one) for one in value[REFUSED]))
    return loaded_from_json(value)


if __name__ == "__main__":
    main()
