"""What admins have to mend: said once, in the log and in their chat."""

import asyncio

import pytest

from adapters.errors import PlatformUnavailableError
from bot.handoff import Handoff
from bot.notices import MOST_REMEMBERED, Notices


class Platform:
    """An adapter that takes what is posted, when it is let."""

    platform = "discord"

    def __init__(self, *, is_away: bool = False) -> None:
        self.connected = asyncio.Event()
        self.posted: list[tuple[str, str]] = []
        self.is_posting = asyncio.Event()
        self._is_away = is_away

    async def run(self, stopping: asyncio.Event) -> None:
        await stopping.wait()

    async def post(self, conversation_id: str, text: str) -> None:
        self.posted.append((conversation_id, text))
        self.is_posting.set()
        if self._is_away:
            raise PlatformUnavailableError("Discord is not connected")


def notices_to(platform: Platform, **chats: str) -> Notices:
    handoff = Handoff(chats)
    handoff.connect({"discord": platform, "telegram": platform})
    return Notices(handoff)


@pytest.mark.parametrize("is_away", [False, True])
async def test_a_fault_is_told_once(is_away: bool, caplog: pytest.LogCaptureFixture) -> None:
    """In the log and in the chat of that platform's admins; another sentence is another fault."""
    platform = Platform(is_away=is_away)
    notices = notices_to(platform, discord="77")
    for _ in range(3):
        notices.report("discord", "I may not write in #news")
    notices.report("telegram", "I may not write in #news")
    await asyncio.wait_for(platform.is_posting.wait(), 10)
    await notices.aclose()
    assert platform.posted == [("77", "I may not write in #news")]
    messages = [record.getMessage() for record in caplog.records if record.name == "bot.notices"]
    assert messages == ["discord: I may not write in #news", "telegram: I may not write in #news"]


async def test_the_memory_of_faults_is_bounded() -> None:
    """A platform that says something new each time fills nothing."""
    notices = notices_to(Platform())
    for number in range(2 * MOST_REMEMBERED):
        notices.report("discord", str(number))
    assert len(notices._said) == MOST_REMEMBERED
