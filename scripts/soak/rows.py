"""A figure beside what it must reach."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Measure = Callable[["Plan"], Coroutine[Any, Any, list["Row"]]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure with, and how much of it.

    Parameters
    ----------
    models_dir, intents_path
        Of the bundle and the intents; both are only read.
    stories_path
        What a reload plays; None for nothing.
    directory
        For what a measurement writes; empty, and removed afterwards.
    is_quick
        Whether seconds must do.
    scale
        The share of the whole measurement that is done, from 0 to 1.
    """

    models_dir: Path
    intents_path: Path
    stories_path: Path | None
    directory: Path
    is_quick: bool
    scale: float

    def times(self, whole: int, quick: int) -> int:
        """Return how often something is done."""
        return quick if self.is_quick else max(quick, round(whole * self.scale))


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Parameters
    ----------
    name
        What was done.
    figure
        What came of it.
    reach
        What it must reach.
    is_reached
        Whether it does; None where it is for information.
    """

    name: str
    figure: str
    reach: str
    is_reached: bool | None
