"""The page of what was not answered: an admin reads it, and types a pattern that the bot is to know."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from bot.database import DatabaseError
from bot.inbox_groups import Group, grouped
from bot.review.room import Page, field

N_SHOWN = 20
"""Groups on a page."""

N_QUESTIONS = 5
"""Questions of a group that are shown unfolded."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What an admin sent that could not be done, to be mended: for which group, what, and why not."""

    keys: Sequence[str]
    tag: str
    text: str
    fault: str


class InboxPage(Page):
    """Shows the inbox, assigns, dismisses, and takes back."""

    @property
    def routes(self) -> Sequence[web.AbstractRouteDef]:
        """Where it is."""
        return (
            web.get("/", self.show, name="inbox"),
            web.post("/assign", self.assign, name="assign"),
            web.post("/dismiss", self.dismiss, name="dismiss"),
            web.post("/undo", self.undo, name="undo"),
        )

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show the most frequent questions."""
        return await self._shown(request)

    async def assign(self, request: web.Request) -> web.StreamResponse:
        """Teach what the admin typed, and take the question off the list."""
        form = await request.post()
        keys, tag, text = _keys(form.getall("key", [])), field(form, "tag"), field(form, "pattern")
        rooms = self.rooms
        if not tag or not text.strip():
            return await self._shown(
                request, Draft(keys, tag, text, "Choose an intent, and type a question in your own words."), status=422
            )
        told = await rooms.teacher.add(rooms.lesson(), tag, text)
        self.note("a pattern was assigned" if told.is_taught else "a pattern was refused")
        if not told.is_taught:
            return await self._shown(request, Draft(keys, tag, text, told.text), status=422)
        return self.back(request, "", f"{told.text}\n{await self._removed(keys)}")

    async def dismiss(self, request: web.Request) -> web.StreamResponse:
        """Take a question off the list."""
        form = await request.post()
        self.note("a question was dismissed")
        return self.back(request, "", await self._removed(_keys(form.getall("key", []))))

    async def undo(self, request: web.Request) -> web.StreamResponse:
        """Take back the pattern that was taught last."""
        rooms = self.rooms
        told = await rooms.teacher.undo(rooms.lesson())
        self.note("the last pattern was to be taken back")
        return self.back(request, "", told)

    async def _removed(self, keys: Sequence[str]) -> str:
        try:
            n_removed = await self.rooms.inbox.remove(frozenset(keys))
        except DatabaseError as error:
            return f"The inbox cannot be changed: {error}"
        return "The question is off the list." if n_removed else "The question was off the list already."

    async def _shown(self, request: web.Request, draft: Draft | None = None, *, status: int = 200) -> web.Response:
        rooms, fault = self.rooms, ""
        groups: Sequence[Group] = ()
        try:
            entries = await rooms.inbox.entries()
        except DatabaseError as error:
            fault = f"The inbox cannot be read: {error}"
        else:
            patterns = [one for intent in rooms.inference.classifier.catalog.intents for one in intent.patterns]
            groups = await asyncio.to_thread(grouped, entries, patterns)
        n_pages = max(1, -(-len(groups) // N_SHOWN))
        number = min(n_pages, max(1, _number(request.query.get("page", ""))))
        values = {
            "mode": rooms.inbox.mode,
            "fault": fault,
            "groups": groups[(number - 1) * N_SHOWN : number * N_SHOWN],
            "n_groups": len(groups),
            "n_questions": N_QUESTIONS,
            "number": number,
            "n_pages": n_pages,
            "tags": rooms.lesson().tags,
            "draft": draft,
        }
        return self._renderer.page(request, "inbox.html", values, status=status)


def _keys(values: Sequence[object]) -> list[str]:
    return [one for one in values if isinstance(one, str)]


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 1  # noqa: PLR2004 - pages
