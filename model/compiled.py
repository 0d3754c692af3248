"""Networks compiled for LiteRT, each in one interpreter that takes inputs of every length."""

import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

LIMIT_S = 10.0
"""One text takes milliseconds: what takes longer will not end."""


class CompiledNetwork:
    """A compiled network, for one thread after the other.

    Parameters
    ----------
    content
        Kept here whole: whatever becomes of its file, it runs on.

    Attributes
    ----------
    is_stuck
        Whether a thread hangs in it, as whoever waited for that thread has noted: others need another.

    Raises
    ------
    ValueError
        The content is no such network.
    """

    def __init__(self, content: bytes) -> None:
        from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415

        self._interpreter = Interpreter(model_content=content, num_threads=1)
        signature = self._interpreter.get_signature_runner()
        self._inputs = {name: detail["index"] for name, detail in signature.get_input_details().items()}
        self._outputs = {name: detail["index"] for name, detail in signature.get_output_details().items()}
        del signature  # no tensor may be resized while it lives
        self.is_stuck = False
        self._lock = threading.Lock()
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._is_new = True

    def run(self, values: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
        """Return its outputs by name.

        Parameters
        ----------
        values
            By name; what it does not read is left out.

        Raises
        ------
        KeyError, ValueError
            It reads other inputs.
        RuntimeError
            They do not fit together.
        TimeoutError
            Another thread hangs in it.
        """
        if not self._lock.acquire(timeout=LIMIT_S):
            self.is_stuck = True
            raise TimeoutError(f"another thread has been scoring for over {LIMIT_S:g} s")
        try:
            return self._run({name: values[name] for name in self._inputs})
        finally:
            self._lock.release()

    def _run(self, values: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
        shapes = {name: value.shape for name, value in values.items()}
        if shapes != self._shapes:
            self._resize(shapes)
        for name, value in values.items():
            self._interpreter.set_tensor(self._inputs[name], value)
        self._interpreter.invoke()
        return {name: self._interpreter.get_tensor(index) for name, index in self._outputs.items()}

    def _resize(self, shapes: dict[str, tuple[int, ...]]) -> None:
        self._shapes = {}  # where it fails, the next text tries anew
        for name, shape in shapes.items():
            self._interpreter.resize_tensor_input(self._inputs[name], shape)
        with quiet_standard_error() if self._is_new else nullcontext():  # it announces its delegate there
            self._interpreter.allocate_tensors()
        self._is_new, self._shapes = False, shapes


@contextmanager
def quiet_standard_error() -> Iterator[None]:
    """Keep what native code writes to the file descriptor of standard error from being seen."""
    if sys.stderr is not None:
        sys.stderr.flush()
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
