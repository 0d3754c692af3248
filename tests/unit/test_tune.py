"""`python -m scripts.tune`: what is tried, what counts as better, and what is stored where training finds it."""

import json
import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from intents.catalog import IntentCatalog
from model.config import TrainingConfig
from model.decision import Decision, Policy, RankedIntent, Reason
from model.labelled import LabelledMessage
from model.tuned import TUNED_FILE, config_for, read_tuned
from scripts import tune
from scripts.search import Trial, configured, is_within, parameters_of, search, search_space, winner

ROOT = Path(__file__).parents[2]
TAGS = ("hello", "bye")
N_PATTERNS = 20
INTENTS = {
    "intents": [{"tag": tag, "patterns": [f"{tag} {n}" for n in range(10)], "responses": ["Ok"]} for tag in TAGS]
}
KINDS = [(has_encoder, is_large) for has_encoder in (False, True) for is_large in (False, True)]


def found_with(confidences: Sequence[float]) -> SimpleNamespace:
    """Return a cross-validation in which the right intent of each message has such a confidence."""
    messages, decisions = [], []
    for number, confidence in enumerate(confidences):
        right, wrong = TAGS if number % 2 else TAGS[::-1]
        ranking = sorted(
            [RankedIntent(right, confidence), RankedIntent(wrong, 1 - confidence)], key=lambda one: one.tag
        )
        ranking.sort(key=lambda one: -one.confidence)
        messages.append(LabelledMessage(f"{right} {number}", right))
        decisions.append(Decision(right, Reason.CONFIDENT, confidence, tuple(ranking)))
    return SimpleNamespace(messages=messages, decisions=decisions, policy=Policy())


# What is tried.


@pytest.mark.parametrize(("has_encoder", "is_large"), KINDS)
def test_defaults_lie_within_what_is_searched(has_encoder: bool, is_large: bool) -> None:
    """So that the first trial is the default configuration, to the last digit."""
    space = search_space(has_encoder=has_encoder, is_large=is_large)
    parameters = parameters_of(TrainingConfig(), space)
    assert is_within(parameters, space)
    assert configured(parameters) == TrainingConfig()
    trials = search(
        space,
        [parameters],
        lambda *_: found_with([0.9]),
        n_trials=1,
        timeout_s=math.inf,
        seed=0,  # type: ignore[arg-type,return-value]
    )
    assert [trial.parameters for trial in trials] == [parameters]


def test_only_figures_in_use_are_searched() -> None:
    """Others would be noise to the search."""
    beside = set(search_space(has_encoder=True, is_large=False))
    alone = set(search_space(has_encoder=False, is_large=False))
    assert beside & alone == {"label_smoothing", "min_count"}
    assert {"encoder_learning_rate", "encoder_weight_decay", "feature_dropout", "encoder_epochs", "scale"} <= beside
    assert {"learning_rate", "weight_decay", "dropout", "epochs", "hidden_units"} <= alone
    large = set(search_space(has_encoder=True, is_large=True))
    hidden = {"feature_units", "dropout"}
    assert large - beside == {"encoder_learning_rate_large", "encoder_epochs_large", "min_count_large", *hidden}
    assert beside - large == {"encoder_learning_rate", "encoder_epochs", "min_count"}
    assert {"epochs_large", "min_count_large"} <= set(search_space(has_encoder=False, is_large=True))


def tried(n_trials: int, seed: int = 0, timeout_s: float = math.inf) -> list[TrainingConfig]:
    space = search_space(has_encoder=False, is_large=False)
    seen = []

    def measure(number: int, config: TrainingConfig) -> Any:
        assert number == len(seen)
        seen.append(config)
        return found_with([config.head.dropout])

    known = [{name: getattr(one, "low", None) for name, one in space.items()}, parameters_of(TrainingConfig(), space)]
    list(search(space, known, measure, n_trials=n_trials, timeout_s=timeout_s, seed=seed))
    return seen


def test_search_is_repeatable_and_begins_with_what_is_known() -> None:
    """The seed alone decides what is proposed."""
    first, again, other = tried(4), tried(4), tried(4, seed=1)
    assert first == again
    assert first[0].head.dropout == 0
    assert first[1] == TrainingConfig() == other[1]
    assert first[2] != other[2]


def test_no_trial_begins_after_the_time_is_over() -> None:
    """But the first: without the defaults nothing can be judged."""
    assert len(tried(4, timeout_s=-1)) == 1


def test_what_lies_outside_the_search_is_not_begun_with() -> None:
    """A file of another version may hold it."""
    space = search_space(has_encoder=False, is_large=False)
    known = parameters_of(TrainingConfig(), space)
    outside = {**known, "hidden_units": 4_096}
    measured: Any = lambda *_: found_with([0.9])  # noqa: E731
    trials = search(space, [known, outside], measured, n_trials=2, timeout_s=math.inf, seed=0)
    assert [trial.parameters["hidden_units"] == 4_096 for trial in trials] == [False, False]


def test_loss_is_that_of_the_right_intents() -> None:
    """Minus the mean logarithm of their confidences, one that is all but excluded being bounded."""
    space = search_space(has_encoder=False, is_large=False)
    measured: Any = lambda *_: found_with([0.9, 0.4, 0.0])  # noqa: E731
    (trial,) = search(space, [], measured, n_trials=1, timeout_s=math.inf, seed=0)
    assert trial.loss == pytest.approx(-(math.log(0.9) + math.log(0.4) + math.log(1e-3)) / 3)
    assert trial.accuracy == pytest.approx(1 / 3)


def test_generic_message_is_lost_by_what_the_intents_have_of_it() -> None:
    """None of them is right; in the accuracy it does not count."""
    space = search_space(has_encoder=False, is_large=False)
    found = found_with([0.9])
    ranking = (RankedIntent(TAGS[0], 0.3), RankedIntent(TAGS[1], 0.2))
    found.messages.append(LabelledMessage("blue whales", None))
    found.decisions.append(Decision(None, Reason.OUT_OF_SCOPE, 0.1, ranking))
    measured: Any = lambda *_: found  # noqa: E731
    (trial,) = search(space, [], measured, n_trials=1, timeout_s=math.inf, seed=0)
    assert trial.losses == pytest.approx([-math.log(0.9), -math.log(0.5)])
    assert trial.accuracy == 1


# What counts as better.


def trial_of(number: int, losses: Sequence[float], accuracy: float = 0.8) -> Trial:
    return Trial(number, {}, np.array(losses), accuracy, 1.0)


NOISE = np.random.default_rng(0).normal(0, 0.2, 100)


def test_clear_gain_wins() -> None:
    """The best of those that gain."""
    default = trial_of(0, [1.0] * 100)
    better, best = trial_of(1, 0.9 + NOISE), trial_of(2, 0.7 + NOISE)
    assert winner([default, better, best]) is best


def test_gain_within_the_noise_does_not_win() -> None:
    """Nor one that a single pattern makes, nor none at all, nor what is worse."""
    default = trial_of(0, [1.0] * 100)
    assert winner([default, trial_of(1, 0.98 + NOISE - NOISE.mean())]) is None
    assert winner([default, trial_of(1, [1.0] * 99 + [0.0])]) is None
    assert winner([default, trial_of(1, [1.0] * 100)]) is None
    assert winner([default, trial_of(1, [1.5] * 100)]) is None


def test_the_more_were_tried_the_more_must_be_gained() -> None:
    """The best of many is better by chance; so it is with those that an earlier search tried."""
    default, challenger = trial_of(0, [1.0] * 100), trial_of(1, 0.96 + NOISE - NOISE.mean())
    others = [trial_of(number, [1.1] * 100) for number in range(2, 40)]
    assert winner([default, challenger]) is challenger
    assert winner([default, challenger, *others]) is None
    assert winner([default, challenger], n_before=38) is None


def test_what_finds_fewer_patterns_does_not_win() -> None:
    """However sure it is of the rest; the next best may."""
    default = trial_of(0, [1.0] * 100)
    surer, safer = trial_of(1, 0.5 + NOISE, accuracy=0.79), trial_of(2, 0.7 + NOISE)
    assert winner([default, surer]) is None
    assert winner([default, surer, safer]) is safer


def test_too_little_to_compare_has_no_winner() -> None:
    """The defaults alone, or a single pattern."""
    assert winner([trial_of(0, [1.0, 1.0])]) is None
    assert winner([trial_of(0, [1.0]), trial_of(1, [0.1])]) is None


# The command.


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own `.env` and variables out."""
    monkeypatch.chdir(tmp_path)
    for name in ("INTENTS_PATH", "MODELS_DIR", "ENCODER_DIR"):
        monkeypatch.delenv(name, raising=False)
    Path("intents.json").write_text(json.dumps(INTENTS), encoding="utf-8")


@dataclass
class Training:
    """Stands in for the training: what the confidences are in each trial, and what was asked for.

    An exception among them is raised.
    """

    confidences: list[float | type[BaseException]] = field(default_factory=list)
    configs: list[TrainingConfig] = field(default_factory=list)
    folds: list[int] = field(default_factory=list)

    def cross_validator(
        self, _catalog: IntentCatalog, *, tell: Any, folds: int, **_options: Any
    ) -> Callable[[TrainingConfig], SimpleNamespace]:
        def cross_validate(config: TrainingConfig) -> SimpleNamespace:
            tell("cross-validating 1/2", 1, 2)
            confidence = self.confidences[len(self.configs)]
            self.configs.append(config)
            self.folds.append(folds)
            if not isinstance(confidence, float):
                raise confidence
            return found_with([confidence + 0.01 * (number % 3) for number in range(N_PATTERNS)] if confidence else [])

        return cross_validate


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> Training:
    training = Training()
    module = ModuleType("model.training")
    module.cross_validator = training.cross_validator  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "model.training", module)
    trainer = ModuleType("model.trainer")
    trainer.LARGE = 5_000  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "model.trainer", trainer)
    monkeypatch.setattr(tune, "import_tensorflow_quietly", lambda: None)
    return training


def run(monkeypatch: pytest.MonkeyPatch, training: Training, *confidences: Any, more: Sequence[str] = ()) -> int:
    training.confidences = list(confidences)
    training.configs.clear()
    arguments = ["--trials", str(len(confidences)), "--intents", "intents.json", "--models", "models", *more]
    monkeypatch.setattr(sys, "argv", ["tune", *arguments, "--encoder", "none"])
    return tune.main()


def test_better_configuration_is_stored(
    training: Training, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where training finds it, with what it is better by; standard output says what to do next."""
    assert run(monkeypatch, training, 0.6, 0.5, 0.9) == 0
    captured = capsys.readouterr()
    assert training.configs[0] == TrainingConfig()
    assert training.folds == [TrainingConfig().folds] * 3
    stored = read_tuned(Path("models"))
    assert stored is not None
    assert (stored.n_trials, stored.accuracy_before, stored.accuracy_after) == (3, 1.0, 1.0)
    assert config_for(stored, None) == training.configs[2]
    said = " ".join(captured.out.split())
    assert f"Stored trial 3 in {Path('models') / TUNED_FILE}" in said
    assert said.endswith("Run `python -m scripts.train` now.")
    assert "hidden units" in said
    assert "Tuning for 20 patterns of 2 intents" in captured.err
    assert "trial 3: loss" in captured.err


def test_without_a_better_one_nothing_is_stored(
    training: Training, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said plainly, as it is when there was nothing to compare."""
    assert run(monkeypatch, training, 0.9, 0.6, 0.9) == 0
    assert "The defaults are as good as what was tried" in capsys.readouterr().out
    assert run(monkeypatch, training, 0.9) == 0
    assert "Only the defaults were tried" in capsys.readouterr().out
    assert read_tuned(Path("models")) is None


def test_what_was_tuned_before_is_tried_again_and_stays(
    training: Training, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A worse one never takes its place; with `--reset` it is no trial, and goes where nothing is better."""
    run(monkeypatch, training, 0.6, 0.9)
    before = read_tuned(Path("models"))
    assert before is not None
    run(monkeypatch, training, 0.6, 0.8, 0.7)
    assert training.configs[1] == before.config
    again = read_tuned(Path("models"))
    assert again is not None
    assert (again.config, again.n_trials) == (before.config, 5)
    capsys.readouterr()
    assert run(monkeypatch, training, 0.9, 0.6) == 0
    assert "tuned before, stays in use" in " ".join(capsys.readouterr().out.split())
    assert read_tuned(Path("models")) == again
    assert run(monkeypatch, training, 0.9, 0.6, more=["--reset", "--seed", "1"]) == 0
    assert training.configs[1] != before.config
    assert "was removed" in " ".join(capsys.readouterr().out.split())
    assert read_tuned(Path("models")) is None


def test_interruption_keeps_the_best_until_then(
    training: Training, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Under the same rule, and the exit code tells it from a whole search."""
    assert run(monkeypatch, training, 0.6, 0.9, KeyboardInterrupt, 0.9) == 130
    captured = capsys.readouterr()
    assert "Stored trial 2" in captured.out
    assert captured.err.splitlines()[-1] == "Interrupted after 2 whole trials."
    assert read_tuned(Path("models")) is not None


def test_interruption_removes_nothing(
    training: Training, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was not searched to the end has not shown that the defaults are as good."""
    run(monkeypatch, training, 0.6, 0.9)
    before = read_tuned(Path("models"))
    capsys.readouterr()
    for confidences in ([KeyboardInterrupt, 0.9], [0.9, KeyboardInterrupt]):
        assert run(monkeypatch, training, *confidences, more=["--reset"]) == 130
        assert read_tuned(Path("models")) == before


def test_failure_is_one_line(
    training: Training, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be compared, cannot be read, or is broken from before; the last until `--reset`."""
    for confidences, told in (([0.0], "Nothing can be held out"), ([PermissionError], "")):
        with pytest.raises(SystemExit) as ended:
            run(monkeypatch, training, *confidences)
        assert ended.value.code == 1
        assert told in capsys.readouterr().err.splitlines()[-1]
    (Path("models") / TUNED_FILE).write_text("{", "utf-8")
    with pytest.raises(SystemExit):
        run(monkeypatch, training, 0.6, 0.9)
    assert "--reset" in capsys.readouterr().err.splitlines()[-1]
    assert training.configs == []
    assert run(monkeypatch, training, 0.6, 0.9, more=["--reset"]) == 0
    assert read_tuned(Path("models")) is not None


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--trials", "0"],
        ["--trials", "some"],
        ["--trials", "2", "--timeout", "0"],
        ["--trials", "2", "--seed", "-1"],
    ],
)
def test_wrong_usage(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    """The number of trials is needed, and positive."""
    monkeypatch.setattr(sys, "argv", ["tune", *arguments])
    with pytest.raises(SystemExit) as ended:
        tune.main()
    assert ended.value.code == 2


def test_real_training_is_tuned(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """Two trials on next to nothing: standard output holds the table and the sentence, and Optuna says nothing."""
    monkeypatch.setattr("model.trainer.generic_messages", lambda: ("who painted this", "how tall are giraffes"))
    intents = {"intents": [{"tag": tag, "patterns": [f"{tag} you", f"say {tag}"], "responses": ["Ok"]} for tag in TAGS]}
    Path("intents.json").write_text(json.dumps(intents), encoding="utf-8")
    arguments = ["--trials", "2", "--intents", "intents.json", "--models", "models", "--encoder", "none"]
    monkeypatch.setattr(sys, "argv", ["tune", *arguments])
    assert tune.main() == 0
    captured = capfd.readouterr()
    assert captured.out.startswith("The best of 2 trials")
    assert "python -m scripts.train" in captured.out.splitlines()[-1]
    assert [line[:7] for line in captured.err.splitlines() if line.startswith("trial ")] == ["trial 1", "trial 2"]
    assert "[I " not in captured.err
    assert "study" not in captured.err


@pytest.mark.parametrize("library", ["optuna", "rich"])
def test_without_the_training_libraries_the_mend_is_named(library: str) -> None:
    """In one sentence, not in a trace."""
    program = f"import sys\nsys.modules[{library!r}] = None\nimport runpy\nrunpy.run_module('scripts.tune')"
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (1, "", 1)
    assert ended.stderr.startswith(library)
    assert 'pip install -e ".[train]"' in ended.stderr
