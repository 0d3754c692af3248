"""Reading files of intents: the shape that tutorials use loads unchanged, and every other shape is a finding."""

import json
from pathlib import Path
from typing import Any

import pytest

from intents.catalog import Response, SetContext
from intents.findings import Finding, Severity
from intents.reading import Reading, read_intents

HELLO = {"tag": "hello", "patterns": ["hi"], "responses": ["Hi!"]}


def write(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def read(tmp_path: Path, *entries: Any) -> Reading:
    return read_intents(write(tmp_path / "intents.json", {"intents": list(entries)}))


def only_finding(reading: Reading) -> Finding:
    (finding,) = reading.findings
    return finding


def test_tutorial_shape_loads_unchanged(tmp_path: Path) -> None:
    """Lists, `context` for `context_set`, empty strings for nothing and a patternless noanswer need no editing."""
    reading = read(
        tmp_path,
        {"tag": "greeting", "patterns": ["Hi there", "Hello"], "responses": ["Hello!"], "context": [""]},
        {"tag": "search", "patterns": ["find it"], "responses": ["Where?"], "context": ["search_place"]},
        {
            "tag": "place",
            "patterns": ["here"],
            "responses": ["Ok"],
            "context_filter": "search_place",
            "context_set": "",
        },
        {"tag": "noanswer", "patterns": [], "responses": ["Sorry?"], "context": [""]},
    )
    assert reading.findings == []
    greeting, search, place = (one.intent for one in reading.intents)
    assert (greeting.patterns, greeting.context_set) == (("Hi there", "Hello"), ())
    assert search.context_set == (SetContext("search_place"),)
    assert (place.context_set, place.context_filter) == ((), ("search_place",))
    assert [one.intent.responses for one in reading.fallbacks] == [(Response("Sorry?"),)]


def test_string_stands_for_a_list_of_one(tmp_path: Path) -> None:
    """Every field of texts may be a string."""
    fields = {"patterns": "hi", "responses": "Hi!", "context_set": "a", "context_filter": "b"}
    (one,) = read(tmp_path, {"tag": "hello", **fields}).intents
    assert one.intent.patterns == ("hi",)
    assert one.intent.responses == (Response("Hi!"),)
    assert one.intent.context_set == (SetContext("a"),)
    assert one.intent.context_filter == ("b",)


def test_context_and_context_set_add_up(tmp_path: Path) -> None:
    """An entry with both names of the field sets the contexts of both."""
    (one,) = read(tmp_path, HELLO | {"context_set": "a", "context": ["b"]}).intents
    assert one.intent.context_set == (SetContext("a"), SetContext("b"))


def test_texts_are_stripped_and_empty_ones_mean_none(tmp_path: Path) -> None:
    """Blank texts and nulls vanish, and the spaces around a text, its tag's too."""
    (one,) = read(tmp_path, {"tag": " hello ", "patterns": [" hi ", "", " ", None], "responses": None}).intents
    assert (one.intent.tag, one.intent.patterns, one.intent.responses) == ("hello", ("hi",), ())


@pytest.mark.parametrize("tag", ["noanswer", "fallback"])
def test_fallback_with_patterns_is_an_intent_like_any_other(tmp_path: Path, tag: str) -> None:
    """Only without patterns do its responses answer what matches nothing."""
    reading = read(tmp_path, HELLO | {"tag": tag})
    assert [one.intent.tag for one in reading.intents] == [tag]
    assert reading.fallbacks == []


def test_left_out_fields_are_told_from_empty_ones(tmp_path: Path) -> None:
    """A field that an entry lacks is in `left_out`; one that is there but empty is not."""
    (one,) = read(tmp_path, {"tag": "hello", "patterns": []}).intents
    assert "responses" in one.left_out
    assert "patterns" not in one.left_out


@pytest.mark.parametrize(
    ("unknown", "near"),
    [("pattern", "patterns"), ("RESPONSES", "responses"), ("context_filters", "context_filter"), ("tags", "tag")],
)
def test_unknown_field_is_a_warning_that_names_the_nearest(tmp_path: Path, unknown: str, near: str) -> None:
    """A misspelt field is named with its intent and with what was probably meant."""
    finding = only_finding(read(tmp_path, HELLO | {unknown: []}))
    assert (finding.severity, finding.tag, finding.field) == (Severity.WARNING, "hello", unknown)
    assert "unknown" in finding.message
    assert f'"{near}"' in finding.message


def test_unknown_fields_are_listed_as_they_stand(tmp_path: Path) -> None:
    """Findings follow the file, so that two runs say the same."""
    unknown = [f"field_{number}" for number in range(20)]
    reading = read(tmp_path, HELLO | dict.fromkeys(unknown, "x"))
    assert [finding.field for finding in reading.findings] == unknown


def test_unknown_field_beside_intents_is_a_warning(tmp_path: Path) -> None:
    """What stands beside the list of intents is ignored, and said to be."""
    finding = only_finding(read_intents(write(tmp_path / "a.json", {"version": 1, "intents": [HELLO]})))
    assert finding.severity is Severity.WARNING
    assert 'unknown field "version"' in finding.message


@pytest.mark.parametrize(
    ("entry", "word"),
    [({}, "missing"), ({"tag": ""}, "empty"), ({"tag": "  "}, "empty"), ({"tag": None}, "empty"), ({"tag": 7}, "not")],
)
def test_intent_without_a_tag_is_named_by_its_place(tmp_path: Path, entry: dict[str, Any], word: str) -> None:
    """An entry that has no name is an error at its number, counted from 0 as JSON does."""
    reading = read(tmp_path, HELLO, {"patterns": ["x"], "responses": ["y"]} | entry)
    finding = only_finding(reading)
    assert (finding.severity, finding.tag, finding.field) == (Severity.ERROR, "intents[1]", "tag")
    assert finding.message.startswith(word)
    assert [one.intent.tag for one in reading.intents] == ["hello", "intents[1]"]


@pytest.mark.parametrize("field", ["patterns", "responses", "context_set", "context", "context_filter"])
@pytest.mark.parametrize("value", [7, True, ["fine", 7], [["nested"]]])
def test_values_that_are_no_text_are_errors(tmp_path: Path, field: str, value: Any) -> None:
    """Numbers and nested lists are named with their intent and field."""
    finding = only_finding(read(tmp_path, HELLO | {field: value}))
    assert (finding.severity, finding.tag, finding.field) == (Severity.ERROR, "hello", field)
    assert "not text" in finding.message


@pytest.mark.parametrize("field", ["patterns", "context_filter"])
@pytest.mark.parametrize("value", [{"a": "b"}, [{}]])
def test_objects_are_errors_where_only_texts_can_stand(tmp_path: Path, field: str, value: Any) -> None:
    """Responses and contexts may be objects, patterns and filters may not."""
    finding = only_finding(read(tmp_path, HELLO | {field: value}))
    assert (finding.severity, finding.tag, finding.field) == (Severity.ERROR, "hello", field)
    assert "not text" in finding.message


@pytest.mark.parametrize("field", ["context_set", "context"])
def test_contexts_without_a_name_are_errors(tmp_path: Path, field: str) -> None:
    """An object of a context says at least what it is called."""
    finding = only_finding(read(tmp_path, HELLO | {field: [{}]}))
    assert (finding.severity, finding.tag, finding.field) == (Severity.ERROR, "hello", f"{field}[0].name")
    assert finding.message.startswith("missing")


@pytest.mark.parametrize("entry", ["hello", 1, None, ["hello"]])
def test_entries_that_are_no_objects_are_errors(tmp_path: Path, entry: Any) -> None:
    """What is not an object in the list is named by its place, and the others are read all the same."""
    reading = read(tmp_path, entry, HELLO)
    finding = only_finding(reading)
    assert (finding.severity, finding.tag) == (Severity.ERROR, "intents[0]")
    assert [one.intent.tag for one in reading.intents] == ["hello"]


@pytest.mark.parametrize("content", ["[]", "{}", "null", '"intents"', "1", '{"intents": {}}', '{"intents": "x"}'])
def test_file_without_a_list_of_intents_is_an_error(tmp_path: Path, content: str) -> None:
    """A list on top, null or an object without `intents` gets the shape that is expected."""
    finding = only_finding(read_intents(write(tmp_path / "a.json", content)))
    assert finding.severity is Severity.ERROR
    assert 'missing field "intents"' in finding.message


def test_empty_list_of_intents_is_a_warning(tmp_path: Path) -> None:
    """A file may be emptied, but hardly on purpose."""
    finding = only_finding(read(tmp_path))
    assert finding.severity is Severity.WARNING
    assert finding.message.startswith("empty")


@pytest.mark.parametrize(
    ("content", "line"),
    [("", 1), ('{"intents": [\n  {"tag": "a",\n   "patterns": ["x"\n  }\n]}', 4), ('{"intents": []}\n}', 2)],
    ids=["nothing", "missing bracket", "something behind"],
)
def test_broken_json_is_an_error_with_its_line(tmp_path: Path, content: str, line: int) -> None:
    """The file and the line stand where an editor can follow them."""
    path = write(tmp_path / "broken.json", content)
    finding = only_finding(read_intents(path))
    assert (finding.severity, finding.file, finding.line) == (Severity.ERROR, str(path), line)
    assert "not valid JSON" in finding.message


def test_same_field_twice_in_one_object_is_an_error(tmp_path: Path) -> None:
    """JSON would keep the last silently, and half of an admin's patterns would be gone."""
    content = '{"intents": [{"tag": "a", "patterns": ["x"], "patterns": ["y"], "responses": ["z"]}]}'
    finding = only_finding(read_intents(write(tmp_path / "a.json", content)))
    assert finding.severity is Severity.ERROR
    assert "duplicate field 'patterns'" in finding.message


def test_file_that_is_not_utf8_is_an_error_with_its_line(tmp_path: Path) -> None:
    """A file in another encoding is told at the line of the first strange byte."""
    path = tmp_path / "latin.json"
    path.write_bytes('{"intents": [\n{"tag": "a",\n "patterns": ["caf\u00e9"]}]}'.encode("latin-1"))
    finding = only_finding(read_intents(path))
    assert (finding.severity, finding.file, finding.line) == (Severity.ERROR, str(path), 3)
    assert "not valid UTF-8" in finding.message


def test_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    """Windows editors put one at the start."""
    path = tmp_path / "bom.json"
    path.write_text(json.dumps({"intents": [HELLO]}), encoding="utf-8-sig")
    reading = read_intents(path)
    assert reading.findings == []
    assert len(reading.intents) == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('{"intents": ' + "[" * 500 + "]" * 500 + "}", "not an intent"),
        ('{"intents": [{"tag": ' + "9" * 5_000 + "}]}", "not text"),
        ('{"intents": [{"tag": NaN}]}', "not text"),
        ('{"intents": [{"tag": "a", "patterns": "\\ud83d", "responses": "b"}]}', "\\ud83d"),
    ],
    ids=["deep nesting", "nesting", "huge number", "not a number", "half of a character"],
)
def test_strange_json_is_a_finding_never_a_crash(tmp_path: Path, content: str, words: str) -> None:
    """What JSON allows and no catalog needs is an error that can be printed."""
    finding = only_finding(read_intents(write(tmp_path / "a.json", content)))
    assert finding.severity is Severity.ERROR
    assert words in finding.message
    assert str(finding).encode()


@pytest.mark.parametrize(("name", "word"), [("nowhere.json", "missing"), ("x" * 300, "cannot be read")])
def test_path_that_cannot_be_read_is_an_error(tmp_path: Path, name: str, word: str) -> None:
    """A wrong path is named, with what names it."""
    finding = only_finding(read_intents(tmp_path / name))
    assert (finding.severity, finding.file) == (Severity.ERROR, str(tmp_path / name))
    assert finding.message.startswith(word)


def test_directory_is_read_in_the_order_of_its_json_files_and_not_below(tmp_path: Path) -> None:
    """Other files and folders are left alone, a folder with the ending too."""
    names = [f"{letter}.json" for letter in "hdbfaecg"]
    for name in names:
        write(tmp_path / name, {"intents": [HELLO | {"tag": name}]})
    write(tmp_path / "notes.txt", "not JSON")
    write(tmp_path / "a.json.bak", "not JSON")
    for folder in ("below", "bb.json"):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "d.json", {"intents": [HELLO | {"tag": "below"}]})
    reading = read_intents(tmp_path)
    assert reading.findings == []
    assert [one.intent.tag for one in reading.intents] == sorted(names)
    assert [one.file for one in reading.intents] == [str(tmp_path / name) for name in sorted(names)]


def test_broken_file_of_a_directory_does_not_hide_the_others(tmp_path: Path) -> None:
    """All files are read, and each one's faults are found."""
    write(tmp_path / "a.json", "{")
    write(tmp_path / "b.json", "null")
    write(tmp_path / "c.json", {"intents": [HELLO]})
    reading = read_intents(tmp_path)
    assert [Path(finding.file).name for finding in reading.findings] == ["a.json", "b.json"]
    assert len(reading.intents) == 1


def test_directory_without_json_is_an_error(tmp_path: Path) -> None:
    """An empty directory is said to be empty."""
    finding = only_finding(read_intents(tmp_path))
    assert (finding.severity, finding.file) == (Severity.ERROR, str(tmp_path))
    assert finding.message.startswith("empty")


@pytest.mark.parametrize(
    ("finding", "text"),
    [
        (Finding(Severity.ERROR, "a.json", "broken", line=3), "error: a.json:3: broken"),
        (
            Finding(Severity.WARNING, "a.json", "twice", "hello", "patterns", 7),
            "warning: a.json:7: hello: patterns: twice",
        ),
        (Finding(Severity.WARNING, "a.json", "twice", "hello", "patterns"), "warning: a.json: hello: patterns: twice"),
    ],
)
def test_finding_reads_as_severity_place_and_message(finding: Finding, text: str) -> None:
    """File, tag and field come in this order, those that there are."""
    assert str(finding) == text
