"""What Telegram delivers, as messages of the bot: pure functions.

It may import python-telegram-bot and this package.
"""

from collections.abc import Collection, Iterable
from datetime import datetime

from telegram import CallbackQuery, Chat, MaybeInaccessibleMessage, Message, MessageEntity, Update, User
from telegram.constants import ChatType

from adapters.base import IncomingMessage
from adapters.formatting import plain_name

PLATFORM = "telegram"

START = "start"
"""What Telegram sends when somebody opens a chat with the bot; every bot has it, and no table names it."""


def to_message(update: Update, me: User, commands: Collection[str]) -> IncomingMessage | None:
    """Read a new text message of a person that is meant for the bot; None is everything else.

    Parameters
    ----------
    update
        What Telegram delivered.
    me
        The bot itself.
    commands
        The names in the command table. In a group a command that names no bot is taken only if it is one of them,
        for every other bot there is offered it as well.
    """
    message = update.message
    if message is None or message.text is None or not _by_person(message):
        return None
    is_direct = message.chat.type == ChatType.PRIVATE
    cut = [entity for entity in message.entities if _is_mention(entity, message.text, me)]
    command = None
    leading = _leading_command(message)
    if leading is None:
        is_addressed = is_direct or bool(cut) or _is_reply_to(message, me)
    else:
        cut.insert(0, leading)
        command, _, target = _words_of(leading, message.text)[1:].lower().partition("@")
        named = target == (me.username or "").lower()
        is_addressed = named if target else is_direct or command == START or command in commands
    if not is_addressed:
        return None
    return _incoming(message, _without(message.text, cut), command)


def _by_person(message: Message) -> bool:
    """Whether a person wrote it: no bot, no inline result, no channel and no group speaking as itself."""
    sender = message.from_user
    return sender is not None and not sender.is_bot and message.via_bot is None and message.sender_chat is None


def _is_mention(entity: MessageEntity, text: str, me: User) -> bool:
    if entity.type == MessageEntity.TEXT_MENTION:
        return entity.user is not None and entity.user.id == me.id
    return entity.type == MessageEntity.MENTION and _words_of(entity, text).lower() == f"@{me.username}".lower()


def _is_reply_to(message: Message, me: User) -> bool:
    earlier = message.reply_to_message
    # Whatever is said in a topic counts as a reply to the message that opened it, and the bot may have opened it.
    if earlier is None or earlier.forum_topic_created is not None:
        return False
    return earlier.from_user is not None and earlier.from_user.id == me.id


def _leading_command(message: Message) -> MessageEntity | None:
    commands = (e for e in message.entities if e.type == MessageEntity.BOT_COMMAND and e.offset == 0)
    return next(commands, None)


def _words_of(entity: MessageEntity, text: str) -> str:
    """Return what an entity covers; it counts in UTF-16 units."""
    return _from_utf16(to_utf16(text)[2 * entity.offset : 2 * (entity.offset + entity.length)])


def _without(text: str, entities: Iterable[MessageEntity]) -> str:
    """Cut entities out of a text, with the blanks before each."""
    units = to_utf16(text)
    for entity in sorted(entities, key=lambda entity: entity.offset, reverse=True):
        before, after = units[: 2 * entity.offset], units[2 * (entity.offset + entity.length) :]
        units = to_utf16(_from_utf16(before).rstrip()) + after
    return _from_utf16(units).strip()


def to_utf16(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


def _from_utf16(units: bytes) -> str:
    return units.decode("utf-16-le", "surrogatepass")


def _incoming(message: Message, text: str, command: str | None) -> IncomingMessage:
    sender = message.from_user
    assert sender is not None
    return IncomingMessage(
        platform=PLATFORM,
        conversation_id=_conversation_id(message),
        user_id=str(sender.id),
        message_id=str(message.message_id),
        text=text,
        display_name=plain_name(sender.first_name),
        is_direct=message.chat.type == ChatType.PRIVATE,
        is_addressed=True,
        locale=sender.language_code,
        received_at=message.date,
        command=command,
        server_name=_server_name(message.chat),
    )


def press_to_message(query: CallbackQuery, choice_id: str, *, received_at: datetime) -> IncomingMessage | None:
    """Return a press of a button as a message, whose text is what the button says; None if it stands in no chat.

    Parameters
    ----------
    query
        The press.
    choice_id
        What the button stands for.
    received_at
        The present, for Telegram does not tell when a button was pressed.
    """
    if query.message is None:
        return None
    return IncomingMessage(
        platform=PLATFORM,
        conversation_id=_conversation_id(query.message),
        user_id=str(query.from_user.id),
        message_id=query.id,
        text=_title(query),
        display_name=plain_name(query.from_user.first_name),
        is_direct=query.message.chat.type == ChatType.PRIVATE,
        is_addressed=True,
        locale=query.from_user.language_code,
        received_at=received_at,
        choice_id=choice_id,
        server_name=_server_name(query.message.chat),
    )


def _title(query: CallbackQuery) -> str:
    """Return what the pressed button says; nothing if Telegram shows the message no longer, for its age."""
    message = query.message
    rows = message.reply_markup.inline_keyboard if isinstance(message, Message) and message.reply_markup else ()
    return next((button.text for row in rows for button in row if button.callback_data == query.data), "")


def topic_of(message: MaybeInaccessibleMessage) -> int | None:
    """Return the topic of a forum in which a message stands."""
    return message.message_thread_id if isinstance(message, Message) and message.is_topic_message else None


def _conversation_id(message: MaybeInaccessibleMessage) -> str:
    topic_id = topic_of(message)
    return f"{message.chat.id}" if topic_id is None else f"{message.chat.id}:{topic_id}"


def _server_name(chat: Chat) -> str:
    return plain_name(chat.title or "")
