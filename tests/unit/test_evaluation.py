"""The figures of an evaluation, against cases counted by hand, and the file that they are measured on."""

import json
import math
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intents.catalog import Fallback, Intent, IntentCatalog
from model.decision import Decision, DecisionRule, Policy, RankedIntent, Reason, Scores
from model.evaluation import IntentMetrics, answered_up_to, by_intent, measure, pair_up
from model.labelled import LabelledFileError, LabelledMessage, read_labelled
from tests.unit.fakes import saying


def answered(tag: str, score: float) -> Decision:
    return Decision(tag, Reason.CONFIDENT, score, (RankedIntent(tag, score), RankedIntent("z", 0.0)))


def fell_back(first: str | None, score: float) -> Decision:
    ranking = () if first is None else (RankedIntent(first, score),)
    return Decision(None, Reason.BELOW_THRESHOLD, score, ranking)


ROWS = [
    ("a", answered("a", 0.9)),
    ("a", answered("b", 0.8)),
    ("b", fell_back("b", 0.4)),
    ("b", fell_back(None, 0.86)),
    (None, fell_back("a", 0.3)),
    (None, answered("a", 0.85)),
    (None, fell_back("c", 0.1)),
]


def split(rows: list[tuple[str | None, Decision]]) -> tuple[list[LabelledMessage], list[Decision]]:
    return [LabelledMessage("text", intent) for intent, _ in rows], [decision for _, decision in rows]


def test_every_figure_of_a_mixed_file() -> None:
    """In-scope and out-of-scope rows, right, wrong and unanswered."""
    assert measure(*split(ROWS), threshold=0.5).to_json() == pytest.approx(
        {
            "n": 7,
            "accuracy": 2 / 4,  # rows 1 and 3
            "macro_f1": (2 / 3 + 1 / 2) / 2,  # of a: precision 1, recall 1/2; of b: 1/2 and 1/2
            "coverage": 2 / 4,  # rows 1 and 2
            "accuracy_when_answered": 1 / 2,
            "oos_recall": 2 / 3,
            "oos_auroc": (3 + 2 + 2 + 3) / 12,  # pairs in which the row in scope scores higher
            "threshold": 0.5,
        }
    )


def test_exact_match_counts_as_answered_and_first() -> None:
    """Its ranking is the intent alone."""
    exact = Decision("a", Reason.EXACT, 1.0, (RankedIntent("a", 1.0),))
    metrics = measure(*split([("a", exact)]), threshold=0.5)
    assert (metrics.accuracy, metrics.macro_f1, metrics.coverage, metrics.accuracy_when_answered) == (1, 1, 1, 1)


def test_macro_f1_averages_over_the_intents_of_the_file() -> None:
    """An intent that is only taken for another costs that other's recall, and is no row of the mean."""
    metrics = measure(*split([("a", answered("c", 0.9)), ("b", answered("b", 0.9))]), threshold=0.5)
    assert metrics.macro_f1 == 0.5


def test_right_first_that_falls_back_counts_for_accuracy_only() -> None:
    """Accuracy looks before the threshold, coverage behind it."""
    metrics = measure(*split([("a", fell_back("a", 0.4))]), threshold=0.5)
    assert (metrics.accuracy, metrics.coverage, metrics.accuracy_when_answered) == (1, 0, None)


def test_without_rows_in_scope_their_figures_are_null() -> None:
    """Only the recall of what is out of scope can be counted."""
    figures = asdict(measure(*split(ROWS[4:]), threshold=0.5))
    counted = {name for name, value in figures.items() if value is not None}
    assert counted == {"n", "oos_recall", "threshold"}
    assert figures["oos_recall"] == pytest.approx(2 / 3)


def test_without_rows_out_of_scope_their_figures_are_null() -> None:
    """Everything else is counted."""
    figures = measure(*split(ROWS[:4]), threshold=0.5).to_json()
    assert {name for name, value in figures.items() if value is None} == {"oos_recall", "oos_auroc"}


def test_intents_are_listed_from_the_worst() -> None:
    """Each with its share and with what it is mostly taken for; equals by name."""
    rows = [
        ("a", answered("a", 0.9)),
        ("a", answered("b", 0.9)),
        ("a", answered("c", 0.9)),
        ("a", answered("c", 0.9)),
        ("d", answered("d", 0.9)),
        ("c", answered("c", 0.9)),
        ("b", fell_back(None, 0.0)),
        (None, answered("a", 0.9)),
    ]
    assert by_intent(*split(rows)) == [
        IntentMetrics("b", 1, recall=0.0, precision=0.0, f1=0.0, coverage=0.0, confused_with=None),
        IntentMetrics("a", 4, recall=0.25, precision=1.0, f1=0.4, coverage=1.0, confused_with="c"),
        IntentMetrics("c", 1, recall=1.0, precision=1 / 3, f1=0.5, coverage=1.0, confused_with=None),
        IntentMetrics("d", 1, recall=1.0, precision=1.0, f1=1.0, coverage=1.0, confused_with=None),
    ]


def test_an_intent_that_never_comes_first_has_no_precision() -> None:
    """There is nothing to take the share of; its F1 score is 0 all the same."""
    (row,) = by_intent(*split([("b", fell_back(None, 0.0))]))
    assert (row.precision, row.f1, row.confused_with) == (None, 0.0, None)


def test_macro_f1_is_the_mean_of_the_intents() -> None:
    """The table of the intents and the figure over all of them are of one kind."""
    messages, decisions = split([*ROWS, ("c", fell_back("b", 0.2)), ("c", answered("c", 0.7))])
    rows = by_intent(messages, decisions)
    assert measure(messages, decisions, 0.5).macro_f1 == pytest.approx(sum(row.f1 for row in rows) / len(rows))


def test_outcomes_tell_found_from_answered() -> None:
    """A message out of scope is never found, and one below the threshold may be."""
    found = [(one.first, one.is_found, one.is_answered, one.is_out_of_scope) for one in pair_up(*split(ROWS))]
    assert found == [
        ("a", True, True, False),
        ("b", False, True, False),
        ("b", True, False, False),
        (None, False, False, False),
        ("a", False, False, True),
        ("a", False, True, True),
        ("c", False, False, True),
    ]


SHARE = st.floats(0, 1)


@given(st.lists(st.floats(-5, 5, width=32), min_size=4, max_size=4), SHARE, SHARE, SHARE, st.sampled_from([(), ("x",)]))
def test_a_decision_tells_what_every_other_threshold_would_do(
    logits: list[float], familiarity: float, threshold: float, other: float, contexts: tuple[str, ...]
) -> None:
    """One evaluation shows all thresholds: as if the rule had decided under each."""
    intents = tuple(Intent(tag, (tag,), saying("yes"), context_filter=("x",) * (tag == "c")) for tag in "abc")
    catalog = IntentCatalog(intents, Fallback(()))
    scores = Scores(np.asarray(logits, np.float32), np.zeros(3, np.float32))
    one, another = (
        DecisionRule(catalog, "abc", Policy(threshold=at)).with_scores(scores, familiarity, contexts)
        for at in (threshold, other)
    )
    assert (another.intent is not None) == (answered_up_to(one, Policy().margin) >= other)


def test_no_threshold_keeps_an_exact_match_from_its_answer_nor_answers_nothing() -> None:
    """They are decided without scores."""
    exact = Decision("a", Reason.EXACT, 1.0, (RankedIntent("a", 1.0),))
    assert answered_up_to(exact, 0.02) == math.inf
    assert answered_up_to(Decision(None, Reason.EMPTY, 0.0, ()), 0.02) == -math.inf


def test_decisions_must_match_the_messages() -> None:
    """A lost row would shift every figure, so it is an error."""
    messages, decisions = split(ROWS)
    with pytest.raises(ValueError, match="shorter"):
        measure(messages, decisions[1:], threshold=0.5)


def test_labelled_file_is_read_line_by_line(tmp_path: Path) -> None:
    """Blank lines, a byte order mark and Windows line ends are no fault, nor is a line separator inside a text."""
    rows = [
        {"text": "hi\u2028there", "intent": "a"},
        {"text": "", "intent": None},
        {"text": "yes", "intent": "b", "contexts": ["x", "y"]},
        {"text": "no", "intent": "b", "contexts": None},
    ]
    content = "\r\n\r\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\r\n"
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content.encode("utf-8-sig"))
    assert read_labelled(path, ["a", "b"]) == [
        LabelledMessage("hi\u2028there", "a"),
        LabelledMessage("", None),
        LabelledMessage("yes", "b", ("x", "y")),
        LabelledMessage("no", "b"),
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ('{"text": ' + "9" * 5_000 + "}", "not valid JSON"),
        ("[]", 'missing field "text"'),
        ('{"intent": "a"}', 'missing field "text"'),
        ('{"text": 1, "intent": "a"}', 'missing field "text"'),
        ('{"text": "hi"}', 'missing field "intent"'),
        ('{"text": "hi", "intent": 1}', 'missing field "intent"'),
        ('{"text": "hi", "intent": "nobody"}', 'unknown intent "nobody"'),
        ('{"text": "hi", "intent": ""}', 'unknown intent ""'),
        ('{"text": "hi", "intent": "a", "contexts": "x"}', '"contexts" must be a list'),
        ('{"text": "hi", "intent": "a", "contexts": [1]}', '"contexts" must be a list'),
    ],
)
def test_faulty_line_is_named_with_its_place(tmp_path: Path, line: str, words: str) -> None:
    """File and line come first, then what was expected."""
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "hi", "intent": "a"}\n\n' + line + "\n", encoding="utf-8")
    with pytest.raises(LabelledFileError) as caught:
        read_labelled(path, ["a"])
    assert str(caught.value).startswith(f"{path}:3: ")
    assert words in str(caught.value)


@pytest.mark.parametrize(("content", "word"), [(b"", "empty"), (b"\n \n", "empty"), (b"\xff", "UTF-8")])
def test_file_without_rows_is_named(tmp_path: Path, content: bytes, word: str) -> None:
    """An empty file, or one that is not text."""
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    with pytest.raises(LabelledFileError) as caught:
        read_labelled(path, ["a"])
    assert str(path) in str(caught.value)
    assert word in str(caught.value)


def test_missing_file_is_named(tmp_path: Path) -> None:
    """As the operator wrote it."""
    with pytest.raises(LabelledFileError, match=r"nowhere\.jsonl"):
        read_labelled(tmp_path / "nowhere.jsonl", ["a"])
