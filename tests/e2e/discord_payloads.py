"""The JSON objects that Discord sends: as small as its own description allows, with realistic ids."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any

Json = dict[str, Any]

DISCORD_EPOCH_MS = 1_420_070_400_000
TEXT, DM, VOICE, GROUP_DM, ANNOUNCEMENT, STAGE, FORUM = 0, 1, 2, 3, 5, 13, 15
NEWS_THREAD, THREAD, PRIVATE_THREAD = 10, 11, 12
THREADS = {NEWS_THREAD, THREAD, PRIVATE_THREAD}
DEFAULT, THREAD_CREATED, REPLY, CHAT_INPUT_COMMAND = 0, 18, 19, 20
APPLICATION_COMMAND, MESSAGE_COMPONENT, AUTOCOMPLETE, MODAL_SUBMIT = 2, 3, 4, 5
SLASH, MESSAGE_MENU = 1, 3
SUBCOMMAND, STRING = 1, 3
TEXT_INPUT = 4
IN_SERVER, WITH_BOT, AMONG_PEOPLE = 0, 1, 2
CONTEXTS = {DM: WITH_BOT, GROUP_DM: AMONG_PEOPLE}
"""Where a command is used, by the kind of channel; else in a server."""

MANAGE_GUILD = 1 << 5
VIEW_CHANNEL, SEND_MESSAGES, READ_HISTORY, SEND_IN_THREADS = 1 << 10, 1 << 11, 1 << 16, 1 << 38
SENDING = {False: SEND_MESSAGES, True: SEND_IN_THREADS}
"""What it takes to send, by whether that is in a thread."""

MEMBERS_MAY = 274_877_975_552
"""To see channels, to read and write there and in threads."""
SELECT = 3
NO_PERMISSION_IN_MENUS = "0"

_serial = count(1)


def snowflake() -> str:
    """Make an id whose upper bits tell the present time, as Discord does."""
    return str(((int(time.time() * 1000) - DISCORD_EPOCH_MS) << 22) + next(_serial) % 4096)


def older(snowflake_: str, seconds: int) -> str:
    """Return an id that was made earlier."""
    return str(int(snowflake_) - ((1000 * seconds) << 22))


def age_s(snowflake_: str) -> float:
    """Return how long ago an id was made."""
    return time.time() - ((int(snowflake_) >> 22) + DISCORD_EPOCH_MS) / 1000


def snowflake_of(shard_id: int, n_shards: int) -> str:
    """Make the id of a server that a shard owns."""
    milliseconds = int(time.time() * 1000) - DISCORD_EPOCH_MS
    return str((milliseconds - milliseconds % n_shards + shard_id) << 22)


LONG_AGO = "2024-05-01T12:00:00+00:00"


def now() -> str:
    return datetime.now(UTC).isoformat()


def user(name: str, *, bot: bool = False, shown_as: str | None = None) -> Json:
    return {
        "id": snowflake(),
        "username": name,
        "discriminator": "0",
        "global_name": shown_as,
        "avatar": None,
        "bot": bot,
        "public_flags": 0,
        "flags": 0,
        "primary_guild": None,
    }


def own_user(account: Json) -> Json:
    return {**account, "mfa_enabled": True, "locale": "en-US", "verified": True, "email": None}


def application(account: Json) -> Json:
    return {
        "id": account["id"],
        "name": account["username"],
        "icon": None,
        "description": "",
        "type": None,
        "summary": "",
        "verify_key": "0" * 64,
        "flags": 0,
        "flags_new": "0",
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "owner": user("owner"),
        "approximate_guild_count": 1,
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0,
        "team": None,
        "eligible_oauth2_scopes": [],
        "bot_public": True,
        "bot_require_code_grant": False,
    }


def member(nick: str | None = None, roles: Sequence[Json] = ()) -> Json:
    return {
        "roles": [role["id"] for role in roles],
        "joined_at": now(),
        "premium_since": None,
        "deaf": False,
        "mute": False,
        "nick": nick,
        "avatar": None,
        "banner": None,
        "pending": False,
        "flags": 0,
        "communication_disabled_until": None,
    }


def role(name: str, permissions: int, *, role_id: str | None = None, bot: Json | None = None) -> Json:
    """Make a role; with a bot, the one that Discord makes for it."""
    return {
        "id": role_id or snowflake(),
        "name": name,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "description": None,
        "hoist": False,
        "icon": None,
        "unicode_emoji": None,
        "position": 0 if role_id else 1,
        "permissions": str(permissions),
        "managed": bot is not None,
        "mentionable": False,
        "flags": 0,
        **({"tags": {"bot_id": bot["id"]}} if bot else {}),
    }


def overwrite(role: Json, *, deny: int) -> Json:
    """Make what a channel takes away from a role."""
    return {"id": role["id"], "type": 0, "allow": "0", "deny": str(deny)}


def text_channel(name: str, guild_id: str, kind: int = TEXT) -> Json:
    return {
        "id": snowflake(),
        "type": kind,
        **({"bitrate": 64_000, "user_limit": 0, "rtc_region": None} if kind in {VOICE, STAGE} else {}),
        **({"available_tags": [], "default_reaction_emoji": None} if kind == FORUM else {}),
        **({"default_sort_order": None, "default_forum_layout": 0} if kind == FORUM else {}),
        "guild_id": guild_id,
        "name": name,
        "position": 0,
        "permission_overwrites": [],
        "parent_id": None,
        "topic": None,
        "nsfw": False,
        "last_message_id": None,
        "rate_limit_per_user": 0,
        "flags": 0,
    }


def thread(name: str, parent: Json, kind: int = THREAD) -> Json:
    return {
        "id": snowflake(),
        "type": kind,
        "guild_id": parent["guild_id"],
        "parent_id": parent["id"],
        "name": name,
        "owner_id": snowflake(),
        "message_count": 0,
        "member_count": 1,
        "rate_limit_per_user": 0,
        "last_message_id": None,
        "flags": 0,
        "total_message_sent": 0,
        "applied_tags": [],
        "thread_metadata": {
            "archived": False,
            "auto_archive_duration": 1440,
            "archive_timestamp": now(),
            "locked": False,
            "create_timestamp": now(),
        },
    }


def dm_channel(recipient: Json) -> Json:
    return {"id": snowflake(), "type": DM, "flags": 0, "last_message_id": None, "recipients": [recipient]}


def group_dm(recipients: list[Json]) -> Json:
    """Make a conversation of several people, in which the bot has no part unless somebody brings it."""
    return {"id": snowflake(), "type": GROUP_DM, "flags": 0, "last_message_id": None, "recipients": recipients}


def guild(guild_id: str, channels: list[Json], threads: list[Json], roles: Sequence[Json] = (), **fields: Any) -> Json:
    nothing: Json = dict.fromkeys(
        [
            "afk_channel_id",
            "application_id",
            "banner",
            "description",
            "discovery_splash",
            "hub_type",
            "icon",
            "incidents_data",
            "public_updates_channel_id",
            "rules_channel_id",
            "safety_alerts_channel_id",
            "splash",
            "system_channel_id",
            "vanity_url_code",
        ]
    )
    empty: Json = {
        key: []
        for key in [
            "emojis",
            "features",
            "guild_scheduled_events",
            "members",
            "presences",
            "soundboard_sounds",
            "stage_instances",
            "stickers",
            "voice_states",
        ]
    }
    return {
        **nothing,
        **empty,
        "id": guild_id,
        "name": "Allotment",
        "owner_id": snowflake(),
        "channels": channels,
        "threads": threads,
        "unavailable": False,
        "joined_at": now(),
        "large": False,
        "member_count": 3,
        "afk_timeout": 300,
        "default_message_notifications": 0,
        "explicit_content_filter": 0,
        "mfa_level": 0,
        "nsfw_level": 0,
        "preferred_locale": "en-US",
        "premium_progress_bar_enabled": False,
        "premium_tier": 0,
        "system_channel_flags": 0,
        "verification_level": 0,
        "roles": [role("@everyone", MEMBERS_MAY, role_id=guild_id), *roles],
        **fields,
    }


def message(author: Json, channel: Json, content: str, **fields: Any) -> Json:
    return {
        "id": snowflake(),
        "channel_id": channel["id"],
        "author": author,
        "content": content,
        "timestamp": now(),
        "edited_timestamp": None,
        "tts": False,
        "mention_everyone": False,
        "mentions": [],
        "mention_roles": [],
        "attachments": [],
        "embeds": [],
        "components": [],
        "pinned": False,
        "flags": 0,
        "type": DEFAULT,
        **fields,
    }


def command(definition: Json, application_id: str, guild_id: str | None) -> Json:
    return {
        "description": "",  # that of a menu
        **definition,
        "id": snowflake(),
        "application_id": application_id,
        "version": snowflake(),
        "default_member_permissions": _as_text(definition.get("default_member_permissions")),
        **({"guild_id": guild_id} if guild_id else {}),
    }


def _as_text(number: object) -> str | None:
    return None if number is None else str(number)


def interaction(registered: Json, channel: Json, account: Json, name: str, options: dict[str, str]) -> Json:
    """Make a used slash command, of a group if its name has two words."""
    given = [{"name": option, "type": STRING, "value": value} for option, value in options.items()]
    data = _command_data(registered, SLASH)
    return _interaction(APPLICATION_COMMAND, _with_options(data, name, given), registered, channel, account)


def typing(registered: Json, channel: Json, account: Json, name: str, argument: str, text: str) -> Json:
    """Make an argument of a slash command that is being typed."""
    options: list[Json] = [{"name": argument, "type": STRING, "value": text, "focused": True}]
    data = _command_data(registered, SLASH)
    return _interaction(AUTOCOMPLETE, _with_options(data, name, options), registered, channel, account)


def _with_options(data: Json, name: str, options: list[Json]) -> Json:
    _, _, subcommand = name.partition(" ")
    if subcommand:
        return data | {"options": [{"name": subcommand, "type": SUBCOMMAND, "options": options}]}
    return data | ({"options": options} if options else {})


def menu_use(registered: Json, channel: Json, account: Json, message: Json) -> Json:
    """Make a command that was used in the menu of a message."""
    data = _command_data(registered, MESSAGE_MENU)
    data |= {"target_id": message["id"], "resolved": {"messages": {message["id"]: message}}}
    return _interaction(APPLICATION_COMMAND, data, registered, channel, account)


def sent_form(form: Json, application: Json, channel: Json, account: Json, values: dict[str, str]) -> Json:
    """Make a form that was filled in."""
    numbers = count(1)
    fields = [
        {"type": label["type"], "id": next(numbers), "component": _filled(label["component"], next(numbers), values)}
        for label in form["components"]
    ]
    data = {"custom_id": form["custom_id"], "components": fields}
    return _interaction(MODAL_SUBMIT, data, application, channel, account)


def _filled(field: Json, number: int, values: dict[str, str]) -> Json:
    value = values.get(field["custom_id"], "")
    answer = {"value": value} if field["type"] == TEXT_INPUT else {"values": [value] if value else []}
    return {"type": field["type"], "id": number, "custom_id": field["custom_id"], **answer}


def pressed(button: Json, message: Json, application_id: str, channel: Json, account: Json) -> Json:
    """Make a pressed button, of a message in a channel."""
    data = {"custom_id": button["custom_id"], "component_type": button["type"], "id": button["id"]}
    application = {"application_id": application_id}
    return {**_interaction(MESSAGE_COMPONENT, data, application, channel, account), "message": message}


def _command_data(registered: Json, kind: int) -> Json:
    guild = {"guild_id": registered["guild_id"]} if "guild_id" in registered else {}
    return {"id": registered["id"], "name": registered["name"], "type": kind, **guild}


def _interaction(kind: int, data: Json, registered: Json, channel: Json, account: Json) -> Json:
    shared = {
        "id": snowflake(),
        "application_id": registered["application_id"],
        "type": kind,
        "token": f"interaction-token-{snowflake()}",
        "version": 1,
        "data": data,
        "channel": channel,
        "channel_id": channel["id"],
        "locale": "de",
        "app_permissions": "274877975552",
        "entitlements": [],
        "attachment_size_limit": 10_485_760,
    }
    if channel["type"] == DM:
        return {**shared, "user": account, "context": WITH_BOT, "authorizing_integration_owners": {"0": "0"}}
    if channel["type"] == GROUP_DM:  # only where the person took the bot along
        owners = {"1": account["id"]}
        return {**shared, "user": account, "context": AMONG_PEOPLE, "authorizing_integration_owners": owners}
    guild_id = channel["guild_id"]
    return {
        **shared,
        "context": IN_SERVER,
        "authorizing_integration_owners": {"0": guild_id},
        "guild_id": guild_id,
        "guild": {"id": guild_id, "features": [], "locale": "en-US"},
        "guild_locale": "en-US",
        "member": {**member(), "user": account, "permissions": str(MEMBERS_MAY)},
    }


def shown_components(rows: list[Json]) -> list[Json]:
    """Return components as Discord shows them: each with a number, a menu with how much may be chosen."""
    numbers = count(1)
    return [
        {
            **row,
            "id": next(numbers),
            "components": [_shown_component(child, next(numbers)) for child in row["components"]],
        }
        for row in rows
    ]


def _shown_component(component: Json, number: int) -> Json:
    defaults = {"min_values": 1, "max_values": 1} if component["type"] == SELECT else {}
    return {**defaults, **component, "id": number}


def shown_embeds(embeds: list[Json]) -> list[Json]:
    return [{"type": "rich", **embed} for embed in embeds]


def attachment(name: str, data: bytes) -> Json:
    number = snowflake()
    url = f"https://cdn.discordapp.com/attachments/1/{number}/{name}"
    return {"id": number, "filename": name, "size": len(data), "url": url, "proxy_url": url}
