"""What Telegram delivers, as messages of the bot: pure functions.

It may import python-telegram-bot and this package.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from telegram import (
    CallbackQuery,
    Chat,
    ChatMember,
    ChatMemberRestricted,
    InlineQuery,
    MaybeInaccessibleMessage,
    Message,
    MessageEntity,
    Update,
    User,
)
from telegram.constants import ChatMemberStatus, ChatType

from adapters.base import IncomingMessage, Medium
from adapters.formatting import plain_name

PLATFORM = "telegram"

START = "start"
"""What Telegram sends when somebody opens a chat with the bot; every bot has it, and no table names it."""


@dataclass(frozen=True, slots=True)
class _Sender:
    """In whose name a message stands: a person, a group as its anonymous admin, or a channel."""

    id: str
    name: str
    locale: str | None = None
    is_channel: bool = False


def to_message(update: Update, me: User, commands: Collection[str]) -> IncomingMessage | None:
    """Read what a person says, anew or by an edit; None is whatever can be no question.

    In a group it need not be addressed to the bot: `IncomingMessage.is_addressed` tells. What a channel says there is
    read only if it is, for nobody waits for an answer to it.

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
    message = update.message or update.edited_message
    medium = None if message is None else _medium(message)
    sender = None if message is None else _sender(message)
    if message is None or medium is None or sender is None:
        return None
    text, entities = _text_of(message)
    is_direct = message.chat.type == ChatType.PRIVATE
    cut = [entity for entity in entities if _is_mention(entity, text, me)]
    command = None
    leading = _leading_command(entities)
    if leading is None:
        is_addressed = is_direct or bool(cut) or _is_reply_to(message, me)
    else:
        cut.insert(0, leading)
        command, _, target = _words_of(leading, text)[1:].lower().partition("@")
        named = target == (me.username or "").lower()
        is_addressed = named if target else is_direct or command == START or command in commands
        if not is_addressed:
            return None  # for another bot, and no talk either
    if sender.is_channel and not is_addressed:
        return None
    return IncomingMessage(
        platform=PLATFORM,
        conversation_id=_conversation_id(message),
        user_id=sender.id,
        message_id=str(message.message_id),
        text=_without(text, cut),
        display_name=plain_name(sender.name),
        is_direct=is_direct,
        is_addressed=is_addressed,
        locale=sender.locale,
        received_at=message.edit_date or message.date,
        command=command,
        is_edit=update.message is None,
        server_name=_server_name(message.chat),
        server_id=_server_id(message.chat),
        parent_id=_parent_id(message),
        replied_id=None if (earlier := _replied(message)) is None else str(earlier.message_id),
        is_to_others=_is_to_others(message, sender, me),
        medium=medium,
    )


def _sender(message: Message) -> _Sender | None:
    """Return in whose name a message stands; None for bots, and for what somebody sent through one."""
    user, chat = message.from_user, message.sender_chat
    if message.via_bot is not None:
        return None
    if chat is not None:  # the user beside it is made up, and a bot
        return _Sender(str(chat.id), chat.title or "", is_channel=chat.id != message.chat.id)
    return None if user is None or user.is_bot else _Sender(str(user.id), user.first_name, user.language_code)


def _medium(message: Message) -> Medium | None:
    """Return what a message is made of; None for what says nothing, such as news of the group."""
    if message.text is not None:
        return "text"
    if message.voice or message.video_note:
        return "voice"
    if message.photo or message.animation:  # an animation bears a document as well
        return "picture"
    if message.sticker or message.dice:
        return "sticker"
    return "file" if message.document or message.video or message.audio else None


def _text_of(message: Message) -> tuple[str, Sequence[MessageEntity]]:
    if message.text is not None:
        return message.text, message.entities
    return message.caption or "", message.caption_entities


def _is_mention(entity: MessageEntity, text: str, me: User) -> bool:
    if entity.type == MessageEntity.TEXT_MENTION:
        return entity.user is not None and entity.user.id == me.id
    return entity.type == MessageEntity.MENTION and _words_of(entity, text).lower() == f"@{me.username}".lower()


def _is_reply_to(message: Message, me: User) -> bool:
    earlier = _replied(message)
    return earlier is not None and earlier.from_user is not None and earlier.from_user.id == me.id


def _replied(message: Message) -> Message | None:
    """Return the message that another replies to; whatever is said in a topic counts as a reply to its opening."""
    earlier = message.reply_to_message
    is_opening = earlier is not None and (
        earlier.forum_topic_created is not None
        or (bool(message.is_topic_message) and earlier.message_id == message.message_thread_id)
    )
    return None if is_opening else earlier


def _is_to_others(message: Message, sender: _Sender, me: User) -> bool:
    """Whether a message mentions or answers somebody else; to comment on a channel's post is to answer nobody."""
    earlier = _replied(message)
    if earlier is not None and not earlier.is_automatic_forward:
        author = earlier.sender_chat or earlier.from_user
        if author is not None and str(author.id) not in {sender.id, str(me.id)}:
            return True
    text, entities = _text_of(message)
    return any(_is_mention_of_other(entity, text, sender, me) for entity in entities)


def _is_mention_of_other(entity: MessageEntity, text: str, sender: _Sender, me: User) -> bool:
    if entity.type == MessageEntity.TEXT_MENTION and entity.user is not None:
        return str(entity.user.id) not in {sender.id, str(me.id)}
    return entity.type == MessageEntity.MENTION and not _is_mention(entity, text, me)


def _leading_command(entities: Iterable[MessageEntity]) -> MessageEntity | None:
    return next((e for e in entities if e.type == MessageEntity.BOT_COMMAND and e.offset == 0), None)


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


def press_to_message(
    query: CallbackQuery, choice_id: str | None = None, *, received_at: datetime
) -> IncomingMessage | None:
    """Return a press of a button as a message; None if it stands in no chat.

    Parameters
    ----------
    query
        The press.
    choice_id
        Which choice the button stands for: what it says is the text then. None for a thumb, which stands under the
        message that it is about.
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
        text="" if choice_id is None else _title(query),
        display_name=plain_name(query.from_user.first_name),
        is_direct=query.message.chat.type == ChatType.PRIVATE,
        is_addressed=True,
        locale=query.from_user.language_code,
        received_at=received_at,
        choice_id=choice_id,
        server_name=_server_name(query.message.chat),
        server_id=_server_id(query.message.chat),
        parent_id=_parent_id(query.message),
        replied_id=str(query.message.message_id) if choice_id is None else None,
    )


def inline_to_message(query: InlineQuery, *, received_at: datetime) -> IncomingMessage:
    """Return a question that is being typed after the bot's name, in whatever chat: only the person sees its answers.

    Parameters
    ----------
    query
        The question as it stands now.
    received_at
        The present, for Telegram does not tell when it was typed.
    """
    return IncomingMessage(
        platform=PLATFORM,
        conversation_id=str(query.from_user.id),
        user_id=str(query.from_user.id),
        message_id=query.id,
        text=query.query.strip(),
        display_name=plain_name(query.from_user.first_name),
        is_direct=True,
        is_addressed=True,
        locale=query.from_user.language_code,
        received_at=received_at,
    )


def moved_ids(message: Message | None) -> tuple[str, str] | None:
    """Return the old and the new id of a group that has become a supergroup; both sides of the move tell of it."""
    if message is None:
        return None
    if message.migrate_to_chat_id is not None:
        return str(message.chat.id), str(message.migrate_to_chat_id)
    if message.migrate_from_chat_id is not None:
        return str(message.migrate_from_chat_id), str(message.chat.id)
    return None


def is_member(member: ChatMember) -> bool:
    """Whether somebody of this standing is in the chat."""
    if isinstance(member, ChatMemberRestricted):
        return member.is_member
    return member.status not in {ChatMemberStatus.LEFT, ChatMemberStatus.BANNED}


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


def _server_id(chat: Chat) -> str:
    return "" if chat.type == ChatType.PRIVATE else str(chat.id)


def _parent_id(message: MaybeInaccessibleMessage) -> str:
    return "" if topic_of(message) is None else str(message.chat.id)
