"""Telegram by long polling: one `Application` a run, the answers in their order, nothing sent twice.

Imports python-telegram-bot and this package, nothing else of Parley.
"""

import asyncio
import logging
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial

from telegram import BotCommand, CallbackQuery, Update
from telegram.error import Forbidden, InvalidToken, TelegramError
from telegram.ext import Application, TypeHandler, Updater

from adapters.base import Bot, IncomingMessage
from adapters.choices import NOT_YOURS, from_data
from adapters.dispatch import ReplyQueues, answer_with_typing, until_stopped
from adapters.errors import PlatformUnavailableError, TokenRefusedError
from adapters.telegram_messages import PLATFORM, press_to_message, to_message
from adapters.telegram_polling import PollingBot, Watch, reason
from adapters.telegram_sending import Place, acknowledge, post, show_chosen

logger = logging.getLogger(__name__)

TYPING_EVERY_S = 4.0
"""Telegram shows a chat action for 5 s."""

OTHER_API = "or TELEGRAM_API_URL is wrong: it has to be the address of a Bot API server, up to and with /bot"
"""An address that answers 404 to everything looks like a refused token, for Telegram itself answers so to some."""


class TelegramAdapter:
    """Telegram, as `adapters.base.Adapter` describes a platform.

    Parameters
    ----------
    token
        The bot's token.
    bot
        Answers every message that is meant for it. The menu shows those of its commands that are not only for admins.
    api_url
        What stands before the token in every URL, such as ``http://host:port/bot``; None is Telegram's own.
    rate_limits
        Whether the bot keeps within Telegram's limits by itself, rather than be told to pause.
    """

    platform = PLATFORM

    def __init__(self, *, token: str, bot: Bot, api_url: str | None, rate_limits: bool = True) -> None:
        self._token = token
        self._bot = bot
        self._api_url = api_url
        self._rate_limits = rate_limits
        self._connected = asyncio.Event()
        self._client: PollingBot | None = None

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
        bot = PollingBot(self._token, self._api_url, watch, rate_limits=self._rate_limits)
        stack.push_async_callback(bot.shutdown)
        queues = ReplyQueues()
        # One by one, which keeps the order: the handler only queues, so no update holds up another.
        application = Application.builder().bot(bot).job_queue(None).concurrent_updates(False).build()
        application.add_handler(TypeHandler(Update, partial(self._receive, bot, queues)))
        await application.initialize()
        stack.push_async_callback(application.shutdown)
        stack.callback(setattr, self, "_client", None)  # after the replies in flight, which may post
        stack.push_async_callback(queues.drain)
        await application.start()
        stack.push_async_callback(application.stop)
        updater = application.updater
        assert updater is not None
        stack.push_async_callback(_stop_polling, updater, watch)
        await updater.start_polling(
            allowed_updates=[Update.MESSAGE, Update.CALLBACK_QUERY],
            drop_pending_updates=False,
            error_callback=lambda _: None,  # the watch has told of it already
        )
        self._client = bot
        self._connected.set()
        logger.info("connected to Telegram as @%s", bot.username)
        await self._publish_commands(bot)
        await watch.refused.wait()
        raise InvalidToken

    async def _publish_commands(self, bot: PollingBot) -> None:
        """Bring the menu up to date; asking first spares the quota of changes."""
        menu = tuple(BotCommand(c.name, c.description) for c in self._bot.commands if not c.admin_only)
        try:
            if await bot.get_my_commands() != menu:
                await bot.set_my_commands(menu)
        except TelegramError as exc:
            logger.warning("the menu of commands in Telegram was not brought up to date: %s", reason(exc))

    async def _receive(self, bot: PollingBot, queues: ReplyQueues, update: Update, _context: object) -> None:
        if update.callback_query is not None:
            self._receive_press(bot, queues, update.callback_query)
            return
        incoming = to_message(update, bot.bot, {command.name for command in self._bot.commands})
        if incoming is not None and update.message is not None:
            queues.submit(incoming.key, partial(self._answer, incoming, Place(bot, update.message)))

    def _receive_press(self, bot: PollingBot, queues: ReplyQueues, query: CallbackQuery) -> None:
        press = from_data(query.data)
        is_theirs = press is None or press.owner_id == str(query.from_user.id)
        # Under a key of its own: it waits for no answer.
        own_key = ("press", query.id)
        queues.submit(own_key, partial(acknowledge, bot, query.id, None if is_theirs else NOT_YOURS))
        if press is None or not is_theirs:
            return
        incoming = press_to_message(query, press.choice_id, received_at=datetime.now(UTC))
        if incoming is not None and query.message is not None:
            queues.submit(own_key, partial(show_chosen, bot, query.message, incoming.text))
            queues.submit(incoming.key, partial(self._answer, incoming, Place(bot, query.message)))

    async def post(self, conversation_id: str, text: str) -> None:
        """Send a text to a chat; see `adapters.base.Adapter.post`."""
        if self._client is None:
            raise PlatformUnavailableError("Telegram is not connected")
        try:
            await post(self._client, int(conversation_id), text)
        except TelegramError as exc:
            fault = f"Telegram did not take a message to {conversation_id}: {reason(exc)}"
            raise PlatformUnavailableError(fault) from None  # the library's text may hold the token

    async def _answer(self, incoming: IncomingMessage, place: Place) -> None:
        answer = self._bot.answer(incoming, place.show_progress)
        reply = await answer_with_typing(answer, place.show_typing, every_s=TYPING_EVERY_S)
        if reply is not None:
            await place.say(reply, incoming.user_id)


async def _stop_polling(updater: Updater, watch: Watch) -> None:
    watch.closing = True
    if updater.running:
        await updater.stop()
