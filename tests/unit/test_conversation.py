"""Turns of a conversation: forms, choices, follow-ups, fallback in stages, handing over; and any sequence of them."""

import asyncio
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, rule

from adapters.base import IncomingMessage, Reply, ReplyChoice
from bot.actions import ActionRunner
from bot.context import MAX_CONTEXTS, MAX_FILLED, MAX_FORMS, ContextStore, UserState
from bot.conversation import MAX_DIGRESSIONS, MAX_REFUSALS
from bot.engine import IntentEngine
from bot.handoff import Handoff
from bot.inference import Inference
from intents.catalog import (
    Action,
    Attachment,
    Builtin,
    Choice,
    Condition,
    Entity,
    EntityType,
    Fallback,
    Intent,
    IntentCatalog,
    Response,
    SetContext,
    Slot,
)
from intents.phrases import PHRASES
from model.decision import Decision, RankedIntent, Reason
from tests.unit.fakes import WAIT_S, Clock, FakeClassifier, said, saying

GROUPS = Entity(EntityType.CHOICE, values={"chess club": ("chess",), "book club": ("books",)})
SIZE = Entity(EntityType.NUMBER, least=1, most=9)
AFTER_JOINING = {"context_filter": ("join",), "parent": "join"}

INTENTS = (
    Intent("hours", ("when are you open",), saying("From ten to eight.")),
    Intent(
        "join",
        ("I want to join", "I want to join chess club"),
        (
            Response("Welcome to {group}, {size} of you."),
            Response("The chess players greet you.", Condition(slots={"group": ("chess club",)})),
        ),
        context_set=(SetContext("join", lifespan=2),),
        slots=(
            Slot("group", GROUPS, ("Which group?",)),
            Slot("size", SIZE, ("How many are you?",), invalid=("We seat one to nine.",)),
            Slot("note", Entity(EntityType.TEXT), required=False),
        ),
        annotations={"group": ("chess club",)},
    ),
    Intent("join.yes", ("yes",), saying("See you in {group}!"), builtin=Builtin.YES, **AFTER_JOINING),
    Intent("join.repeat", ("say that again",), (), builtin=Builtin.REPEAT, **AFTER_JOINING),
    Intent("join.cancel", ("cancel", "never mind"), saying("Left."), builtin=Builtin.CANCEL, **AFTER_JOINING),
    Intent("report", ("report",), saying("Noted: {what}"), slots=(Slot("what", Entity(EntityType.TEXT), ("What?",)),)),
    Intent("book", ("book",), saying("Seats: {seats}"), slots=(Slot("seats", SIZE, ("How many seats?",)),)),
    Intent(
        "menu",
        ("menu",),
        (
            Response(
                "What is it?",
                choices=(Choice("Opening hours", "hours"), Choice("I want to join"), Choice("Confirm", "join.yes")),
                attachments=(Attachment("https://example.org/map.png", is_image=True),),
            ),
        ),
    ),
    Intent("dice", ("roll",), saying("{result}"), action=Action(call="nowhere:roll", apology="The dice are lost.")),
    Intent("person", ("talk to a human",), saying("People are kind."), handoff=True),
)
CATALOG = IntentCatalog(INTENTS, Fallback(saying("Pardon?"), help=("Try 'menu'.",), handoff=True))
JOIN_WELCOMES = {"Welcome to book club, 4 of you."}


class RankingClassifier(FakeClassifier):
    """Knows texts by a pattern; of "perhaps" it finds two intents likely."""

    def classify(self, text: str, contexts: Any = (), language: str | None = None) -> Decision:
        decision = super().classify(text, contexts, language)
        if decision.intent is None and text == "perhaps":
            likely = (RankedIntent("hours", 0.4), RankedIntent("join", 0.3), RankedIntent("menu", 0.01))
            return replace(decision, reason=Reason.BELOW_THRESHOLD, score=0.2, ranking=likely)
        return decision


@dataclass
class Team(Handoff):
    """An admins' chat of a test."""

    is_there: bool = True
    told: list[str] = field(default_factory=list)

    def reaches(self, _platform: str) -> bool:
        return self.is_there

    async def post(self, message: IncomingMessage, text: str) -> bool:
        self.told.append(f"{message.display_name}: {text}")
        return len(self.told) < 2


@dataclass
class Talk:
    """One person's conversation with an engine."""

    engine: IntentEngine
    contexts: ContextStore
    clock: Clock
    team: Team
    reply: Reply | None = None

    async def say(self, text: str, user: str = "ann", **changes: Any) -> str:
        reply = await asyncio.wait_for(self.engine.reply(said(text, user, **changes)), WAIT_S)
        assert reply is not None
        self.reply = reply
        return reply.text

    async def press(self, choice: ReplyChoice, user: str = "ann") -> str:
        return await self.say(choice.title, user, choice_id=choice.id)

    async def state(self, user: str = "ann") -> UserState:
        return await self.contexts.get(said("", user).key)

    @property
    def titles(self) -> list[str]:
        assert self.reply is not None
        return [choice.title for choice in self.reply.choices]

    def choice(self, title: str) -> ReplyChoice:
        assert self.reply is not None
        return next(choice for choice in self.reply.choices if choice.title == title)


def talk_of(inference: Inference) -> Talk:
    clock, team = Clock(), Team()
    contexts = ContextStore(capacity=100, ttl_s=60.0, clock=clock)
    engine = IntentEngine(inference, contexts, ActionRunner(()), team, random.Random(0))
    return Talk(engine, contexts, clock, team)


@pytest.fixture
def inference() -> Iterator[Inference]:
    inference = Inference(RankingClassifier(CATALOG))  # type: ignore[arg-type]
    yield inference
    inference.close()


@pytest.fixture
def talk(inference: Inference) -> Talk:
    return talk_of(inference)


async def test_slots_are_asked_for_in_turn(talk: Talk) -> None:
    """Each required slot once, in its order, the values of a choice as options; then the answer holds the values."""
    assert await talk.say("I want to join") == "Which group?"
    assert talk.titles == ["chess club", "book club"]
    assert await talk.say("the books one please") == "How many are you?"
    assert talk.titles == []
    assert await talk.say("4") in JOIN_WELCOMES
    state = await talk.state()
    assert state.form is None
    assert {name: value.value for name, value in state.values_of("join").items()} == {"group": "book club", "size": 4}


async def test_what_the_first_message_says_is_not_asked_for(talk: Talk) -> None:
    """A value that stands in the message is taken."""
    assert await talk.say("I want to join chess club") == "How many are you?"
    assert await talk.say("4") == "The chess players greet you."


async def test_an_invalid_value_is_told_why_and_asked_again(talk: Talk) -> None:
    """The admin's sentence or the entity's own, then the prompt; later the way out; at last it is given up."""
    await talk.say("I want to join")
    assert (await talk.say("fishing")).endswith("\n\nWhich group?")
    await talk.say("books")
    assert await talk.say("30") == "We seat one to nine.\n\nHow many are you?"
    assert await talk.say("many") == f"We seat one to nine. {PHRASES['cancel_hint']}\n\nHow many are you?"
    for _ in range(MAX_REFUSALS - 2):
        last = await talk.say("lots")
    assert last == PHRASES["given_up"]
    assert (await talk.state()).form is None


@pytest.mark.parametrize("word", ["cancel", "Never mind!", "CANCEL"])
async def test_a_form_can_be_left(talk: Talk, word: str) -> None:
    """The built-in word ends it, with the intent's own follow-up where it has one."""
    await talk.say("I want to join")
    assert await talk.say(word) == "Left."
    assert (await talk.state()).form is None
    await talk.say("report")
    assert await talk.say(word) == PHRASES["cancelled"]


async def test_something_else_is_answered_and_the_form_goes_on(talk: Talk) -> None:
    """The question is asked again; what is known already stays known."""
    await talk.say("I want to join")
    await talk.say("books")
    for _ in range(MAX_DIGRESSIONS - 1):
        assert await talk.say("when are you open") == "From ten to eight.\n\nHow many are you?"
    assert await talk.say("4") in JOIN_WELCOMES


async def test_a_form_is_left_by_talking_of_other_things(talk: Talk) -> None:
    """After some messages about something else that is said, and a number is no answer any more."""
    await talk.say("book")
    answers = [await talk.say("when are you open") for _ in range(MAX_DIGRESSIONS)]
    assert answers[-1] == f"From ten to eight.\n\n{PHRASES['given_up']}"
    assert await talk.say("4") == "Pardon?"


async def test_free_text_is_an_answer_after_a_digression(talk: Talk) -> None:
    """The question was asked again, so that any words answer it."""
    await talk.say("report")
    assert await talk.say("when are you open") == "From ten to eight.\n\nWhat?"
    assert await talk.say("my screen stays black") == "Noted: my screen stays black"


async def test_a_question_is_asked_once_an_answer(talk: Talk) -> None:
    """However the turn came to it: a form within a form that is filled at once, or given up."""
    await talk.say("I want to join")
    assert await talk.say("roll") == "The dice are lost.\n\nWhich group?"
    await talk.say("book")
    for _ in range(MAX_REFUSALS - 1):
        assert (await talk.say("lots")).endswith("\n\nHow many seats?")
    assert await talk.say("lots") == f"{PHRASES['given_up']}\n\nWhich group?"
    assert talk.titles == ["chess club", "book club"]


async def test_the_options_are_those_of_the_question_asked_last(talk: Talk) -> None:
    """A menu that was shown on the way does not take a number for itself."""
    await talk.say("book")
    await talk.say("menu")
    assert talk.titles == []
    assert await talk.say("2") == "Seats: 2"


async def test_consent_comes_before_an_open_question(talk: Talk) -> None:
    """Its buttons are shown alone; the question is asked again afterwards."""
    await talk.say("I want to join")
    assert await talk.say("talk to a human") == f"People are kind.\n\n{PHRASES['consent']}"
    assert talk.titles == [PHRASES["yes"], PHRASES["no"]]
    assert await talk.say("no") == f"{PHRASES['not_passed_on']}\n\nWhich group?"


async def test_a_stale_press_changes_nothing(talk: Talk) -> None:
    """What was being asked is still asked."""
    await talk.say("talk to a human")
    before = await talk.state()
    assert await talk.say("x", choice_id="forged") == PHRASES["stale"]
    assert await talk.state() == before
    assert await talk.say("yes") == PHRASES["passed_on"]


async def test_a_title_counts_before_a_number(inference: Inference) -> None:
    """Where the options are numbers, a number is what it says."""
    rounds = Slot("rounds", Entity(EntityType.CHOICE, values={"2": (), "4": (), "6": ()}), ("How many rounds?",))
    game = Intent("game", ("play",), saying("A game of {rounds}."), slots=(rounds,))
    inference.swap(RankingClassifier(replace(CATALOG, intents=(*INTENTS, game))))  # type: ignore[arg-type]
    talk = talk_of(inference)
    await talk.say("play")
    assert await talk.say("2") == "A game of 2."


@pytest.mark.parametrize(("n_values", "n_shown"), [(25, 25), (26, 0)])
async def test_more_values_than_can_be_shown_are_typed(inference: Inference, n_values: int, n_shown: int) -> None:
    """Some of them as buttons would look like all of them."""
    values: dict[str, tuple[str, ...]] = {f"town {number}": () for number in range(n_values)}
    town = Slot("town", Entity(EntityType.CHOICE, values=values), ("Which town?",))
    intents = (*INTENTS, Intent("move", ("move",), saying("To {town}!"), slots=(town,)))
    inference.swap(RankingClassifier(replace(CATALOG, intents=intents)))  # type: ignore[arg-type]
    talk = talk_of(inference)
    await talk.say("move")
    assert len(talk.titles) == n_shown
    assert await talk.say("town 7") == "To town 7!"


async def test_a_follow_up_knows_what_its_intent_knows(inference: Inference) -> None:
    """Its own slots come on top, and those of another intent are none of its business."""
    price = Intent(
        "join.price",
        ("and the price",),
        saying("{seats} seats in {group}"),
        slots=(Slot("seats", SIZE, ("How many seats in {group}?",)),),
        **AFTER_JOINING,
    )
    inference.swap(RankingClassifier(replace(CATALOG, intents=(*INTENTS, price))))  # type: ignore[arg-type]
    talk = talk_of(inference)
    for text in ("book", "7", "I want to join", "books", "4"):
        await talk.say(text)
    assert await talk.say("and the price") == "How many seats in book club?"
    assert await talk.say("3") == "3 seats in book club"


async def test_values_live_as_long_as_the_context(inference: Inference) -> None:
    """A context of an hour keeps for an hour what it is about."""
    join = replace(INTENTS[1], context_set=(SetContext("join", lifespan=2, ttl_s=3_600.0),))
    inference.swap(RankingClassifier(replace(CATALOG, intents=(join, *INTENTS[2:]))))  # type: ignore[arg-type]
    talk = talk_of(inference)
    for text in ("I want to join", "books", "4"):
        await talk.say(text)
    talk.clock.now += 1_800.0
    assert await talk.say("yes") == "See you in book club!"


async def test_a_form_speaks_its_language(inference: Inference) -> None:
    """Values and words are those of the intent's language, though the platform tells none."""
    day = Slot("day", Entity(EntityType.DATE), ("Wann?",))
    visit = Intent("besuch", ("besuch",), saying("Bis {day}!"), slots=(day,), language="de")
    own = {"de": {"cancel_hint": "Mit 'abbrechen' ist Schluss."}}
    catalog = replace(CATALOG, intents=(*INTENTS, visit), phrases=own)
    inference.swap(RankingClassifier(catalog))  # type: ignore[arg-type]
    talk = talk_of(inference)
    assert await talk.say("besuch") == "Wann?"
    await talk.say("irgendwann")
    assert own["de"]["cancel_hint"] in await talk.say("bald mal")
    assert (await talk.say("übermorgen")).startswith("Bis ")


async def test_what_nobody_told_is_left_out(inference: Inference) -> None:
    """A response that needs an optional value has a gap, never braces."""
    mail = Slot("mail", Entity(EntityType.EMAIL), required=False)
    letter = Intent("letter", ("letter",), saying("Mail {mail}!"), slots=(mail,))
    inference.swap(RankingClassifier(replace(CATALOG, intents=(*INTENTS, letter))))  # type: ignore[arg-type]
    assert await talk_of(inference).say("letter") == "Mail !"


async def test_help_may_come_without_topics(inference: Inference) -> None:
    """An empty `did_you_mean` offers no topics; the help that the catalog has is given all the same."""
    catalog = replace(CATALOG, fallback=replace(CATALOG.fallback, did_you_mean=""))
    inference.swap(RankingClassifier(catalog))  # type: ignore[arg-type]
    talk = talk_of(inference)
    assert [await talk.say("perhaps") for _ in range(2)] == ["Pardon?", "Try 'menu'."]


async def test_a_reload_that_takes_a_question_away_ends_its_form(talk: Talk, inference: Inference) -> None:
    """A slot that is asked for no more is not waited for."""
    await talk.say("book")
    optional = replace(INTENTS[6], slots=(replace(INTENTS[6].slots[0], prompts=(), required=False),))
    changed = replace(CATALOG, intents=(*INTENTS[:6], optional, *INTENTS[7:]))
    inference.swap(RankingClassifier(changed))  # type: ignore[arg-type]
    assert await talk.say("lots") == "Pardon?"


async def test_a_form_within_a_form_comes_first(talk: Talk) -> None:
    """The one that was interrupted is asked for again when the other is done."""
    await talk.say("I want to join")
    assert await talk.say("book") == "How many seats?"
    assert await talk.say("3") == "Seats: 3\n\nWhich group?"
    assert talk.titles == ["chess club", "book club"]
    assert await talk.say("books") == "How many are you?"


async def test_asking_for_the_same_again_keeps_what_is_known(talk: Talk) -> None:
    """An intent asked for in its own form goes on with it."""
    await talk.say("I want to join")
    await talk.say("books")
    assert await talk.say("I want to join") == "How many are you?"


async def test_free_text_takes_what_is_said(talk: Talk) -> None:
    """Any words fill it, but for those of another intent; braces in them stay as they are."""
    await talk.say("report")
    assert await talk.say("the {server} of the club is down") == "Noted: the {server} of the club is down"


@pytest.mark.parametrize(
    ("platform", "answer"),
    [("discord", r"Noted: \[win\](http://x.example) \*now\*"), ("console", "Noted: [win](http://x.example) *now*")],
)
async def test_what_members_write_is_shown_letter_by_letter(talk: Talk, platform: str, answer: str) -> None:
    """A link in their words would look like the bot's own; a terminal shows everything as it is."""
    await talk.say("report", platform=platform)
    assert await talk.say("[win](http://x.example) *now*", platform=platform) == answer


async def test_a_form_ends_with_its_time(talk: Talk) -> None:
    """What is said an hour later begins afresh."""
    await talk.say("book")
    talk.clock.now += 60.0
    assert await talk.say("4") == "Pardon?"


async def test_follow_ups_need_their_intent(talk: Talk) -> None:
    """Yes means something after the question only, for as many messages as the context lives."""
    assert await talk.say("yes") == "Pardon?"
    for text in ("I want to join", "books", "4"):
        await talk.say(text)
    assert await talk.say("yes") == "See you in book club!"
    await talk.say("when are you open")
    assert await talk.say("yes") == "Pardon?"


async def test_repeat_says_it_again(talk: Talk) -> None:
    """The last answer, word for word."""
    for text in ("I want to join", "books", "4"):
        answer = await talk.say(text)
    assert await talk.say("say that again") == answer
    assert await talk.say("yes") == "See you in book club!"


async def test_cancel_closes_the_conversation(talk: Talk) -> None:
    """After it the other follow-ups have ended."""
    for text in ("I want to join", "books", "4"):
        await talk.say(text)
    assert await talk.say("cancel") == "Left."
    assert await talk.say("yes") == "Pardon?"


@pytest.mark.parametrize("by", ["press", "number", "title"])
async def test_a_choice_bypasses_the_classifier(talk: Talk, by: str) -> None:
    """A button, its number and its title lead to its intent."""
    await talk.say("menu")
    assert talk.titles == ["Opening hours", "I want to join", "Confirm"]
    assert talk.reply is not None
    assert [attachment.source for attachment in talk.reply.attachments] == ["https://example.org/map.png"]
    said_words = {"number": "1", "title": "opening hours!"}
    choice = talk.choice("Opening hours")
    assert await (talk.press(choice) if by == "press" else talk.say(said_words[by])) == "From ten to eight."


async def test_a_choice_without_intent_says_its_title(talk: Talk) -> None:
    """It is as if the member had written it."""
    await talk.say("menu")
    assert await talk.press(talk.choice("I want to join")) == "Which group?"
    await talk.say("menu", "ben")
    assert await talk.say("2", "ben") == "Which group?"


async def test_a_choice_survives_a_restart(talk: Talk, inference: Inference) -> None:
    """Its id means the same to another process of the same catalog."""
    await talk.say("menu")
    assert await talk_of(inference).press(talk.choice("Opening hours")) == "From ten to eight."


async def test_a_choice_that_is_not_open_says_so(talk: Talk) -> None:
    """A value when nothing asks for it, a follow-up out of its context, and ids that nobody gave out."""
    await talk.say("I want to join")
    chess = talk.choice("chess club")
    assert await talk.press(chess) == "How many are you?"
    assert await talk.press(chess) == PHRASES["stale"]
    await talk.say("cancel")
    await talk.say("menu")
    assert await talk.press(talk.choice("Confirm")) == PHRASES["stale"]
    for forged in ("", "i", "vffff", "\0", "handoff-yes"):
        assert await talk.say("x", choice_id=forged) == PHRASES["stale"]
    assert talk.team.told == []


async def test_a_number_means_an_option_of_the_last_answer_only(talk: Talk) -> None:
    """Where the last answer offered nothing a number is just a number."""
    await talk.say("menu")
    await talk.say("when are you open")
    assert await talk.say("1") == "Pardon?"


async def test_the_first_fallback_offers_likely_topics(talk: Talk) -> None:
    """Those of some confidence, as choices that lead there."""
    assert await talk.say("perhaps") == "Pardon?\nDid you mean:"
    assert talk.titles == ["hours", "join"]
    assert await talk.press(talk.choice("hours")) == "From ten to eight."
    assert (await talk.state()).fallbacks == 0


async def test_fallback_has_stages(talk: Talk) -> None:
    """First the sentence, then help, then a person; an answer in between begins anew."""
    assert [await talk.say("qwertz") for _ in range(2)] == ["Pardon?", "Try 'menu'."]
    assert await talk.say("qwertz") == f"Pardon?\n\n{PHRASES['consent']}"
    await talk.say("when are you open")
    assert await talk.say("qwertz") == "Pardon?"


async def test_without_anybody_to_take_over_nobody_is_promised(talk: Talk) -> None:
    """The third stage is the first again, and an intent of handing over is just answered."""
    talk.team.is_there = False
    assert [await talk.say("qwertz") for _ in range(3)] == ["Pardon?", "Try 'menu'.", "Pardon?"]
    assert await talk.say("talk to a human") == "People are kind."


@pytest.mark.parametrize("answer", ["yes please", "handoff-yes"])
async def test_handing_over_asks_first(talk: Talk, answer: str) -> None:
    """Only with the member's consent, by word or button, the message is passed on, once."""
    assert await talk.say("talk to a human") == f"People are kind.\n\n{PHRASES['consent']}"
    assert talk.team.told == []
    pressed = {"choice_id": answer} if answer.startswith("handoff") else {}
    assert await talk.say(answer, **pressed) == PHRASES["passed_on"]
    assert talk.team.told == ["Ann: talk to a human"]
    assert await talk.say("x", choice_id="handoff-yes") == PHRASES["stale"]


async def test_consent_can_be_refused_or_ignored(talk: Talk) -> None:
    """A no passes nothing on; neither does another question, after which a yes is no consent."""
    await talk.say("talk to a human")
    assert await talk.say("no thanks") == PHRASES["not_passed_on"]
    await talk.say("talk to a human")
    assert await talk.say("when are you open") == "From ten to eight."
    assert await talk.say("yes") == "Pardon?"
    assert talk.team.told == []


async def test_a_handover_that_fails_is_told(talk: Talk) -> None:
    """The member learns that nobody was reached."""
    for answer in (PHRASES["passed_on"], PHRASES["nobody"]):
        await talk.say("talk to a human")
        assert await talk.say("yes") == answer


async def test_a_failed_action_apologises(talk: Talk) -> None:
    """What the intent has for that, and the conversation goes on."""
    assert await talk.say("roll") == "The dice are lost."
    assert await talk.say("when are you open") == "From ten to eight."


async def test_a_reload_that_takes_an_intent_away_ends_its_form(talk: Talk, inference: Inference) -> None:
    """What was being asked for is forgotten without a word."""
    await talk.say("book")
    rest = tuple(intent for intent in INTENTS if intent.tag != "book")
    inference.swap(RankingClassifier(replace(CATALOG, intents=rest)))  # type: ignore[arg-type]
    assert await talk.say("4") == "Pardon?"


@pytest.mark.parametrize(
    ("text", "locale", "answer"),
    [("hallo", "de-AT", "Servus!"), ("hi", "de", "Hello!"), ("servus", "en-GB", "Servus!"), ("ok", "de", "Gut.")],
)
async def test_the_members_language_chooses(text: str, locale: str, answer: str) -> None:
    """The locale comes first; a text in another of the catalog's languages is understood all the same."""
    intents = (
        Intent("hello", ("hi", "hallo"), saying("Hello!"), language="en"),
        Intent("hallo", ("hallo", "servus"), saying("Servus!"), language="de"),
        Intent("ok", ("ok",), (Response("Fine."), Response("Gut.", Condition(languages=("de",))))),
    )
    inference = Inference(FakeClassifier(IntentCatalog(intents, Fallback(saying("?")))))  # type: ignore[arg-type]
    try:
        assert await talk_of(inference).say(text, locale=locale) == answer
    finally:
        inference.close()


async def test_a_catalog_has_words_of_its_own(inference: Inference) -> None:
    """In the member's language where it has them, else those of no language, else ours."""
    own = {"de": {"cancelled": "Gut, lassen wir das."}, "": {"cancelled": "Fine."}}
    inference.swap(RankingClassifier(replace(CATALOG, phrases=own)))  # type: ignore[arg-type]
    talk = talk_of(inference)
    for locale, answer in (("de-DE", "Gut, lassen wir das."), ("fr", "Fine."), (None, "Fine.")):
        await talk.say("report", locale=locale)
        assert await talk.say("cancel", locale=locale) == answer
    assert await talk.say("x", choice_id="forged") == PHRASES["stale"]


WORDS = [*itertools.chain.from_iterable(intent.patterns for intent in INTENTS)]
WORDS += ["4", "1", "2", "books", "perhaps", "no", "\ud800", "{group}", "@everyone", "x" * 5_000]


class AnyConversation(RuleBasedStateMachine):
    """Whatever people say and press in whatever order, nothing raises, leaks or grows."""

    pressed = Bundle("pressed")

    @initialize()
    def begin(self) -> None:
        self.runner = asyncio.Runner()
        self.inference = Inference(RankingClassifier(CATALOG))  # type: ignore[arg-type]
        self.talk = talk_of(self.inference)

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.inference.close()
            self.runner.close()

    @rule(target=pressed, text=st.one_of(st.sampled_from(WORDS), st.text()), user=st.sampled_from("ab"))
    def say(self, text: str, user: str) -> ReplyChoice | None:
        return self.turn(user, text)

    @rule(choice=pressed, user=st.sampled_from("ab"))
    def press(self, choice: ReplyChoice | None, user: str) -> None:
        if choice is not None:
            self.turn(user, choice.title, choice_id=choice.id)

    @rule(seconds=st.sampled_from([1.0, 30.0, 61.0]))
    def wait(self, seconds: float) -> None:
        self.talk.clock.now += seconds

    @rule(n_intents=st.integers(1, len(INTENTS)))
    def reload(self, n_intents: int) -> None:
        changed = replace(CATALOG, intents=INTENTS[:n_intents])
        self.inference.swap(RankingClassifier(changed))  # type: ignore[arg-type]

    @rule(user=st.sampled_from("ab"))
    def tell_a_secret(self, user: str) -> None:
        self.turn(user, "report")
        self.turn(user, f"the secret of {user}")

    @rule(user=st.sampled_from("ab"))
    def forget(self, user: str) -> None:
        self.runner.run(self.talk.engine.forget(said("", user)))
        assert self.runner.run(self.talk.state(user)) == UserState()

    def turn(self, user: str, text: str, **changes: Any) -> ReplyChoice | None:
        other = "b" if user == "a" else "a"
        before = self.runner.run(self.talk.state(other))
        own_before = self.runner.run(self.talk.state(user))
        answer = self.runner.run(self.talk.say(text, user, **changes))
        state = self.runner.run(self.talk.state(user))
        assert answer.strip()
        assert f"secret of {other}" not in answer
        assert "{" not in answer or "{" in text or "{" in str(state)
        assert self.runner.run(self.talk.state(other)) == before
        assert len(state.contexts) <= MAX_CONTEXTS
        assert len(state.forms) <= MAX_FORMS
        assert len(state.filled) <= MAX_FILLED
        assert self.talk.reply is not None
        if answer == PHRASES["stale"]:
            assert state == own_before
            return None
        assert state.offered == self.talk.reply.choices
        assert len({choice.id for choice in state.offered}) == len(state.offered) <= 25
        return next(iter(state.offered), None)


AnyConversation.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestAnyConversation = AnyConversation.TestCase
