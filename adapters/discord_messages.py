"""What Discord delivers, as messages of the bot: pure functions.

It may import discord.py and this package.
"""

import re

import discord

from adapters.base import IncomingMessage
from adapters.formatting import plain_name

PLATFORM = "discord"


def to_message(message: discord.Message, me: discord.abc.Snowflake) -> IncomingMessage | None:
    """Return what a member says to the bot, or None if the message is not for it.

    Without the privileged intent for it, a reply that does not mention the bot arrives without its text.

    Parameters
    ----------
    message
        Any message that the gateway delivers.
    me
        The bot's own account.
    """
    if message.author.bot or message.webhook_id is not None:
        return None
    if message.type not in (discord.MessageType.default, discord.MessageType.reply):
        return None
    is_direct = isinstance(message.channel, discord.DMChannel)
    if not (is_direct or any(user.id == me.id for user in message.mentions) or _is_reply_to(message, me)):
        return None
    return IncomingMessage(
        platform=PLATFORM,
        conversation_id=str(message.channel.id),
        user_id=str(message.author.id),
        message_id=str(message.id),
        text=re.sub(rf" ?<@!?{me.id}> ?", " ", message.content).strip(),
        display_name=plain_name(message.author.display_name),
        is_direct=is_direct,
        is_addressed=True,
        locale=None,
        received_at=message.created_at,
        server_name=_server_name(message.guild),
    )


def _is_reply_to(message: discord.Message, me: discord.abc.Snowflake) -> bool:
    replied = message.reference.resolved if message.reference is not None else None
    return isinstance(replied, discord.Message) and replied.author.id == me.id


def interaction_to_message(
    interaction: discord.Interaction, text: str, *, command: str | None = None, choice_id: str | None = None
) -> IncomingMessage:
    """Return a used slash command or a pressed button as a message.

    Parameters
    ----------
    interaction
        The use.
    text
        What was typed after the command, or what the button says.
    command, choice_id
        The command's name, or what the button stands for.
    """
    return IncomingMessage(
        platform=PLATFORM,
        conversation_id=str(interaction.channel_id or interaction.user.id),
        user_id=str(interaction.user.id),
        message_id=str(interaction.id),
        text=text.strip(),
        display_name=plain_name(interaction.user.display_name),
        is_direct=interaction.guild_id is None,
        is_addressed=True,
        locale=interaction.locale.value,
        received_at=interaction.created_at,
        command=command,
        choice_id=choice_id,
        server_name=_server_name(interaction.guild),
    )


def _server_name(guild: discord.Guild | None) -> str:
    return plain_name(guild.name) if guild is not None else ""
