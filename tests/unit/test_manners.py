"""When the bot speaks and when it does not: channels, tone, language, floods, and what it cannot read."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, get_args

import pytest

from adapters.base import IncomingMessage, Reply, Sentence
from bot.assembly import Stores
from bot.config import Settings
from bot.cooldown import BURST
from bot.handler import MessageHandler
from bot.inference import Inference
from bot.server_settings import ServerSettings
from bot.words import WORDS
from intents.catalog import Fallback, Intent, IntentCatalog
from tests.unit.fakes import CATALOG, FakeClassifier, Sentences, handler_of, said, saying, stores_of

SETTINGS = Settings(discord_admin_ids=frozenset({"boss"}), telegram_admin_ids=frozenset({"boss"}))
HOURS = "From ten to eight."
HINTS = replace(CATALOG, fallback=Fallback(saying("What?\nI know hours and pizza."), help=("Ask me when.",)))


@dataclass
class Place:
    """A channel of a server, and a bot that stands in it."""

    handler: MessageHandler
    stores: Stores
    classifier: FakeClassifier

    def message(self, text: str, user: str = "ann", **changes: Any) -> IncomingMessage:
        fields = {"is_direct": False, "server_id": "server", "conversation_id": "channel"}
        return said(text, user, **(fields | changes))

    async def reply(self, text: str, user: str = "ann", **changes: Any) -> Reply | None:
        return await self.handler.answer(self.message(text, user, **changes), Sentences())

    async def answer(self, text: str, user: str = "ann", **changes: Any) -> str | None:
        reply = await self.reply(text, user, **changes)
        return None if reply is None else reply.text

    async def set(self, **changes: Any) -> None:
        for platform in ("discord", "telegram"):
            settings = replace(self.stores.settings.of_server(platform, "server"), **changes)
            await self.stores.settings.put(platform, "server", settings)


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    classifier = FakeClassifier(HINTS)
    inference = Inference(classifier)  # type: ignore[arg-type]
    stores = await stores_of()
    yield Place(handler_of(stores, inference, settings=SETTINGS), stores, classifier)
    inference.close()
    await stores.database.close()


UNASKED = {"is_addressed": False}
LISTENING = {"listening": frozenset({"channel"})}
SILENT = {"silent": frozenset({"channel"})}


# Where it listens.


async def test_nothing_is_said_unasked_where_it_does_not_listen(place: Place) -> None:
    """An adapter need not build such a message at all; if it asks, the answer is the same."""
    assert not place.handler.listens(place.message("when", **UNASKED))
    assert await place.answer("when", **UNASKED) is None
    assert place.classifier.calls == []


async def test_a_listening_channel_is_answered_when_something_is_understood(place: Place) -> None:
    """What matches nothing is left alone, and leaves no trace of who said it; words to others are not even read."""
    await place.set(**LISTENING)
    assert place.handler.listens(place.message("when", **UNASKED))
    assert not place.handler.listens(place.message("when", is_to_others=True, **UNASKED))
    assert not place.handler.listens(place.message("when", conversation_id="other", **UNASKED))
    assert await place.answer("when", **UNASKED) == HOURS
    for text in ("blah", "", "   "):
        assert await place.answer(text, "ben", **UNASKED) is None
    assert await place.answer("when", "cid", is_to_others=True, **UNASKED) is None
    assert {key[2] for key in place.stores.contexts._states} == {"ann"}


async def test_a_failure_over_talk_that_did_not_address_it_is_not_apologised_for(place: Place) -> None:
    """Nobody asked; the log has it."""
    await place.set(**LISTENING)
    place.classifier.broken = {"boom"}
    assert await place.answer("boom", **UNASKED) is None
    assert await place.answer("boom") == WORDS["apology"]["en"]


async def test_a_dialogue_goes_on_unasked_where_it_listens(place: Place) -> None:
    """Whoever was asked something may answer without addressing the bot; others' yes means nothing."""
    await place.set(**LISTENING)
    assert await place.answer("a pizza", **UNASKED) == "With cheese?"
    assert await place.answer("yes", "ben", **UNASKED) is None
    assert await place.answer("yes", **UNASKED) == "Cheese it is."


# Where it is silent.


@pytest.mark.parametrize("platform", ["discord", "telegram"])
async def test_a_silent_channel_gets_no_answers(place: Place, platform: str) -> None:
    """Neither do its threads; other channels and direct messages do."""
    await place.set(**SILENT)
    assert await place.answer("when", platform=platform) is None
    assert await place.answer("when", platform=platform, conversation_id="thread", parent_id="channel") is None
    assert await place.answer("when", platform=platform, conversation_id="other") == HOURS
    assert await place.answer("when", platform=platform, server_id="", is_direct=True) == HOURS


async def test_private_answers_are_given_in_silent_channels(place: Place) -> None:
    """Where the platform shows them to the asking person alone; a question for all to read is declined in private."""
    await place.set(**SILENT)
    for command in ("help", "privacy", "reset"):
        assert await place.answer("", command=command)
        assert await place.answer("", command=command, platform="telegram") is None
    assert await place.reply("when", command="ask") == Reply(WORDS["silent_here"]["en"], private=True)


async def test_admins_are_obeyed_in_silent_channels(place: Place) -> None:
    """How else could they take it back? Their talk is not answered there either, nor are strangers' commands."""
    await place.set(**SILENT)
    for platform in ("discord", "telegram"):
        text = await place.answer("settings silence off", "boss", command="admin", platform=platform)
        assert text is not None
        assert text.startswith("Done.")
    await place.set(**SILENT)
    assert await place.answer("when", "boss") is None
    assert await place.answer("settings silence off", command="admin", platform="telegram") is None
    assert await place.answer("when") is None


# What it says when it understands nothing.


@pytest.mark.parametrize(
    ("tone", "answers"),
    [
        ("helpful", ["What?\nI know hours and pizza.", "Ask me when."]),
        ("short", ["What?", "What?"]),
        ("silent", [None, None]),
    ],
)
async def test_the_tone_of_the_fallback_is_the_servers(place: Place, tone: Any, answers: list[str | None]) -> None:
    """All stages, one sentence, or nothing; whatever the tone, what is understood is answered."""
    await place.set(fallback=tone)
    assert [await place.answer("blah") for _ in answers] == answers
    assert await place.answer("when") == HOURS


async def test_a_command_is_answered_whatever_the_tone(place: Place) -> None:
    """Silence after a command would look like a failure."""
    await place.set(fallback="silent")
    assert await place.answer("blah", command="ask") == "What?"


@pytest.mark.parametrize(("locale", "language"), [(None, "de"), ("es-MX", "es"), ("fr", "en")])
async def test_the_servers_language_is_for_those_whose_own_is_not_known(
    place: Place, locale: str | None, language: str
) -> None:
    """The platform's word counts before it."""
    await place.set(language="de")
    reset, busy = dict(WORDS["reset"]), dict(WORDS["busy"])
    assert await place.answer("", command="reset", locale=locale) == reset[language]  # type: ignore[index]
    assert place.handler.say("busy", place.message("hello", locale=locale)) == busy[language]  # type: ignore[index]


@pytest.mark.parametrize("sentence", get_args(Sentence))
async def test_adapters_have_their_sentences_in_every_language(place: Place, sentence: Sentence) -> None:
    """Each has room in what Telegram shows to whoever presses a button, and says what it was given as it stands."""
    values = {"command": "/c", "text": "{t}", "file": "f"}
    said_ones = {place.handler.say(sentence, place.message("", locale=one), **values) for one in ("en", "de", "es")}
    assert len(said_ones) == 3
    assert all(len(one) <= 200 for one in said_ones)
    given = {"too_late": ("/c", "{t}"), "whole_in_file": ("f",)}.get(sentence, ())
    assert all(value in one for one in said_ones for value in given)


# Floods.


async def test_a_flood_is_told_to_wait_once(place: Place) -> None:
    """Then nothing, until time has passed; what others write is answered all the while."""
    answers = [await place.answer("when") for _ in range(BURST + 5)]
    assert answers == [HOURS] * BURST + [WORDS["slow_down"]["en"]] + [None] * 4
    assert await place.answer("when", "ben") == HOURS
    later = place.message("when").received_at + timedelta(seconds=1)
    assert await place.answer("when", received_at=later) == HOURS


async def test_the_notice_is_in_the_members_language_and_private(place: Place) -> None:
    """A command's as well."""
    for _ in range(BURST):
        await place.answer("", command="help", locale="de")
    assert await place.reply("", command="help", locale="de") == Reply(WORDS["slow_down"]["de"], private=True)
    assert await place.reply("", command="help", locale="de") is None


async def test_nobody_is_told_to_wait_who_did_not_ask(place: Place) -> None:
    """In a listening channel a flood is simply not answered."""
    await place.set(**LISTENING)
    assert [await place.answer("when", **UNASKED) for _ in range(BURST + 2)] == [HOURS] * BURST + [None] * 2


async def test_admins_and_the_terminal_never_wait(place: Place) -> None:
    """However much they write."""
    for changes in ({"user": "boss"}, {"platform": "console"}):
        assert [await place.answer("when", **changes) for _ in range(3 * BURST)] == [HOURS] * 3 * BURST  # type: ignore[arg-type]


async def test_a_server_sets_its_own_cooldown(place: Place) -> None:
    """None at all, in this case."""
    await place.set(cooldown_s=0.0)
    assert [await place.answer("when") for _ in range(3 * BURST)] == [HOURS] * 3 * BURST


# What it cannot read.


@pytest.mark.parametrize("medium", ["voice", "sticker", "picture", "file"])
async def test_that_only_text_is_read_is_said_once(place: Place, medium: Any) -> None:
    """Once a person and conversation; a picture with words is its words, and talk nearby is left alone."""
    only_text = WORDS["only_text"]["en"]
    assert [await place.answer("", medium=medium) for _ in range(3)] == [only_text, None, None]
    assert await place.answer("", "ben", medium=medium) == only_text
    assert await place.answer("", medium=medium, conversation_id="other") == only_text
    assert await place.answer("when", medium=medium) == HOURS
    await place.set(**LISTENING)
    assert await place.answer("", "cid", medium=medium, **UNASKED) is None


# Links, and questions answered while they are typed.


async def test_a_link_opens_the_intent_that_it_names(place: Place) -> None:
    """As if it had been asked for: what follows from it follows; one that is not there, or not yet, gives help."""
    start = {"command": "start", "platform": "telegram", "is_direct": True, "server_id": ""}
    assert await place.answer("order_pizza", **start) == "With cheese?"
    assert await place.answer("cheese_yes", **start) == "Cheese it is."
    for tag in ("nothing", "cheese_yes"):
        text = await place.answer(tag, "ben", **start)
        assert text is not None
        assert "/help" in text


async def test_typed_questions_are_answered_without_a_trace(place: Place) -> None:
    """No context is set and none is used; a fallback, nothing at all, and what would need more get no answer."""
    reply = await place.handler.answer_inline(place.message("a pizza"))
    assert reply == Reply("With cheese?")
    for text in ("yes", "blah", "", "  "):
        assert await place.handler.answer_inline(place.message(text)) is None
    assert len(place.stores.contexts) == len(place.stores.answers) == 0
    place.classifier.broken = {"boom"}
    assert await place.handler.answer_inline(place.message("boom")) is None


async def test_typing_too_fast_gets_no_answer(place: Place) -> None:
    """And takes nothing from what is sent."""
    typed = [await place.handler.answer_inline(place.message("when")) for _ in range(150)]
    assert typed.count(Reply(HOURS)) == 100
    assert await place.answer("when") == HOURS


async def test_what_needs_values_or_actions_is_not_answered_inline() -> None:
    """They would have to be asked for, or run."""
    from intents.catalog import Action

    acting = Intent("act", ("do it",), saying("Done {result}."), action=Action(call="m:f"))
    inference = Inference(FakeClassifier(IntentCatalog((acting,), Fallback(saying("?")))))  # type: ignore[arg-type]
    stores = await stores_of()
    handler = handler_of(stores, inference)
    assert await handler.answer_inline(said("do it")) is None
    inference.close()
    await stores.database.close()


# Who may be told what can be typed.


async def test_only_admins_are_told_what_settings_take(place: Place) -> None:
    """And a failure tells nothing."""
    typed = place.message("he", "boss", command="admin settings")
    assert await place.handler.complete(typed, "value") == ["here", "helpful"]
    assert await place.handler.complete(replace(typed, user_id="ann"), "value") == ()
    assert await place.handler.complete(replace(typed, command="help"), "value") == ()


async def test_the_group_of_admin_commands_lists_them(place: Place) -> None:
    """For admins; one that is not there is named as well. Nobody else learns of them."""
    for text in ("", "dance"):
        answer = await place.answer(text, "boss", command="admin")
        assert answer is not None
        assert "/admin settings: " in answer
        assert ("/admin dance" in answer) is bool(text)
    assert await place.answer("", command="admin") == WORDS["admins_only"]["en"]


async def test_settings_are_for_admins(place: Place) -> None:
    """A member who tries changes nothing."""
    assert await place.answer("settings cooldown 0", command="admin") == WORDS["admins_only"]["en"]
    assert place.stores.settings.of_server("discord", "server") == ServerSettings()


async def test_a_group_that_moves_takes_everything_along(place: Place) -> None:
    """Settings and contexts, under the new id at once."""
    await place.set(language="de", listening=frozenset({"-5"}))
    group = {"platform": "telegram", "conversation_id": "-5", "server_id": "server"}
    assert await place.answer("a pizza", **group) == "With cheese?"
    await place.handler.moved("telegram", "server", "-100")
    await place.handler.moved("telegram", "-5", "-100")
    moved = {"platform": "telegram", "conversation_id": "-100", "server_id": "-100"}
    assert await place.answer("yes", **moved) == "Cheese it is."
    assert await place.answer("", command="reset", **moved) == WORDS["reset"]["de"]
