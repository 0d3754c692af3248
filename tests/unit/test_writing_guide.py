"""The guide for whoever writes intents: every example in it works as it stands."""

import importlib.util
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.actions import ActionRunner
from bot.rehearsal import rehearse
from bot.stories import PlacedStory, StoryTurn
from bot.story_reading import parse_story
from intents.catalog import Action, Builtin, EntityType, IntentCatalog
from intents.findings import Finding
from intents.validation import load_catalog
from model.decision import Reason
from model.text import normalise
from tests.unit.fakes import FakeClassifier

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "writing-intents.md"

_BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_ATTACHED = re.compile(r"(?:image|file): (?P<path>\S+)")


@dataclass(frozen=True)
class Block:
    """An example: its language, its text, and its line in the guide."""

    language: str
    text: str
    line: int

    @property
    def is_story(self) -> bool:
        return self.language == "yaml" and self.text.startswith("story:")


def read_blocks() -> list[Block]:
    text = GUIDE.read_text(encoding="utf-8")
    return [
        Block(match["language"], match["text"], text.count("\n", 0, match.start()) + 1)
        for match in _BLOCK.finditer(text)
    ]


BLOCKS = read_blocks()
COMMANDS = [line for block in BLOCKS if block.language == "sh" for line in block.text.splitlines()]


@pytest.fixture
def loaded(tmp_path: Path) -> tuple[IntentCatalog, tuple[Finding, ...]]:
    """The catalog of which all examples together are the files."""
    for block in BLOCKS:
        if block.language in {"yaml", "json"} and not block.is_story:
            (tmp_path / f"line-{block.line:04}.{block.language}").write_text(block.text, encoding="utf-8")
            for match in _ATTACHED.finditer(block.text):
                path = tmp_path / match["path"]
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(b"")
    return load_catalog(tmp_path, normalise)


def read_stories_of_the_guide() -> list[PlacedStory]:
    return [parse_story(block.text, f"{GUIDE.name}, after line {block.line},") for block in BLOCKS if block.is_story]


def test_every_kind_of_example_is_tried() -> None:
    """An example in another language would be one that no test looks at."""
    assert {block.language for block in BLOCKS} == {"yaml", "json", "sh", "python"}
    assert any(block.is_story for block in BLOCKS)


def test_intents_of_the_guide_load_without_a_finding(loaded: tuple[IntentCatalog, tuple[Finding, ...]]) -> None:
    """What a guide shows has not even a warning; it shows every feature."""
    catalog, findings = loaded
    assert findings == ()
    assert {intent.builtin for intent in catalog.intents} == {*Builtin, None}
    assert any(intent.slots for intent in catalog.intents)
    assert any(intent.annotations for intent in catalog.intents)
    assert any(intent.handoff for intent in catalog.intents)
    assert {action.call is None for intent in catalog.intents if (action := intent.action)} == {True, False}
    assert {one.is_image for intent in catalog.intents for said in intent.responses for one in said.attachments} == {
        True,
        False,
    }
    assert any(said.choices for intent in catalog.intents for said in intent.responses)
    assert catalog.languages == ("de",)
    assert catalog.fallback.help
    assert catalog.fallback.handoff


def test_stories_of_the_guide_name_its_own_intents(loaded: tuple[IntentCatalog, tuple[Finding, ...]]) -> None:
    """A reader finds in the guide what the story is about."""
    named = {turn.intent for one in read_stories_of_the_guide() for turn in one.story.turns} - {None}
    assert named - {intent.tag for intent in loaded[0].intents} == {"fallback"}


def test_stories_of_the_guide_pass(loaded: tuple[IntentCatalog, tuple[Finding, ...]]) -> None:
    """They are played by the real engine; their messages are patterns, so that no model need be trained."""
    classifier = FakeClassifier(loaded[0])
    outcome = rehearse(read_stories_of_the_guide(), classifier, action_modules=[])  # type: ignore[arg-type]
    assert [one.failure for one in outcome if one.failure is not None] == []


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_of_the_guide_exist(line: str) -> None:
    """The module is there, and its command line knows the options."""
    python, option, module, *arguments = shlex.split(line)
    assert (python, option) == ("python", "-m")
    assert importlib.util.find_spec(module) is not None
    files = [ROOT / "bot" / "cli.py"] if module == "bot" else [ROOT / f"{module.replace('.', '/')}.py"]
    files.append(ROOT / "scripts" / "options.py")
    source = "".join(file.read_text(encoding="utf-8") for file in files)
    options = {argument for argument in arguments if argument.startswith("--")} - {"--help"}
    assert [one for one in options if f'"{one}"' not in source] == []


async def test_function_of_the_guide_can_be_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalog that calls it gets what it returns."""
    (block,) = [block for block in BLOCKS if block.language == "python"]
    (tmp_path / "garden_of_the_guide.py").write_text(block.text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    runner = ActionRunner(["garden_of_the_guide"])
    action = Action(call="garden_of_the_guide:litres", arguments={"plots": 3})
    assert (await runner.run(action, {}, {}))["result"] == "45 litres"


@pytest.mark.parametrize("kind", EntityType)
def test_every_type_of_slot_is_explained(kind: EntityType) -> None:
    """Whoever writes slots need not look into the code."""
    rows = [line for line in GUIDE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert any(f"`{kind.value}`" in row.split("|")[1] for row in rows)


def test_every_expectation_of_a_story_is_explained() -> None:
    """Likewise for stories."""
    text = GUIDE.read_text(encoding="utf-8")
    assert [name for name in StoryTurn.model_fields if f"`{name}`" not in text] == []
    assert [reason for reason in Reason if f"`{reason}`" not in text] == []
