"""What an admin sees on the review page and does there, as a browser without scripts sends it."""

import html
import logging
import re
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.gate import Gate, RegressionGate
from bot.metrics import AnswerReason
from bot.review.history import MINUTES, History
from bot.review.inbox_page import N_SHOWN
from bot.review.statistics_page import latency_bars
from model.versions import versions
from tests.conftest import Trained
from tests.reviewing import Browser, Review, browser_at, review_of

QUESTION = "do u have gluten free stuff"
HOSTILE = "<img src=x onerror=alert(1)>\"'&{{ 7*7 }}\u202e"
OLDER = "20250101-000000-00000000"


@pytest.fixture
async def review(trained: Trained, tmp_path: Path) -> AsyncIterator[Review]:
    shutil.copytree(trained.bundle_path, trained.models_dir / OLDER)
    manifest = trained.models_dir / OLDER / "manifest.json"
    text = manifest.read_text("utf-8")
    manifest.write_text(re.sub(r'"created_at": "[^"]+"', '"created_at": "2025-01-01T00:00:00+00:00"', text), "utf-8")
    async with review_of(tmp_path) as one:
        yield one


@pytest.fixture
async def admin(review: Review) -> AsyncIterator[Browser]:
    async with browser_at(review) as browser:
        await browser.get()
        yield browser


def keys(text: str) -> list[str]:
    return re.findall(r'name="key" value="(\w+)"', text)


async def test_what_is_taught_here_is_trained_where_the_common_intents_are(trained: Trained, tmp_path: Path) -> None:
    """In a server with intents of its own, `/admin retrain` would train those: the page says where to ask for it."""
    own = {("discord", "1"): trained.intents_path.with_name("club.json")}
    async with review_of(tmp_path, changes={"server_intents": own}) as review, browser_at(review) as admin:
        await review.ask(QUESTION)
        _, text = await admin.get()
        fields = [("key", key) for key in keys(text)]
        _, text = await admin.post("/assign", *fields, ("tag", "opening_hours"), ("pattern", "gluten-free food"))
        assert "/admin retrain" in text
        assert "a server without intents of its own" in text


async def test_a_question_is_assigned_in_the_admins_words(review: Review, admin: Browser) -> None:
    """The field is empty until the admin types; the pattern gets into the file, the question off the list."""
    for user in ("ann", "bob", "cem"):
        await review.ask(QUESTION, user)
    _, text = await admin.get()
    assert QUESTION in text
    assert "3 times" in text
    assert re.findall(r'name="pattern"[^>]*value="([^"]*)"', text) == [""], "nothing of a member is put in"
    fields = [("key", key) for key in keys(text)]
    status, text = await admin.post("/assign", *fields, ("tag", "opening_hours"), ("pattern", "  gluten-free  food "))
    assert status == 200
    assert "gluten-free food</bdi></code> to opening_hours" in text
    assert "The question is off the list" in text
    assert QUESTION not in text
    assert "The inbox is empty" in text
    assert review.patterns("opening_hours")[-1] == "gluten-free food"
    assert not any(QUESTION in one for one in review.patterns("opening_hours"))
    assert 'role="status"' not in (await admin.get())[1], "it is told once"
    status, text = await admin.post("/undo")
    assert "Took <code>" in text
    assert "gluten-free food" not in review.patterns("opening_hours")


async def test_what_cannot_be_taught_stays_to_be_mended(review: Review, admin: Browser) -> None:
    """The question stays on the list, beside what the admin typed and the reason."""
    await review.ask(QUESTION)
    before = review.settings.intents_path.read_bytes()
    _, text = await admin.get()
    fields = [("key", key) for key in keys(text)]
    for tag, pattern, reason in (
        ("opening_hours", "hello", "greeting"),
        ("opening_hours", "   ", "in your own words"),
        ("", "gluten-free", "Choose an intent"),
        ("no_such_intent", "gluten-free", "no intent is called"),
        ("opening_hours", "!!!", "no letter or digit"),
        ("opening_hours", "x" * 301, "at most 300"),
    ):
        status, text = await admin.post("/assign", *fields, ("tag", tag), ("pattern", pattern))
        alert = re.search(r'role="alert">(.*?)</p>', text)
        assert status == 422, pattern
        assert alert is not None
        assert reason in alert[1], (pattern, alert[1])
        assert f'value="{pattern}"' in text
        assert QUESTION in text
    assert review.settings.intents_path.read_bytes() == before


async def test_a_question_is_dismissed(review: Review, admin: Browser) -> None:
    """It alone; what else is there stays, and a second time does no harm."""
    await review.ask(QUESTION)
    await review.ask("asdf0 qwert0 yxcvb0 uiopu0")
    _, text = await admin.get()
    first, second = keys(text)
    _, text = await admin.post("/dismiss", ("key", first))
    assert keys(text) == [second]
    _, text = await admin.post("/dismiss", ("key", first))
    assert "off the list already" in text
    assert keys(text) == [second]


async def test_what_members_write_is_shown_as_text(
    review: Review, admin: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    """Markup is no markup, and neither it nor what the admin types gets into the log."""
    caplog.set_level(logging.DEBUG, logger="bot")
    await review.ask(HOSTILE)
    await review.ask(QUESTION)
    for place in ("/", "/?page=2", "/?page=x", "/?page=-1"):
        _, text = await admin.get(place)
        assert "<img" not in text
        assert html.escape(HOSTILE).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in text
    await admin.post("/try", ("model", OLDER), ("text", HOSTILE), ("contexts", HOSTILE))
    _, text = await admin.post("/try", ("model", HOSTILE), ("text", HOSTILE))
    assert "<img" not in text
    await admin.post("/assign", ("tag", "greeting"), ("pattern", "salutations dear bot"))
    await admin.post("/models/rollback", ("name", HOSTILE))
    told = caplog.text
    assert "review page: a pattern was assigned" in told
    assert "review page: a model was asked" in told
    for secret in ("onerror", QUESTION, "salutations", admin.token):
        assert secret not in told


async def test_a_long_inbox_has_pages(review: Review, admin: Browser) -> None:
    """Each shows some groups, and leads to the next."""
    words = ["qwert", "asdfg", "yxcvb", "uiopu", "hjklo"]
    for number in range(N_SHOWN + 3):
        await review.ask(" ".join(f"{word}{number}{chr(97 + number)}" for word in words), f"user{number}")
    _, first = await admin.get()
    _, second = await admin.get("/?page=2")
    assert (len(keys(first)), len(keys(second))) == (N_SHOWN, 3)
    assert not set(keys(first)) & set(keys(second))
    assert 'href="/review/?page=2"' in first


@pytest.mark.parametrize(("mode", "told"), [("off", "INBOX=counts"), ("counts", "the text is not kept")])
async def test_without_texts_the_inbox_says_so(trained: Trained, tmp_path: Path, mode: str, told: str) -> None:
    """It shows what the operator lets it keep."""
    assert trained.intents_path.parent == tmp_path
    async with review_of(tmp_path, changes={"inbox": mode}) as review, browser_at(review) as admin:
        await review.ask(QUESTION)
        _, text = await admin.get()
        assert told in text
        assert QUESTION not in text
        if mode == "counts":
            await admin.post("/dismiss", *(("key", key) for key in keys(text)))
            assert await review.stores.inbox.entries() == []


async def test_rollback_and_reload(review: Review, admin: Browser) -> None:
    """The page tells which model serves, before and after, and what came of it."""
    newer = review.inference.classifier.bundle.name
    _, text = await admin.get("/models")
    assert OLDER in text
    assert "in service" in text
    _, text = await admin.post("/models/rollback", ("name", OLDER))
    assert f"model {OLDER} in place of {newer}" in text
    assert review.inference.classifier.bundle.name == OLDER
    assert "left by a rollback" in text
    _, text = await admin.post("/models/reload")
    assert f"model {OLDER}. The intents are the same" in text
    for name in ("", "../../etc", "no-such-model"):
        _, text = await admin.post("/models/rollback", ("name", name))
        assert review.inference.classifier.bundle.name == OLDER
    assert [one.name for one in versions(review.settings.models_dir)] == [newer, OLDER]


async def test_the_check_that_failed_is_named(review: Review, admin: Browser) -> None:
    """Of a damaged model and of intents with errors; the old model answers on, and the page tells it later, too."""
    (review.settings.models_dir / OLDER / "serving.tflite").write_bytes(b"damaged")
    _, text = await admin.post("/models/rollback", ("name", OLDER))
    assert "The check that failed: files of the model" in text
    assert review.inference.classifier.bundle.name != OLDER
    review.settings.intents_path.write_text("{", encoding="utf-8")
    _, text = await admin.post("/models/reload")
    assert "The check that failed: intents" in text
    _, text = await admin.get("/models")
    assert text.count("The check that failed: intents") == 1
    _, text = await admin.get("/statistics")
    assert "2 refused" in text


async def test_a_failed_gate_is_named(trained: Trained, tmp_path: Path) -> None:
    """Such as labelled messages that cannot be read."""
    assert trained.intents_path.parent == tmp_path
    gate = Gate(regression=RegressionGate(tmp_path / "missing.jsonl", 0.0))
    async with review_of(tmp_path, gate=gate) as review, browser_at(review) as admin:
        await admin.get()
        _, text = await admin.post("/models/reload")
        assert "The check that failed: regression file" in text


async def test_a_model_is_asked_before_it_serves(review: Review, admin: Browser) -> None:
    """Its ranking, scores, rule and answers are shown; it does not serve, and nothing is remembered or counted."""
    before = review.metrics.summary()
    for name in (OLDER, review.inference.classifier.bundle.name):
        _, text = await admin.post("/try", ("model", name), ("text", "could i order one pizza please"))
        assert "order_pizza" in text
        assert "With cheese?" in text
        assert "It would activate the contexts cheese" in text
        assert "Threshold" in text
        assert f"Model {name}." in text
        _, text = await admin.post("/try", ("model", name), ("text", "yes"))
        assert "Cheese it is." not in text
        _, text = await admin.post("/try", ("model", name), ("text", "yes"), ("contexts", "other, cheese"))
        assert "Cheese it is." in text
        assert "word for word" in text
    assert review.metrics.summary() == before
    assert len(review.stores.answers) == 0
    assert await review.stores.inbox.entries() == []
    assert review.inference.classifier.bundle.name != OLDER


async def test_a_model_that_cannot_be_asked_says_why(review: Review, admin: Browser) -> None:
    """One that is damaged, or not there; any text at all gets an answer from one that can."""
    for name in ("", "nothing", "../models", f"../models/{OLDER}"):
        status, text = await admin.post("/try", ("model", name), ("text", "hello"))
        assert (status, "No such model" in text) == (422, True), name
    for text in ("", " ", "\x00\x07", "x" * 5_000, "\u202e\u200d\ufffd", "\U0001f600" * 300):
        assert (await admin.post("/try", ("model", OLDER), ("text", text)))[0] == 200
    (review.settings.models_dir / OLDER / "features.json").unlink()
    assert review.lobby.rooms is not None
    review.lobby.rooms.trials.drop()
    status, text = await admin.post("/try", ("model", OLDER), ("text", "hello"))
    assert status == 422
    assert "features.json" in text


async def test_the_report_is_shown_in_a_frame_without_rights(review: Review, admin: Browser) -> None:
    """It lies beside the model in service, or where the operator says; without one the page says how to make it."""
    _, text = await admin.get("/evaluation")
    assert "python -m scripts.evaluate" in text
    assert "<iframe" not in text
    assert (await admin.get("/evaluation/report"))[0] == 404
    name = review.inference.classifier.bundle.name
    (review.settings.models_dir / name / "report.html").write_text("<h1>Grüße</h1>", encoding="utf-8")
    _, text = await admin.get("/evaluation")
    assert 'sandbox="allow-scripts"' in text
    async with admin.client.get(f"{review.url}/review/evaluation/report") as answer:
        assert await answer.text() == "<h1>Grüße</h1>"
        assert answer.headers["Content-Security-Policy"].startswith("sandbox allow-scripts; default-src 'none'")
        assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
        assert answer.headers["Cache-Control"] == "no-store"


async def test_the_operator_names_a_report(trained: Trained, tmp_path: Path) -> None:
    """As the file, or as its directory."""
    assert trained.intents_path.parent == tmp_path
    report = tmp_path / "figures" / "report.html"
    report.parent.mkdir()
    report.write_text("<p>figures</p>", encoding="utf-8")
    for path in (report, report.parent):
        async with review_of(tmp_path, changes={"review_report": path}) as review, browser_at(review) as admin:
            assert "figures" in (await admin.get("/evaluation/report"))[1]


async def test_figures_are_shown(review: Review, admin: Browser) -> None:
    """Before the first message as well; then shares and charts of what was counted."""
    _, text = await admin.get("/statistics")
    assert "No answer yet." in text
    for reason in (AnswerReason.EXACT, AnswerReason.CONFIDENT, AnswerReason.AMBIGUOUS, AnswerReason.COMMAND):
        review.metrics.received("discord")
        review.metrics.answered("discord", reason, 0.02)
    review.metrics.voted("discord", is_up=True)
    review.metrics.watch_platform("telegram", lambda: False)
    _, text = await admin.get("/statistics")
    assert "67%" in text
    assert "two intents alike" in text
    assert "telegram is away" in text
    assert "1 / 0" in text
    assert "4 messages in the last 1 minutes, at most 4 a minute; 1 were not understood" in text
    assert "4 within 25 ms" in text


async def test_the_last_hour_is_counted_by_the_minute(review: Review) -> None:
    """A minute holds what came in it alone; older ones are forgotten."""
    history = History(review.metrics.summary)
    for number in range(MINUTES + 5):
        for _ in range(number % 3):
            review.metrics.received("discord")
        history.sample()
    review.metrics.received("telegram")
    minutes = history.minutes
    assert len(minutes) == MINUTES
    assert [one.messages for one in minutes[-4:]] == [2, 0, 1, 1]


def test_latencies_are_counted_by_bucket() -> None:
    """The counts of buckets hold those of the buckets before."""
    assert latency_bars({0.1: 2, 0.5: 2, float("inf"): 6}) == [(0.1, 2, 0.5), (0.5, 0, 0.0), (float("inf"), 4, 1.0)]
    assert latency_bars({}) == []


async def test_while_the_bot_starts_the_page_says_so(trained: Trained, tmp_path: Path) -> None:
    """Every page of it; the health page answers already."""
    assert trained.intents_path.parent == tmp_path
    async with review_of(tmp_path, has_started=False) as review, browser_at(review) as admin:
        for place in ("/", "/statistics", "/models", "/evaluation", "/evaluation/report", "/try"):
            status, text = await admin.get(place)
            assert (status, "still starting" in text) == (503, True), place
        async with admin.client.get(f"{review.url}/healthz") as answer:
            assert answer.status == 200


async def test_a_fault_of_ours_is_one_page(
    review: Review, admin: Browser, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the headers of every other; the trace is in the log."""

    def fail() -> None:
        raise ArithmeticError(datetime.now(UTC))

    monkeypatch.setattr(review.metrics, "summary", fail)
    async with admin.client.get(f"{review.url}/review/statistics") as answer:
        assert answer.status == 500
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert "ArithmeticError" not in await answer.text()
    assert "review page: statistics failed" in caplog.text
