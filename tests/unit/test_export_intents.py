"""The export to Rasa's training data, and the way back."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intents.validation import load_catalog
from model.text import normalise
from scripts.importers.documents import read_yaml
from tests.unit.import_helpers import DATA, imported, intent_of, run_export, run_import

CATALOG = """
language: en
entities:
  group:
    type: choice
    values:
      chess club: [chess, the chess group]
      book club: [books]
  ticket: {type: regex, regex: "[A-Z]{2}-\\\\d{4}"}
intents:
  - tag: join_group
    patterns: ["I want to join [chess](group)", "join [book club](group) now", "I want to join a group"]
    slots: [{name: group, type: group, prompt: Which?}]
    responses: ["Welcome to {group}."]
    followups:
      why: {patterns: [why that one], responses: [Because.]}
  - tag: find_ticket
    patterns: ["where is [AB-1234](ticket)", "- find my ticket"]
    slots: [{name: ticket, type: ticket, required: false}]
    responses: [Here.]
"""


def test_export_and_import_give_the_same_patterns_and_values(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of choices with their synonyms, of expressions, and of follow-ups; the language too."""
    source, nlu = tmp_path / "catalog.yaml", tmp_path / "nlu.yml"
    source.write_text(CATALOG)
    before, _ = load_catalog(source, normalise)
    assert run_export(monkeypatch, source, "--to", nlu) == 0
    after = imported(monkeypatch, nlu, tmp_path, "--format", "rasa")
    assert {one.tag: set(one.patterns) for one in after.intents} == {
        one.tag: set(one.patterns) for one in before.intents
    }
    for tag in ("join_group", "find_ticket"):
        one, other = intent_of(before, tag), intent_of(after, tag)
        assert one.annotations == other.annotations
        assert [(slot.name, slot.entity) for slot in one.slots] == [(slot.name, slot.entity) for slot in other.slots]
    assert after.languages == ("en",)


def test_export_is_what_rasa_reads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Version 3.1, blocks of examples, annotations by slot."""
    source, nlu = tmp_path / "catalog.yaml", tmp_path / "nlu.yml"
    source.write_text(CATALOG)
    run_export(monkeypatch, source, "--to", nlu)
    text = nlu.read_text(encoding="utf-8")
    assert text.startswith('# language: en\nversion: "3.1"\nnlu:\n- intent: join_group\n')
    assert "    - I want to join [chess](group)\n    - join [book club](group) now\n" in text
    assert "- regex: ticket\n  examples: |\n    - [A-Z]{2}-\\d{4}\n" in text
    assert "- synonym: chess club\n  examples: |\n    - chess\n    - the chess group\n" in text
    entries = [name for entry in read_yaml(text, "nlu.yml")["nlu"] for name, _ in entry.items()]
    assert {"intent", "lookup", "regex", "synonym"} <= set(entries)


def test_export_goes_to_standard_output(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Where no file is named."""
    source = tmp_path / "catalog.yaml"
    source.write_text(CATALOG)
    assert run_export(monkeypatch, source) == 0
    assert b'version: "3.1"' in capsysbinary.readouterr().out


def test_broken_catalog_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the validator tells it."""
    assert run_export(monkeypatch, tmp_path / "nowhere.yaml") == 1
    assert "nowhere.yaml" in capsys.readouterr().err


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=6))
def test_any_patterns_come_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, texts: list[str]) -> None:
    """Whatever characters they hold: all that the classifier would see."""
    import json

    patterns = [text for text in texts if normalise(text) and text.isprintable() and "](" not in text]
    if not patterns:
        return
    source, nlu, back = tmp_path / "a.json", tmp_path / "nlu.yml", tmp_path / "back" / "b.yaml"
    intents = [{"tag": "a", "patterns": patterns, "responses": ["ok"]}]
    source.write_text(json.dumps({"intents": intents}))
    before, _ = load_catalog(source, normalise)
    assert run_export(monkeypatch, source, "--to", nlu) == 0
    assert run_import(monkeypatch, nlu, "--format", "rasa", "--to", back, "--force") == 0
    after, _ = load_catalog(back, normalise)
    assert {normalise(one) for one in after.intents[0].patterns} == {
        normalise(one) for one in before.intents[0].patterns
    }


def test_imported_bot_can_be_exported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And says what it said."""
    catalog = imported(monkeypatch, DATA / "rasa", tmp_path)
    assert run_export(monkeypatch, tmp_path / "bot.yaml", "--to", tmp_path / "nlu.yml") == 0
    text = (tmp_path / "nlu.yml").read_text(encoding="utf-8")
    assert "- can I have the [drill](tool) until [friday](day)\n" in text
    assert all(f"- intent: {intent.tag}\n" in text for intent in catalog.trainable)
