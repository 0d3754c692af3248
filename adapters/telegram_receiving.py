"""What becomes of each update of Telegram: the job that answers it, in the queue of whoever caused it.

Imports python-telegram-bot and this package, nothing else of Parley.
"""

import logging
from collections import deque
from collections.abc import Collection, Hashable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

from telegram import CallbackQuery, ChatMemberUpdated, MaybeInaccessibleMessage, Message, Update
from telegram.constants import ChatType
from telegram.error import TelegramError

from adapters.answer_memory import AnswerMemory
from adapters.base import Bot, IncomingMessage, Reply, Sentence
from adapters.choices import Press, Vote, from_data, vote_from_data
from adapters.dispatch import Job, ReplyQueues, answer_with_typing
from adapters.telegram_inline import InlineAnswers
from adapters.telegram_menus import Menus
from adapters.telegram_messages import PLATFORM, is_member, moved_ids, press_to_message, to_message
from adapters.telegram_polling import PollingBot, reason
from adapters.telegram_sending import Place, acknowledge, post, show_chosen

logger = logging.getLogger(__name__)

TYPING_EVERY_S = 4.0
"""Telegram shows a chat action for 5 s."""

RECENT = timedelta(minutes=2)
"""How old a question without an answer may be for its edit to be answered as if it had been asked so at once."""

N_ALBUMS = 100
"""How many albums are remembered, so that each is one message however many pictures it has."""


class Receiver:
    """Takes the updates one by one, in their order, and only queues what there is to do.

    An update is asked about with `Bot.is_new` right before it is answered: what was fetched but not yet answered when
    the process died is answered by the next one if Telegram brings it again, and what was answered is not.

    Parameters
    ----------
    bot
        Answers.
    client
        The connection.
    queues
        Where the answers wait.
    answers
        Which messages answered what.
    menus
        The menus of commands.
    takes_inline
        Whether questions are answered that are typed after the bot's name in other chats.
    """

    def __init__(
        self,
        bot: Bot,
        client: PollingBot,
        queues: ReplyQueues,
        *,
        answers: AnswerMemory,
        menus: Menus,
        takes_inline: bool,
    ) -> None:
        self._bot = bot
        self._client = client
        self._queues = queues
        self._answers = answers
        self._menus = menus
        self._commands: Collection[str] = {command.name.partition(" ")[0] for command in bot.commands}
        self._long_commands = {command.name for command in bot.commands if command.is_long}
        self._inline = InlineAnswers(bot, client, queues) if takes_inline else None
        self._albums: deque[str] = deque(maxlen=N_ALBUMS)
        self._unsettled: list[IncomingMessage] = []

    async def aclose(self) -> None:
        """Let nobody wait for what was received and is answered no more."""
        while self._unsettled:
            await self._settle(self._unsettled[0])

    async def receive(self, update: Update, _context: object = None) -> None:
        """Queue what an update asks for; one that asks for nothing is passed over."""
        if update.callback_query is not None:
            await self._receive_press(update, update.callback_query)
        elif update.inline_query is not None:
            if self._inline is not None:
                self._inline.receive(update.inline_query)
        elif update.my_chat_member is not None:
            self._receive_membership(update, update.my_chat_member)
        elif (ids := moved_ids(update.message)) is not None:
            await self._move(*ids)
        else:
            await self._receive_message(update)

    def _submit(self, update: Update, key: Hashable, job: Job, *, refuse: Job | None = None) -> None:
        self._queues.submit(key, partial(self._once, str(update.update_id), job), refuse=refuse)

    async def _submit_in_order(
        self, update: Update, incoming: IncomingMessage, job: Job, *, refuse: Job | None
    ) -> bool:
        """Queue what answers a message, also behind what other processes answer to the same person.

        Say whether there was room.
        """
        await self._bot.arrived(incoming)
        once = partial(self._once, str(update.update_id), job)
        self._unsettled.append(incoming)
        has_room = self._queues.submit(incoming.key, partial(self._settling, incoming, once), refuse=refuse)
        if not has_room:
            await self._settle(incoming)
        return has_room

    async def _settling(self, incoming: IncomingMessage, job: Job) -> None:
        try:
            await job()
        finally:
            await self._settle(incoming)

    async def _settle(self, incoming: IncomingMessage) -> None:
        self._unsettled.remove(incoming)
        await self._bot.settled(incoming)

    async def _once(self, event_id: str, job: Job) -> None:
        if await self._bot.is_new(PLATFORM, event_id):
            await job()
        else:
            logger.debug("update %s was answered before", event_id)

    # What people say.

    async def _receive_message(self, update: Update) -> None:
        message = update.message or update.edited_message
        incoming = to_message(update, self._client.bot, self._commands)
        if incoming is None or message is None or self._client.is_own_post(message):
            return
        if self._is_rest_of_album(message, incoming):
            return
        if not incoming.is_addressed and not self._bot.listens(incoming):
            return
        place = self._place(message)
        if incoming.is_edit:
            job: Job = partial(self._answer_edited, incoming, place, asked_at=message.date)
        else:
            job = partial(self._answer, incoming, place)
        if self._is_long(incoming):
            self._submit(update, ("command", update.update_id), job)
        else:
            refuse = partial(self._say_busy, place, incoming) if incoming.is_addressed else None
            await self._submit_in_order(update, incoming, job, refuse=refuse)
        if incoming.is_direct and self._menus.awaits(incoming.user_id):
            self._queues.submit(("menu", incoming.user_id), partial(self._menus.publish_for, incoming.user_id))

    def _is_long(self, incoming: IncomingMessage) -> bool:
        first = incoming.text.partition(" ")[0].lower()
        return not self._long_commands.isdisjoint({incoming.command, f"{incoming.command} {first}"})

    def _is_rest_of_album(self, message: Message, incoming: IncomingMessage) -> bool:
        """Whether it is a picture without words of an album that was received already."""
        if message.media_group_id is None or incoming.is_edit:
            return False
        if message.media_group_id in self._albums:
            return not incoming.text
        self._albums.append(message.media_group_id)
        return False

    def _place(self, message: MaybeInaccessibleMessage) -> Place:
        return Place(self._client, message, partial(self._bot.report, PLATFORM))

    async def _answer(self, incoming: IncomingMessage, place: Place) -> None:
        reply = await self._reply_to(incoming, place)
        if reply is not None:
            self._note(incoming, reply, await place.say(reply, incoming.user_id))

    async def _answer_edited(self, incoming: IncomingMessage, place: Place, *, asked_at: datetime) -> None:
        """Change the answer to an edited question; without one, the edit is a question if it comes soon enough."""
        answered = self._answers.recall(incoming)
        if answered is None:
            if incoming.is_addressed and incoming.received_at - asked_at <= RECENT:
                await self._answer(replace(incoming, is_edit=False), place)
            return
        if answered.answers(incoming):
            return  # Telegram tells of an edit also when, say, the preview of a link has changed
        reply = await self._reply_to(incoming, place)
        if reply is not None:
            self._note(incoming, reply, await place.edit(reply, incoming.user_id, answered.message_ids))

    async def _reply_to(self, incoming: IncomingMessage, place: Place) -> Reply | None:
        answer = self._bot.answer(incoming, place.show_progress)
        return await answer_with_typing(answer, place.show_typing, every_s=TYPING_EVERY_S)

    def _note(self, incoming: IncomingMessage, reply: Reply, message_ids: list[str]) -> None:
        if incoming.choice_id is None:
            self._answers.remember(incoming, message_ids)
        if reply.answer_id is not None and message_ids:
            self._bot.sent(reply.answer_id, message_ids)

    async def _say_busy(self, place: Place, incoming: IncomingMessage) -> None:
        await place.say(Reply(self._bot.say("busy", incoming)), incoming.user_id)

    # What people press.

    async def _receive_press(self, update: Update, query: CallbackQuery) -> None:
        # Under a key of its own: a press is acknowledged while earlier questions wait for their answers.
        own_key = ("press", query.id)
        vote, press = vote_from_data(query.data), from_data(query.data)
        if vote is not None:
            refuse = partial(self._acknowledge, query, "vote_busy")
            self._submit(update, own_key, partial(self._vote, query, vote), refuse=refuse)
        elif press is None or press.owner_id == str(query.from_user.id):
            end_waiting = partial(self._acknowledge, query)
            self._queues.submit(own_key, end_waiting, refuse=end_waiting)
            if press is not None:
                await self._choose(update, query, press)
        else:
            refuse = partial(self._acknowledge, query, "busy")
            self._queues.submit(own_key, partial(self._choose_for_group, update, query, press), refuse=refuse)

    async def _acknowledge(self, query: CallbackQuery, sentence: Sentence | None = None) -> None:
        """End the waiting that a press shows, with a sentence for whoever pressed, or without."""
        incoming = press_to_message(query, received_at=datetime.now(UTC))
        words = None if sentence is None or incoming is None else self._bot.say(sentence, incoming)
        await acknowledge(self._client, query.id, words)

    async def _vote(self, query: CallbackQuery, vote: Vote) -> None:
        incoming = press_to_message(query, received_at=datetime.now(UTC))
        thanks = None if incoming is None else await self._bot.vote(incoming, vote.answer_id, is_up=vote.is_up)
        await acknowledge(self._client, query.id, thanks)

    async def _choose(self, update: Update, query: CallbackQuery, press: Press) -> None:
        incoming = press_to_message(query, press.choice_id, received_at=datetime.now(UTC))
        if incoming is None or query.message is None:
            return
        if incoming.user_id != press.owner_id:  # an anonymous admin, whose own name nobody is to read
            incoming = replace(incoming, user_id=press.owner_id, display_name=incoming.server_name, locale=None)
        place = self._place(query.message)
        refuse = partial(self._say_busy, place, incoming)
        if await self._submit_in_order(update, incoming, partial(self._answer, incoming, place), refuse=refuse):
            # Else the buttons stay, for whoever tries again.
            show = partial(show_chosen, self._client, query.message, incoming.text)
            self._queues.submit(("press", query.id), partial(self._once, f"{update.update_id}:shown", show))

    async def _choose_for_group(self, update: Update, query: CallbackQuery, press: Press) -> None:
        """Take a choice of whoever speaks for the group that was asked; it is nobody else's."""
        is_theirs = await self._speaks_for_group(query, press.owner_id)
        await self._acknowledge(query, None if is_theirs else "not_yours")
        if is_theirs:
            await self._choose(update, query, press)

    async def _speaks_for_group(self, query: CallbackQuery, owner_id: str) -> bool:
        """Whether a person is an anonymous admin: they ask in the group's name, but press in their own."""
        if query.message is None or owner_id != str(query.message.chat.id):
            return False
        try:
            member = await self._client.get_chat_member(query.message.chat.id, query.from_user.id)
        except TelegramError as exc:
            logger.debug("nobody knows who presses in Telegram chat %s: %s", owner_id, reason(exc))
            return False
        return bool(getattr(member, "is_anonymous", False))

    # What becomes of chats.

    async def _move(self, old_id: str, new_id: str) -> None:
        """Tell that a group has another id now: before the messages that were written under it are answered.

        The old and the new group both bring the news.
        """
        if await self._bot.is_new(PLATFORM, f"moved:{old_id}:{new_id}"):
            await self._bot.moved(PLATFORM, old_id, new_id)

    def _receive_membership(self, update: Update, change: ChatMemberUpdated) -> None:
        """Queue what is to be done where the bot was added or removed; a channel is no place to talk."""
        was_there, is_there = is_member(change.old_chat_member), is_member(change.new_chat_member)
        if change.chat.type == ChatType.PRIVATE:
            logger.debug("user %d has %s the bot", change.from_user.id, "unblocked" if is_there else "blocked")
        elif change.chat.type != ChatType.CHANNEL and was_there != is_there:
            job = self._greet if is_there else self._leave
            self._submit(update, ("membership", change.chat.id), partial(job, change))

    async def _greet(self, change: ChatMemberUpdated) -> None:
        greeting = await self._bot.joined(PLATFORM, str(change.chat.id), change.from_user.language_code)
        if greeting is None:
            return
        try:
            await post(self._client, change.chat.id, greeting.text)
        except TelegramError as exc:
            logger.info("the greeting was not sent to Telegram chat %d: %s", change.chat.id, reason(exc))

    async def _leave(self, change: ChatMemberUpdated) -> None:
        await self._bot.left(PLATFORM, str(change.chat.id))
