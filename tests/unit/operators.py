"""What tests of actions share: a module of an operator's with functions of every kind, and calls of them."""

import asyncio
import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bot.actions import ActionRunner
from bot.entities import SlotValue
from intents.catalog import Action, Fallback, Intent, IntentCatalog, Response, Slot

MODULE = """
import asyncio
import sys
import threading
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from os import getcwd
from typing import Annotated, Any

from pydantic import Field

from bot.action_values import ActionRefusedError

go_on = threading.Event()
entered = threading.Semaphore(0)
cancelled = threading.Event()

def typed(text: str = "", whole: int = 0, number: float = 0, flag: bool = False, day: date | None = None,
          at: time | None = None, moment: datetime | None = None, how_long: timedelta | None = None) -> dict:
    values = (text, whole, number, flag, day, at, moment, how_long)
    return {str(place): f"{type(value).__name__} {value}" for place, value in enumerate(values)}

def echo(value):
    return value

def bounded(n: Annotated[int, Field(le=5)]) -> int:
    return n

def keep(**values) -> dict:
    return values

def mine(member: str, what: str = "") -> str:
    return f"{member} {what}"

async def later(text: str) -> str:
    await asyncio.sleep(0)
    return text.upper()

def thread() -> str:
    return threading.current_thread().name

async def async_thread() -> str:
    return threading.current_thread().name

async def never() -> None:
    try:
        await asyncio.Event().wait()
    finally:
        cancelled.set()

async def stubborn() -> None:
    entered.release()
    go_on.wait(10)

def hangs() -> str:
    entered.release()
    go_on.wait(10)
    return "at last"

def refuses(what: str) -> None:
    raise ActionRefusedError(f"I know no {what}.")

def raises(text: str = "") -> None:
    raise ValueError(f"secret {text}")

def exits() -> None:
    sys.exit(3)

async def exits_later() -> None:
    await asyncio.sleep(0)
    sys.exit(3)

def interrupts() -> None:
    raise KeyboardInterrupt

async def cancels_itself() -> None:
    raise asyncio.CancelledError

def stops() -> None:
    raise StopIteration

def recurses() -> None:
    recurses()

async def times_out() -> None:
    raise TimeoutError

def takes_lists(values: list[int]) -> None: ...
def takes_unknown(value: "Nothing") -> None: ...
def by_position(value: str, /) -> None: ...
def by_member(member: int) -> None: ...
def generates():
    yield 1
def _private() -> None: ...
class Thing: ...
partial = Thing()

WRONG = [[1], {1: 2}, {"a": [1]}, b"bytes", Thing(), {"a": {}}, (1,), Thing]
def wrong(place: int) -> Any:
    return WRONG[place]
def huge() -> int:
    return 10 ** 5000
async def returns_coroutine():
    return later("a")
"""

SLOTS = {
    "n": SlotValue("five", 5),
    "half": SlotValue("a half", 0.5),
    "day": SlotValue("tomorrow", "2026-03-01"),
    "at": SlotValue("at two", "14:00:00"),
    "moment": SlotValue("then", "2026-03-01T14:00:00"),
    "how_long": SlotValue("90 seconds", 90),
    "word": SlotValue("The Word", "word"),
    "curly": SlotValue("{n}", "{n}"),
}
PLACEHOLDERS = {"display_name": "Ann", "member_id": "ann-1", "intent": "an_intent"}


@contextmanager
def operators_module(directory: Path) -> Iterator[Any]:
    """The operator's module, imported anew for every test."""
    (directory / "operators_own.py").write_text(MODULE, encoding="utf-8")
    sys.path.insert(0, str(directory))
    operators_own = importlib.import_module("operators_own")

    yield operators_own
    operators_own.go_on.set()
    sys.path.remove(str(directory))
    del sys.modules["operators_own"]


def action(function: str, timeout_s: float = 5.0, apology: str | None = None, **arguments: Any) -> Action:
    changes = {} if apology is None else {"apology": apology}
    return Action(call=f"operators_own:{function}", arguments=arguments, timeout_s=timeout_s, **changes)


def catalog(one: Action, *slots: Slot) -> IntentCatalog:
    return IntentCatalog((Intent("an_intent", ("a",), (Response("b"),), slots=slots, action=one),), Fallback(()))


def faults(runner: ActionRunner, one: Action, *slots: Slot) -> list[str]:
    found = runner.check(catalog(one, *slots), "here.yaml")
    assert all(str(one).startswith("error: here.yaml: an_intent: action: ") for one in found)
    return [one.message for one in found]


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 - that a thread has ended is no event of the loop
            await asyncio.sleep(0.005)
