"""All that processes share, opened and closed together."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.shared.line import Line
from bot.shared.link import RedisLink, StateAwayError
from bot.shared.news import News

logger = logging.getLogger(__name__)


RELOAD = "reload"
"""The announcement that another model or catalog serves."""


@dataclass(frozen=True, slots=True)
class SharedState:
    """The links to one Redis, the lines of messages, and the announcements."""

    link: RedisLink
    line: Line
    news: News

    @classmethod
    async def open(cls, url: str) -> "SharedState":
        """Connect.

        Raises
        ------
        SharedStateError
            Redis cannot be used.
        """
        link, reading = await asyncio.gather(RedisLink.open(url), RedisLink.open(url, is_quiet=True))
        return cls(link, Line(link), News(link, reading))

    async def start(self, *, on_reload: Callable[[], Awaitable[str]]) -> None:
        """Take part from now on.

        Parameters
        ----------
        on_reload
            Puts in service what another process has put there.
        """

        async def follow() -> None:
            told = await on_reload()
            logger.info("another process has reloaded; here: %s", told)

        self.news.on(RELOAD, follow)
        await self.line.start()
        await self.news.start()

    async def announce_reload(self) -> None:
        """Have the other processes put in service what this one has."""
        try:
            await self.news.tell(RELOAD)
        except StateAwayError:
            logger.warning("Redis is away: the other processes do not hear of this reload; reload once more later")

    async def close(self) -> None:
        """Take part no more, and disconnect."""
        await self.news.close()
        await self.line.close()
        await self.link.close()
