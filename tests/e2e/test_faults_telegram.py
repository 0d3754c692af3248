"""Faults between the bot and Telegram: exactly once wherever an answer arrives, at most once elsewhere, nothing lost.

The faults stand in the way of the bytes (`faulty_wire.py`) or in what the server has for the bot.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.base import IncomingMessage, Progress, Reply, ReplyChoice
from adapters.telegram_adapter import TelegramAdapter
from tests.bots import BotOf
from tests.e2e.faulty_wire import Fault, Wire
from tests.e2e.telegram_runs import COMMANDS, echo, running
from tests.e2e.telegram_server import TelegramServer, group, person, private

Json = dict[str, Any]

ADA, BEN = person(1, "Ada"), person(2, "Ben")
CLUB = group(-1_001)

UNSAID = [fault for fault in Fault if fault is not Fault.LATE]
"""After these nobody tells the bot what became of its request."""

# The library warns of its own attribute, whenever it is told to pause.
pytestmark = pytest.mark.filterwarnings("ignore:.*attribute `retry_after`:DeprecationWarning")


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    async with TelegramServer() as server:
        yield server


@pytest.fixture
async def wire(server: TelegramServer) -> AsyncIterator[Wire]:
    async with Wire(server._port) as wire:
        yield wire


def over(wire: Wire, server: TelegramServer, bot: BotOf | None = None) -> TelegramAdapter:
    """An adapter whose way to the server is the wire."""
    bot = bot or BotOf(echo, COMMANDS)
    return TelegramAdapter(token=server.token, bot=bot, api_url=f"http://127.0.0.1:{wire.port}/bot")


def texts(server: TelegramServer) -> list[str]:
    return [message["text"] for message in server.messages]


@pytest.mark.parametrize("fault", UNSAID, ids=lambda fault: fault.name)
async def test_a_send_of_unknown_fate_is_not_repeated(server: TelegramServer, wire: Wire, fault: Fault) -> None:
    """What arrived is there once, what did not is not there, and the next answer is sent in any case."""
    async with running(server, adapter=over(wire, server)):
        wire.fail_next("/sendMessage", fault)
        await server.say(ADA, None, "one")
        await server.say(ADA, None, "two")
        await server.until(lambda: "echo: two" in texts(server))
    assert texts(server) == (["echo: one"] if fault.is_carried_out else []) + ["echo: two"]
    assert wire.met == [fault]


@pytest.mark.parametrize("fault", UNSAID, ids=lambda fault: fault.name)
async def test_a_poll_that_fails_loses_and_doubles_nothing(server: TelegramServer, wire: Wire, fault: Fault) -> None:
    """What a spoilt poll had brought comes again, and is answered once."""
    async with running(server, adapter=over(wire, server)):
        wire.fail_next("/getUpdates", fault)
        for number in range(5):
            await server.say(ADA, None, str(number))
        await server.until(lambda: len(server.messages) >= 5)
        await server.until_confirmed()
    assert texts(server) == [f"echo: {number}" for number in range(5)]


async def test_a_late_answer_holds_up_one_person_only(server: TelegramServer, wire: Wire) -> None:
    """While Telegram takes its time over one send, others are answered, and nothing is sent twice."""
    async with running(server, adapter=over(wire, server)):
        wire.fail_next("/sendMessage", Fault.LATE)
        await server.say(ADA, None, "one")
        await server.say(ADA, None, "two")
        await server.until(lambda: wire.met == [Fault.LATE])
        await server.say(BEN, None, "other")
        await server.until(lambda: "echo: other" in texts(server))
        assert texts(server) == ["echo: one", "echo: other"]
        wire.release()
        await server.until(lambda: len(server.messages) == 3)
    assert texts(server)[-1] == "echo: two"


@pytest.mark.parametrize("times", [1, 3])
async def test_what_was_refused_goes_out_after_the_pause(server: TelegramServer, times: int) -> None:
    """Each 429 means that nothing was sent; the answers come once, and in their order."""
    server.fail_next("sendMessage", 429, times=times, retry_after=1)
    async with running(server):
        for text in ("one", "two", "three"):
            await server.say(ADA, None, text)
        await server.until(lambda: len(server.messages) >= 3)
    assert texts(server) == ["echo: one", "echo: two", "echo: three"]
    assert len(server.calls_of("sendMessage")) == 3 + times


async def test_a_refusal_that_tells_no_pause_is_waited_for(
    server: TelegramServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever leaves out for how long has refused it all the same, so nothing was sent and nothing is lost."""
    monkeypatch.setattr("adapters.telegram_polling.UNTOLD_PAUSE_S", 1)
    server.fail_next("sendMessage", 429, times=2)
    async with running(server):
        for text in ("one", "two"):
            await server.say(ADA, None, text)
        await server.until(lambda: len(server.messages) >= 2)
    assert texts(server) == ["echo: one", "echo: two"]
    assert len(server.calls_of("sendMessage")) == 4


@pytest.mark.parametrize("status", [429, 500, 502])
async def test_polls_that_are_refused_lose_nothing(server: TelegramServer, status: int) -> None:
    """Polling goes on after any refusal, and what waited is answered once."""
    async with running(server):
        server.fail_next("getUpdates", status, times=2, retry_after=1 if status == 429 else None)
        await server.say(ADA, None, "one")
        await server.until(lambda: len(server.messages) >= 1)
        await server.until_confirmed()
    assert texts(server) == ["echo: one"]


def _question(update_id: int, text: str) -> Json:
    message = {"message_id": update_id, "date": 1_760_000_000, "chat": private(ADA), "from": ADA, "text": text}
    return {"update_id": update_id, "message": message}


async def _deliver(server: TelegramServer, *updates: Json) -> None:
    """Have the next poll bring these, in this order, whatever their ids are."""
    server._chats[ADA["id"]] = private(ADA)
    server.updates.extend(updates)
    await server._notify()


async def test_a_repeated_update_is_answered_once(server: TelegramServer) -> None:
    """Telegram may deliver what it has delivered: within a batch, and again after it was confirmed."""
    bot = BotOf(echo, COMMANDS)
    one, two = _question(10, "one"), _question(11, "two")
    async with running(server, adapter=_adapter(server, bot)):
        await _deliver(server, one, one, two)
        await server.until(lambda: len(server.messages) >= 2)
        await server.until_confirmed()
        await _deliver(server, two, one, _question(12, "three"))
        await server.until(lambda: "echo: three" in texts(server))
    assert texts(server) == ["echo: one", "echo: two", "echo: three"]


async def test_a_repeated_update_is_answered_once_over_a_restart(server: TelegramServer) -> None:
    """What an earlier process answered and could not confirm is not answered by the next."""
    bot = BotOf(echo, COMMANDS)
    async with running(server, adapter=_adapter(server, bot)):
        await _deliver(server, _question(10, "one"))
        await server.until(lambda: len(server.messages) >= 1)
    async with running(server, adapter=_adapter(server, bot)):
        await _deliver(server, _question(10, "one"), _question(11, "two"))
        await server.until(lambda: "echo: two" in texts(server))
    assert texts(server) == ["echo: one", "echo: two"]


async def test_updates_out_of_order_are_each_answered_once(server: TelegramServer) -> None:
    """A later update that comes first is answered first; the earlier one is neither lost nor doubled."""
    bot = BotOf(echo, COMMANDS)
    async with running(server, adapter=_adapter(server, bot)):
        await _deliver(server, _question(12, "third"), _question(10, "first"), _question(11, "second"))
        await server.until(lambda: len(server.messages) >= 3)
        await _deliver(server, _question(20, "last"))
        await server.until(lambda: "echo: last" in texts(server))
    assert sorted(texts(server)) == ["echo: first", "echo: last", "echo: second", "echo: third"]


def _adapter(server: TelegramServer, bot: BotOf) -> TelegramAdapter:
    return TelegramAdapter(token=server.token, bot=bot, api_url=server.api_url)


@pytest.mark.parametrize("fault", UNSAID, ids=lambda fault: fault.name)
async def test_a_press_is_answered_once_whatever_becomes_of_its_acknowledgement(
    server: TelegramServer, wire: Wire, fault: Fault
) -> None:
    """The acknowledgement and the change of the buttons are form; the answer to the press is what counts."""

    async def handler(message: IncomingMessage, _progress: Progress) -> Reply:
        if message.choice_id is None:
            return Reply("which?", choices=(ReplyChoice("a", "This"),))
        return Reply(f"chosen: {message.choice_id}")

    async with running(server, adapter=over(wire, server, BotOf(handler, COMMANDS))):
        await server.say(ADA, None, "hello")
        asked = await server.next_message()
        wire.fail_next("/answerCallbackQuery", fault)
        wire.fail_next("/editMessage", fault)
        await server.press(ADA, asked, "This")
        await server.until(lambda: "chosen: a" in texts(server))
        await server.say(ADA, None, "more")
        await server.until(lambda: texts(server)[-1].startswith("which?"))
    assert texts(server).count("chosen: a") == 1


async def test_two_outages_of_the_whole_network_lose_nothing(server: TelegramServer) -> None:
    """Connections cut and refused: what was asked meanwhile is answered once when Telegram is back."""
    async with running(server):
        for round_ in ("one", "two"):
            async with server.away():
                await server.say(ADA, None, round_)
            await server.until(lambda expected=f"echo: {round_}": expected in texts(server))
    assert texts(server) == ["echo: one", "echo: two"]


async def test_many_faults_at_random_never_double_an_answer(server: TelegramServer, wire: Wire) -> None:
    """Twenty people while every kind of fault strikes polls and sends: no answer twice, none but the struck lost."""
    people = [person(100 + number, f"P{number}") for number in range(20)]
    async with running(server, adapter=over(wire, server)):
        wire.fail_next("/getUpdates", Fault.CUT)
        wire.fail_next("/getUpdates", Fault.NO_JSON)
        for fault in UNSAID:
            wire.fail_next("/sendMessage", fault)
        for number in range(3):
            for one in people:
                await server.say(one, None, f"{number}")
        lost = sum(not fault.is_carried_out for fault in UNSAID)
        await server.until(lambda: len(server.messages) >= 60 - lost)
        await server.until_confirmed()
    answered = [(message["chat"]["id"], message["text"]) for message in server.messages]
    assert len(set(answered)) == len(answered) == 60 - lost
    for one in people:
        own = [text for chat_id, text in answered if chat_id == one["id"]]
        assert own == sorted(own)
