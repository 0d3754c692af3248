"""Where the bot may speak: what it lacks in a channel, and where it greets.

It may import discord.py, what that builds on, and this package.
"""

import logging

import discord

from adapters.base import Bot
from adapters.discord_faults import LIBRARY_ERRORS
from adapters.discord_messages import PLATFORM
from adapters.discord_sending import Part, Send, post
from adapters.formatting import plain_name

logger = logging.getLogger(__name__)

PERMISSIONS = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    read_message_history=True,
    embed_links=True,
    attach_files=True,
)
"""What an invitation asks for."""

_NAMES = {
    "view_channel": "View Channel",
    "send_messages": "Send Messages",
    "send_messages_in_threads": "Send Messages in Threads",
    "read_message_history": "Read Message History",
    "embed_links": "Embed Links",
    "attach_files": "Attach Files",
}
"""What Discord's settings call them."""


def reporting(bot: Bot, channel: discord.abc.Snowflake, send: Send) -> Send:
    """Have the admins told what the bot lacks where it may not send."""

    async def send_or_report(part: Part) -> str | None:
        try:
            return await send(part)
        except discord.HTTPException as exc:
            fault = fault_of(exc, channel, part)
            if fault is not None:
                bot.report(PLATFORM, fault)
            raise

    return send_or_report


def fault_of(exc: discord.HTTPException, channel: discord.abc.Snowflake, part: Part) -> str | None:
    """Return what an admin has to allow where a message was refused; None if that had another reason."""
    match exc.code:
        case 50001:  # missing access
            names = ["view_channel"]
        case 160002:  # no reply without reading the history
            names = ["read_message_history"]
        case 50013:  # missing permissions
            names = _lacking(channel, part)
        case _:
            return None
    wanted = " and ".join(_NAMES[name] for name in names)
    return f"I cannot answer in {_title(channel)}: allow me there, by my role or in the channel's settings, to {wanted}"


def _lacking(channel: discord.abc.Snowflake, part: Part) -> list[str]:
    """Return the permissions that a message needs and the bot lacks: by the channel, or else what is most likely."""
    sending = "send_messages_in_threads" if isinstance(channel, discord.Thread) else "send_messages"
    if not isinstance(channel, discord.abc.GuildChannel | discord.Thread):
        return [sending]
    try:
        granted = channel.permissions_for(channel.guild.me)
    except (discord.ClientException, AttributeError):  # the thread's channel, or the bot's own membership, is not known
        return [sending]
    needed = ["view_channel", sending, *["embed_links"] * bool(part.images), *["attach_files"] * bool(part.files)]
    missing = [name for name in needed if not getattr(granted, name)]
    # Without the first two the others are void, whatever the settings say.
    return missing[:1] if {"view_channel", sending} & set(missing) else missing or [sending]


def _title(channel: discord.abc.Snowflake) -> str:
    if not isinstance(channel, discord.abc.GuildChannel | discord.Thread):
        return f"channel {channel.id}"
    return f"#{plain_name(channel.name)} of {plain_name(channel.guild.name)} (channel {channel.id})"


async def greet(client: discord.Client, bot: Bot, guild: discord.Guild) -> None:
    """Say in a new server what the bot has to say there, where there is room for it."""
    greeting = await bot.joined(PLATFORM, str(guild.id), guild.preferred_locale.value)
    channel = greeting_channel(guild)
    if greeting is None or channel is None:
        logger.debug("server %d is not greeted", guild.id)
        return
    try:
        await post(client, channel.id, greeting.text)
    except LIBRARY_ERRORS:
        logger.debug("server %d could not be greeted", guild.id, exc_info=True)


def greeting_channel(guild: discord.Guild) -> discord.TextChannel | None:
    """Return where to greet: where the server's own notices stand, else the first channel that the bot may write to."""
    channels = [guild.system_channel, *guild.text_channels]
    return next((channel for channel in channels if channel is not None and _may_write(channel)), None)


def _may_write(channel: discord.TextChannel) -> bool:
    granted = channel.permissions_for(channel.guild.me)
    return granted.view_channel and granted.send_messages
