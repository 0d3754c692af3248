"""Telegram by long polling: one `Application` a run, the answers in their order, nothing sent twice.

Imports python-telegram-bot and this package, nothing else of Parley.
"""

import asyncio
import logging
from collections.abc import Collection, Iterable, Sequence
from contextlib import AsyncExitStack
from functools import partial

from telegram import BotCommand, Message, MessageEntity, ReplyParameters, Update, User
from telegram.constants import ChatAction, ChatType, MessageLimit
from telegram.error import ChatMigrated, Forbidden, InvalidToken, TelegramError
from telegram.ext import Application, TypeHandler, Updater

from adapters.base import Command, Handler, IncomingMessage
from adapters.dispatch import ReplyQueues, answer_with_typing, until_stopped
from adapters.errors import PlatformUnavailableError, TokenRefusedError
from adapters.formatting import split_text, utf16_length
from adapters.telegram_polling import PollingBot, Watch, reason, repeat_if_never_sent

logger = logging.getLogger(__name__)

TYPING_EVERY_S = 4.0
"""Telegram shows a chat action for 5 s."""

START = "start"
"""What Telegram sends when somebody opens a chat with the bot; every bot has it, and no table names it."""

OTHER_API = "or TELEGRAM_API_URL is wrong: it has to be the address of a Bot API server, up to and with /bot"
"""An address that answers 404 to everything looks like a refused token, for Telegram itself answers so to some."""


class TelegramAdapter:
    """Telegram, as `adapters.base.Adapter` describes a platform.

    Parameters
    ----------
    token
        The bot's token.
    handler
        Called with every message that is meant for the bot.
    commands
        The command table; the menu shows those that are not only for admins.
    api_url
        What stands before the token in every URL, such as ``http://host:port/bot``; None is Telegram's own.
    """

    platform = "telegram"

    def __init__(self, *, token: str, handler: Handler, commands: Sequence[Command], api_url: str | None) -> None:
        self._token = token
        self._handler = handler
        self._commands = tuple(commands)
        self._api_url = api_url
        self._connected = asyncio.Event()

    @property
    def connected(self) -> asyncio.Event:
        return self._connected

    async def run(self, stopping: asyncio.Event) -> None:
        """Answer until `stopping` is set; see `adapters.base.Adapter.run`."""
        async with AsyncExitStack() as stack:
            try:
                await until_stopped(stopping, self._serve(stack))
            except (InvalidToken, Forbidden):
                # Not `from exc`: the library's text holds the token.
                raise TokenRefusedError("TELEGRAM_TOKEN", or_else="" if self._api_url is None else OTHER_API) from None
            except TelegramError as exc:
                raise PlatformUnavailableError(f"Telegram cannot be reached: {reason(exc)}") from None
            finally:
                self._connected.clear()

    async def _serve(self, stack: AsyncExitStack) -> None:
        """Connect, leaving on `stack` what undoes each step, and stay until the token is refused."""
        watch = Watch()
        bot = PollingBot(self._token, self._api_url, watch)
        stack.push_async_callback(bot.shutdown)
        queues = ReplyQueues()
        # One by one, which keeps the order: the handler only queues, so no update holds up another.
        application = Application.builder().bot(bot).job_queue(None).concurrent_updates(False).build()
        application.add_handler(TypeHandler(Update, partial(self._receive, bot, queues)))
        await application.initialize()
        stack.push_async_callback(application.shutdown)
        stack.push_async_callback(queues.drain)
        await application.start()
        stack.push_async_callback(application.stop)
        updater = application.updater
        assert updater is not None
        stack.push_async_callback(_stop_polling, updater, watch)
        await updater.start_polling(
            allowed_updates=[Update.MESSAGE],
            drop_pending_updates=False,
            error_callback=lambda _: None,  # the watch has told of it already
        )
        self._connected.set()
        logger.info("connected to Telegram as @%s", bot.username)
        await self._publish_commands(bot)
        await watch.refused.wait()
        raise InvalidToken

    async def _publish_commands(self, bot: PollingBot) -> None:
        """Bring the menu up to date; asking first spares the quota of changes."""
        menu = tuple(BotCommand(c.name, c.description) for c in self._commands if not c.admin_only)
        try:
            if await bot.get_my_commands() != menu:
                await bot.set_my_commands(menu)
        except TelegramError as exc:
            logger.warning("the menu of commands in Telegram was not brought up to date: %s", reason(exc))

    async def _receive(self, bot: PollingBot, queues: ReplyQueues, update: Update, _context: object) -> None:
        incoming = to_message(update, bot.bot, {command.name for command in self._commands})
        if incoming is not None and update.message is not None:
            queues.submit(incoming.key, partial(self._answer, incoming, _Place(bot, update.message)))

    async def _answer(self, incoming: IncomingMessage, place: "_Place") -> None:
        answer = self._handler(incoming, place.show_progress)
        reply = await answer_with_typing(answer, place.show_typing, every_s=TYPING_EVERY_S)
        if reply is not None:
            await place.say(reply.text)


async def _stop_polling(updater: Updater, watch: Watch) -> None:
    watch.closing = True
    if updater.running:
        await updater.stop()


class _Place:
    """Where one message is answered: its chat, its topic and, in a group, below the message itself."""

    def __init__(self, bot: PollingBot, message: Message) -> None:
        self._bot = bot
        self._chat_id = message.chat_id
        self._thread_id = message.message_thread_id if message.is_topic_message else None
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

    async def say(self, text: str) -> None:
        """Send an answer in as many messages as it needs; what cannot be sent is logged."""
        below = self._below
        try:
            for part in _parts(text):
                await self._send(part, below)
                below = None
        except TelegramError as exc:
            logger.warning("an answer was not sent to Telegram chat %s: %s", self._chat_id, reason(exc))

    async def _send(self, text: str, below: ReplyParameters | None) -> Message:
        async def send() -> Message:
            return await self._bot.send_message(
                self._chat_id, text, message_thread_id=self._thread_id, reply_parameters=below
            )

        try:
            return await repeat_if_never_sent(send)
        except ChatMigrated as exc:
            self._chat_id = exc.new_chat_id
            return await repeat_if_never_sent(send)


def _parts(text: str) -> list[str]:
    """Split a text into messages that Telegram takes: no lone surrogates, none blank."""
    sendable = _to_utf16(text).decode("utf-16-le", "replace")
    return [part for part in split_text(sendable, MessageLimit.MAX_TEXT_LENGTH, utf16_length) if part.strip()]


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
    return _from_utf16(_to_utf16(text)[2 * entity.offset : 2 * (entity.offset + entity.length)])


def _without(text: str, entities: Iterable[MessageEntity]) -> str:
    """Cut entities out of a text, with the blanks before each."""
    units = _to_utf16(text)
    for entity in sorted(entities, key=lambda entity: entity.offset, reverse=True):
        before, after = units[: 2 * entity.offset], units[2 * (entity.offset + entity.length) :]
        units = _to_utf16(_from_utf16(before).rstrip()) + after
    return _from_utf16(units).strip()


def _to_utf16(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


def _from_utf16(units: bytes) -> str:
    return units.decode("utf-16-le", "surrogatepass")


def _incoming(message: Message, text: str, command: str | None) -> IncomingMessage:
    sender = message.from_user
    assert sender is not None
    topic = f":{message.message_thread_id}" if message.is_topic_message else ""
    return IncomingMessage(
        platform=TelegramAdapter.platform,
        conversation_id=f"{message.chat_id}{topic}",
        user_id=str(sender.id),
        message_id=str(message.message_id),
        text=text,
        display_name=sender.first_name,
        is_direct=message.chat.type == ChatType.PRIVATE,
        is_addressed=True,
        locale=sender.language_code,
        received_at=message.date,
        command=command,
    )
