"""Sending answers to Telegram: in parts, with buttons, images and files.

Imports python-telegram-bot and this package, nothing else of Parley.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

from telegram import InlineKeyboardMarkup, InputFile, MaybeInaccessibleMessage, Message, ReplyParameters
from telegram.constants import ChatAction, ChatType, FileSizeLimit, ParseMode
from telegram.error import BadRequest, ChatMigrated, TelegramError

from adapters.attachments import is_address, load_file
from adapters.base import Reply, ReplyAttachment
from adapters.formatting import utf16_length
from adapters.telegram_choices import keyboard
from adapters.telegram_html import TEXT_LIMIT, Rendered, as_written, render_parts
from adapters.telegram_messages import topic_of
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


class Place:
    """Where one message is answered: its chat, its topic and, in a group, below the message itself."""

    def __init__(self, bot: PollingBot, message: MaybeInaccessibleMessage) -> None:
        self._bot = bot
        self._chat_id = message.chat.id
        self._thread_id = topic_of(message)
        self._below: ReplyParameters | None = None
        if message.chat.type != ChatType.PRIVATE:
            self._below = ReplyParameters(message.message_id, allow_sending_without_reply=True)
        self._progress_id: str | None = None

    async def show_typing(self) -> None:
        await self._bot.send_chat_action(self._chat_id, ChatAction.TYPING, message_thread_id=self._thread_id)

    async def show_progress(self, text: str) -> None:
        """Send the first sentence as a message, and put each later one in its place."""
        sentence = next(iter(render_parts(text)), None)
        if sentence is None:
            return
        try:
            if self._progress_id is None or not await self._change(self._progress_id, sentence, None):
                self._progress_id = str((await self._send(sentence, self._below)).message_id)
        except TelegramError as exc:
            logger.debug("progress was not shown in Telegram: %s", reason(exc))

    async def say(self, reply: Reply, owner_id: str) -> list[str]:
        """Send an answer in as many messages as it needs, and after it what goes with it; what fails is logged.

        Parameters
        ----------
        reply
            The answer. Its choices stand under the last part of the text.
        owner_id
            The person who may choose.

        Returns
        -------
        list of str
            The ids of the messages as which it stands now.
        """
        return await self.edit(reply, owner_id, ())

    async def edit(self, reply: Reply, owner_id: str, earlier_ids: Sequence[str]) -> list[str]:
        """Put an answer in the place of an earlier one; what fails is logged.

        From the first message on that cannot be edited, the answer is sent anew, as are its images and files. What is
        left of the earlier answer is deleted, once the new one stands.

        Parameters
        ----------
        reply, owner_id
            As for `say`.
        earlier_ids
            What `say` or `edit` returned for the earlier answer.

        Returns
        -------
        list of str
            The ids of the messages as which it stands now.
        """
        parts = render_parts(reply.text)
        buttons = keyboard(reply, owner_id)
        ids: list[str] = []
        try:
            for part, earlier_id in zip(parts, earlier_ids, strict=False):
                if not await self._change(earlier_id, part, buttons if len(ids) + 1 == len(parts) else None):
                    break
                ids.append(earlier_id)
            n_edited = len(ids)
            for part in parts[n_edited:]:
                is_last = len(ids) + 1 == len(parts)
                sent = await self._send(part, None if ids else self._below, buttons if is_last else None)
                ids.append(str(sent.message_id))
        except TelegramError as exc:
            logger.warning("an answer was not sent to Telegram chat %s: %s", self._chat_id, reason(exc))
            return ids + list(earlier_ids[len(ids) :])
        for attachment in reply.attachments:
            try:
                ids += await self._attach(attachment)
            except TelegramError as exc:
                logger.warning("%s was not sent to Telegram: %s", attachment.source, reason(exc))
        await self._delete(earlier_ids[n_edited:])
        return ids

    async def _change(self, message_id: str, text: Rendered, buttons: InlineKeyboardMarkup | None) -> bool:
        """Edit a message of the bot; False if it is gone, too old or no text."""

        async def change(chat_id: int, words: str, parse_mode: ParseMode | None) -> Message | bool:
            return await self._bot.edit_message_text(
                words, chat_id, int(message_id), parse_mode=parse_mode, reply_markup=buttons
            )

        try:
            await self._deliver(partial(_formatted, text, change))
        except BadRequest as exc:
            if UNCHANGED not in exc.message.lower():
                logger.debug("an answer in Telegram cannot be edited and is sent anew: %s", reason(exc))
                return False
        return True

    async def _delete(self, message_ids: Sequence[str]) -> None:
        if not message_ids:
            return
        try:
            await self._deliver(lambda chat_id: self._bot.delete_messages(chat_id, [int(one) for one in message_ids]))
        except TelegramError as exc:
            logger.debug("an earlier answer was not deleted in Telegram: %s", reason(exc))

    async def _attach(self, attachment: ReplyAttachment) -> list[str]:
        """Send an image or a file; returns the ids of the messages."""
        if is_address(attachment):
            try:
                return await self._upload(attachment.source, is_image=attachment.is_image)
            except BadRequest as exc:  # what it fetches is limited in size and kind
                logger.info("Telegram does not fetch %s, so the address is sent: %s", attachment.source, reason(exc))
                return [str((await self._send(as_written(attachment.source), None)).message_id)]
        limit = FileSizeLimit.PHOTOSIZE_UPLOAD if attachment.is_image else FileSizeLimit.FILESIZE_UPLOAD
        file = await load_file(attachment, limit)
        if file is None:
            return []
        return await self._upload(InputFile(file.data, filename=file.name), is_image=attachment.is_image)

    async def _upload(self, source: str | InputFile, *, is_image: bool) -> list[str]:
        async def send(chat_id: int) -> Message:
            if is_image:
                return await self._bot.send_photo(
                    chat_id, source, message_thread_id=self._thread_id, read_timeout=UPLOAD_TIMEOUT_S
                )
            return await self._bot.send_document(
                chat_id, source, message_thread_id=self._thread_id, read_timeout=UPLOAD_TIMEOUT_S
            )

        return [str((await self._deliver(send)).message_id)]

    async def _send(
        self, text: Rendered, below: ReplyParameters | None, buttons: InlineKeyboardMarkup | None = None
    ) -> Message:
        async def send(chat_id: int, words: str, parse_mode: ParseMode | None) -> Message:
            return await self._bot.send_message(
                chat_id,
                words,
                parse_mode,
                message_thread_id=self._thread_id,
                reply_parameters=below,
                reply_markup=buttons,
            )

        return await self._deliver(partial(_formatted, text, send))

    async def _deliver(self, call: Call[T]) -> T:
        try:
            return await repeat_if_never_sent(lambda: call(self._chat_id))
        except ChatMigrated as exc:
            self._chat_id = exc.new_chat_id
            return await repeat_if_never_sent(lambda: call(self._chat_id))


async def _formatted(text: Rendered, send: SendText[T], chat_id: int) -> T:
    """Send a text with its formatting; if Telegram cannot read that, without it."""
    try:
        return await send(chat_id, text.html, ParseMode.HTML)
    except BadRequest as exc:
        if UNREADABLE not in exc.message.lower():
            raise
        logger.warning("an answer goes to Telegram without its formatting: %s", reason(exc))
        return await send(chat_id, text.plain, None)


async def post(bot: PollingBot, chat_id: int, text: str) -> None:
    """Send a text to a chat, in as many messages as it needs; raises what the library raises."""
    for part in render_parts(text):
        send = partial(_formatted, part, bot.send_message)
        try:
            await repeat_if_never_sent(partial(send, chat_id))
        except ChatMigrated as exc:
            chat_id = exc.new_chat_id
            await repeat_if_never_sent(partial(send, chat_id))


async def acknowledge(bot: PollingBot, query_id: str, sentence: str | None) -> None:
    """End the waiting that Telegram shows on a pressed button, with a sentence or without."""
    try:
        await bot.answer_callback_query(query_id, sentence)
    except TelegramError as exc:  # most often the press is too old
        logger.debug("a press was not acknowledged in Telegram: %s", reason(exc))


async def show_chosen(bot: PollingBot, message: MaybeInaccessibleMessage, title: str) -> None:
    """Take the buttons from under a message, and tell in it what was chosen; it may be gone by now."""
    chat_id, message_id = message.chat.id, message.message_id
    asked = message.text if isinstance(message, Message) else None
    text = f"{asked}\n\n→ {title}" if asked and title else ""
    try:
        if isinstance(message, Message) and text and utf16_length(text) <= TEXT_LIMIT:
            # Marks keep their places; the bare text would lose them.
            await bot.edit_message_text(text, chat_id, message_id, entities=message.entities)
        else:
            await bot.edit_message_reply_markup(chat_id, message_id)
    except TelegramError as exc:
        logger.debug("pressed buttons were not taken away in Telegram: %s", reason(exc))
