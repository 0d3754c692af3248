"""Functions that intents call: found, checked, given arguments; and what they do wrong."""

import asyncio
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import actions as actions_module
from bot.action_values import Filler, result_placeholders
from bot.actions import ActionError, ActionRunner
from bot.daemon_threads import DaemonThreads
from bot.entities import SlotValue
from intents.catalog import Action, Entity, EntityType, Slot
from tests.unit.operators import MODULE, PLACEHOLDERS, SLOTS, action, faults, operators_module, until


@pytest.fixture
def module(tmp_path: Path) -> Iterator[Any]:
    with operators_module(tmp_path) as module:
        yield module


@pytest.fixture
async def runner(module: Any) -> AsyncIterator[ActionRunner]:
    runner = ActionRunner([module.__name__])
    yield runner
    await runner.aclose()


async def run(runner: ActionRunner, function: str, **arguments: Any) -> dict[str, str]:
    return await runner.run(action(function, **arguments), SLOTS, PLACEHOLDERS)


async def test_arguments_are_what_the_annotations_say(runner: ActionRunner) -> None:
    """Canonical values of slots become Python's own types."""
    result = await run(
        runner,
        "typed",
        text="{n}",
        whole="{n}",
        number="{half}",
        flag="yes",
        day="{day}",
        at="{at}",
        moment="{moment}",
        how_long="{how_long}",
    )
    assert list(result.values())[1:] == [
        "str 5",
        "int 5",
        "float 0.5",
        "bool True",
        "date 2026-03-01",
        "time 14:00:00",
        "datetime 2026-03-01 14:00:00",
        "timedelta 0:01:30",
    ]


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{word}", "word"),
        ("{n}", "5"),
        ("on {day} for {display_name}", "on 2026-03-01 for Ann"),
        ("{{word}} {curly}", "{word} {n}"),
        (7, "7"),
        (2.0, "2"),
        (True, "true"),
        ("", ""),
        ("{missing}", ""),
        ("a {missing} b", "a  b"),
    ],
)
async def test_texts_are_filled_with_canonical_values(runner: ActionRunner, template: Any, expected: str) -> None:
    """A value is never read for placeholders of its own, and a slot without value is empty."""
    assert await run(runner, "echo", value=template) == {"result": expected}


async def test_argument_without_value_keeps_its_default(runner: ActionRunner) -> None:
    """Or is None, where the annotation allows it; where neither is so, the action fails."""
    result = await run(runner, "typed", text="{missing}", whole="{missing}", day="{missing}")
    assert [result[f"result.{place}"] for place in (0, 1, 4)] == ["str ", "int 0", "NoneType None"]
    with pytest.raises(ActionError, match="argument text has no value"):
        await run(runner, "later", text="{missing}")


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("typed", {"whole": "{word}"}),
        ("typed", {"whole": "{half}"}),
        ("typed", {"day": "{word}"}),
        ("typed", {"moment": "{n}"}),
        ("typed", {"flag": "{word}"}),
        ("typed", {"how_long": "{word}"}),
        ("bounded", {"n": 6}),
    ],
)
async def test_value_that_does_not_fit_is_an_error(
    runner: ActionRunner, function: str, arguments: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """It names the argument and not the value."""
    with pytest.raises(ActionError, match=f"the argument {next(iter(arguments))} cannot be read as "):
        await run(runner, function, **arguments)
    assert "operators_own" in caplog.text
    assert not any(str(value.value) in caplog.text for value in (SLOTS["word"], SLOTS["half"]))


async def test_function_is_given_the_member(runner: ActionRunner) -> None:
    """Who asks is the bot's to say; without it, the function is not called."""
    assert await run(runner, "mine", what="votes") == {"result": "ann-1 votes"}
    with pytest.raises(ActionError, match="who is not known"):
        await runner.run(action("mine"), {}, {})


async def test_functions_run_on_threads_of_their_own(runner: ActionRunner) -> None:
    """Neither kind is run on the event loop."""
    assert await run(runner, "later", text="{word}") == {"result": "WORD"}
    for function in ("thread", "async_thread"):
        assert (await run(runner, function))["result"] != threading.current_thread().name


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (None, {"result": ""}),
        ("text", {"result": "text"}),
        (3, {"result": "3"}),
        (2.5, {"result": "2.5"}),
        ({"a": 1, "b": None, "c": 2.0}, {"result": "", "result.a": "1", "result.b": "", "result.c": "2"}),
        ({"result": "all", "a": 1}, {"result": "all", "result.result": "all", "result.a": "1"}),
        ({}, {"result": ""}),
    ],
)
def test_results_become_placeholders(result: Any, expected: dict[str, str]) -> None:
    """A mapping's entries by their names."""
    assert result_placeholders(result) == expected


@given(
    st.one_of(st.text(), st.floats(), st.integers(), st.dictionaries(st.text(), st.text() | st.floats() | st.none()))
)
def test_any_scalar_can_be_shown(result: Any) -> None:
    """And sent: no text holds half a character."""
    for text in result_placeholders(result).values():
        text.encode("utf-8")
        assert len(text) <= 4_000


@given(st.text(), st.text())
def test_values_are_never_read_for_placeholders(template: str, value: str) -> None:
    """What a member says is put in as it stands."""
    filler = Filler({"a": SlotValue("", value)}, {})
    assert filler.value("<{a}>") == f"<{value}>"
    assert filler.value("{a}") == value
    assert isinstance(filler.value([template, {"x": template}]), list)


def test_long_results_are_cut() -> None:
    """One answer must not become a flood."""
    assert result_placeholders("x" * 10_000)["result"] == "x" * 3_999 + "…"


@pytest.mark.parametrize("place", range(8))
async def test_result_of_a_wrong_type_is_an_error(runner: ActionRunner, place: int) -> None:
    """Whatever is neither a scalar nor names with scalars."""
    with pytest.raises(ActionError, match="wrong type"):
        await run(runner, "wrong", place=place)


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
async def test_results_that_cannot_be_written_are_errors(runner: ActionRunner) -> None:
    """A number of thousands of digits, and what another function has yet to return."""
    with pytest.raises(ActionError, match="too large"):
        await run(runner, "huge")
    with pytest.raises(ActionError, match="wrong type, coroutine"):
        await run(runner, "returns_coroutine")


@pytest.mark.parametrize(
    ("function", "fault"),
    [
        ("raises", "ValueError at operators_own.py:"),
        ("exits", "SystemExit"),
        ("exits_later", "SystemExit"),
        ("interrupts", "KeyboardInterrupt"),
        ("cancels_itself", "CancelledError"),
        ("stops", "StopIteration"),
        ("recurses", "RecursionError"),
        ("times_out", "TimeoutError"),
    ],
)
async def test_whatever_a_function_raises_is_logged_without_values(
    runner: ActionRunner, function: str, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One line with the intent, the function and the fault; the bot goes on."""
    one = action(function, **({"text": "{word}"} if function == "raises" else {}))
    with pytest.raises(ActionError, match=fault) as caught:
        await runner.run(one, SLOTS, PLACEHOLDERS)
    assert caught.value.answer is None
    [record] = [record for record in caplog.records if record.name == "bot.actions"]
    assert record.getMessage().startswith(
        f"intent an_intent: the action operators_own:{function} failed: it raised {fault}"
    )
    assert "secret" not in caplog.text + str(caught.value)
    assert await run(runner, "echo", value=1) == {"result": "1"}


async def test_refusal_is_told_to_the_member(runner: ActionRunner, caplog: pytest.LogCaptureFixture) -> None:
    """Unless the catalog has an apology of its own; it is no failure to log."""
    with pytest.raises(ActionError) as caught:
        await run(runner, "refuses", what="{word}")
    assert caught.value.answer == "I know no word."
    with pytest.raises(ActionError) as caught:
        await run(runner, "refuses", what="{word}", apology="Kenne ich nicht.")
    assert caught.value.answer is None
    assert "word" not in caplog.text
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_async_function_is_cancelled_at_its_limit(runner: ActionRunner, module: Any) -> None:
    """And its thread is free again."""
    with pytest.raises(ActionError, match="longer than 0"):
        await run(runner, "never", timeout_s=0.05)
    assert await asyncio.to_thread(module.cancelled.wait, 5)
    await until(lambda: runner.n_stuck == 0)


@pytest.mark.parametrize("function", ["hangs", "stubborn"])
async def test_too_many_stuck_functions_fail_at_once(runner: ActionRunner, module: Any, function: str) -> None:
    """They are abandoned and counted; when they end after all, functions are called again."""
    for n_stuck in range(1, 5):
        with pytest.raises(ActionError, match="longer than"):
            await run(runner, function, timeout_s=0.03)
        assert runner.n_stuck == n_stuck
    began = time.monotonic()
    with pytest.raises(ActionError, match="4 functions are stuck"):
        await run(runner, "echo", value=1)
    assert time.monotonic() - began < 1
    module.go_on.set()
    await until(lambda: runner.n_stuck == 0)
    assert await run(runner, "echo", value=1) == {"result": "1"}


async def test_many_functions_at_once_wait_for_a_thread_within_their_limit(runner: ActionRunner, module: Any) -> None:
    """What was never begun is not counted as stuck."""
    calls = [asyncio.create_task(run(runner, "hangs", timeout_s=0.1)) for _ in range(12)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(result, ActionError) for result in results)
    assert runner.n_stuck == actions_module.MOST_THREADS
    module.go_on.set()
    await until(lambda: runner.n_stuck == 0)
    assert sum(module.entered.acquire(blocking=False) for _ in range(20)) == actions_module.MOST_THREADS


async def test_executor_of_the_caller_is_used_and_left_open(module: Any) -> None:
    """Who made it closes it."""
    threads = DaemonThreads(1, "theirs")
    runner = ActionRunner([module.__name__], threads)
    assert (await run(runner, "thread"))["result"] == "theirs-1"
    await runner.aclose()
    assert threads.submit(int, "3").result(5) == 3
    threads.shutdown()


async def test_closing_does_not_wait_for_stuck_functions(module: Any) -> None:
    """Nor takes more work."""
    runner = ActionRunner([module.__name__])
    waiting = asyncio.create_task(run(runner, "hangs"))
    assert await asyncio.to_thread(module.entered.acquire, timeout=5)
    await runner.aclose()
    with pytest.raises(ActionError):
        await run(runner, "echo", value=1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert runner.n_stuck == 1


ENDS = """
import asyncio
from bot.actions import ActionError, ActionRunner
from intents.catalog import Action
async def main():
    runner = ActionRunner(["operators_own"])
    for name in ("hangs", "stubborn"):
        try:
            await runner.run(Action(call=f"operators_own:{name}", timeout_s=0.05), {}, {})
        except ActionError:
            pass
    print(runner.n_stuck)
    await runner.aclose()
asyncio.run(main())
"""


def test_process_ends_though_functions_are_stuck(tmp_path: Path) -> None:
    """Long before they would."""
    (tmp_path / "operators_own.py").write_text(MODULE.replace("wait(10)", "wait(600)"), encoding="utf-8")
    path = os.pathsep.join([str(Path(__file__).parents[2]), str(tmp_path)])
    done = subprocess.run(
        [sys.executable, "-c", ENDS],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "2\n"


def test_queued_work_is_dropped_at_the_end() -> None:
    """Its future says so."""
    threads = DaemonThreads(1, "few")
    entered, go_on = threading.Event(), threading.Event()

    def hold() -> bool:
        entered.set()
        return go_on.wait(5)

    running = threads.submit(hold)
    queued = threads.submit(int)
    assert entered.wait(5)
    threads.shutdown()
    assert queued.cancelled()
    go_on.set()
    assert running.result(5)
    with pytest.raises(RuntimeError):
        threads.submit(int)


async def test_example_in_the_format_works() -> None:
    """The dice of the shipped module, with a number from a slot."""
    runner = ActionRunner(["bot.example_actions"])
    one = Action(call="bot.example_actions:roll", arguments={"sides": "{sides}"})
    assert faults(runner, one, Slot("sides", Entity(EntityType.NUMBER, least=2, most=20), ("?",))) == []
    result = await runner.run(one, {"sides": SlotValue("6", 6)}, {})
    assert result["result"] in set("123456")
    await runner.aclose()
