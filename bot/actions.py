"""Actions of intents: functions of the operator's and HTTP endpoints, called before the intent is answered.

Whatever an action does (raise, hang, exit, return nonsense), the bot goes on: a failure is an `ActionError`, and a line
in the log that names the intent, the action and the fault, and no value of a member's.
"""

import asyncio
import inspect
import logging
import os
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bot.action_functions import IMPORT_LIMIT_S, FunctionLibrary
from bot.action_values import ActionError, ActionRefusedError, Filler, result_placeholders, shown
from bot.daemon_threads import DaemonThreads
from intents.catalog import Action, IntentCatalog, Slot, line_of
from intents.findings import Finding, Severity

if TYPE_CHECKING:
    from bot.entities import SlotValue  # brings in what reads dates
    from bot.http_action import EndpointCaller  # brings in httpx, which most catalogs have no need of

__all__ = ["ActionError", "ActionRefusedError", "ActionRunner"]

MOST_THREADS = 8
MOST_STUCK = 3
"""Threads whose function went on past its time limit; with more of them, no function is called until one ends."""

MOST_FRAMES = 5
"""Of a failed function's trace, from its end, that the log names."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a function returned or raised; a value, since SystemExit raised on the event loop would end the bot."""

    result: Any = None
    error: BaseException | None = None


class ActionRunner:
    """Runs the actions of a catalog, and says beforehand what is wrong with them.

    Functions run on threads, each of those that are async on an event loop of its own: one that blocks holds up nobody.

    Parameters
    ----------
    modules
        Whose functions may be called: full names, as the operator listed them.
    executor
        Runs the functions; None for threads of its own, which do not keep the process from ending.
    environment
        Where headers of endpoints take secrets from; None for that of the process.
    import_limit_s
        How long importing one of the modules may take.
    is_rehearsal
        Whether functions are called on copies of their modules.
    """

    def __init__(
        self,
        modules: Sequence[str],
        executor: Executor | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        import_limit_s: float = IMPORT_LIMIT_S,
        is_rehearsal: bool = False,
    ) -> None:
        self._functions = FunctionLibrary(modules, import_limit_s=import_limit_s, is_rehearsal=is_rehearsal)
        self._owns_executor = executor is None
        self._executor = executor or DaemonThreads(MOST_THREADS, "action")
        self._environment = os.environ if environment is None else environment
        self._import_limit_s = import_limit_s
        self._endpoints: EndpointCaller | None = None
        self._stuck: set[Future[Any]] = set()

    @property
    def n_stuck(self) -> int:
        """How many threads are past their time limit."""
        return len(self._stuck)

    async def run(
        self, action: Action, values: Mapping[str, "SlotValue"], placeholders: Mapping[str, str]
    ) -> dict[str, str]:
        """Run an action and return the placeholders of its result: ``result``, and ``result.x`` of a mapping.

        Parameters
        ----------
        action
            What to call.
        values
            Of the intent's slots.
        placeholders
            Other names that templates may hold; "member_id" is given to functions that have a parameter `member`, and
            "intent" names the intent in the log.

        Raises
        ------
        ActionError
            It failed; what to tell the member is its `answer`, or the action's apology where that is None.
        """
        filler, tag = Filler(values, placeholders), placeholders.get("intent", "?")
        try:
            if action.url is not None:
                return result_placeholders(await self._caller().call(action, filler))
            return result_placeholders(await self._call(action, filler))
        except ActionRefusedError as refusal:
            logger.info("intent %s: the action %s refused what was asked for", tag, _name(action))
            answer = shown(str(refusal)) if action.apology == Action().apology else None
            raise ActionError("it refused what was asked for", answer) from None
        except ActionError as error:
            logger.error("intent %s: the action %s failed: %s", tag, _name(action), error)  # noqa: TRY400 - one line
            raise
        except Exception as error:  # noqa: BLE001 - no fault of an action may reach the engine as anything else
            logger.error("intent %s: the action %s failed: %s", tag, _name(action), _without_values(error))  # noqa: TRY400
            raise ActionError(type(error).__name__) from None  # its text may hold values

    def check(self, catalog: IntentCatalog, file: str = "intents") -> tuple[Finding, ...]:
        """Return what is wrong with the actions of a catalog: blocking, for it imports the modules that they name.

        Parameters
        ----------
        catalog
            Its actions are looked at, and nothing is called.
        file
            Names the catalog in findings.
        """
        intents = {intent.tag: intent for intent in catalog.intents}
        findings = []
        for intent in catalog.intents:
            if intent.action is not None:
                slots = {slot.name: slot for one in line_of(intent, intents) for slot in one.slots}
                faults = self._faults(intent.action, slots)
                findings += [Finding(Severity.ERROR, file, fault, intent.tag, "action") for fault in faults]
        return tuple(findings)

    async def aclose(self) -> None:
        """Close what is open; functions that are still running are left to themselves."""
        self._functions.close()
        if self._owns_executor:
            self._executor.shutdown(wait=False, cancel_futures=True)
        if self._endpoints is not None:
            await self._endpoints.aclose()

    def _caller(self) -> "EndpointCaller":
        if self._endpoints is None:
            from bot.http_action import EndpointCaller  # noqa: PLC0415

            self._endpoints = EndpointCaller(self._environment)
        return self._endpoints

    def _faults(self, action: Action, slots: Mapping[str, Slot]) -> Sequence[str]:
        if (action.call is None) is (action.url is None):
            return ["it needs either call or url, and not both"]
        if action.url is not None:
            from bot.http_action import endpoint_faults  # noqa: PLC0415

            return endpoint_faults(action, self._environment)
        try:
            return list(self._functions.find(str(action.call)).argument_faults(action.arguments, slots))
        except ActionError as error:
            return [str(error)]

    async def _call(self, action: Action, filler: Filler) -> Any:  # noqa: ANN401 - a function may return anything
        """Return what a function returned."""
        call = str(action.call)
        function = self._functions.found(call)
        if function is None:  # the catalog was not checked, or it failed then
            function = await self._on_thread(lambda: self._functions.find(call), self._import_limit_s + 1)
        arguments = function.arguments(action.arguments, filler)
        called, limit_s = function.function, action.timeout_s
        return await self._on_thread(lambda: _called(called, arguments, limit_s), limit_s)

    async def _on_thread(self, function: Callable[[], Any], limit_s: float) -> Any:  # noqa: ANN401 - likewise
        """Return what a function returns; it is left to itself when its time is over.

        Raises
        ------
        ActionError
            It took too long, raised, or was not begun since too many others are stuck.
        ActionRefusedError
            It raised that.
        """
        if len(self._stuck) > MOST_STUCK:
            raise ActionError(f"not called, since {len(self._stuck)} functions are stuck past their time limits")
        running = self._executor.submit(_outcome, function)
        waiting = asyncio.wrap_future(running)
        try:
            done, _ = await asyncio.wait({waiting}, timeout=limit_s)
        finally:
            if not running.done() and not running.cancel():
                self._stuck.add(running)
                running.add_done_callback(self._stuck.discard)
            waiting.cancel()
        if not done:
            raise _too_long(limit_s)
        if waiting.cancelled():
            raise ActionError("not called, since the bot is ending")
        outcome = waiting.result()
        try:
            if isinstance(outcome.error, ActionError | ActionRefusedError):
                raise outcome.error
            if outcome.error is not None:
                raise ActionError(f"it raised {_without_values(outcome.error)}")
            return outcome.result
        finally:
            del running, waiting, done, outcome  # they hold the error, whose traceback holds this frame


def _outcome(function: Callable[[], Any]) -> _Outcome:
    try:
        return _Outcome(function())
    except BaseException as error:  # noqa: BLE001 - SystemExit and KeyboardInterrupt too are only a function's faults
        return _Outcome(error=error)


def _called(function: Callable[..., Any], arguments: Mapping[str, object], limit_s: float) -> Any:  # noqa: ANN401
    """Return what a function returns; what it awaits is cancelled when its time is over."""
    result = function(**arguments)
    if not inspect.iscoroutine(result):
        return result

    async def awaited() -> Any:  # noqa: ANN401 - a function may return anything
        try:
            async with asyncio.timeout(limit_s) as scope:
                return await result
        except TimeoutError:
            if scope.expired():
                raise _too_long(limit_s) from None
            raise

    return asyncio.run(awaited())


def _too_long(limit_s: float) -> ActionError:
    return ActionError(f"it took longer than {limit_s:g} s")


def _name(action: Action) -> str:
    """Return how the log calls an action: an endpoint without path and query, which may hold secrets."""
    if action.url is None:
        return str(action.call)
    return f"{action.method} {urlsplit(action.url).hostname}"


def _without_values(error: BaseException) -> str:
    """Return an exception's type and where it came from, but not its text."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    places = " > ".join(f"{Path(one.filename).name}:{one.lineno} in {one.name}" for one in frames[-MOST_FRAMES:])
    return f"{type(error).__name__} at {places}" if places else type(error).__name__
