"""What the command lines share: the settings of the bot as their defaults, leaving with an error, files of figures."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from bot.config import ConfigError, Settings, parse_settings, read_environment


def settings_or_exit() -> Settings:
    """Return the settings; leave with exit code 78 and the faults if they are wrong."""
    try:
        return parse_settings(read_environment())
    except ConfigError as error:
        print(error, file=sys.stderr)
        sys.exit(78)


def fail(error: Exception) -> NoReturn:
    """Leave with exit code 1 and the error's text."""
    print(error, file=sys.stderr)
    sys.exit(1)


def write_json(path: Path, figures: Mapping[str, Any]) -> None:
    """Write figures to a file, or leave with exit code 1."""
    try:
        path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        fail(error)
