"""Which servers have a catalog of their own, and where its models are kept. Imports nothing that takes time."""

import hashlib
import re
from pathlib import Path

from bot.config import Settings

SERVERS_DIR = "servers"


def own_catalogs(settings: Settings) -> dict[tuple[str, str], Path]:
    """Return the catalogs of servers that are not the common one, by platform and server."""
    return {place: path for place, path in settings.server_intents.items() if path != settings.intents_path}


def own_models_dir(models_dir: Path, intents_path: Path) -> Path:
    """Return where the models of a server's catalog are kept: named like its file, and apart from its namesakes."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", intents_path.stem).strip("-") or "catalog"
    digest = hashlib.sha256(intents_path.as_posix().encode("utf-8", "surrogateescape")).hexdigest()
    return models_dir / SERVERS_DIR / f"{name}-{digest[:8]}"
