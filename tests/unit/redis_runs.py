"""What tests of the shared state have in common: processes of one bot, as far as Redis can tell."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.shared.state import SharedState


async def _nothing() -> str:
    return ""


@asynccontextmanager
async def joined(url: str) -> AsyncIterator[SharedState]:
    """A process that takes part in the shared state."""
    shared = await SharedState.open(url)
    await shared.start(on_reload=_nothing)
    try:
        yield shared
    finally:
        await shared.close()
