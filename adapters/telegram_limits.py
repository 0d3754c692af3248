"""How fast the bot may call Telegram: what it holds back by itself, and the pauses that Telegram asks for.

Imports python-telegram-bot, the library of limits that it builds on, and nothing of Parley. The library's own limiter
counts a chat action like a message, stops every chat when one is refused, and knows no limit for a private chat.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from aiolimiter import AsyncLimiter
from telegram.constants import FloodLimit
from telegram.error import RetryAfter
from telegram.ext import BaseRateLimiter

logger = logging.getLogger(__name__)

FLOOD_RETRIES = 5
"""How often a call that Telegram refused with 429 is made again, each time after the pause that it asked for."""

MARGIN_S = 0.1
"""Waited beyond that pause: Telegram tells it in whole seconds."""

PRIVATE_BURST = 10
"""Messages that may follow each other at once in a private chat, where one a second may be sent in the long run."""

UNCOUNTED = frozenset({"sendChatAction", "answerCallbackQuery", "answerInlineQuery"})
"""What is of use at once or not at all: it waits for nothing, takes nobody's turn, and is not repeated."""

FEW_CHATS = 512
"""Up to so many chats are kept track of even if they are quiet."""

Made = bool | dict[str, Any] | list[dict[str, Any]]
"""What a call returns."""


@dataclass(slots=True)
class _Chat:
    """One chat's share of calls, and until when Telegram wants none, by the loop's clock."""

    share: AsyncLimiter
    paused_until_s: float = 0.0

    def is_quiet(self) -> bool:
        return self.paused_until_s <= _now_s() and self.share.has_capacity(self.share.max_rate)


class ChatLimits(BaseRateLimiter[int]):
    """Holds calls back within the limits that Telegram names, for a chat and overall, and repeats what it refused.

    A 429 means that nothing was sent. It holds up its own chat, no other one.

    Parameters
    ----------
    is_throttling
        Whether calls are held back before Telegram asks for it.
    """

    def __init__(self, *, is_throttling: bool = True) -> None:
        self._is_throttling = is_throttling
        self._overall = AsyncLimiter(FloodLimit.MESSAGES_PER_SECOND, 1)
        self._chats: dict[object, _Chat] = {}
        self._many_chats = FEW_CHATS

    async def initialize(self) -> None:
        """Do nothing."""

    async def shutdown(self) -> None:
        """Do nothing."""

    async def process_request(  # noqa: PLR0917 - the library's signature
        self,
        callback: Callable[..., Coroutine[Any, Any, Made]],
        args: Any,  # noqa: ANN401 - passed through
        kwargs: dict[str, Any],
        endpoint: str,
        data: dict[str, Any],
        rate_limit_args: int | None,  # noqa: ARG002 - the library's signature
    ) -> Made:
        """Make a call when its turn has come, and again after each pause that Telegram asks for.

        Raises
        ------
        RetryAfter
            Telegram has asked for more pauses than are made, or for one that is of no use.
        """
        if endpoint in UNCOUNTED:
            return await callback(*args, **kwargs)
        chat = self._chat(data.get("chat_id"))
        for _ in range(FLOOD_RETRIES):
            await self._turn(chat)
            try:
                return await callback(*args, **kwargs)
            except RetryAfter as exc:
                pause_s = exc._retry_after.total_seconds() + MARGIN_S  # noqa: SLF001 - the public one warns of itself
                logger.info("Telegram asks for a pause of %.0f s before the next %s", pause_s, endpoint)
                chat.paused_until_s = _now_s() + pause_s
        await self._turn(chat)
        return await callback(*args, **kwargs)

    async def _turn(self, chat: _Chat) -> None:
        """Wait until a call is allowed."""
        if self._is_throttling:
            await chat.share.acquire()
            await self._overall.acquire()
        while (wait_s := chat.paused_until_s - _now_s()) > 0:  # noqa: ASYNC110 - a clock is no event
            await asyncio.sleep(wait_s)

    def _chat(self, chat_id: object) -> _Chat:
        """Return a chat; what concerns none is a chat of its own."""
        chat = self._chats.get(chat_id)
        if chat is None:
            self._forget_quiet_chats()
            chat = self._chats[chat_id] = _Chat(_share(chat_id))
        return chat

    def _forget_quiet_chats(self) -> None:
        if len(self._chats) < self._many_chats:
            return
        self._chats = {chat_id: chat for chat_id, chat in self._chats.items() if not chat.is_quiet()}
        self._many_chats = max(FEW_CHATS, 2 * len(self._chats))


def _share(chat_id: object) -> AsyncLimiter:
    """Return the limit of a chat; groups and channels have ids under zero."""
    if isinstance(chat_id, int) and chat_id < 0:
        return AsyncLimiter(FloodLimit.MESSAGES_PER_MINUTE_PER_GROUP, 60)
    if chat_id is None:
        return AsyncLimiter(FloodLimit.MESSAGES_PER_SECOND, 1)
    return AsyncLimiter(PRIVATE_BURST, PRIVATE_BURST)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
