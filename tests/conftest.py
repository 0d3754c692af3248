"""What tests of several folders share: a small catalog, and the models trained on it once for the whole run."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

from intents.validation import load_catalog
from model.bundle import current_path, set_current
from model.config import FineTuningConfig, Plan, TrainingConfig
from model.outside import generic_messages
from model.text import normalise
from tests.redis_server import MISSING, RedisServer, is_installed

settings.register_profile("parley", deadline=None)  # a busy machine is no fault; the timeout of pytest holds
settings.load_profile("parley")

SMALL_CATALOG = {
    "intents": [
        {
            "tag": "greeting",
            "patterns": ["hello", "hi there", "good morning", "hey bot", "greetings friend", "hello everyone"],
            "responses": ["Hello {display_name}!", "Good to see you, {display_name}."],
        },
        {
            "tag": "opening_hours",
            "patterns": [
                "when are you open",
                "what are your opening hours",
                "are you open on sunday",
                "opening times please",
                "when do you close",
            ],
            "responses": ["We are open from 10:00 to 20:00."],
        },
        {
            "tag": "order_pizza",
            "patterns": ["I want a pizza", "order a pizza please", "can I get a pizza", "pizza delivery", "one pizza"],
            "responses": ["With cheese?"],
            "context_set": ["cheese"],
        },
        {
            "tag": "cheese_yes",
            "patterns": ["yes", "yes please", "with cheese", "sure, cheese", "a lot of it"],
            "responses": ["Cheese it is."],
            "context_filter": ["cheese"],
        },
        {
            "tag": "cheese_no",
            "patterns": ["no", "no thanks", "without cheese", "no cheese", "leave it off"],
            "responses": ["No cheese then."],
            "context_filter": ["cheese"],
        },
        {
            "tag": "fallback",
            "patterns": [],
            "responses": ["I can help with opening hours and pizza.", "Ask me about pizza."],
        },
    ]
}


@dataclass(frozen=True)
class Trained:
    """A directory of one test: an intents file and a models directory with a current bundle trained on it."""

    intents_path: Path
    models_dir: Path

    @property
    def bundle_path(self) -> Path:
        return current_path(self.models_dir)

    def copy_to(self, directory: Path) -> "Trained":
        """Copy both, for a test to change as it likes."""
        intents_path = shutil.copy(self.intents_path, directory / "intents.json")
        models_dir = shutil.copytree(self.models_dir, directory / "models")
        return Trained(Path(intents_path), Path(models_dir))


def _train(directory: Path, plan: Plan, config: TrainingConfig | None = None) -> Trained:
    from model.trainer import Trainer
    from model.training import train

    intents_path = directory / "intents.json"
    intents_path.write_text(json.dumps(SMALL_CATALOG, indent=2), encoding="utf-8")
    catalog, _ = load_catalog(intents_path, normalise)
    models_dir = directory / "models"
    few = generic_messages()[::10]  # from five intents a tenth of them tells as well, and takes a tenth of the time
    cross_validate = Trainer.cross_validate
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("model.trainer.generic_messages", lambda: few)
        # two folds, though the configuration is the default one, which a bundle must have to fit
        patch.setattr(Trainer, "cross_validate", lambda self, _: cross_validate(self, 2))
        path, _ = train(catalog, models_dir, config=config or TrainingConfig(), plan=plan, seed=0, tell=lambda *_: None)
    set_current(models_dir, path.name)
    return Trained(intents_path, models_dir)


@pytest.fixture(scope="session")
def trained_once(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return _train(tmp_path_factory.mktemp("trained"), Plan())


@pytest.fixture
def trained(trained_once: Trained, tmp_path: Path) -> Trained:
    """A copy of the trained model that a test may change as it likes; it has no sentence encoder."""
    return trained_once.copy_to(tmp_path)


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a sentence encoder; tests only read it."""
    from tests.tiny_encoder import write_encoder

    return write_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="session")
def trained_with_encoder(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A model with the tiny encoder as it was written; tests only read it."""
    plan = Plan(encoder_dir=tiny_encoder, is_encoder_chosen=True, fine_tune="never")
    return _train(tmp_path_factory.mktemp("with-encoder"), plan)


@pytest.fixture(scope="session")
def trained_with_fine_tuning(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A model with the tiny encoder fine-tuned on its patterns; tests only read it."""
    plan = Plan(encoder_dir=tiny_encoder, is_encoder_chosen=True, fine_tune="always")
    config = TrainingConfig(fine_tuning=FineTuningConfig(epochs=2))
    return _train(tmp_path_factory.mktemp("fine-tuned"), plan, config)


@pytest.fixture(scope="session")
def redis_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis server for the whole run; where none is installed the test is skipped."""
    if not is_installed():
        pytest.skip(MISSING)
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis(redis_once: RedisServer) -> RedisServer:
    """The same, empty."""
    redis_once.call("FLUSHALL")
    return redis_once
