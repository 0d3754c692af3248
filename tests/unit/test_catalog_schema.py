"""The schema of the file format: what editors accept is what loads, and no value of any kind ends a reading."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from intents import schema
from intents.catalog import EntityType
from intents.findings import CatalogError
from intents.scalars import plain
from intents.validation import load_catalog
from intents.yaml_documents import read_yaml
from model.text import normalise

STARTER = Path(__file__).parents[2] / "intents" / "starter"
SCHEMA = json.loads((Path(__file__).parents[2] / "intents" / "schema.json").read_text(encoding="utf-8"))
EDITOR = Draft202012Validator(SCHEMA)

SHORT_FORMS = """
language: en
entities:
  group: {type: choice, values: {chess: [x], books: y, films: }}
  colour: {type: choice, values: [red, blue]}
intents:
  - tag: a
    patterns: one
    responses:
      - Hi
      - {text: Ho, when: {platform: [discord, console], language: en, slots: {s: any, t: [b]}}, image: x.png}
    context_set: [a, {name: b, lifespan: 3, ttl_s: 1.5}]
    context: c
    context_filter:
    slots: [{name: s, prompt: [What?]}, {name: t, type: choice, values: [b], required: false}]
    action: {call: a:b, arguments: {x: [1, {y: null}]}}
    followups:
      yes: Good.
      no: [Bad., {text: Worse., choices: [x, {title: y, intent: a}]}]
      cancel:
      why: {patterns: why}
fallback: {responses: Sorry?, help: [a, b], handoff: true}
"""
WRONG = [
    {"intents": [{"tag": "a", "pattern": ["x"]}]},
    {"intents": [{"patterns": ["x"]}]},
    {"intents": [{"tag": "a", "slots": [{"name": "s", "type": "date", "promt": "x"}]}]},
    {"intents": [{"tag": "a", "slots": "s"}]},
    {"intents": [{"tag": "a", "responses": [{"text": "x", "when": {"platform": "irc"}}]}]},
    {"intents": [{"tag": "a", "responses": [["x"]]}]},
    {"intents": [{"tag": "a", "action": {"call": "a:b", "method": "FETCH"}}]},
    {"entities": {"a": {"type": "colour"}}},
    {"language": "en-GB", "intents": []},
    {"fallback": "x"},
]


def test_editors_accept_what_loads() -> None:
    """Short forms too; YAML's nulls are nothing."""
    value, _ = read_yaml(SHORT_FORMS)
    assert list(EDITOR.iter_errors(plain(value))) == []


@pytest.mark.parametrize("path", sorted(STARTER.iterdir()), ids=lambda path: path.name)
def test_editors_accept_the_starter_intents(path: Path) -> None:
    """Every file of them that holds intents."""
    if path.suffix in {".yaml", ".json"}:
        text = path.read_text(encoding="utf-8")
        value = plain(read_yaml(text)[0]) if path.suffix == ".yaml" else json.loads(text)
        assert [error.message for error in EDITOR.iter_errors(value)] == []


@pytest.mark.parametrize("value", WRONG)
def test_editors_refuse_what_is_told_when_loading(value: Any, tmp_path: Path) -> None:
    """What is underlined in an editor is a finding, and none of it is overlooked by either."""
    assert not EDITOR.is_valid(value)
    path = tmp_path / "a.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    with pytest.raises(CatalogError):
        load_catalog(path, normalise)


def test_fields_explain_themselves() -> None:
    """An editor shows a sentence on each."""
    for model in (
        schema.CatalogFile, schema.IntentEntry, schema.FollowUpEntry, schema.SlotEntry, schema.EntityEntry,
        schema.ResponseEntry, schema.WhenEntry, schema.ChoiceEntry, schema.ContextEntry, schema.ActionEntry,
        schema.FallbackEntry,
    ):  # fmt: skip
        assert [name for name, info in model.model_fields.items() if not (info.description or "").endswith(".")] == []
        assert (model.__doc__ or "").endswith(".")


words = st.sampled_from(
    ["a", "b", "any", "yes", "https://x.org", "{a}", "{result.b}", "[x](s)", "", "x" * 90, "a.png", "0"]
)
scalars = st.none() | st.booleans() | st.integers(-2, 9) | st.floats() | words
FIELDS = sorted(
    {name for model in vars(schema).values() if isinstance(model, type) and issubclass(model, schema.Model)
     for name in model.model_fields} | {"s", "yes", "x", *EntityType} - {"json_schema"}
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5),
    max_leaves=25,
)
entries = st.dictionaries(st.sampled_from(sorted(schema.IntentEntry.model_fields)), values, max_size=8)


@given(
    st.dictionaries(st.sampled_from(["language", "entities", "fallback", "$schema", "x"]), values, max_size=3),
    st.lists(entries | scalars, max_size=4),
)
def test_no_value_raises(tmp_path_factory: pytest.TempPathFactory, head: dict[str, Any], found: list[Any]) -> None:
    """Whatever stands in whichever field, a catalog comes out or findings do, and each can be printed."""
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps({**head, "intents": found}), encoding="utf-8")
    try:
        catalog, findings = load_catalog(path, normalise)
    except CatalogError as error:
        findings = error.findings
    else:
        json.dumps(catalog.to_json())
    for finding in findings:
        assert str(finding).encode()
        assert finding.line is None or finding.line == 1
