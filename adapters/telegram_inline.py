"""Inline mode: a question typed after the bot's name in any chat, answered by what the person may then send there.

It may import python-telegram-bot and this package.
"""

import logging
from datetime import UTC, datetime
from functools import partial

from telegram import InlineQuery, InlineQueryResultArticle, InputTextMessageContent
from telegram.constants import ParseMode
from telegram.error import TelegramError

from adapters.base import Bot, Reply
from adapters.dispatch import ReplyQueues
from adapters.telegram_html import render_parts
from adapters.telegram_messages import inline_to_message
from adapters.telegram_polling import PollingBot, reason

logger = logging.getLogger(__name__)

CACHE_S = 5
"""How long Telegram may give a person the same answer to the same question without asking."""

TITLE_LENGTH = 60
"""Characters of an answer's beginning that stand as its title."""

DESCRIPTION_LENGTH = 200


class InlineAnswers:
    """Answers the newest question of each person; what they have typed over meanwhile is passed over.

    Parameters
    ----------
    bot
        Answers.
    client
        The connection.
    queues
        Where the answers wait.
    """

    def __init__(self, bot: Bot, client: PollingBot, queues: ReplyQueues) -> None:
        self._bot = bot
        self._client = client
        self._queues = queues
        self._newest: dict[int, str] = {}

    def receive(self, query: InlineQuery) -> None:
        """Queue a question. One is answered after the other, so that typing fast costs no more than typing slowly."""
        person_id = query.from_user.id
        if self._queues.submit(("inline", person_id), partial(self._answer, query)):
            self._newest[person_id] = query.id

    async def _answer(self, query: InlineQuery) -> None:
        if not self._is_newest(query):
            return
        try:
            incoming = inline_to_message(query, received_at=datetime.now(UTC))
            reply = await self._bot.answer_inline(incoming) if incoming.text and not query.offset else None
            if self._is_newest(query):
                await self._show(query, () if reply is None else _articles(query, reply))
        finally:
            if self._is_newest(query):
                del self._newest[query.from_user.id]

    def _is_newest(self, query: InlineQuery) -> bool:
        return self._newest.get(query.from_user.id) == query.id

    async def _show(self, query: InlineQuery, articles: tuple[InlineQueryResultArticle, ...]) -> None:
        try:
            await self._client.answer_inline_query(query.id, articles, cache_time=CACHE_S, is_personal=True)
        except TelegramError as exc:  # most often the query is too old
            logger.debug("an inline question was not answered in Telegram: %s", reason(exc))


def _articles(query: InlineQuery, reply: Reply) -> tuple[InlineQueryResultArticle, ...]:
    """Return an answer as what a person may choose to send; its buttons and files cannot go along."""
    text = next(iter(render_parts(reply.text)), None)
    if text is None:
        return ()
    line = " ".join(text.plain.split())
    title = line if len(line) <= TITLE_LENGTH else f"{line[: TITLE_LENGTH - 1].rstrip()}…"
    content = InputTextMessageContent(text.html, parse_mode=ParseMode.HTML)
    return (InlineQueryResultArticle(query.id, title, content, description=line[:DESCRIPTION_LENGTH]),)
