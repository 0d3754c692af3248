"""Stories: what is read from a file, what is wrong with one, and how they are played through the engine."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from bot.actions import ActionRefusedError
from bot.example_actions import poll_results
from bot.rehearsal import Difference, Failure, Rehearsed, rehearse
from bot.stories import StoryError
from bot.story_reading import parse_story, read_stories
from intents.catalog import IntentCatalog
from intents.validation import load_catalog
from model.decision import Reason
from model.text import normalise
from tests.unit.fakes import FakeClassifier

ROOT = Path(__file__).parents[2]
STORIES = ROOT / "intents" / "stories"
STARTER = ROOT / "intents" / "starter"

PIZZA = """
entities:
  size: {type: choice, values: {small: [little], large: [big]}}
intents:
  - tag: order_pizza
    patterns: [a pizza, pizza please, one pizza, I am hungry, bring me a pizza]
    slots:
      - {name: size, type: size, prompt: Small or large?}
      - {name: number, type: number, prompt: How many?}
    responses:
      - text: "{number} {size} for {display_name} of {server}. Cheese?"
        image: pizza.png
        choices: [{title: With, intent: order_pizza.yes}, Opening hours]
    context_set: {name: pizza, ttl_s: 60}
    followups:
      "yes": [Cheese it is.]
  - tag: opening_hours
    patterns: [opening hours, when are you open, open on sunday, until when, is it late]
    responses: [From ten to eight.]
  - tag: dice
    patterns: [roll, roll the dice, a die, throw, dice please]
    action: {call: "bot.example_actions:roll", arguments: {sides: 1000}, apology: Lost.}
    responses: ["It is {result}."]
  - tag: weather
    patterns: [weather, is it raining, how warm is it, sun or rain, do I need a coat]
    action: {url: "https://weather.example.org/now", apology: No idea.}
    responses: ["{result}"]
  - tag: person
    patterns: [a person please, talk to somebody, a human, the chef please, can I speak to you]
    responses: [Of course.]
    handoff: true
  - tag: greeting
    patterns: [hallo, hello, hi there, good morning, guten tag]
    responses:
      - Hello.
      - {text: Hallo., when: {language: de}}
      - {text: Hello on Telegram., when: {platform: telegram}}
fallback:
  responses: [Pardon?]
"""


@pytest.fixture
def catalog(tmp_path: Path) -> IntentCatalog:
    (tmp_path / "pizza.yaml").write_text(PIZZA, encoding="utf-8")
    (tmp_path / "pizza.png").write_bytes(b"")
    catalog, _ = load_catalog(tmp_path / "pizza.yaml", normalise)
    return catalog


def play(catalog: IntentCatalog, *turns: str, head: str = "") -> Rehearsed:
    """Play a story of these turns, each a line of YAML."""
    lines = "\n".join(f"  - {{{turn}}}" for turn in turns)
    story = parse_story(f"story: A story\n{head}\nturns:\n{lines}\n", "a.yaml")
    classifier = FakeClassifier(catalog)
    (rehearsed,) = rehearse([story], classifier, action_modules=["bot.example_actions"])  # type: ignore[arg-type]
    return rehearsed


def failure_of(rehearsed: Rehearsed) -> Failure:
    assert rehearsed.failure is not None
    return rehearsed.failure


def difference(rehearsed: Rehearsed) -> Difference:
    (found,) = failure_of(rehearsed).differences
    return found


# Reading.


def test_story_is_read_with_the_lines_of_its_turns() -> None:
    """What differs is told with the place to look at."""
    placed = parse_story("story: A\n\nturns:\n  - user: hi\n    text: a\n  # then\n  - wait: 21 minutes\n", "a.yaml")
    assert placed.lines == (4, 7)
    assert placed.story.platform == "console"
    assert [turn.said for turn in placed.story.turns] == ["hi", "(waits 21 minutes)"]
    assert placed.story.turns[0].text == ("a",)


def test_words_that_other_programs_take_for_something_else_stay_words() -> None:
    """An admin writes yes, no, 5 and a date, and means what is written."""
    turn = parse_story("story: A\nturns:\n  - {user: no, slots: {a: 5, b: 2026-03-06, c: yes}}", "a").story.turns[0]
    assert turn.user == "no"
    assert turn.slots == {"a": "5", "b": "2026-03-06", "c": "yes"}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-03-02T12:00", datetime(2026, 3, 2, 12, tzinfo=UTC)),
        ("2026-03-02", datetime(2026, 3, 2, tzinfo=UTC)),
        ("2026-03-02T12:00+02:00", datetime(2026, 3, 2, 12, tzinfo=timezone(timedelta(hours=2)))),
    ],
)
def test_beginning_is_in_utc_unless_it_says_otherwise(written: str, meant: datetime) -> None:
    """Stories tell the same on every machine."""
    assert parse_story(f"story: A\nnow: {written}\nturns: [user: hi]", "a").story.start == meant


@pytest.mark.parametrize(
    ("wait", "seconds"), [("1 second", 1), ("90 seconds", 90), ("1.5 hours", 5_400), ("2 days", 172_800)]
)
def test_time_passes_in_any_unit(wait: str, seconds: float) -> None:
    """Whoever writes a story need not count seconds."""
    assert parse_story(f"story: A\nturns: [wait: {wait}]", "a").story.turns[0].wait_s == seconds


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "a.yaml:1: not a story"),
        ("- user: hi", "a.yaml:1: not a story"),
        ("story: A", "a.yaml:1: turns: missing"),
        ("story: A\nturns: []", "a.yaml:1: turns: empty"),
        ("story: A\nturns: hi", "a.yaml:2: turns: expected a list"),
        ("story: A\nturns:\n  - hi", "a.yaml:3: expected a turn, such as 'user: hello'"),
        ("turns:\n  - user: hi", "a.yaml:1: story: missing"),
        ('story: ""\nturns: [user: hi]', "a.yaml:1: story: empty"),
        ("story: A\nturns:\n  - user: hi\n    intnt: a", 'a.yaml:4: intnt: unknown field: did you mean "intent"?'),
        (
            "story: A\nplatfrom: discord\nturns: [user: hi]",
            'a.yaml:2: platfrom: unknown field: did you mean "platform"?',
        ),
        ("story: A\nturns:\n  - user: a\n    choose: b", "a.yaml:3: a turn has one of user, choose and wait"),
        ("story: A\nturns:\n  - intent: a", "a.yaml:3: a turn has one of user, choose and wait"),
        ("story: A\nturns:\n  - wait: soon", "a.yaml:3: wait: expected a time such as '21 minutes', not 'soon'"),
        ("story: A\nturns:\n  - wait: 1 hour\n    text: a", "a.yaml:3: nothing is answered while the member waits"),
        ("story: A\nturns:\n  - user: a\n    text: /(/", "a.yaml:3: text: not a regular expression"),
        ("story: A\nturns:\n  - user: a\n    reason: because", "a.yaml:4: reason: expected 'exact', 'confident'"),
        ("story: A\nturns:\n  - user: a\n    slots: b", "a.yaml:4: slots: expected values by slot"),
        (
            "story: A\nplatform: irc\nturns: [user: a]",
            "a.yaml:2: platform: expected 'console', 'discord' or 'telegram'",
        ),
        ("story: A\nnow: soon\nturns: [user: a]", "a.yaml:2: now: expected a day and a time"),
        ("story: A\nturns: [user: hi\n", "a.yaml:"),
    ],
)
def test_what_is_no_story_is_named_with_its_line(text: str, fault: str) -> None:
    """Whoever writes stories is told where to look and what was expected."""
    with pytest.raises(StoryError) as caught:
        parse_story(text, "a.yaml")
    assert str(caught.value).startswith(fault)


def test_every_fault_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    """Nobody has to mend one to see the next."""
    (tmp_path / "a.yaml").write_text("story: A\nturns:\n  - usr: a\n  - wait: soon\n", encoding="utf-8")
    (tmp_path / "b.yml").write_bytes(b"story: \xff\n")
    (tmp_path / "c.txt").write_text("no story, and not read", encoding="utf-8")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(StoryError) as caught:
        read_stories([tmp_path, empty, tmp_path / "missing.yaml"])
    assert [fault.removeprefix(str(tmp_path)).partition(": ")[0] for fault in caught.value.faults] == [
        "/a.yaml:3",
        "/a.yaml:4",
        "/b.yml:1",
        "/empty",
        "/missing.yaml",
    ]


# Playing.


def test_story_that_goes_as_written_passes(catalog: IntentCatalog) -> None:
    """Every kind of expectation, met."""
    rehearsed = play(
        catalog,
        "user: a pizza, intent: order_pizza, reason: exact, text: Small or large, choices: [small, Large]",
        "choose: large, intent: order_pizza, slots: {size: large}, text: How many",
        "user: it's 3, slots: {size: any, number: 3}, context: [pizza], text: '/3 large for Ann of .+ Cheese/',"
        " attachments: pizza.png, choices: With",
        "choose: with, intent: order_pizza.yes, text: Cheese it is",
        "choose: Opening hours",
    )
    assert difference(rehearsed) == Difference("choose", "Opening hours", "nothing"), "the last answer had no choices"
    assert failure_of(rehearsed).number == 5


@pytest.mark.parametrize(
    ("turn", "found"),
    [
        ("user: roll, intent: opening_hours", Difference("intent", "opening_hours", "dice")),
        ("user: gibberish, intent: dice", Difference("intent", "dice", "fallback")),
        ("user: roll, intent: fallback", Difference("intent", "fallback", "dice")),
        ("user: roll, reason: confident", Difference("reason", "confident", "exact")),
        ("user: opening hours, text: nine", Difference("text", "nine", "From ten to eight.")),
        ("user: opening hours, text: [ten, /nine|twelve/]", Difference("text", "/nine|twelve/", "From ten to eight.")),
        ("user: one pizza, context: pizza", Difference("context", "pizza", "nothing")),
        ("user: one pizza, slots: {size: any}", Difference("slot size", "any", "nothing")),
        ("user: one pizza, choices: [small, huge]", Difference("choices", "small, huge", "small, large")),
        ("user: one pizza, attachments: a.png", Difference("attachments", "a.png", "nothing")),
        ("choose: small", Difference("choose", "small", "nothing")),
    ],
)
def test_what_differs_is_told_with_what_came_instead(catalog: IntentCatalog, turn: str, found: Difference) -> None:
    """The field, what was expected, what was got."""
    assert difference(play(catalog, turn)) == found


def test_wrong_value_is_told_as_parley_reads_it(catalog: IntentCatalog) -> None:
    """And as the member put it, where that is not the same."""
    rehearsed = play(catalog, "user: a pizza", "user: a little one", "user: 'two', slots: {size: small, number: 3}")
    found = difference(rehearsed)
    assert (found.field, found.expected) == ("slot number", "3")
    assert found.got.startswith("2")


def test_failure_shows_what_the_classifier_made_of_the_message(catalog: IntentCatalog) -> None:
    """The turn, its place, the answer, and the decision behind it."""
    failure = failure_of(play(catalog, "user: hello", "user: opening hours, intent: dice"))
    assert (failure.number, failure.place, failure.said) == (2, "a.yaml:5", "opening hours")
    assert failure.answer == "From ten to eight."
    assert failure.decision is not None
    assert failure.decision.reason is Reason.EXACT


def test_clock_of_a_story_moves_when_it_says_so(catalog: IntentCatalog) -> None:
    """A context's time is up after it, and not before."""
    ordered = ("user: a pizza", "user: small", "user: '2'")
    assert play(catalog, *ordered, "wait: 50 seconds", "user: 'yes', intent: order_pizza.yes").passed
    assert play(catalog, *ordered, "wait: 21 minutes", "user: 'yes', intent: fallback").passed


def test_story_happens_where_and_for_whom_it_says(catalog: IntentCatalog) -> None:
    """Answers that depend on platform and language can be tried."""
    assert play(catalog, "user: hello, text: Hello on Telegram.", head="platform: telegram").passed
    assert play(catalog, "user: hello, text: Hallo.", head="language: de").passed


def test_functions_run_and_endpoints_are_not_asked(catalog: IntentCatalog) -> None:
    """A story needs no network, and tells the same with and without one."""
    assert play(catalog, r"user: roll, text: '/It is \d+\./'").passed
    assert play(catalog, "user: weather, text: No idea.").passed


def test_what_functions_count_in_a_story_counts_nowhere_else(tmp_path: Path) -> None:
    """A reload plays stories in the process that serves, and the members' votes must not change by that."""
    text = """
intents:
  - tag: vote
    patterns: [i vote for chess]
    action: {call: "bot.example_actions:vote", arguments: {poll: rehearsed, choice: chess}}
    responses: ["{result}"]
fallback: {responses: [Pardon?]}
"""
    (tmp_path / "vote.yaml").write_text(text, encoding="utf-8")
    catalog, _ = load_catalog(tmp_path / "vote.yaml", normalise)
    assert play(catalog, "user: i vote for chess, text: 'chess: 1'").passed
    with pytest.raises(ActionRefusedError):
        poll_results("rehearsed")


def test_somebody_is_always_there_to_take_over(catalog: IntentCatalog) -> None:
    """Whether the operator has set up a chat for it is not the story's matter."""
    rehearsed = play(catalog, "user: a human, choices: ['Yes, please']", "choose: 'yes, please', text: passed it on")
    assert rehearsed.passed


def test_stories_know_nothing_of_one_another(catalog: IntentCatalog) -> None:
    """Each begins with a member who has said nothing, and draws as it does alone."""
    texts: Mapping[str, str] = {
        "a": "story: A\nturns: [user: a pizza]",
        "b": "story: B\nturns:\n  - {user: small, intent: fallback}",
    }
    stories = [parse_story(text, name) for name, text in texts.items()]
    classifier = FakeClassifier(catalog)
    outcome = rehearse(stories, classifier, action_modules=[])  # type: ignore[arg-type]
    assert [(one.placed.story.story, one.passed) for one in outcome] == [("A", True), ("B", True)]


# Those that come with Parley.


def test_stories_of_the_starter_show_every_conversation() -> None:
    """Each intent with slots or follow-ups, and each follow-up that has patterns of its own, is in a story."""
    catalog, _ = load_catalog(STARTER, normalise)
    stories = read_stories([STORIES])
    named = {turn.intent for one in stories for turn in one.story.turns if turn.intent is not None}
    tags = {intent.tag for intent in catalog.intents}
    assert len(stories) >= 10
    assert named - tags == {"fallback"}, "every intent that a story names is there"
    assert {intent.tag for intent in catalog.intents if intent.slots or intent.action or intent.handoff} <= named
    assert {one.story.platform for one in stories} == {"console", "discord", "telegram"}


def test_stories_of_the_starter_pass_as_far_as_patterns_reach() -> None:
    """Without a network only messages that are no pattern can go wrong, and few stories have one."""
    catalog, _ = load_catalog(STARTER, normalise)
    patterns = {normalise(pattern) for intent in catalog.intents for pattern in intent.patterns}
    stories = read_stories([STORIES])
    classifier = FakeClassifier(catalog)
    outcome = rehearse(stories, classifier, action_modules=["bot.example_actions"])  # type: ignore[arg-type]
    failures = [one.failure for one in outcome if one.failure is not None]
    assert [failure for failure in failures if normalise(failure.said) in patterns or not failure.decision] == []
    assert len(failures) <= len(stories) / 5
