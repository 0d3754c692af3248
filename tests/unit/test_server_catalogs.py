"""Catalogs of their own for single servers: who is answered from which, and what serves where one is missing."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from adapters.base import IncomingMessage
from bot.catalog_lessons import course_of
from bot.catalog_places import own_catalogs, own_models_dir
from bot.config import Settings
from bot.context import ContextStore
from bot.inference import Inference
from bot.metrics import Metrics
from bot.retraining import Retrainer
from bot.server_catalogs import ServerCatalogs, WholeReloader, own_loaders
from bot.service import ServiceLoader
from model.bundle import current_path
from scripts import train_servers
from tests.unit.fakes import Clock, Sentences, engine_of, said

if TYPE_CHECKING:
    from tests.conftest import Trained

HOURS = "We are open from 10:00 to 20:00."
OWN_HOURS = "The club opens at six."


class Bot:
    """An engine over the common catalog, and one that two of three servers share."""

    def __init__(self, trained: "Trained", directory: Path, executor: ThreadPoolExecutor) -> None:
        self.own_path = directory / "club.json"
        content = json.loads(trained.intents_path.read_text("utf-8"))
        self.own_path.write_text(json.dumps(content), "utf-8")
        self.edit("opening_hours", responses=[OWN_HOURS])
        places = {("discord", "1"): self.own_path, ("telegram", "-2"): self.own_path}
        self.settings = Settings(
            intents_path=trained.intents_path,
            models_dir=trained.models_dir,
            server_intents=places | {("discord", "3"): trained.intents_path},
        )
        self.own_models = own_models_dir(self.settings.models_dir, self.own_path)
        common = ServiceLoader(trained.models_dir, trained.intents_path)
        self.inference = Inference(common.at_start().classifier, server_catalogs=own_catalogs(self.settings))
        self.loaders = own_loaders(self.settings, common)
        self.n_announced = 0
        self.servers = ServerCatalogs(self.inference, self.loaders, executor, n_kept=2, announce=self._announce)
        self._reloader = WholeReloader(
            self.inference, common, executor, n_kept=5, metrics=Metrics(), servers=self.servers
        )
        self._engine = engine_of(self.inference, ContextStore(capacity=10, ttl_s=60.0, clock=Clock()))

    def train_own(self, trained: "Trained") -> None:
        """As the same patterns are trained, the same model fits."""
        models = [path for path in trained.models_dir.iterdir() if path.name != "servers"]
        self.own_models.mkdir(parents=True)
        for path in models:
            (shutil.copytree if path.is_dir() else shutil.copy)(path, self.own_models / path.name)

    def edit(self, tag: str, **fields: Any) -> None:
        content = json.loads(self.own_path.read_text("utf-8"))
        (intent,) = [intent for intent in content["intents"] if intent["tag"] == tag]
        intent.update(fields)
        self.own_path.write_text(json.dumps(content), "utf-8")

    async def hours(self, platform: str, server_id: str) -> str:
        message: IncomingMessage = said("when do you close", platform=platform, server_id=server_id)
        reply = await self._engine.reply(message)
        assert reply is not None
        return reply.text

    async def _announce(self) -> None:
        self.n_announced += 1

    async def retrain(self, server_id: str, script: str) -> list[str]:
        """Ask for a training in a server, which a script stands in for."""
        one = Retrainer(environment=os.environ, program=(sys.executable, "-c", script), can_train=lambda: True)
        course = course_of(self.settings, self.inference, self._reloader, self.servers)
        message = said("", command="admin retrain", server_id=server_id)
        return (await one.retrain(course(message), Sentences())).splitlines()

    async def reload(self) -> list[str]:
        return (await self._reloader.reload(Sentences())).splitlines()


@pytest.fixture
def bot(trained: "Trained", tmp_path: Path) -> Iterator[Bot]:
    with ThreadPoolExecutor(max_workers=1) as executor:
        bot = Bot(trained, tmp_path, executor)
        yield bot
        bot.inference.close()


async def test_a_server_is_answered_from_its_own_catalog(bot: Bot, trained: "Trained") -> None:
    """Servers of one catalog share its classifier; direct messages and all others get the common one."""
    bot.train_own(trained)
    await bot.servers.start()
    assert await bot.hours("discord", "1") == OWN_HOURS
    assert await bot.hours("telegram", "-2") == OWN_HOURS
    for place in (("telegram", "1"), ("discord", "3"), ("discord", "9"), ("discord", "")):
        assert await bot.hours(*place) == HOURS
    assert list(bot.loaders) == [bot.own_path]
    assert bot.inference.classifier_of("discord", "1") is bot.inference.classifier_of("telegram", "-2")


async def test_a_missing_model_leaves_the_common_catalog(
    bot: Bot, trained: "Trained", caplog: pytest.LogCaptureFixture
) -> None:
    """A warning names the file and the command that trains it; once trained, a reload puts it in service."""
    await bot.servers.start()
    assert await bot.hours("discord", "1") == HOURS
    (record,) = caplog.records
    command = f"python -m scripts.train --intents {bot.own_path} --models {bot.own_models}"
    assert str(bot.own_path) in record.getMessage()
    assert command in record.getMessage()
    lines = await bot.reload()
    assert any(line.startswith(f"{bot.own_path}: not reloaded, the common intents serve on.") for line in lines)
    bot.train_own(trained)
    assert f"{bot.own_path}: serves from now on, with 5 intents." in await bot.reload()
    assert await bot.hours("discord", "1") == OWN_HOURS


async def test_a_reload_says_what_changed_in_each(bot: Bot, trained: "Trained") -> None:
    """One that is broken by then is named, and what served before serves on."""
    bot.train_own(trained)
    await bot.servers.start()
    bot.edit("opening_hours", responses=["Never."])
    lines = await bot.reload()
    assert "The intents are the same." in lines[0]
    assert f"{bot.own_path}: Intents: 1 with other answers (opening_hours)." in lines
    bot.own_path.write_text("{", "utf-8")
    lines = await bot.reload()
    assert lines[0].startswith("Reloaded")
    assert any(line.startswith(f"{bot.own_path}: not reloaded, the old ones serve on.") for line in lines)
    assert await bot.hours("discord", "1") == "Never."


async def test_old_models_of_a_server_are_removed(bot: Bot, trained: "Trained") -> None:
    """As many are kept as of the common catalog, that in service among them."""
    bot.train_own(trained)
    (in_service,) = [path for path in bot.own_models.iterdir() if path.is_dir()]
    for day in range(1, 5):
        shutil.copytree(in_service, bot.own_models / f"2020010{day}-000000-0123abcd")
    await bot.servers.start()
    await bot.reload()
    left = {path.name for path in bot.own_models.iterdir() if path.is_dir()}
    assert in_service.name in left
    assert len(left) == 2


TRAINED = "20990101-000000-0123abcd"
TRAINING = """
import pathlib, shutil, sys
place = dict(zip(sys.argv[1::2], sys.argv[2::2]))
shutil.copytree({source!r}, pathlib.Path(place["--models"]) / {name!r})
{more}
print(pathlib.Path(place["--models"]) / {name!r})
"""


async def test_an_admin_trains_the_catalog_of_their_server(bot: Bot, trained: "Trained") -> None:
    """Past the checks of any reload, told to other processes; the common model stays, and how to train it is said."""
    common = bot.inference.classifier
    script = TRAINING.format(source=str(trained.bundle_path), name=TRAINED, more="")
    lines = await bot.retrain("1", script)
    assert lines[0].startswith(f"Trained {TRAINED} in ")
    assert f"{bot.own_path}: serves from now on, with 5 intents." in lines
    assert lines[-1].startswith(f"The common intents ({bot.settings.intents_path}) are trained by `/admin retrain` in")
    assert await bot.hours("discord", "1") == OWN_HOURS
    assert current_path(bot.own_models).name == TRAINED
    assert bot.n_announced == 1
    assert bot.inference.classifier is common


async def test_elsewhere_the_common_catalog_is_trained(bot: Bot, trained: "Trained") -> None:
    """And the admin reads that servers keep their own, and where those are trained."""
    script = TRAINING.format(source=str(trained.bundle_path), name=TRAINED, more="")
    lines = await bot.retrain("3", script)
    assert f"model {TRAINED} in place of" in lines[1]
    assert f"Servers with intents of their own ({bot.own_path}) keep theirs" in lines[-1]
    assert bot.inference.classifier.bundle.name == TRAINED
    assert bot.inference.own(bot.own_path) is None


async def test_a_model_of_a_server_that_does_not_pass_stays_out(bot: Bot, trained: "Trained") -> None:
    """What served before serves on, also after a restart, and the admin reads why."""
    bot.train_own(trained)
    await bot.servers.start()
    before, current = bot.inference.own(bot.own_path), current_path(bot.own_models)
    more = f"(pathlib.Path(place['--models']) / {TRAINED!r} / 'serving.tflite').write_bytes(b'')"
    lines = await bot.retrain("1", TRAINING.format(source=str(trained.bundle_path), name=TRAINED, more=more))
    assert any(line.startswith(f"{bot.own_path}: not reloaded, the old ones serve on.") for line in lines)
    assert (bot.inference.own(bot.own_path), current_path(bot.own_models)) == (before, current)
    assert bot.n_announced == 0


async def test_patterns_that_were_changed_mean_that_training_is_due(bot: Bot, trained: "Trained") -> None:
    """With the command for this catalog."""
    bot.train_own(trained)
    await bot.servers.start()
    bot.edit("opening_hours", patterns=["are you there"])
    lines = await bot.reload()
    command = f"python -m scripts.train --intents {bot.own_path} --models {bot.own_models}"
    assert any(
        "training is due" in line and f"`/admin retrain` there, or `{command}` and a reload" in line for line in lines
    )


def test_each_catalog_has_a_place_of_its_own() -> None:
    """Named like its file, and apart from another file of that name; any name will do."""
    paths = [Path("a/intents.yaml"), Path("b/intents.yaml"), Path("c/äö ü.json"), Path("d/..."), Path("e")]
    places = [own_models_dir(Path("m"), path) for path in paths]
    assert len(set(places)) == len(paths)
    assert all(place.parent == Path("m/servers") for place in places)
    assert places[0].name.startswith("intents-")
    assert own_models_dir(Path("m"), paths[0]) == places[0]


def test_all_that_are_due_are_trained(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Each once, in its own directory; one that fails is named and stops no other, an interruption stops all."""
    settings = Settings(
        server_intents={
            ("discord", "1"): Path("a"),
            ("discord", "2"): Path("a"),
            ("discord", "3"): Path("b"),
            ("discord", "4"): Settings().intents_path,
        }
    )
    commands: list[list[str]] = []

    class Done:
        returncode = 1

    def run(command: list[str], *, check: bool) -> Done:
        assert not check
        commands.append(command)
        return Done()

    monkeypatch.setattr("subprocess.run", run)
    assert train_servers.train_servers_if_due(settings, ["--encoder", "none"]) == 0
    assert [command[command.index("--intents") + 1] for command in commands] == ["a", "b"]
    assert all({"--if-due", "--encoder", "none"} <= set(command) for command in commands)
    assert commands[0][-1] == str(own_models_dir(settings.models_dir, Path("a")))
    assert "a was not trained: its servers get the common intents." in capsys.readouterr().err
    Done.returncode = train_servers.INTERRUPTED
    commands.clear()
    assert train_servers.train_servers_if_due(settings, []) == train_servers.INTERRUPTED
    assert len(commands) == 1
