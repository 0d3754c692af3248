"""Exports of Dialogflow ES, as directories and archives."""

import json
import zipfile
from pathlib import Path

import pytest

from intents.catalog import Builtin, Choice, EntityType, IntentCatalog, SetContext
from intents.validation import load_catalog
from model.text import normalise
from tests.unit.import_helpers import DATA, imported, intent_of, run_import, texts_of

AGENT = DATA / "agent"


@pytest.fixture
def catalog(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> IntentCatalog:
    return imported(monkeypatch, AGENT, tmp_path)


def test_parameters_become_slots(catalog: IntentCatalog) -> None:
    """Typed by the agent's entities and by the system's, with the prompts of the language."""
    cake, date, note = intent_of(catalog, "order_cake").slots
    assert (cake.required, cake.prompts) == (True, ("Which cake?",))
    assert cake.entity.values == {"cheesecake": ("cheese cake",), "strudel": ()}
    assert (date.entity.type, date.prompts) == (EntityType.DATE, ("For which day?",))
    assert (note.entity.type, note.required) == (EntityType.TEXT, False)


def test_examples_keep_their_annotations(catalog: IntentCatalog) -> None:
    """But for those that mark nothing."""
    order = intent_of(catalog, "order_cake")
    assert order.patterns == ("I want a cheesecake", "cake for tomorrow please", "bake something")
    assert order.annotations == {"cake": ("cheesecake",), "date": ("tomorrow",)}


def test_messages_become_responses(catalog: IntentCatalog) -> None:
    """Text with our placeholders, quick replies as choices, the picture of a card; an amount of money stays."""
    (response,) = intent_of(catalog, "order_cake").responses
    assert response.text == "A {cake} for {date}, that is $5?"
    assert response.choices == (Choice("Yes"), Choice("No"))
    assert [one.source for one in response.attachments] == ["https://example.org/cake.png"]
    assert texts_of(intent_of(catalog, "pay")) == ["With {{cash}} or $card?"]


def test_followups_stand_under_their_parent(catalog: IntentCatalog) -> None:
    """And use its slots; the context between the two needs no mention."""
    agreed = intent_of(catalog, "order_cake.yes")
    assert (agreed.builtin, agreed.patterns) == (Builtin.YES, ("yes", "do it"))
    assert texts_of(agreed) == ["Your {cake} will be ready on {date}."]
    names = {context.name for context in intent_of(catalog, "order_cake").context_set}
    assert names == {"order_cake", "shopping"}


def test_contexts_are_kept_where_something_sets_them(catalog: IntentCatalog) -> None:
    """With their lifespan; one that nothing sets would lock its intent for ever."""
    assert SetContext("shopping", 5) in intent_of(catalog, "order_cake").context_set
    assert intent_of(catalog, "pay").context_filter == ("shopping",)
    assert intent_of(catalog, "ghost").context_filter == ()


def test_fallback_is_that_of_the_agent(catalog: IntentCatalog) -> None:
    """Those of contexts have no counterpart."""
    assert [response.text for response in catalog.fallback.responses] == ["Pardon?", "What was that?"]


def test_other_languages_go_to_files_of_their_own(tmp_path: Path, catalog: IntentCatalog) -> None:
    """With tags of their own, so that one directory can hold both."""
    both, _ = load_catalog(tmp_path, normalise)
    assert set(both.languages) == {"en", "de"}
    german = intent_of(both, "order_cake_de")
    assert german.patterns == ("Ich möchte einen Kuchen",)
    assert texts_of(german) == ["{cake} am {date}?"]
    assert german.slots[0].entity.values == {"Kuchen": ("Torte",)}
    assert len(both.intents) == len(catalog.intents) + 2


def test_what_is_lost_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the file and the line."""
    assert run_import(monkeypatch, AGENT, "--to", tmp_path / "bot.yaml") == 0
    said = capsys.readouterr().err
    for note in (
        "Order Cake.json:1: the webhook of Order Cake: left out",
        "Order Cake.json:18: context old of Order Cake: left out",
        "Order Cake - fallback.json:1: fallback Order Cake - fallback: left out",
        "Silent.json:1: intent silent: left out",
        "cake_entries_en.json:19: '@sys.color:color cake': left out",
        "Pay.json:13: $card: no parameter",
    ):
        assert note in said


def test_archives_are_read_without_being_unpacked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The same as the directory; a path that leads out of it is left out."""
    archive = tmp_path / "agent.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        for path in sorted(AGENT.rglob("*.json")):
            made.write(path, path.relative_to(AGENT))
        made.writestr("../intents/Evil.json", json.dumps({"id": "9", "name": "Evil", "responses": []}))
        made.writestr("../intents/Evil_usersays_en.json", json.dumps([{"data": [{"text": "evil"}]}]))
    catalog = imported(monkeypatch, archive, tmp_path)
    assert {intent.tag for intent in catalog.intents} == {"ghost", "order_cake", "order_cake.yes", "pay"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["agent.zip", "bot.de.yaml", "bot.yaml"]


def test_parents_in_a_circle_are_nobodys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """All of them are kept, side by side."""
    folder = tmp_path / "agent" / "intents"
    folder.mkdir(parents=True)
    for one, other in (("a", "b"), ("b", "a"), ("c", "c")):
        message = {"type": "0", "speech": f"I am {one}"}
        value = {"id": one, "name": one, "parentId": other, "responses": [{"messages": [message]}]}
        (folder / f"{one}.json").write_text(json.dumps(value))
        (folder / f"{one}_usersays_en.json").write_text(json.dumps([{"data": [{"text": f"are you {one}"}]}]))
    catalog = imported(monkeypatch, tmp_path / "agent", tmp_path)
    assert [intent.tag for intent in catalog.intents] == ["a", "b", "c"]
