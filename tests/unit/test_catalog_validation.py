"""Checking a catalog: every fault is found in one pass and named with file, tag and field, in plain words."""

import json
from pathlib import Path
from typing import Any

import pytest

from intents.catalog import (
    DEFAULT_FALLBACK,
    Fallback,
    Intent,
    IntentCatalog,
    Response,
    SetContext,
    spoken_list,
)
from intents.findings import CatalogError, Finding, Severity
from intents.validation import load_catalog
from model.text import normalise

STARTER = Path(__file__).parents[2] / "intents" / "starter"


def intent(tag: str, *patterns: str, **fields: Any) -> dict[str, Any]:
    """Return an entry with these patterns, and as many more as nobody warns about."""
    others = [f"{tag} {word}" for word in ("one", "two", "three", "four", "five")]
    return {"tag": tag, "patterns": [*patterns, *others], "responses": [f"{tag}!"]} | fields


def write(path: Path, *entries: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"intents": entries}), encoding="utf-8")
    return path


def load(tmp_path: Path, *entries: dict[str, Any]) -> tuple[IntentCatalog, tuple[Finding, ...]]:
    return load_catalog(write(tmp_path / "intents.json", *entries), normalise)


def errors(path: Path) -> tuple[Finding, ...]:
    with pytest.raises(CatalogError) as caught:
        load_catalog(path, normalise)
    assert caught.value.errors == tuple(one for one in caught.value.findings if one.severity is Severity.ERROR)
    return caught.value.errors


def only_error(tmp_path: Path, *entries: dict[str, Any]) -> Finding:
    (finding,) = errors(write(tmp_path / "intents.json", *entries))
    return finding


def only_warning(tmp_path: Path, *entries: dict[str, Any]) -> Finding:
    _, (finding,) = load(tmp_path, *entries)
    assert finding.severity is Severity.WARNING
    return finding


def test_sound_catalog_keeps_order_and_texts(tmp_path: Path) -> None:
    """What is written is what is served, in the order of the file."""
    first = intent("b", "Hi!", "Hello", context_set="c")
    second = intent("a", "Yes", context_filter="c")
    catalog, findings = load(tmp_path, first, second)
    assert findings == ()
    assert catalog.intents == (
        Intent("b", tuple(first["patterns"]), (Response("b!"),), context_set=(SetContext("c"),)),
        Intent("a", tuple(second["patterns"]), (Response("a!"),), context_filter=("c",)),
    )
    assert [one.tag for one in catalog.topics] == ["b"]


@pytest.mark.parametrize("field", ["patterns", "responses"])
@pytest.mark.parametrize("value", [[], "", [" "], None])
def test_empty_patterns_or_responses_are_an_error(tmp_path: Path, field: str, value: Any) -> None:
    """A field that is there but holds nothing is called empty."""
    finding = only_error(tmp_path, intent("a"), intent("b", **{field: value}))
    assert (finding.tag, finding.field) == ("b", field)
    assert finding.message.startswith("empty")


@pytest.mark.parametrize("field", ["patterns", "responses"])
def test_missing_patterns_or_responses_are_an_error(tmp_path: Path, field: str) -> None:
    """A field that is not there is called missing."""
    entry = {name: value for name, value in intent("b").items() if name != field}
    finding = only_error(tmp_path, intent("a"), entry)
    assert (finding.tag, finding.field) == ("b", field)
    assert finding.message.startswith("missing")


def test_patternless_intent_whose_name_is_set_as_a_context_is_a_warning(tmp_path: Path) -> None:
    """Tutorials write the answers of a second turn so; it is never chosen, and the rest of the file is of use."""
    finding = only_warning(tmp_path, intent("ask", context="answer"), intent("answer", patterns=[]))
    assert (finding.tag, finding.field) == ("answer", "patterns")
    assert "never chosen" in finding.message


def test_patternless_intent_is_no_class(tmp_path: Path) -> None:
    """It stays in the catalog but is neither trained nor offered."""
    catalog, _ = load(tmp_path, intent("ask", context="answer"), intent("answer", patterns=[]))
    assert [one.tag for one in catalog.intents] == ["ask", "answer"]
    assert [one.tag for one in catalog.trainable] == [one.tag for one in catalog.topics] == ["ask"]


@pytest.mark.parametrize("tag", ["noanswer", "fallback"])
def test_patternless_fallback_supplies_the_fallback_answers(tmp_path: Path, tag: str) -> None:
    """It is an intent no more."""
    catalog, findings = load(tmp_path, intent("a"), intent(tag, patterns=[], responses=["Sorry?", "Pardon?"]))
    assert findings == ()
    assert catalog.fallback == Fallback((Response("Sorry?"), Response("Pardon?")), did_you_mean="")
    assert [one.tag for one in catalog.intents] == ["a"]


def test_fallback_without_responses_is_an_error(tmp_path: Path) -> None:
    """A fallback that says nothing helps nobody."""
    finding = only_error(tmp_path, intent("a"), {"tag": "fallback", "responses": []})
    assert (finding.tag, finding.field) == ("fallback", "responses")
    assert finding.message.startswith("empty")


def test_catalog_without_fallback_offers_its_topics(tmp_path: Path) -> None:
    """The answer of its own names what can be asked at any time, as words."""
    catalog, _ = load(
        tmp_path,
        intent("opening_hours", context_set="c"),
        intent("follow_up", context_filter="c"),
        intent("rules"),
    )
    said = DEFAULT_FALLBACK.format(topics="opening hours and rules")
    assert catalog.fallback == Fallback((Response(said),))


@pytest.mark.parametrize(
    ("items", "words"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c"), (["a"] * 4, "a, a, a and more")],
)
def test_lists_are_spoken(items: list[str], words: str) -> None:
    """At most so many items, joined as people do."""
    assert spoken_list(items, 3) == words


def test_duplicate_tag_is_an_error(tmp_path: Path) -> None:
    """Two intents of one name cannot be told apart; the second is named."""
    finding = only_error(tmp_path, intent("a"), intent("a", patterns=["other"]))
    assert (finding.tag, finding.field) == ("a", "tag")
    assert finding.message.startswith("duplicate")


def test_duplicate_tag_across_files_names_both(tmp_path: Path) -> None:
    """Each later file holds a fault, and is told where the first is."""
    first, *others = (write(tmp_path / f"{name}.json", intent("same", patterns=[name])) for name in ("a", "b", "c"))
    findings = errors(tmp_path)
    assert [finding.file for finding in findings] == [str(other) for other in others]
    assert all(f"duplicate tag, first in {first}" in finding.message for finding in findings)
    assert {finding.line for finding in findings} == {1}


def test_context_filter_that_is_never_set_is_an_error(tmp_path: Path) -> None:
    """Such an intent could never be reached; each name is told once."""
    finding = only_error(tmp_path, intent("a", context_set="x"), intent("b", context_filter=["x", "y", "y"]))
    assert (finding.tag, finding.field) == ("b", "context_filter")
    assert 'context "y" is never set' in finding.message


def test_context_may_be_set_in_another_file(tmp_path: Path) -> None:
    """A directory is one catalog."""
    write(tmp_path / "a.json", intent("a", context_filter="x"))
    write(tmp_path / "b.json", intent("b", context_set="x"))
    assert len(load_catalog(tmp_path, normalise)[0].intents) == 2


@pytest.mark.parametrize("name", ["name", "display_name.__class__", "display_name!r", "display_name[0]"])
@pytest.mark.parametrize("tag", ["b", "fallback"])
def test_unknown_placeholder_is_an_error_with_the_known_ones(tmp_path: Path, tag: str, name: str) -> None:
    """A misspelt name, or a look into an attribute, is told before a member sees it; a fallback's too."""
    entry = intent(tag, patterns=[] if tag == "fallback" else ["x"], responses=[f"Hi {{{name}}}", f"{{{name}}}!"])
    finding = only_error(tmp_path, intent("a"), entry)
    assert (finding.tag, finding.field) == (tag, "responses")
    assert f"unknown placeholder {{{name}}}" in finding.message
    assert "{display_name}" in finding.message


@pytest.mark.parametrize("name", ["name", "display_name.__class__"])
def test_the_mend_of_an_unknown_placeholder_works(tmp_path: Path, name: str) -> None:
    """Doubled braces, which the finding proposes, are no placeholder."""
    finding = only_error(tmp_path, intent("a", responses=[f"{{{name}}}"]))
    doubled = f"{{{{{name}}}}}"
    assert doubled in finding.message
    assert load(tmp_path, intent("a", responses=[doubled]))[1] == ()


def test_known_placeholder_and_other_braces_are_fine(tmp_path: Path) -> None:
    """Answers may hold code."""
    assert load(tmp_path, intent("a", responses=["Hi {display_name}, {} and {0} and { x }"]))[1] == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [({}, {}), ({"context_filter": ["x"]}, {"context_filter": ["y", "x"]})],
    ids=["neither has a filter", "filters share a context"],
)
def test_one_text_in_two_intents_that_can_be_meant_together_is_an_error(
    tmp_path: Path, one: dict[str, Any], other: dict[str, Any]
) -> None:
    """It is compared as the classifier compares it, and both intents are named."""
    setter = intent("setter", context_set=["x", "y"])
    finding = only_error(tmp_path, setter, intent("a", "Thank you!", **one), intent("b", "thank  YOU", **other))
    assert (finding.tag, finding.field) == ("b", "patterns")
    assert finding.message.startswith("duplicate: 'thank you' is a pattern of a too")


@pytest.mark.parametrize(
    ("one", "other"),
    [({"context_filter": "x"}, {"context_filter": "y"}), ({}, {"context_filter": "x"}), ({"context_filter": "x"}, {})],
    ids=["other filters", "only the second filtered", "only the first filtered"],
)
def test_one_text_in_two_intents_that_contexts_tell_apart_is_fine(
    tmp_path: Path, one: dict[str, Any], other: dict[str, Any]
) -> None:
    """A "yes" may mean something else in every conversation."""
    setter = intent("setter", context_set=["x", "y"])
    assert load(tmp_path, setter, intent("a", "yes", **one), intent("b", "Yes", **other))[1] == ()


def test_third_intent_with_the_text_is_found_past_a_harmless_second(tmp_path: Path) -> None:
    """Every pair counts, not only neighbours."""
    setter = intent("setter", context_set=["x"])
    finding = only_error(tmp_path, setter, intent("a", "ok"), intent("b", "ok", context_filter="x"), intent("c", "ok"))
    assert finding.tag == "c"
    assert "of a too" in finding.message


def test_duplicate_pattern_inside_one_intent_is_a_warning(tmp_path: Path) -> None:
    """It is of no use, and does no harm."""
    finding = only_warning(tmp_path, intent("a", "Thanks!", "thanks", "thank you"))
    assert (finding.tag, finding.field) == ("a", "patterns")
    assert finding.message.startswith("duplicate: 'thanks' says the same as 'Thanks!'")


def test_pattern_without_a_word_is_a_warning(tmp_path: Path) -> None:
    """It is never compared, so two intents may share it."""
    _, findings = load(tmp_path, intent("a", "?!", "what"), intent("b", "?!", "why"))
    assert [(one.severity, one.tag) for one in findings] == [(Severity.WARNING, "a"), (Severity.WARNING, "b")]
    assert all(one.message.startswith("empty: '?!'") for one in findings)


def test_intent_whose_patterns_all_lack_words_is_an_error(tmp_path: Path) -> None:
    """Nothing is left to train on."""
    finding = only_error(tmp_path, intent("a", patterns=["?!", "..."]), intent("b"))
    assert (finding.tag, finding.field) == ("a", "patterns")
    assert "no pattern holds a letter or digit" in finding.message


@pytest.mark.parametrize("entries", [[], [{"tag": "fallback", "responses": ["Sorry?"]}]])
def test_catalog_without_any_pattern_is_an_error(tmp_path: Path, entries: list[dict[str, Any]]) -> None:
    """An empty file, or a fallback alone, cannot be trained on."""
    finding = only_error(tmp_path, *entries)
    assert "empty: no intent has patterns" in finding.message


def test_all_faults_are_found_in_one_pass(tmp_path: Path) -> None:
    """Broken files, broken entries and broken relations between them come together."""
    (tmp_path / "a.json").write_text("{", encoding="utf-8")
    write(
        tmp_path / "b.json",
        intent("a", patterns=["same", "1", "2", "3", "4"]),
        intent("a", patterns=["same", "5", "6", "7", "8"]),
        intent("b", patterns=[]),
        intent("c", responses=["{who}"]),
        intent("d", context_filter="nowhere"),
        intent("e", "e", "E", color="red"),
        {name: value for name, value in intent("x").items() if name != "tag"},
    )
    with pytest.raises(CatalogError) as caught:
        load_catalog(tmp_path, normalise)
    found = {
        (str(one.severity), one.tag, one.field, one.message.split()[0].strip(":")) for one in caught.value.findings
    }
    assert found == {
        ("error", None, None, "not"),
        ("error", "a", "tag", "duplicate"),
        ("error", "a", "patterns", "duplicate"),
        ("error", "b", "patterns", "empty"),
        ("error", "c", "responses", "unknown"),
        ("error", "d", "context_filter", "context"),
        ("warning", "e", "patterns", "duplicate"),
        ("warning", "e", "color", "unknown"),
        ("error", "intents[6]", "tag", "missing"),
    }
    assert str(caught.value).count("\n") == len(caught.value.errors) - 1


def test_catalog_survives_the_way_through_json(tmp_path: Path) -> None:
    """What a bundle keeps is the catalog itself."""
    catalog, _ = load(tmp_path, intent("a", "é 你好", context_set="x"), intent("b", context_filter="x"))
    assert IntentCatalog.from_json(json.loads(json.dumps(catalog.to_json()))) == catalog


def test_catalogs_read_one_after_the_other_share_their_texts(tmp_path: Path) -> None:
    """A reload reads nearly the same ones again, and answers that are remembered keep some of them."""
    catalog, _ = load(tmp_path, intent("a_tag", "what is it?"))
    content = json.dumps(catalog.to_json())
    one, other = (IntentCatalog.from_json(json.loads(content)).intents[0] for _ in range(2))
    assert one.tag is other.tag
    assert one.patterns[0] is other.patterns[0]


@pytest.mark.parametrize("value", [{}, {"intents": [{}], "fallback": {}}, {"intents": 1, "fallback": {}}, []])
def test_json_of_something_else_is_refused(value: Any) -> None:
    """A bundle's reader relies on these exceptions."""
    with pytest.raises((KeyError, TypeError)):
        IntentCatalog.from_json(value)


def test_starter_intents_have_no_finding_and_enough_to_say() -> None:
    """A community can start from them: many topics, varied patterns, several answers, conversations."""
    catalog, findings = load_catalog(STARTER, normalise)
    assert findings == ()
    assert len(catalog.intents) >= 40
    assert [one.tag for one in catalog.topics if not 12 <= len(one.patterns) <= 20] == []
    assert [one.tag for one in catalog.topics if len(one.responses) < 3 and not (one.slots or one.action)] == []
    assert len({name for one in catalog.intents for name in one.context_filter}) >= 6
    assert any("I can help with" in one.text for one in catalog.fallback.responses)
