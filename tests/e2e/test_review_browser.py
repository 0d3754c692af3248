"""The review page in a real browser, by mouse and by keyboard, on a desk and on a phone."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.review.password import HASH_BYTES, PasswordHash, hash_password
from tests.conftest import Trained
from tests.e2e.chromium import PROGRAM, Tab, chromium
from tests.reviewing import Review, review_of

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="Chromium is not installed")

PASSWORD = "correct horse"
QUESTION = "do u have gluten free stuff <b>"
OLDER = "20250101-000000-00000000"
REPORT = "<style>h1 { color: red }</style><h1 style='margin: 0'>Report</h1><script>document.title = 'x'</script>"
PLACES = ("", "statistics", "models", "evaluation", "try")


@pytest.fixture(scope="module")
def password() -> PasswordHash:
    made = hash_password(PASSWORD)
    assert len(made.digest) == HASH_BYTES
    return made


@pytest.fixture
async def review(trained: Trained, tmp_path: Path, password: PasswordHash) -> AsyncIterator[Review]:
    shutil.copytree(trained.bundle_path, trained.models_dir / OLDER)
    (trained.bundle_path / "report.html").write_text(REPORT, encoding="utf-8")
    async with review_of(tmp_path, password=password) as one:
        await one.ask(QUESTION)
        yield one


@pytest.fixture
async def tab(tmp_path: Path) -> AsyncIterator[Tab]:
    async with chromium(tmp_path / "profile") as one:
        await one.look(1280, 800)
        yield one


async def log_in(tab: Tab, review: Review) -> None:
    await tab.go(f"{review.url}/review")
    await tab.fill("#password", PASSWORD)
    await tab.press("Enter", leads_on=True)
    assert await tab.text("h1") == "Inbox"


async def test_an_admins_day(review: Review, tab: Tab) -> None:
    """Log in, assign a question, see it gone, roll back, try a model, log out; the browser complains of nothing."""
    newer = review.inference.classifier.bundle.name
    await tab.go(f"{review.url}/review/models")
    assert await tab.text("h1") == "Log in"
    await log_in(tab, review)
    assert QUESTION in await tab.text("main")
    assert await tab.ask("document.querySelector('[name=pattern]').value") == ""

    await tab.choose("[name=tag]", "opening_hours")
    await tab.fill("[name=pattern]", "is there gluten-free food")
    await tab.click(".assign button")
    assert "is there gluten-free food to opening_hours" in await tab.text(".told")
    assert QUESTION not in await tab.text("body")
    assert review.patterns("opening_hours")[-1] == "is there gluten-free food"
    await tab.click(".title button")
    assert "is there gluten-free food" not in review.patterns("opening_hours")

    await tab.click("nav a[href$=models]")
    await tab.click(f"button[aria-label='Serve {OLDER}']")
    assert f"model {OLDER} in place of {newer}" in await tab.text(".told")
    assert review.inference.classifier.bundle.name == OLDER

    await tab.click(f"a[href$='model={newer}']")
    await tab.fill("#text", "could i order one pizza please")
    await tab.press("Enter", leads_on=True)
    told = await tab.text(".trial")
    assert "With cheese?" in told
    assert f"Model {newer}" in told
    assert tab.complaints == []

    await tab.click("header form button")
    await tab.go(f"{review.url}/review/models")
    assert await tab.text("h1") == "Log in"


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (375, 740)])
async def test_pages_fit_their_window(review: Review, tab: Tab, width: int, height: int) -> None:
    """Nothing is wider than the window, fields have names, styles apply, and what a finger hits is large enough."""
    await tab.look(width, height, dark=width < 500)
    await log_in(tab, review)
    for place in PLACES:
        await tab.go(f"{review.url}/review/{place}")
        assert await tab.ask("document.documentElement.scrollWidth") <= width, place
        assert await tab.ask("getComputedStyle(document.querySelector('h1')).letterSpacing") != "normal"
        nameless = (
            "[...document.querySelectorAll('input:not([type=hidden]), select')].filter(x => !x.labels.length).length"
        )
        assert await tab.ask(nameless) == 0, place
        small = "[...document.querySelectorAll('button, .button, select')].filter(x => x.offsetHeight < 40).length"
        assert await tab.ask(small) == 0, place
        assert await tab.ask("document.querySelectorAll('[aria-current=page]').length") == 1, place
    assert tab.complaints == []


async def test_the_keyboard_is_enough(review: Review, tab: Tab) -> None:
    """The first key leads past the navigation, each stop is seen, and a question is assigned without a mouse."""
    await log_in(tab, review)
    await tab.press("Tab")
    assert await tab.ask("document.activeElement.className") == "skip"
    assert await tab.ask("document.activeElement.getBoundingClientRect().x") >= 0
    assert await tab.ask("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    await tab.press("Enter")
    assert await tab.ask("document.activeElement.id") == "main"
    seen = []
    while not seen or (seen[-1] != "pattern" and len(seen) < 10):
        await tab.press("Tab")
        seen.append(await tab.ask("document.activeElement.name || document.activeElement.tagName"))
    assert seen[-2:] == ["tag", "pattern"]
    await tab.send("Input.insertText", text="gluten-free bread")
    await tab.press("Enter", leads_on=True)
    assert "Added" in await tab.text(".told"), "the likeliest intent was chosen beforehand"


async def test_figures_are_looked_at_anew(review: Review, tab: Tab) -> None:
    """While the page is seen, without loading it anew."""
    await log_in(tab, review)
    await tab.go(f"{review.url}/review/statistics")
    await tab.ask("window.mark = 1")
    assert await tab.text(".cards .figure") == "0"
    for _ in range(3):
        review.metrics.received("discord")
    await tab.ask("update()")
    assert await tab.text(".cards .figure") == "3"
    assert await tab.ask("window.mark") == 1
    assert tab.complaints == []
    assert not await tab.ask("document.cookie"), "the session is out of reach of scripts"
    form = "new URLSearchParams(new FormData(document.querySelector('header form')))"
    await tab.ask(f"fetch('/review/logout', {{ method: 'POST', body: {form} }}).then(() => update())")
    assert not await tab.ask("document.getElementById('updating').checked")
    assert await tab.text("output") == "Load the page anew."


async def test_the_report_is_framed(review: Review, tab: Tab) -> None:
    """With its own style and script, and without an origin."""
    await log_in(tab, review)
    await tab.go(f"{review.url}/review/evaluation")
    assert await tab.ask("document.querySelector('iframe').contentDocument") is None
    assert tab.complaints == []
    await tab.go(f"{review.url}/review/evaluation/report")
    assert await tab.text("h1") == "Report"
    assert await tab.ask("document.title") == "x"
    assert await tab.ask("getComputedStyle(document.querySelector('h1')).color") == "rgb(255, 0, 0)"
    assert await tab.ask("window.origin") == "null"
