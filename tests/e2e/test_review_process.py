"""The review page of a bot that runs as a process, and the command that makes its password."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from bot.review.password import parse_password_hash
from tests.conftest import Trained
from tests.e2e.places import Servers
from tests.e2e.process import WAIT_S, Process, command, environment, running

PASSWORD = "correct horse"


@pytest.fixture
async def servers() -> AsyncIterator[Servers]:
    servers = Servers.make()
    async with servers.discord, servers.telegram:
        yield servers


async def hashed(password: str) -> str:
    """The line that the command prints."""
    process = await asyncio.create_subprocess_exec(
        *command("bot", "hash-password"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=environment({}),
    )
    out, _ = await asyncio.wait_for(process.communicate(f"{password}\n".encode()), WAIT_S)
    assert process.returncode == 0
    return out.decode().strip()


async def url_of(process: Process) -> str:
    await process.wrote("ready: ")
    found = re.search(r"review page at (http://\S+)", process.stderr)
    assert found is not None, process.stderr
    return found[1]


async def test_a_running_bot_has_a_page(servers: Servers, trained: Trained, tmp_path: Path) -> None:
    """With the hash that the command printed, whoever knows the password sees the model in service."""
    name, _, line = (await hashed(PASSWORD)).partition("=")
    assert parse_password_hash(line).matches(PASSWORD)
    paths = {"INTENTS_PATH": str(trained.intents_path), "MODELS_DIR": str(trained.models_dir)}
    variables = {**servers.telegram_variables, **paths, name: line, "HEALTH_ADDRESS": "127.0.0.1:0"}
    async with running(command("bot"), variables, tmp_path) as process:
        url = await url_of(process)
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
            async with client.get(f"{url}/models") as answer:
                assert str(answer.url).endswith("/review/login")
            async with client.post(f"{url}/login", data={"password": PASSWORD}) as answer:
                assert answer.status == 200
            async with client.get(f"{url}/models") as answer:
                assert trained.bundle_path.name in await answer.text()
            async with client.get(f"{url}/statistics") as answer:
                assert "telegram is" in await answer.text()
        assert line not in process.stderr


async def test_without_being_asked_for_there_is_no_page(servers: Servers, trained: Trained, tmp_path: Path) -> None:
    """The health page alone is there."""
    paths = {"INTENTS_PATH": str(trained.intents_path), "MODELS_DIR": str(trained.models_dir)}
    variables = {**servers.telegram_variables, **paths, "HEALTH_ADDRESS": "127.0.0.1:0"}
    async with running(command("bot"), variables, tmp_path) as process:
        await process.wrote("ready: ")
        found = re.search(r"health page at (http://\S+)", process.stderr)
        assert found is not None
        async with aiohttp.ClientSession() as client, client.get(f"{found[1]}review/") as answer:
            assert answer.status == 404
        assert "review page" not in process.stderr
