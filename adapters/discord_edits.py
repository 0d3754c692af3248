"""Edited questions: as which messages their answers stand, and how those are changed in place.

It may import discord.py, what that builds on, and this package.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import discord
from discord.http import Route

from adapters.discord_choices import Json
from adapters.discord_faults import LIBRARY_ERRORS, log_unsent
from adapters.discord_requests import repeat
from adapters.discord_sending import Part, Send

EDITABLE_S = 3_600.0
"""What was asked longer ago is not answered anew: nobody looks there."""

MOST_REMEMBERED = 1_000


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer that was sent.

    Parameters
    ----------
    question
        By what the question is told from an edited one; nothing that was said is kept.
    ids
        The messages of the answer, in their order.
    sent_at_s
        When, by the clock of `Answers`.
    """

    question: int
    ids: tuple[str, ...]
    sent_at_s: float


class Answers:
    """The latest answers by the ids of their questions, bounded in number and age.

    Parameters
    ----------
    clock
        Tells the time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._answers: OrderedDict[str, Answered] = OrderedDict()

    def remember(self, question_id: str, text: str, ids: Sequence[str]) -> None:
        """Take note of an answer; the oldest one gives way."""
        self._answers[question_id] = Answered(hash(text), tuple(ids), self._clock())
        self._answers.move_to_end(question_id)
        if len(self._answers) > MOST_REMEMBERED:
            self._answers.popitem(last=False)

    def to_change(self, question_id: str, text: str) -> tuple[str, ...]:
        """Return the messages to change if a question now says something else; none if it does not."""
        answered = self._answers.get(question_id)
        if answered is None or self._clock() - answered.sent_at_s > EDITABLE_S or answered.question == hash(text):
            return ()
        return answered.ids


class Replacement:
    """Sends an answer into the messages of an earlier one.

    Parameters
    ----------
    client, channel_id
        Where they stand.
    ids
        The earlier messages, in their order.
    send_new
        Sends what finds no message to change.
    """

    def __init__(self, client: discord.Client, channel_id: int, ids: Sequence[str], send_new: Send) -> None:
        self._client = client
        self._channel_id = channel_id
        self._ids = deque(ids)
        self._send_new = send_new
        self._is_whole = False

    async def send(self, part: Part) -> str | None:
        """Change the next message, or send a new one; one that members have deleted is passed over."""
        self._is_whole = False
        while self._ids:
            try:
                await repeat(self._client, self._route(self._ids[0]), _changed(part), part.files)
            except discord.NotFound:
                self._ids.popleft()
            else:
                self._is_whole = True
                return self._ids.popleft()
        new_id = await self._send_new(part)
        self._is_whole = True
        return new_id

    async def drop_rest(self) -> list[str]:
        """Delete the messages that the new answer does not need, and return those that stay: it could not be sent."""
        while self._ids and self._is_whole:
            try:
                await self._client.http.delete_message(self._channel_id, int(self._ids.popleft()))
            except LIBRARY_ERRORS as exc:
                log_unsent(exc)
        return list(self._ids)

    def _route(self, message_id: str) -> Route:
        path = "/channels/{channel_id}/messages/{message_id}"
        return Route("PATCH", path, channel_id=self._channel_id, message_id=message_id)


def _changed(part: Part) -> Json:
    """Return a message as a change of another, of which nothing stays."""
    return {"components": [], "embeds": [], "attachments": [], **part.payload()}
