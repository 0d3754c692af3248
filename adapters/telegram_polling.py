"""The Telegram connection: how the bot polls, what it says of an outage, and which failures may be repeated.

Imports python-telegram-bot and httpx, which that stands on; nothing of Parley.
"""

import asyncio
import json
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx
from telegram import LinkPreviewOptions, Update
from telegram.error import Conflict, InvalidToken, NetworkError, TelegramError
from telegram.ext import AIORateLimiter, Defaults, ExtBot
from telegram.request import HTTPXRequest

logger = logging.getLogger(__name__)

T = TypeVar("T")

OFFICIAL_API_URL = "https://api.telegram.org/bot"

READ_TIMEOUT_S = 10.0
"""Telegram answers within a second; a longer wait leaves fewer sends of which nobody knows whether they arrived."""

CLOSING_S = 2.0
"""How long the last poll, which confirms what was read, may hold up the end of the process."""

JITTER_S = 1.0
"""Added at random to the library's own back-off, so that many bots do not come back in the same instant."""

FLOOD_RETRIES = 5
"""How often a call that Telegram refused with 429 is made again, each time after the pause that it asked for."""

NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""Failures after which the request cannot have arrived."""

RECONNECT_DELAYS_S = (1, 2, 4, 8, 15, 30, 30, 30, 30, 30, 30, 30, 30)
"""Pauses before a request that was never sent is made again: about four minutes in all."""


IN_FLIGHT = 32
"""Requests on their way at once. More would not make Telegram faster, and the transport below looks through all its
connections for each request that waits: 200 at once took it over 20 ms of processor time each, 32 take it 6."""


class QuietRequest(HTTPXRequest):
    """Reads answers without writing them to the log, and lets no single update block those behind it."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - passed through
        super().__init__(connection_pool_size=IN_FLIGHT, **options)
        self._room = asyncio.Semaphore(IN_FLIGHT)

    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:  # noqa: ANN401 - passed through
        """Send a request as soon as there is room."""
        async with self._room:
            return await super().do_request(*args, **kwargs)

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """Parse an answer; an update that the library cannot read is replaced by its bare id.

        Without that, the library would fetch the same batch again for ever.

        Raises
        ------
        TelegramError
            The answer is no JSON object, as an error page of a proxy.
        """
        try:
            answer = json.loads(payload.decode("utf-8", "replace"))
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise TelegramError("Invalid server response")
        if isinstance(answer.get("result"), list):
            answer["result"] = [_readable(item) for item in answer["result"]]
        return answer


def _readable(item: Any) -> Any:  # noqa: ANN401 - JSON as it came
    if not isinstance(item, dict) or "update_id" not in item:
        return item
    try:
        Update.de_json(item, None)
    except Exception as exc:  # noqa: BLE001 - whatever the parser stumbles over
        logger.warning("update %s cannot be read (%s) and is passed over", item["update_id"], type(exc).__name__)
        return {"update_id": item["update_id"]}
    return item


class Watch:
    """What becomes of polling: whether the token still holds, and one line a change instead of one a poll.

    `closing` is set before the last poll, which may fail without a word from the library; `refused` is set when
    Telegram takes the token no longer.
    """

    def __init__(self) -> None:
        self.refused = asyncio.Event()
        self.closing = False
        self._is_away = False
        self._conflict_told = False

    def succeeded(self) -> None:
        if self._is_away:
            self._is_away = False
            logger.info("Telegram is back")

    def failed(self, exc: Exception) -> None:
        if self.closing:
            logger.warning("Telegram could not be told what was read: the last messages may come again")
        elif isinstance(exc, Conflict):
            self._tell_of_conflict()
        elif not self._is_away:
            self._is_away = True
            logger.warning("Telegram is away: %s; trying on", reason(exc))

    def _tell_of_conflict(self) -> None:
        if not self._conflict_told:
            self._conflict_told = True
            logger.warning(
                "another program reads this bot's Telegram messages, so each of the two gets only some: stop the "
                "other one, or have @BotFather make a new token for TELEGRAM_TOKEN"
            )


class PollingBot(ExtBot[int]):
    """The library's bot, whose polls tell a `Watch` how they went.

    Parameters
    ----------
    token
        The bot's token.
    api_url
        What stands before the token in every URL; None is Telegram's own.
    watch
        Told of every poll.
    """

    def __init__(self, token: str, api_url: str | None, watch: Watch) -> None:
        super().__init__(
            token,
            base_url=api_url or OFFICIAL_API_URL,
            request=QuietRequest(read_timeout=READ_TIMEOUT_S),
            get_updates_request=QuietRequest(),
            defaults=Defaults(link_preview_options=LinkPreviewOptions(is_disabled=True)),
            rate_limiter=AIORateLimiter(max_retries=FLOOD_RETRIES),
        )
        self._watch = watch

    async def get_updates(self, *args: Any, **kwargs: Any) -> tuple[Update, ...]:  # noqa: ANN401 - passed through
        """Poll as the library does.

        Neither a refused token nor the last poll raises: the library would write a trace that helps nobody.
        """
        try:
            async with asyncio.timeout(CLOSING_S if self._watch.closing else None):
                updates = await super().get_updates(*args, **kwargs)
        except InvalidToken:
            self._watch.refused.set()
            return ()
        except (TelegramError, TimeoutError) as exc:
            self._watch.failed(exc)
            if self._watch.closing:
                return ()
            await asyncio.sleep(random.uniform(0, JITTER_S))  # noqa: S311 - no secret
            raise
        self._watch.succeeded()
        return updates


async def repeat_if_never_sent(call: Callable[[], Awaitable[T]]) -> T:
    """Make a call again while it does not even reach Telegram.

    Anything else may have been delivered, and ``sendMessage`` has no key by which Telegram would know a repetition.
    """
    for delay_s in RECONNECT_DELAYS_S:
        try:
            return await call()
        except NetworkError as exc:
            if not isinstance(exc.__cause__, NEVER_SENT):
                raise
        await asyncio.sleep(delay_s * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
    return await call()


def reason(exc: Exception) -> str:
    """Say what failed, without the text of a transport's exception, which may hold a URL and so the token."""
    if not isinstance(exc, TelegramError):
        return type(exc).__name__
    if exc.__cause__ is not None and not isinstance(exc.__cause__, TelegramError):
        return f"the connection failed ({type(exc.__cause__).__name__})"
    return exc.message.partition(". Parsing the server response")[0]
