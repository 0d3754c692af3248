"""Memory that the process does without, or gives back to the system."""

import ctypes
import sys

M_MMAP_THRESHOLD = -3
"""The parameter's number in glibc's ``malloc.h``."""

BIG_BYTES = 256 * 1_024


def spare_memory() -> None:
    """Prepare the process; before the platforms' libraries are imported."""
    _give_big_blocks_back()
    # httpx brings its command line where that is installed, and with it 5 MB of rich and pygments; it goes without
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # None bars an import


def _give_big_blocks_back() -> None:
    """Have blocks of a model's size taken from the system one by one, so that they go back once they are freed.

    By itself glibc stops doing so after the first of them was freed, and their places among small blocks are lost: a
    hundred reloads under load took 310 MB more, and with this none (`python -m scripts.soak reloads`). Elsewhere
    than on glibc it does nothing.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, BIG_BYTES)
