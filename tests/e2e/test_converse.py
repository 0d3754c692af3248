"""`python -m scripts.converse` plays stories with a trained model, as admins and their scripts call it."""

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.process import WAIT_S, command, environment

if TYPE_CHECKING:
    from tests.conftest import Trained

GOOD = """
story: A pizza with cheese
turns:
  - user: order a pizza please
    intent: order_pizza
    context: cheese
    text: With cheese
  - user: "yes"
    intent: cheese_yes
    reason: exact
"""

BAD = """
story: A pizza without patience
turns:
  - user: I want a pizza
  - wait: 21 minutes
  - user: "yes"
    intent: cheese_yes
    text: Cheese it is
"""


@pytest.fixture
def stories(tmp_path: Path) -> Path:
    directory = tmp_path / "intents" / "stories"
    directory.mkdir(parents=True)
    (directory / "good.yaml").write_text(GOOD.lstrip(), encoding="utf-8")
    return directory


def converse(trained: "Trained", *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Call it where the stories are, with the model and its intents in the environment."""
    places = {"MODELS_DIR": str(trained.models_dir), "INTENTS_PATH": str(trained.intents_path)}
    return subprocess.run(
        command("scripts.converse", *arguments),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        cwd=trained.intents_path.parent,
        env=environment(places | variables),
        timeout=WAIT_S,
        check=False,
    )


def test_stories_that_pass_are_counted(trained: "Trained", stories: Path) -> None:
    """Without a word on the command line it plays those that the settings name."""
    done = converse(trained, STORIES_PATH=str(stories))
    assert (done.returncode, done.stderr) == (0, "")
    assert "A pizza with cheese" in done.stdout
    assert "1 of 1 stories passed" in done.stdout


def test_story_that_fails_is_explained(trained: "Trained", stories: Path, tmp_path: Path) -> None:
    """Where, what was said, expected and got, and what the classifier made of it; the same as JSON."""
    path, out = stories / "bad.yaml", tmp_path / "out.json"
    path.write_text(BAD.lstrip(), encoding="utf-8")
    done = converse(trained, str(stories), "--json", str(out))
    assert done.returncode == 1
    assert "1 of 2 stories passed" in done.stdout
    assert f"{path}:5: A pizza without patience, turn 3" in done.stdout
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["said", "yes"] in lines
    assert ["expected", "cheese_yes"] in lines
    assert ["expected", "Cheese", "it", "is"] in lines
    assert any(words[:1] == ["ranking"] for words in lines)
    assert any(words[:1] == ["reason"] for words in lines)

    outcome: dict[str, Any] = json.loads(out.read_text("utf-8"))
    assert (outcome["n"], outcome["passed"]) == (2, 1)
    assert {story["story"]: story["passed"] for story in outcome["stories"]} == {
        "A pizza with cheese": True,
        "A pizza without patience": False,
    }
    failure = next(story["failure"] for story in outcome["stories"] if not story["passed"])
    assert (failure["turn"], failure["place"], failure["said"]) == (3, f"{path}:5", "yes")
    assert [difference["field"] for difference in failure["differences"]] == ["intent", "text"]


def test_malformed_story_is_refused_before_anything_is_loaded(trained: "Trained", stories: Path) -> None:
    """Exit code 2, and the line; there need not even be a model."""
    path = stories / "odd.yaml"
    path.write_text("story: Odd\nturns:\n  - usr: hello\n", encoding="utf-8")
    done = converse(trained, "intents/stories", "--models", str(stories))
    assert (done.returncode, done.stdout) == (2, "")
    assert f'{path.relative_to(trained.intents_path.parent)}:3: usr: unknown field: did you mean "user"?' in done.stderr


@pytest.mark.parametrize("arguments", [[], ["intents"]], ids=["not named", "not there"])
def test_no_stories_are_no_success(trained: "Trained", stories: Path, arguments: list[str]) -> None:
    """A script must not think that all is well; other intents than the starter have no stories that go unnamed."""
    assert stories.is_dir()
    done = converse(trained, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert ("holds no *.yaml" if arguments else "STORIES_PATH") in done.stderr


def test_without_a_model_it_says_how_to_make_one(trained: "Trained", stories: Path) -> None:
    """One sentence, exit code 1."""
    done = converse(trained, str(stories), "--models", str(stories))
    assert done.returncode == 1
    assert "scripts.train" in done.stderr
    assert "Traceback" not in done.stderr


def test_edited_answers_are_played_without_training(trained: "Trained", stories: Path) -> None:
    """And an answer that no longer fits its story is told."""
    content = trained.intents_path.read_text("utf-8")
    trained.intents_path.write_text(content.replace("With cheese?", "And on top?"), encoding="utf-8")
    done = converse(trained, str(stories))
    assert done.returncode == 1
    assert "And on top?" in done.stdout


def test_edited_patterns_need_training_first(trained: "Trained", stories: Path) -> None:
    """Asked for by name, such intents are refused; else those of the model are played, and it says so."""
    content = trained.intents_path.read_text("utf-8")
    trained.intents_path.write_text(content.replace("greetings friend", "greetings, friends"), encoding="utf-8")
    refused = converse(trained, str(stories), "--intents", str(trained.intents_path))
    assert refused.returncode == 1
    assert "scripts.train" in refused.stderr
    assert "passed" not in refused.stdout
    noted = converse(trained, str(stories))
    assert noted.returncode == 0
    assert "training is due" in noted.stderr
