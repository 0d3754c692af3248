"""Training from chat: a child process that leaves the bot its processor, and what it trained past every check."""

import asyncio
import importlib.util
import logging
import math
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from adapters.base import Progress
from bot.children import give_way, without_secrets
from model.bundle import TRAIN_COMMAND
from model.classifier import IntentClassifier

logger = logging.getLogger(__name__)

LIBRARIES = ("tensorflow", "keras", "keras_hub", "sklearn", "scipy", "nltk")
"""What training imports first of what serving can do without."""

TOLD_EVERY_S = 5.0
"""How often progress is told: platforms limit how often a message may change."""

N_LINES = 6
"""Of what a training that failed wrote last, how many lines an admin reads."""

N_FIRST = 20
"""How many of the first lines are kept, which tell what is trained without."""

LONGEST_LINE = 300

NOT_INSTALLED = (
    "Training needs libraries that are not installed where I run. On a machine that has them"
    ' (`pip install -e ".[train]"`) run `{command}` on the same models directory, then `/admin reload`.'
)
BUSY = "A training is under way already{stage}. I shall say what came of it there, where it was started."

_PROGRESS = re.compile(r"progress: (?P<stage>.+) (?P<done>\d+)/(?P<total>\d+)")
_WITHOUT_ENCODER = "Training without the sentence encoder"


def has_libraries() -> bool:
    """Whether the libraries that train are installed."""
    return all(importlib.util.find_spec(name) is not None for name in LIBRARIES)


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of a training.

    Parameters
    ----------
    name
        Of the bundle; None where there is none.
    failure
        What the admin reads where there is none.
    remarks
        What the admin should know where there is one.
    """

    name: str | None
    failure: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Course:
    """One catalog to train, and what becomes of the model.

    Parameters
    ----------
    intents_path
        What to train on.
    models_dir
        Where the model goes.
    serving
        Returns the classifier in service.
    activate
        Checks a model of that directory by its name, puts it in service if it passes, and says what came of it.
    command
        What an operator runs in place of `/admin retrain`.
    note
        What the admin should know beside what came of it.
    """

    intents_path: Path
    models_dir: Path
    serving: Callable[[], IntentClassifier]
    activate: Callable[[str, Progress], Awaitable[str]]
    command: str = TRAIN_COMMAND
    note: str = ""


class Retrainer:
    """Trains one model at a time, and puts it in service if it passes.

    Parameters
    ----------
    environment
        That of the bot, with what `.env` says; of it the child gets all but the secrets.
    program
        The command line that trains; arguments are added to it.
    can_train
        Whether the libraries are there.
    clock
        Returns seconds that never go back.
    """

    def __init__(
        self,
        *,
        environment: Mapping[str, str],
        program: Sequence[str] = (sys.executable, "-m", "scripts.train"),
        can_train: Callable[[], bool] = has_libraries,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._environment = without_secrets(environment)
        self._program = tuple(program)
        self._can_train = can_train
        self._clock = clock
        self._stage: str | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._is_closed = False

    async def retrain(self, course: Course, progress: Progress) -> str:
        """Train, put the model in service if it passes every check, and say what came of it."""
        if not self._can_train():
            return NOT_INSTALLED.format(command=course.command)
        if self._stage is not None:
            return BUSY.format(stage=f" ({self._stage})" if self._stage else "")
        self._stage = ""
        started = self._clock()
        try:
            trained = await self._train(course, progress)
            if trained.name is None:
                return trained.failure
            minutes = (self._clock() - started) / 60
            told = await course.activate(trained.name, progress)
        finally:
            self._stage = None
        notes = [course.note] if course.note else []
        return "\n".join([f"Trained {trained.name} in {minutes:.1f} minutes.", *trained.remarks, told, *notes])

    async def _train(self, course: Course, progress: Progress) -> Trained:
        """Run the child to its end; whatever happens to the caller, it does not outlive it."""
        await progress("Training has begun. I go on answering meanwhile.")
        process = await asyncio.create_subprocess_exec(
            *self._program,
            *_arguments(course),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment,
            start_new_session=True,  # a group of its own, so that all that it starts can be ended with it
        )
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        give_way(process.pid)
        try:
            if self._is_closed:  # while it was started
                await _end(process)
            following = self._follow(process.stderr, progress)
            written, lines = await asyncio.gather(process.stdout.read(), following)
            code = await process.wait()
        finally:
            await _end(process)
            self._process = None
        if code != 0:
            logger.warning("training ended with code %d", code)
            return Trained(None, self._failure(code, lines[-N_LINES:]))
        name = Path(written.decode("utf-8", "replace").partition("\n")[0].strip()).name
        return Trained(name, remarks=tuple(line for line in lines if line.startswith(_WITHOUT_ENCODER)))

    async def _follow(self, stream: asyncio.StreamReader, progress: Progress) -> list[str]:
        """Tell the progress that a child writes, and return its other lines: the first ones, and the last."""
        lines: list[str] = []
        told_at = -math.inf
        async for line in _lines(stream):
            found = _PROGRESS.fullmatch(line)
            if found is None:
                lines.append(line[:LONGEST_LINE])
                del lines[N_FIRST:-N_LINES]
                continue
            self._stage = f"{found['stage']}, {found['done']} of {found['total']}"
            if self._clock() - told_at >= TOLD_EVERY_S:
                told_at = self._clock()
                await progress(f"Training: {self._stage}.")
        return lines

    def _failure(self, code: int, last: Sequence[str]) -> str:
        if self._is_closed:
            return "The training was broken off, since I am stopping. The old model stays."
        how = f"was ended by signal {-code}" if code < 0 else "failed"
        return "\n".join([f"The training {how}, and the old model still answers. The last that it wrote:", *last])

    async def aclose(self) -> None:
        """End a training that is under way, and all that it started."""
        self._is_closed = True
        if self._process is not None:
            await _end(self._process)


def _arguments(course: Course) -> list[str]:
    """Return what is trained and how: without an encoder if that was chosen for the model in service."""
    manifest = course.serving().bundle.manifest
    was_chosen = bool(manifest.training.get("is_encoder_chosen"))
    encoder = ["--encoder", "none"] if was_chosen and manifest.config.get("encoder") is None else []
    paths = ["--intents", str(course.intents_path), "--models", str(course.models_dir)]
    return [*paths, *encoder, "--no-activate", "--progress", "lines"]


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[str]:
    """Yield the lines of a stream, however long one is."""
    rest = b""
    while data := await stream.read(65_536):
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace").strip()
        rest = rest[-65_536:]
    if rest:
        yield rest.decode("utf-8", "replace").strip()


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a process and its group at once: a training leaves nothing half written under a name that counts."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            if sys.platform == "win32":
                process.kill()
            else:
                os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
