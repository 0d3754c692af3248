"""What deploy/prove.sh does in the fresh environment: starts the installed bot against a local Telegram, and asks it.

It runs with the environment's own interpreter, outside the project.
"""  # noqa: INP001 - it is run by its path

import asyncio
import importlib.util
import json
import os
import re
import stat
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from telegram_server import TelegramServer, person

UNWANTED = ("tensorflow", "keras", "keras_hub", "sklearn", "scipy", "nltk", "pytest", "torch")
USER_ID = 10_001
WAIT_S = 60.0


def say(text: str) -> None:
    print(f"prove: {text}", file=sys.stderr)  # noqa: T201 - a command line prints


def nobody() -> dict[str, Any]:
    """Return what starts a process as a user of no rights, as the image does; nothing where that cannot be had."""
    interpreter = Path(sys.executable).resolve()
    is_reachable = all(path.stat().st_mode & stat.S_IXOTH for path in (interpreter, *interpreter.parents))
    if os.geteuid() == 0 and is_reachable:
        return {"user": USER_ID, "group": USER_ID, "extra_groups": []}
    say("started as the present user: only root can give up rights, with an interpreter that others reach too")
    return {}


def files_of(*directories: Path) -> dict[Path, float]:
    """Return when each file was last written."""
    return {path: path.stat().st_mtime for one in directories for path in one.rglob("*") if path.is_file()}


async def ask(url: str) -> tuple[int, str]:
    """Return the status and the text of a page."""

    def get() -> tuple[int, str]:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - the bot's own page
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    return await asyncio.to_thread(get)


async def prove(work: Path) -> None:
    """Start, ask, stop; whatever does not hold is an AssertionError."""
    unwanted = [name for name in UNWANTED if importlib.util.find_spec(name) is not None]
    assert not unwanted, f"the run environment can import {unwanted}"
    say(f"none of {', '.join(UNWANTED)} can be imported")
    async with TelegramServer() as telegram:
        variables = {
            "PATH": os.environ["PATH"],
            "TELEGRAM_TOKEN": telegram.token,
            "TELEGRAM_API_URL": telegram.api_url,
            "MODELS_DIR": str(work / "data" / "models"),
            "STATE_DIR": str(work / "data" / "state"),
            "HEALTH_ADDRESS": "127.0.0.1:0",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        before = files_of(work / "app", work / "run")
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "bot"),
            env=variables,
            stderr=asyncio.subprocess.PIPE,
            **nobody(),
        )
        try:
            async with asyncio.timeout(WAIT_S):
                await converse(process, telegram)
            assert files_of(work / "app", work / "run") == before, "something was written beside the data"
            say("everything holds")
        finally:
            if process.returncode is None:
                process.kill()


async def converse(process: asyncio.subprocess.Process, telegram: TelegramServer) -> None:
    assert process.stderr is not None
    url = ""
    async for line in process.stderr:
        sys.stderr.write(line.decode())
        if found := re.search(rb"health page at (\S+)", line):
            url = found[1].decode()
        if b"connected to Telegram" in line:
            break
    assert url, "the bot ended, or tells of no health page"
    assert await ask(f"{url}healthz") == (200, "ok\n")
    status, text = await ask(f"{url}readyz")
    assert (status, json.loads(text)["ready"]) == (200, True), text
    say(f"/readyz: {text}")
    await telegram.say(person(1, "Ann"), None, "hello")
    answer = await telegram.next_message()
    say(f"hello -> {answer['text']!r}")
    _, metrics = await ask(f"{url}metrics")
    (answers,) = re.findall(r'^parley_messages_total{platform="telegram"} ([\d.]+)', metrics, re.MULTILINE)
    (resident,) = re.findall(r"^process_resident_memory_bytes (\S+)", metrics, re.MULTILINE)
    assert float(answers) == 1
    say(f"resident memory after the first answer: {float(resident) / 2**20:.0f} MB")
    process.terminate()
    async for line in process.stderr:
        sys.stderr.write(line.decode())
    code = await process.wait()
    assert code == 0, f"the bot left with {code}"


if __name__ == "__main__":
    asyncio.run(prove(Path(sys.argv[1])))
