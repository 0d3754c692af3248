"""The first words in a server or group: what the bot can do, how to ask it, who reads the answers. Said once."""

from typing import Protocol

from adapters.base import Reply
from bot.database import Database
from bot.inference import Inference
from bot.words import say

SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS greeted_servers (
        platform TEXT NOT NULL, server_id TEXT NOT NULL, PRIMARY KEY (platform, server_id)
    )
    """,
)

N_EXAMPLES = 3

WAYS_TO_ASK = {"discord": "how_discord"}
"""How the bot is asked, by platform; elsewhere as on Telegram."""


class Greeted(Protocol):
    """Where it is kept who was greeted: in this process's database, or somewhere that several processes share."""

    async def add(self, platform: str, server_id: str) -> bool:
        """Take note of a server; False where that was done since the bot was added.

        Raises
        ------
        DatabaseError
            Whether it was cannot be told.
        """

    async def remove(self, platform: str, server_id: str) -> None:
        """Forget a server.

        Raises
        ------
        DatabaseError
            It cannot be forgotten.
        """

    async def move(self, platform: str, old_id: str, new_id: str) -> None:
        """Take note that a group has another id, and was greeted under the old one.

        Raises
        ------
        DatabaseError
            It cannot be kept.
        """


class GreetedServers:
    """The servers that were greeted, in the database.

    Parameters
    ----------
    database
        Has the tables of `SCHEMA`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, platform: str, server_id: str) -> bool:
        """Take note of a server; see `Greeted.add`."""
        sql = "INSERT OR IGNORE INTO greeted_servers VALUES (?, ?)"
        return bool(await self._database.execute(sql, (platform, server_id)))

    async def remove(self, platform: str, server_id: str) -> None:
        """Forget a server; see `Greeted.remove`."""
        await self._database.execute(
            "DELETE FROM greeted_servers WHERE platform = ? AND server_id = ?", (platform, server_id)
        )

    async def move(self, platform: str, old_id: str, new_id: str) -> None:
        """Take note that a group has another id; see `Greeted.move`."""
        await self._database.execute(
            "UPDATE OR REPLACE greeted_servers SET server_id = ? WHERE platform = ? AND server_id = ?",
            (new_id, platform, old_id),
        )


class Greeter:
    """Greets servers and groups.

    Parameters
    ----------
    greeted
        Knows who was greeted.
    inference
        Knows what can be asked.
    """

    def __init__(self, greeted: Greeted, inference: Inference) -> None:
        self._greeted = greeted
        self._inference = inference

    async def joined(self, platform: str, server_id: str, locale: str | None) -> Reply | None:
        """Return the greeting; None where it was said since the bot was added.

        Raises
        ------
        DatabaseError
            Whether it was said cannot be told.
        """
        if not await self._greeted.add(platform, server_id):
            return None
        examples = self._inference.classifier_of(platform, server_id).catalog.examples(N_EXAMPLES)
        return Reply(
            say(
                "greeting",
                locale,
                how=say(WAYS_TO_ASK.get(platform, "how_telegram"), locale),
                examples="\n".join(f"- {text}" for text in examples),
                who_sees=say("who_sees", locale),
            )
        )

    async def left(self, platform: str, server_id: str) -> None:
        """Take note that the bot was removed: whoever adds it again is greeted again.

        Raises
        ------
        DatabaseError
            It cannot be kept.
        """
        await self._greeted.remove(platform, server_id)

    async def move(self, platform: str, old_id: str, new_id: str) -> None:
        """Take note that a group has another id, and was greeted under the old one.

        Raises
        ------
        DatabaseError
            It cannot be kept.
        """
        await self._greeted.move(platform, old_id, new_id)
