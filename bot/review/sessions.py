"""Who is logged in to the review page: sessions in memory, bounded, each with a token that its forms carry."""

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

IDLE_S = 2 * 3_600.0
LONGEST_S = 12 * 3_600.0
"""How long a session lasts unused, and at the longest."""

CAPACITY = 100
"""Sessions kept; the one unused for longest leaves first."""


@dataclass(slots=True)
class Session:
    """One browser.

    Parameters
    ----------
    token
        What every form of this session must bring.
    opened_at, used_at
        In seconds of the store's clock.
    told
        What came of the last action, until a page has shown it.
    """

    token: str = field(repr=False)
    opened_at: float
    used_at: float
    told: str = field(default="", repr=False)

    def knows(self, token: str) -> bool:
        """Whether a form is of this session, compared in constant time."""
        return hmac.compare_digest(token.encode("utf-8", "replace"), self.token.encode())

    def take_told(self) -> str:
        """Return what came of the last action, once."""
        told, self.told = self.told, ""
        return told


class Sessions:
    """The sessions that are open.

    Parameters
    ----------
    clock
        Returns seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sessions: OrderedDict[bytes, Session] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sessions)

    def open(self) -> tuple[str, Session]:
        """Return a new session, and the id that its browser keeps."""
        session_id, now = secrets.token_urlsafe(32), self._clock()
        session = Session(secrets.token_urlsafe(32), now, now)
        self._sessions[_key(session_id)] = session
        while len(self._sessions) > CAPACITY:
            self._sessions.popitem(last=False)
        return session_id, session

    def find(self, session_id: str) -> Session | None:
        """Return the session of an id; None if there is none, or none any more."""
        key, now = _key(session_id), self._clock()
        session = self._sessions.get(key)
        if session is None:
            return None
        if now - session.used_at >= IDLE_S or now - session.opened_at >= LONGEST_S:
            del self._sessions[key]
            return None
        session.used_at = now
        self._sessions.move_to_end(key)
        return session

    def close(self, session_id: str) -> None:
        """Forget a session."""
        self._sessions.pop(_key(session_id), None)


def _key(session_id: str) -> bytes:
    """Return what a session is kept under: how long a look-up takes tells nothing about the ids that there are."""
    return hashlib.sha256(session_id.encode("utf-8", "replace")).digest()
