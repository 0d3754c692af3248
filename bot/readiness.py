"""Whether the process can answer yet, and still. Standard library only."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(slots=True)
class Readiness:
    """What has to be there before messages are answered; filled in while the process starts.

    Parameters
    ----------
    stopping
        Set once the process takes no new messages.
    bundle
        Returns the name of the bundle in service; None before the first is loaded.
    platforms
        By name, the event that is set while a platform delivers messages; None before they are known.
    """

    stopping: asyncio.Event
    bundle: Callable[[], str] | None = None
    platforms: Mapping[str, asyncio.Event] | None = None

    def missing(self) -> tuple[str, ...]:
        """Return what is missing, a phrase each."""
        faults = []
        if self.stopping.is_set():
            faults.append("the process is stopping")
        if self.bundle is None:
            faults.append("no bundle is loaded")
        if self.platforms is None:
            faults.append("no platform is started")
        faults += [f"{name} is not connected" for name, event in (self.platforms or {}).items() if not event.is_set()]
        return tuple(faults)
