"""`python -m scripts.export_intents`: the patterns of a catalog as training data of Rasa, in YAML.

What Rasa keeps in other files (answers, slots, follow-ups) is left out, except that a follow-up keeps its full tag.
"""

import argparse
import sys
from pathlib import Path

from intents.findings import CatalogError
from intents.validation import load_catalog
from model.text import normalise
from scripts.importers.rasa_export import to_rasa
from scripts.options import fail, settings_or_exit


def main() -> int:
    """Export; return 0, or 1 if something cannot be read or written."""
    settings = settings_or_exit()
    parser = argparse.ArgumentParser(prog="python -m scripts.export_intents", description=__doc__.splitlines()[0])
    parser.add_argument(
        "path", nargs="?", type=Path, default=settings.intents_path, help="a file or a directory (%(default)s)"
    )
    parser.add_argument("--to", type=Path, metavar="FILE", help="write here (standard output)")
    arguments = parser.parse_args()
    try:
        catalog, _ = load_catalog(arguments.path, normalise)
        text = to_rasa(catalog)
        if arguments.to is None:
            sys.stdout.buffer.write(text.encode())
        else:
            arguments.to.write_text(text, encoding="utf-8")
    except (CatalogError, OSError) as error:
        fail(error)
    if arguments.to is not None:
        print(arguments.to)
    return 0


if __name__ == "__main__":
    sys.exit(main())
