"""Servers' settings that several processes share: read from memory, kept fresh by announcements."""

import logging
from contextlib import suppress

from bot.database import Database
from bot.server_settings import ServerSettings, ServerSettingsStore, from_json, to_json
from bot.shared.link import RedisLink, StateAwayError, key
from bot.shared.news import News

logger = logging.getLogger(__name__)

TTL_S = 400 * 86_400
"""Longer than any process runs without a start, each of which writes what it knows."""

KIND = "settings"


class SharedServerSettings(ServerSettingsStore):
    """The settings of all servers.

    What Redis has lost comes back from the file of the process that starts next.

    Parameters
    ----------
    database
        Of this process.
    link
        To the Redis that all processes share.
    news
        Announces changes.
    """

    def __init__(self, database: Database, link: RedisLink, news: News) -> None:
        super().__init__(database)
        self._link = link
        self._news = news
        self._unsent: set[tuple[str, str]] = set()
        self._has_offered = False
        news.on(KIND, self._heard)
        link.on_return(self._catch_up)

    async def load(self) -> None:
        """Read what was kept here and in Redis, where the latter counts; while Redis is away, what was kept here."""
        await super().load()
        with suppress(StateAwayError):  # it is caught up with when Redis is back
            await self._offer_all()
            await self._read_all()

    async def put(self, platform: str, server_id: str, settings: ServerSettings) -> None:
        """Set what holds in a server from now on, in every process; see `ServerSettingsStore.put`.

        While Redis is away it holds here at once, and in the others when it is back.
        """
        await self._send(platform, server_id, settings)
        await super().put(platform, server_id, settings)

    async def move(self, platform: str, old_id: str, new_id: str) -> None:
        """Take the settings of a group along to its new id; see `ServerSettingsStore.move`."""
        await super().move(platform, old_id, new_id)
        await self._send(platform, old_id, None)

    async def _send(self, platform: str, server_id: str, settings: ServerSettings | None) -> None:
        name = key(KIND, platform, server_id)
        try:
            if settings is None:
                await self._link.do("DEL", name)
            else:
                await self._link.do("SET", name, to_json(settings), "EX", TTL_S)
            await self._news.tell(KIND, platform, server_id)
        except StateAwayError:
            self._unsent.add((platform, server_id))

    async def _catch_up(self) -> None:
        """Tell what was set meanwhile here, and hear what was elsewhere."""
        unsent, self._unsent = self._unsent, set()
        for platform, server_id in unsent:
            await self._send(platform, server_id, self._settings.get((platform, server_id)))
        if not self._has_offered:
            await self._offer_all()
        await self._read_all()

    async def _offer_all(self) -> None:
        """Give Redis what it has lost; once, since later what it does not have may have been moved elsewhere."""
        for (platform, server_id), settings in list(self._settings.items()):
            await self._link.do("SET", key(KIND, platform, server_id), to_json(settings), "NX", "EX", TTL_S)
        self._has_offered = True

    async def _read_all(self) -> None:
        for name in await self._link.find(f"{key(KIND)}:*"):
            platform, server_id = name.rsplit(":", 2)[1:]
            await self._heard(platform, server_id)

    async def _heard(self, platform: str, server_id: str) -> None:
        text = await self._link.do("GET", key(KIND, platform, server_id))
        if text is None:
            await self._drop(platform, server_id)
            return
        try:
            settings = from_json(text)
        except (ValueError, TypeError):
            logger.warning("the settings of %s %s in Redis cannot be read: they stay as they were", platform, server_id)
            return
        if settings != self.of_server(platform, server_id):
            await super().put(platform, server_id, settings)
