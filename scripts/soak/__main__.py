"""`python -m scripts.soak`: what Parley must withstand over years, in minutes or hours; exit code 1 if it does not."""

import argparse
import asyncio
import dataclasses
import logging
import os
import sys
import tempfile
import time
from pathlib import Path

from bot.config import Settings
from bot.process import prepare_process
from model.bundle import BundleError, current_path
from scripts.options import fail, settings_or_exit, training_libraries, write_json
from scripts.soak.rows import Measure, Plan, Row

with training_libraries():
    from rich.table import Table

    from scripts.tables import plain_console

NAMES = ("reloads", "kills", "throughput", "day", "texts", "stranger")


def main() -> int:
    """Measure what is asked for, print it; return 0 if all is reached."""
    settings = settings_or_exit()
    parser = argparse.ArgumentParser(prog="python -m scripts.soak", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(NAMES)} (all)")
    parser.add_argument("--quick", action="store_true", help="as little of each as shows that it works")
    parser.add_argument("--scale", type=float, default=1.0, metavar="SHARE", help="do this share of it (%(default)s)")
    parser.add_argument("--models", type=Path, default=settings.models_dir, metavar="DIR", help="(%(default)s)")
    parser.add_argument("--intents", type=Path, default=settings.intents_path, metavar="PATH", help="(%(default)s)")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the figures here too")
    arguments = parser.parse_args()
    if unknown := set(arguments.rows) - set(NAMES):
        parser.error(f"no row is called {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    logging.basicConfig(level=logging.CRITICAL)
    prepare_process()  # as the bot does
    try:
        current_path(arguments.models)
    except BundleError as error:
        fail(error)
    found = {name: _measured(name, arguments, settings) for name in arguments.rows or NAMES}
    if arguments.json is not None:
        write_json(arguments.json, {name: [dataclasses.asdict(row) for row in rows] for name, rows in found.items()})
    return 0 if all(row.is_reached is not False for rows in found.values() for row in rows) else 1


def _measured(name: str, arguments: argparse.Namespace, settings: Settings) -> list[Row]:
    with tempfile.TemporaryDirectory() as directory:
        stories = settings.stories if arguments.intents == settings.intents_path else None
        plan = Plan(arguments.models, arguments.intents, stories, Path(directory), arguments.quick, arguments.scale)
        started = time.monotonic()
        rows = asyncio.run(_measure_of(name)(plan))
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    title = f"{name}: {time.monotonic() - started:.0f} s, load {load}"
    table = Table("", "measured", "must reach", "", title=title, title_justify="left")
    for row in rows:
        table.add_row(row.name, row.figure, row.reach, {True: "yes", False: "NO", None: ""}[row.is_reached])
    plain_console().print(table)
    return rows


def _measure_of(name: str) -> Measure:
    """Return what measures a row; each brings its own libraries."""
    from scripts.soak import crowd, kills, reloads, stranger, texts  # noqa: PLC0415

    measures: dict[str, Measure] = {
        "reloads": reloads.measure,
        "kills": kills.measure,
        "throughput": crowd.throughput,
        "day": crowd.day,
        "texts": texts.measure,
        "stranger": stranger.measure,
    }
    return measures[name]


if __name__ == "__main__":
    sys.exit(main())
