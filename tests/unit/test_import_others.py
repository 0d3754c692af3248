"""Intents of tutorials, tables of questions and answers, and recorded dialogues."""

import json
from pathlib import Path

import numpy as np
import pytest

from scripts.importers.drafts import Ledger
from scripts.importers.grouping import MAX_CLUSTERED, group
from scripts.importers.sources import ImportSourceError, read_source
from scripts.importers.tutorial import read_tutorial
from tests.unit.import_helpers import DATA, imported, intent_of, run_import, texts_of

DIALOGUES = DATA / "dialogues.jsonl"
NGRAMS = ("--encoder", "none")


def test_tutorial_is_read_in_its_spellings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Tag or intent, patterns or text, contexts as texts or as an object."""
    catalog = imported(monkeypatch, DATA / "tutorial.json", tmp_path)
    hello, rent, today, odd = catalog.intents
    assert texts_of(hello) == ["Hello {display_name}!", "Use {{braces}}"]
    assert (rent.tag, rent.patterns, [one.name for one in rent.context_set]) == ("rent", ("rent a bike",), ["day"])
    assert (today.patterns, today.context_filter) == (("today",), ("day",))
    assert (odd.patterns, dict(odd.annotations)) == (("x marks it",), {})
    assert [response.text for response in catalog.fallback.responses] == ["Pardon?"]


@pytest.mark.parametrize(
    "document",
    [
        [{"tag": "a", "patterns": ["one"], "responses": ["first"]}],
        {"a": {"patterns": ["one"], "responses": ["first"]}},
        {"intents": {"a": {"examples": ["one"], "response": "first"}}},
        {"data": [{"name": "a", "questions": [{"text": "one"}], "answers": [{"text": "first"}]}]},
    ],
)
def test_tutorial_may_have_another_shape(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, document: object) -> None:
    """A list, a mapping by tag, objects with a text."""
    source = tmp_path / "chatbot.json"
    source.write_text(json.dumps(document))
    catalog = imported(monkeypatch, source, tmp_path)
    assert [(one.tag, one.patterns, texts_of(one)) for one in catalog.intents] == [("a", ("one",), ["first"])]


def test_intents_of_one_tag_are_joined(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And a pattern that two intents claim stays with the first."""
    source = tmp_path / "twice.json"
    rows = [("a", "one"), ("a", "two"), ("b", "Two!"), ("b", "three")]
    intents = [{"tag": tag, "patterns": [text], "responses": ["ok"]} for tag, text in rows]
    source.write_text(json.dumps({"intents": intents}))
    catalog = imported(monkeypatch, source, tmp_path)
    assert {one.tag: one.patterns for one in catalog.intents} == {"a": ("one", "two"), "b": ("three",)}


def test_lines_of_json_are_known(tmp_path: Path) -> None:
    """Of every text, whatever stands before it on its line."""
    path = tmp_path / "lines.json"
    path.write_text('{"intents": [\n{"tag": "a", "patterns": ["x",\n "\\"y\\""],\n\n "responses": ["z"]}]}')
    (bot,) = read_tutorial(read_source(path), Ledger())
    (draft,) = bot.drafts
    assert [one.place for one in draft.patterns] == [f"{path}:2", f"{path}:3"]
    assert draft.answers[0].place == f"{path}:5"


def test_same_answer_is_one_intent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Named by what its first question tells; cells may hold delimiters and lines."""
    catalog = imported(monkeypatch, DATA / "faq.csv", tmp_path)
    one, other = catalog.intents
    assert (one.tag, one.patterns) == ("open", ("When do you open?", "What are your opening hours?"))
    assert (other.tag, texts_of(other)) == ("sell_tea_coffee", ["Both,\nand cake."])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_tables_are_read_in_any_dialect(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, encoding: str, delimiter: str
) -> None:
    """Without a header, in the encodings that spreadsheets write."""
    source = tmp_path / "faq.csv"
    rows = [("Où est le café?", "Là-bas, à gauche."), ("Wann öffnet ihr?", "Um neun, täglich.")]
    quoted = [delimiter.join(f'"{cell}"' for cell in row) for row in rows]
    source.write_bytes("\r\n".join(quoted).encode(encoding))
    catalog = imported(monkeypatch, source, tmp_path)
    assert [(one.patterns[0], one.responses[0].text) for one in catalog.intents] == rows


def test_columns_are_found_by_their_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Wherever they stand; what else there is goes, and is said."""
    source = tmp_path / "faq.tsv"
    source.write_text("id\tAnswer\tQuestion\n1\tAt nine.\tWhen do you open?\n")
    (intent,) = imported(monkeypatch, source, tmp_path).intents
    assert (intent.patterns, texts_of(intent)) == (("When do you open?",), ["At nine."])


def test_questions_that_are_alike_are_one_topic(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The most asked first, with its answers by how often they were given, and a comment for who names it."""
    catalog = imported(monkeypatch, DIALOGUES, tmp_path, *NGRAMS)
    hours, dog, ramp = catalog.intents
    assert hours.tag.startswith("topic_1_")
    assert hours.patterns == ("when do you open tomorrow", "what time do you open tomorrow")
    assert texts_of(hours) == ["At nine.", "Nine o'clock."]
    assert dog.patterns == ("can I bring my dog", "may I bring my dog with me")
    assert texts_of(ramp) == ["At the side door."]
    written = (tmp_path / "bot.yaml").read_text(encoding="utf-8")
    assert "# TODO: name this topic and look over its answers (asked 3 times, answered in 2 ways)" in written


def test_what_was_asked_once_can_be_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And where it was asked is said, as are lines that are no dialogue."""
    catalog = imported(monkeypatch, DIALOGUES, tmp_path, *NGRAMS, "--least", "2")
    said = capsys.readouterr().err
    assert len(catalog.intents) == 2
    assert f"{DIALOGUES}:5: 'is there a wheelchair ramp': left out: asked fewer than 2 times" in said
    assert f"{DIALOGUES}:6: a dialogue: left out: not JSON" in said


def test_first_speaker_asks_where_no_role_tells(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What a third turn answers to an answer is no question."""
    source = tmp_path / "talk.jsonl"
    turns = [("Ann", "is it warm"), ("Bob", "Very."), ("Bob", "Really."), ("Ann", "and dry"), ("Bob", "Yes.")]
    source.write_text(json.dumps({"turns": [{"speaker": who, "text": text} for who, text in turns]}) + "\n")
    catalog = imported(monkeypatch, source, tmp_path, *NGRAMS)
    assert {one.patterns[0]: texts_of(one) for one in catalog.intents} == {"is it warm": ["Very."], "and dry": ["Yes."]}


def test_vectors_of_an_encoder_group_what_shares_no_word() -> None:
    """Any function that makes them will do; every text is in one group, the largest first."""
    meanings = {"when do you open": 0, "opening hours please": 0, "bring a dog": 1}

    def vectorise(texts: list[str]) -> np.ndarray:
        return np.eye(2, dtype=np.float32)[[meanings[text] for text in texts]]

    found = group(list(meanings), vectorise)  # type: ignore[arg-type]
    assert [one.rows for one in found] == [(0, 1), (2,)]


def test_more_texts_than_are_compared_join_the_nearest_group() -> None:
    """None is lost, and memory does not grow with their square."""
    texts = [f"word{number} thing{number}" for number in range(MAX_CLUSTERED)]
    texts += ["word7 thing7 again", "nothing of all that"]
    found = group(texts, _hashed)
    assert sorted(row for one in found for row in one.rows) == list(range(len(texts)))
    with_seven = next(one for one in found if 7 in one.rows)
    assert len(texts) - 2 in with_seven.rows


def _hashed(texts: object) -> np.ndarray:
    vectors = np.zeros((len(texts), 3 * MAX_CLUSTERED), np.float32)  # type: ignore[arg-type]
    places: dict[str, int] = {}
    for row, text in enumerate(texts):  # type: ignore[arg-type, var-annotated]
        for word in text.split():
            vectors[row, places.setdefault(word, len(places))] = 1
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_nothing_to_ask_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With one sentence, and no file."""
    source = tmp_path / "talk.jsonl"
    source.write_text('{"turns": []}\n{"turns": [{"speaker": "a", "text": "alone"}]}\n')
    assert run_import(monkeypatch, source, *NGRAMS, "--to", tmp_path / "bot.yaml") == 1
    assert not (tmp_path / "bot.yaml").exists()


def test_source_without_intents_is_an_error(tmp_path: Path) -> None:
    """Of the format that was asked for."""
    path = tmp_path / "other.json"
    path.write_text('{"colours": ["red"]}')
    with pytest.raises(ImportSourceError, match="no list of intents"):
        read_tutorial(read_source(path), Ledger())


def test_intent_is_found_by_its_tag(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A tag that names no intent here is made a name that does."""
    source = tmp_path / "names.json"
    source.write_text(json.dumps([{"tag": "???", "patterns": ["one"], "responses": ["ok"]}]))
    assert intent_of(imported(monkeypatch, source, tmp_path), "intent").patterns == ("one",)
