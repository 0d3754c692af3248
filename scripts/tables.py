"""The console that the command lines draw their tables on."""

from rich.console import Console


def plain_console(*, stderr: bool = False) -> Console:
    """Return a console that shows tags and paths as they are written, whatever brackets or colons they hold."""
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)
