"""The first words in a server or group: what the bot can do, how to ask it, who reads the answers. Said once."""

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


class Greeter:
    """Greets servers and groups.

    Parameters
    ----------
    database
        Has the tables of `SCHEMA`.
    inference
        Knows what can be asked.
    """

    def __init__(self, database: Database, inference: Inference) -> None:
        self._database = database
        self._inference = inference

    async def joined(self, platform: str, server_id: str, locale: str | None) -> Reply | None:
        """Return the greeting; None where it was said since the bot was added.

        Raises
        ------
        DatabaseError
            Whether it was said cannot be told.
        """
        n_added = await self._database.execute(
            "INSERT OR IGNORE INTO greeted_servers VALUES (?, ?)", (platform, server_id)
        )
        if not n_added:
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
        await self._database.execute(
            "DELETE FROM greeted_servers WHERE platform = ? AND server_id = ?", (platform, server_id)
        )

    async def move(self, platform: str, old_id: str, new_id: str) -> None:
        """Take note that a group has another id, and was greeted under the old one.

        Raises
        ------
        DatabaseError
            It cannot be kept.
        """
        await self._database.execute(
            "UPDATE OR REPLACE greeted_servers SET server_id = ? WHERE platform = ? AND server_id = ?",
            (new_id, platform, old_id),
        )
