"""The commands that admins have: the table, and what each answers."""

from collections.abc import Awaitable, Callable, Mapping

from adapters.base import Command, IncomingMessage, Progress, Reply
from bot.reloading import Reloader

Answer = Callable[[IncomingMessage, Progress], Awaitable[Reply | None]]
"""Answers a command; whether its sender may use it is settled before."""

_RELOAD = "Load the trained model and the intents file anew (admins)"
_RELOAD_DESCRIPTIONS = {
    "de": "Das trainierte Modell und die Intents-Datei neu laden (Admins)",
    "es": "Volver a cargar el modelo entrenado y el archivo de intenciones (admins)",
}

ADMIN_COMMANDS = (
    Command("admin reload", _RELOAD, admin_only=True, descriptions=_RELOAD_DESCRIPTIONS),
    Command("reload", _RELOAD, admin_only=True, descriptions=_RELOAD_DESCRIPTIONS),
)


class AdminDesk:
    """Answers what admins ask for.

    Parameters
    ----------
    reloader
        Puts another model in service.
    """

    def __init__(self, reloader: Reloader) -> None:
        self._reloader = reloader

    @property
    def answers(self) -> Mapping[str, Answer]:
        """What answers each command, by its name."""
        return {"admin reload": self._reload, "reload": self._reload}

    async def _reload(self, _message: IncomingMessage, progress: Progress) -> Reply | None:
        return Reply(await self._reloader.reload(progress), private=True)
