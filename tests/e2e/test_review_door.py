"""Who gets into the review page: strangers, forged forms, other sites and other names of this machine."""

import asyncio
import re
import threading
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from bot.review.attempts import A_PERSON, ALL
from bot.review.door import COOKIE, HEADERS, POLICY
from bot.review.lane import Lane
from bot.review.password import HASH_BYTES, PasswordHash, _digest
from tests.conftest import Trained
from tests.reviewing import Review, browser_at, review_of
from tests.unit.fakes import WAIT_S

PASSWORD = "correct horse"
QUESTION = "do u have gluten free stuff"
SALT = b"0123456789abcdef"
QUICK = PasswordHash(10, 8, 1, SALT, _digest(PASSWORD, SALT, 10, 8, 1))
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
OPEN = {("GET", "/review/login"), ("HEAD", "/review/login"), ("POST", "/review/login")}
OPEN |= {("GET", "/review/static/review.css"), ("HEAD", "/review/static/review.css")}
HEALTH = {"/healthz", "/readyz", "/metrics", "/review"}


@pytest.fixture
async def guarded(trained: Trained, tmp_path: Path) -> AsyncIterator[Review]:
    """A page with a password, and a question in its inbox."""
    assert trained.intents_path.parent == tmp_path
    async with review_of(tmp_path, password=QUICK) as review:
        await review.ask(QUESTION)
        assert await review.stores.inbox.entries()
        yield review


@pytest.fixture
async def unguarded(trained: Trained, tmp_path: Path) -> AsyncIterator[Review]:
    """A page for this machine alone."""
    assert trained.intents_path.parent == tmp_path
    async with review_of(tmp_path) as review:
        await review.ask(QUESTION)
        assert await review.stores.inbox.entries()
        yield review


def places(application: web.Application) -> set[str]:
    """Every path of the router, so that no page that is added later can be forgotten."""
    found = {route.resource.canonical for route in application.router.routes() if route.resource is not None}
    return {re.sub(r"\{\w+\}", "review.css", one) for one in found}


def forms(application: web.Application) -> set[str]:
    return {
        route.resource.canonical
        for route in application.router.routes()
        if route.resource is not None and route.method == "POST"
    }


async def state(review: Review) -> tuple[object, ...]:
    """All that a form could change."""
    return (
        review.settings.intents_path.read_bytes(),
        sorted(one.name for one in review.settings.models_dir.iterdir()),
        (review.settings.models_dir / "current").read_bytes(),
        review.inference.classifier,
        await review.stores.inbox.entries(),
    )


def betrays(review: Review, text: str) -> bool:
    return any(one in text for one in (QUESTION, review.inference.classifier.bundle.name, "opening_hours", "token"))


@pytest.mark.parametrize("cookie", ["", "made-up", "\u00e9\u00e9"])
async def test_strangers_get_nowhere(guarded: Review, cookie: str) -> None:
    """On every path of the router, by every method, with whatever cookie: they see the log-in, and change nothing."""
    before, seen = await state(guarded), set()
    headers = {"Cookie": f"{COOKIE}={cookie}"} if cookie else {}
    form = {"token": "", "tag": "greeting", "pattern": "ahoy", "name": "x", "text": "hello"}
    async with aiohttp.ClientSession(headers=headers) as client:
        for place in sorted({*places(guarded.application), "/review/nowhere", "/review/a/b"} - HEALTH):
            for method in METHODS:
                data = None if method in {"GET", "HEAD"} else form
                url = f"{guarded.url}{place}"
                async with client.request(method, url, data=data, allow_redirects=False) as answer:
                    text = await answer.text()
                    seen.add((method, place))
                    assert not betrays(guarded, text), (method, place)
                    assert COOKIE not in answer.cookies
                    if (method, place) in OPEN:
                        assert answer.status == (401 if method == "POST" else 200), (method, place)
                    elif method in {"GET", "HEAD"}:
                        assert (answer.status, answer.headers["Location"]) == (303, "/review/login"), (method, place)
                    else:
                        assert answer.status in {403, 405}, (method, place)
    assert {
        ("POST", "/review/assign"),
        ("POST", "/review/models/rollback"),
        ("GET", "/review/evaluation/report"),
    } <= seen
    assert await state(guarded) == before


async def test_forged_forms_do_nothing(guarded: Review) -> None:
    """Sent to every form of the router by an admin's browser: without a token, or with one that is not its own."""
    before = await state(guarded)
    async with browser_at(guarded) as other, browser_at(guarded) as admin:
        for one in (other, admin):
            await one.post("/login", ("password", PASSWORD))
            await one.get()
        assert admin.token
        assert admin.token != other.token
        sent = 0
        for place in sorted(forms(guarded.application) - {"/review/login"}):
            fields = {"tag": "greeting", "pattern": "ahoy there", "name": "x", "text": "hello"}
            for token in ("", "forged", other.token, admin.token[:-1]):
                async with admin.client.post(f"{guarded.url}{place}", data=fields | {"token": token}) as answer:
                    assert answer.status == 403, place
            for data in (aiohttp.FormData({"token": admin.token}, default_to_multipart=True), None):
                async with admin.client.post(f"{guarded.url}{place}", data=data) as answer:
                    assert answer.status == 403, place
            async with admin.client.post(f"{guarded.url}{place}", json={"token": admin.token}) as answer:
                assert answer.status == 403, place
            for site in ("cross-site", "same-site"):
                headers = {"Sec-Fetch-Site": site}
                data = fields | {"token": admin.token}
                async with admin.client.post(f"{guarded.url}{place}", data=data, headers=headers) as answer:
                    assert answer.status == 403, place
            sent += 1
        assert sent >= 7
        assert (await admin.get())[0] == 200, "the session is still open"
    assert await state(guarded) == before


async def test_every_answer_forbids_what_a_page_need_not_do(guarded: Review) -> None:
    """Also refusals, redirections and what is not there; scripts and styles come from the page's own files alone."""
    async with browser_at(guarded) as admin:
        for is_in in (False, True):
            if is_in:
                await admin.post("/login", ("password", PASSWORD))
            for place in (*sorted(places(guarded.application) - HEALTH), "/review", "/review/nowhere"):
                for method in ("GET", "POST"):
                    async with admin.client.request(method, f"{guarded.url}{place}", allow_redirects=False) as answer:
                        for name, value in HEADERS.items():
                            assert answer.headers[name] == value, (place, method, name)
                        text = await answer.text()
                        assert not re.search(r"<script(?! src=)|\sstyle=|\son\w+=|javascript:", text), place
    assert "unsafe" not in POLICY
    assert "default-src 'none'" in POLICY


async def test_log_in_and_out(guarded: Review) -> None:
    """The session's cookie is out of reach of scripts and of other sites; log-out ends it."""
    async with browser_at(guarded) as admin:
        status, text = await admin.post("/login", ("password", "wrong"))
        assert (status, "not the password" in text) == (401, True)
        url = f"{guarded.url}/review/login"
        async with admin.client.post(url, data={"password": PASSWORD}, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/review/")
            cookie = answer.cookies[COOKIE]
        assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/review")
        assert not cookie["secure"]
        assert len(cookie.value) >= 43
        assert QUESTION in (await admin.get())[1]
        proxied = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}
        async with admin.client.post(
            url, data={"password": PASSWORD}, headers=proxied, allow_redirects=False
        ) as answer:
            assert answer.cookies[COOKIE]["secure"]
            assert answer.cookies[COOKIE].value != cookie.value
        stolen = {"Cookie": f"{COOKIE}={cookie.value}"}
        async with (
            aiohttp.ClientSession(headers=stolen) as thief,
            thief.get(f"{guarded.url}/review/", allow_redirects=False) as answer,
        ):
            assert answer.status == 303, "logging in anew ends the session before"


async def test_log_out_ends_the_session(guarded: Review) -> None:
    """Whoever has the cookie still gets no further."""
    async with browser_at(guarded) as admin:
        await admin.post("/login", ("password", PASSWORD))
        await admin.get()
        cookie = {one.key: one.value for one in admin.client.cookie_jar}
        await admin.post("/logout")
        async with (
            aiohttp.ClientSession(cookies=cookie) as client,
            client.get(f"{guarded.url}/review/", allow_redirects=False) as answer,
        ):
            assert answer.status == 303


async def test_the_password_cannot_be_guessed(guarded: Review) -> None:
    """After a few attempts not even the right one is let in, for a while."""
    async with browser_at(guarded) as stranger:
        for _ in range(A_PERSON):
            assert (await stranger.post("/login", ("password", "guess")))[0] == 401
        status, text = await stranger.post("/login", ("password", PASSWORD))
        assert status == 429
        assert re.search(r"Try again in \d+ seconds", text)
        assert (await stranger.get("/models"))[1] == (await stranger.get("/login"))[1]


async def test_strangers_guesses_lock_nobody_else_out(guarded: Review) -> None:
    """Neither many of one address, nor many addresses, behind a proxy that tells who calls."""

    async def try_from(address: str, password: str) -> int:
        headers = {"X-Forwarded-For": f"203.0.113.1, {address}"}
        async with (
            aiohttp.ClientSession(headers=headers) as client,
            client.post(f"{guarded.url}/review/login", data={"password": password}, allow_redirects=False) as answer,
        ):
            return answer.status

    for number in range(ALL):
        assert await try_from(f"198.51.100.{number // A_PERSON}", "guess") == 401
    assert await try_from("198.51.100.0", PASSWORD) == 429
    assert await try_from("192.0.2.7", PASSWORD) == 303


async def test_a_flood_of_guesses_is_not_kept(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever would wait too long for their turn reads so at once, and their request is gone."""
    assert trained.intents_path.parent == tmp_path
    has_begun, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def slowly(_: PasswordHash, password: str) -> bool:
        loop.call_soon_threadsafe(has_begun.set)
        return go_on.wait(WAIT_S) and password == PASSWORD

    monkeypatch.setattr(PasswordHash, "matches", slowly)
    monkeypatch.setattr("bot.review.door.Lane", partial(Lane, most=2))
    async with review_of(tmp_path, password=QUICK) as review, aiohttp.ClientSession() as client:

        async def guess(number: int) -> int:
            headers = {"X-Forwarded-For": f"198.51.{number}.7"}
            async with client.post(f"{review.url}/review/login", data={"password": "guess"}, headers=headers) as answer:
                return answer.status

        looked_at = asyncio.create_task(guess(0))
        await asyncio.wait_for(has_begun.wait(), WAIT_S)
        others = [asyncio.create_task(guess(number)) for number in range(1, 6)]
        ended = asyncio.as_completed(others, timeout=WAIT_S)
        turned_away = [await next(ended) for _ in range(3)]
        go_on.set()
        assert [*turned_away, *[await one for one in ended], await looked_at] == [429, 429, 429, 401, 401, 401]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1234", "127.0.0.1", "127.9.9.9:80", "[::1]:8080"])
async def test_this_machine_needs_no_password(unguarded: Review, host: str) -> None:
    """Under each of its own names."""
    async with (
        aiohttp.ClientSession(headers={"Host": host}) as client,
        client.get(f"{unguarded.url}/review/") as answer,
    ):
        assert answer.status == 200
        assert QUESTION in await answer.text()
        assert answer.cookies[COOKIE]["httponly"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "localhost.evil.example"},
        {"Host": "127.0.0.1.evil.example:80"},
        {"Host": "192.0.2.1:8080"},
        {"Host": ""},
        {"Host": "[::1"},
        {"X-Forwarded-For": "192.0.2.1"},
        {"Forwarded": "for=192.0.2.1"},
        {"Via": "1.1 proxy"},
    ],
)
async def test_other_names_and_proxies_are_turned_away(unguarded: Review, headers: dict[str, str]) -> None:
    """A name that was made to lead here is another site's; whoever is behind a proxy does not sit here."""
    async with aiohttp.ClientSession(headers=headers) as client:
        for place in sorted(places(unguarded.application) - HEALTH):
            for method in ("GET", "POST"):
                async with client.request(method, f"{unguarded.url}{place}", allow_redirects=False) as answer:
                    assert answer.status == 403, (method, place)
                    assert not betrays(unguarded, await answer.text())


async def test_without_a_password_forms_still_need_a_token(unguarded: Review) -> None:
    """Another site's form would be sent from this machine as well."""
    before = await state(unguarded)
    async with aiohttp.ClientSession() as client:
        for place in sorted(forms(unguarded.application) - {"/review/login"}):
            async with client.post(f"{unguarded.url}{place}", data={"tag": "greeting", "pattern": "ahoy"}) as answer:
                assert answer.status == 403, place
        async with client.post(f"{unguarded.url}/review/login", data={"password": ""}, allow_redirects=False) as answer:
            assert (answer.status, COOKIE in answer.cookies) == (303, False)
    assert await state(unguarded) == before


async def test_large_forms_are_refused(unguarded: Review) -> None:
    """Before anything is done with them."""
    async with browser_at(unguarded) as admin:
        await admin.get()
        status, text = await admin.post("/assign", ("pattern", "x" * 500_000))
        assert (status, "too much" in text) == (413, True)


def test_the_hash_of_the_tests_is_a_whole_one() -> None:
    """It is quick, and else like any other."""
    assert len(QUICK.digest) == HASH_BYTES
    assert QUICK.matches(PASSWORD)
