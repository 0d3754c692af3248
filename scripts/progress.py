"""The progress of what takes minutes, on standard error: a bar for people, lines for programs."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from scripts.tables import plain_console

Tell = Callable[[str, int, int], None]
"""Hears what is being done, how much of it is done, and of how much."""

LINE = "progress: {stage} {done}/{total}"
"""What programs read."""


@contextmanager
def progress_lines() -> Iterator[Tell]:
    """Write a line for every step."""

    def tell(stage: str, done: int, total: int) -> None:
        print(LINE.format(stage=stage, done=done, total=total), file=sys.stderr, flush=True)

    yield tell


@contextmanager
def progress_bar() -> Iterator[Tell]:
    """Show a bar while the block runs."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=plain_console(stderr=True), transient=True) as progress:
        bar = progress.add_task("preparing", total=None)

        def tell(stage: str, done: int, total: int) -> None:
            progress.update(bar, description=stage, completed=done, total=total)

        yield tell
