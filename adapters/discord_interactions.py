"""Interactions of Discord: used commands and pressed buttons, acknowledged in time and answered where they came from.

It may import discord.py, what that builds on, and this package.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from functools import partial

import discord

from adapters.base import Bot, Command, IncomingMessage, Reply
from adapters.choices import NOT_YOURS, Press, Vote
from adapters.discord_choices import chosen_row, press_to_message, read_press, read_vote, vote_to_message
from adapters.discord_faults import LIBRARY_ERRORS, log_unsent
from adapters.discord_messages import interaction_to_message
from adapters.discord_requests import acknowledge
from adapters.discord_sending import (
    Part,
    replace_buttons,
    send_reply,
    to_interaction,
    to_response,
)
from adapters.dispatch import ReplyQueues, answer_with_typing

logger = logging.getLogger(__name__)

TYPING_EVERY_S = 8.0
"""Discord shows typing for 10 s."""


class Interactions:
    """Takes what members use and press, and answers it.

    Parameters
    ----------
    bot
        Answers.
    queues
        The order of answers, shared with messages.
    takes
        Says whether anything new is taken.
    """

    def __init__(self, bot: Bot, queues: ReplyQueues, takes: Callable[[], bool]) -> None:
        self._bot = bot
        self._queues = queues
        self._takes = takes
        self._recent_ids: deque[int] = deque(maxlen=1_000)

    async def take_press(self, interaction: discord.Interaction) -> None:
        """Take a pressed button or what was chosen in a menu; an interaction that is none is passed over."""
        press, vote = read_press(interaction), read_vote(interaction)
        if (press is None and vote is None) or not self._takes() or interaction.id in self._recent_ids:
            return
        self._recent_ids.append(interaction.id)
        if vote is not None:  # under a key of its own: it waits for no answer
            self._queues.submit(interaction.id, partial(self._answer_vote, interaction, vote))
        if press is not None:
            await self._take_choice(interaction, press)

    async def _answer_vote(self, interaction: discord.Interaction, vote: Vote) -> None:
        if await _acknowledge(interaction, is_private=True):
            sentence = await self._bot.vote(vote_to_message(interaction), vote.answer_id, is_up=vote.is_up)
            await _answer_interaction(interaction, self._bot, Reply(sentence), is_private=True)

    async def _take_choice(self, interaction: discord.Interaction, press: Press) -> None:
        incoming = press_to_message(interaction, press)
        if press.owner_id != incoming.user_id:
            self._queues.submit(interaction.id, partial(_turn_away, interaction))
            return
        acknowledgement = asyncio.create_task(
            _acknowledge(interaction, is_private=False), name=f"acknowledgement of {interaction.id}"
        )
        # Under a key of its own: it waits for no answer.
        self._queues.submit(interaction.id, partial(_take_buttons_away, interaction, incoming, press, acknowledgement))
        job = partial(self._answer_press, interaction, incoming, acknowledgement)
        if not self._queues.submit(incoming.key, job):
            await acknowledgement

    async def _answer_press(
        self, interaction: discord.Interaction, incoming: IncomingMessage, acknowledgement: asyncio.Task[bool]
    ) -> None:
        if not await acknowledgement:
            return
        # As public as the question.
        is_hidden = interaction.message is not None and interaction.message.flags.ephemeral
        answer = self._bot.answer(incoming, no_progress)
        if isinstance(interaction.channel, discord.abc.Messageable) and not is_hidden:
            answer = answer_with_typing(answer, interaction.channel.typing, every_s=TYPING_EVERY_S)
        reply = await answer
        if reply is not None:
            is_hidden |= reply.private
            send = to_interaction(interaction, is_ephemeral=is_hidden)
            await send_reply(self._bot, reply, incoming.user_id, send, send, is_hidden=is_hidden)

    async def take_command(self, interaction: discord.Interaction, command: Command, argument: str) -> None:
        """Take a used command."""
        if not self._takes():
            return
        incoming = interaction_to_message(interaction, argument, command=command.name)
        is_private = command.admin_only or not command.public
        # at once, whatever waits in the queue: Discord gives 3 s
        acknowledgement = asyncio.create_task(
            _acknowledge(interaction, is_private=is_private), name=f"acknowledgement of {interaction.id}"
        )
        job = partial(self._answer_command, interaction, incoming, acknowledgement, is_private=is_private)
        if not self._queues.submit(incoming.key, job) and await acknowledgement:
            await _answer_interaction(interaction, self._bot, None, is_private=is_private)

    async def _answer_command(
        self,
        interaction: discord.Interaction,
        incoming: IncomingMessage,
        acknowledgement: asyncio.Task[bool],
        *,
        is_private: bool,
    ) -> None:
        async def show_progress(sentence: str) -> None:
            try:
                await to_response(interaction)(Part(sentence))
            except LIBRARY_ERRORS:
                logger.debug("progress could not be shown", exc_info=True)

        if await acknowledgement:
            reply = await self._bot.answer(incoming, show_progress)
            await _answer_interaction(interaction, self._bot, reply, is_private=is_private)


async def _turn_away(interaction: discord.Interaction) -> None:
    """Tell somebody, and nobody else, that the button is not theirs."""
    try:
        await interaction.response.send_message(NOT_YOURS, ephemeral=True)
    except LIBRARY_ERRORS as exc:
        log_unsent(exc)


async def _take_buttons_away(
    interaction: discord.Interaction, incoming: IncomingMessage, press: Press, acknowledgement: asyncio.Task[bool]
) -> None:
    if await acknowledgement:
        await replace_buttons(interaction, chosen_row(incoming.text, press))


async def no_progress(_: str) -> None:
    """Say nothing: typing shows it, and commands have a place of their own for it."""


async def _acknowledge(interaction: discord.Interaction, *, is_private: bool) -> bool:
    """Tell Discord that an answer will come; say whether that was in time.

    A press is answered beside the message that it changes, unless the answer is for the pressing person alone.
    """
    is_press = interaction.type is discord.InteractionType.component
    kinds = discord.InteractionResponseType
    kind = kinds.deferred_message_update if is_press and not is_private else kinds.deferred_channel_message
    try:
        await acknowledge(interaction, kind, is_private=is_private)
    except LIBRARY_ERRORS as exc:
        log_unsent(exc)
        return False
    return True


async def _answer_interaction(
    interaction: discord.Interaction, bot: Bot, reply: Reply | None, *, is_private: bool
) -> None:
    """Answer what was acknowledged, privately or not; without a reply take the acknowledgement back."""
    must_hide = reply is not None and reply.private and not is_private
    is_hidden = is_private or must_hide
    follow = to_interaction(interaction, is_ephemeral=is_hidden)
    first = to_response(interaction)
    if reply is None or not reply.text.strip() or must_hide:  # what was acknowledged in public cannot become private
        first = follow
        try:
            await interaction.delete_original_response()
        except LIBRARY_ERRORS as exc:
            log_unsent(exc)
    if reply is not None:
        await send_reply(bot, reply, str(interaction.user.id), first, follow, is_hidden=is_hidden)
