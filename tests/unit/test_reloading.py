"""Reloads and rollbacks: what they say, what they refuse, and that whatever fails leaves the old model serving."""

import asyncio
import gc
import json
import logging
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from weakref import ref

import pytest

from bot.context import ContextStore
from bot.gate import Gate, RegressionGate, StoryGate
from bot.inference import Inference
from bot.metrics import Metrics
from bot.reloading import N_NAMED, Reloader, describe_changes
from bot.resting import MOST_REST_S
from bot.service import Service, ServiceLoader
from intents.catalog import Fallback, Intent
from intents.findings import CatalogError, Finding, Severity
from model.bundle import BundleMissingError, current_path, set_current
from model.versions import left_by_rollback, versions
from tests.unit.fakes import (
    CATALOG,
    HELLO,
    HOURS,
    PIZZA,
    WAIT_S,
    YES,
    Clock,
    FakeClassifier,
    Sentences,
    engine_of,
    said,
    saying,
)

if TYPE_CHECKING:
    from tests.conftest import Trained


# What changed.


def test_equal_catalogs_have_no_changes() -> None:
    """Nothing changed, and another order is no change."""
    assert describe_changes(CATALOG, CATALOG) == "The intents are the same."
    turned = replace(CATALOG, intents=CATALOG.intents[::-1])
    assert describe_changes(CATALOG, turned) == "The intents are the same."


def test_every_kind_of_change_is_named() -> None:
    """Intents that came, went or differ, by what differs, and the fallback answers."""
    new = replace(
        CATALOG,
        intents=(
            replace(HELLO, patterns=("hello", "hi"), responses=saying("Hi!")),
            replace(PIZZA, context_set=()),
            replace(YES, context_filter=()),
            Intent("thanks", ("thanks",), saying("You are welcome.")),
        ),
        fallback=Fallback(saying("Hm?")),
    )
    assert describe_changes(CATALOG, new) == (
        "Intents: 1 added (thanks); 1 removed (opening_hours); 1 with other patterns (greeting);"
        " 1 with other answers (greeting); 2 with other contexts (order_pizza and cheese_yes); other fallback answers."
    )


def test_many_changes_are_counted() -> None:
    """An answer in a chat names a few tags and the number of all."""
    many = tuple(Intent(f"tag_{number}", (f"p {number}",), saying("r")) for number in range(2 * N_NAMED))
    text = describe_changes(CATALOG, replace(CATALOG, intents=CATALOG.intents + many))
    assert text == "Intents: 10 added (tag_0, tag_1, tag_2, tag_3, tag_4 and more)."


# Reloading, over a loader that does what it is told.


class FakeLoader:
    """A `ServiceLoader` that returns or raises what it is given, and can be held up."""

    models_dir = Path("no-models")

    def __init__(self, result: Service | Exception) -> None:
        self.result = result
        self.entered = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    def anew(self, _serving: object = None) -> Service:
        self.entered.set()
        assert self.go_on.wait(WAIT_S)
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def service(*notes: str, **changes: Any) -> Service:
    return Service(FakeClassifier(replace(CATALOG, **changes), name="model-2"), notes)  # type: ignore[arg-type]


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


@pytest.fixture
def inference() -> Iterator[Inference]:
    inference = Inference(FakeClassifier(name="model-1"))  # type: ignore[arg-type]
    yield inference
    inference.close()


@pytest.fixture
def reloader(inference: Inference, executor: ThreadPoolExecutor) -> Callable[[Any], Reloader]:
    return lambda loader: Reloader(inference, loader, executor)


async def reload(reloader: Reloader, progress: Sentences | None = None) -> str:
    """Reload; return what it says, its duration left out."""
    text = await asyncio.wait_for(reloader.reload(progress or Sentences()), WAIT_S)
    return re.sub(r" in \d+\.\d s:", ":", text)


async def test_a_reload_says_what_is_new(reloader: Any, inference: Inference) -> None:
    """The new model serves; the answer tells both names, the changes, the duration and what to know of it."""
    new = service("Training is due.", intents=(HELLO, HOURS))
    progress = Sentences()
    text = await reload(reloader(FakeLoader(new)), progress)
    assert text == (
        "Reloaded: model model-2 in place of model-1. Intents: 2 removed (order_pizza and cheese_yes).\n"
        "Training is due."
    )
    assert inference.classifier is new.classifier
    assert len(progress.told) == 1


async def test_a_reload_of_the_same_model_says_so(reloader: Any) -> None:
    """When only the file was edited, the model keeps its name."""
    same = Service(FakeClassifier(name="model-1"))  # type: ignore[arg-type]
    text = await reload(reloader(FakeLoader(same)))
    assert text == "Reloaded: model model-1. The intents are the same."


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (BundleMissingError(Path("models")), "no trained model in models"),
        (CatalogError([Finding(Severity.ERROR, "i.json", "missing", tag="rules", field="tag")]), "i.json: rules: tag"),
        (MemoryError("secret detail"), "MemoryError, see the log"),
        (OSError("secret detail"), "OSError, see the log"),
    ],
    ids=["bundle", "catalog", "memory", "surprise"],
)
async def test_a_failure_leaves_the_old_model(reloader: Any, inference: Inference, error: Any, told: str) -> None:
    """The admin reads why, in few words, and may try again at once."""
    before = inference.classifier
    loader = FakeLoader(error)
    one = reloader(loader)
    text = await reload(one)
    assert text.startswith("Nothing was reloaded, and the old model still answers")
    assert told in text
    assert "secret detail" not in text
    assert inference.classifier is before
    loader.result = service()
    assert (await reload(one)).startswith("Reloaded")


async def test_many_findings_are_cut_short(reloader: Any) -> None:
    """A chat is no place for a hundred lines: some are shown, the rest counted, with the command that lists them."""
    findings = [Finding(Severity.ERROR, "i.json", "empty", tag=f"tag_{number}") for number in range(9)]
    lines = (await reload(reloader(FakeLoader(CatalogError(findings))))).splitlines()
    assert [line for line in lines if "tag_" in line] == [str(finding) for finding in findings[:N_NAMED]]
    assert lines[-1] == "... and 4 more; `python -m scripts.validate` lists all."


async def test_a_second_reload_waits_for_nothing(reloader: Any) -> None:
    """While one is under way another is turned down, and after it is welcome."""
    loader = FakeLoader(service())
    loader.go_on.clear()
    one = reloader(loader)
    first = asyncio.create_task(reload(one))
    assert await asyncio.to_thread(loader.entered.wait, WAIT_S)
    assert await reload(one) == "A reload is under way already. Try again when it has ended."
    loader.go_on.set()
    assert (await first).startswith("Reloaded")
    assert (await reload(one)).startswith("Reloaded")


# Reloading, with a trained model and its files.


class Bot:
    """An engine over a trained model in service."""

    def __init__(self, trained: "Trained", executor: ThreadPoolExecutor) -> None:
        self.stories = trained.intents_path.with_name("stories.yaml")
        self.stories.write_text("story: Hours\nturns:\n  - {user: when do you close, text: '10:00'}\n", "utf-8")
        self.regression = trained.intents_path.with_name("regression.jsonl")
        self.regression.write_text('{"text": "when do you open", "intent": "opening_hours"}\n', "utf-8")
        gate = Gate(StoryGate(self.stories, ()), RegressionGate(self.regression, 0.01))
        loader = ServiceLoader(trained.models_dir, trained.intents_path, gate=gate)
        self.models_dir = trained.models_dir
        self.metrics = Metrics()
        self._path = trained.intents_path
        self.inference = Inference(loader.at_start().classifier)
        self._engine = engine_of(self.inference, ContextStore(capacity=10, ttl_s=60.0, clock=Clock()))
        self.reloader = Reloader(self.inference, loader, executor, n_kept=3, metrics=self.metrics)

    async def answer(self, text: str) -> str:
        reply = await self._engine.reply(said(text))
        assert reply is not None
        return reply.text

    def edit(self, tag: str, **fields: Any) -> None:
        """Change an intent in the file."""
        content = json.loads(self._path.read_text("utf-8"))
        (intent,) = [intent for intent in content["intents"] if intent["tag"] == tag]
        intent.update(fields)
        self._path.write_text(json.dumps(content), "utf-8")

    async def reload(self) -> str:
        return await reload(self.reloader)

    async def rollback(self, asked: str = "") -> str:
        return await asyncio.wait_for(self.reloader.rollback(asked, Sentences()), WAIT_S)

    def add_version(self, *, days_newer: int = 1) -> str:
        """Put another bundle beside the current one, so much newer; return its name."""
        source = current_path(self.models_dir)
        manifest = json.loads((source / "manifest.json").read_bytes())
        created_at = datetime.fromisoformat(manifest["created_at"]) + timedelta(days=days_newer)
        path = self.models_dir / f"{created_at:%Y%m%d-%H%M%S}-{manifest['fingerprint'][:8]}"
        shutil.copytree(source, path)
        manifest["created_at"] = created_at.isoformat()
        (path / "manifest.json").write_text(json.dumps(manifest))
        return path.name


@pytest.fixture
def bot(trained: "Trained", executor: ThreadPoolExecutor) -> Iterator[Bot]:
    bot = Bot(trained, executor)
    yield bot
    bot.inference.close()


async def test_an_edited_response_takes_effect(bot: Bot) -> None:
    """Without training; conversations that were under way go on."""
    assert await bot.answer("I want a pizza") == "With cheese?"
    bot.edit("opening_hours", responses=["We never close, not even at 10:00."])
    bot.edit("cheese_yes", responses=["Lots of cheese."])
    text = await bot.reload()
    assert "2 with other answers (opening_hours and cheese_yes)" in text
    assert "training" not in text
    assert await bot.answer("yes") == "Lots of cheese."
    assert await bot.answer("when do you close") == "We never close, not even at 10:00."


async def test_edited_answers_leave_the_network_where_it_is(bot: Bot) -> None:
    """Making a second one holds everybody up; the gate asks the one that is there."""
    before = bot.inference.classifier
    bot.edit("cheese_yes", responses=["Lots of cheese."])
    assert "Reloaded" in await bot.reload()
    after = bot.inference.classifier
    assert after is not before
    assert after.runtime is before.runtime
    assert after.bundle.features is before.bundle.features
    assert await bot.answer("when do you close please") == "We are open from 10:00 to 20:00."


async def test_a_network_in_which_a_thread_hangs_is_loaded_anew(bot: Bot) -> None:
    """A reload mends what a twin had to make up for."""
    stuck = bot.inference.classifier.runtime
    stuck.is_stuck = True
    assert "Reloaded" in await bot.reload()
    assert bot.inference.classifier.runtime is not stuck
    assert not bot.inference.classifier.runtime.is_stuck


async def test_another_model_has_its_own_network(bot: Bot) -> None:
    """Though it was trained on the same."""
    before = bot.inference.classifier
    set_current(bot.models_dir, bot.add_version())
    await bot.reload()
    assert bot.inference.classifier.runtime is not before.runtime
    assert bot.inference.classifier.bundle.features is not before.bundle.features


async def test_a_model_that_was_replaced_is_let_go_at_once(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits until garbage is collected: looking for it keeps everybody waiting."""
    monkeypatch.setattr(logging.getLogger("bot.reloading"), "disabled", True)  # what catches logs here keeps the errors
    gc.disable()
    try:
        old = ref(bot.inference.classifier.runtime)
        assert await bot.answer("when do you close please") == "We are open from 10:00 to 20:00."
        set_current(bot.models_dir, bot.add_version())
        bot.edit("cheese_yes", responses=[])
        assert "The check that failed: intents." in await bot.reload()
        bot.edit("cheese_yes", responses=["Lots of cheese."])
        stories = bot.stories.read_text("utf-8")
        bot.stories.write_text("story: [", "utf-8")
        assert "The check that failed: stories." in await bot.reload()
        bot.stories.write_text(stories, "utf-8")
        assert "Reloaded" in await bot.reload()
        assert await bot.answer("when do you close please") == "We are open from 10:00 to 20:00."
        assert old() is None
    finally:
        gc.enable()


async def test_a_reload_rests_and_a_start_does_not(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside members it computes a small part of the time, in pieces; at the start nobody waits yet."""
    rests: list[float] = []
    monkeypatch.setattr("bot.resting.time", SimpleNamespace(sleep=rests.append, thread_time=time.thread_time))
    ServiceLoader(bot.models_dir, None).at_start()
    assert rests == []
    set_current(bot.models_dir, bot.add_version())
    assert "Reloaded" in await bot.reload()
    assert len(rests) >= 8
    assert all(0 < rest <= MOST_REST_S for rest in rests)


@pytest.mark.parametrize("name", ["serving.tflite", "features.json", "catalog.json"])
async def test_a_file_damaged_since_it_was_loaded_is_found(bot: Bot, name: str) -> None:
    """What serves was loaded before; a restart would not find it."""
    path = current_path(bot.models_dir) / name
    path.write_bytes(path.read_bytes()[:-1])
    text = await bot.reload()
    assert text.startswith("Nothing was reloaded")
    assert f"{name} was changed or cut" in text
    assert await bot.answer("when do you close") == "We are open from 10:00 to 20:00."


async def test_a_story_that_comes_out_otherwise_refuses_a_reload(bot: Bot) -> None:
    """The answers that were in service still are, and the story is named with the command that shows how."""
    bot.edit("opening_hours", responses=["We never close."])
    text = await bot.reload()
    assert text.startswith("Nothing was reloaded")
    assert "1 of 1 stories come out otherwise (Hours): `python -m scripts.converse" in text
    assert await bot.answer("when do you close") == "We are open from 10:00 to 20:00."


async def test_a_story_that_fails_in_service_refuses_nothing(bot: Bot) -> None:
    """A new model need not do what the old one does not; the admin is told."""
    bot.stories.write_text("story: Hours\nturns:\n  - {user: when do you close, text: never}\n", "utf-8")
    bot.edit("opening_hours", responses=["Ask the owner."])
    text = await bot.reload()
    assert text.startswith("Reloaded")
    assert "1 of 1 stories come out otherwise, as they did before" in text
    assert await bot.answer("when do you close") == "Ask the owner."


async def test_stories_that_cannot_be_read_refuse_a_reload(bot: Bot) -> None:
    """A gate that is broken is not open."""
    bot.stories.write_text("story: [", "utf-8")
    assert "the stories cannot be played" in await bot.reload()


async def test_changed_patterns_mean_that_training_is_due(bot: Bot) -> None:
    """The intents as trained serve on, whole: new answers to old patterns could be wrong ones."""
    bot.edit("opening_hours", patterns=["are you there"], responses=["Always."])
    text = await bot.reload()
    assert "training is due" in text
    assert "python -m scripts.train" in text
    assert await bot.answer("when do you close") == "We are open from 10:00 to 20:00."


async def test_a_broken_catalog_is_refused(bot: Bot, trained: "Trained") -> None:
    """The file and the fault are named, and the old answers stay."""
    trained.intents_path.write_text("{", "utf-8")
    text = await bot.reload()
    assert text.startswith("Nothing was reloaded")
    assert "intents.json" in text
    assert await bot.answer("when do you close") == "We are open from 10:00 to 20:00."


async def test_a_model_that_understands_less_is_refused(bot: Bot) -> None:
    """Labelled messages decide; the admin reads the figures, the check's name and how to see more."""
    bot.regression.write_text(
        '{"text": "yes", "intent": "cheese_yes", "contexts": ["cheese"]}\n{"text": "pizza", "intent": null}\n', "utf-8"
    )
    bot.edit("order_pizza", context_set=["cheese", "wine"])
    bot.edit("cheese_yes", context_filter=["wine"])
    text = await bot.reload()
    assert text.startswith("Nothing was reloaded")
    assert "The check that failed: regression file." in text
    assert "0.0% of 1 labelled messages are understood, 100.0% before" in text
    assert bot.metrics.summary().reloads == {"refused": 1}
    bot.edit("cheese_yes", context_filter=["cheese"])
    assert "100.0% of 1 labelled messages are understood, 100.0% before." in await bot.reload()


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("{", "not valid JSON"),
        ('{"text": "x", "intent": "nobody"}', 'unknown intent "nobody"'),
        ('{"text": "x", "intent": null}', "no message has an intent"),
    ],
)
async def test_a_regression_file_that_cannot_be_used_refuses_a_reload(bot: Bot, lines: str, told: str) -> None:
    """Like stories that cannot be read."""
    bot.regression.write_text(lines, "utf-8")
    text = await bot.reload()
    assert "The check that failed: regression file." in text
    assert told in text


async def test_a_rollback_goes_to_the_model_before(bot: Bot) -> None:
    """And stays over restarts; a reload loads what was gone back to."""
    old, new = current_path(bot.models_dir).name, bot.add_version()
    set_current(bot.models_dir, new)
    await bot.reload()
    assert bot.inference.classifier.bundle.name == new
    assert f"model {old} in place of {new}" in await bot.rollback()
    assert current_path(bot.models_dir).name == old
    assert "Reloaded" in await bot.reload()
    assert bot.inference.classifier.bundle.name == old
    assert left_by_rollback(bot.models_dir) == new
    assert bot.metrics.summary().reloads == {"reloaded": 3}


async def test_a_rollback_to_a_version_by_its_name(bot: Bot) -> None:
    """A newer one as well; what is not there, or in service, or has nothing older, is told."""
    old, new = current_path(bot.models_dir).name, bot.add_version()
    assert await bot.rollback() == f"There is no older model to go back to: {old} is the oldest that is kept."
    assert await bot.rollback(old) == f"{old} is in service already."
    assert await bot.rollback("../x") == f"No model is called `../x`. Kept are: {new}, {old}."
    assert f"model {new} in place of {old}" in await bot.rollback(new)


async def test_a_rollback_asks_no_labelled_messages(bot: Bot) -> None:
    """It passes the other checks: a model that was good enough once is wanted back, whatever it understood."""
    old = current_path(bot.models_dir).name
    set_current(bot.models_dir, bot.add_version())
    await bot.reload()
    bot.regression.write_text("{", "utf-8")
    bot.stories.write_text("story: [", "utf-8")
    assert "The check that failed: stories." in await bot.rollback()
    bot.stories.write_text("story: Hours\nturns:\n  - {user: when do you close, text: '10:00'}\n", "utf-8")
    assert f"model {old}" in await bot.rollback()


async def test_a_broken_version_is_not_gone_back_to(bot: Bot) -> None:
    """What was current stays so."""
    old, new = current_path(bot.models_dir).name, bot.add_version()
    set_current(bot.models_dir, new)
    await bot.reload()
    (bot.models_dir / old / "serving.tflite").write_bytes(b"")
    assert "The check that failed: files of the model." in await bot.rollback()
    assert current_path(bot.models_dir).name == new
    assert bot.inference.classifier.bundle.name == new


async def test_a_new_model_is_current_only_when_it_passes(bot: Bot) -> None:
    """Until then neither this process nor the next one serves it."""
    old, new = current_path(bot.models_dir).name, bot.add_version()
    stories = bot.stories.read_text("utf-8")
    bot.stories.write_text("story: [", "utf-8")
    assert "stories" in await bot.reloader.activate(new, Sentences())
    assert (current_path(bot.models_dir).name, bot.inference.classifier.bundle.name) == (old, old)
    bot.stories.write_text(stories, "utf-8")
    assert f"model {new} in place of {old}" in await bot.reloader.activate(new, Sentences())
    assert (current_path(bot.models_dir).name, bot.inference.classifier.bundle.name) == (new, new)


async def test_old_models_go_when_another_is_in_service(bot: Bot) -> None:
    """As many as the operator keeps are left, the current one and the one before it among them."""
    names = [current_path(bot.models_dir).name, *(bot.add_version(days_newer=days) for days in range(1, 6))]
    set_current(bot.models_dir, names[1])
    await bot.reload()
    assert {one.name for one in versions(bot.models_dir)} == {names[number] for number in (0, 1, 3, 4, 5)}


async def test_an_old_model_that_cannot_be_removed_undoes_no_reload(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    """The admin reads that the new one serves, and what is left over."""
    names = [current_path(bot.models_dir).name, *(bot.add_version(days_newer=days) for days in range(1, 6))]
    set_current(bot.models_dir, names[5])

    def refuse(path: Path) -> None:
        raise PermissionError(f"{path} is not ours")

    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", refuse)
        first, *_, last = (await bot.reload()).splitlines()
    assert first.startswith("Reloaded")
    assert last.startswith("Old models could not be removed: ")
    assert all(name in last for name in names[:3])
    assert await bot.answer("when do you close") == "We are open from 10:00 to 20:00."


async def test_a_failure_to_look_for_old_models_undoes_no_reload(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does it make another model wait: the next reload works."""

    def fail(*_: object, **__: object) -> None:
        raise OSError("the disk is away")

    old, new = current_path(bot.models_dir).name, bot.add_version()
    with monkeypatch.context() as patch:
        patch.setattr("bot.tidying.prune", fail)
        first, *_, last = (await bot.reloader.activate(new, Sentences())).splitlines()
    assert f"model {new} in place of {old}" in first
    assert "could not be removed (OSError, see the log)" in last
    assert bot.inference.classifier.bundle.name == new
    assert (await bot.reload()).startswith("Reloaded: ")


@pytest.mark.parametrize("file", ["manifest.json", "catalog.json", "features.json"])
async def test_a_broken_bundle_is_refused(bot: Bot, trained: "Trained", file: str) -> None:
    """A file that was cut is named, with the command that makes the model anew."""
    path = trained.bundle_path / file
    path.write_bytes(path.read_bytes()[:-20])
    text = await bot.reload()
    assert text.startswith("Nothing was reloaded")
    assert file in text
    assert "python -m scripts.train" in text
    assert await bot.answer("when do you close") == "We are open from 10:00 to 20:00."
