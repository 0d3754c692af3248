"""Edited questions: how the messages of their answers are changed in place.

It may import discord.py, what that builds on, and this package.
"""

from collections import deque
from collections.abc import Sequence

import discord
from discord.http import Route

from adapters.discord_choices import Json
from adapters.discord_faults import LIBRARY_ERRORS, log_unsent
from adapters.discord_requests import repeat
from adapters.discord_sending import Part, Send


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
