"""Discord's own descriptions, from ``../shared/specs``: what the local Discord and the bot say is held against them."""

import importlib.util
import warnings
from functools import cache
from pathlib import Path
from typing import Any

SPECS = Path(__file__).resolve().parents[3] / "shared" / "specs"


@cache
def load_spec() -> tuple[Any, Any] | None:
    """Load the checkers of REST traffic and of gateway frames; None where the descriptions are absent."""
    if not SPECS.is_dir():
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # they leave closing their files to the interpreter
        return (
            _module("discord_spec").DiscordSpec(str(SPECS / "discord-openapi.json")),
            _module("discord_gateway_spec").GatewaySpec(str(SPECS)),
        )


def _module(name: str) -> Any:
    found = importlib.util.spec_from_file_location(name, SPECS / f"{name}.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module
