"""The modules whose functions intents may call, and the functions found in them.

Importing a module runs its code, so it happens on a thread with a time limit, and whatever it raises is a fault of the
module's.
"""

import importlib
import importlib.util
import threading
import time
import traceback
from collections.abc import Sequence
from concurrent.futures import Future
from types import ModuleType

from bot.action_signatures import ActionFunction, read_function
from bot.action_values import ActionError
from bot.daemon_threads import DaemonThreads

IMPORT_LIMIT_S = 10.0


class FunctionLibrary:
    """Finds the functions that intents may call, in the modules that the operator listed and nowhere else.

    Parameters
    ----------
    modules
        Full names of modules.
    import_limit_s
        How long importing one of them may take.
    is_rehearsal
        Whether to load a copy of each module: what a rehearsed function counts or remembers then stays out of service.
    """

    def __init__(
        self, modules: Sequence[str], *, import_limit_s: float = IMPORT_LIMIT_S, is_rehearsal: bool = False
    ) -> None:
        self._load = _copy if is_rehearsal else _import_anew
        self._modules = tuple(dict.fromkeys(modules))
        self._import_limit_s = import_limit_s
        self._found: dict[str, ActionFunction] = {}
        self._importer = DaemonThreads(len(self._modules), "action-import")
        self._imports: dict[str, tuple[Future[ModuleType], float]] = {}
        self._lock = threading.Lock()

    def found(self, call: str) -> ActionFunction | None:
        """Return a function that was found before."""
        return self._found.get(call)

    def find(self, call: str) -> ActionFunction:
        """Return a function by its name ``"module:function"``, importing the module if need be: blocking.

        Raises
        ------
        ActionError
            There is no such function, or not one that can be called; the text says how to mend it.
        """
        if call not in self._found:
            module_name, _, name = call.partition(":")
            if not module_name or not name:
                raise ActionError(f"{call} names no function; write module:function")
            if module_name not in self._modules:
                listed = ", ".join(self._modules) or "none"
                raise ActionError(
                    f"the module {module_name} is not listed (ACTION_MODULES: {listed}); list it to allow it"
                )
            self._found[call] = read_function(call, self._import(module_name), name)
        return self._found[call]

    def close(self) -> None:
        """Import nothing more."""
        self._importer.shutdown()

    def _import(self, name: str) -> ModuleType:
        """Return a module; an import that failed is tried anew, one that hangs is not waited for twice."""
        with self._lock:
            future, deadline = self._imports.get(name, (None, 0.0))
            if future is None or (future.done() and future.exception() is not None):
                future, deadline = (
                    self._importer.submit(self._load, name),
                    time.monotonic() + self._import_limit_s,
                )
                self._imports[name] = future, deadline
        try:
            error = future.exception(max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            raise ActionError(
                f"importing the module {name} takes longer than {self._import_limit_s:g} s; move what it waits for"
                " into a function, and start the bot anew"
            ) from None
        if error is not None:
            what = "".join(traceback.format_exception_only(error)).strip()
            raise ActionError(f"the module {name} cannot be imported ({what}); mend it, or install what it needs")
        return future.result()


def _import_anew(name: str) -> ModuleType:
    """Import a module, which may have come to be since the last attempt."""
    importlib.invalidate_caches()
    return importlib.import_module(name)


def _copy(name: str) -> ModuleType:
    """Load a module without making it the one that others import."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"no module named {name!r}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
