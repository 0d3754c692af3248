"""Faults between the bot and Discord's REST interface, in the bytes on their way (`faulty_wire.py`).

What Discord itself says when something is wrong, and the gateway's faults, are in `test_discord_faults.py`.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from adapters import discord_requests
from tests.e2e import discord_payloads as payloads
from tests.e2e.discord_payloads import Json
from tests.e2e.discord_runs import Run, echo, make_adapter, running
from tests.e2e.discord_server import DiscordServer
from tests.e2e.faulty_wire import Fault, Wire
from tests.e2e.test_discord_faults import said

UNSAID = [fault for fault in Fault if fault is not Fault.LATE]


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses are shorter than in life."""
    monkeypatch.setattr(discord_requests, "PAUSES_S", (0.01, 0.02, 0.03))
    monkeypatch.setattr(discord_requests, "ACKNOWLEDGEMENT_PAUSES_S", (0.01, 0.02, 0.03))


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    async with DiscordServer() as server:
        yield server


@pytest.fixture
async def wire(server: DiscordServer) -> AsyncIterator[Wire]:
    async with Wire(server._port) as wire:
        yield wire


def over(wire: Wire, server: DiscordServer, state_dir: Path, **changes: Any) -> AbstractAsyncContextManager[Run]:
    """An adapter at work whose way to the REST interface is the wire."""
    api_url = f"http://127.0.0.1:{wire.port}/api/v10"
    return running(make_adapter(server, state_dir, echo, api_url=api_url, **changes))


@pytest.mark.parametrize("fault", UNSAID, ids=lambda fault: fault.name)
async def test_an_answer_stands_once_whatever_becomes_of_its_way(
    server: DiscordServer, wire: Wire, ann: Json, fault: Fault, tmp_path: Path
) -> None:
    """It is sent until its receipt arrives; Discord knows it again by its nonce, and what follows comes in order."""
    async with over(wire, server, tmp_path):
        wire.fail_next("/messages", fault, times=2)
        await server.say(ann, server.dm(ann), "one")
        await server.say(ann, server.dm(ann), "two")
        await server.wait_until(lambda: "Ann: two" in said(server), "the second question is answered")
    assert wire.met == [fault, fault]
    assert said(server) == ["Ann: one", "Ann: two"]


@pytest.mark.parametrize("fault", UNSAID, ids=lambda fault: fault.name)
async def test_a_command_is_answered_once_whatever_becomes_of_its_acknowledgement(
    server: DiscordServer, wire: Wire, ann: Json, fault: Fault, tmp_path: Path
) -> None:
    """The acknowledgement is repeated; if it was taken already, the refusal of the second one says so."""
    async with over(wire, server, tmp_path):
        await server.wait_until(lambda: bool(server.commands["global"]), "the commands are registered")
        wire.fail_next("/callback", fault)
        interaction = await server.slash(ann, server.general, "ask", question="when?")
        assert (await interaction.final()).content == "/ask when?"
    assert wire.met == [fault]
    assert [answer.kind for answer in interaction.answers if answer.content] == ["edit"]


async def test_a_late_receipt_holds_up_one_person_only(
    server: DiscordServer, wire: Wire, ann: Json, tmp_path: Path
) -> None:
    """While Discord takes its time over one message, others are answered, and nothing stands there twice."""
    ben = payloads.user("ben", shown_as="Ben")
    async with over(wire, server, tmp_path):
        wire.fail_next("/messages", Fault.LATE)
        await server.say(ann, server.dm(ann), "one")
        await server.wait_until(lambda: "Ann: one" in said(server), "the answer stands there")
        await server.say(ann, server.dm(ann), "two")
        await server.say(ben, server.dm(ben), "other")
        await server.wait_until(lambda: "Ben: other" in said(server), "the other one is answered")
        assert said(server) == ["Ann: one", "Ben: other"]
        wire.release()
        await server.wait_until(lambda: len(said(server)) == 3, "the second question is answered")
    assert said(server)[-1] == "Ann: two"
