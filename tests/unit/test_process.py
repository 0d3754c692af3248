"""Memory goes back to the system and is not taken for nothing, and no thread waits long for another."""

import subprocess
import sys

import pytest

from bot.stats_text import resident_bytes

PROGRAM = """
from bot.process import prepare_process
from bot.stats_text import resident_bytes
prepare_process()
kept = []
for _ in range(40):  # a model, and what is allocated while it serves
    model = bytearray(24_000_000)
    model[::4096] = b"x" * len(model[::4096])
    kept.append(bytearray(100_000))
    del model
print(resident_bytes())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux") or resident_bytes() is None, reason="of glibc")
def test_a_model_that_was_let_go_takes_no_memory() -> None:
    """What lives longer lies beside it, and does not hold its place."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 60_000_000


STREWN = """
from bot.process import give_memory_back, prepare_process
from bot.stats_text import resident_bytes
prepare_process()
model = [bytearray(20_000) for _ in range(4_000)]
kept = model[::40]  # what is remembered of what was answered
del model
before = resident_bytes()
give_memory_back()
print(before - resident_bytes())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux") or resident_bytes() is None, reason="of glibc")
def test_memory_between_what_is_in_use_goes_back_too() -> None:
    """A little of what came with a model outlives it."""
    done = subprocess.run([sys.executable, "-c", STREWN], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 40_000_000


def test_command_lines_of_libraries_are_left_out() -> None:
    """httpx works without its own, which brings libraries of megabytes."""
    program = "from bot.process import prepare_process; prepare_process(); import sys, httpx; httpx.Client().close(); "
    program += "print(sorted({'click', 'pygments', 'rich'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_was_there_at_the_start_is_overlooked() -> None:
    """Collecting garbage looks at what came since, and what nobody holds is freed all the same."""
    program = """
import gc, weakref
from bot.process import OLD_AFTER, settle
threshold = gc.get_threshold()[2]
class Thing: pass
kept = Thing()
n_before = len(gc.get_objects())
settle()
n_looked_at = len(gc.get_objects())
ring = Thing()
ring.itself = ring
freed, collected = weakref.ref(kept), weakref.ref(ring)
del kept, ring
gc.collect()
settle()
is_rare = gc.get_threshold()[2] == OLD_AFTER > threshold
print(n_looked_at < n_before / 10, freed() is None, collected() is None, is_rare)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True"] * 4


def test_a_thread_that_computes_lets_others_go_on_soon() -> None:
    """An answer passes between threads several times, and would wait 5 ms each time."""
    program = "from bot.process import prepare_process; prepare_process(); import sys; print(sys.getswitchinterval())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert float(done.stdout) == pytest.approx(0.0002)
