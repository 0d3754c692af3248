"""`python -m scripts.inbox`: what the bot could not answer or was voted down, in groups that are alike.

The groups go to standard output, or with `--json` the whole inbox, a JSON object a line.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from bot.config import Settings
from bot.database import DATABASE_FILE, Database, DatabaseError
from bot.inbox import SCHEMA, Entry, Inbox
from bot.inbox_groups import grouped, json_lines, listing
from intents.findings import CatalogError
from intents.validation import load_catalog
from model.text import normalise
from scripts.options import fail, settings_or_exit


def main() -> int:
    """Print what is there; return 0, or 1 if something cannot be read."""
    settings = settings_or_exit()
    parser = argparse.ArgumentParser(prog="python -m scripts.inbox", description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="a JSON object a line, of everything")
    arguments = parser.parse_args()
    if settings.inbox == "off":
        fail("INBOX is off, so nothing is kept: set it to counts or text, and start the bot anew")
    try:
        entries = asyncio.run(_entries(settings))
        catalog, _ = load_catalog(settings.intents_path, normalise)
    except (DatabaseError, CatalogError) as error:
        fail(error)
    groups = grouped(entries, [pattern for intent in catalog.intents for pattern in intent.patterns])
    print(json_lines(groups) if arguments.json else listing(groups, len(groups)), end="" if arguments.json else "\n")
    return 0


async def _entries(settings: Settings) -> Sequence[Entry]:
    file = settings.state_dir / DATABASE_FILE
    if not file.is_file():
        return ()
    database = await Database.open(file, SCHEMA)
    try:
        return await Inbox(database, mode=settings.inbox).entries()
    finally:
        await database.close()


if __name__ == "__main__":
    sys.exit(main())
