"""The page on which an admin asks a model before it serves."""

import asyncio
import re
from collections.abc import Sequence

from aiohttp import web

from bot.review.room import Page, field
from bot.review.trials import MAX_TEXT, Trial, TrialError
from model.versions import versions

MAX_CONTEXTS = 20


class TrialPage(Page):
    """Asks models; each question stands for itself."""

    @property
    def routes(self) -> Sequence[web.AbstractRouteDef]:
        """Where it is."""
        return (web.get("/try", self.show, name="trial"), web.post("/try", self.ask, name="trial"))

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show the form; a link may name the model."""
        return await self._shown(request, request.query.get("model", ""))

    async def ask(self, request: web.Request) -> web.StreamResponse:
        """Ask, and show what the model makes of it."""
        form = await request.post()
        name, text, contexts = field(form, "model"), field(form, "text"), field(form, "contexts")
        self.note("a model was asked")
        try:
            trial = await self.rooms.trials.ask(name, text, _names(contexts))
        except TrialError as error:
            return await self._shown(request, name, text, contexts, fault=str(error), status=422)
        return await self._shown(request, name, text, contexts, trial=trial)

    async def _shown(
        self,
        request: web.Request,
        name: str,
        text: str = "",
        contexts: str = "",
        *,
        trial: Trial | None = None,
        fault: str = "",
        status: int = 200,
    ) -> web.Response:
        rooms = self.rooms
        kept = await asyncio.to_thread(versions, rooms.reloader.models_dir)
        serving = rooms.inference.classifier.bundle.name
        names = [one.name for one in kept]
        values = {
            "names": names if serving in names else [serving, *names],
            "serving": serving,
            "chosen": name or serving,
            "text": text,
            "contexts": contexts,
            "most": MAX_TEXT,
            "trial": trial,
            "fault": fault,
        }
        return self._renderer.page(request, "try.html", values, status=status)


def _names(typed: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one for one in re.split(r"[\s,]+", typed.strip()) if one))[:MAX_CONTEXTS]
