"""Telegram, by long polling or a webhook: one `Application` a run, the answers in their order, nothing sent twice.

Imports python-telegram-bot and this package, nothing else of Parley.
"""

import asyncio
import logging
from collections.abc import Collection, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from telegram import Update
from telegram.error import Forbidden, InvalidToken, TelegramError
from telegram.ext import Application, TypeHandler, Updater
from yarl import URL

from adapters.answer_memory import AnswerMemory
from adapters.base import Bot
from adapters.dispatch import ReplyQueues, until_stopped
from adapters.errors import PlatformUnavailableError, TokenRefusedError
from adapters.telegram_menus import Menus
from adapters.telegram_messages import PLATFORM
from adapters.telegram_polling import PollingBot, Watch, read_update, reason
from adapters.telegram_receiving import Receiver
from adapters.telegram_sending import post
from adapters.telegram_webhook import Registration, Webhook, listening, secret_of

logger = logging.getLogger(__name__)

UPDATES = (Update.MESSAGE, Update.EDITED_MESSAGE, Update.CALLBACK_QUERY, Update.MY_CHAT_MEMBER)

OTHER_API = "or TELEGRAM_API_URL is wrong: it has to be the address of a Bot API server, up to and with /bot"
"""An address that answers 404 to everything looks like a refused token, for Telegram itself answers so to some."""


class TelegramAdapter:
    """Telegram, as `adapters.base.Adapter` describes a platform.

    Parameters
    ----------
    token
        The bot's token.
    bot
        Answers every message that is meant for it.
    api_url
        What stands before the token in every URL, such as ``http://host:port/bot``; None is Telegram's own.
    rate_limits
        Whether the bot keeps within Telegram's limits by itself, rather than be told to pause.
    admin_ids
        The people whose menus show the commands of admins.
    inline
        Whether questions are answered that are typed after the bot's name in other chats. That has to be switched on
        with @BotFather as well.
    webhook_url
        Where Telegram brings its updates; None is to fetch them by polling.
    webhook_secret
        What Telegram's calls of the webhook bear; None for one that follows from the token.
    webhook_listen
        Host and port on which the webhook is served.
    webhook_cert, webhook_key
        Paths of a certificate and its key; see `adapters.telegram_webhook.Webhook`.
    """

    platform = PLATFORM

    def __init__(
        self,
        *,
        token: str,
        bot: Bot,
        api_url: str | None,
        rate_limits: bool = True,
        admin_ids: Collection[str] = (),
        inline: bool = True,
        webhook_url: str | None = None,
        webhook_secret: str | None = None,
        webhook_listen: str = "127.0.0.1:8443",
        webhook_cert: Path | None = None,
        webhook_key: Path | None = None,
    ) -> None:
        self._token = token
        self._bot = bot
        self._api_url = api_url
        self._rate_limits = rate_limits
        self._admin_ids = admin_ids
        self._inline = inline
        self._webhook: Webhook | None = None
        if webhook_url is not None:
            secret = webhook_secret or secret_of(token)
            self._webhook = Webhook(webhook_url, secret, webhook_listen, webhook_cert, webhook_key)
        self._answers = AnswerMemory()
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
        watch = Watch(lambda fault: self._bot.report(PLATFORM, fault))
        client = PollingBot(self._token, self._api_url, watch, rate_limits=self._rate_limits)
        stack.push_async_callback(client.shutdown)
        queues = ReplyQueues()
        # One by one, which keeps the order: the handler only queues, so no update holds up another.
        application = Application.builder().bot(client).job_queue(None).concurrent_updates(False).build()
        menus = Menus(client, self._bot.commands, self._admin_ids)
        receiver = Receiver(self._bot, client, queues, answers=self._answers, menus=menus, takes_inline=self._inline)
        application.add_handler(TypeHandler(Update, receiver.receive))
        await application.initialize()
        stack.push_async_callback(application.shutdown)
        stack.callback(setattr, self, "_client", None)  # after the replies in flight, which may post
        stack.push_async_callback(receiver.aclose)
        stack.push_async_callback(queues.drain)
        await application.start()
        stack.push_async_callback(application.stop)
        registration = await self._take_in(stack, application, client, watch)
        self._client = client
        self._connected.set()
        logger.info("connected to Telegram as @%s", client.username)
        self._tell_of_settings(client)
        await menus.publish()
        if registration is not None:
            await registration.keep(watch)
        await watch.refused.wait()
        raise InvalidToken

    async def _take_in(
        self,
        stack: AsyncExitStack,
        application: Application[Any, Any, Any, Any, Any, Any],
        client: PollingBot,
        watch: Watch,
    ) -> Registration | None:
        """Let updates in; returns what Telegram knows of the webhook, if there is one."""
        kinds: Sequence[str] = (*UPDATES, Update.INLINE_QUERY) if self._inline else UPDATES
        if self._webhook is None:
            await _tell_of_webhook(client)
            assert application.updater is not None
            stack.push_async_callback(_stop_polling, application.updater, watch)
            # This removes a webhook that is set.
            await application.updater.start_polling(
                allowed_updates=kinds,
                drop_pending_updates=False,
                error_callback=lambda _: None,  # the watch has told of it already
            )
            return None

        async def take(item: dict[str, Any]) -> None:
            update = read_update(item, client)
            if update is not None:
                await application.process_update(update)

        registration = Registration(client, self._webhook, kinds)
        await stack.enter_async_context(listening(self._webhook, take, registration.renew_secret))
        await registration.ensure()
        return registration

    def _tell_of_settings(self, client: PollingBot) -> None:
        """Say which of the settings that only @BotFather can change leave something unheard."""
        if not client.bot.can_read_all_group_messages:
            logger.info(
                "privacy mode is on: of what is said in groups only commands, mentions and replies to the bot arrive; "
                "@BotFather changes that with /setprivacy, for groups that the bot is added to from then on"
            )
        if self._inline and not client.bot.supports_inline_queries:
            logger.info("inline mode is off: @BotFather switches it on with /setinline")

    async def post(self, conversation_id: str, text: str) -> None:
        """Send a text to a chat; see `adapters.base.Adapter.post`."""
        if self._client is None:
            raise PlatformUnavailableError("Telegram is not connected")
        try:
            await post(self._client, int(conversation_id), text)
        except TelegramError as exc:
            fault = f"Telegram did not take a message to {conversation_id}: {reason(exc)}"
            raise PlatformUnavailableError(fault) from None  # the library's text may hold the token


async def _tell_of_webhook(client: PollingBot) -> None:
    """Say that a webhook is set, which has to go for polling; its address may hold secrets."""
    info = await client.get_webhook_info()
    if info.url:
        logger.warning(
            "a webhook at %s is set for this bot, so that nothing could be fetched: it is removed; %d updates that "
            "wait there are kept",
            URL(info.url).host,
            info.pending_update_count,
        )


async def _stop_polling(updater: Updater, watch: Watch) -> None:
    watch.closing = True
    if updater.running:
        await updater.stop()
