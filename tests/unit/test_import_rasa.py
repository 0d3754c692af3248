"""Projects of Rasa, in YAML and in the Markdown of Rasa 1."""

from pathlib import Path

import pytest

from intents.catalog import Builtin, Choice, Condition, Entity, EntityType, IntentCatalog
from tests.unit.import_helpers import DATA, imported, intent_of, run_import, texts_of


@pytest.fixture
def catalog(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> IntentCatalog:
    return imported(monkeypatch, DATA / "rasa", tmp_path)


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What is said on standard error while the project is read."""
    assert run_import(monkeypatch, DATA / "rasa", "--to", tmp_path / "noted.yaml") == 0
    return capsys.readouterr().err


def test_rules_give_answers(catalog: IntentCatalog) -> None:
    """A variation for a platform keeps its condition; a button to a page becomes a line."""
    one, other = intent_of(catalog, "greet").responses
    assert (one.text, one.when) == ("Hello {display_name}!", Condition(platforms=("telegram",)))
    assert other.text == "Good day.\nOur site: https://example.org"
    assert other.choices == (Choice("Borrow a tool", "borrow_tool"), Choice("Yes"), Choice("A drill"))


def test_form_becomes_required_slots(catalog: IntentCatalog) -> None:
    """In the order of the form, with the prompts of its domain, typed by lookup table, name, mapping and values."""
    tool, day, insured, size, first = intent_of(catalog, "borrow_tool").slots
    assert [slot.name for slot in (tool, day, insured, size)] == ["tool", "day", "insured", "size"]
    assert all(slot.required for slot in (tool, day, insured, size))
    assert tool.prompts == ("Which tool?", "What do you need?")
    values = {"drill": ("hammer drill", "power drill", "boring machine"), "saw": (), "ladder": ()}
    assert tool.entity == Entity(EntityType.CHOICE, values)
    assert day.entity == Entity(EntityType.DATE)
    assert list(insured.entity.values) == ["yes", "no"]
    assert list(size.entity.values) == ["small", "large"]
    assert (first.name, first.required, list(first.entity.values)) == ("tool_first", False, list(values))


def test_annotations_keep_text_and_slot(catalog: IntentCatalog) -> None:
    """The pattern reads as a member writes it; what it marks is noted by slot."""
    intent = intent_of(catalog, "borrow_tool")
    assert intent.patterns[1] == "can I have the drill until friday"
    assert intent.annotations["tool"] == ("drill", "hammer drill")
    assert intent.annotations["day"] == ("friday",)
    assert intent.annotations["tool_first"] == ("saw",)


def test_what_follows_a_form_is_the_answer(catalog: IntentCatalog) -> None:
    """With the condition on a slot; a placeholder that nothing fills is printed as it stands."""
    first, second = intent_of(catalog, "borrow_tool").responses
    assert (first.text, first.when.slots) == ("The {tool} is yours until {day}.", {"tool": ("drill",)})
    assert second.text == "Here is your {tool}, {{stranger}}."


def test_answers_that_depend_on_the_turn_before_become_followups(catalog: IntentCatalog) -> None:
    """And the intents that mean nothing alone are nowhere else."""
    agreed = intent_of(catalog, "show_plan.yes")
    assert (agreed.builtin, agreed.parent, agreed.patterns) == (Builtin.YES, "show_plan", ("yes", "sure thing"))
    assert [one.source for one in agreed.responses[0].attachments] == ["https://example.org/plan.png"]
    assert texts_of(intent_of(catalog, "show_plan.no")) == ["As you like."]
    assert "affirm" not in {intent.tag for intent in catalog.intents}


def test_retrieval_intents_are_intents_of_their_own(catalog: IntentCatalog) -> None:
    """Each with the response of its full name."""
    assert texts_of(intent_of(catalog, "faq_opening")) == ["From nine to five."]
    place = intent_of(catalog, "faq_place")
    assert place.patterns == ("where are you", "how do I find you")
    assert place.responses[0].attachments[0].is_image


def test_handoff_fallback_and_language(catalog: IntentCatalog) -> None:
    """Of the action's name, the intent `nlu_fallback` and the configuration."""
    assert intent_of(catalog, "call_person").handoff
    assert [response.text for response in catalog.fallback.responses] == ["I did not get that."]
    assert catalog.languages == ("en",)


@pytest.mark.parametrize(
    "note",
    [
        "data/stories.yml:15: story 'broken off': not followed",
        "domain.yml:53: a variation of utter_greet for slack: left out",
        "domain.yml:85: response utter_forgotten: left out",
        "domain.yml:9: intent never_said: left out",
        "data/nlu.yml:15: action_write_down: code is not carried over",
        "data/nlu.yml:46: regex ticket: left out",
        "data/nlu.yml:37: intent lonely: no answer could be carried over",
        "domain.yml:70: {stranger}: nothing fills it here",
    ],
)
def test_what_is_lost_is_said_with_its_line(notes: str, note: str) -> None:
    """Each on a line of its own."""
    assert sum(f"{DATA}/rasa/{note}" in line for line in notes.split("\n")) == 1


def test_stories_of_tests_are_left_alone(notes: str) -> None:
    """They are no part of the bot."""
    assert "as tests have them" not in notes


def test_rasa_1_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Markdown, templates, and a lookup table in a file of its own."""
    catalog = imported(monkeypatch, DATA / "rasa1", tmp_path)
    city = intent_of(catalog, "ask_city")
    assert city.patterns == ("what about Ulm", "tell me of the capital")
    assert city.slots[0].entity.values == {
        "Ulm": ("Ulm on the Danube",),
        "Berlin": ("the capital",),
        "Bonn": (),
    }
    assert texts_of(city) == ["{city} is pretty."]
    assert texts_of(intent_of(catalog, "ask_city.greet")) == ["Hello again!"]


def test_examples_alone_are_enough(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Answers are left for the admin to write, and say so."""
    source = tmp_path / "nlu.yml"
    source.write_text("nlu:\n- intent: a\n  examples: |\n    - one thing\n- intent: b\n  examples: |\n    - another\n")
    catalog = imported(monkeypatch, source, tmp_path)
    assert [intent.tag for intent in catalog.intents] == ["a", "b"]
    assert (tmp_path / "bot.yaml").read_text(encoding="utf-8").count("# TODO: write the answer") == 2


def test_forms_whose_slots_stand_in_code_are_guessed_from_their_prompts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Rasa's first forms name no slots in the domain; buttons tell what may be chosen."""
    (tmp_path / "domain.yml").write_text(
        "forms: [pay_form]\nresponses:\n  utter_ask_pay_form_amount:\n  - text: How much?\n"
        "  utter_ask_pay_form_card:\n  - text: Which card?\n    buttons:\n    - {title: gold, payload: gold}\n"
        "    - {title: blue, payload: blue}\n  utter_paid:\n  - text: '{amount} paid.'\n"
    )
    (tmp_path / "data.yml").write_text(
        "nlu:\n- intent: pay\n  examples: |\n    - let me pay\nrules:\n- rule: pay\n  steps:\n  - intent: pay\n"
        "  - action: pay_form\n  - active_loop: pay_form\n  - active_loop: null\n  - action: utter_paid\n"
    )
    pay = intent_of(imported(monkeypatch, tmp_path, tmp_path, "--format", "rasa"), "pay")
    assert [(slot.name, slot.prompts) for slot in pay.slots] == [("amount", ("How much?",)), ("card", ("Which card?",))]
    assert list(pay.slots[1].entity.values) == ["gold", "blue"]
    assert texts_of(pay) == ["{amount} paid."]


def test_conditions_that_have_no_counterpart_are_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rule inside a form, or under a slot, holds always once it is here; who moves is told, with the line."""
    project = tmp_path / "bot"
    project.mkdir()
    (project / "nlu.yml").write_text("nlu:\n- intent: affirm\n  examples: |\n    - yes\n    - sure\n")
    (project / "domain.yml").write_text("intents: [affirm]\nresponses:\n  utter_ok:\n  - text: Fine.\n")
    (project / "rules.yml").write_text(
        "rules:\n- rule: inside\n  condition:\n  - active_loop: pay_form\n  - slot_was_set:\n    - paid: true\n"
        "  steps:\n  - intent: affirm\n  - action: utter_ok\n"
    )
    assert run_import(monkeypatch, project, "--to", tmp_path / "moved.yaml") == 0
    said = capsys.readouterr().err
    assert "rules.yml:2: rule 'inside': condition on a form" in said
    assert "rules.yml:5: rule 'inside': condition on slots" in said
