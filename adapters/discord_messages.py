"""What Discord delivers, as messages of the bot: pure functions.

It may import discord.py and this package.
"""

import re
from typing import TypedDict

import discord

from adapters.base import IncomingMessage, Medium
from adapters.formatting import plain_name

PLATFORM = "discord"


def to_message(message: discord.Message, me: discord.abc.Snowflake) -> IncomingMessage | None:
    """Return what a member says, to the bot or to others; None for what other machines say, and for notices.

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
    return IncomingMessage(
        platform=PLATFORM,
        conversation_id=str(message.channel.id),
        user_id=str(message.author.id),
        message_id=str(message.id),
        text=without_mentions(message.content, me.id, *_own_role_ids(message)),
        display_name=plain_name(message.author.display_name),
        is_direct=is_direct,
        is_addressed=is_direct or _mentions(message, me) or _names_own_role(message) or _is_reply_to(message, me),
        locale=None,
        received_at=message.created_at,
        replied_id=_replied_id(message),
        is_to_others=not is_direct and _is_to_others(message, me),
        can_manage=_can_manage(message),
        medium=_medium(message),
        **_place(message.guild, _server_id(message), message.channel, message.author),
    )


def is_withheld(message: discord.Message, me: discord.abc.Snowflake) -> bool:
    """Whether Discord keeps back what the message says from a bot without the message content intent."""
    is_shown = isinstance(message.channel, discord.DMChannel) or _mentions(message, me)
    return not (is_shown or message.content or message.stickers)


def without_mentions(text: str, *ids: int) -> str:
    """Return a text without the mentions of some accounts and roles."""
    return re.sub(rf" ?<@[!&]?(?:{'|'.join(map(str, ids))})> ?", " ", text).strip()


def _mentions(message: discord.Message, me: discord.abc.Snowflake) -> bool:
    return any(user.id == me.id for user in message.mentions)


def _own_role_ids(message: discord.Message) -> tuple[int, ...]:
    """Return the role that Discord made for the bot in this server, which members mention by mistake."""
    role = message.guild.self_role if message.guild is not None else None
    return (role.id,) if role is not None else ()


def _names_own_role(message: discord.Message) -> bool:
    return any(role.id in _own_role_ids(message) for role in message.role_mentions)


def _is_reply_to(message: discord.Message, me: discord.abc.Snowflake) -> bool:
    replied = message.reference.resolved if message.reference is not None else None
    return isinstance(replied, discord.Message) and replied.author.id == me.id


def _replied_id(message: discord.Message) -> str | None:
    """Return what a message replies to; one that forwards another refers to it as well."""
    replied = message.reference if message.type is discord.MessageType.reply else None
    return str(replied.message_id) if replied is not None and replied.message_id is not None else None


def _is_to_others(message: discord.Message, me: discord.abc.Snowflake) -> bool:
    mentions_other = any(user.id != me.id for user in message.mentions)
    mentions_role = any(role.id not in _own_role_ids(message) for role in message.role_mentions)
    return mentions_other or mentions_role or (_replied_id(message) is not None and not _is_reply_to(message, me))


def _can_manage(message: discord.Message) -> bool:
    # Without a cache of members too: their roles come with the message, the server's roles and owner with the server.
    author, guild = message.author, message.guild
    return guild is not None and isinstance(author, discord.Member) and author.guild_permissions.manage_guild


def _server_id(message: discord.Message) -> int | None:
    """Return the server, even one that the library does not know at present."""
    if isinstance(message.channel, discord.PartialMessageable):
        return message.channel.guild_id
    return message.guild.id if message.guild is not None else None


def _medium(message: discord.Message) -> Medium:
    if message.flags.voice:
        return "voice"
    if message.stickers:
        return "sticker"
    if message.attachments:
        kinds = {(attachment.content_type or "").partition("/")[0] for attachment in message.attachments}
        return "picture" if kinds == {"image"} else "file"
    return "text"


def interaction_to_message(
    interaction: discord.Interaction,
    text: str,
    *,
    command: str | None = None,
    choice_id: str | None = None,
    replied_id: str | None = None,
) -> IncomingMessage:
    """Return a used command or a pressed button as a message.

    Parameters
    ----------
    interaction
        The use.
    text
        What was typed after the command, or what the button says.
    command, choice_id
        The command's name, or what the button stands for.
    replied_id
        The message in whose menu the command was used.
    """
    is_in_server = interaction.guild_id is not None
    return IncomingMessage(
        platform=PLATFORM,
        conversation_id=str(interaction.channel_id or interaction.user.id),
        user_id=str(interaction.user.id),
        message_id=str(interaction.id),
        text=text.strip(),
        display_name=plain_name(interaction.user.display_name),
        # A person who took the bot along uses it in conversations with others, too.
        is_direct=not (is_in_server or interaction.context.private_channel),
        is_addressed=True,
        locale=interaction.locale.value,
        received_at=interaction.created_at,
        command=command,
        choice_id=choice_id,
        replied_id=replied_id,
        can_manage=is_in_server and interaction.permissions.manage_guild,
        **_place(interaction.guild, interaction.guild_id, interaction.channel, interaction.user),
    )


class _Place(TypedDict):
    server_name: str
    server_id: str
    parent_id: str
    role_ids: frozenset[str]


def _place(
    guild: discord.Guild | None, server_id: int | None, channel: object, author: discord.User | discord.Member
) -> _Place:
    """Return what the server adds: which it is, what the channel belongs to, and who the member is there."""
    roles = author.roles if guild is not None and isinstance(author, discord.Member) else []
    return {
        "server_name": plain_name(guild.name) if guild is not None else "",
        "server_id": str(server_id or ""),
        "parent_id": str(channel.parent_id) if isinstance(channel, discord.Thread) else "",
        "role_ids": frozenset(str(role.id) for role in roles if not role.is_default()),
    }
