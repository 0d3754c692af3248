"""Training from chat: what is started and how, what is told, and that nothing of it is left when it is broken off."""

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from bot.children import LEAST_PRIORITY
from bot.inference import Inference
from bot.reloading import Reloader
from bot.retraining import N_LINES, NOT_INSTALLED, TOLD_EVERY_S, Course, Retrainer
from bot.service import ServiceLoader
from model.bundle import TRAIN_COMMAND, current_path, set_current
from scripts.progress import LINE
from tests.unit.fakes import WAIT_S, Clock, FakeClassifier, Sentences

if TYPE_CHECKING:
    from tests.conftest import Trained

PROGRESS = "import sys; say = lambda text: print(text, file=sys.stderr, flush=True)\n"
SUCCESS = PROGRESS + "say('Training on 3 patterns ...'); print('models/new-1'); print('a table')"
HANG = (
    PROGRESS
    + "import os, signal, subprocess\n"
    + "child = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'])\n"
    + "say(f'progress: pids {os.getpid()}/{child.pid}'); signal.pause()"
)


needs_linux = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="no way to wait for another's child")


async def activate(name: str, _progress: object) -> str:
    """Say what was to be put in service."""
    return f"activated {name}"


def course_on(classifier: FakeClassifier, **changes: Any) -> Course:
    """A catalog to train, over a model in service."""
    course = Course(Path("intents.yaml"), Path("models"), lambda: classifier, activate)  # type: ignore[arg-type,return-value]
    return replace(course, **changes)


COURSE = course_on(FakeClassifier())
COURSE.serving().bundle.manifest = SimpleNamespace(training={}, config={"encoder": None})  # type: ignore[misc,assignment]


class Told:
    """A `Progress` that sets an event when it hears something about training."""

    def __init__(self, clock: Clock) -> None:
        self.told: list[str] = []
        self.heard = asyncio.Event()
        self._clock = clock

    async def __call__(self, sentence: str) -> None:
        self.told.append(sentence)
        self._clock.now += TOLD_EVERY_S
        if sentence.startswith("Training: "):
            self.heard.set()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def retrainer(clock: Clock) -> Callable[..., Retrainer]:
    def make(script: str, **changes: Any) -> Retrainer:
        parameters: dict[str, Any] = {
            "environment": {**os.environ, "DISCORD_TOKEN": "secret"},
            "program": (sys.executable, "-c", script),
            "can_train": lambda: True,
            "clock": clock,
        }
        return Retrainer(**(parameters | changes))

    return make


async def retrain(one: Retrainer, progress: Any = None, course: Course = COURSE) -> str:
    return await asyncio.wait_for(one.retrain(course, progress or Sentences()), WAIT_S)


async def until_gone(pid: int) -> None:
    """Wait until a process, which need not be a child of this one, has ended."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    gone = asyncio.Event()
    asyncio.get_running_loop().add_reader(handle, gone.set)
    try:
        await asyncio.wait_for(gone.wait(), WAIT_S)
    finally:
        asyncio.get_running_loop().remove_reader(handle)
        os.close(handle)


async def test_what_was_trained_is_put_in_service(retrainer: Any) -> None:
    """Once it has passed the checks; the admin reads the outcome."""
    progress = Sentences()
    assert await retrain(retrainer(SUCCESS), progress) == "Trained new-1 in 0.0 minutes.\nactivated new-1"
    assert progress.told == ["Training has begun. I go on answering meanwhile."]


async def test_the_child_leaves_the_current_model_and_the_processor_alone(retrainer: Any) -> None:
    """Its command line, its priority, its group, and what it is not told."""
    script = (
        "import os, sys\n"
        "print(' '.join(sys.argv[1:]), os.nice(0), os.getpgid(0) == os.getpid(),"
        " repr(os.environ['DISCORD_TOKEN']), file=sys.stderr)\n"
        "sys.exit(1)"
    )
    seen = (await retrain(retrainer("import signal; sys=1\n" + _after_priority(script)))).splitlines()[-1]
    assert seen == (f"--intents intents.yaml --models models --no-activate --progress lines {LEAST_PRIORITY} True ''")


def _after_priority(script: str) -> str:
    """A script that begins when it was made to give way, however late its parent comes to that."""
    return f"import os\nwhile os.nice(0) < {LEAST_PRIORITY}: os.sched_yield()\n{script}"


async def test_an_encoder_that_was_left_out_stays_out(retrainer: Any) -> None:
    """As with any training of a model that was trained so."""
    classifier = FakeClassifier()
    classifier.bundle.manifest = SimpleNamespace(training={"is_encoder_chosen": True}, config={"encoder": None})
    script = "import sys; print(sys.argv, file=sys.stderr); sys.exit(1)"
    assert "'--encoder', 'none'" in await retrain(retrainer(script), course=course_on(classifier))


async def test_progress_is_told_now_and_then(retrainer: Any, clock: Clock) -> None:
    """As `scripts.train` writes it; not every step, for a chat takes only so many changes."""
    lines = [LINE.format(stage="fine-tuning", done=done, total=4) for done in range(1, 5)]
    script = PROGRESS + f"[say(line) for line in {lines!r}]; print('models/new-1')"
    begun = "Training has begun. I go on answering meanwhile."
    all_told = [f"Training: fine-tuning, {done} of 4." for done in range(1, 5)]
    slowly, at_once = Told(clock), Sentences()
    await retrain(retrainer(script), slowly)
    assert slowly.told == [begun, *all_told]
    await retrain(retrainer(script), at_once)
    assert at_once.told == [begun, all_told[0]]


async def test_a_failure_shows_what_was_written_last(retrainer: Any) -> None:
    """The lines that matter, and the way it ended; no flood of them."""
    script = PROGRESS + "[say(f'line {number} ' + 999 * 'x') for number in range(50)]; say('no disk'); sys.exit(1)"
    told = (await retrain(retrainer(script))).splitlines()
    assert told[0] == "The training failed, and the old model still answers. The last that it wrote:"
    assert told[-1] == "no disk"
    assert len(told) == 1 + N_LINES
    assert max(map(len, told)) <= 300
    killed = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert "was ended by signal 9" in await retrain(retrainer(killed))


async def test_a_model_without_the_encoder_is_remarked_upon(retrainer: Any) -> None:
    """It would be much less sure, whatever came after that line."""
    script = PROGRESS + "say('Training without the sentence encoder, ...'); [say('x') for _ in range(99)]; print('m')"
    assert "\nTraining without the sentence encoder, ...\n" in await retrain(retrainer(script))


async def test_without_the_libraries_the_command_is_named(retrainer: Any) -> None:
    """That of the catalog in question; nothing is started."""
    one = retrainer("raise SystemExit", can_train=lambda: False)
    assert await retrain(one) == NOT_INSTALLED.format(command=TRAIN_COMMAND)
    assert "run `train my club`" in await retrain(one, course=replace(COURSE, command="train my club"))


@needs_linux
async def test_a_second_training_is_refused_and_the_bots_end_ends_the_first(retrainer: Any, clock: Clock) -> None:
    """Politely, with how far the first is; and of what the first started, nothing is left."""
    one, progress = retrainer(HANG), Told(clock)
    first = asyncio.create_task(retrain(one, progress))
    await asyncio.wait_for(progress.heard.wait(), WAIT_S)
    pids = [int(word) for word in progress.told[-1].rstrip(".").split() if word.isdigit()]
    second = await retrain(one)
    assert second.startswith(f"A training is under way already (pids, {pids[0]} of {pids[1]}).")
    await one.aclose()
    assert "broken off" in await first
    for pid in pids:
        await until_gone(pid)


@needs_linux
async def test_a_caller_that_goes_away_takes_the_training_along(retrainer: Any, clock: Clock) -> None:
    """And the next one may begin."""
    one, progress = retrainer(HANG), Told(clock)
    task = asyncio.create_task(retrain(one, progress))
    await asyncio.wait_for(progress.heard.wait(), WAIT_S)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for word in progress.told[-1].rstrip(".").split():
        if word.isdigit():
            await until_gone(int(word))
    one._program = (sys.executable, "-c", SUCCESS)
    assert (await retrain(one)).endswith("activated new-1")


# With a trained model.


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


async def test_what_does_not_pass_stays_out_of_service(trained: "Trained", executor: ThreadPoolExecutor) -> None:
    """A bundle that a training has left damaged: the old one is served and current, and the admin reads why."""
    loader = ServiceLoader(trained.models_dir, trained.intents_path)
    inference = Inference(loader.at_start().classifier)
    old = trained.bundle_path
    script = (
        f"import shutil; shutil.copytree({str(old)!r}, {str(old) + '-2'!r});"
        f"open({str(old) + '-2/serving.tflite'!r}, 'wb').close(); print({str(old) + '-2'!r})"
    )
    one = Retrainer(environment=os.environ, program=(sys.executable, "-c", script), can_train=lambda: True)
    reloader = Reloader(inference, loader, executor)
    course = Course(trained.intents_path, trained.models_dir, lambda: inference.classifier, reloader.activate)
    try:
        told = await retrain(one, course=course)
        assert "Nothing was reloaded, and the old model still answers." in told
        assert "The check that failed: files of the model." in told
        assert f"/admin rollback {old.name}-2" in told
        assert current_path(trained.models_dir) == old
        assert inference.classifier.bundle.path == old
        set_current(trained.models_dir, old.name)
    finally:
        inference.close()
