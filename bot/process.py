"""How the process takes memory and time from the system, and from its own threads."""

import ctypes
import gc
import sys

M_MMAP_THRESHOLD = -3
"""The parameter's number in glibc's ``malloc.h``."""

BIG_BYTES = 256 * 1_024

OLD_AFTER = 100
"""After so many collections of what is young what is old is collected too; Python's own figure is 10."""

SWITCH_S = 0.0002
"""After so long a thread that computes lets the others have the interpreter.

Python's own 5 ms are for whoever wants the last percent of throughput. An answer passes between threads some ten times,
and waited as often for a thread that reads a new model.
"""


def prepare_process() -> None:
    """Set up memory and threads; before the platforms' libraries are imported."""
    _give_big_blocks_back()
    sys.setswitchinterval(SWITCH_S)
    # httpx brings its command line where that is installed, and with it 5 MB of rich and pygments; it goes without
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # None bars an import


def settle() -> None:
    """Have garbage collection overlook all that was made so far; once, when the process is ready.

    Most of it stays to the end, and looking through it took 70 ms during which nobody was answered. What is not in a
    cycle is freed all the same, and what answers messages makes no cycles but for rare failures: what outlived two
    collections is looked through a tenth as often as Python would, for that takes 5 to 15 ms.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*gc.get_threshold()[:2], OLD_AFTER)


def _give_big_blocks_back() -> None:
    """Have blocks of a model's size taken from the system one by one, so that they go back once they are freed.

    By itself glibc stops doing so after the first of them was freed, and their places among small blocks are lost: a
    hundred reloads under load took 310 MB more, and with this none (`python -m scripts.soak reloads`). Elsewhere
    than on glibc it does nothing.
    """
    _call_malloc("mallopt", M_MMAP_THRESHOLD, BIG_BYTES)


def give_memory_back() -> None:
    """Give the system the memory between blocks in use; for a thread, since it takes milliseconds.

    What lives on is strewn among what was freed, answers that are remembered among the parts of an old model, say: by
    itself glibc gives back only what lies at the end. Elsewhere than on glibc it does nothing. An old model is in no
    cycle, and nothing that holds it is: garbage need not be collected for it, which would keep everybody waiting.
    """
    _call_malloc("malloc_trim", 0)


def _call_malloc(function: str, *arguments: int) -> None:
    if not sys.platform.startswith("linux"):
        return
    call = getattr(ctypes.CDLL(None), function, None)
    if call is not None:
        call(*arguments)
