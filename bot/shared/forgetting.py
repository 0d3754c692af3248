"""Forgetting a person in what each process keeps for itself: announced by a hash, which tells nobody who it was."""

from collections.abc import Sequence
from typing import Protocol

from bot.database import Database
from bot.inbox_export import InboxExport
from bot.shared.link import RedisLink
from bot.shared.news import News
from bot.shared.once import hashed_name

KIND = "forget"


class OwnStore(Protocol):
    """What one process alone keeps of people."""

    async def people(self) -> set[tuple[str, str]]:
        """Return of whom anything is kept, by platform and id."""

    async def forget_person(self, platform: str, user_id: str) -> None:
        """Forget a person of a platform, in all conversations."""


class ForgottenElsewhere:
    """Asks the other processes to forget whom this one forgets, and is asked by them.

    Parameters
    ----------
    link, news
        To the Redis that all processes share, and what is announced there.
    stores
        What this process alone keeps.
    export
        The file with the inbox, which does not say whose each text is.
    database
        Where some of them keep their rows.
    """

    def __init__(
        self, link: RedisLink, news: News, stores: Sequence[OwnStore], export: InboxExport, database: Database
    ) -> None:
        self._link = link
        self._news = news
        self._stores = stores
        self._export = export
        self._database = database
        news.on(KIND, self._heard, also_earlier=True)

    async def forget_person(self, platform: str, user_id: str) -> None:
        """Have the others forget a person.

        Raises
        ------
        StateAwayError
            They cannot be told.
        """
        await self._news.tell(KIND, hashed_name(self._link, "person", platform, user_id))

    async def _heard(self, hashed: str) -> None:
        self._export.remove()
        for store in self._stores:
            for platform, user_id in await store.people():
                if hashed_name(self._link, "person", platform, user_id) == hashed:
                    await store.forget_person(platform, user_id)
        await self._database.scrub()
