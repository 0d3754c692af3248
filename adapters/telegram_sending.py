"""Sending answers to Telegram: in parts, with buttons, images and files.

Imports python-telegram-bot and this package, nothing else of Parley.
"""

import logging
from collections.abc import Awaitable, Callable
from functools import partial

from telegram import InlineKeyboardMarkup, InputFile, MaybeInaccessibleMessage, Message, ReplyParameters
from telegram.constants import ChatAction, ChatType, FileSizeLimit, MessageLimit
from telegram.error import BadRequest, ChatMigrated, TelegramError

from adapters.attachments import is_address, load_file
from adapters.base import Reply, ReplyAttachment
from adapters.formatting import split_text, utf16_length
from adapters.telegram_choices import keyboard
from adapters.telegram_messages import to_utf16, topic_of
from adapters.telegram_polling import PollingBot, reason, repeat_if_never_sent

logger = logging.getLogger(__name__)

UPLOAD_TIMEOUT_S = 60.0
"""How long Telegram may take over a file, above all one that it fetches itself."""

Call = Callable[[int], Awaitable[Message]]
"""Sends something to the chat of an id."""


class Place:
    """Where one message is answered: its chat, its topic and, in a group, below the message itself."""

    def __init__(self, bot: PollingBot, message: MaybeInaccessibleMessage) -> None:
        self._bot = bot
        self._chat_id = message.chat.id
        self._thread_id = topic_of(message)
        self._below: ReplyParameters | None = None
        if message.chat.type != ChatType.PRIVATE:
            self._below = ReplyParameters(message.message_id, allow_sending_without_reply=True)
        self._progress_id: int | None = None

    async def show_typing(self) -> None:
        await self._bot.send_chat_action(self._chat_id, ChatAction.TYPING, message_thread_id=self._thread_id)

    async def show_progress(self, text: str) -> None:
        """Send the first sentence as a message, and put each later one in its place."""
        sentence = next(iter(_parts(text)), None)
        if sentence is None:
            return
        try:
            if self._progress_id is None:
                self._progress_id = (await self._send(sentence, self._below)).message_id
            else:
                await self._bot.edit_message_text(sentence, chat_id=self._chat_id, message_id=self._progress_id)
        except TelegramError as exc:
            logger.debug("progress was not shown in Telegram: %s", reason(exc))

    async def say(self, reply: Reply, owner_id: str) -> None:
        """Send an answer in as many messages as it needs, and after it what goes with it; what fails is logged.

        Parameters
        ----------
        reply
            The answer. Its choices stand under the last part of the text.
        owner_id
            The person who may choose.
        """
        below = self._below
        parts = _parts(reply.text)
        try:
            for i, part in enumerate(parts, 1):
                await self._send(part, below, keyboard(reply.choices, owner_id) if i == len(parts) else None)
                below = None
        except TelegramError as exc:
            logger.warning("an answer was not sent to Telegram chat %s: %s", self._chat_id, reason(exc))
            return
        for attachment in reply.attachments:
            try:
                await self._attach(attachment)
            except TelegramError as exc:
                logger.warning("%s was not sent to Telegram: %s", attachment.source, reason(exc))

    async def _attach(self, attachment: ReplyAttachment) -> None:
        if is_address(attachment):
            try:
                await self._upload(attachment.source, is_image=attachment.is_image)
            except BadRequest as exc:  # what it fetches is limited in size and kind
                logger.info("Telegram does not fetch %s, so the address is sent: %s", attachment.source, reason(exc))
                await self._send(attachment.source, None)
            return
        limit = FileSizeLimit.PHOTOSIZE_UPLOAD if attachment.is_image else FileSizeLimit.FILESIZE_UPLOAD
        file = await load_file(attachment, limit)
        if file is not None:
            await self._upload(InputFile(file.data, filename=file.name), is_image=attachment.is_image)

    async def _upload(self, source: str | InputFile, *, is_image: bool) -> None:
        async def send(chat_id: int) -> Message:
            if is_image:
                return await self._bot.send_photo(
                    chat_id, source, message_thread_id=self._thread_id, read_timeout=UPLOAD_TIMEOUT_S
                )
            return await self._bot.send_document(
                chat_id, source, message_thread_id=self._thread_id, read_timeout=UPLOAD_TIMEOUT_S
            )

        await self._deliver(send)

    async def _send(
        self, text: str, below: ReplyParameters | None, buttons: InlineKeyboardMarkup | None = None
    ) -> Message:
        async def send(chat_id: int) -> Message:
            return await self._bot.send_message(
                chat_id, text, message_thread_id=self._thread_id, reply_parameters=below, reply_markup=buttons
            )

        return await self._deliver(send)

    async def _deliver(self, send: Call) -> Message:
        try:
            return await repeat_if_never_sent(lambda: send(self._chat_id))
        except ChatMigrated as exc:
            self._chat_id = exc.new_chat_id
            return await repeat_if_never_sent(lambda: send(self._chat_id))


async def post(bot: PollingBot, chat_id: int, text: str) -> None:
    """Send a text to a chat, in as many messages as it needs; raises what the library raises."""
    for part in _parts(text):
        try:
            await repeat_if_never_sent(partial(bot.send_message, chat_id, part))
        except ChatMigrated as exc:
            chat_id = exc.new_chat_id
            await repeat_if_never_sent(partial(bot.send_message, chat_id, part))


async def acknowledge(bot: PollingBot, query_id: str, sentence: str | None) -> None:
    """End the waiting that Telegram shows on a pressed button, with a sentence or without."""
    try:
        await bot.answer_callback_query(query_id, sentence)
    except TelegramError as exc:  # most often the press is too old
        logger.debug("a press was not acknowledged in Telegram: %s", reason(exc))


async def show_chosen(bot: PollingBot, message: MaybeInaccessibleMessage, title: str) -> None:
    """Take the buttons from under a message, and tell in it what was chosen; it may be gone by now."""
    chat_id, message_id = message.chat.id, message.message_id
    text = f"{message.text}\n\n→ {title}" if isinstance(message, Message) and message.text and title else ""
    try:
        if text and utf16_length(text) <= MessageLimit.MAX_TEXT_LENGTH:
            await bot.edit_message_text(text, chat_id=chat_id, message_id=message_id)
        else:
            await bot.edit_message_reply_markup(chat_id=chat_id, message_id=message_id)
    except TelegramError as exc:
        logger.debug("pressed buttons were not taken away in Telegram: %s", reason(exc))


def _parts(text: str) -> list[str]:
    """Split a text into messages that Telegram takes: no lone surrogates, none blank."""
    sendable = to_utf16(text).decode("utf-16-le", "replace")
    return [part for part in split_text(sendable, MessageLimit.MAX_TEXT_LENGTH, utf16_length) if part.strip()]
