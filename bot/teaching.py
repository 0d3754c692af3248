"""What admins teach: patterns that they type, written into the intents' files, and the way back.

Nothing is ever taken from what others wrote.
"""

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.quoting import quoted
from model.text import normalise

if TYPE_CHECKING:
    from intents.editing import Edit

logger = logging.getLogger(__name__)

MAX_PATTERN = 300
"""Characters of a pattern: what one person asks in one breath."""

MAX_UNDONE = 50
"""How many patterns can be taken back."""

USAGE = "Type an intent and a text that means it: `/admin teach opening_hours when do you open`"


@dataclass(frozen=True, slots=True)
class Lesson:
    """The catalog that is taught.

    Parameters
    ----------
    path
        A file of intents, or a directory of them.
    tags
        Those in service; what is typed may begin with a tag that holds blanks.
    training
        How the model gets to know what was taught.
    """

    path: Path
    tags: Sequence[str]
    training: str = "`/admin retrain`"


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a pattern: whether it is in the catalog now, and what its admin reads."""

    is_taught: bool
    text: str


@dataclass(frozen=True, slots=True)
class Taught:
    """A pattern that was added."""

    lesson: Lesson
    tag: str
    text: str
    edit: "Edit"


class Teacher:
    """Adds patterns to catalogs, one at a time, whoever teaches.

    Parameters
    ----------
    executor
        The threads to read and write on.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._lock = asyncio.Lock()
        self._taught: list[Taught] = []

    async def teach(self, lesson: Lesson, typed: str) -> str:
        """Add a pattern, and say what came of it.

        Parameters
        ----------
        lesson
            The catalog that is meant.
        typed
            The tag of the intent and the pattern, a blank between.
        """
        tag, text = split_tag(typed, lesson.tags)
        return (await self.add(lesson, tag, text)).text if tag and text else USAGE

    async def add(self, lesson: Lesson, tag: str, text: str) -> Told:
        """Add a pattern to an intent.

        Parameters
        ----------
        lesson
            The catalog that is meant.
        tag, text
            The intent and the pattern, as the admin typed or chose them.
        """
        text = " ".join(text.split())
        if len(text) > MAX_PATTERN:
            too_long = f"at most {MAX_PATTERN} characters, as one person asks in one breath"
            return Told(is_taught=False, text=f"That is too long for a pattern: {too_long}.")
        from intents.editing import EditError, add_pattern  # noqa: PLC0415 - what reads YAML takes time to start

        async with self._lock:
            loop = asyncio.get_running_loop()
            try:
                edit = await loop.run_in_executor(self._executor, add_pattern, lesson.path, tag, text, normalise)
            except EditError as error:
                return Told(is_taught=False, text=f"Nothing was taught: {error}")
            self._taught = [*self._taught, Taught(lesson, tag, text, edit)][-MAX_UNDONE:]
        logger.info("a pattern was added to %s in %s", tag, edit.file)
        return Told(
            is_taught=True,
            text=f"Added {quoted(text)} to {tag} in {edit.file.name}; {edit.backup.name} is the file as it was."
            f" The model does not know it yet: training is due ({lesson.training}). `/admin undo` takes it back.",
        )

    async def undo(self, lesson: Lesson) -> str:
        """Take back the pattern that was taught last, and say what came of it.

        Parameters
        ----------
        lesson
            The catalog that is meant.
        """
        from intents.editing import EditError, undo  # noqa: PLC0415 - as above

        async with self._lock:
            last = next((one for one in reversed(self._taught) if one.lesson.path == lesson.path), None)
            if last is None:
                return "Nothing was taught since I started. Older patterns are taken out of the intents by hand."
            try:
                await asyncio.get_running_loop().run_in_executor(self._executor, undo, last.edit)
            except EditError as error:
                return f"Nothing was taken back: {error}"
            self._taught.remove(last)
        logger.info("a pattern of %s was taken back in %s", last.tag, last.edit.file)
        return (
            f"Took {quoted(last.text)} out of {last.tag} again. If a model was trained with it meanwhile, training is"
            f" due ({lesson.training})."
        )


def split_tag(typed: str, tags: Sequence[str]) -> tuple[str, str]:
    """Return the tag that a text begins with, the longest known one, and the rest; of none known, its first word."""
    typed = " ".join(typed.split())
    known = max((tag for tag in tags if f"{typed} ".startswith(f"{tag} ")), key=len, default=typed.partition(" ")[0])
    return known, typed[len(known) :].strip()
