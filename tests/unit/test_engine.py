"""The engine: whose turn it is, what is remembered, and which model answers."""

import asyncio
import itertools
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from adapters.base import IncomingMessage
from bot.context import ContextStore
from bot.engine import IntentEngine
from bot.inference import Inference
from tests.unit.fakes import (
    CATALOG,
    FALLBACKS,
    HELLO,
    HOURS,
    WAIT_S,
    Clock,
    FakeClassifier,
    engine_of,
    said,
    saying,
)


@pytest.fixture
def classifier() -> FakeClassifier:
    return FakeClassifier()


@pytest.fixture
def inference(classifier: FakeClassifier) -> Iterator[Inference]:
    inference = Inference(classifier)  # type: ignore[arg-type]
    yield inference
    inference.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(inference: Inference, clock: Clock) -> IntentEngine:
    return engine_of(inference, ContextStore(capacity=100, ttl_s=60.0, clock=clock))


async def answer(engine: IntentEngine, message: IncomingMessage) -> str:
    reply = await asyncio.wait_for(engine.reply(message), WAIT_S)
    assert reply is not None
    assert not reply.private
    return reply.text


async def test_a_greeting_holds_the_name(engine: IntentEngine) -> None:
    """The placeholder is filled with the name that the platform shows."""
    assert await answer(engine, said("Hello!", "ann", display_name="Ann")) in {"Hello Ann!", "Hi Ann!"}


async def test_interleaved_conversations_stay_apart(engine: IntentEngine) -> None:
    """In one channel, what one person has begun means nothing to what another says."""
    assert await answer(engine, said("a pizza", "ann")) == "With cheese?"
    assert await answer(engine, said("yes", "ben")) in FALLBACKS
    assert await answer(engine, said("a pizza", "ben")) == "With cheese?"
    assert await answer(engine, said("yes", "ann")) == "Cheese it is."
    assert await answer(engine, said("yes", "ben")) == "Cheese it is."


@pytest.mark.parametrize("changes", [{"conversation_id": "there"}, {"platform": "telegram"}])
async def test_a_context_stays_in_its_conversation(engine: IntentEngine, changes: dict[str, str]) -> None:
    """The same person elsewhere begins afresh."""
    await answer(engine, said("a pizza"))
    assert await answer(engine, said("yes", **changes)) in FALLBACKS
    assert await answer(engine, said("yes")) == "Cheese it is."


async def test_a_context_ends_with_its_time(engine: IntentEngine, clock: Clock) -> None:
    """A yes that comes an hour late is no answer to the question."""
    await answer(engine, said("a pizza"))
    clock.now += 60.0
    assert await answer(engine, said("yes")) in FALLBACKS


async def test_an_unknown_message_counts_as_a_turn(engine: IntentEngine, classifier: FakeClassifier) -> None:
    """A context survives a misunderstanding, but not any number of them."""
    await answer(engine, said("a pizza"))
    for _ in range(6):
        await answer(engine, said("qwertz"))
    assert [contexts for _, contexts in classifier.calls] == [(), *[("cheese",)] * 5, ()]


async def test_forgetting_ends_a_conversation(engine: IntentEngine) -> None:
    """After it a context that was active is not, for that person alone."""
    for user in ("ann", "ben"):
        await answer(engine, said("a pizza", user))
    await engine.forget(said("", "ann"))
    assert await answer(engine, said("yes", "ann")) in FALLBACKS
    assert await answer(engine, said("yes", "ben")) == "Cheese it is."


@pytest.mark.parametrize("text", ["hello", "", "qwertz"])
async def test_no_answer_comes_twice_in_a_row(engine: IntentEngine, text: str) -> None:
    """Responses and fallbacks alike take turns when there are two."""
    answers = [await answer(engine, said(text)) for _ in range(10)]
    assert all(one != following for one, following in itertools.pairwise(answers))


async def test_a_persons_messages_are_answered_in_order(engine: IntentEngine, classifier: FakeClassifier) -> None:
    """What one says while the message before is being scored waits, and sees the context that it set."""
    classifier.held = {"a pizza"}
    first = asyncio.create_task(answer(engine, said("a pizza")))
    second = asyncio.create_task(answer(engine, said("yes")))
    await classifier.until_entered()
    assert [text for text, _ in classifier.calls] == ["a pizza"]
    classifier.go_on.set()
    assert [await first, await second] == ["With cheese?", "Cheese it is."]


async def test_scoring_leaves_the_event_loop_free(engine: IntentEngine, classifier: FakeClassifier) -> None:
    """It happens on a thread of its own, always the same one, while the loop runs on."""
    classifier.held = {"hello"}
    replying = asyncio.create_task(answer(engine, said("hello")))
    await classifier.until_entered()  # the loop turns, though the message is still being scored
    assert not replying.done()
    classifier.go_on.set()
    await replying
    await asyncio.gather(*(answer(engine, said("when", user)) for user in "abc"))
    assert len(classifier.threads) == 1
    assert threading.current_thread().name not in classifier.threads


async def test_a_swap_in_the_middle_leaves_the_message_whole(
    engine: IntentEngine, inference: Inference, classifier: FakeClassifier
) -> None:
    """A message ends with the model that it began with, scores and answers; the next one sees the new model."""
    new_intents = (
        replace(HELLO, responses=saying("New hello")),
        replace(HOURS, patterns=("hours",), responses=saying("New")),
    )
    new = FakeClassifier(replace(CATALOG, intents=new_intents), name="model-2")
    classifier.held = {"when"}
    during = asyncio.create_task(answer(engine, said("when", "ann")))
    waiting = asyncio.create_task(answer(engine, said("hello", "ann")))
    await classifier.until_entered()
    inference.swap(new)  # type: ignore[arg-type]
    classifier.go_on.set()
    assert await during == "From ten to eight."
    assert await waiting == "New hello"
    assert await answer(engine, said("hours", "ann")) == "New"


async def test_a_context_survives_a_swap(engine: IntentEngine, inference: Inference) -> None:
    """A conversation that has begun goes on with the new model."""
    await answer(engine, said("a pizza"))
    inference.swap(FakeClassifier(name="model-2"))  # type: ignore[arg-type]
    assert await answer(engine, said("yes")) == "Cheese it is."


async def test_a_failed_message_is_no_turn(engine: IntentEngine, classifier: FakeClassifier) -> None:
    """When scoring fails the error shows, the lock is free, and the context is as it was."""
    await answer(engine, said("a pizza"))
    classifier.broken = {"boom"}
    with pytest.raises(ArithmeticError):
        await engine.reply(said("boom"))
    assert await answer(engine, said("yes")) == "Cheese it is."
