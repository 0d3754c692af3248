"""The inbox: what is taken in under each mode, its bounds, what is forgotten, and how it is read."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answers import GivenAnswer
from bot.config import InboxMode
from bot.database import Database
from bot.inbox import MAX_AGE_S, MAX_ROWS, MAX_ROWS_A_PERSON, MAX_TEXT, SCHEMA, Entry, Inbox, Kind
from bot.inbox_groups import Group, grouped, json_lines, listing
from bot.quoting import MAX_QUOTED, quoted
from model.decision import Decision, RankedIntent, Reason
from tests.unit.fakes import Clock

FALLBACK = Decision(None, Reason.BELOW_THRESHOLD, 0.3, (RankedIntent("greeting", 0.3), RankedIntent("bye", 0.2)))
ANSWER = GivenAnswer(
    id="abc",
    platform="discord",
    conversation_id="here",
    user_id="ann",
    question_id="1",
    text="how do I fly?",
    is_choice=False,
    intent=None,
    decision=FALLBACK,
    lead=0.1,
    contexts=(),
    model="model-1",
    threshold=0.5,
    margin=0.02,
    given_at=0.0,
)
GOOD = replace(ANSWER, intent="greeting", decision=replace(FALLBACK, intent="greeting", reason=Reason.CONFIDENT))


@pytest.fixture
async def database() -> AsyncIterator[Database]:
    database = await Database.open(None, SCHEMA)
    yield database
    await database.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def inbox(database: Database, clock: Clock) -> Inbox:
    return await Inbox.open(database, mode="text", clock=clock)


async def contents(database: Database) -> str:
    return repr(await database.fetch("SELECT * FROM inbox"))


def asked(text: str, **changes: Any) -> GivenAnswer:
    return replace(ANSWER, text=text, **changes)


async def test_unanswered_questions_are_taken_in(inbox: Inbox) -> None:
    """With the intent that was nearest; what was answered, a form's turn and a text without words are not."""
    await inbox.add_if_unanswered(ANSWER)
    await inbox.add_if_unanswered(GOOD)
    await inbox.add_if_unanswered(replace(ANSWER, intent="booking"))
    await inbox.add_if_unanswered(replace(ANSWER, decision=None))
    await inbox.add_if_unanswered(replace(ANSWER, decision=Decision(None, Reason.EMPTY, 0.0, ())))
    assert await inbox.entries() == [Entry(Kind.UNANSWERED, "how do I fly?", "greeting", 1, 1, 1_000.0)]


async def test_answers_voted_down_are_taken_in(inbox: Inbox) -> None:
    """With the intent that was answered; a fallback that is voted down is there once."""
    await inbox.add_voted_down(GOOD, "ben")
    await inbox.add_voted_down(ANSWER, "ben")
    assert await inbox.entries() == [Entry(Kind.VOTED_DOWN, "how do I fly?", "greeting", 1, 1, 1_000.0)]


@pytest.mark.parametrize("mode", ["text", "counts"])
async def test_a_vote_counts_once_and_can_be_taken_back(database: Database, mode: InboxMode) -> None:
    """However often somebody changes it; others' votes stay, and the last one takes the question along."""
    inbox = await Inbox.open(database, mode=mode)

    async def count() -> list[int]:
        return [one.n_times for one in await inbox.entries()]

    for _ in range(3):
        await inbox.take_back_vote("discord", GOOD.id, "ben")
        await inbox.add_voted_down(GOOD, "ben")
        await inbox.add_voted_down(GOOD, "ben")
        assert await count() == [1]
    await inbox.add_voted_down(GOOD, "cem")
    assert await count() == [2]
    await inbox.take_back_vote("telegram", GOOD.id, "ben")
    assert await count() == [2], "the same id elsewhere is somebody else"
    for _ in range(2):
        await inbox.take_back_vote("discord", GOOD.id, "ben")
        assert await count() == [1]
    await inbox.take_back_vote("discord", GOOD.id, "cem")
    assert await count() == []


async def test_votes_that_are_taken_back_at_once_leave_nothing(inbox: Inbox) -> None:
    """Neither of two who change their minds in the same moment leaves a question that nobody voted down."""
    voters = ("ben", "cem")
    for voter in voters:
        await inbox.add_voted_down(GOOD, voter)
    await asyncio.gather(*(inbox.take_back_vote("discord", GOOD.id, voter) for voter in voters))
    assert await inbox.entries() == []


async def test_a_vote_is_no_failure_where_the_inbox_cannot_be_written(
    inbox: Inbox, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """The member reads what came of the vote; what stays in the inbox is a line in the log."""
    await inbox.add_voted_down(GOOD, "ben")
    await database.close()
    await inbox.take_back_vote("discord", GOOD.id, "ben")
    assert caplog.text.count("a vote stays in the inbox that was taken back") == 1


@pytest.mark.parametrize("way", ["clear", "remove", "forget"])
async def test_what_is_gone_costs_later_votes_nothing(inbox: Inbox, way: str) -> None:
    """Who voted before the admin emptied the inbox takes nothing off what came since."""
    await inbox.add_voted_down(GOOD, "ben")
    if way == "clear":
        await inbox.clear()
    elif way == "remove":
        await inbox.remove([one.key for one in await inbox.entries()])
    else:
        await inbox.forget_person("discord", "ann")
    await inbox.add_voted_down(GOOD, "cem")
    await inbox.take_back_vote("discord", GOOD.id, "ben")
    assert [one.n_times for one in await inbox.entries()] == [1]


async def test_a_voter_is_forgotten(inbox: Inbox) -> None:
    """Their vote stays as a number that is nobody's."""
    await inbox.add_voted_down(GOOD, "ben")
    assert await inbox.people() == {("discord", "ann"), ("discord", "ben")}
    await inbox.forget_person("discord", "ben")
    assert await inbox.people() == {("discord", "ann")}
    assert [one.n_times for one in await inbox.entries()] == [1]


async def test_votes_that_are_known_are_bounded(inbox: Inbox, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many answers are voted down; nor is a question kept there for longer than in the inbox."""
    monkeypatch.setattr("bot.inbox.MAX_VOTED", 3)
    for number in range(9):
        await inbox.add_voted_down(replace(GOOD, id=str(number)), "ben")
    assert list(inbox._voted_down) == ["6", "7", "8"]
    clock.now += MAX_AGE_S + 1
    await inbox.prune()
    assert not inbox._voted_down


async def test_equal_questions_are_counted(inbox: Inbox, clock: Clock) -> None:
    """Equal after normalisation, whoever asks; the last wording is shown."""
    for text, user in (("How do I fly", "ann"), ("how do i fly!", "ann"), ("HOW do I fly", "ben"), ("who am I", "ben")):
        clock.now += 1
        await inbox.add_if_unanswered(asked(text, user_id=user))
    first, second = await inbox.entries()
    assert first == Entry(Kind.UNANSWERED, "HOW do I fly", "greeting", 3, 2, 1_003.0)
    assert second.text == "who am I"


@pytest.mark.parametrize("mode", ["off", "counts"])
async def test_no_text_and_nobody_is_kept_unless_the_operator_says_so(database: Database, mode: InboxMode) -> None:
    """Off keeps nothing; counts keep which intent was nearest, and how often."""
    inbox = await Inbox.open(database, mode=mode)
    for text in ("how do I fly?", "who am I"):
        await inbox.add_if_unanswered(asked(text))
        await inbox.add_voted_down(replace(GOOD, id=text, text=text), "ben")
    kept = await contents(database)
    assert all(word not in kept for word in ("fly", "ann", "discord"))
    counted = [(one.kind, one.text, one.nearest, one.n_times) for one in await inbox.entries()]
    expected = [(Kind.UNANSWERED, None, "greeting", 2), (Kind.VOTED_DOWN, None, "greeting", 2)]
    assert sorted(counted) == ([] if mode == "off" else expected)


async def test_a_stricter_mode_empties_what_a_looser_one_kept(database: Database, inbox: Inbox, clock: Clock) -> None:
    """At the next start: the operator's word holds for what is there as well."""
    await inbox.add_if_unanswered(ANSWER)
    counts = await Inbox.open(database, mode="counts", clock=clock)
    assert await counts.entries() == []
    await counts.add_if_unanswered(ANSWER)
    assert len(await (await Inbox.open(database, mode="text", clock=clock)).entries()) == 1
    await Inbox.open(database, mode="off")
    assert await contents(database) == "[]"


async def test_it_is_bounded(inbox: Inbox, database: Database, clock: Clock) -> None:
    """In number, in number of one person, in length and in age; the oldest leaves first."""
    for number in range(MAX_ROWS_A_PERSON + 5):
        clock.now += 1
        await inbox.add_if_unanswered(asked(f"question {number}"))
    texts = [one.text for one in await inbox.entries()]
    assert len(texts) == MAX_ROWS_A_PERSON
    assert "question 4" not in texts
    for number in range(MAX_ROWS):
        clock.now += 1
        await inbox.add_if_unanswered(asked("x" * 2 * MAX_TEXT, user_id=str(number)))
    assert await database.fetch("SELECT COUNT(*), MAX(LENGTH(text)) FROM inbox") == [(MAX_ROWS, MAX_TEXT)]
    clock.now += MAX_AGE_S + 1
    assert await inbox.entries() == []
    assert await contents(database) == "[]"


async def test_a_person_is_forgotten(inbox: Inbox, database: Database) -> None:
    """What others asked stays, also where it was the same."""
    await inbox.add_if_unanswered(asked("how do I fly"))
    await inbox.add_if_unanswered(asked("HOW do I fly", user_id="ben"))
    await inbox.add_if_unanswered(asked("my secret"))
    await inbox.forget_person("discord", "ann")
    assert [(one.text, one.n_times) for one in await inbox.entries()] == [("HOW do I fly", 1)]
    assert "ann" not in await contents(database)


async def test_it_can_be_cleared(inbox: Inbox) -> None:
    """And says how much there was."""
    await inbox.add_if_unanswered(ANSWER)
    assert await inbox.clear() == 1
    assert await inbox.entries() == []


async def test_a_database_that_fails_costs_nobody_an_answer(
    inbox: Inbox, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """It is a line in the log, without the text."""
    await database.close()
    await inbox.add_if_unanswered(ANSWER)
    assert "the inbox took in nothing" in caplog.text
    assert "fly" not in caplog.text


# How it is read.


def entry(text: str | None, nearest: str | None = None, n_times: int = 1, kind: Kind = Kind.UNANSWERED) -> Entry:
    return Entry(kind, text, nearest, n_times, 1, 0.0)


PATTERNS = 20 * ("how do I join", "what is the time", "where do I find the rules", "can I have a role", "how are you")


def test_questions_that_share_rare_words_are_in_one_group() -> None:
    """Common words alone bring nothing together; the most frequent group comes first."""
    entries = (
        entry("how do I change my avatar", n_times=2),
        entry("can you bake bread"),
        entry("change avatar"),
        entry("how do I find my glasses"),
        entry("changing the avatar?"),
    )
    groups = grouped(entries, PATTERNS)
    assert [[one.text for one in group.entries] for group in groups] == [
        ["how do I change my avatar", "change avatar", "changing the avatar?"],
        ["can you bake bread"],
        ["how do I find my glasses"],
    ]
    assert groups[0].n_times == 4


def test_unanswered_and_voted_down_stay_apart() -> None:
    """And so do counts without a text."""
    entries = (
        entry("the same", "a"),
        entry("the same", "a", kind=Kind.VOTED_DOWN),
        entry(None, "a"),
        entry(None, "a", kind=Kind.VOTED_DOWN),
    )
    assert [len(group.entries) for group in grouped(entries, PATTERNS)] == [1, 1, 1, 1]
    assert grouped((), PATTERNS) == ()


def test_a_group_is_nearest_to_what_most_of_it_is() -> None:
    """Each time counts."""
    group = Group((entry("a", "one", 2), entry("b", "two", 3), entry("c", None, 9)))
    assert group.nearest == "two"
    assert Group((entry("a"),)).nearest is None


def test_the_export_has_a_line_an_entry_and_no_person() -> None:
    """JSON that other programs read."""
    groups = grouped((entry("où?\nlà", "place", 2), entry(None, "bye")), PATTERNS)
    rows = [json.loads(line) for line in json_lines(groups).splitlines()]
    assert rows[0] == {
        "text": "où?\nlà",
        "kind": "unanswered",
        "nearest": "place",
        "times": 2,
        "people": 1,
        "last": "1970-01-01T00:00:00+00:00",
        "group": 1,
    }
    assert (rows[1]["text"], rows[1]["group"]) == (None, 2)


def test_the_listing_shows_the_most_frequent_groups() -> None:
    """How often, why, and what was nearest; a member's text is nothing that a platform renders."""
    voted = entry(None, "bye", kind=Kind.VOTED_DOWN)
    groups = (Group((entry("a `[b](c)`\n@everyone", "hello", 3), *4 * (entry("d"),))), Group((voted,)))
    assert listing(groups, 1).splitlines() == [
        "7 x not answered, nearest: hello",
        "   `a '[b](c)' @everyone`",
        "   `d`",
        "   `d`",
        "   ... and 2 like it",
        "... and 1 more groups",
    ]
    assert listing(groups, 2).splitlines()[-1] == "1 x answer voted down, nearest: bye"
    assert listing((), 5) == "The inbox is empty."


@given(st.text())
def test_a_quotation_is_one_line_of_code(text: str) -> None:
    """Whatever it holds."""
    line = quoted(text)
    assert len(line.splitlines()) == 1
    assert line == "(no text)" or (line.count("`") == 2 and line.startswith("`") and line.endswith("`"))
    assert len(line) <= MAX_QUOTED + 2
