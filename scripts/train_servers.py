"""Training the catalogs of single servers (`SERVER_INTENTS`) when they are due, each in a process of its own."""

import subprocess
import sys
from collections.abc import Sequence

from bot.catalog_places import own_catalogs, own_models_dir
from bot.config import Settings

INTERRUPTED = 130


def train_servers_if_due(settings: Settings, options: Sequence[str]) -> int:
    """Train every catalog of a server that is due; return 0, or 130 if that was interrupted.

    One that cannot be trained has said why, and keeps no bot from starting: the common catalog serves in its place.

    Parameters
    ----------
    settings
        Of the bot.
    options
        Of the command line, such as the encoder.
    """
    for path in dict.fromkeys(own_catalogs(settings).values()):
        models_dir = own_models_dir(settings.models_dir, path)
        command = [sys.executable, "-m", "scripts.train", *options]
        command += ["--if-due", "--intents", str(path), "--models", str(models_dir)]
        try:
            code = subprocess.run(command, check=False).returncode  # noqa: S603 - this very program
        except KeyboardInterrupt:
            return INTERRUPTED
        if code == INTERRUPTED:
            return INTERRUPTED
        if code:
            print(f"{path} was not trained: its servers get the common intents.", file=sys.stderr)
    return 0
