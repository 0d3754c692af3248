"""Scoring that hangs: nobody but the one message notices, until too many threads are gone."""

import asyncio
import gc
import threading
import weakref
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

import model.runtime
from bot.inference import MOST_STUCK, Inference
from bot.watched_thread import StuckError
from model.bundle import load_bundle
from model.classifier import IntentClassifier
from model.decision import Decision, Reason
from model.runtime import load_runtime
from tests.unit.fakes import HOURS, WAIT_S, FakeClassifier, FakeRuntime

LIMIT_S = 0.1


class Hanging(FakeClassifier):
    """Hangs at a message until it is let go, and can be copied; no two threads may be in it at once."""

    released = threading.Event()

    def __init__(self, twins: "list[Hanging]") -> None:
        super().__init__()
        self.twins = twins
        self._is_entered = threading.Lock()

    def classify(self, text: str, contexts: Any = (), language: str | None = None) -> Decision:
        with self._is_entered:
            if text == "hang":
                assert self.released.wait(WAIT_S)
            return super().classify(text, contexts, language)

    def twin(self) -> "Hanging":
        twin = Hanging(self.twins)
        self.twins.append(twin)
        return twin


class Counts:
    """How often a thread was left behind, and the process given up."""

    def __init__(self) -> None:
        self.n_stuck = 0
        self.lost = asyncio.Event()

    def stuck(self) -> None:
        self.n_stuck += 1


@pytest.fixture
def released() -> Iterator[threading.Event]:
    Hanging.released.clear()
    yield Hanging.released
    Hanging.released.set()


@pytest.fixture
async def counts() -> Counts:
    return Counts()


@pytest.fixture
def inference(counts: Counts, released: threading.Event) -> Iterator[Inference]:  # noqa: ARG001 - set at the end
    inference = Inference(
        Hanging([]),  # type: ignore[arg-type]
        limit_s=LIMIT_S,
        on_stuck=counts.stuck,
        on_lost=counts.lost.set,
    )
    yield inference
    inference.close()


async def classify(inference: Inference, text: str) -> Decision:
    return await asyncio.wait_for(inference.classify(inference.classifier, text, ()), WAIT_S)


def twins_of(inference: Inference) -> list[Hanging]:
    assert isinstance(inference.classifier, Hanging)
    return inference.classifier.twins


async def test_what_waits_behind_a_message_that_hangs_is_scored_by_a_twin(inference: Inference, counts: Counts) -> None:
    """What the stuck thread holds is touched by no other, and one twin serves all."""
    hanging = asyncio.create_task(classify(inference, "hang"))
    await asyncio.sleep(0)
    waiting = [asyncio.create_task(classify(inference, text)) for text in ("when", "hello")]
    with pytest.raises(StuckError):
        await hanging
    assert [(await task).intent for task in waiting] == [HOURS.tag, "greeting"]
    assert (await classify(inference, "yes")).reason is Reason.BELOW_THRESHOLD
    assert (len(twins_of(inference)), counts.n_stuck, inference.n_waiting) == (1, 1, 0)
    assert not inference.is_lost


@pytest.fixture
def holding() -> FakeClassifier:
    """Holds the thread up at "first", and fails at "bad"."""
    holding = FakeClassifier()
    holding.held, holding.broken = {"first"}, {"bad"}
    return holding


@pytest.fixture
def busy(holding: FakeClassifier) -> Iterator[Inference]:
    inference = Inference(holding)  # type: ignore[arg-type]
    yield inference
    holding.go_on.set()
    inference.close()


async def wait_behind(inference: Inference, holding: FakeClassifier, texts: Sequence[str]) -> list[Any]:
    """Ask while another message is being scored; the answers of all of them are still to come."""
    tasks = [asyncio.create_task(classify(inference, "first"))]
    await holding.until_entered()
    return tasks + await ask(inference, texts)


async def ask(inference: Inference, texts: Sequence[str]) -> list[asyncio.Task[Decision]]:
    """Ask, one after the other, and wait until all wait."""
    n_waiting = inference.n_waiting + len(texts)
    tasks = [asyncio.create_task(inference.classify(inference.classifier, text, ())) for text in texts]
    await asyncio.sleep(0)  # each begins, and waits
    assert inference.n_waiting == n_waiting
    return tasks


async def test_messages_that_wait_are_decided_about_together(busy: Inference, holding: FakeClassifier) -> None:
    """As many as a network reads at once, in the order in which they came; each gets its own answer."""
    texts = ["when", *(f"what of {number}" for number in range(FakeRuntime.at_once)), "hello"]
    tasks = await wait_behind(busy, holding, texts)
    holding.go_on.set()
    decisions = await asyncio.gather(*tasks)
    assert holding.groups == [["first"], texts[: FakeRuntime.at_once], texts[FakeRuntime.at_once :]]
    assert [one.intent for one in decisions] == [None, HOURS.tag, *[None] * FakeRuntime.at_once, "greeting"]
    assert not busy._waiting


async def test_a_runtime_that_gains_nothing_reads_one_at_a_time(
    busy: Inference, holding: FakeClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keras, where the first would wait for the last."""
    monkeypatch.setattr(holding.runtime, "at_once", 1, raising=False)
    tasks = await wait_behind(busy, holding, ["when", "hello"])
    holding.go_on.set()
    await asyncio.gather(*tasks)
    assert holding.groups == [["first"], ["when"], ["hello"]]


async def test_long_messages_are_decided_about_by_themselves(busy: Inference, holding: FakeClassifier) -> None:
    """Together they would not fit what a network reads at once."""
    long = "tell me more " * 100
    tasks = await wait_behind(busy, holding, ["when", long, long, "hello", "hi"])
    holding.go_on.set()
    await asyncio.gather(*tasks)
    assert holding.groups == [["first"], ["when"], [long], [long], ["hello", "hi"]]


async def test_an_error_is_its_own_messages_alone(
    busy: Inference, holding: FakeClassifier, caplog: pytest.LogCaptureFixture
) -> None:
    """Those decided about with it are decided about once more, each alone."""
    tasks = await wait_behind(busy, holding, ["when", "bad", "hello"])
    holding.go_on.set()
    _, when, bad, hello = await asyncio.gather(*tasks, return_exceptions=True)
    assert (when.intent, type(bad), hello.intent) == (HOURS.tag, ArithmeticError, "greeting")
    assert holding.groups[:2] == [["first"], ["when", "bad", "hello"]]
    assert sorted(holding.groups[2:]) == [["bad"], ["hello"], ["when"]]
    assert "each is decided about alone" in caplog.text
    assert not busy._waiting


async def test_who_waits_no_longer_is_not_decided_about(busy: Inference, holding: FakeClassifier) -> None:
    """Nor kept, though nobody comes after."""
    tasks = await wait_behind(busy, holding, ["when", "gone"])
    tasks[-1].cancel()
    await asyncio.wait({tasks[-1]})
    assert [one.question.text for one in busy._waiting] == ["when"]
    holding.go_on.set()
    await asyncio.gather(*tasks[:-1])
    assert holding.groups == [["first"], ["when"]]
    assert not busy._waiting


async def test_messages_for_another_classifier_are_not_taken_along(busy: Inference, holding: FakeClassifier) -> None:
    """Its network is another, of a server's own catalog or from before a reload."""
    tasks = await wait_behind(busy, holding, ["when"])
    other = FakeClassifier()
    busy.swap(other)  # type: ignore[arg-type]
    tasks += await ask(busy, ["when", "hello"])
    holding.go_on.set()
    assert [(await task).intent for task in tasks] == [None, HOURS.tag, HOURS.tag, "greeting"]
    assert (holding.groups, other.groups) == ([["first"], ["when"]], [["when", "hello"]])


@pytest.mark.usefixtures("released")
@pytest.mark.parametrize("texts", [["when", "hang", "hello"], ["hang", "when", "hello"]])
async def test_of_those_decided_about_together_only_the_one_that_hangs_fails(texts: list[str], counts: Counts) -> None:
    """Each is decided about once more, alone: two threads are left behind."""
    hanging = Hanging([])
    hanging.held = {"first"}
    inference = Inference(hanging, limit_s=5 * LIMIT_S, on_stuck=counts.stuck)  # type: ignore[arg-type]
    try:
        tasks = await wait_behind(inference, hanging, texts)
        hanging.go_on.set()
        found = dict(zip(texts, (await asyncio.gather(*tasks, return_exceptions=True))[1:], strict=True))
        assert (found["when"].intent, found["hello"].intent) == (HOURS.tag, "greeting")
        assert isinstance(found["hang"], StuckError)
        assert hanging.groups == [["first"], texts]
        assert sorted(group for twin in hanging.twins for group in twin.groups) == [["hang"], ["hello"], ["when"]]
        assert counts.n_stuck == 2
        assert not inference._waiting
    finally:
        inference.close()


async def test_a_reloaded_classifier_needs_no_twin(inference: Inference) -> None:
    """No stuck thread has it."""
    with pytest.raises(StuckError):
        await classify(inference, "hang")
    inference.swap(Hanging([]))  # type: ignore[arg-type]
    assert (await classify(inference, "when")).intent == HOURS.tag
    assert twins_of(inference) == []


async def test_a_reloaded_classifier_of_the_same_network_needs_a_twin(inference: Inference) -> None:
    """A stuck thread has the network, whichever catalog is around it."""
    with pytest.raises(StuckError):
        await classify(inference, "hang")
    same = Hanging([])
    same.runtime = inference.classifier.runtime  # type: ignore[assignment]
    inference.swap(same)  # type: ignore[arg-type]
    assert (await classify(inference, "when")).intent == HOURS.tag
    assert len(twins_of(inference)) == 1


async def test_a_classifier_that_was_replaced_is_let_go_at_once() -> None:
    """Though it scored last: a model takes 45 MB, and the next message may be an hour away."""
    old = FakeClassifier()
    inference = Inference(old)  # type: ignore[arg-type]
    await inference.classify(old, "hello", ())  # type: ignore[arg-type]
    freed = weakref.ref(old)
    inference.swap(FakeClassifier())  # type: ignore[arg-type]
    del old
    await inference.read(lambda: None)  # its values have been prepared
    gc.collect()
    assert freed() is None
    inference.close()


async def test_too_many_stuck_threads_end_the_process(inference: Inference, counts: Counts) -> None:
    """Three can be borne, each with a twin after it; at the fourth another process is better."""
    for number in range(1, MOST_STUCK + 1):
        with pytest.raises(StuckError):
            await classify(inference, "hang")
        assert (await classify(inference, "when")).intent == HOURS.tag
        assert (counts.n_stuck, len(twins_of(inference))) == (number, number)
    assert not counts.lost.is_set()
    with pytest.raises(StuckError):
        await classify(inference, "hang")
    assert counts.lost.is_set()
    assert inference.is_lost


async def test_a_value_that_hangs_holds_up_no_other(
    inference: Inference, counts: Counts, released: threading.Event
) -> None:
    """Reading dates and numbers is watched like scoring is."""
    with pytest.raises(StuckError):
        await asyncio.wait_for(inference.read(lambda: released.wait(WAIT_S)), WAIT_S)
    assert await asyncio.wait_for(inference.read(lambda: 7), WAIT_S) == 7
    assert counts.n_stuck == 1


def test_a_twin_decides_the_same(trained: Any) -> None:
    """With the operator's threshold, and a network of its own."""
    bundle = load_bundle(trained.bundle_path)
    classifier = IntentClassifier(bundle, load_runtime(bundle), bundle.catalog, threshold=0.9)
    twin = classifier.twin()
    assert twin.runtime is not classifier.runtime
    for text in ("could I order one pizza please", "when do you close", "tell me of the moon"):
        assert twin.classify(text) == classifier.classify(text)


class HangingInterpreter:
    """What runs a compiled network; a thread hangs in it until it is let go."""

    def __init__(self) -> None:
        self.released = threading.Event()

    def set_tensor(self, *_: object) -> None:
        assert self.released.wait(WAIT_S)
        raise RuntimeError("nobody waits for this any more")

    resize_tensor_input = set_tensor


async def test_half_of_the_encoder_that_hangs_twice_keeps_nobody_waiting(
    trained_with_encoder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All models share it: once a thread hangs in it, each takes another, and another after that."""
    monkeypatch.setattr("model.runtime._in_use", weakref.WeakValueDictionary())
    bundle, other = (load_bundle(trained_with_encoder.bundle_path) for _ in range(2))
    classifier, neighbour = (IntentClassifier(one, load_runtime(one), one.catalog) for one in (bundle, other))
    inference = Inference(classifier, limit_s=LIMIT_S)
    left: list[HangingInterpreter] = []
    try:
        for _ in range(2):
            (lower,) = {one for one in model.runtime._in_use.values() if not one.is_stuck}
            left.append(HangingInterpreter())
            monkeypatch.setattr(lower, "_interpreter", left[-1])
            with pytest.raises(StuckError):
                await inference.classify(classifier, "one pizza if you please", ())
            for one in (classifier, neighbour):
                decision = await inference.classify(one, "one pizza if you please", ())
                assert decision.ranking
                assert not inference._twins[one].runtime.is_stuck
    finally:
        for hanging in left:
            hanging.released.set()
        inference.close()
