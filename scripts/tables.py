"""The console that the command lines draw their tables on."""

import io
import sys

from rich.console import Console


def plain_console(*, stderr: bool = False) -> Console:
    """Return a console that shows texts as they are written, whatever brackets or colons they hold.

    What the stream cannot encode, such as half a surrogate pair in a pattern, is shown as its number.
    """
    stream = sys.stderr if stderr else sys.stdout
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)
