"""The Telegram connection: how the bot polls, what it says of an outage, and which failures may be repeated.

Imports python-telegram-bot, httpx, which that stands on, and this package; nothing else of Parley.
"""

import asyncio
import json
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx
from telegram import LinkPreviewOptions, Message, MessageOriginChannel, Update
from telegram.constants import ChatType
from telegram.error import Conflict, InvalidToken, NetworkError, TelegramError
from telegram.ext import Defaults, ExtBot
from telegram.request import HTTPXRequest

from adapters.telegram_limits import ChatLimits

logger = logging.getLogger(__name__)

T = TypeVar("T")

OFFICIAL_API_URL = "https://api.telegram.org/bot"
OFFICIAL_FILE_URL = "https://api.telegram.org/file/bot"

READ_TIMEOUT_S = 10.0
"""Telegram answers within a second; a longer wait leaves fewer sends of which nobody knows whether they arrived."""

CLOSING_S = 2.0
"""How long the last poll, which confirms what was read, may hold up the end of the process."""

JITTER_S = 1.0
"""Added at random to the library's own back-off, so that many bots do not come back in the same instant."""

OTHER_POLLER = (
    "another program reads this bot's Telegram messages, so each of the two gets only some: stop the other one, or "
    "have @BotFather make a new token for TELEGRAM_TOKEN"
)

WEBHOOK_SET = (
    "another program has set a webhook for this bot, so no message arrives here: stop that program, and start this one "
    "again, which removes the webhook"
)

NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""Failures after which the request cannot have arrived."""

UNAUTHORIZED = 401
TOO_MANY_REQUESTS = 429

UNTOLD_PAUSE_S = 2
"""How long to wait after a refusal for coming too soon that does not say for how long, such as a proxy's."""

N_CHANNEL_POSTS = 1_000
"""How many of the bot's posts in channels are remembered, lest it answers what they say in the channels' groups."""

RECONNECT_DELAYS_S = (1, 2, 4, 8, 15, 30, 30, 30, 30, 30, 30, 30, 30)
"""Pauses before a request that was never sent is made again: about four minutes in all."""


IN_FLIGHT = 32
"""Requests on their way at once. More would not make Telegram faster, and the transport below looks through all its
connections for each request that waits: 200 at once took it over 20 ms of processor time each, 32 take it 6."""


class QuietRequest(HTTPXRequest):
    """Reads answers without writing them to the log, and lets no single update block those behind it.

    Parameters
    ----------
    on_unauthorized
        Called when an answer says that the token is none.
    options
        As the library has them.
    """

    def __init__(self, *, on_unauthorized: Callable[[], None], **options: Any) -> None:  # noqa: ANN401 - passed through
        super().__init__(connection_pool_size=IN_FLIGHT, **options)
        self._on_unauthorized = on_unauthorized
        self._room = asyncio.Semaphore(IN_FLIGHT)

    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:  # noqa: ANN401 - passed through
        """Send a request as soon as there is room; a refusal for coming too soon always asks for a pause."""
        async with self._room:
            status, payload = await super().do_request(*args, **kwargs)
        if status == UNAUTHORIZED:
            self._on_unauthorized()
        return status, payload if status != TOO_MANY_REQUESTS else self._with_pause(payload)

    def _with_pause(self, payload: bytes) -> bytes:
        """Return a refusal as Telegram words it; without a pause the library takes it for a fault of the network."""
        try:
            answer = self.parse_json_payload(payload)
        except TelegramError:
            answer = {}
        match answer.get("parameters"):
            case {"retry_after": int(pause_s)} if pause_s > 0:
                return payload
        refusal = {"ok": False, "error_code": TOO_MANY_REQUESTS, "description": "Too Many Requests"}
        return json.dumps({**refusal, "parameters": {"retry_after": UNTOLD_PAUSE_S}}).encode()

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
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise TelegramError("Invalid server response")
        if isinstance(answer.get("result"), list):
            answer["result"] = [_readable(item) for item in answer["result"]]
        return answer


def _readable(item: Any) -> Any:  # noqa: ANN401 - JSON as it came
    if not isinstance(item, dict) or "update_id" not in item:
        return item
    return item if read_update(item, None) is not None else {"update_id": item["update_id"]}


def read_update(item: dict[str, Any], bot: ExtBot[int] | None) -> Update | None:
    """Read an update from its JSON; None, with a line in the log, if the library cannot."""
    try:
        return Update.de_json(item, bot)
    except Exception as exc:  # noqa: BLE001 - whatever the parser stumbles over
        logger.warning("update %s cannot be read (%s) and is passed over", item.get("update_id"), type(exc).__name__)
        return None


class Watch:
    """What becomes of polling: whether the token still holds, and one line a change instead of one a poll.

    `closing` is set before the last poll, which may fail without a word from the library; `doubted` is set when any
    call was answered as if the token were none, `refused` when it is certain that Telegram takes it no longer.

    Parameters
    ----------
    report
        Told, once for each, of what the operator has to mend; without it the log is.
    """

    def __init__(self, report: Callable[[str], object] = logger.warning) -> None:
        self.doubted = asyncio.Event()
        self.refused = asyncio.Event()
        self.closing = False
        self._report = report
        self._is_away = False
        self._told: set[str] = set()

    def succeeded(self) -> None:
        if self._is_away:
            self._is_away = False
            logger.info("Telegram is back")

    def failed(self, exc: Exception) -> None:
        if self.closing:
            logger.warning("Telegram could not be told what was read: the last messages may come again")
        elif isinstance(exc, Conflict):
            self.tell(WEBHOOK_SET if "webhook" in exc.message else OTHER_POLLER)
        elif not self._is_away:
            self._is_away = True
            logger.warning("Telegram is away: %s; trying on", reason(exc))

    def tell(self, fault: str) -> None:
        """Report what the operator has to mend, unless it was reported before."""
        if fault not in self._told:
            self._told.add(fault)
            self._report(fault)


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
    rate_limits
        Whether calls are held back before Telegram asks for it.
    """

    def __init__(self, token: str, api_url: str | None, watch: Watch, *, rate_limits: bool = True) -> None:
        super().__init__(
            token,
            base_url=api_url or OFFICIAL_API_URL,
            base_file_url=OFFICIAL_FILE_URL if api_url is None else _file_url(api_url),
            request=QuietRequest(on_unauthorized=watch.doubted.set, read_timeout=READ_TIMEOUT_S),
            get_updates_request=QuietRequest(on_unauthorized=watch.doubted.set),
            defaults=Defaults(link_preview_options=LinkPreviewOptions(is_disabled=True)),
            rate_limiter=ChatLimits(is_throttling=rate_limits),
        )
        self._watch = watch
        self._channel_posts: deque[tuple[int, int]] = deque(maxlen=N_CHANNEL_POSTS)

    async def send_message(self, *args: Any, **kwargs: Any) -> Message:  # noqa: ANN401 - passed through
        """Send as the library does, and remember what is said in a channel, which comes back into its group."""
        message = await super().send_message(*args, **kwargs)
        if message.chat.type == ChatType.CHANNEL:
            self._channel_posts.append((message.chat.id, message.message_id))
        return message

    def is_own_post(self, message: Message) -> bool:
        """Whether a message is a copy of what the bot itself has said in a channel."""
        origin = message.forward_origin
        return isinstance(origin, MessageOriginChannel) and (origin.chat.id, origin.message_id) in self._channel_posts

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


def _file_url(api_url: str) -> str:
    """Return where a Bot API server keeps files, as its documentation derives it from where it takes calls."""
    return f"{api_url.removesuffix('/bot')}/file/bot"


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
