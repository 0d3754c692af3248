"""Catalogs in YAML: what JSON says is said as well, in fewer signs, and nothing in a file is ever an exception."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intents.catalog import Response
from intents.documents import Document, read_text_document
from intents.findings import Finding, Severity
from intents.reading import Reading, read_intents
from intents.scalars import Written, plain

HELLO = "intents:\n  - tag: hello\n    patterns: [hi]\n    responses: Hi!\n"


def read(tmp_path: Path, text: str, name: str = "intents.yaml") -> Reading:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return read_intents(path)


def only_finding(tmp_path: Path, text: str) -> Finding:
    (finding,) = read(tmp_path, text).findings
    return finding


def document(text: str) -> Any:
    found = read_text_document(Path("a.yaml"), text)
    assert isinstance(found, Document), found
    return found.value


@pytest.mark.parametrize("name", ["a.yaml", "a.yml", "A.YAML"])
def test_yaml_says_what_json_says(tmp_path: Path, name: str) -> None:
    """Lists in both styles, quotation marks or none, comments and several lines."""
    text = """# what people ask
intents:
  - tag: hello   # a greeting
    patterns:
      - hi
      - 'it''s me'
      - "good \\u00e9vening"
    responses:
      - |
        Hello!
        And welcome.
      - >-
        One
        line.
    context: [a, b]
"""
    reading = read(tmp_path, text, name)
    assert reading.findings == []
    (one,) = reading.intents
    assert one.intent.patterns == ("hi", "it's me", "good évening")
    assert one.intent.responses == (Response("Hello!\nAnd welcome."), Response("One line."))
    assert [context.name for context in one.intent.context_set] == ["a", "b"]


@pytest.mark.parametrize(
    "written", ["42", "yes", "no", "on", "true", "3.5", "1e3", "2024-01-01", "12:30", "0x1f", "-7", "1_000", ".inf"]
)
def test_numbers_and_words_that_yaml_knows_are_texts_where_texts_are_expected(tmp_path: Path, written: str) -> None:
    """Nobody who writes `- yes` means a truth value; quotation marks change nothing."""
    text = f"intents:\n- tag: {written}\n  patterns:\n  - {written}\n  - '{written}'\n  responses: {written}\n"
    reading = read(tmp_path, text)
    assert reading.findings == []
    (one,) = reading.intents
    assert one.intent.tag == written
    assert one.intent.patterns == (written, written)
    assert one.intent.responses == (Response(written),)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("5", 5),
        ("-7", -7),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("0x1f", 31),
        ("0o17", 15),
        ("true", True),
        ("yes", "yes"),
        ("2024-01-01", "2024-01-01"),
        ("'5'", "5"),
        ("!!str 5", "5"),
        ("~", None),
        ("", None),
        ("9" * 50, float("9" * 50)),
        ("9" * 50_000, "9" * 50_000),
    ],
)
def test_values_of_actions_are_what_yaml_takes_them_for(written: str, value: object) -> None:
    """A function gets a number where a number is written, by the core schema of YAML 1.2."""
    assert plain(document(f"a: {written}\n")) == {"a": value}


def test_aliases_repeat_what_was_anchored(tmp_path: Path) -> None:
    """A list written once may serve two intents."""
    text = (
        HELLO
        + "  - {tag: bye, patterns: [bye], responses: &said [Bye]}\n  - {tag: ok, patterns: [k], responses: *said}\n"
    )
    reading = read(tmp_path, text)
    assert reading.findings == []
    assert reading.intents[1].intent.responses == reading.intents[2].intent.responses == (Response("Bye"),)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("intents:\n  - tag: a\n   patterns: [x]\n", 3, "not valid YAML"),
        ("intents:\n\t- tag: a\n", 2, "not valid YAML"),
        ("intents: 'x\n", None, "not valid YAML"),
        ("intents:\n  - tag: a\n    tag: b\n", 3, "duplicate field 'tag'"),
        ("intents: []\n---\nintents: []\n", 2, "a second document"),
        ("intents: *unknown\n", 1, "unknown alias *unknown"),
        ("intents: &a [*a]\n", 1, "stands inside of what it repeats"),
        ("intents: !!python/object:os.system {}\n", 1, "means nothing here"),
        ("intents: !secret x\n", 1, "the tag !secret means nothing here"),
        ("? [a]\n: b\n", 1, "must be text"),
        ("~: b\n", 1, "must be text"),
        ("<<: {a: b}\nintents: []\n", 1, "<< is not read"),
        ("\nintents:\n  - tag: \x07\n", 3, "has no place in it"),
        ('intents:\n  - tag: "\\ud83d"\n', 2, "\\ud83d"),
        ("[" * 2_000 + "]" * 2_000, 1, "nested too deeply"),
        ("- " * 2_000 + "x", 1, "nested too deeply"),
        ("%YAML 9.1\n---\nintents: []\n", 1, "not valid YAML"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(tmp_path: Path, text: str, line: int | None, words: str) -> None:
    """A slip of indentation, a field twice, an anchor that is not there: never an exception."""
    finding = only_finding(tmp_path, text)
    assert finding.severity is Severity.ERROR
    assert words in finding.message
    assert line is None or finding.line == line


@pytest.mark.parametrize(
    "line", ["  - [chess](group) please", "  - when: does: it start", "\t- x", "  - Note: it begins at eight"]
)
def test_most_common_slips_are_told_with_their_mend(tmp_path: Path, line: str) -> None:
    """Texts that need quotation marks, and tabs."""
    (finding, *_) = read(tmp_path, f"intents:\n- tag: a\n  responses: x\n  patterns:\n{line}\n").findings
    assert ("tabs" if "\t" in line else "quotation marks") in finding.message
    assert finding.line == 5


def test_aliases_that_multiply_are_refused_before_they_fill_the_memory(tmp_path: Path) -> None:
    """Nine lists of nine aliases of one another come to 3 * 10**8 values."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    finding = only_finding(tmp_path, "\n".join(lines) + "\nintents: []\n")
    assert "too large" in finding.message
    assert finding.line == 7


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "just words\n", "- a\n- b\n", "intents: {}\n"])
def test_file_without_intents_gets_the_shape_that_is_expected(tmp_path: Path, text: str) -> None:
    """As in JSON."""
    assert 'missing field "intents"' in only_finding(tmp_path, text).message


@pytest.mark.parametrize("ending", ["json", "yaml"])
def test_findings_name_the_line_of_the_value(tmp_path: Path, ending: str) -> None:
    """In a list the item's, nulls before it or not; of what is left out, the intent's."""
    value = {
        "intents": [
            None,
            {
                "tag": "a",
                "patterns": ["x", None, ["deep"]],
                "responses": ["y", {"text": "z", "when": {"platform": "irc"}}],
            },
            {"tag": "b", "pattern": "x", "slots": [{"type": "date"}], "followups": {"yes": {"handoff": "x"}}},
        ]
    }
    lines = json.dumps(value, indent=1)
    reading = read(tmp_path, lines, f"a.{ending}")  # JSON is YAML
    found = {(one.tag, one.field): lines.splitlines()[(one.line or 0) - 1].strip() for one in reading.findings}
    assert found == {
        ("intents[0]", None): '"intents": [',
        ("a", "patterns"): "[",
        ("a", "responses[1].when.platform"): '"platform": "irc"',
        ("b", "pattern"): '"pattern": "x",',
        ("b", "slots[0].name"): "{",
        ("b.yes", "handoff"): '"handoff": "x"',
    }


def test_directory_is_read_in_both_formats_by_name(tmp_path: Path) -> None:
    """The order of the files does not depend on their endings."""
    for name in ("c.json", "a.yaml", "b.yml", "d.txt", "a.yaml.bak"):
        entry = {"tag": name, "patterns": ["x"], "responses": ["y"]}
        (tmp_path / name).write_text(json.dumps({"intents": [entry]}), encoding="utf-8")
    reading = read_intents(tmp_path)
    assert reading.findings == []
    assert [one.intent.tag for one in reading.intents] == ["a.yaml", "b.yml", "c.json"]


signs = st.text(st.sampled_from("ab:-?[]{},&*!|>'\"%@`#~<= \n\t\r\\0x9.\x00é\ufeff\u2028"), max_size=40)


@given(st.one_of(signs, st.text(max_size=40)))
def test_no_text_raises(text: str) -> None:
    """Whatever the parser stumbles over is a finding."""
    assert isinstance(read_text_document(Path("a.yaml"), text), Document | Finding)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.text(st.characters(codec="utf-8", exclude_characters="\x7f"), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_json_is_yaml(value: Any) -> None:
    """The same values come out of both readers, and the same lines."""
    text = json.dumps(value, indent=1)
    yaml, jason = (read_text_document(Path(name), text) for name in ("a.yaml", "a.json"))
    assert isinstance(yaml, Document)
    assert isinstance(jason, Document)
    assert plain(yaml.value) == jason.value
    for steps in ((), (0,), (1,), ("a",), ("b", "c"), ("a", 1), (0, "a", 0), (2, 2)):
        assert yaml.places.line_of(steps) == jason.places.line_of(steps)


def test_a_written_scalar_is_its_text() -> None:
    """Nobody who reads texts need know."""
    assert Written("007") == "007"
    assert Written("007").value == 7
