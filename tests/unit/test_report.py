"""The report: what was confused, what the threshold does, what is advised, and the page, whatever the texts are."""

import base64
import hashlib
import random
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from intents.catalog import Fallback, Intent, IntentCatalog
from model.decision import Decision, Policy, RankedIntent, Reason
from model.evaluation import Outcome, by_intent, measure
from model.labelled import LabelledMessage
from scripts.report.advice import Advice, advise
from scripts.report.confusion import Cell, confused_pairs, confusion
from scripts.report.page import READABLE, Report, render, write_report
from scripts.report.thresholds import Sweep, score_histograms
from scripts.report.wording import Neighbour, Wording, repeated_patterns
from scripts.robustness import VariantMetrics
from tests.unit.fakes import saying

POLICY = Policy(threshold=0.5)
HOSTILE = "</script><script>alert(1)</script><img src=http://x.test/a onerror=alert(1)> \"'`a`"
REFUND = Intent("refund", ("I want my money back", "refund please"), saying("Yes."))
CANCEL = Intent(
    "cancel_order", ("cancel my order", "stop the order please", "I do not want it any more"), saying("Done.")
)
HOURS = Intent("hours", ("when are you open", "opening hours"), saying("Ten to eight."))
CATALOG = IntentCatalog((REFUND, CANCEL, HOURS), Fallback(()))


def outcome(text: str, intent: str | None, first: str | None, score: float) -> Outcome:
    """A message, what came first, and its score under `POLICY`."""
    ranking = () if first is None else (RankedIntent(first, score), RankedIntent("z", 0.0))
    is_answered = first is not None and score >= POLICY.threshold
    reason = Reason.CONFIDENT if is_answered else Reason.BELOW_THRESHOLD
    return Outcome(LabelledMessage(text, intent), Decision(first if is_answered else None, reason, score, ranking))


MIXED = (
    outcome("refund now", "refund", "refund", 0.9),
    outcome("cancel order and refund", "refund", "cancel_order", 0.8),
    outcome("the order, my money", "refund", "cancel_order", 0.6),
    outcome("please refund the order", "cancel_order", "refund", 0.3),
    outcome("cancel", "cancel_order", "cancel_order", 0.4),
    outcome("are you open", "hours", "hours", 0.95),
    outcome("", "hours", None, 0.0),
    outcome("what is the moon made of", None, "hours", 0.7),
    outcome("sing", None, "refund", 0.1),
)


def report(
    outcomes: tuple[Outcome, ...] = MIXED, catalog: IntentCatalog = CATALOG, variants: tuple[VariantMetrics, ...] = ()
) -> Report:
    messages, decisions = [one.message for one in outcomes], [one.decision for one in outcomes]
    pairs = confused_pairs(catalog, outcomes)
    return Report(
        data="messages.jsonl",
        model="model-1",
        made_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        catalog=catalog,
        outcomes=outcomes,
        policy=POLICY,
        metrics=measure(messages, decisions, POLICY.threshold),
        intents=by_intent(messages, decisions),
        pairs=pairs,
        advice=advise(catalog, outcomes, POLICY, pairs),
        variants=variants,
    )


def advice(outcomes: tuple[Outcome, ...], catalog: IntentCatalog = CATALOG) -> list[Advice]:
    return list(report(outcomes, catalog).advice)


def about(words: str, found: list[Advice]) -> Advice:
    (one,) = [one for one in found if words in one.text]
    return one


class Page(HTMLParser):
    """A page as a browser reads it: every element closed in its turn, and what it holds."""

    VOID = frozenset({"meta", "input", "br"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        (self.scripts if self._open[-1:] == ["script"] else self.texts).append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def values(self, name: str) -> list[str]:
        return [attributes[name] or "" for _, attributes in self.elements if name in attributes]


# What was confused, and by which wording.


def test_matrix_counts_what_members_got() -> None:
    """Truth in rows; no answer and out of scope have a place of their own."""
    matrix = confusion(CATALOG, MIXED)
    rows = matrix.rows(matrix.tags)
    assert matrix.tags == ("refund", "cancel_order", "hours")
    assert [(row.truth, row.n) for row in rows] == [("refund", 3), ("cancel_order", 2), ("hours", 2), (None, 2)]
    assert [[cell.n for cell in row.cells] for row in rows] == [[1, 2, 0, 0], [0, 0, 0, 2], [0, 0, 1, 1], [0, 0, 1, 1]]
    assert rows[0].cells[1] == Cell("cancel_order", 2, pytest.approx(2 / 3), "wrong")
    assert [row.cells[-1].kind for row in rows] == ["none", "none", "none", "right"]


def test_block_of_a_large_matrix_keeps_partners_together() -> None:
    """The pairs confused most stand side by side; whoever has no place counts as another intent."""
    names = [f"i{number}" for number in range(10)]
    catalog = IntentCatalog(tuple(Intent(name, (name,), ("yes",)) for name in names), ())
    wrong = {("i1", "i8"): 4, ("i2", "i3"): 3, ("i1", "i9"): 2, ("i5", "i6"): 1}
    outcomes = [outcome("x", truth, first, 0.9) for (truth, first), n in wrong.items() for _ in range(n)]
    matrix = confusion(catalog, outcomes)
    assert matrix.most_confused(5) == ("i1", "i8", "i2", "i3", "i9")
    assert matrix.most_confused(4) == ("i1", "i8", "i2", "i3")
    (first, *_) = matrix.rows(matrix.most_confused(4))
    assert [(cell.answer, cell.n) for cell in first.cells if cell.n] == [("i8", 4), ("another intent", 2)]


def test_pairs_hold_their_messages_and_the_patterns_that_misled() -> None:
    """Both directions, the surest mistake first, answered or not; beside it patterns of what came first."""
    (pair,) = confused_pairs(CATALOG, MIXED)
    assert (pair.tags, pair.n) == (("refund", "cancel_order"), 5)
    texts = [crossing.outcome.message.text for crossing in pair.crossings]
    assert texts == ["cancel order and refund", "the order, my money", "please refund the order"]
    assert [crossing.neighbours[0].pattern for crossing in pair.crossings] == [
        "cancel my order",
        "stop the order please",
        "refund please",
    ]
    assert {cause.tag for cause in pair.causes} == {"refund", "cancel_order"}


def test_near_patterns_are_those_alike_in_wording() -> None:
    """Of the one intent, each once, the nearest first; case and punctuation are no difference."""
    catalog = IntentCatalog(
        (Intent("a", ("Cancel it!", "cancel it", "cancel the order", "zebra"), ("yes",)), HOURS), ()
    )
    near = Wording(catalog).nearest("CANCEL IT", "a", 3)
    assert [one.pattern for one in near] == ["Cancel it!", "cancel it", "cancel the order"]
    assert near[0] == Neighbour("a", "Cancel it!", pytest.approx(1.0))
    assert Wording(catalog).nearest("qqq", "a", 3) == ()
    assert Wording(catalog).nearest("cancel", "nobody", 3) == ()


def test_patterns_without_words_are_near_nothing() -> None:
    """Nor are they a fault, even when there are no others."""
    assert Wording(IntentCatalog((Intent("a", ("?!", "..."), ("yes",)),), ())).nearest("?!", "a", 3) == ()


def test_repeated_patterns_are_those_that_nothing_tells_apart() -> None:
    """The same words under another context mean another thing."""
    yes = [Intent(tag, ("Yes!", tag), ("ok",), context_filter=(context,)) for tag, context in ("ax", "bx", "cy")]
    assert repeated_patterns(IntentCatalog(tuple(yes[:2]), ())) == [("yes", ("a", "b"))]
    assert repeated_patterns(IntentCatalog((yes[0], yes[2]), ())) == []


# What the threshold does.


def test_sweep_agrees_with_the_metrics_at_the_live_threshold() -> None:
    """The marked point of the picture is the headline figure."""
    metrics, live = report().metrics, Sweep(MIXED, POLICY.margin).at(POLICY.threshold)
    shares = (live.coverage, live.accuracy_when_answered, live.oos_recall)
    assert shares == (metrics.coverage, metrics.accuracy_when_answered, metrics.oos_recall)
    assert (live.n_right, live.n_wrong) == (2, 3)


def test_sweep_reaches_from_every_answer_to_hardly_any() -> None:
    """Coverage only falls, out-of-scope recall only rises; what has no ranking is never answered."""
    settings = Sweep(MIXED, POLICY.margin).settings()
    assert (settings[0].threshold, settings[-1].threshold) == (0.0, 1.0)
    coverage = [setting.coverage or 0.0 for setting in settings]
    assert coverage == sorted(coverage, reverse=True)
    assert (coverage[0], coverage[-1]) == (6 / 7, 0.0)
    assert settings[-1].accuracy_when_answered is None


def test_histograms_hold_every_message_once() -> None:
    """A score of 1 falls into the last bin; a kind without messages is left out."""
    histograms = score_histograms((*MIXED, outcome("x", "hours", "hours", 1.0)))
    assert {one.kind: one.n for one in histograms} == {"right": 4, "wrong": 4, "out of scope": 2}
    assert all(sum(one.counts) == one.n for one in histograms)
    assert histograms[0].counts[-1] == 1
    assert [one.kind for one in score_histograms(MIXED[:1])] == ["right"]


# What is advised.


def test_advice_names_the_pair_and_the_patterns() -> None:
    """With how many messages cross over, which is what mending it could bring."""
    one = about("share wording", advice(MIXED))
    assert one.gain == 3
    assert one.text.startswith("`refund` and `cancel_order` share wording: 3 of 5 messages cross over.")
    assert ("cancel_order", "cancel my order") in [(example.tag, example.text) for example in one.examples]


def test_advice_shows_the_messages_where_no_wording_is_shared() -> None:
    """There is no pattern to move, but there are patterns to write."""
    crossed = (outcome("qqq", "hours", "refund", 0.9), outcome("www", "hours", "refund", 0.9))
    one = about("taken for each other", advice(crossed))
    assert [example.text for example in one.examples] == ["qqq", "www"]


def test_advice_asks_for_patterns_where_they_are_few() -> None:
    """Only where messages are lost by it."""
    one = about("has only", advice(MIXED))
    text = "`refund` has only 2 patterns and is found in 33% of its 3 messages: write more, 10 or more different ones."
    assert one == Advice(2, text)


def test_advice_tells_what_was_answered_that_should_not_be() -> None:
    """As which intent, and the surest of them."""
    one = about("out-of-scope", advice(MIXED))
    assert one.text.startswith("1 of 2 out-of-scope messages got an answer, as `hours` (1).")
    assert [example.text for example in one.examples] == ["what is the moon made of"]


def test_advice_tells_what_stayed_below_the_threshold() -> None:
    """Though the right intent came first."""
    one = about("got no answer", advice(MIXED))
    assert (one.gain, [example.text for example in one.examples]) == (1, ["cancel"])


def test_advice_knows_a_better_threshold() -> None:
    """It says what would be won and lost, and is silent where that comes to nothing."""
    outside = tuple(outcome("x", None, "hours", 0.6) for _ in range(5))
    one = about("CONFIDENCE_THRESHOLD", advice((*outside, outcome("y", "hours", "hours", 0.55), MIXED[0], MIXED[5])))
    assert one.gain == 4
    assert one.text.startswith("`CONFIDENCE_THRESHOLD=0.61`, in place of 0.50, would give ")
    assert one.text.endswith(" 5 fewer wrong answers and 1 fewer right answer on these messages.")
    assert not [one for one in advice((MIXED[0], MIXED[5])) if "CONFIDENCE_THRESHOLD" in one.text]


def test_advice_finds_repeated_patterns_and_contradictions() -> None:
    """In the catalog the one, in the messages the other."""
    catalog = IntentCatalog((REFUND, Intent("money", ("Refund, please!",), saying("Yes."))), ())
    outcomes = (outcome("pay", "refund", "money", 0.9), outcome("pay", "money", "money", 0.9))
    found = advice(outcomes, catalog)
    assert about("more than one intent", found).examples[0].text == "refund please"
    assert about("different meanings", found).examples[0].text == "pay"


def test_advice_warns_of_flattering_figures() -> None:
    """Messages that are patterns say nothing of what the model learnt; it is good to know, no loss."""
    decision = Decision("hours", Reason.EXACT, 1.0, (RankedIntent("hours", 1.0),))
    found = advice((Outcome(LabelledMessage("opening hours", "hours"), decision),))
    assert about("word for word", found).gain == 0
    assert about("fewer than 5 messages", found).gain == 0


def test_advice_is_sorted_by_what_it_could_bring() -> None:
    """The most messages first."""
    gains = [one.gain for one in advice(MIXED)]
    assert gains == sorted(gains, reverse=True)
    assert len(gains) > 3


def test_nothing_to_advise_is_said() -> None:
    """Rather than an empty place."""
    fine = tuple(outcome(f"open {number}", "hours", "hours", 0.9) for number in range(5))
    assert advice(fine) == []
    assert "Nothing stands out" in Page(render(report(fine))).text


# The page.


def test_page_shows_the_figures_in_words() -> None:
    """What was measured, on what, by which model, when."""
    text = Page(render(report())).text
    for words in ("messages.jsonl", "model-1", "2026-01-02 03:04", "7 and 2 out of scope", "Accuracy 42.9%", "0.500"):
        assert words in text
    assert "For 3 of 7 messages the right intent came first" in text
    assert "2 of those 4 answers were the right one" in text


def test_page_asks_nothing_of_the_network() -> None:
    """No address but places in itself, and a policy that lets nothing in; the script is the one that it names."""
    page = Page(render(report()))
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert not [tag for tag, _ in page.elements if tag in {"link", "img", "iframe", "object", "base"}]
    assert not page.values("src")
    assert all(address[1:] in ids for address in page.values("href") if address.startswith("#"))
    assert all(address.startswith("#") for address in page.values("href"))
    (script,) = page.scripts
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = [value for value in page.values("content") if "default-src" in value]
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


@pytest.mark.parametrize("text", [HOSTILE, "مرحبا \u202eabc", "\ud800", "\x00\x1b[31m", "&amp;", "`"])
def test_page_shows_any_text_as_text(tmp_path: Path, text: str) -> None:
    """In messages, patterns and tags; half a surrogate pair is no fault."""
    intent = Intent(text, (text, f"{text} please"), ("yes",))
    catalog = IntentCatalog((intent, HOURS), Fallback(()))
    outcomes = tuple(outcome(f"{text} {number}", text, "hours", 0.9) for number in range(3))
    path = write_report(tmp_path / "new" / "place", report((*outcomes, outcome(text, None, text, 0.9)), catalog))
    page = Page(path.read_text("utf-8"))
    assert len(page.scripts) == 1
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert not [tag for tag, _ in page.elements if tag == "img"]
    shown = "\ufffd" if text == "\ud800" else text.replace("\0", "\ufffd")
    assert shown in page.text or "\0" in text


def test_long_messages_are_cut() -> None:
    """A page of them can still be looked at."""
    html = render(report(tuple(outcome("long " * 20_000, "refund", "hours", 0.9) for _ in range(3))))
    assert "long " * 10 in html
    assert len(html) < 60_000


def test_right_to_left_texts_stand_alone() -> None:
    """Every text that others wrote is isolated, so that it turns nothing around it."""
    html = render(report((outcome("שלום", "refund", "hours", 0.9),)))
    assert html.count("שלום") == html.count("<bdi>שלום</bdi>") > 0


@pytest.mark.parametrize(
    "outcomes",
    [MIXED[:1], MIXED[7:], MIXED[:7], (outcome("", "hours", None, 0.0),), (outcome("", None, None, 0.0),)],
    ids=["one", "out of scope alone", "in scope alone", "nothing ranked", "nothing at all"],
)
def test_page_stands_on_any_messages(outcomes: tuple[Outcome, ...]) -> None:
    """Without some kind of message its figures are missing, and nothing else."""
    text = Page(render(report(outcomes))).text
    assert "How well Parley understands" in text
    assert ("Out-of-scope recall" in text) == any(one.is_out_of_scope for one in outcomes)
    assert "nan" not in text.lower().split()


def test_page_shows_the_variants() -> None:
    """Beside the messages as they are, with what each costs."""
    metrics = report().metrics
    worse = measure([MIXED[1].message, MIXED[0].message], [MIXED[1].decision, MIXED[1].decision], 0.5)
    page = Page(render(report(variants=(VariantMetrics("as written", metrics), VariantMetrics("typo", worse)))))
    assert "typo 0.0% -42.9 points 100.0%" in page.text
    assert "Written less carefully" not in Page(render(report())).text


def test_page_of_a_large_catalog_stays_small_and_whole() -> None:
    """150 intents and 5,500 messages: a block of the matrix, a picture of all, below 1.5 MB."""
    names = [f"some_longer_intent_{number}" for number in range(150)]
    catalog = IntentCatalog(
        tuple(Intent(name, (f"pattern of {name}", f"another one of {name}"), ("yes",)) for name in names), ()
    )
    source = random.Random(0)
    outcomes = tuple(
        outcome(
            f"a message of a usual length about {number} and more",
            None if number % 5 == 0 else names[number % 150],
            names[number % 150] if source.random() < 0.7 else source.choice(names),
            source.random(),
        )
        for number in range(5_500)
    )
    html = render(report(outcomes, catalog))
    page = Page(html)
    assert len(html.encode()) < 1_500_000
    assert "Heat map of all intents" in page.text
    elements = [tag for tag, _ in page.elements]
    start = [attributes.get("class") for _, attributes in page.elements].index("matrix")
    assert elements[start : elements.index("fieldset")].count("tr") == 1 + READABLE + 1
