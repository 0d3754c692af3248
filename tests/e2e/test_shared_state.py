"""Two bot processes behind one Telegram webhook, with a real Redis between them, answer one conversation."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientSession

from adapters.telegram_webhook import SECRET_HEADER
from bot.words import WORDS
from tests.e2e.process import Process, command, running
from tests.e2e.telegram_server import WAIT_S, TelegramServer, person, private
from tests.redis_server import RedisServer

if TYPE_CHECKING:
    from tests.conftest import Trained

Json = dict[str, Any]

SECRET = "only-Telegram_knows"
HOURS = "We are open from 10:00 to 20:00."
ADMIN = person(900, "Boss")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Pair:
    """Two processes with a state of their own each, and what they have in common."""

    def __init__(self, server: TelegramServer, processes: list[Process], trained: "Trained") -> None:
        self.server = server
        self.processes = processes
        self.trained = trained

    async def ask(self, who: Json, text: str) -> str:
        await self.server.say(who, None, text)
        return str((await self.server.next_message())["text"])


def variables_of(server: TelegramServer, trained: "Trained", redis: RedisServer, state: Path) -> dict[str, str]:
    port = free_port()
    server.backends.append(f"http://127.0.0.1:{port}/hook")
    return {
        "TELEGRAM_TOKEN": server.token,
        "TELEGRAM_API_URL": server.api_url,
        "TELEGRAM_ADMIN_IDS": str(ADMIN["id"]),
        "TELEGRAM_WEBHOOK_URL": "https://parley.example/hook",
        "TELEGRAM_WEBHOOK_SECRET": SECRET,
        "TELEGRAM_WEBHOOK_LISTEN": f"127.0.0.1:{port}",
        "INTENTS_PATH": str(trained.intents_path),
        "MODELS_DIR": str(trained.models_dir),
        "STATE_DIR": str(state),
        "STATE_URL": redis.url,
        "COOLDOWN_S": "0.001",
    }


@pytest.fixture
async def pair(trained: "Trained", tmp_path: Path, redis: RedisServer) -> AsyncIterator[Pair]:
    async with TelegramServer() as server, AsyncExitStack() as stack:
        processes = []
        for name in ("one", "other"):
            variables = variables_of(server, trained, redis, tmp_path / name)
            processes.append(await stack.enter_async_context(running(command("bot"), variables, tmp_path)))
        for process in processes:
            await process.wrote("connected to Telegram")
        yield Pair(server, processes, trained)
        for process in processes:
            assert await process.stop() == 0
            assert "Traceback" not in process.stderr
    assert server.violations == []


async def test_a_conversation_is_carried_over_whichever_process_gets_a_message(pair: Pair) -> None:
    """Each message goes to the other process; what was asked is known there, of everyone for themselves."""
    for number in range(2):
        ada, bob = person(10 + number, "Ada"), person(20 + number, "Bob")
        assert await pair.ask(ada, "I want a pizza") == "With cheese?"
        assert await pair.ask(ada, "yes") == "Cheese it is."
        assert await pair.ask(bob, "yes") != "Cheese it is."
        assert await pair.ask(ada, "I want a pizza") == "With cheese?"
        assert await pair.ask(bob, "when do you close") == HOURS
        assert await pair.ask(ada, "no") == "No cheese then."


async def test_a_persons_messages_are_answered_once_and_in_their_order(pair: Pair) -> None:
    """Though they write without waiting, and the processes get the messages in turn."""
    ada = person(1, "Ada")
    n_rounds = 6
    for _ in range(n_rounds):
        for text in ("I want a pizza", "yes", "when do you close"):
            await pair.server.say(ada, None, text)
    answers = [(await pair.server.next_message())["text"] for _ in range(3 * n_rounds)]
    assert answers == ["With cheese?", "Cheese it is.", HOURS] * n_rounds
    assert {status for _, status in pair.server.brought} == {200}


async def test_an_update_that_is_brought_to_both_is_answered_once(pair: Pair) -> None:
    """As Telegram does that has not heard that the first has taken it."""
    server, ada = pair.server, person(1, "Ada")
    async with ClientSession(headers={SECRET_HEADER: SECRET}) as session:
        for number in range(6):
            message = server._new_message(ada, private(ada), "when do you close")
            update = {"update_id": await server.send_update({"message": message}), "message": message}
            again = [_post(session, backend, update) for backend in server.backends * 2]
            assert await asyncio.gather(*again) == [200] * 4
            assert [(await server.next_message())["text"], len(server.messages)] == [HOURS, number + 1]
    assert await pair.ask(ada, "I want a pizza") == "With cheese?"
    assert len(server.messages) == 7


async def _post(session: ClientSession, backend: str, update: Json) -> int:
    async with session.post(backend, json=update) as response:
        return response.status


async def test_a_reload_in_one_is_followed_by_the_other(pair: Pair) -> None:
    """Whichever process answers then, it is from the new intents."""
    ada = person(1, "Ada")
    path = pair.trained.intents_path
    path.write_text(path.read_text(encoding="utf-8").replace("10:00 to 20:00", "nine to five"), encoding="utf-8")
    await pair.server.say(ADMIN, None, "/reload")
    async with asyncio.timeout(WAIT_S):
        while "Reloaded in" not in (await pair.server.next_message())["text"]:
            pass
    followed = [asyncio.create_task(process.wrote("another process has reloaded")) for process in pair.processes]
    await asyncio.wait(followed, return_when=asyncio.FIRST_COMPLETED)
    for task in followed:
        task.cancel()
    await asyncio.gather(*followed, return_exceptions=True)
    answers = {await pair.ask(ada, "when do you close") for _ in range(4)}
    assert answers == {"We are open from nine to five."}


async def test_a_process_that_is_killed_takes_no_conversation_along(pair: Pair) -> None:
    """The other goes on, with all that was said before."""
    ada = person(1, "Ada")
    assert await pair.ask(ada, "I want a pizza") == "With cheese?"
    victim = pair.processes.pop(0)
    await victim.kill()
    del pair.server.backends[0]
    assert await pair.ask(ada, "yes") == "Cheese it is."


async def test_answers_go_on_without_redis(pair: Pair, redis: RedisServer) -> None:
    """With one warning in each process; once it is back, they share again."""
    ada = person(1, "Ada")
    try:
        redis.stop()
        assert [await pair.ask(ada, "when do you close") for _ in range(6)] == [HOURS] * 6
    finally:
        redis.start()
    for process in pair.processes:
        await process.wrote("Redis is back")
        assert process.stderr.count("Redis is away") == 1
    assert await pair.ask(ada, "I want a pizza") == "With cheese?"
    assert await pair.ask(ada, "yes") == "Cheese it is."
    assert (await pair.ask(ada, "/forgetme")).startswith(WORDS["forgotten"]["en"])


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [("redis://:hush-hush@127.0.0.1:1/0", 1, "127.0.0.1:1"), ("http://:hush-hush@somewhere", 78, "STATE_URL")],
)
async def test_a_start_without_redis_ends_with_a_sentence(
    trained: "Trained", tmp_path: Path, url: str, code: int, words: str
) -> None:
    """It says where it was looked for, and no password."""
    variables = {
        "TELEGRAM_TOKEN": "1:token",
        "STATE_URL": url,
        "INTENTS_PATH": str(trained.intents_path),
        "MODELS_DIR": str(trained.models_dir),
        "STATE_DIR": str(tmp_path / "state"),
    }
    async with running(command("bot"), variables, tmp_path) as process:
        assert await process.code() == code
        assert words in process.stderr
        assert "hush" not in process.stderr
        assert "Traceback" not in process.stderr
