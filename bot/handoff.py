"""Passing a member on to a person: a message to the admins' chat of the member's platform."""

import logging
from collections.abc import Mapping

from adapters.base import Adapter, IncomingMessage
from adapters.errors import AdapterError
from adapters.formatting import plain_name

logger = logging.getLogger(__name__)

MAX_QUOTED = 1_000
"""Characters of a member's message that are passed on."""


class Handoff:
    """Posts to the admins' chats.

    Parameters
    ----------
    chats
        The id of the admins' chat by platform.
    """

    def __init__(self, chats: Mapping[str, str]) -> None:
        self._chats = chats
        self._adapters: dict[str, Adapter] = {}

    def connect(self, adapters: Mapping[str, Adapter]) -> None:
        """Say who posts; the adapters are built after what answers their messages."""
        self._adapters = dict(adapters)

    def reaches(self, platform: str) -> bool:
        """Whether the platform has an admins' chat."""
        return platform in self._chats and platform in self._adapters

    async def post(self, message: IncomingMessage, text: str) -> bool:
        """Tell the admins who asks for a person, where, and what they wrote; False if that could not be sent."""
        if not await self.tell(message.platform, _request(message, text)):
            return False
        logger.info("a member of %s was passed on to a person", message.platform)
        return True

    async def tell(self, platform: str, text: str) -> bool:
        """Tell the admins of a platform something; False if that could not be sent."""
        try:
            await self._adapters[platform].post(self._chats[platform], text)
        except AdapterError as error:
            logger.warning("the admins of %s could not be told: %s", platform, error)
            return False
        return True


def _request(message: IncomingMessage, text: str) -> str:
    where = "a direct message" if message.is_direct else message.server_name or "a group"
    quoted = text if len(text) <= MAX_QUOTED else f"{text[:MAX_QUOTED]} ..."
    lines = [
        f"{' '.join(message.display_name.split())} asks for a person, in {where}.",
        f"Member {message.user_id}, conversation {message.conversation_id}",
        *(f"> {plain_name(line)}" for line in quoted.splitlines()),
    ]
    return "\n".join(lines)
