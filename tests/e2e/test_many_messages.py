"""Ten thousand messages from a thousand people over both networks at once: once each, in order, and nothing left over.

The real adapters, message handler and engine serve them; only the model is a stand-in. The limits that networks and
the bot itself set to one person's pace are off, and the local servers keep nothing, so that what grows is the bot's.
"""

import asyncio
import gc
import sys
from collections import deque
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.base import Bot, IncomingMessage, Progress, Reply
from adapters.telegram_adapter import TelegramAdapter
from bot.answers import AnswerLog
from bot.assembly import SCHEMA, Stores
from bot.config import Settings
from bot.context import ContextStore
from bot.database import Database
from bot.inference import Inference
from intents.catalog import Fallback, Intent, IntentCatalog
from tests.e2e import discord_runs, telegram_runs
from tests.e2e.crowd import Member, converse, discord_crowd, telegram_crowd
from tests.e2e.discord_server import DiscordServer
from tests.e2e.telegram_server import TelegramServer
from tests.unit.fakes import FakeClassifier, engine_of, handler_of, saying

N_MEMBERS = 1_000
QUESTIONS = [f"question {letter}" for letter in "abcdefghij"]

WARMING_UP, MEASURED, HOARDED = QUESTIONS[:4], QUESTIONS[4:8], QUESTIONS[8:]
"""The first fill every cache of a bounded size, the next must leave nothing behind, the last do so on purpose."""

OPEN_FILES = Path("/dev/fd")
"""Where the system lists what a process has open."""


def catalog() -> IntentCatalog:
    intents = [
        Intent(f"topic_{text[-1]}", (text,), saying(f"Answer {text[-1]} for {{display_name}}")) for text in QUESTIONS
    ]
    return IntentCatalog(tuple(intents), Fallback(saying("What?"), did_you_mean=""))


def expected(member: Member, question: str) -> str:
    return f"Answer {question[-1]} for {member.name}"


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Bot]:
    """The message handler, the engine and the stores, over a model that knows the questions word by word."""
    classifier = FakeClassifier(catalog())
    classifier.calls = deque(maxlen=1)
    classifier.groups = deque(maxlen=1)
    settings = Settings(cooldown_s=0, feedback=False)
    contexts = ContextStore(capacity=10_000, ttl_s=1_200)
    stores = await Stores.open(settings, await Database.open(tmp_path / "state.sqlite", SCHEMA), contexts)
    stores = replace(stores, answers=AnswerLog(capacity=N_MEMBERS))  # full before memory is looked at
    with closing(Inference(classifier)) as inference:
        engine = engine_of(inference, contexts)
        yield handler_of(stores, inference, settings=settings, engine=engine)
    await stores.database.close()


def at_full_speed(server: TelegramServer, bot: Bot) -> TelegramAdapter:
    return TelegramAdapter(token=server.token, bot=bot, api_url=server.api_url, rate_limits=False)


def blocks_in_use() -> int:
    """The number of objects' blocks that the interpreter holds: unlike resident memory, exact to one object."""
    gc.collect()
    return sys.getallocatedblocks()


def open_files() -> int:
    return sum(1 for _ in OPEN_FILES.iterdir())


async def test_ten_thousand_messages_of_a_thousand_people(
    bot: Bot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everyone gets each answer once and in order; a message leaves nothing in memory, no task and no open file."""
    n_tasks, n_files = len(asyncio.all_tasks()), open_files()
    answer, kept = bot.answer, list[IncomingMessage]()

    async def hoard(message: IncomingMessage, progress: Progress) -> Reply | None:
        kept.append(message)
        return await answer(message, progress)

    async with DiscordServer() as discord, TelegramServer() as telegram:
        crowd = [*discord_crowd(discord, N_MEMBERS // 2), *telegram_crowd(telegram, N_MEMBERS // 2)]
        async with (
            discord_runs.running(discord_runs.make_adapter(discord, tmp_path, bot=bot)),
            telegram_runs.running(telegram, adapter=at_full_speed(telegram, bot)),
        ):
            await converse(crowd, WARMING_UP, expected, at_once=2)
            warm = blocks_in_use()
            await converse(crowd, MEASURED, expected, at_once=2)
            after = blocks_in_use()
            monkeypatch.setattr(bot, "answer", hoard)
            await converse(crowd, HOARDED, expected, at_once=2)
            hoarded = blocks_in_use()
    assert after - warm < N_MEMBERS * len(MEASURED)
    assert hoarded - after > N_MEMBERS * len(HOARDED), "a message left behind by each would not be seen"
    assert len(asyncio.all_tasks()) == n_tasks
    assert open_files() == n_files
