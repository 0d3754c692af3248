"""The platforms' own descriptions, from ``../shared/specs``: all that crosses a local server is held against them.

The local servers call these functions for each request, answer, event and frame, and collect what comes back in their
`violations`; with `raise_violations` in their exit, no test can forget to look. Where the folder is absent everything
holds, and `test_specs.py` says so by a skipped test.

The descriptions are loaded once, when the first thing is checked. What a platform *does* with what it is sent, as the
answer that refuses it, is for the servers themselves (`discord_rules.py`).
"""

import importlib.util
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

SPECS = Path(__file__).resolve().parents[3] / "shared" / "specs"

ABSENT = "the platforms' descriptions (../shared/specs) are absent: what is sent is held against nothing"

NOT_DESCRIBED_FROM = 500
"""Discord's description says nothing of its own failures."""


def is_absent() -> bool:
    return not SPECS.is_dir()


def discord_request(method: str, path: str, query: Mapping[str, str], body: Any) -> list[str]:
    """Check a REST request of the bot."""
    if is_absent():
        return []
    faults: list[str] = _discord().request(method, path, query, body)
    return faults


def discord_answer(method: str, path: str, status: int, answer: Any) -> list[str]:
    """Check what the local Discord answers a REST request."""
    if is_absent() or status >= NOT_DESCRIBED_FROM:
        return []
    faults: list[str] = _discord().response(method, path, status, answer)
    return faults


def gateway_sent(frame: Mapping[str, Any]) -> list[str]:
    """Check a frame that the local Discord sends."""
    if is_absent() or frame["t"] == "RESUMED":  # it has data, which the description leaves out
        return []
    faults: list[str] = _gateway().server(frame)
    return faults


def gateway_received(frame: Mapping[str, Any]) -> list[str]:
    """Check a frame that the bot sends."""
    if is_absent():
        return []
    faults: list[str] = _gateway().client(frame)
    return faults


def telegram_call(method: str, params: Mapping[str, str]) -> list[str]:
    """Check a call of the bot."""
    if is_absent():
        return []
    faults: list[str] = _telegram().call(method, params)
    return faults


def telegram_result(method: str, result: Any) -> list[str]:
    """Check what the local Bot API server says that a method came to."""
    if is_absent():
        return []
    faults: list[str] = _telegram().result(method, result)
    return faults


def telegram_refusal(method: str, body: Mapping[str, Any]) -> list[str]:
    """Check the answer with which the local Bot API server refuses a call."""
    faults = [] if body.get("ok") is False else [f"{method}: a refusal is not ok=false"]
    if not isinstance(body.get("error_code"), int) or not isinstance(body.get("description"), str):
        faults.append(f"{method}: a refusal has an error_code and a description")
    if "parameters" in body and not is_absent():
        faults += _telegram()._one(f"{method} parameters", body["parameters"], "ResponseParameters")
    return faults


def telegram_update(update: Mapping[str, Any]) -> list[str]:
    """Check an update that the local Bot API server has for the bot."""
    if is_absent():
        return []
    faults: list[str] = _telegram().update(update)
    return faults


def raise_violations(violations: Sequence[str], under_way: BaseException | None) -> None:
    """End a local server: raise if anything broke a description, or add it to the error that ends the server anyway."""
    if not violations:
        return
    told = "what crossed the local server breaks the platform's description:\n" + "\n".join(dict.fromkeys(violations))
    if under_way is None:
        raise AssertionError(told)
    under_way.add_note(told)


@contextmanager
def noting_failures(violations: list[str], *, but: type[Exception] | None = None) -> Iterator[None]:
    """Note an error of a local server itself, which a client that tries again would hide.

    Parameters
    ----------
    violations
        Where to note it.
    but
        What the server raises to refuse.
    """
    try:
        yield
    except Exception as exc:
        if but is None or not isinstance(exc, but):
            violations.append(f"the local server failed: {exc!r}")
        raise


@cache
def _discord() -> Any:
    return _checker("discord_spec", "DiscordSpec", SPECS / "discord-openapi.json")


@cache
def _gateway() -> Any:
    return _checker("discord_gateway_spec", "GatewaySpec", SPECS)


@cache
def _telegram() -> Any:
    return _checker("telegram_spec", "TelegramSpec", SPECS / "telegram-bot-api.json")


def _checker(module_name: str, class_name: str, path: Path) -> Any:
    found = importlib.util.spec_from_file_location(module_name, SPECS / f"{module_name}.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):  # files are left to the interpreter
        return getattr(module, class_name)(str(path))
