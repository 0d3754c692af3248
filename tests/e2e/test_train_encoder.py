"""The command line train, and the sentence encoder that it is given, lacks or refuses."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from model.config import TrainingConfig
from model.encoder_files import CONFIG_FILE, WEIGHTS_FILE, identity_of
from model.tuned import Tuned, write_tuned
from scripts import train
from tests.e2e.process import command, running
from tests.e2e.test_scripts import edit, pointer, run
from tests.tiny_encoder import write_encoder

if TYPE_CHECKING:
    from tests.conftest import Trained

WITHOUT = "Training without the sentence encoder, whose files are not there: answers will be much less sure."


def paths_of(trained: "Trained") -> list[str]:
    return ["--intents", str(trained.intents_path), "--models", str(trained.models_dir)]


def test_train_with_an_encoder_of_ones_own(trained: "Trained", tiny_encoder: Path, tmp_path: Path) -> None:
    """Any directory of the right layout; it becomes a part of the model, which then fits until another is asked for."""
    choice = ["--encoder", str(tiny_encoder)]
    config = TrainingConfig(encoder=identity_of(tiny_encoder), encoder_epochs=1, min_steps=0, folds=2)
    write_tuned(trained.models_dir, Tuned("", "", 2, 0.5, 0.6, config))  # a short training
    ended = run(tmp_path, "scripts.train", *paths_of(trained), *choice, "--no-fine-tune")
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    path, *report = ended.stdout.splitlines()
    assert any("sentence encoder" in line and "not fine-tuned" in line for line in report)
    manifest = json.loads((Path(path) / "manifest.json").read_text("utf-8"))
    assert manifest["training"]["is_encoder_chosen"] is True
    assert (Path(path) / "tokenizer.json").read_bytes() == (tiny_encoder / "tokenizer.json").read_bytes()

    for more in ([], choice):
        again = run(tmp_path, "scripts.train", *paths_of(trained), "--if-due", *more)
        assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


async def test_without_the_encoders_files_it_trains_on(trained: "Trained", tmp_path: Path) -> None:
    """One plain sentence with the mend, then it goes on."""
    edit(trained.intents_path, "greeting", patterns=["hello", "ahoy", "good morning"])
    variables = {"ENCODER_DIR": str(tmp_path / "nowhere")}
    async with running(command("scripts.train", *paths_of(trained), "--if-due"), variables, tmp_path) as process:
        await process.wrote("Training on 23 patterns")
    said = f"{WITHOUT} Fetch them with `python -m scripts.fetch_encoder` and train again."
    assert process.stderr.splitlines().count(said) == 1


async def test_no_encoder_on_purpose_is_not_remarked(trained: "Trained", tmp_path: Path) -> None:
    """Who asked for none knows."""
    arguments = command("scripts.train", *paths_of(trained), "--encoder", "none")
    async with running(arguments, {}, tmp_path) as process:
        await process.wrote("Training on 26 patterns")
    assert "encoder" not in process.stderr


@pytest.mark.parametrize("option", [[], ["--encoder", "minilm"]])
def test_damaged_minilm_is_refused_on_its_hash(
    trained: "Trained", tiny_encoder: Path, tmp_path: Path, option: list[str]
) -> None:
    """Files of the right names are not enough: one sentence names the file and the mend, and nothing is trained."""
    before = pointer(trained.models_dir)
    edit(trained.intents_path, "greeting", patterns=["hello", "ahoy"])
    ended = run(tmp_path, "scripts.train", *paths_of(trained), *option, ENCODER_DIR=str(tiny_encoder))
    assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (1, "", 1)
    assert f"{tiny_encoder / WEIGHTS_FILE} is damaged (refused on its hash)" in ended.stderr
    assert "python -m scripts.fetch_encoder" in ended.stderr
    assert pointer(trained.models_dir) == before


def test_minilm_that_was_asked_for_must_be_there(trained: "Trained", tmp_path: Path) -> None:
    """Else it would be trained without unnoticed."""
    ended = run(tmp_path, "scripts.train", *paths_of(trained), "--encoder", "minilm", ENCODER_DIR=str(tmp_path))
    assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (1, "", 1)
    assert "is missing: fetch it with `python -m scripts.fetch_encoder`" in ended.stderr


def test_directory_without_an_encoder_is_named(trained: "Trained", tmp_path: Path) -> None:
    """With the files that should lie there."""
    ended = run(tmp_path, "scripts.train", *paths_of(trained), "--encoder", "nowhere")
    assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (1, "", 1)
    assert ended.stderr.startswith("--encoder nowhere: this directory must hold model.safetensors, tokenizer.json")


@pytest.mark.parametrize("fault", ["architecture", "weights"])
def test_encoder_that_cannot_be_used_ends_training(
    trained: "Trained", tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """One sentence after the announcement, no trace, and the model that was current still is."""
    before = {path.name for path in trained.models_dir.iterdir()}
    directory = write_encoder(tmp_path / "own", model_type="roberta" if fault == "architecture" else "bert")
    if fault == "weights":
        (directory / WEIGHTS_FILE).write_bytes((directory / WEIGHTS_FILE).read_bytes()[:-100])
    arguments = [*paths_of(trained), "--encoder", str(directory)]
    if fault == "weights":
        ended = run(tmp_path, "scripts.train", *arguments)
        code, stdout, stderr = ended.returncode, ended.stdout, ended.stderr
    else:  # in this process, which has loaded TensorFlow already
        monkeypatch.setattr(sys, "argv", ["train", *arguments])
        with pytest.raises(SystemExit) as left:
            train.main()
        (stdout, stderr), code = capfd.readouterr(), left.value.code
    assert (code, stdout) == (1, "")
    assert "Traceback" not in stderr
    announced, *told = filter(None, stderr.splitlines())
    assert announced.startswith("Training on 26 patterns")
    assert len(told) == 1
    assert told[0].startswith(f"{directory} holds no sentence encoder of the BERT architecture: ")
    assert ("roberta" if fault == "architecture" else WEIGHTS_FILE) in told[0]
    assert {path.name for path in trained.models_dir.iterdir()} == before
    assert (directory / CONFIG_FILE).is_file()


def test_model_with_an_encoder_stays_without_its_files(trained_with_encoder: "Trained", tmp_path: Path) -> None:
    """The bundle holds what it needs; `--encoder none` makes a training due."""
    trained = trained_with_encoder.copy_to(tmp_path)
    ended = run(tmp_path, "scripts.train", *paths_of(trained), "--if-due")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


@pytest.mark.parametrize(
    "options",
    [
        ["--budget", "0"],
        ["--budget", "-1"],
        ["--budget", "soon"],
        ["--budget", "inf"],
        ["--budget", "nan"],
        ["--seed", "-1"],
        ["--seed", "x"],
        ["--fine-tune", "--no-fine-tune"],
        ["--encoder"],
    ],
    ids=" ".join,
)
def test_wrong_values_are_faults_of_usage(tmp_path: Path, options: list[str]) -> None:
    """The exit code is 2, and the option is named."""
    ended = run(tmp_path, "scripts.train", *options)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert options[0] in ended.stderr
    assert "Traceback" not in ended.stderr
