"""Sending answers to Telegram: in parts, with buttons, and what goes with them; and in the place of earlier ones.

Imports python-telegram-bot and this package, nothing else of Parley.
"""

import logging
from collections.abc import Callable, Sequence

from telegram import MaybeInaccessibleMessage, Message, ReplyParameters
from telegram.constants import ChatAction, ChatType
from telegram.error import TelegramError

from adapters.base import Reply
from adapters.formatting import utf16_length
from adapters.telegram_choices import keyboard, pressable
from adapters.telegram_delivery import Chat, tell_of_failure
from adapters.telegram_html import TEXT_LIMIT, render_parts
from adapters.telegram_messages import topic_of
from adapters.telegram_polling import PollingBot, reason
from adapters.telegram_uploads import send_attachment

logger = logging.getLogger(__name__)


class Place:
    """Where one message is answered: its chat, its topic and, in a group, below the message itself.

    Parameters
    ----------
    bot
        The connection.
    message
        What is answered, or has the button that was pressed.
    report
        Told of what an admin of the group has to mend.
    """

    def __init__(
        self,
        bot: PollingBot,
        message: MaybeInaccessibleMessage,
        report: Callable[[str], object] = logger.warning,
    ) -> None:
        self._asked_in = message.chat
        self._chat = Chat(bot, message.chat.id, topic_of(message))
        self._below: ReplyParameters | None = None
        if message.chat.type != ChatType.PRIVATE:
            self._below = ReplyParameters(message.message_id, allow_sending_without_reply=True)
        self._report = report
        self._progress_id: str | None = None

    async def show_typing(self) -> None:
        await self._chat.show(ChatAction.TYPING)

    async def show_progress(self, text: str) -> None:
        """Send the first sentence as a message, and put each later one in its place."""
        sentence = next(iter(render_parts(text)), None)
        if sentence is None:
            return
        try:
            if self._progress_id is None or not await self._chat.change_text(self._progress_id, sentence):
                self._progress_id = await self._chat.send_text(sentence, self._below)
        except TelegramError as exc:
            logger.debug("progress was not shown in Telegram: %s", reason(exc))

    async def say(self, reply: Reply, owner_id: str) -> list[str]:
        """Send an answer in as many messages as it needs, and after it what goes with it; what fails is logged.

        Parameters
        ----------
        reply
            The answer. Its choices, or its thumbs, stand under the last part of the text.
        owner_id
            Who may choose: a person, or a group as its anonymous admins. A channel gets its choices as text.

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
        reply = pressable(reply, owner_id, self._asked_in.id)
        parts = render_parts(reply.text)
        buttons = [None] * (len(parts) - 1) + [keyboard(reply, owner_id)]
        ids: list[str] = []
        try:
            for part, under, earlier_id in zip(parts, buttons, earlier_ids, strict=False):
                if not await self._chat.change_text(earlier_id, part, under):
                    break
                ids.append(earlier_id)
            n_edited = len(ids)
            for part, under in list(zip(parts, buttons, strict=False))[n_edited:]:
                ids.append(await self._chat.send_text(part, None if ids else self._below, under))
        except TelegramError as exc:
            tell_of_failure("an answer", self._asked_in, exc, self._report)
            return ids + list(earlier_ids[len(ids) :])
        for attachment in reply.attachments:
            try:
                ids += await send_attachment(self._chat, attachment, self._below)
            except TelegramError as exc:
                tell_of_failure(attachment.source, self._asked_in, exc, self._report)
        await self._chat.delete(earlier_ids[n_edited:])
        return ids


async def post(bot: PollingBot, chat_id: int, text: str) -> None:
    """Send a text to a chat, in as many messages as it needs; raises what the library raises."""
    chat = Chat(bot, chat_id)
    for part in render_parts(text):
        await chat.send_text(part)


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
