"""What the command lines share: their options' defaults, from the same settings as the bot."""

import sys
from typing import NoReturn

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
