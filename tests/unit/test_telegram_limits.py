"""How fast the bot calls Telegram: within its limits, obedient to its pauses, and with nothing lost for it."""

import asyncio

import pytest
from telegram.error import RetryAfter

from adapters.telegram_limits import FEW_CHATS, FLOOD_RETRIES, MARGIN_S, PRIVATE_BURST, ChatLimits

ADA, BEN, CLUB, TEAM = 1, 2, -1001, -1002
LONG_S = 3600

# The library warns of its own attribute, whenever it is told to pause.
pytestmark = pytest.mark.filterwarnings("ignore:.*attribute `retry_after`:DeprecationWarning")


class Line:
    """Calls that reach Telegram; it refuses the next ones with the pauses in `refusals`, in seconds."""

    def __init__(self, limits: ChatLimits | None = None) -> None:
        self.made: list[tuple[str, int]] = []
        self.refusals: list[float] = []
        self.refused = asyncio.Event()
        self._limits = limits or ChatLimits()

    async def call(self, chat_id: int, method: str = "sendMessage") -> None:
        await self._limits.process_request(self._reach, (method, chat_id), {}, method, {"chat_id": chat_id}, None)

    async def _reach(self, method: str, chat_id: int) -> bool:
        if self.refusals:
            self.refused.set()
            raise RetryAfter(self.refusals.pop(0))
        self.made.append((method, chat_id))
        return True


async def waiting(line: Line, chat_id: int) -> asyncio.Task[None]:
    """Start a call, and let everything run that need not wait."""
    task = asyncio.create_task(line.call(chat_id))
    for _ in range(10):
        await asyncio.sleep(0)
    return task


@pytest.mark.parametrize(("chat_id", "n_at_once"), [(ADA, PRIVATE_BURST), (CLUB, 20)], ids=["private", "group"])
async def test_a_chat_has_its_limit(chat_id: int, n_at_once: int) -> None:
    """So many messages go out at once, and the next one waits; other chats and typing do not."""
    line = Line()
    for _ in range(n_at_once):
        await line.call(chat_id)
    task = await waiting(line, chat_id)
    assert not task.done()
    await line.call(chat_id, "sendChatAction")
    await line.call(BEN)
    await line.call(TEAM)
    assert len(line.made) == n_at_once + 3
    assert not task.done()
    task.cancel()


async def test_what_waits_goes_out_in_order() -> None:
    """In a private chat a message a second, once the burst is used up."""
    line = Line()
    began = asyncio.get_running_loop().time()
    for _ in range(PRIVATE_BURST + 1):
        await line.call(ADA)
    assert asyncio.get_running_loop().time() - began > 0.9
    assert len(line.made) == PRIVATE_BURST + 1


async def test_all_chats_together_have_a_limit() -> None:
    """Thirty messages a second, whoever they are for."""
    line = Line()
    began = asyncio.get_running_loop().time()
    await asyncio.gather(*(line.call(100 + i) for i in range(45)))
    assert asyncio.get_running_loop().time() - began > 0.45


@pytest.mark.parametrize("method", ["sendChatAction", "answerCallbackQuery", "answerInlineQuery"])
async def test_what_is_of_use_at_once_takes_no_turn(method: str) -> None:
    """However long typing was shown, the answer goes out at once; what is refused of it is not repeated."""
    line = Line()
    for _ in range(100):
        await line.call(CLUB, method)
    assert (await waiting(line, CLUB)).done()
    line.refusals = [LONG_S]
    with pytest.raises(RetryAfter):
        await line.call(CLUB, method)
    assert (await waiting(line, CLUB)).done()


async def test_a_pause_holds_up_its_own_chat_alone() -> None:
    """While one chat has to wait, the others are answered."""
    line = Line()
    line.refusals = [LONG_S]
    first = await waiting(line, CLUB)
    assert line.refused.is_set()
    second = await waiting(line, CLUB)
    assert not first.done()
    assert not second.done()
    await line.call(ADA)
    await line.call(TEAM)
    assert line.made == [("sendMessage", ADA), ("sendMessage", TEAM)]
    first.cancel()
    second.cancel()


async def test_what_is_refused_is_made_again() -> None:
    """Once, after as many pauses as Telegram asks for, each of the length that it asks for."""
    line = Line()
    line.refusals = [0.05] * FLOOD_RETRIES
    began = asyncio.get_running_loop().time()
    await line.call(ADA)
    assert asyncio.get_running_loop().time() - began > FLOOD_RETRIES * (0.05 + MARGIN_S) * 0.9
    assert line.made == [("sendMessage", ADA)]


async def test_pauses_without_end_are_a_failure() -> None:
    """The caller is told that nothing was sent."""
    line = Line()
    line.refusals = [0.0] * (FLOOD_RETRIES + 1)
    with pytest.raises(RetryAfter):
        await line.call(ADA)
    assert line.made == []


async def test_limits_can_be_off() -> None:
    """Then nothing is held back before Telegram asks for it."""
    line = Line(ChatLimits(is_throttling=False))
    tasks = [await waiting(line, CLUB) for _ in range(100)]
    assert all(task.done() for task in tasks)
    line.refusals = [LONG_S]
    task = await waiting(line, CLUB)
    assert not task.done()
    task.cancel()


async def test_quiet_chats_are_forgotten() -> None:
    """Memory does not grow with the number of people who ever wrote."""
    limits = ChatLimits(is_throttling=False)
    line = Line(limits)
    line.refusals = [LONG_S]
    task = await waiting(line, ADA)
    for chat_id in range(100, 100 + 10 * FEW_CHATS):
        await line.call(chat_id)
    assert len(limits._chats) <= FEW_CHATS
    assert not (await waiting(line, ADA)).done()  # a pause is not forgotten
    task.cancel()
