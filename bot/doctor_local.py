"""What can be examined without the network: bundle, libraries, disk, what is kept over restarts."""

import contextlib
import json
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from bot.config import Settings
from bot.database import DATABASE_FILE
from bot.findings import Finding, fatal, note, ok, warning
from intents.findings import CatalogError
from intents.validation import load_catalog
from model.bundle import TRAIN_COMMAND, Bundle, BundleError, current_path, fingerprint, load_bundle
from model.runtime import load_runtime
from model.text import normalise

LEAST_PYTHON = (3, 11)
LIBRARIES = ("discord.py", "python-telegram-bot", "aiohttp", "ai-edge-litert", "numpy", "tokenizers")
PLENTY_BYTES = 500 * 2**20
"""A trained bundle takes up to 120 MB, and a new one is written beside the old."""

LITTLE_BYTES = 50 * 2**20


def examine_locally(settings: Settings) -> Iterator[Finding]:
    """Examine all of it."""
    yield from examine_access(settings)
    yield from examine_libraries()
    yield from examine_bundle(settings)
    yield from examine_disk(settings)
    yield from examine_state(settings.state_dir)


def examine_access(settings: Settings) -> Iterator[Finding]:
    """Look at which platforms are set up, and who is an admin there."""
    platforms = {
        "DISCORD": (settings.discord_token, settings.discord_admin_ids | settings.discord_admin_role_ids),
        "TELEGRAM": (settings.telegram_token, settings.telegram_admin_ids),
    }
    if not any(token for token, _ in platforms.values()):
        yield note(
            "tokens", "none is set, so the bot is a chat in the terminal", "Set DISCORD_TOKEN or TELEGRAM_TOKEN."
        )
    for name, (token, admins) in platforms.items():
        is_open = name == "DISCORD" and settings.discord_managers_are_admins
        if token and not admins and not is_open:
            yield warning("admins", f"{name.title()} has none, so nobody can reload there", f"Set {name}_ADMIN_IDS.")


def examine_libraries() -> Iterator[Finding]:
    """Look at the versions of what the bot stands on."""
    python = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < LEAST_PYTHON:
        yield fatal("Python", python, "Install Python 3.11 or a later one.")
    versions = {name: _version(name) for name in LIBRARIES}
    found = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    yield ok("libraries", f"Python {python}, {found}")
    missing = [name for name, version in versions.items() if not version and name != "ai-edge-litert"]
    if missing:
        yield fatal("libraries", f"{', '.join(missing)} not installed", "Run `make setup`, or `pip install .`.")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def examine_bundle(settings: Settings) -> Iterator[Finding]:
    """Load the model as the bot would, and hold it against the catalog."""
    try:
        bundle = load_bundle(current_path(settings.models_dir))
        runtime = load_runtime(bundle, settings.model_runtime)  # which scores a first text
    except BundleError as error:
        yield fatal("bundle", str(error))  # which tells the mend
        return
    yield ok("bundle", f"{bundle.name} verifies and scores, {len(bundle.catalog.intents)} intents, {runtime.name}")
    yield from _examine_catalog(settings.intents_path, bundle)


def _examine_catalog(path: Path, bundle: Bundle) -> Iterator[Finding]:
    try:
        catalog, warnings = load_catalog(path, normalise)
    except CatalogError as error:
        first, *more = str(error).splitlines()
        rest = f" (and {len(more)} more)" if more else ""
        yield warning(
            "intents",
            f"the intents as trained are served, for {first}{rest}",
            f"`python -m scripts.validate {path}` shows all.",
        )
        return
    if fingerprint(catalog, bundle.manifest.config) != bundle.manifest.fingerprint:
        yield warning(
            "intents",
            f"the patterns in {path} are not those that the model was trained on, so the intents as trained are served",
            f"Run `{TRAIN_COMMAND}`, then reload.",
        )
    elif warnings:
        yield note(
            "intents", f"{path} has {len(warnings)} warnings", f"`python -m scripts.validate {path}` shows them."
        )
    else:
        yield ok("intents", f"{path} fits the bundle")


def examine_disk(settings: Settings) -> Iterator[Finding]:
    """Look at whether the directories can be written to, and how much room they have."""
    for variable, path in (("MODELS_DIR", settings.models_dir), ("STATE_DIR", settings.state_dir)):
        place = _existing(path)
        try:
            with tempfile.TemporaryFile(dir=place):
                pass
            free_bytes = shutil.disk_usage(place).free
        except OSError as error:
            mend = f"Let the bot's account write to {path.absolute()}, or set {variable}."
            reason = error.strerror or type(error).__name__
            if variable == "STATE_DIR":
                yield fatal(variable, f"{path} cannot be written to ({reason}): settings and votes would be lost", mend)
            else:
                yield warning(variable, f"{path} cannot be written to ({reason}): no training here", mend)
            continue
        free = f"{free_bytes / 2**20:,.0f} MB free"
        if free_bytes < LITTLE_BYTES:
            yield fatal(variable, f"{path} has {free}", "Make room on that disk.")
        elif free_bytes < PLENTY_BYTES:
            yield warning(variable, f"{path} has {free}, too little for a new model", "Make room on that disk.")
        else:
            yield ok(variable, f"{path} can be written to, {free}")


def _existing(path: Path) -> Path:
    """Return a directory, or the nearest one above it that is there: in it the bot would make it."""
    path = path.absolute()
    return next(one for one in (path, *path.parents) if one.exists())


def examine_state(state_dir: Path) -> Iterator[Finding]:
    """Look at whether what is kept over restarts is whole."""
    file = state_dir / DATABASE_FILE
    if not file.is_file():
        return
    try:
        with contextlib.closing(_open_read_only(file)) as database:
            (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        verdict = str(error)
    if verdict == "ok":
        yield ok("state", f"{file} is whole")
    else:
        yield warning("state", f"{file} is damaged ({verdict})", "Restore it from a backup: docs/operations.md.")


def listening_channels(state_dir: Path, platform: str) -> frozenset[str]:
    """Return the ids of the channels of a platform where the bot answers unasked; none where that cannot be read."""
    channels: set[str] = set()
    with contextlib.suppress(sqlite3.Error, ValueError, TypeError, AttributeError):
        if (state_dir / DATABASE_FILE).is_file():
            with contextlib.closing(_open_read_only(state_dir / DATABASE_FILE)) as database:
                query = "SELECT settings FROM server_settings WHERE platform = ?"
                for (text,) in database.execute(query, (platform,)):
                    channels.update(map(str, json.loads(text).get("listening", ())))
    return frozenset(channels)


def _open_read_only(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=5.0)
