"""`python -m scripts.evaluate`: what can be asked of it, its page, its folds and its variants, and what it needs."""

import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from intents.catalog import IntentCatalog
from model.config import TrainingConfig
from model.decision import Decision, Policy, RankedIntent, Reason
from model.labelled import LabelledMessage
from model.text import normalise
from scripts import evaluate
from scripts.robustness import measure_variants

if TYPE_CHECKING:
    from tests.conftest import Trained

ROOT = Path(__file__).parents[2]
INTENTS = {
    "intents": [
        {"tag": "hello", "patterns": ["hi", "hey"], "responses": ["Hi!"]},
        {"tag": "bye", "patterns": ["bye", "see you"], "responses": ["Bye!"]},
    ]
}


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own `.env` and variables out."""
    monkeypatch.chdir(tmp_path)
    for name in ("INTENTS_PATH", "MODELS_DIR", "ENCODER_DIR", "CONFIDENCE_THRESHOLD", "MODEL_RUNTIME"):
        monkeypatch.delenv(name, raising=False)
    Path("intents.json").write_text(json.dumps(INTENTS), encoding="utf-8")


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["evaluate", *arguments])
    return evaluate.main()


@pytest.fixture
def folds(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Stand in for the training: every pattern is found, but for those of `bye`. Returns what was asked for."""
    asked: list[dict[str, Any]] = []

    def cross_validator(catalog: IntentCatalog, **options: Any) -> Callable[[TrainingConfig], SimpleNamespace]:
        asked.append(options)
        messages = [LabelledMessage(text, one.tag) for one in catalog.trainable for text in one.patterns]
        decision = Decision("hello", Reason.CONFIDENT, 0.9, (RankedIntent("hello", 0.9), RankedIntent("bye", 0.1)))
        held_out = messages if len(catalog.trainable) > 1 else []

        def cross_validate(config: TrainingConfig) -> SimpleNamespace:
            options["tell"]("cross-validating 1/2", 1, 2)
            asked[-1]["config"] = config
            return SimpleNamespace(messages=held_out, decisions=[decision] * len(held_out), policy=Policy())

        return cross_validate

    training = ModuleType("model.training")
    training.cross_validator = cross_validator  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "model.training", training)
    monkeypatch.setattr(evaluate, "import_tensorflow_quietly", lambda: None)
    return asked


def test_folds_give_the_same_figures_and_page(
    folds: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a runtime, for no network of them serves; standard output holds the tables and the page's path."""
    arguments = ["--intents", "intents.json", "--folds", "2", "--json", "out.json", "--report", "page"]
    assert run(monkeypatch, *arguments) == 0
    figures = json.loads(Path("out.json").read_text("utf-8"))
    assert (figures["n"], figures["accuracy"], figures["runtime"], figures["latency_ms"]) == (4, 0.5, None, None)
    assert (folds[0]["folds"], folds[0]["config"]) == (2, TrainingConfig())
    captured = capsys.readouterr()
    assert "intents.json under 2-fold" in captured.out
    assert "`bye` and `hello`" in captured.out
    assert captured.out.splitlines()[-1] == str(Path("page") / "report.html")
    assert "Training 2 times" in captured.err
    assert "2-fold cross-validation" in (Path("page") / "report.html").read_text("utf-8")


@pytest.mark.usefixtures("folds")
def test_folds_need_something_to_hold_out(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One intent has nothing to be confused with."""
    Path("one.json").write_text(json.dumps({"intents": INTENTS["intents"][:1]}), encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, "--intents", "one.json", "--folds", "2")
    assert ended.value.code == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("one.json: nothing to measure: write two intents")


@pytest.mark.parametrize(
    "arguments",
    [[], ["--data", "x", "--folds", "3"], ["--folds", "1"], ["--folds", "many"], ["--folds", "3", "--variants"]],
    ids=["neither", "both", "one fold", "no number", "variants of folds"],
)
def test_wrong_usage(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    """A file or folds, one of them; and what needs a model that is still there."""
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, *arguments)
    assert ended.value.code == 2


def test_unwritable_report_is_said_before_the_work(
    folds: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Minutes of training are not spent first."""
    Path("taken").write_text("a file", encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, "--intents", "intents.json", "--folds", "2", "--report", "taken")
    assert ended.value.code == 1
    assert "taken" in capsys.readouterr().err
    assert folds == []


def test_page_and_variants_of_a_model(
    trained: "Trained", monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file under the current model, as it is and rewritten; the promised figures are those of the file alone."""
    rows = [{"text": "when do you close today", "intent": "opening_hours"}, {"text": "blue whales", "intent": None}]
    Path("data.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    arguments = ["--data", "data.jsonl", "--models", str(trained.models_dir), "--json", "out.json", "--report", "."]
    assert run(monkeypatch, *arguments, "--variants") == 0
    figures = json.loads(Path("out.json").read_text("utf-8"))
    assert figures["n"] == 2
    assert "variants" not in figures
    html = Path("report.html").read_text("utf-8")
    assert "Written less carefully" in html
    assert "as written" in html
    assert "Written less carefully" in capsys.readouterr().out


def test_variants_are_those_of_the_in_scope_messages_and_repeatable() -> None:
    """Each with random numbers of its own: a further variant changes no other."""
    seen: list[str] = []

    class Spy:
        rule = SimpleNamespace(policy=Policy())

        def classify(self, text: str, _contexts: tuple[str, ...]) -> Decision:
            seen.append(text)
            return Decision("hello" if text == "hi" else None, Reason.CONFIDENT, 0.9, (RankedIntent("hello", 0.9),))

    def number(text: str, source: random.Random) -> str:
        return f"{text}{source.random()}"

    def shout(text: str, _source: random.Random) -> str:
        return normalise(text).upper()

    messages = [LabelledMessage("hi", "hello"), LabelledMessage("moon", None)]

    def tell(*_: object) -> None:
        """Nobody looks."""

    first = measure_variants(Spy(), messages, {"number": number}, tell)  # type: ignore[arg-type]
    again = measure_variants(Spy(), messages, {"shout": shout, "number": number}, tell)  # type: ignore[arg-type]
    assert [row.name for row in again] == ["as written", "shout", "number"]
    assert (seen[0], seen[2], seen[3]) == ("hi", "hi", "HI")
    assert seen[1] == seen[4] != "hi"
    assert [row.metrics.coverage for row in first] == [1.0, 0.0]


@pytest.mark.parametrize("library", ["sklearn", "rich"])
def test_without_the_training_libraries_the_mend_is_named(library: str) -> None:
    """In one sentence, not in a trace."""
    program = f"import sys\nsys.modules[{library!r}] = None\nimport runpy\nrunpy.run_module('scripts.evaluate')"
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (1, "", 1)
    assert ended.stderr.startswith(library)
    assert 'pip install -e ".[train]"' in ended.stderr
