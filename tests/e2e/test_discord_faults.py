"""Faults of Discord's gateway and of its REST interface: nothing is lost that arrives, and nothing is said twice."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from adapters import discord_requests
from adapters.base import IncomingMessage, Progress, Reply, ReplyAttachment
from adapters.errors import PlatformUnavailableError
from tests.e2e import discord_mishaps as mishaps
from tests.e2e import discord_payloads as payloads
from tests.e2e.discord_payloads import Json
from tests.e2e.discord_runs import Run, echo, make_adapter, running
from tests.e2e.discord_server import DiscordServer

ANY_MESSAGE = r"/channels/\d+/messages"
ANY_CALLBACK = r"/interactions/.*/callback"
ANY_FOLLOWUP = r"/webhooks/\d+/[^/]+"
ANY_ORIGINAL = r"/webhooks/.*/@original"

Break = Callable[[DiscordServer], Awaitable[None]]


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    async with DiscordServer() as server:
        yield server


@pytest.fixture
def run(server: DiscordServer, tmp_path: Path) -> Any:
    return lambda handler=echo: running(make_adapter(server, tmp_path / "state", handler))


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses are shorter than in life."""
    monkeypatch.setattr("adapters.discord_shards.IDENTIFY_EVERY_S", 0.02)
    monkeypatch.setattr("adapters.discord_shards.INVALID_SESSION_S", (0.0, 0.02))
    monkeypatch.setattr(discord_requests, "PAUSES_S", (0.01, 0.02, 0.03))
    monkeypatch.setattr(discord_requests, "ACKNOWLEDGEMENT_PAUSES_S", (0.01, 0.02, 0.03))


def said(server: DiscordServer) -> list[str]:
    """What the bot has said, where everybody reads it or one person does."""
    return [message["content"] for message in server.messages.values() if message["author"] == server.bot]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    ours = [record for record in caplog.records if record.name.startswith("adapters")]
    return [record.getMessage() for record in ours if record.levelno >= logging.WARNING]


# The gateway.


async def close_oddly(server: DiscordServer) -> None:
    await server.drop_gateway(1000)


async def break_off(server: DiscordServer) -> None:
    server.gateway.abort()


async def ask_to_reconnect(server: DiscordServer) -> None:
    await server.gateway.ask_to_reconnect()


async def invalidate_for_now(server: DiscordServer) -> None:
    await server.gateway.invalidate(resumable=True)


async def fall_silent(server: DiscordServer) -> None:
    server.gateway.is_mute = True
    await server.wait_until(lambda: server.gateway.n_connected > 1, "the client has left and come again")
    server.gateway.is_mute = False
    await server.gateway.drop_unanswered()


@pytest.mark.parametrize("fault", [close_oddly, break_off, ask_to_reconnect, invalidate_for_now, fall_silent])
async def test_session_goes_on(
    server: DiscordServer, run: Any, ann: Json, monkeypatch: pytest.MonkeyPatch, fault: Break
) -> None:
    """Whatever ends a connection, what was said meanwhile arrives with the next one, once."""
    monkeypatch.setattr("adapters.discord_connection.HEARTBEAT_TIMEOUT_S", 0.5)
    server.gateway.heartbeat_interval_s = 0.2
    async with run() as at_work:
        await fault(server)
        await server.say(ann, server.general, "meanwhile", mention_bot=True)
        message, _ = await server.next_message()
        await at_work.connected()
        await server.say(ann, server.general, "after", mention_bot=True)
        assert (await server.next_message())[0]["content"] == "Ann: after"
    assert message["content"] == "Ann: meanwhile"
    assert (server.gateway.n_identified, server.gateway.n_resumed) == (1, 1)


async def test_heartbeats_keep_a_quiet_connection(
    server: DiscordServer, run: Any, ann: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody says anything for long, their answers show that it stands."""
    monkeypatch.setattr("adapters.discord_connection.HEARTBEAT_TIMEOUT_S", 0.5)
    server.gateway.heartbeat_interval_s = 0.1
    async with run():
        beats = lambda: sum(frame["op"] == 1 for frame in server.gateway.frames)  # noqa: E731
        await server.wait_until(lambda: beats() >= 8, "eight heartbeats arrive")
        await server.say(ann, server.general, "still there?", mention_bot=True)
        await server.next_message()
    assert (server.gateway.n_identified, server.gateway.n_resumed) == (1, 0)


async def test_lost_session_is_opened_anew(server: DiscordServer, run: Any, ann: Json) -> None:
    """What Discord has forgotten cannot be resumed; the bot is back without being started again."""
    async with run():
        await server.gateway.invalidate(resumable=False)
        await server.wait_until(lambda: server.gateway.n_identified > 1, "a new session is opened")
        await server.say(ann, server.general, "hello", mention_bot=True)
        assert (await server.next_message())[0]["content"] == "Ann: hello"
    assert server.gateway.n_resumed == 0


async def test_gateway_that_comes_back_late_is_resumed(server: DiscordServer, run: Any, ann: Json) -> None:
    """A connection that fails while it resumes costs no session."""
    async with run() as at_work:
        server.gateway.n_to_turn_away = 2
        await server.drop_gateway()
        await server.say(ann, server.general, "meanwhile", mention_bot=True)
        assert (await server.next_message())[0]["content"] == "Ann: meanwhile"
        await at_work.connected()
    assert (server.gateway.n_identified, server.gateway.n_resumed) == (1, 1)


async def test_unreadable_frame_is_an_outage(server: DiscordServer, tmp_path: Path) -> None:
    """The supervisor starts the platform afresh, and the same adapter connects."""
    adapter = make_adapter(server, tmp_path / "state")
    at_work = Run(adapter)
    await at_work.connected()
    await server.gateway.send_raw('{"op": 0, "t": "MESSAGE_CREATE", "d": {')
    with pytest.raises(PlatformUnavailableError, match="cannot be read"):
        await at_work.task
    again = Run(adapter)
    await again.connected()
    await again.end()


async def test_unknown_frames_are_passed_over(server: DiscordServer, run: Any, ann: Json) -> None:
    """What Discord may invent next stops nothing."""
    async with run():
        await server.gateway.send_raw('{"op": 77, "d": null, "s": null, "t": null}')
        await server.gateway.send_raw('{"op": 0, "d": {"x": 1}, "s": null, "t": "SOMETHING_NEW"}')
        await server.say(ann, server.general, "hello", mention_bot=True)
        await server.next_message()


# Messages, which carry a nonce.


@pytest.mark.parametrize("way", ["broken off", "garbled"])
@pytest.mark.parametrize("after_effect", [False, True], ids=["not taken", "taken"])
@pytest.mark.parametrize("has_file", [False, True], ids=["text", "file"])
async def test_message_whose_receipt_is_lost_stands_once(
    server: DiscordServer,
    run: Any,
    ann: Json,
    tmp_path: Path,
    way: mishaps.Way,
    after_effect: bool,
    has_file: bool,
) -> None:
    """It is sent until an answer comes, and Discord knows it again."""
    (tmp_path / "rules.txt").write_text("rules")
    attachments = (ReplyAttachment(str(tmp_path / "rules.txt"), is_image=False),) if has_file else ()

    async def answer(_: IncomingMessage, __: Progress) -> Reply:
        return Reply("hello", attachments=attachments)

    server.expect(*(mishaps.Mishap("POST", ANY_MESSAGE, way, after_effect=after_effect) for _ in range(3)))
    async with run(answer):
        await server.say(ann, server.general, "hi", mention_bot=True)
        await server.wait_request("POST", ANY_MESSAGE, 4)
    assert said(server) == ["hello"]
    requests = server.requests_to("POST", ANY_MESSAGE)
    assert len(requests) == 4
    assert len({request.body["nonce"] for request in requests}) == 1


async def test_message_that_is_not_answered_is_sent_again(
    server: DiscordServer, run: Any, ann: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that stands and says nothing holds nobody up for minutes."""
    monkeypatch.setattr(discord_requests, "TIMEOUT", aiohttp.ClientTimeout(sock_read=0.3))
    server.expect(mishaps.Mishap("POST", ANY_MESSAGE, "silent", after_effect=True))
    async with run():
        await server.say(ann, server.general, "hi", mention_bot=True)
        await server.wait_request("POST", ANY_MESSAGE, 2)
        await server.say(ann, server.general, "and?", mention_bot=True)
        await server.wait_request("POST", ANY_MESSAGE, 3)
    assert said(server) == ["Ann: hi", "Ann: and?"]


async def test_outage_of_the_interface_is_got_over(server: DiscordServer, run: Any, ann: Json) -> None:
    """A 503, which the library takes for the end, is tried again."""
    server.expect(*(mishaps.error("POST", ANY_MESSAGE, 503) for _ in range(3)))
    async with run():
        await server.say(ann, server.general, "hi", mention_bot=True)
        await server.next_message()
    assert [request.status for request in server.requests_to("POST", ANY_MESSAGE)] == [503, 503, 503, 200]


async def test_long_outage_of_the_interface_costs_one_answer(
    server: DiscordServer, run: Any, ann: Json, caplog: pytest.LogCaptureFixture
) -> None:
    """It is given up with a line in the log, and the next is sent."""
    server.expect(*(mishaps.error("POST", ANY_MESSAGE, 503) for _ in range(4)))
    async with run():
        await server.say(ann, server.general, "hi", mention_bot=True)
        await server.say(ann, server.general, "and?", mention_bot=True)
        await server.next_message()
    assert said(server) == ["Ann: and?"]
    assert warnings(caplog) == ["an answer could not be sent: DiscordServerError 503, error 0"]


async def test_limit_of_a_route_is_waited_for_by_that_route(server: DiscordServer, run: Any, ann: Json) -> None:
    """Other channels are answered meanwhile, and nothing is lost."""
    server.expect(mishaps.rate_limit("POST", rf"/channels/{server.general['id']}/messages", retry_after_s=0.5))
    async with run():
        await server.say(ann, server.general, "waits", mention_bot=True)
        await server.wait_request("POST", ANY_MESSAGE)
        await server.say(ann, server.team, "does not", mention_bot=True)
        contents = [(await server.next_message())[0]["content"] for _ in range(2)]
    assert contents == ["Ann: does not", "Ann: waits"]


async def test_global_limit_is_waited_for_by_all(server: DiscordServer, run: Any, ann: Json) -> None:
    """No other request is made before the first may be repeated."""
    ben = payloads.user("ben", shown_as="Ben")
    server.expect(mishaps.rate_limit("POST", ANY_MESSAGE, retry_after_s=0.5, is_global=True))
    async with run():
        await server.say(ann, server.general, "first", mention_bot=True)
        await server.wait_request("POST", ANY_MESSAGE)
        await server.say(ben, server.team, "second", mention_bot=True)
        contents = [(await server.next_message())[0]["content"] for _ in range(2)]
    assert contents == ["Ann: first", "Ben: second"]
    assert [request.status for request in server.requests_to("POST", ANY_MESSAGE)] == [429, 200, 200]


@pytest.mark.parametrize("is_global", [False, True], ids=["route", "global"])
async def test_limit_without_a_time_is_got_over(server: DiscordServer, run: Any, ann: Json, is_global: bool) -> None:
    """An answer that leaves out for how long is no reason to lose a message."""
    server.expect(mishaps.rate_limit("POST", ANY_MESSAGE, retry_after_s=None, is_global=is_global))
    async with run():
        await server.say(ann, server.general, "hi", mention_bot=True)
        await server.next_message()
    assert [request.status for request in server.requests_to("POST", ANY_MESSAGE)] == [429, 200]


@pytest.mark.parametrize(
    ("limit", "line"),
    [
        ({"retry_after_s": 3_600.0}, "an answer could not be sent: RateLimited"),
        ({"is_ban": True}, "an answer could not be sent: HTTPException 429, error 0"),
    ],
    ids=["an hour", "ban"],
)
async def test_limit_for_too_long_costs_one_answer(
    server: DiscordServer, run: Any, ann: Json, caplog: pytest.LogCaptureFixture, limit: Json, line: str
) -> None:
    """After an hour nobody waits for an answer any more; and who is banned only makes it worse by asking again."""
    server.expect(mishaps.rate_limit("POST", ANY_MESSAGE, **limit))
    async with run():
        await server.say(ann, server.general, "hi", mention_bot=True)
        await server.say(ann, server.general, "and?", mention_bot=True)
        await server.next_message()
    assert said(server) == ["Ann: and?"]
    assert warnings(caplog) == [line]


# Interactions: an acknowledgement and the first response can be repeated, what follows cannot.


@pytest.mark.parametrize("way", ["broken off", "answered", "silent"])
@pytest.mark.parametrize("after_effect", [False, True], ids=["not taken", "taken"])
async def test_acknowledgement_whose_receipt_is_lost_holds(
    server: DiscordServer,
    run: Any,
    ann: Json,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    way: mishaps.Way,
    after_effect: bool,
) -> None:
    """The second one is refused for the first one's sake, and the answer is given all the same."""
    monkeypatch.setattr(discord_requests, "ACKNOWLEDGEMENT_TIMEOUT", aiohttp.ClientTimeout(total=0.3))
    server.expect(mishaps.Mishap("POST", ANY_CALLBACK, way, 502, after_effect=after_effect))
    async with run():
        used = await server.slash(ann, server.general, "ask", question="why?")
        assert (await used.final()).content == "/ask why?"
    assert len(server.requests_to("POST", ANY_CALLBACK)) == 2
    assert warnings(caplog) == []


@pytest.mark.parametrize("n_refused", [1, 2])
async def test_acknowledgement_that_came_too_soon_is_repeated(
    server: DiscordServer, run: Any, ann: Json, caplog: pytest.LogCaptureFixture, n_refused: int
) -> None:
    """Within the time that Discord gives; a person who uses a command in a rush is answered all the same."""
    server.expect(*(mishaps.rate_limit("POST", ANY_CALLBACK) for _ in range(n_refused)))
    async with run():
        used = await server.slash(ann, server.general, "ask", question="why?")
        assert (await used.final()).content == "/ask why?"
    assert len(server.requests_to("POST", ANY_CALLBACK)) == n_refused + 1
    assert warnings(caplog) == []


@pytest.mark.parametrize(
    ("limit", "line"),
    [
        ({"retry_after_s": 3.5}, "an answer could not be sent: RateLimited"),
        ({"is_ban": True}, "an answer could not be sent: HTTPException 429, error 0"),
    ],
    ids=["too late", "ban"],
)
async def test_acknowledgement_that_must_wait_too_long_is_given_up(
    server: DiscordServer, run: Any, ann: Json, caplog: pytest.LogCaptureFixture, limit: Json, line: str
) -> None:
    """Discord has told the person by then; and who is banned only makes it worse by asking again."""
    server.expect(mishaps.rate_limit("POST", ANY_CALLBACK, **limit))
    async with run():
        await server.slash(ann, server.general, "ask", question="why?")
        await server.wait_request("POST", ANY_CALLBACK)
        again = await server.slash(ann, server.general, "ask", question="and now?")
        assert (await again.final()).content == "/ask and now?"
    assert len(server.requests_to("POST", ANY_CALLBACK)) == 2
    assert warnings(caplog) == [line]


@pytest.mark.parametrize(
    "mishap",
    [
        mishaps.Mishap("PATCH", ANY_ORIGINAL, "broken off", after_effect=True),
        mishaps.Mishap("PATCH", ANY_ORIGINAL, "garbled", after_effect=True),
        mishaps.error("PATCH", ANY_ORIGINAL, 503),
        mishaps.rate_limit("PATCH", ANY_ORIGINAL),
        mishaps.rate_limit("PATCH", ANY_ORIGINAL, retry_after_s=None),
    ],
    ids=["broken off", "garbled", "503", "429", "429 without a time"],
)
async def test_first_response_is_repeated(server: DiscordServer, run: Any, ann: Json, mishap: mishaps.Mishap) -> None:
    """It takes the acknowledgement's place, however often it comes."""
    server.expect(mishap)
    async with run():
        used = await server.slash(ann, server.general, "ask", question="why?")
        await server.wait_request("PATCH", ANY_ORIGINAL, 2)
    assert {answer.content for answer in used.answers} == {"/ask why?"}
    assert {answer.kind for answer in used.answers} == {"edit"}


async def at_length(_: IncomingMessage, __: Progress) -> Reply:
    return Reply("word " * 500)


@pytest.mark.parametrize("way", ["broken off", "answered"])
@pytest.mark.parametrize("after_effect", [False, True], ids=["not taken", "taken"])
async def test_followup_whose_receipt_is_lost_is_not_repeated(
    server: DiscordServer,
    run: Any,
    ann: Json,
    caplog: pytest.LogCaptureFixture,
    way: mishaps.Way,
    after_effect: bool,
) -> None:
    """Nothing would tell Discord that it is the same: it stands there once, or not at all."""
    server.expect(mishaps.Mishap("POST", ANY_FOLLOWUP, way, 502, after_effect=after_effect))
    async with run(at_length):
        used = await server.slash(ann, server.general, "ask", question="why?")
        await server.wait_request("POST", ANY_FOLLOWUP)
        again = await server.slash(ann, server.general, "ask", question="again?")
        assert [(await again.next_answer()).kind for _ in range(2)] == ["edit", "followup"]
    assert [answer.kind for answer in used.answers] == ["edit", "followup"][: 1 + after_effect]
    assert len(server.requests_to("POST", ANY_FOLLOWUP)) == 2
    (line,) = warnings(caplog)
    assert line.startswith("an answer could not be sent: ")


async def test_followup_with_a_file_is_not_repeated_without_it(
    server: DiscordServer, run: Any, ann: Json, tmp_path: Path
) -> None:
    """An error of the server's own may hide that it was taken; only what was refused is said in another way."""
    (tmp_path / "rules.txt").write_text("rules")

    async def answer(_: IncomingMessage, __: Progress) -> Reply:
        return Reply("word " * 500, attachments=(ReplyAttachment(str(tmp_path / "rules.txt"), is_image=False),))

    server.expect(mishaps.error("POST", ANY_FOLLOWUP, 500, after_effect=True))
    async with run(answer):
        used = await server.slash(ann, server.general, "ask", question="why?")
        await server.wait_request("POST", ANY_FOLLOWUP)
    assert [answer.kind for answer in used.answers] == ["edit", "followup"]


@pytest.mark.parametrize("retry_after_s", [0.05, None])
async def test_followup_that_came_too_soon_is_repeated(
    server: DiscordServer, run: Any, ann: Json, retry_after_s: float | None
) -> None:
    """What was refused for its rate does not stand there."""
    server.expect(*(mishaps.rate_limit("POST", ANY_FOLLOWUP, retry_after_s=retry_after_s) for _ in range(2)))
    async with run(at_length):
        used = await server.slash(ann, server.general, "ask", question="why?")
        assert [(await used.next_answer()).kind for _ in range(2)] == ["edit", "followup"]
    assert [request.status for request in server.requests_to("POST", ANY_FOLLOWUP)] == [429, 429, 200]


async def test_faults_of_one_person_hold_nobody_else_up(
    server: DiscordServer, run: Any, ann: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one answer waits for the end of a silence, others are given."""
    ben = payloads.user("ben", shown_as="Ben")
    monkeypatch.setattr(discord_requests, "TIMEOUT", aiohttp.ClientTimeout(sock_read=1.0))
    server.expect(mishaps.Mishap("POST", ANY_MESSAGE, "silent"))
    async with run():
        await server.say(ann, server.general, "waits", mention_bot=True)
        await server.wait_request("POST", ANY_MESSAGE)
        await server.say(ben, server.team, "does not", mention_bot=True)
        contents = [(await server.next_message())[0]["content"] for _ in range(2)]
    assert contents == ["Ben: does not", "Ann: waits"]
