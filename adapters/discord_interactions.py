"""Interactions of Discord: used commands and pressed buttons, acknowledged in time and answered where they came from.

It may import discord.py, what that builds on, and this package.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

import discord
from discord.http import Route

from adapters.base import Bot, IncomingMessage, Reply, Sentence
from adapters.choices import Press, Vote
from adapters.discord_choices import Json, chosen_row, press_to_message, read_press, read_vote, vote_to_message
from adapters.discord_commands import Typing, Use, offered, read_typing, read_use
from adapters.discord_faults import LIBRARY_ERRORS, log_unsent, said_of
from adapters.discord_forms import read_form, to_form
from adapters.discord_messages import interaction_to_message, without_mentions
from adapters.discord_requests import acknowledge
from adapters.discord_sending import (
    Part,
    post,
    replace_buttons,
    send_parts,
    send_reply,
    to_interaction,
    to_response,
)
from adapters.dispatch import ReplyQueues, answer_with_typing

logger = logging.getLogger(__name__)

TYPING_EVERY_S = 8.0
"""Discord shows typing for 10 s."""

COMPLETE_S = 2.0
"""How long it may take to tell what an argument can be; Discord waits for 3 s."""


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

    async def take(self, interaction: discord.Interaction) -> None:
        """Take what somebody used, sent, typed or pressed."""
        if not self._takes() or interaction.id in self._recent_ids:
            return
        self._recent_ids.append(interaction.id)
        data: Json = dict(interaction.data or {})
        match interaction.type:
            case discord.InteractionType.application_command:
                await self._take_use(interaction, read_use(data, self._bot.commands))
            case discord.InteractionType.modal_submit:
                await self._take_use(interaction, read_form(data, self._bot.commands))
            case discord.InteractionType.autocomplete:
                job = partial(self._complete, interaction, read_typing(data, self._bot.commands))
                self._queues.submit(interaction.id, job)
            case _:
                await self._take_press(interaction)

    async def _take_press(self, interaction: discord.Interaction) -> None:
        if (vote := read_vote(interaction)) is not None:  # under a key of its own: it waits for no answer
            refuse = partial(self._turn_away, interaction, "vote_busy")
            self._queues.submit(interaction.id, partial(self._answer_vote, interaction, vote), refuse=refuse)
        if (press := read_press(interaction)) is not None:
            await self._take_choice(interaction, press)

    async def _answer_vote(self, interaction: discord.Interaction, vote: Vote) -> None:
        if await _acknowledge(interaction, is_private=True):
            incoming = vote_to_message(interaction)
            sentence = await self._bot.vote(incoming, vote.answer_id, is_up=vote.is_up)
            await self._answer_interaction(interaction, incoming, Reply(sentence), is_private=True)

    async def _take_choice(self, interaction: discord.Interaction, press: Press) -> None:
        incoming = press_to_message(interaction, press)
        if press.owner_id != incoming.user_id:
            self._submit_refusal(interaction, "not_yours")
            return
        acknowledgement = asyncio.create_task(
            _acknowledge(interaction, is_private=False), name=f"acknowledgement of {interaction.id}"
        )
        job = partial(self._answer_press, interaction, incoming, acknowledgement)
        if self._queues.submit(
            incoming.key, job, refuse=partial(self._say_busy, interaction, incoming, acknowledgement)
        ):
            # Under a key of its own: it waits for no answer.
            take_away = partial(_take_buttons_away, interaction, incoming, press, acknowledgement)
            self._queues.submit(interaction.id, take_away)
        else:  # the buttons stay, for whoever tries again
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
            await send_reply(self._bot, reply, incoming, send, send, is_hidden=is_hidden)

    async def _take_use(self, interaction: discord.Interaction, use: Use | None) -> None:
        if use is None:
            self._submit_refusal(interaction, "command_gone")
        elif use.needs_form:
            refuse = partial(self._turn_away, interaction, "busy")
            self._queues.submit(interaction.id, partial(_show_form, interaction, use), refuse=refuse)
        elif use.lacks_text:
            self._submit_refusal(interaction, "no_text")
        else:
            await self._take_command(interaction, use)

    def _submit_refusal(self, interaction: discord.Interaction, sentence: Sentence) -> None:
        """Turn somebody away, also where there is no room for more."""
        job = partial(self._turn_away, interaction, sentence)
        self._queues.submit(interaction.id, job, refuse=job)

    async def _turn_away(self, interaction: discord.Interaction, sentence: Sentence) -> None:
        """Tell somebody, and nobody else, why nothing comes of it."""
        words = self._bot.say(sentence, interaction_to_message(interaction, ""))
        try:
            await interaction.response.send_message(words, ephemeral=True)
        except LIBRARY_ERRORS as exc:
            log_unsent(exc)

    async def _take_command(self, interaction: discord.Interaction, use: Use) -> None:
        command = use.command
        text = without_mentions(use.text, interaction.application_id) if use.is_from_menu else use.text
        incoming = interaction_to_message(interaction, text, command=command.name, replied_id=use.replied_id)
        is_private = command.admin_only or not command.public
        # at once, whatever waits in the queue: Discord gives 3 s
        acknowledgement = asyncio.create_task(
            _acknowledge(interaction, is_private=is_private), name=f"acknowledgement of {interaction.id}"
        )
        job = partial(self._answer_command, interaction, incoming, acknowledgement, is_private=is_private)
        key = interaction.id if command.is_long else incoming.key
        if not self._queues.submit(key, job) and await acknowledgement:
            busy = Reply(self._bot.say("busy", incoming), private=True)
            await self._answer_interaction(interaction, incoming, busy, is_private=is_private)

    async def _complete(self, interaction: discord.Interaction, typing: Typing | None) -> None:
        """Offer what an argument can be, while it is being typed."""
        values: Sequence[str] = ()
        if typing is not None:
            message = interaction_to_message(interaction, typing.text, command=typing.command.name)
            try:
                async with asyncio.timeout(COMPLETE_S):
                    values = await self._bot.complete(message, typing.argument)
            except TimeoutError:
                logger.debug("what %s can be was not known in time", typing.argument)
        try:
            await interaction.response.autocomplete(
                [discord.app_commands.Choice(name=value, value=value) for value in offered(values)]
            )
        except LIBRARY_ERRORS as exc:
            log_unsent(exc)

    async def _answer_command(
        self,
        interaction: discord.Interaction,
        incoming: IncomingMessage,
        acknowledgement: asyncio.Task[bool],
        *,
        is_private: bool,
    ) -> None:
        async def show_progress(sentence: str) -> None:
            if interaction.is_expired():
                return
            try:
                await to_response(interaction)(Part(sentence))
            except LIBRARY_ERRORS:
                logger.debug("progress could not be shown", exc_info=True)

        if await acknowledgement:
            reply = await self._bot.answer(incoming, show_progress)
            if interaction.is_expired():
                await self._answer_directly(interaction, incoming, reply)
            else:
                await self._answer_interaction(interaction, incoming, reply, is_private=is_private)

    async def _say_busy(
        self, interaction: discord.Interaction, incoming: IncomingMessage, acknowledgement: asyncio.Task[bool]
    ) -> None:
        """Tell whoever chose, and nobody else, that there was no room."""
        if await acknowledgement:
            send = to_interaction(interaction, is_ephemeral=True)
            await send_parts([Part(self._bot.say("busy", incoming))], send, send)

    async def _answer_directly(
        self, interaction: discord.Interaction, incoming: IncomingMessage, reply: Reply | None
    ) -> None:
        """Answer in a direct message, which nobody else sees either: an interaction takes none after 15 minutes."""
        if reply is None or not reply.text.strip():
            return
        command = f"/{incoming.command}"
        try:
            channel = await interaction.user.create_dm()
            text = self._bot.say("too_late", incoming, command=command, text=reply.text)
            await post(interaction.client, channel.id, text)
        except LIBRARY_ERRORS as exc:
            logger.warning("the answer to %s took too long for its place, and went nowhere: %s", command, said_of(exc))

    async def _answer_interaction(
        self, interaction: discord.Interaction, incoming: IncomingMessage, reply: Reply | None, *, is_private: bool
    ) -> None:
        """Answer what was acknowledged, privately or not; without a reply take the acknowledgement back."""
        must_hide = reply is not None and reply.private and not is_private
        is_hidden = is_private or must_hide
        follow = to_interaction(interaction, is_ephemeral=is_hidden)
        first = to_response(interaction)
        if reply is None or not reply.text.strip() or must_hide:
            first = follow  # what was acknowledged in public cannot become private
            try:
                await interaction.delete_original_response()
            except LIBRARY_ERRORS as exc:
                log_unsent(exc)
        if reply is not None:
            await send_reply(self._bot, reply, incoming, first, follow, is_hidden=is_hidden)


async def _show_form(interaction: discord.Interaction, use: Use) -> None:
    """Ask for a command's arguments; the library's own forms are kept in memory until they are sent."""
    route = Route(
        "POST",
        "/interactions/{interaction_id}/{interaction_token}/callback",
        interaction_id=interaction.id,
        interaction_token=interaction.token,
    )
    form = to_form(use.command, use.replied_id or "0", interaction.locale)
    try:
        await interaction.client.http.request(
            route, json={"type": discord.InteractionResponseType.modal.value, "data": form}
        )
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
