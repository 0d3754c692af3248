"""Passing a member on to a person: who is told, what, and what happens when nobody can be reached."""

import asyncio
from typing import Any

import pytest

from adapters.errors import PlatformUnavailableError
from bot.handoff import MAX_QUOTED, Handoff
from tests.unit.fakes import said


class Platform:
    """An adapter that remembers what is posted, or takes nothing."""

    platform = "discord"

    def __init__(self, *, is_away: bool = False) -> None:
        self.connected = asyncio.Event()
        self.posted: list[tuple[str, str]] = []
        self._is_away = is_away

    async def run(self, stopping: asyncio.Event) -> None:
        await stopping.wait()

    async def post(self, conversation_id: str, text: str) -> None:
        if self._is_away:
            raise PlatformUnavailableError("Discord is not connected")
        self.posted.append((conversation_id, text))


def handoff_to(platform: Platform, **chats: str) -> Handoff:
    handoff = Handoff(chats)
    handoff.connect({"discord": platform})
    return handoff


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({}, "a direct message"),
        ({"is_direct": False, "server_name": "Chess"}, "Chess"),
        ({"is_direct": False}, "a group"),
    ],
)
async def test_the_admins_read_who_where_and_what(changes: dict[str, Any], where: str) -> None:
    """The name, the place, the ids to answer by, and the member's words as a quotation."""
    platform = Platform()
    assert await handoff_to(platform, discord="77").post(said("x", **changes), "it broke\nagain")
    ((chat, text),) = platform.posted
    assert chat == "77"
    assert text == f"Ann asks for a person, in {where}.\nMember ann, conversation here\n> it broke\n> again"


async def test_the_members_words_stay_theirs() -> None:
    """Nothing that they write looks as if the bot had written it: a link says where it leads, and no line is bare."""
    platform = Platform()
    await handoff_to(platform, discord="77").post(said("x"), "**it** broke\r[a](https://x.org/b_c)\n>>> y")
    assert platform.posted[0][1].splitlines()[2:] == [
        r"> \*\*it\*\* broke",
        r"> \[a\](https://x.org/b_c)",
        r"> \>\>\> y",
    ]


async def test_a_long_message_is_cut() -> None:
    """Admins get the beginning."""
    platform = Platform()
    await handoff_to(platform, discord="77").post(said("x"), "y" * 10_000)
    assert len(platform.posted[0][1]) < MAX_QUOTED + 200


async def test_nobody_is_reached_without_a_chat_or_an_adapter() -> None:
    """Both the setting and the platform are needed."""
    assert not handoff_to(Platform()).reaches("discord")
    assert not handoff_to(Platform(), telegram="5").reaches("telegram")
    assert handoff_to(Platform(), discord="77").reaches("discord")


async def test_a_platform_that_is_away_is_told() -> None:
    """The member is not promised what did not happen."""
    assert not await handoff_to(Platform(is_away=True), discord="77").post(said("x"), "x")
