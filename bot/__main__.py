"""`python -m bot`."""

import os
import signal
from typing import NoReturn


def main() -> NoReturn:
    """Obey signals from the first moment on, then run the command line."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # until the event loop takes the signals over there is nothing to finish
        signal.signal(number, lambda *_: os._exit(0))
    from bot import cli  # noqa: PLC0415 - importing takes a while, during which a signal may come

    cli.main()


if __name__ == "__main__":
    main()
