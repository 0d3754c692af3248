"""Memory goes back to the system, and is not taken for nothing."""

import subprocess
import sys

import pytest

from bot.stats_text import resident_bytes

PROGRAM = """
from bot.memory import spare_memory
from bot.stats_text import resident_bytes
spare_memory()
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


def test_command_lines_of_libraries_are_left_out() -> None:
    """httpx works without its own, which brings libraries of megabytes."""
    program = "from bot.memory import spare_memory; spare_memory(); import sys, httpx; httpx.Client().close(); "
    program += "print(sorted({'click', 'pygments', 'rich'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
