"""The page of the evaluation: the report that `scripts.evaluate --report` wrote, in a frame that may do nothing."""

import asyncio
from collections.abc import Sequence

from aiohttp import web

from bot.review.door import HEADERS
from bot.review.room import Page

FRAME_HEADERS = HEADERS | {
    # it brings styles and a script of its own; without an origin they reach neither session nor network
    "Content-Security-Policy": (
        "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline';"
        " img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
    ),
    "X-Frame-Options": "SAMEORIGIN",
    "Content-Type": "text/html; charset=utf-8",
}


class ReportPage(Page):
    """Shows the report."""

    @property
    def routes(self) -> Sequence[web.AbstractRouteDef]:
        """Where it is."""
        return (
            web.get("/evaluation", self.show, name="evaluation"),
            web.get("/evaluation/report", self.show_report, name="report"),
        )

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show the frame, or how to get a report."""
        rooms = self.rooms
        file = await asyncio.to_thread(rooms.report_file)
        values = {"has_report": file is not None, "bundle_path": rooms.bundle_path}
        return self._renderer.page(request, "evaluation.html", values)

    async def show_report(self, _request: web.Request) -> web.StreamResponse:
        """Show the report itself."""
        file = await asyncio.to_thread(self.rooms.report_file)
        if file is None:
            raise web.HTTPNotFound
        return web.FileResponse(file, headers=FRAME_HEADERS)
