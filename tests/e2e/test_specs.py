"""What crosses the local servers is held against the platforms' own descriptions, in both directions."""

import copy
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from tests.e2e import discord_payloads as payloads
from tests.e2e import specs
from tests.e2e.discord_server import DiscordServer
from tests.e2e.telegram_server import TelegramServer, person, private

Json = dict[str, Any]

ADA = person(1, "Ada")

pytestmark = pytest.mark.skipif(specs.is_absent(), reason=specs.ABSENT)


async def test_traffic_is_held_against_the_platforms_descriptions() -> None:
    """Where this is skipped, every end-to-end test runs all the same, and its traffic is held against nothing."""
    with pytest.raises(AssertionError, match="Message lacks 'date'"):
        async with TelegramServer() as server:
            await server.send_update({"message": {"message_id": 1, "chat": private(ADA)}})


async def test_a_test_that_fails_anyway_tells_of_violations_too() -> None:
    """The error of the test stays the one that is shown; what broke the description stands beside it."""

    async def fails_and_breaks_the_description() -> None:
        async with TelegramServer() as server:
            await server.send_update({"message": {}})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as error:
        await fails_and_breaks_the_description()
    assert "lacks 'chat'" in error.value.__notes__[0]


@pytest.mark.parametrize(
    ("method", "params", "named"),
    [
        ("sendMessage", {"chat_id": "1", "text": "x", "reply_to": "4"}, "unknown parameter 'reply_to'"),
        ("sendMessage", {"text": "x"}, "required 'chat_id'"),
        ("sendMesage", {}, "no such Bot API method"),
        ("sendMessage", {"chat_id": "1", "text": "1 < 2", "parse_mode": "HTML"}, "bare '<'"),
        ("sendChatAction", {"chat_id": "1", "action": "writing"}, "unknown action"),
    ],
)
@pytest.mark.parametrize("fault", [None, 429, 502, "drop"])
async def test_every_call_to_telegram_is_checked(method: str, params: Json, named: str, fault: Any) -> None:
    """Answered, refused or cut off: a call that the Bot API does not know is noticed."""
    async with TelegramServer() as server, aiohttp.ClientSession() as session:
        await server.say(ADA, None, "hello")
        if fault is not None:
            server.fail_next(method, fault)
        try:
            async with session.post(f"{server.api_url}{server.token}/{method}", data=params):
                pass
        except aiohttp.ClientConnectionError:
            assert fault == "drop"
        assert any(named in violation for violation in server.violations)
        server.violations.clear()


def _without(key: str) -> Callable[[Json], Json]:
    return lambda payload: {name: value for name, value in payload.items() if name != key}


@pytest.mark.parametrize("key", ["channel_id", "author", "attachments", "timestamp"])
async def test_every_event_of_the_local_discord_is_checked(key: str) -> None:
    """An event that lacks what Discord always sends is noticed."""
    async with DiscordServer() as server:
        message = payloads.message(payloads.user("ada"), server.general, "hello")
        event = {"op": 0, "t": "MESSAGE_CREATE", "s": 1, "d": message}
        assert specs.gateway_sent(event) == []
        assert any(key in fault for fault in specs.gateway_sent({**event, "d": _without(key)(message)}))


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"content": "x" * 2001}, "the limit for bots is 2000"),
        ({"content": "x", "reply_to": "1"}, "reply_to"),
        ({}, "empty message"),
        ({"content": ["x"]}, "is not of type"),
    ],
)
@pytest.mark.parametrize("fails_with", [None, 429, 500])
async def test_every_request_to_discord_is_checked(body: Json, named: str, fails_with: int | None) -> None:
    """Answered or refused: a request that Discord does not know is noticed."""
    async with DiscordServer() as server, aiohttp.ClientSession() as session:
        path = f"/channels/{server.general['id']}/messages"
        if fails_with is not None:
            server.fail_next("POST", path, fails_with)
        headers = {"Authorization": f"Bot {server.token}"}
        async with session.post(server.api_url + path, json=body, headers=headers):
            pass
        assert any(named in violation for violation in server.violations)
        server.violations.clear()


def test_what_discord_answers_is_checked() -> None:
    """A message that the local Discord makes up as Discord never would is noticed."""
    channel = {"id": payloads.snowflake()}
    message = payloads.message(payloads.user("parley", bot=True), channel, "hello")
    path = f"/channels/{channel['id']}/messages"

    def faults(answer: Json) -> list[str]:
        return specs.discord_answer("POST", path, 200, answer)

    assert faults(message) == []
    broken = copy.deepcopy(message)
    broken["author"]["id"] = 7
    assert faults(broken)


@pytest.mark.parametrize("frame", [{"op": 2, "d": {"token": "x"}}, {"op": 99, "d": None}, {"op": 1, "d": "soon"}])
def test_every_frame_of_the_bot_is_checked(frame: Json) -> None:
    """A frame that Discord's gateway would not take is noticed."""
    assert specs.gateway_received(frame)


def test_a_refusal_of_telegram_is_checked() -> None:
    """What the local Bot API server says when it refuses has Telegram's form."""
    refusal = {"ok": False, "error_code": 429, "description": "Too Many Requests", "parameters": {"retry_after": 1}}
    assert specs.telegram_refusal("sendMessage", refusal) == []
    assert specs.telegram_refusal("sendMessage", {**refusal, "parameters": {"retry_after": "soon"}})
    assert specs.telegram_refusal("sendMessage", {"ok": True, "error_code": 429})
