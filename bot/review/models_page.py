"""The page of the models that are kept: which serves, and putting another in its place past every check."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from bot.review.rendering import Renderer
from bot.review.room import Page, field
from bot.review.rooms import Lobby
from model.bundle import MANIFEST_FILE
from model.versions import current_name, left_by_rollback, versions


@dataclass(frozen=True, slots=True)
class KeptModel:
    """A bundle as the page shows it.

    Parameters
    ----------
    name
        Of its directory.
    created_at
        When it was trained, aware.
    n_intents, accuracy, coverage
        Of its manifest; None where that does not tell.
    is_serving, is_current, is_left
        Whether it answers now, would after a restart, and was left by a rollback.
    """

    name: str
    created_at: datetime
    n_intents: int | None
    accuracy: float | None
    coverage: float | None
    is_serving: bool
    is_current: bool
    is_left: bool


class ModelsPage(Page):
    """Shows the models, reloads, and rolls back.

    Parameters
    ----------
    renderer, lobby
        As `Page` takes them.
    """

    def __init__(self, renderer: Renderer, lobby: Lobby) -> None:
        super().__init__(renderer, lobby)
        self._last: tuple[datetime, str] | None = None

    @property
    def routes(self) -> Sequence[web.AbstractRouteDef]:
        """Where it is."""
        return (
            web.get("/models", self.show, name="models"),
            web.post("/models/reload", self.reload, name="reload"),
            web.post("/models/rollback", self.rollback, name="rollback"),
        )

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show what is kept."""
        rooms = self.rooms
        serving = rooms.inference.classifier.bundle.name
        kept = await asyncio.to_thread(kept_models, rooms.reloader.models_dir, serving)
        values = {"kept": kept, "serving": await rooms.serving(), "last": self._last}
        return self._renderer.page(request, "models.html", values)

    async def reload(self, request: web.Request) -> web.StreamResponse:
        """Load the current model and the intents anew."""
        self.note("a reload was asked for")
        return self._ended(request, await self.rooms.reloader.reload(_silently))

    async def rollback(self, request: web.Request) -> web.StreamResponse:
        """Go back to a model."""
        name = field(await request.post(), "name")
        if not name:
            return self.back(request, "models", "Choose a model to go back to.")
        self.note("a rollback was asked for")
        return self._ended(request, await self.rooms.reloader.rollback(name, _silently))

    def _ended(self, request: web.Request, told: str) -> web.StreamResponse:
        self._last = (datetime.now(UTC), told)
        return self.back(request, "models", told)


def kept_models(models_dir: Path, serving: str) -> list[KeptModel]:
    """Return the bundles that are kept, the newest first. Blocking."""
    current, left = current_name(models_dir), left_by_rollback(models_dir)
    models = []
    for one in versions(models_dir):
        n_intents, accuracy, coverage = _figures(models_dir / one.name / MANIFEST_FILE)
        models.append(
            KeptModel(
                one.name,
                one.created_at,
                n_intents,
                accuracy,
                coverage,
                is_serving=one.name == serving,
                is_current=one.name == current,
                is_left=one.name == left,
            )
        )
    return models


def _figures(manifest: Path) -> tuple[int | None, float | None, float | None]:
    try:
        read = json.loads(manifest.read_bytes())
        metrics = read.get("metrics") or {}
        return len(read["labels"]), _share(metrics.get("accuracy")), _share(metrics.get("coverage"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None, None, None


def _share(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


async def _silently(_sentence: str) -> None:
    """Tell nothing meanwhile: the page comes with the result."""
