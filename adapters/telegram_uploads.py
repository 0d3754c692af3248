"""Images and files that go with an answer to Telegram.

A text is never the caption of an image: whether an upload arrived is at times not known, and the text is sent in any
case, but once. It may import python-telegram-bot and this package.
"""

import logging
from functools import partial

from telegram import InputFile, ReplyParameters
from telegram.constants import ChatAction, FileSizeLimit
from telegram.error import BadRequest

from adapters.attachments import LoadedFile, is_address, load_file
from adapters.base import ReplyAttachment
from adapters.dispatch import answer_with_typing
from adapters.telegram_delivery import Chat
from adapters.telegram_html import as_written
from adapters.telegram_polling import reason

logger = logging.getLogger(__name__)

ACTION_EVERY_S = 4.0
"""Telegram shows a chat action for 5 s."""


async def send_attachment(chat: Chat, attachment: ReplyAttachment, below: ReplyParameters | None) -> list[str]:
    """Send an image or a file, in another form if Telegram does not take it as it is; what cannot be read is logged.

    Returns
    -------
    list of str
        The ids of the messages.

    Raises
    ------
    telegram.error.TelegramError
        It was not sent, or nobody knows whether it was.
    """
    if is_address(attachment):
        return [await _send_address(chat, attachment, below)]
    file = await load_file(attachment, FileSizeLimit.FILESIZE_UPLOAD)
    if file is None:
        return []
    if attachment.is_image and len(file.data) <= FileSizeLimit.PHOTOSIZE_UPLOAD:
        try:
            return [await _send(chat, _upload(file), below, is_photo=True)]
        except BadRequest as exc:  # its sides are too long or too unlike, or it is none that Telegram knows
            logger.info("Telegram takes %s for no photo, so it goes as a file: %s", attachment.source, reason(exc))
    return [await _send(chat, _upload(file), below, is_photo=False)]


async def _send_address(chat: Chat, attachment: ReplyAttachment, below: ReplyParameters | None) -> str:
    try:
        return await _send(chat, attachment.source, below, is_photo=attachment.is_image)
    except BadRequest as exc:  # what it fetches is limited in size and kind
        logger.info("Telegram does not fetch %s, so the address is sent: %s", attachment.source, reason(exc))
        return await chat.send_text(as_written(attachment.source), below)


async def _send(chat: Chat, source: str | InputFile, below: ReplyParameters | None, *, is_photo: bool) -> str:
    action = ChatAction.UPLOAD_PHOTO if is_photo else ChatAction.UPLOAD_DOCUMENT
    sending = chat.send_file(source, below, is_photo=is_photo)
    return await answer_with_typing(sending, partial(chat.show, action), every_s=ACTION_EVERY_S)


def _upload(file: LoadedFile) -> InputFile:
    return InputFile(file.data, filename=file.name)
