"""Actions before they are run: the modules that they name, and the arguments that they give."""

import sys
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.actions import ActionError, ActionRunner
from intents.catalog import Action, Entity, EntityType, Fallback, Intent, IntentCatalog, Response, Slot
from tests.unit.operators import action, faults, operators_module, until


@pytest.fixture
def module(tmp_path: Path) -> Iterator[Any]:
    with operators_module(tmp_path) as module:
        yield module


@pytest.fixture
async def runner(module: Any) -> AsyncIterator[ActionRunner]:
    runner = ActionRunner([module.__name__])
    yield runner
    await runner.aclose()


async def test_sound_action_has_no_fault(runner: ActionRunner) -> None:
    """Arguments that fit, and nothing is called."""
    number = Slot("n", Entity(EntityType.NUMBER), ("How many?",))
    day = Slot("day", Entity(EntityType.DATE), required=False)
    assert faults(runner, action("typed", whole="{n}", day="{day}", number=2, text="x {n}"), number, day) == []
    assert faults(runner, action("keep", anything="{n}"), number) == []
    assert faults(runner, action("mine")) == []
    assert faults(runner, action("hangs")) == []
    assert runner.check(IntentCatalog((Intent("a", ("a",), (Response("b"),)),), Fallback(()))) == ()


@pytest.mark.parametrize(
    ("one", "fault"),
    [
        (Action(), "either call or url"),
        (Action(call="a:b", url="https://example.org/"), "not both"),
        (Action(call="nonsense"), "write module:function"),
        (Action(call="os:system"), "module os is not listed"),
        (Action(call="operators_own.more:a"), "is not listed"),
        (action("nothing"), "has no function nothing"),
        (action("_private"), "is private"),
        (action("__doc__"), "is private"),
        (action("getcwd"), "no function of that module's own"),
        (action("Thing"), "no function of that module's own"),
        (action("Thing.method"), "has no function Thing.method"),
        (action("partial"), "no function of that module's own"),
        (action("Field", n=1), "no function of that module's own"),
        (action("generates"), "is a generator"),
        (action("takes_lists"), "parameter values whose annotation cannot be filled"),
        (action("takes_unknown"), "annotation that cannot be read"),
        (action("by_position"), "by position only"),
        (action("by_member"), "annotate it str"),
        (action("mine", member="{word}"), "filled by the bot"),
        (action("thread", text="a"), "takes no argument text; it takes none"),
        (action("later", texts="a", text="a"), "takes no argument texts; it takes text"),
        (action("later"), "needs the argument text"),
        (action("typed", whole="many"), "argument whole cannot be read"),
        (action("typed", whole=None), "argument whole cannot be read"),
        (action("typed", whole=[1]), "argument whole is a list or an object"),
        (action("typed", day=3), "argument day cannot be read"),
    ],
)
async def test_action_that_cannot_work_is_a_finding(runner: ActionRunner, one: Action, fault: str) -> None:
    """It names the intent and the mend."""
    [found] = faults(runner, one)
    assert fault in found


@pytest.mark.parametrize(
    ("type_", "parameter"),
    [
        (EntityType.DATE, "whole"),
        (EntityType.TIME, "day"),
        (EntityType.NUMBER, "moment"),
        (EntityType.EMAIL, "number"),
        (EntityType.DURATION, "at"),
    ],
)
async def test_slot_that_its_argument_cannot_hold_is_a_finding(
    runner: ActionRunner, type_: EntityType, parameter: str
) -> None:
    """It would fail with every value."""
    [found] = faults(runner, action("typed", **{parameter: "{x}"}), Slot("x", Entity(type_), ("?",)))
    assert f"cannot hold the slot x of type {type_}" in found


async def test_choices_have_to_fit_their_argument(runner: ActionRunner) -> None:
    """Each of them."""
    sizes = Slot("x", Entity(EntityType.CHOICE, {"6": (), "20": ()}), ("?",))
    assert faults(runner, action("typed", whole="{x}"), sizes) == []
    words = Slot("x", Entity(EntityType.CHOICE, {"6": (), "many": ()}), ("?",))
    assert len(faults(runner, action("typed", whole="{x}"), words)) == 1


async def test_optional_slot_needs_an_optional_argument(runner: ActionRunner) -> None:
    """Else the action fails whenever it is left out."""
    slot = Slot("x", Entity(EntityType.TEXT), required=False)
    [found] = faults(runner, action("later", text="{x}"), slot)
    assert "may be without" in found


async def test_follow_up_can_use_slots_of_its_parent(runner: ActionRunner) -> None:
    """They are checked likewise."""
    slot = Slot("x", Entity(EntityType.DATE), ("?",))
    parent = Intent("a", ("a",), (Response("b"),), slots=(slot,))
    child = Intent("a.yes", (), (Response("b"),), parent="a", action=action("typed", whole="{x}"))
    assert len(runner.check(IntentCatalog((parent, child), Fallback(())))) == 1


BROKEN_MODULES: Mapping[str, tuple[str, str]] = {
    "raises": ("raise ValueError('no luck')", "cannot be imported (ValueError: no luck)"),
    "exits": ("import sys; sys.exit(1)", "cannot be imported (SystemExit: 1)"),
    "interrupts": ("raise KeyboardInterrupt", "cannot be imported (KeyboardInterrupt"),
    "misspelt": ("def f(:", "SyntaxError"),
    "needs_more": ("import no_such_module_anywhere", "No module named 'no_such_module_anywhere'"),
    "unspeakable": (
        "class Bad(Exception):\n    def __str__(self): raise ValueError\nraise Bad",
        "cannot be imported (",
    ),
}


@pytest.mark.parametrize("name", BROKEN_MODULES)
async def test_module_that_does_not_import_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Whatever it raises; and it is tried anew when it was mended."""
    source, fault = BROKEN_MODULES[name]
    file = tmp_path / f"broken_{name}.py"
    file.write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    runner = ActionRunner([file.stem])
    one = Action(call=f"{file.stem}:f")
    assert fault in faults(runner, one)[0]
    with pytest.raises(ActionError, match="cannot be imported"):
        await runner.run(one, {}, {})
    file.write_text("def f(): return 'mended'  # and longer, so that no cache holds", encoding="utf-8")
    assert faults(runner, one) == []
    assert await runner.run(one, {}, {}) == {"result": "mended"}
    sys.modules.pop(file.stem, None)
    await runner.aclose()


async def test_module_that_is_nowhere_is_a_finding() -> None:
    """It is named."""
    runner = ActionRunner(["nowhere_at_all"])
    assert "No module named 'nowhere_at_all'" in faults(runner, Action(call="nowhere_at_all:f"))[0]


async def test_module_that_hangs_at_import_is_waited_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a finding; the second look does not wait, and when it is there after all, it serves."""
    source = "import sys\nsys.hold_import.wait(10)\ndef f(): return 'there'"
    (tmp_path / "hangs_at_import.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    hold = threading.Event()
    monkeypatch.setattr(sys, "hold_import", hold, raising=False)
    runner = ActionRunner(["hangs_at_import"], import_limit_s=0.1)
    one = Action(call="hangs_at_import:f")
    for _ in range(2):
        assert "takes longer than 0.1 s" in faults(runner, one)[0]
    with pytest.raises(ActionError, match="importing the module"):
        await runner.run(one, {}, {})
    hold.set()
    await until(lambda: faults(runner, one) == [])
    assert await runner.run(one, {}, {}) == {"result": "there"}
    del sys.modules["hangs_at_import"]
    await runner.aclose()
