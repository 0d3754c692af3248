"""One chat of Telegram, to which things are sent and in which they are changed, and what is said when that fails.

Imports python-telegram-bot and this package, nothing else of Parley.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

from telegram import Chat as TelegramChat
from telegram import InlineKeyboardMarkup, InputFile, Message, ReplyParameters
from telegram.constants import ChatAction, ParseMode
from telegram.error import BadRequest, ChatMigrated, Forbidden, TelegramError

from adapters.formatting import plain_name
from adapters.telegram_html import Rendered
from adapters.telegram_polling import PollingBot, reason, repeat_if_never_sent

logger = logging.getLogger(__name__)

UPLOAD_TIMEOUT_S = 60.0
"""How long Telegram may take over a file, above all one that it fetches itself."""

T = TypeVar("T")

Call = Callable[[int], Awaitable[T]]
"""Does something in the chat of an id."""

SendText = Callable[[int, str, ParseMode | None], Awaitable[T]]
"""Sends words in a parse mode to the chat of an id."""

UNREADABLE = "can't parse entities"
"""What Telegram says of formatting that it cannot read."""

UNCHANGED = "message is not modified"
"""What Telegram says of an edit that would leave everything as it is."""

NO_TOPIC = "message thread not found"
"""What Telegram says of a topic that was deleted."""

MENDS = {
    "topic_closed": "reopen the topic, or let me manage topics",
    "rights": "give me the right to send messages, photos and files",
    "_forbidden": "give me the right to send messages, photos and files",
    "chat_restricted": "give me the right to send messages, photos and files",
}
"""What an admin of a group can do about a refusal, by what Telegram says of it."""


class Chat:
    """A chat, or a topic in it; a group that becomes a supergroup is followed.

    Parameters
    ----------
    bot
        The connection.
    chat_id, thread_id
        Where things are sent.
    """

    def __init__(self, bot: PollingBot, chat_id: int, thread_id: int | None = None) -> None:
        self._bot = bot
        self._thread_id = thread_id
        self.chat_id = chat_id

    async def show(self, action: ChatAction) -> None:
        """Show for five seconds what the bot is about."""
        await self._bot.send_chat_action(self.chat_id, action, message_thread_id=self._thread_id)

    async def send_text(
        self, text: Rendered, below: ReplyParameters | None = None, buttons: InlineKeyboardMarkup | None = None
    ) -> str:
        """Send a text; returns the message's id."""

        async def send(chat_id: int, words: str, parse_mode: ParseMode | None) -> Message:
            return await self._bot.send_message(
                chat_id,
                words,
                parse_mode,
                message_thread_id=self._thread_id,
                reply_parameters=below,
                reply_markup=buttons,
            )

        return str((await self._deliver(partial(_formatted, text, send))).message_id)

    async def send_file(self, source: str | InputFile, below: ReplyParameters | None, *, is_photo: bool) -> str:
        """Send an uploaded file, or one that Telegram fetches from an address; returns the message's id."""

        async def send(chat_id: int) -> Message:
            method = self._bot.send_photo if is_photo else self._bot.send_document
            return await method(
                chat_id,
                source,
                message_thread_id=self._thread_id,
                reply_parameters=below,
                read_timeout=UPLOAD_TIMEOUT_S,
            )

        return str((await self._deliver(send)).message_id)

    async def change_text(self, message_id: str, text: Rendered, buttons: InlineKeyboardMarkup | None = None) -> bool:
        """Edit a message of the bot; False if it is gone, too old or no text."""

        async def change(chat_id: int, words: str, parse_mode: ParseMode | None) -> Message | bool:
            return await self._bot.edit_message_text(
                words, chat_id, int(message_id), parse_mode=parse_mode, reply_markup=buttons
            )

        try:
            await self._deliver(partial(_formatted, text, change))
        except BadRequest as exc:
            if UNCHANGED not in exc.message.lower():
                logger.debug("a message in Telegram cannot be edited: %s", reason(exc))
                return False
        return True

    async def delete(self, message_ids: Sequence[str]) -> None:
        """Delete messages of the bot, as far as they can be."""
        if not message_ids:
            return
        try:
            await self._deliver(lambda chat_id: self._bot.delete_messages(chat_id, [int(one) for one in message_ids]))
        except TelegramError as exc:
            logger.debug("messages were not deleted in Telegram: %s", reason(exc))

    async def _deliver(self, call: Call[T]) -> T:
        try:
            return await repeat_if_never_sent(lambda: call(self.chat_id))
        except ChatMigrated as exc:
            self.chat_id = exc.new_chat_id
            return await repeat_if_never_sent(lambda: call(self.chat_id))


async def _formatted(text: Rendered, send: SendText[T], chat_id: int) -> T:
    """Send a text with its formatting; if Telegram cannot read that, without it."""
    try:
        return await send(chat_id, text.html, ParseMode.HTML)
    except BadRequest as exc:
        if UNREADABLE not in exc.message.lower():
            raise
        logger.warning("a text goes to Telegram without its formatting: %s", reason(exc))
        return await send(chat_id, text.plain, None)


def tell_of_failure(what: str, chat: TelegramChat, exc: TelegramError, report: Callable[[str], object]) -> None:
    """Say why something was not sent: to the admins what one of them can mend, else to the log.

    Parameters
    ----------
    what
        What was not sent.
    chat
        The chat for which it was.
    exc
        What Telegram, or the library, said.
    report
        Tells the admins.
    """
    if isinstance(exc, Forbidden) or NO_TOPIC in reason(exc).lower():  # nobody waits for an answer there
        logger.info("%s was not sent to Telegram chat %s: %s", what, chat.id, reason(exc))
        return
    mend = next((mend for sign, mend in MENDS.items() if sign in reason(exc).lower()), None)
    if isinstance(exc, BadRequest) and mend is not None:
        where = plain_name(chat.title or str(chat.id))
        report(f"Telegram does not let me answer in {where} ({plain_name(reason(exc))}): {mend}.")
    else:
        logger.warning("%s was not sent to Telegram chat %s: %s", what, chat.id, reason(exc))
