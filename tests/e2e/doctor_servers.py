"""The local servers with what only the doctor asks for."""

import re
from typing import Any

from aiohttp import web

from tests.e2e import discord_payloads as payloads
from tests.e2e.discord_server import API, DiscordServer
from tests.e2e.telegram_server import Json, TelegramServer

GOOD_PERMISSIONS = 1 << 10 | 1 << 11 | 1 << 14 | 1 << 15 | 1 << 16


class ExaminedDiscord(DiscordServer):
    """A local Discord that tells of servers, roles, members, commands and its gateway.

    Attributes
    ----------
    application_flags
        Which privileged intents are on.
    server_permissions
        What everyone may do in the server.
    guild_ids
        The servers that the bot is in; only the first has channels.
    n_sessions_left
        How often the bot may still connect today.
    """

    def __init__(self) -> None:
        super().__init__()
        self.application_flags = 0
        self.server_permissions = GOOD_PERMISSIONS
        self.guild_ids = [self.guild_id]
        self.n_sessions_left = 1_000

    def _get_application(self, _request: web.Request, _body: Any) -> tuple[int, Any]:
        return 200, payloads.application(self.bot) | {"flags": self.application_flags}

    def _unknown(self, request: web.Request, body: Any) -> tuple[int, Any]:
        routes = {
            r"/users/@me/guilds": self._my_guilds,
            r"/applications/\d+(?:/guilds/(\d+))?/commands": self._commands,
            r"/guilds/(\d+)/(channels|roles|members)(?:/\d+)?": self._of_guild,
        }
        for path, answer in routes.items():
            if request.method == "GET" and (match := re.fullmatch(path, request.path.removeprefix(API))):
                return answer(*match.groups())
        return super()._unknown(request, body)

    def _commands(self, guild_id: str | None) -> tuple[int, Any]:
        if (guild_id or "global") in self.commands:
            return 200, self.commands[guild_id or "global"]
        return 403, {"message": "Missing Access", "code": 50001}

    def _get_gateway(self, _request: web.Request, _body: Any) -> tuple[int, Any]:
        left = {"total": 1_000, "remaining": self.n_sessions_left, "reset_after": 7_200_000, "max_concurrency": 1}
        return 200, {"url": "wss://gateway.discord.gg", "shards": 1, "session_start_limit": left}

    def _my_guilds(self) -> tuple[int, Any]:
        more = {"name": "Allotment", "permissions": str(self.server_permissions)}
        more |= {"icon": None, "banner": None, "owner": False, "features": []}
        return 200, [{"id": guild_id, **more} for guild_id in self.guild_ids]

    def _of_guild(self, guild_id: str, what: str) -> tuple[int, Any]:
        if guild_id not in self.guild_ids:
            return 404, {"message": "Unknown Guild", "code": 10004}
        if what == "channels":
            return 200, [self.general, self.team] if guild_id == self.guild_id else []
        if what == "roles":
            return 200, [role(guild_id, self.server_permissions)]
        return 200, {**payloads.member(), "user": self.bot}


def role(role_id: str, permissions: int) -> Json:
    colours = {"primary_color": 0, "secondary_color": None, "tertiary_color": None}
    nothing = {"hoist": False, "managed": False, "mentionable": False, "icon": None, "unicode_emoji": None, "flags": 0}
    return {
        "id": role_id,
        "name": "@everyone",
        "permissions": str(permissions),
        "position": 0,
        "color": 0,
        "colors": colours,
        **nothing,
    }


class ExaminedTelegram(TelegramServer):
    """A local Telegram whose bot has rights that a test sets, and whose webhook fails as it says.

    Attributes
    ----------
    rights
        What ``getMe`` tells of the bot.
    webhook_fault
        What ``getWebhookInfo`` tells besides.
    """

    def __init__(self) -> None:
        super().__init__()
        self.rights: Json = {}
        self.webhook_fault: Json = {}

    async def _get_me(self, params: dict[str, str]) -> Json:
        return await super()._get_me(params) | self.rights

    async def _get_webhook_info(self, params: dict[str, str]) -> Json:
        return await super()._get_webhook_info(params) | self.webhook_fault
