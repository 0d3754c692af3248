"""What admins have to mend on a platform: said once for each sentence, in the log and in their chat."""

import asyncio
import logging
from collections import OrderedDict

from bot.handoff import Handoff

logger = logging.getLogger(__name__)

MOST_REMEMBERED = 1_000
"""Sentences that are not said again."""


class Notices:
    """Tells the admins.

    Parameters
    ----------
    handoff
        Knows their chats.
    """

    def __init__(self, handoff: Handoff) -> None:
        self._handoff = handoff
        self._said: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._posts: set[asyncio.Task[bool]] = set()

    def report(self, platform: str, fault: str) -> None:
        """Tell them of a fault, unless they were told."""
        if (platform, fault) in self._said:
            return
        self._said[platform, fault] = None
        if len(self._said) > MOST_REMEMBERED:
            self._said.popitem(last=False)
        logger.warning("%s: %s", platform, fault)
        if platform != "console" and self._handoff.reaches(platform):
            post = asyncio.create_task(self._handoff.tell(platform, fault), name=f"notice to {platform}")
            self._posts.add(post)
            post.add_done_callback(self._posts.discard)

    async def aclose(self) -> None:
        """Wait for no post any longer."""
        for post in self._posts:
            post.cancel()
        await asyncio.gather(*self._posts, return_exceptions=True)
