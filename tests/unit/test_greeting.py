"""The first words in a server or group: said once, also over restarts, in the place's language."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.assembly import SCHEMA
from bot.database import DATABASE_FILE, Database
from bot.handler import MessageHandler
from bot.inference import Inference
from bot.server_settings import ServerSettings
from bot.words import WORDS
from tests.unit.fakes import FakeClassifier, handler_of, stores_of


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path / DATABASE_FILE, SCHEMA)
    yield database
    await database.close()


@pytest.fixture
async def handler(database: Database) -> AsyncIterator[MessageHandler]:
    inference = Inference(FakeClassifier())  # type: ignore[arg-type]
    yield handler_of(await stores_of(database), inference)
    inference.close()


@pytest.mark.parametrize(
    ("locale", "language"), [("de", "de"), ("es-ES", "es"), ("en-US", "en"), ("fr", "en"), (None, "en")]
)
@pytest.mark.parametrize("platform", ["discord", "telegram"])
async def test_a_greeting_says_what_how_and_who(
    handler: MessageHandler, platform: str, locale: str | None, language: str
) -> None:
    """What can be asked, in which way, who reads the answers, and where to read what is kept."""
    reply = await handler.joined(platform, "1", locale)
    assert reply is not None
    words = [dict(WORDS[name])[language] for name in (f"how_{platform}", "who_sees")]  # type: ignore[index]
    assert all(part in reply.text for part in (*words, "- hello", "/privacy", "/help"))
    assert len(reply.text) < 2000
    assert not reply.private


async def test_a_greeting_is_said_once(handler: MessageHandler, database: Database) -> None:
    """Each server and platform for itself, also after a restart; whoever removes the bot and adds it again hears it."""
    places = [("discord", "1"), ("discord", "2"), ("telegram", "1")]
    assert all([await handler.joined(*place, None) is not None for place in places])
    inference = Inference(FakeClassifier())  # type: ignore[arg-type]
    restarted = handler_of(await stores_of(database), inference)
    assert [await restarted.joined(*place, None) for place in places] == [None] * 3
    await restarted.left("discord", "1")
    assert [await restarted.joined(*place, None) is None for place in places] == [False, True, True]
    inference.close()


async def test_a_group_that_moves_is_not_greeted_again(handler: MessageHandler) -> None:
    """It is the same people."""
    await handler.joined("telegram", "-5", None)
    await handler.moved("telegram", "-5", "-1005")
    assert await handler.joined("telegram", "-1005", None) is None


async def test_the_language_that_was_set_comes_first(handler: MessageHandler) -> None:
    """A server that is greeted again has told its own."""
    await handler._parts.settings.put("discord", "1", ServerSettings(language="de"))
    reply = await handler.joined("discord", "1", "en-US")
    assert reply is not None
    assert WORDS["who_sees"]["de"] in reply.text


async def test_a_failure_greets_nobody(handler: MessageHandler, database: Database) -> None:
    """Nothing is raised, whatever is asked."""
    await database.close()
    assert await handler.joined("discord", "1", None) is None
    await handler.left("discord", "1")
    await handler.moved("discord", "1", "2")
