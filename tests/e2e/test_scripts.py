"""The command lines train, evaluate and validate, as users and their scripts call them."""

import asyncio
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from model.outside import generic_messages
from scripts import train
from tests.e2e.process import WAIT_S, command, environment, running

if TYPE_CHECKING:
    from tests.conftest import Trained

TRAINING_S = 240.0
"""Training on the small catalog takes half a minute on two slow cores."""

SHARES = {"accuracy", "macro_f1", "coverage", "accuracy_when_answered", "oos_recall", "oos_auroc", "threshold"}

ROWS = [
    {"text": "hello", "intent": "greeting"},
    {"text": "when do you close", "intent": "opening_hours", "contexts": []},
    {"text": "yes", "intent": "cheese_yes", "contexts": ["cheese"]},
    {"text": "no", "intent": "cheese_no", "contexts": ["cheese"]},
    {"text": "?!", "intent": None},
]


def run(directory: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        cwd=directory,
        env=environment(variables),
        timeout=TRAINING_S,
        check=False,
    )


def pointer(models_dir: Path) -> str:
    return (models_dir / "current").read_text("utf-8").strip()


def edit(intents_path: Path, tag: str, **fields: Any) -> None:
    content = json.loads(intents_path.read_text("utf-8"))
    (intent,) = [intent for intent in content["intents"] if intent["tag"] == tag]
    intent.update(fields)
    intents_path.write_text(json.dumps(content), "utf-8")


# Training.


def test_train_writes_a_model_and_makes_it_current(
    trained: "Trained", tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Standard output holds the bundle's path, then the metrics; the directory is made; the chat can start on it."""
    models_dir = tmp_path / "not yet" / "there"
    paths = {"INTENTS_PATH": str(trained.intents_path), "MODELS_DIR": str(models_dir)}
    few = generic_messages()[::10]  # all of them take minutes, so it trains in this process
    monkeypatch.setattr("model.trainer.generic_messages", lambda: few)
    monkeypatch.setattr(sys, "argv", ["train", "--seed", "3"])
    monkeypatch.chdir(tmp_path)
    for name, value in environment(paths).items():
        monkeypatch.setenv(name, value)
    assert train.main() == 0
    stdout, stderr = capfd.readouterr()
    path, *report = stdout.splitlines()
    assert Path(path) == models_dir / pointer(models_dir)
    assert json.loads((Path(path) / "manifest.json").read_text("utf-8"))["seed"] == 3
    for figure in ("accuracy", "macro f1", "threshold"):
        assert any(figure in line for line in report)
    assert "Training on 26 patterns of 5 intents" in stderr
    assert "Traceback" not in stderr
    assert not list(models_dir.glob(".writing-*"))
    chat = subprocess.run(
        command("bot", "--console"),
        input="when do you close\n",
        capture_output=True,
        encoding="utf-8",
        cwd=tmp_path,
        env=environment(paths),
        timeout=WAIT_S,
        check=True,
    )
    assert chat.stdout == "We are open from 10:00 to 20:00.\n"


def test_train_does_nothing_when_the_model_fits(trained: "Trained", tmp_path: Path) -> None:
    """With `--if-due`, and though answers were edited; silently, for it runs at every start."""
    before = pointer(trained.models_dir)
    edit(trained.intents_path, "greeting", responses=["Ahoy!"])
    paths = ["--intents", str(trained.intents_path), "--models", str(trained.models_dir)]
    ended = run(tmp_path, "scripts.train", *paths, "--if-due")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert pointer(trained.models_dir) == before
    assert [path.name for path in trained.models_dir.iterdir() if path.is_dir()] == [before]


def test_train_refuses_a_catalog_with_errors(trained: "Trained", tmp_path: Path) -> None:
    """Every error is named, nothing is trained, and the model that was current still is."""
    before = pointer(trained.models_dir)
    edit(trained.intents_path, "greeting", responses=[])
    edit(trained.intents_path, "order_pizza", context_set=[])
    paths = ["--intents", str(trained.intents_path), "--models", str(trained.models_dir)]
    ended = run(tmp_path, "scripts.train", *paths)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "greeting: responses: empty" in ended.stderr
    assert "never set" in ended.stderr
    assert "Nothing was trained" in ended.stderr
    assert pointer(trained.models_dir) == before


def test_broken_intents_stop_no_start_that_has_a_model(trained: "Trained", tmp_path: Path) -> None:
    """`--if-due` names the fault and leaves the model that is there to serve; without one, it is an error."""
    trained.intents_path.write_text("{", "utf-8")
    for models_dir, code in ((trained.models_dir, 0), (tmp_path / "none", 1)):
        paths = {"INTENTS_PATH": str(trained.intents_path), "MODELS_DIR": str(models_dir)}
        ended = run(tmp_path, "scripts.train", "--if-due", **paths)
        assert ended.returncode == code
        assert "not valid JSON" in ended.stderr
        assert "Nothing was trained" in ended.stderr


def test_train_says_before_it_trains_that_it_cannot_write(trained: "Trained", tmp_path: Path) -> None:
    """Minutes of training are not spent first."""
    (tmp_path / "taken").write_text("a file", "utf-8")
    paths = {"INTENTS_PATH": str(trained.intents_path), "MODELS_DIR": str(tmp_path / "taken")}
    ended = run(tmp_path, "scripts.train", **paths)
    assert ended.returncode == 1
    assert str(tmp_path / "taken") in ended.stderr
    assert "Training on" not in ended.stderr
    assert "Traceback" not in ended.stderr


async def test_ctrl_c_before_training_has_begun_changes_nothing(trained: "Trained", tmp_path: Path) -> None:
    """While the libraries are loaded, for seconds, it is as good as later; `--if-due` had found a pattern more."""
    before = pointer(trained.models_dir)
    edit(trained.intents_path, "greeting", patterns=["hello", "ahoy", "good morning"])
    paths = ["--intents", str(trained.intents_path), "--models", str(trained.models_dir)]
    async with running(command("scripts.train", *paths, "--if-due"), {}, tmp_path) as process:
        await process.wrote("Training on 23 patterns")
        process.signal(signal.SIGINT)
        assert await process.code() == 130
    assert "Traceback" not in process.stderr
    assert process.stderr.splitlines()[-1] == "Interrupted: the model that was current still is."
    assert pointer(trained.models_dir) == before


class Screen:
    """A terminal in which a program shows its progress."""

    def __init__(self) -> None:
        self._master, self.slave = pty.openpty()
        self._seen = ""

    async def until(self, text: str) -> None:
        async with asyncio.timeout(TRAINING_S):
            while text not in self._seen:
                self._seen += (await asyncio.to_thread(os.read, self._master, 65_536)).decode("utf-8", "replace")

    def close(self) -> None:
        os.close(self.slave)
        os.close(self._master)


@pytest.fixture
def screen() -> Iterator[Screen]:
    screen = Screen()
    yield screen
    screen.close()


async def test_ctrl_c_in_the_middle_of_training_changes_nothing(
    trained: "Trained", tmp_path: Path, screen: Screen
) -> None:
    """The progress tells what is being done; after the interruption the old model is current and nothing is left."""
    before = pointer(trained.models_dir)
    paths = ["--intents", str(trained.intents_path), "--models", str(trained.models_dir)]
    process = await asyncio.create_subprocess_exec(
        *command("scripts.train", *paths),
        cwd=tmp_path,
        env=environment({"TERM": "xterm"}),
        stdout=asyncio.subprocess.PIPE,
        stderr=screen.slave,
    )
    try:
        await screen.until("cross-validating")
        process.send_signal(signal.SIGINT)
        await screen.until("Interrupted")
        stdout, _ = await asyncio.wait_for(process.communicate(), WAIT_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    assert (process.returncode, stdout) == (130, b"")
    assert pointer(trained.models_dir) == before
    assert {path.name for path in trained.models_dir.iterdir()} == {before, "current"}


# Evaluating.


def write_rows(path: Path, rows: list[Any]) -> str:
    path.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    return str(path)


def evaluate(trained: "Trained", directory: Path, rows: list[Any], *more: str) -> subprocess.CompletedProcess[str]:
    data = write_rows(directory / "data.jsonl", rows)
    return run(directory, "scripts.evaluate", "--data", data, "--models", str(trained.models_dir), *more)


def test_evaluate_writes_the_figures(trained: "Trained", tmp_path: Path) -> None:
    """Exactly the fields that are promised; rows in their contexts that equal patterns are all found."""
    out = tmp_path / "out.json"
    ended = evaluate(trained, tmp_path, ROWS, "--json", str(out))
    assert ended.returncode == 0, ended.stderr
    figures = json.loads(out.read_text("utf-8"))
    assert set(figures) == SHARES | {"n", "runtime", "latency_ms"}
    assert figures["n"] == 5
    assert {name: figures[name] for name in SHARES - {"threshold"}} == dict.fromkeys(SHARES - {"threshold"}, 1.0)
    assert 0 <= figures["threshold"] <= 1
    assert figures["runtime"] in {"litert", "keras"}
    assert set(figures["latency_ms"]) == {"p50", "p99"}
    assert 0 < figures["latency_ms"]["p50"] <= figures["latency_ms"]["p99"]
    assert "accuracy" in ended.stdout
    assert "Traceback" not in ended.stderr


def test_evaluate_masks_by_context(trained: "Trained", tmp_path: Path) -> None:
    """A row without its context cannot be found; without rows out of scope their figures are null."""
    out = tmp_path / "out.json"
    rows = [ROWS[0], {"text": "yes", "intent": "cheese_yes"}]
    assert evaluate(trained, tmp_path, rows, "--json", str(out)).returncode == 0
    figures = json.loads(out.read_text("utf-8"))
    assert (figures["n"], figures["accuracy"]) == (2, 0.5)
    assert (figures["oos_recall"], figures["oos_auroc"]) == (None, None)


def test_evaluate_obeys_the_operators_threshold(trained: "Trained", tmp_path: Path) -> None:
    """The figures are those of the service as it is configured."""
    out = tmp_path / "out.json"
    data = write_rows(tmp_path / "data.jsonl", [{"text": "hello hello you", "intent": "greeting"}])
    arguments = ["--data", data, "--models", str(trained.models_dir), "--json", str(out)]
    assert run(tmp_path, "scripts.evaluate", *arguments, CONFIDENCE_THRESHOLD="1").returncode == 0
    figures = json.loads(out.read_text("utf-8"))
    assert (figures["threshold"], figures["coverage"], figures["accuracy_when_answered"]) == (1.0, 0.0, None)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([ROWS[0], {"text": "x", "intent": "nobody"}], 'data.jsonl:2: unknown intent "nobody"'),
        ([], "empty"),
    ],
    ids=["unknown", "empty"],
)
def test_evaluate_names_the_wrong_line(trained: "Trained", tmp_path: Path, rows: list[Any], told: str) -> None:
    """A labelled file that cannot be used is an error with its line, not a figure; test_evaluation has every fault."""
    ended = evaluate(trained, tmp_path, rows)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr


def test_evaluate_refuses_other_patterns(trained: "Trained", tmp_path: Path) -> None:
    """A catalog that the model was not trained on would give figures of neither."""
    edit(trained.intents_path, "greeting", patterns=["ahoy"])
    ended = evaluate(trained, tmp_path, ROWS, "--intents", str(trained.intents_path))
    assert ended.returncode == 1
    assert "python -m scripts.train" in ended.stderr


def test_evaluate_needs_a_model(tmp_path: Path) -> None:
    """Without one it says how to get one, in a sentence."""
    ended = run(tmp_path, "scripts.evaluate", "--data", write_rows(tmp_path / "data.jsonl", ROWS))
    assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (1, "", 1)
    assert "python -m scripts.train" in ended.stderr


# Validating, and what all have in common.


def test_validate_lists_every_finding(trained: "Trained", tmp_path: Path) -> None:
    """Errors fail, warnings fail only where asked; a clean file is said to be clean."""
    path = str(trained.intents_path)
    assert run(tmp_path, "scripts.validate", path, "--strict").returncode == 0
    edit(trained.intents_path, "greeting", patterns=["hello", "hi", "good day", "hey bot", "greetings", "Hello!"])
    warned = run(tmp_path, "scripts.validate", path)
    assert (warned.returncode, "warning" in warned.stdout, "duplicate" in warned.stdout) == (0, True, True)
    assert run(tmp_path, "scripts.validate", path, "--strict").returncode == 1
    edit(trained.intents_path, "opening_hours", responses=[])
    failed = run(tmp_path, "scripts.validate", INTENTS_PATH=path)
    assert failed.returncode == 1
    assert "opening_hours: responses: empty" in failed.stdout
    assert "1 errors, 1 warnings" in failed.stdout


@pytest.mark.parametrize("script", ["scripts.train", "scripts.evaluate", "scripts.validate"])
def test_wrong_settings_are_named(tmp_path: Path, script: str) -> None:
    """Like the bot itself: the variable by name and exit code 78."""
    ended = run(tmp_path, script, CONTEXT_TTL_S="soon")
    assert (ended.returncode, ended.stdout) == (78, "")
    assert ended.stderr.startswith("CONTEXT_TTL_S: expected ")


@pytest.mark.parametrize("script", ["scripts.train", "scripts.evaluate", "scripts.validate"])
def test_an_unknown_option_is_a_fault_of_usage(tmp_path: Path, script: str) -> None:
    """The exit code is 2, as everywhere."""
    assert run(tmp_path, script, "--colour").returncode == 2


def test_names_are_shown_as_they_are(trained: "Trained", tmp_path: Path) -> None:
    """A path, like a tag, is text, not the markup of the library that draws the tables: no end, no style, no emoji."""
    name = "[/b][red]:smile:.jsonl"
    (tmp_path / name).parent.mkdir(exist_ok=True)
    write_rows(tmp_path / name, ROWS)
    ended = run(tmp_path, "scripts.evaluate", "--data", name, "--models", str(trained.models_dir))
    assert ended.returncode == 0, ended.stderr
    assert f"{name} under" in ended.stdout
