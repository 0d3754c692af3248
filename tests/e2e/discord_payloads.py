"""The JSON objects that Discord sends: as small as its own description allows, with realistic ids."""

import time
from datetime import UTC, datetime
from itertools import count
from typing import Any

Json = dict[str, Any]

DISCORD_EPOCH_MS = 1_420_070_400_000
TEXT, DM, THREAD = 0, 1, 11
DEFAULT, THREAD_CREATED, REPLY, CHAT_INPUT_COMMAND = 0, 18, 19, 20
APPLICATION_COMMAND, MESSAGE_COMPONENT = 2, 3
SELECT = 3
NO_PERMISSION_IN_MENUS = "0"

_serial = count(1)


def snowflake() -> str:
    """Make an id whose upper bits tell the present time, as Discord does."""
    return str(((int(time.time() * 1000) - DISCORD_EPOCH_MS) << 22) + next(_serial) % 4096)


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


def member(nick: str | None = None) -> Json:
    return {
        "roles": [],
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


def text_channel(name: str, guild_id: str) -> Json:
    return {
        "id": snowflake(),
        "type": TEXT,
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


def thread(name: str, parent: Json) -> Json:
    return {
        "id": snowflake(),
        "type": THREAD,
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


def guild(guild_id: str, channels: list[Json], threads: list[Json]) -> Json:
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
            "roles",
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
        **definition,
        "id": snowflake(),
        "application_id": application_id,
        "version": snowflake(),
        "default_member_permissions": _as_text(definition.get("default_member_permissions")),
        **({"guild_id": guild_id} if guild_id else {}),
    }


def _as_text(number: object) -> str | None:
    return None if number is None else str(number)


def interaction(registered: Json, channel: Json, account: Json, options: dict[str, str]) -> Json:
    """Make a used slash command."""
    data: Json = {"id": registered["id"], "name": registered["name"], "type": 1}
    if options:
        data["options"] = [{"name": name, "type": 3, "value": value} for name, value in options.items()]
    if "guild_id" in registered:
        data["guild_id"] = registered["guild_id"]
    return _interaction(APPLICATION_COMMAND, data, registered["application_id"], channel, account)


def pressed(button: Json, message: Json, application_id: str, channel: Json, account: Json) -> Json:
    """Make a pressed button, of a message in a channel."""
    data = {"custom_id": button["custom_id"], "component_type": button["type"], "id": button["id"]}
    return {**_interaction(MESSAGE_COMPONENT, data, application_id, channel, account), "message": message}


def _interaction(kind: int, data: Json, application_id: str, channel: Json, account: Json) -> Json:
    shared = {
        "id": snowflake(),
        "application_id": application_id,
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
        return {**shared, "user": account, "context": 1, "authorizing_integration_owners": {"0": "0"}}
    guild_id = channel["guild_id"]
    return {
        **shared,
        "context": 0,
        "authorizing_integration_owners": {"0": guild_id},
        "guild_id": guild_id,
        "guild": {"id": guild_id, "features": [], "locale": "en-US"},
        "guild_locale": "en-US",
        "member": {**member(), "user": account, "permissions": "274877975552"},
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
