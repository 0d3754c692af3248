"""How `python -m bot` starts, what it refuses, what it outlasts, and how it ends."""

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.places import Json, Place, Servers, place_of
from tests.e2e.process import LEAVE_S, Process, command, running

if TYPE_CHECKING:
    from tests.conftest import Trained

ANY_MESSAGE = r"/channels/\d+/messages"
HOURS = "We are open from 10:00 to 20:00."
ONE_OF_EACH = ["discord direct", "telegram private"]


@pytest.fixture
async def servers() -> AsyncIterator[Servers]:
    servers = Servers.make()
    async with servers.discord, servers.telegram:
        yield servers


class Directory:
    """A working directory with a trained model, to start bots in."""

    def __init__(self, path: Path, trained: "Trained") -> None:
        self.path = path
        self.paths = {"INTENTS_PATH": str(trained.intents_path), "MODELS_DIR": str(trained.models_dir)}

    def bot(self, variables: Mapping[str, str], *arguments: str) -> AbstractAsyncContextManager[Process]:
        return running(command("bot", *arguments), self.paths | dict(variables), self.path)


@pytest.fixture
def directory(trained: "Trained", tmp_path: Path) -> Directory:
    (tmp_path / "work").mkdir()
    return Directory(tmp_path / "work", trained)


def someone(servers: Servers, name: str) -> tuple[Place, Json]:
    place = place_of(name, servers)
    return place, place.newcomer("Ann")


# Which platforms.


@pytest.mark.parametrize("name", ONE_OF_EACH)
async def test_one_token_alone_works(servers: Servers, directory: Directory, name: str) -> None:
    """The platform of the one token is served, and nobody calls on the other."""
    is_discord = name.startswith("discord")
    place, ann = someone(servers, name)
    async with directory.bot(servers.discord_variables if is_discord else servers.telegram_variables) as process:
        await process.wrote("connected to")
        assert await place.ask(ann, "when do you close") == HOURS
        assert await process.stop() == 0
    assert bool(servers.discord.requests) is is_discord
    assert bool(servers.telegram.calls) is not is_discord


async def test_a_file_supplies_the_variables(servers: Servers, directory: Directory) -> None:
    """`--env-file` is read in place of `.env`, and the variables of the process win over it, even empty ones."""
    lines = [f"{name}={value}" for name, value in servers.variables.items()]
    (directory.path / ".env").write_text("LOG_LEVEL=wrong\n")
    (directory.path / "other.env").write_text("\n".join(lines))
    async with directory.bot({"DISCORD_TOKEN": ""}, "--env-file", "other.env") as process:
        await process.wrote("connected to Telegram")
        assert await process.stop() == 0
    assert "platforms telegram" in process.stderr
    assert servers.discord.requests == []


async def test_a_platform_that_is_away_at_the_start_is_served_later(servers: Servers, directory: Directory) -> None:
    """Meanwhile the other one is served, and the log says in a line what is away."""
    discord, ann = someone(servers, "discord direct")
    telegram, ben = someone(servers, "telegram private")
    async with AsyncExitStack() as stack:
        async with servers.telegram.away():
            process = await stack.enter_async_context(directory.bot(servers.variables))
            await process.wrote("connected to Discord")
            await process.wrote("Telegram cannot be reached")
            assert await discord.ask(ann, "when do you close") == HOURS
        await process.wrote("connected to Telegram")
        assert await telegram.ask(ben, "when do you close") == HOURS
        assert await process.stop() == 0
    assert "Traceback" not in process.stderr
    assert servers.telegram.token not in process.stderr


# What is refused.


@pytest.mark.parametrize("variable", ["DISCORD_TOKEN", "TELEGRAM_TOKEN"])
async def test_a_wrong_token_is_one_clear_line(servers: Servers, directory: Directory, variable: str) -> None:
    """The variable is named, the token is nowhere, there is no trace, and the other platform does not hold it up."""
    wrong = "123456:a-wrong-secret"
    async with directory.bot(servers.variables | {variable: wrong}) as process:
        assert await process.code() == 78
    (line,) = [line for line in process.stderr.splitlines() if " ERROR " in line]
    assert variable in line
    assert "Traceback" not in process.stderr
    assert "secret" not in process.stderr + process.stdout
    assert process.stdout == ""


async def test_a_token_refused_later_ends_its_platform_alone(servers: Servers, directory: Directory) -> None:
    """One line names the variable, the other platform is served on, and a signal is still a clean end."""
    telegram, ann = someone(servers, "telegram private")
    async with directory.bot(servers.variables) as process:
        await process.wrote("connected to Discord")
        await process.wrote("connected to Telegram")
        servers.discord.refuse_token()
        await servers.discord.drop_gateway()
        await process.wrote("DISCORD_TOKEN was refused")
        assert await telegram.ask(ann, "when do you close") == HOURS
        assert await process.stop() == 0
    assert "Traceback" not in process.stderr


async def test_the_last_token_refused_later_ends_the_process(servers: Servers, directory: Directory) -> None:
    """When no platform is left the exit code is that of a configuration to mend."""
    async with directory.bot(servers.discord_variables) as process:
        await process.wrote("connected to Discord")
        servers.discord.refuse_token()
        await servers.discord.drop_gateway()
        assert await process.code() == 78
    assert "DISCORD_TOKEN was refused" in process.stderr


async def test_wrong_values_are_all_named(directory: Directory) -> None:
    """One run tells every variable that is wrong, and shows none of the values."""
    wrong = {
        "LOG_LEVEL": "secret",
        "CONTEXT_TTL_S": "secret",
        "DISCORD_TOKEN": "a secret",
        "TELEGRAM_API_URL": "secret",
    }
    async with directory.bot(wrong) as process:
        assert await process.code() == 78
    assert {line.partition(":")[0] for line in process.stderr.splitlines()} == set(wrong)
    assert "secret" not in process.stderr
    assert process.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--env-file", "missing.env"], 78, "--env-file missing.env: no such file"),
        (["--colour"], 2, "unrecognized arguments: --colour"),
        (["--env-file"], 2, "expected one argument"),
    ],
)
async def test_a_wrong_command_line_is_refused(
    directory: Directory, arguments: list[str], code: int, told: str
) -> None:
    """A file that is not there is a fault of configuration, an unknown option one of usage."""
    async with directory.bot({}, *arguments) as process:
        assert await process.code() == code
    assert told in process.stderr
    assert process.stdout == ""


@pytest.mark.parametrize("damage", ["missing", "cut"])
async def test_without_a_model_nothing_starts(servers: Servers, directory: Directory, damage: str) -> None:
    """One sentence says what to run, before any platform is called on."""
    models_dir = Path(directory.paths["MODELS_DIR"])
    pointer = models_dir / "current"
    if damage == "missing":
        pointer.unlink()
    else:
        (models_dir / pointer.read_text().strip() / "features.json").write_bytes(b"{}")
    async with directory.bot(servers.variables) as process:
        assert await process.code() == 1
    (line,) = process.stderr.splitlines()
    assert "python -m scripts.train" in line
    assert servers.discord.requests == []
    assert servers.telegram.calls == []


# How it ends.


async def hold_next_answer(servers: Servers, name: str, *, for_s: int) -> None:
    """Have the platform turn the bot's next message away, to be sent again after a while."""
    if name.startswith("discord"):
        servers.discord.rate_limit_next("POST", ANY_MESSAGE, retry_after_s=float(for_s))
    else:
        servers.telegram.fail_next("sendMessage", 429, retry_after=for_s)


async def until_held(servers: Servers, name: str) -> None:
    """Wait until the message was turned away."""
    if name.startswith("discord"):
        await servers.discord.wait_request("POST", ANY_MESSAGE)
    else:
        await servers.telegram.wait_for("sendMessage")


def n_sent(servers: Servers) -> int:
    own = [message for message in servers.discord.messages.values() if message["author"] == servers.discord.bot]
    return len(own) + len(servers.telegram.messages)


@pytest.mark.parametrize("name", ONE_OF_EACH)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_lets_the_reply_out(
    servers: Servers, directory: Directory, name: str, number: signal.Signals
) -> None:
    """What is being answered when it comes is delivered, and the process leaves cleanly within ten seconds."""
    place, ann = someone(servers, name)
    async with directory.bot(servers.variables) as process:
        await process.wrote("connected to Discord")
        await process.wrote("connected to Telegram")
        await hold_next_answer(servers, name, for_s=3)
        asking = asyncio.create_task(place.ask(ann, "when do you close"))
        await until_held(servers, name)
        process.signal(number)
        await process.wrote("stopping")
        assert n_sent(servers) == 0
        assert await process.code(LEAVE_S) == 0
        assert await asking == HOURS
    assert n_sent(servers) == 1
    assert "Traceback" not in process.stderr
    assert process.stderr.splitlines()[-1].endswith("stopped")


async def test_a_second_signal_leaves_at_once(servers: Servers, directory: Directory) -> None:
    """Whoever presses Ctrl-C again does not want to wait, and the exit code says that it was forced."""
    place, ann = someone(servers, "telegram private")
    async with directory.bot(servers.telegram_variables) as process:
        await process.wrote("connected to Telegram")
        await hold_next_answer(servers, "telegram private", for_s=6)
        asking = asyncio.create_task(place.ask(ann, "hello"))
        await until_held(servers, "telegram private")
        process.signal(signal.SIGINT)
        await process.wrote("stopping")
        process.signal(signal.SIGINT)
        assert await process.code(3.0) == 1
        asking.cancel()
    assert n_sent(servers) == 0


async def test_a_name_server_without_an_answer_does_not_hold_up_the_end(directory: Directory) -> None:
    """A name look-up runs on a thread that nothing can interrupt; the process leaves without it."""
    program = (
        "import socket, sys, threading\n"
        "def getaddrinfo(*_, **__):\n"
        "    print('looking up', file=sys.stderr, flush=True)\n"
        "    threading.Event().wait()\n"
        "socket.getaddrinfo = getaddrinfo\n"
        "from bot.__main__ import main\n"
        "main()\n"
    )
    variables = {"TELEGRAM_TOKEN": "123456:secret", "TELEGRAM_API_URL": "http://bot-api.invalid/bot"}
    async with running([sys.executable, "-c", program], directory.paths | variables, directory.path) as process:
        await process.wrote("looking up")
        assert await process.stop() == 0


async def test_a_failure_beside_an_open_database_is_an_end(directory: Directory) -> None:
    """The thread of a database that nobody closed does not keep a process that has failed."""
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from bot import cli\n"
        "from bot.database import Database\n"
        "async def run(*_, **__):\n"
        "    global database\n"
        "    database = await Database.open(Path('open.sqlite3'), ())\n"
        "    raise RuntimeError('no place like home')\n"
        "cli.run, sys.argv = run, ['bot', '--console']\n"
        "cli.main()\n"
    )
    async with running([sys.executable, "-c", program], directory.paths, directory.path) as process:
        assert await process.code(10.0) == 1
        assert "no place like home" in process.stderr


async def test_a_signal_during_an_outage_is_a_clean_end(directory: Directory) -> None:
    """With nobody there on either platform the process still leaves in time."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        variables = {
            "DISCORD_TOKEN": "secret",
            "DISCORD_API_URL": f"http://{address}/api/v10",
            "DISCORD_GATEWAY_URL": f"ws://{address}/",
            "TELEGRAM_TOKEN": "123456:secret",
            "TELEGRAM_API_URL": f"http://{address}/bot",
        }
        async with directory.bot(variables) as process:
            await process.wrote("Discord cannot be reached")
            await process.wrote("Telegram cannot be reached")
            assert await process.stop() == 0
    assert "Traceback" not in process.stderr
    assert "secret" not in process.stderr
