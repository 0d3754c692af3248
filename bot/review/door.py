"""Who may enter the review page, and what each of its answers tells browsers to forbid.

Without a password's hash, whoever sits at this machine; with one, whoever logged in. Every form carries the token of
its session, so that no other site can send one in an admin's name.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web

from bot.review.attempts import Attempts
from bot.review.callers import caller_of, sits_here
from bot.review.lane import Lane, LaneFullError
from bot.review.password import PasswordHash
from bot.review.sessions import LONGEST_S, Session, Sessions

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

COOKIE = "parley_review"
PATH = "/review"

SESSION = web.RequestKey("session", Session)
"""Of a request that was let in; a request to the open pages has none."""

OPEN_ROUTES = frozenset({"login", "static"})
"""The routes that need no session: the form of the password, its sending, and what it looks like."""

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
    "Server": "Parley",
}
"""Of every answer; a page may set stricter or other ones of its own."""


class EntryRefusedError(Exception):
    """A request is not let in.

    Parameters
    ----------
    status
        Of the answer.
    sentence
        What its reader can do.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Door:
    """Lets admins in.

    Parameters
    ----------
    password
        None where whoever sits at this machine is an admin.
    sessions, attempts
        Who is in, and who tried.
    """

    def __init__(
        self, password: PasswordHash | None, sessions: Sessions | None = None, attempts: Attempts | None = None
    ) -> None:
        self.password = password
        self._sessions = sessions or Sessions()
        self._attempts = attempts or Attempts()
        self._lane = Lane()

    async def admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer a request if its sender may, with a session at hand.

        Raises
        ------
        EntryRefusedError
            Its sender may not.
        HTTPSeeOther
            Whoever asks for a page may log in first.
        """
        if self.password is None and not sits_here(request):
            raise EntryRefusedError(
                403,
                "This page is for this machine alone, under the name localhost or 127.0.0.1. To open it from elsewhere,"
                " set REVIEW_PASSWORD_HASH.",
            )
        is_form = request.method not in {"GET", "HEAD"}
        if is_form and request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
            raise EntryRefusedError(403, "This form was sent by another site.")
        session = self._sessions.find(request.cookies.get(COOKIE, ""))
        if request.match_info.route.name in OPEN_ROUTES:
            return await handler(request)
        opened = ""
        if session is None and self.password is None and not is_form:
            opened, session = self._sessions.open()
        if session is None:
            if not is_form:
                raise web.HTTPSeeOther(f"{PATH}/login")
            raise EntryRefusedError(403, "You are not logged in, or not any more. Nothing was done.")
        if is_form and not session.knows(await _token(request)):
            raise EntryRefusedError(403, "This form is not of your session. Open its page again. Nothing was done.")
        request[SESSION] = session
        response = await handler(request)
        if opened:
            _give_cookie(request, response, opened)
        return response

    async def log_in(self, request: web.Request, password: str) -> web.Response:
        """Open a session for whoever knows the password.

        Raises
        ------
        EntryRefusedError
            It is wrong, was tried too often from there, or too many are before it.
        """
        if self.password is None:
            return _elsewhere()
        address = caller_of(request)
        wait_s = self._attempts.wait_s(address)
        if wait_s:
            raise EntryRefusedError(429, f"Too many attempts. Try again in {wait_s} seconds.")
        rank = self._attempts.rank(address)
        self._attempts.failed(address)  # until it turns out otherwise, so that attempts side by side count as well
        try:
            async with self._lane.turn(rank):  # each takes 32 MB
                is_right = await asyncio.to_thread(self.password.matches, password)
                if not is_right:
                    await asyncio.sleep(self._attempts.pause_s())
        except LaneFullError:
            raise EntryRefusedError(429, "Too many are trying to log in. Try again in a minute.") from None
        if not is_right:
            logger.warning("review page: a wrong password from %s", address)
            raise EntryRefusedError(401, "That is not the password.")
        self._attempts.succeeded(address)
        self._sessions.close(request.cookies.get(COOKIE, ""))
        session_id, _ = self._sessions.open()
        logger.info("review page: logged in from %s", address)
        response = _elsewhere()
        _give_cookie(request, response, session_id)
        return response

    def log_out(self, request: web.Request) -> web.Response:
        """Close the session of a request."""
        self._sessions.close(request.cookies.get(COOKIE, ""))
        response = _elsewhere()
        response.del_cookie(COOKIE, path=PATH)
        return response


async def _token(request: web.Request) -> str:
    """Return the token that a form brought; empty for anything but a form."""
    if request.content_type != "application/x-www-form-urlencoded":
        return ""
    return str((await request.post()).get("token", ""))


def _elsewhere() -> web.Response:
    return web.Response(status=303, headers={"Location": f"{PATH}/"})


def _give_cookie(request: web.Request, response: web.StreamResponse, session_id: str) -> None:
    is_https = request.secure or request.headers.get("X-Forwarded-Proto", "").casefold() == "https"
    response.set_cookie(
        COOKIE, session_id, path=PATH, max_age=int(LONGEST_S), httponly=True, samesite="Strict", secure=is_https
    )
