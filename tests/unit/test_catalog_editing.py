"""Editing a catalog's files: one pattern more, every other character as it was, and the way back."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intents.editing import Edit, EditError, add_pattern, undo
from intents.reading import read_intents
from model.text import normalise

YAML = """\
# Our intents
language: en   # for everyone here

intents:
  # people say hello
  - tag: hello
    patterns:
      - hi            # short
      - "good day"    # polite

      # responses follow
    responses: ['Hi!', "Hello."]

  - responses: Bye!
    patterns: [bye, 'see you']   # in brackets
    tag: bye
    followups:
      why:
        patterns:
        -   why
        -   >-
          but
          why
        responses: Because.
  - {tag: one, patterns: single, responses: [x]}
  - tag: flow
    patterns: [
      a,
      b,  # the last
    ]
    responses: x
  - {tag: empty, patterns: [], responses: x}
  - {tag: none, responses: x}
  - {tag: asked, patterns: [what], responses: x, followups: {yes: Good.}}
"""


def patterns(path: Path, tag: str) -> tuple[str, ...]:
    return next(one.intent.patterns for one in read_intents(path).intents if one.intent.tag == tag)


@pytest.fixture
def yaml(tmp_path: Path) -> Path:
    path = tmp_path / "a.yaml"
    path.write_text(YAML, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("tag", "went", "came"),
    [
        ("hello", "", '      - "new one"'),
        ("bye", "[bye, 'see you']   #", "[bye, 'see you', 'new one']   #"),
        ("bye.why", "", "        -   new one"),
        ("one", "patterns: single, ", 'patterns: ["single", "new one"], '),
        ("flow", "      b,  # the last", '      b,\n      "new one",  # the last'),
        ("empty", "[]", '["new one"]'),
    ],
)
def test_yaml_keeps_comments_order_and_quotation_marks(yaml: Path, tag: str, went: str, came: str) -> None:
    """A line more, or a word in a line; the new pattern is written like its neighbour."""
    old = patterns(yaml, tag)
    add_pattern(yaml, tag, "new one", normalise)
    after = yaml.read_text(encoding="utf-8")
    assert (after == YAML.replace(went, came, 1)) if went else (after.replace(f"{came}\n", "") == YAML)
    assert patterns(yaml, tag) == (*old, "new one")


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_endings_and_marks_stay(tmp_path: Path, ending: str, mark: str) -> None:
    """Files from Windows stay such; a file without a last line break gets one where the line needs it."""
    path = tmp_path / "a.yaml"
    text = f"{mark}intents:\n- tag: a\n  responses: x\n  patterns:\n  - b".replace("\n", ending)
    path.write_bytes(text.encode())
    add_pattern(path, "a", "c", normalise)
    assert path.read_bytes().decode() == f"{text}{ending}  - c{ending}"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('{"patterns": ["a", "b"]}', '{"patterns": ["a", "b", "c \\"d\\""]}'),
        ('{"patterns": []}', '{"patterns": ["c \\"d\\""]}'),
        ('{"patterns": "a"}', '{"patterns": ["a", "c \\"d\\""]}'),
        ('{\n\t"patterns": [\n\t\t"a"\n\t]\n}', '{\n\t"patterns": [\n\t\t"a",\n\t\t"c \\"d\\""\n\t]\n}'),
        ('{\n  "patterns": ["a",\n    "b"]}', '{\n  "patterns": ["a",\n    "b",\n    "c \\"d\\""]}'),
        ('{"patterns": ["a" , null ]}', None),
    ],
)
def test_json_keeps_its_layout(tmp_path: Path, old: str, new: str | None) -> None:
    """Indentation with spaces or tabs, lists in one line or many."""
    path = tmp_path / "a.json"
    around = '{"intents": [%s\n]}\n'
    old, new = (text and text.replace('"patterns"', '"tag": "x", "responses": "ü", "patterns"') for text in (old, new))
    path.write_text(around % old, encoding="utf-8")
    if new is None:
        with pytest.raises(EditError, match="only a person"):
            add_pattern(path, "x", 'c "d"', normalise)
    else:
        add_pattern(path, "x", 'c "d"', normalise)
    assert path.read_text(encoding="utf-8") == around % (new or old)


def test_file_of_a_directory_that_holds_the_intent_is_edited(tmp_path: Path) -> None:
    """Follow-ups too; the other files stay untouched."""
    for name in "ab":
        value = {
            "tag": name,
            "patterns": [name],
            "responses": "x",
            "followups": {"more": {"patterns": [f"{name}{name}"]}},
        }
        (tmp_path / f"{name}.json").write_text(json.dumps({"intents": [value]}), encoding="utf-8")
    untouched = (tmp_path / "a.json").stat()
    edit = add_pattern(tmp_path, "b.more", "and  then\n", normalise)
    assert edit.file == (tmp_path / "b.json").resolve()
    assert patterns(tmp_path, "b.more") == ("bb", "and then")
    assert (tmp_path / "a.json").stat() == untouched
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.json", "b.json", "b.json.bak"]


def test_edit_can_be_taken_back(yaml: Path) -> None:
    """The file is what it was, byte by byte."""
    edit = add_pattern(yaml, "hello", "good evening", normalise)
    assert edit.backup.read_text(encoding="utf-8") == YAML
    undo(edit)
    assert yaml.read_text(encoding="utf-8") == YAML
    with pytest.raises(EditError):
        undo(edit)


def test_edit_is_not_taken_back_over_a_later_change(yaml: Path) -> None:
    """What somebody wrote since would be lost."""
    edit = add_pattern(yaml, "hello", "good evening", normalise)
    later = yaml.read_text(encoding="utf-8") + "# later\n"
    yaml.write_text(later, encoding="utf-8")
    with pytest.raises(EditError, match="was changed since"):
        undo(edit)
    assert yaml.read_text(encoding="utf-8") == later


def test_edits_are_taken_back_one_after_the_other(yaml: Path) -> None:
    """The last one first; the other way round the file would lose what came later."""
    first = add_pattern(yaml, "hello", "good evening", normalise)
    second = add_pattern(yaml, "bye", "farewell", normalise)
    with pytest.raises(EditError, match="was changed since"):
        undo(first)
    undo(second)
    assert "good evening" in patterns(yaml, "hello")
    undo(first)
    assert yaml.read_text(encoding="utf-8") == YAML


def test_an_intent_of_a_broken_file_is_missing_for_that_reason(yaml: Path) -> None:
    """A proposal of another tag would lead astray."""
    yaml.write_text("intents: [", encoding="utf-8")
    with pytest.raises(EditError, match=r"there are errors: error: .*a\.yaml"):
        add_pattern(yaml, "hello", "good evening", normalise)


def test_rights_of_the_file_stay(yaml: Path) -> None:
    """A file that the group may write stays so."""
    yaml.chmod(0o664)
    edit = add_pattern(yaml, "hello", "good evening", normalise)
    assert yaml.stat().st_mode & 0o777 == edit.backup.stat().st_mode & 0o777 == 0o664


@pytest.mark.parametrize(
    ("tag", "text", "words"),
    [
        ("helo", "x", 'did you mean "hello"?'),
        ("hello", "?!", "no letter or digit"),
        ("hello", "", "no letter or digit"),
        ("hello", "x\u200b", "cannot be seen"),
        ("hello", "Hi!!", "already"),
        ("hello", "See YOU", "is a pattern of bye"),
        ("hello", "[x](group)", "no slot of hello"),
        ("none", "x", "no list of patterns"),
        ("asked.yes", "yup", "no list of patterns"),
    ],
)
def test_what_a_check_would_refuse_is_refused_beforehand(yaml: Path, tag: str, text: str, words: str) -> None:
    """And nothing is written."""
    with pytest.raises(EditError, match=words.replace("?", r"\?")):
        add_pattern(yaml, tag, text, normalise)
    assert yaml.read_text(encoding="utf-8") == YAML
    assert [file.name for file in yaml.parent.iterdir()] == ["a.yaml"]


def test_pattern_of_another_conversation_is_no_conflict(yaml: Path) -> None:
    """A follow-up is understood only after its intent."""
    add_pattern(yaml, "bye.why", "hi", normalise)
    assert patterns(yaml, "bye.why")[-1] == "hi"


def test_anchored_list_is_left_to_a_person(tmp_path: Path) -> None:
    """Adding to it would add to others as well."""
    path = tmp_path / "a.yaml"
    path.write_text(
        "intents:\n- {tag: a, patterns: &p [x], responses: y}\n- {tag: b, patterns: *p, responses: y}\n",
        encoding="utf-8",
    )
    for tag in "ab":
        with pytest.raises(EditError, match="only a person"):
            add_pattern(path, tag, "z", normalise)


@given(
    st.text(st.characters(codec="utf-8"), max_size=20).filter(normalise),
    st.sampled_from(["block", "quoted", "flow", "single"]),
)
def test_any_text_arrives_as_it_is(tmp_path_factory: pytest.TempPathFactory, text: str, style: str) -> None:
    """Whatever signs it holds, or it is refused and the file stays."""
    path = tmp_path_factory.mktemp("edit") / "a.yaml"
    lists = {
        "block": "\n  - hi there",
        "quoted": '\n  - "hi there"',
        "flow": " [hi there]",
        "single": "\n  - 'hi there'",
    }
    content = f"intents:\n- tag: a\n  patterns:{lists[style]}\n  responses: x # y\n"
    path.write_text(content, encoding="utf-8")
    try:
        edit = add_pattern(path, "a", text, normalise)
    except EditError:
        assert path.read_text(encoding="utf-8") == content
    else:
        assert isinstance(edit, Edit)
        assert patterns(path, "a") == ("hi there", " ".join(text.split()))
        undo(edit)
        assert path.read_text(encoding="utf-8") == content
