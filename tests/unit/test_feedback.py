"""Thumbs: under which answers, one a person and answer, what they are told, and that they outlast a restart."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from adapters.base import Reply
from bot.assembly import SCHEMA, Stores
from bot.config import Settings
from bot.database import DATABASE_FILE, Database
from bot.feedback import KEPT_DAYS, OPEN_DAYS, Feedback, Thumbs, Vote
from bot.handler import MessageHandler
from bot.inference import Inference
from bot.server_settings import ServerSettings
from bot.shared.votes import SharedFeedback
from bot.words import WORDS
from intents.catalog import Choice, Intent, Response
from tests.unit.fakes import CATALOG, Clock, FakeClassifier, Sentences, handler_of, said, stores_of
from tests.unit.redis_runs import joined

DAY_S = 86_400
OFFER = Intent("offer", ("what is there",), (Response("This:", choices=(Choice("Hours", "opening_hours"),)),))
OFFERING = replace(CATALOG, intents=(*CATALOG.intents, OFFER))


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path / DATABASE_FILE, SCHEMA)
    yield database
    await database.close()


# The store.


@pytest.fixture(params=["sqlite", "redis"])
async def feedback(request: pytest.FixtureRequest, database: Database) -> AsyncIterator[Feedback]:
    """Where votes are kept: what holds of one place holds of the other."""
    local = Feedback(database)
    if request.param == "sqlite":
        yield local
        return
    async with joined(request.getfixturevalue("redis").url) as shared:
        yield SharedFeedback(shared.link, local)


async def test_everyone_has_one_vote_to_change_at_will(feedback: Feedback) -> None:
    """Counted by intent, those with the most thumbs down first."""
    for answer_id, intent in (("a1", "hours"), ("a2", "hours"), ("b1", "pizza")):
        await feedback.open_vote("discord", answer_id, intent)
    assert await feedback.vote("discord", "a1", "ann", is_up=True) is Vote.NEW
    assert await feedback.vote("discord", "a1", "ann", is_up=True) is Vote.SAME
    assert await feedback.vote("discord", "a1", "ann", is_up=False) is Vote.CHANGED
    assert await feedback.vote("discord", "a1", "ben", is_up=False) is Vote.NEW
    assert await feedback.vote("discord", "a2", "ann", is_up=True) is Vote.NEW
    assert await feedback.vote("discord", "b1", "ann", is_up=True) is Vote.NEW
    assert list((await feedback.counts()).items()) == [("hours", Thumbs(1, 2)), ("pizza", Thumbs(1, 0))]


@pytest.mark.parametrize(("answer_id", "platform"), [("zz", "discord"), ("a1", "telegram"), ("", "discord")])
async def test_an_answer_that_was_never_open_takes_no_vote(feedback: Feedback, answer_id: str, platform: str) -> None:
    """Whatever a forged button says."""
    await feedback.open_vote("discord", "a1", "hours")
    assert await feedback.vote(platform, answer_id, "ann", is_up=True) is Vote.CLOSED
    assert await feedback.counts() == {}


async def test_a_persons_votes_are_forgotten(feedback: Feedback) -> None:
    """And count no more; others' do, and the same id on another platform is somebody else."""
    for platform, answer_id, intent in (("discord", "a1", "hours"), ("telegram", "b1", "pizza")):
        await feedback.open_vote(platform, answer_id, intent)
        await feedback.vote(platform, answer_id, "ann", is_up=False)
        await feedback.vote(platform, answer_id, "ben", is_up=True)
    await feedback.forget_person("discord", "ann")
    assert await feedback.counts() == {"hours": Thumbs(1, 0), "pizza": Thumbs(1, 1)}
    assert await feedback.vote("discord", "a1", "ann", is_up=False) is Vote.NEW


async def test_votes_outlast_a_restart_and_end_with_their_time(database: Database) -> None:
    """An answer can be voted on for a month, and a vote counts for half a year; then nothing is left of either."""
    clock = Clock()
    await Feedback(database, clock=clock).open_vote("discord", "a1", "hours")
    feedback = Feedback(database, clock=clock, prune_every=1)
    clock.now += OPEN_DAYS * DAY_S
    assert await feedback.vote("discord", "a1", "ann", is_up=True) is Vote.NEW
    clock.now += 1
    assert await feedback.vote("discord", "a1", "ben", is_up=True) is Vote.CLOSED
    clock.now += KEPT_DAYS * DAY_S
    await feedback.open_vote("discord", "a2", "hours")
    assert await feedback.counts() == {}
    assert await database.fetch("SELECT answer_id FROM votable_answers") == [("a2",)]


# What members see.


@dataclass
class Channel:
    handler: MessageHandler
    stores: Stores
    settings: Settings

    def votes(self) -> tuple[int, int]:
        """Up and down, as `/admin stats` shows them."""
        summary = self.handler._parts.metrics.summary()
        return summary.votes_up, summary.votes_down

    async def reply(self, text: str, **changes: Any) -> Reply:
        reply = await self.handler.answer(said(text, **changes), Sentences())
        assert reply is not None
        return reply


@pytest.fixture(params=[True, False], ids=["on", "off"])
async def channel(database: Database, request: pytest.FixtureRequest) -> AsyncIterator[Channel]:
    settings = Settings(feedback=request.param, inbox="text")
    inference = Inference(FakeClassifier(OFFERING))  # type: ignore[arg-type]
    stores = await stores_of(database, settings)
    yield Channel(handler_of(stores, inference, settings=settings), stores, settings)
    inference.close()


async def test_thumbs_are_under_answers_to_questions_alone(channel: Channel) -> None:
    """Not under fallbacks, commands, what offers choices, or in the terminal; every answer can be asked about."""
    assert (await channel.reply("when")).can_vote is channel.settings.feedback
    assert (await channel.reply("when", command="ask")).can_vote is channel.settings.feedback
    for text, changes in [("blah", {}), ("what is there", {}), ("when", {"platform": "console"})]:
        reply = await channel.reply(text, **changes)
        assert not reply.can_vote
        assert reply.answer_id is not None
    assert (await channel.reply("", command="help")).answer_id is None


async def test_a_server_may_switch_thumbs_off(channel: Channel) -> None:
    """Where the operator has not done so already; a press on an old one is told."""
    reply = await channel.reply("when", server_id="s")
    await channel.stores.settings.put("discord", "s", ServerSettings(feedback=False))
    assert not (await channel.reply("when", server_id="s")).can_vote
    told = await channel.handler.vote(said("", server_id="s"), reply.answer_id or "", is_up=True)
    assert told == WORDS["votes_off"]["en"]


async def test_a_vote_is_thanked_for_and_counted(channel: Channel) -> None:
    """In the voter's language; a thumb down brings the question to the inbox, once."""
    reply = await channel.reply("when")
    answer_id = reply.answer_id or "none"
    if not channel.settings.feedback:
        assert await channel.handler.vote(said(""), answer_id, is_up=True) == WORDS["votes_off"]["en"]
        return
    assert await channel.handler.vote(said("", "ben", locale="de"), answer_id, is_up=True) == WORDS["voted_up"]["de"]
    for _ in range(2):
        assert await channel.handler.vote(said("", "ben"), answer_id, is_up=False) == WORDS["voted_down"]["en"]
    assert await channel.stores.feedback.counts() == {"opening_hours": Thumbs(0, 1)}
    (entry,) = await channel.stores.inbox.entries()
    assert (entry.text, entry.n_times) == ("when", 1)
    assert await channel.handler.vote(said("", "ben"), "forged", is_up=True) == WORDS["vote_closed"]["en"]


async def test_whoever_changes_their_mind_again_and_again_has_one_vote(channel: Channel) -> None:
    """In the inbox, in what admins read and among the votes; a vote that is taken back leaves none."""
    answer_id = (await channel.reply("when")).answer_id or "none"
    if not channel.settings.feedback:
        return
    for _ in range(3):
        for is_up in (True, False):
            await channel.handler.vote(said("", "ben"), answer_id, is_up=is_up)
    (entry,) = await channel.stores.inbox.entries()
    assert entry.n_times == 1
    assert channel.votes() == (0, 1)
    await channel.handler.vote(said("", "ben"), answer_id, is_up=True)
    assert await channel.stores.inbox.entries() == []
    assert channel.votes() == (1, 0)
    assert await channel.stores.feedback.counts() == {"opening_hours": Thumbs(1, 0)}


async def test_what_is_not_answered_is_in_the_inbox(channel: Channel) -> None:
    """With thumbs or without."""
    await channel.reply("blah")
    (entry,) = await channel.stores.inbox.entries()
    assert entry.text == "blah"


async def test_a_database_that_fails_costs_the_thumbs_not_the_answer(channel: Channel) -> None:
    """A member reads the answer, and a voter an apology."""
    await channel.stores.database.close()
    reply = await channel.reply("when")
    assert (reply.text, reply.can_vote) == ("From ten to eight.", False)
    if channel.settings.feedback:
        assert await channel.handler.vote(said(""), "a1", is_up=True) == WORDS["apology"]["en"]
