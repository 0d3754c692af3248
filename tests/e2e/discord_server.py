"""A local Discord: its REST interface and its gateway, on real sockets, for the real library to talk to.

It keeps the rules that a bot meets there (who must authorise, what is acknowledged once, which nonce is known, what the
message content intent hides), records every request, and checks each request, answer and gateway frame against
Discord's own descriptions; what breaks them is collected in `DiscordServer.violations`.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

from tests.e2e import discord_gateway as gateway
from tests.e2e import discord_mishaps as mishaps
from tests.e2e import discord_payloads as payloads
from tests.e2e import specs
from tests.e2e.discord_payloads import Json
from tests.e2e.discord_rules import BUTTON, Files, refusal

API = "/api/v10"
FILES = web.RequestKey("files", list[tuple[str, bytes]])
INTERACTION_TTL_S = 15 * 60
"""How long an interaction takes answers."""

EPHEMERAL = 64
MESSAGE_CONTENT = 1 << 15
MAY_READ = 1 << 19
WAIT_S = 20.0

MESSAGE, DEFERRED_MESSAGE, DEFERRED_UPDATE, OFFER, FORM = 4, 5, 6, 8, 9

RestAnswer = Callable[[web.Request, Any], tuple[int, Any]]


@dataclass
class Request:
    """One REST request, as it arrived, and the status that it got."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    files: Files = field(default_factory=list)
    status: int = 0


@dataclass
class Answer:
    """A visible event of an interaction: an ``edit`` of the first response, a ``followup`` or a ``delete``.

    `message` is how it stands there.
    """

    kind: str
    content: str | None = None
    is_ephemeral: bool = False
    body: Json = field(default_factory=dict)
    message: Json = field(default_factory=dict)


class Interaction:
    """A used slash command or a pressed button, and what came back."""

    def __init__(self, server: "DiscordServer", payload: Json) -> None:
        self._server = server
        self._n_seen = 0
        self.payload = payload
        self.callback: Json | None = None
        self.answers: list[Answer] = []

    @property
    def is_update(self) -> bool:
        """Whether what was acknowledged changes the message of the button, and is no message of its own."""
        return self.callback is not None and self.callback["type"] == DEFERRED_UPDATE

    @property
    def is_ephemeral(self) -> bool:
        """Whether it was acknowledged for the asking person alone."""
        return self.callback is not None and bool((self.callback.get("data") or {}).get("flags", 0) & EPHEMERAL)

    @property
    def form(self) -> Json | None:
        """The form that it opened."""
        data: Json = (self.callback or {}).get("data") or {}
        return data if self.callback is not None and self.callback["type"] == FORM else None

    @property
    def offered(self) -> list[str]:
        """What it offers for the argument that is being typed."""
        assert self.callback is not None
        assert self.callback["type"] == OFFER
        return [choice["value"] for choice in self.callback["data"]["choices"]]

    @property
    def said(self) -> str:
        """What it said at once."""
        assert self.callback is not None
        assert self.callback["type"] == MESSAGE
        return str(self.callback["data"]["content"])

    async def deferred(self) -> None:
        """Wait for the acknowledgement."""
        await self._server.wait_until(lambda: self.callback is not None, "the interaction is acknowledged")

    async def next_answer(self) -> Answer:
        """Wait for the next visible event."""
        await self._server.wait_until(lambda: len(self.answers) > self._n_seen, "the interaction is answered")
        self._n_seen += 1
        return self.answers[self._n_seen - 1]

    async def final(self) -> Answer:
        """Wait for the next edit or followup, passing over a deletion."""
        while (answer := await self.next_answer()).kind == "delete":
            pass
        return answer

    async def next_followup(self) -> Answer:
        """Wait for the next followup, passing over everything else: of a pressed button, the next answer."""
        while (answer := await self.next_answer()).kind != "followup":
            pass
        return answer


class DiscordServer:
    """One server with a channel and a thread, and any number of members.

    Attributes
    ----------
    bot, profile, role
        The bot's account, its application, whose id is the same, and its role in servers.
    general, thread, team
        The channels of the server `guild_id`; the last is the admins' own.
    requests
        Every REST request so far.
    violations
        What broke Discord's own descriptions, either way; the server's end raises if there is any.
    commands
        The registered slash commands: ``"global"`` or a server's id, to a list.
    messages
        Every message by its id.
    n_shards, n_sessions_left
        How many Discord recommends, and how many sessions it will take today.
    locales
        The languages of members, as interactions tell them, by the member's id.
    permissions
        What members may do, as interactions tell it, by the member's id; else what all may.
    joined_at
        When the bot was added to servers, by their ids; else long ago.
    roles, members
        What other roles there are, and the roles of members by their ids.
    gateway
        The other half.
    """

    def __init__(self, token: str = "local-discord-token") -> None:
        self.token = token
        self.bot = payloads.user("parley", bot=True)
        self.guild_id = payloads.snowflake()
        self.interactions_age_s = 0
        self.profile = payloads.application(self.bot)
        self.role = payloads.role("parley", payloads.MEMBERS_MAY, bot=self.bot)
        self.general = payloads.text_channel("general", self.guild_id)
        self.thread = payloads.thread("seedlings", self.general)
        self.team = payloads.text_channel("team", self.guild_id)
        self.requests: list[Request] = []
        self.violations: list[str] = []
        self.commands: dict[str, list[Json]] = {"global": [], self.guild_id: []}
        self.messages: dict[str, Json] = {}
        self.n_shards = 1
        self.n_sessions_left = 999
        self.locales: dict[str, str] = {}
        self.permissions: dict[str, int] = {}
        self.joined_at: dict[str, str] = {}
        self.roles: dict[str, Json] = {}
        self.members: dict[str, list[Json]] = {}
        self.gateway = gateway.Gateway(
            accepts_token=self._accepts_token, ready=self._ready, notify=self._notify, violations=self.violations
        )
        self._guild_ids = [self.guild_id]
        self._channels = {channel["id"]: channel for channel in (self.general, self.thread, self.team)}
        self._direct: dict[str, Json] = {}
        self._interactions: dict[str, Interaction] = {}
        self._nonces: dict[str, Json] = {}
        self._unread: list[tuple[Json, Json]] = []
        self._mishaps: list[mishaps.Mishap] = []
        self._ended = asyncio.Event()
        self._refuses_token = False
        self._changed = asyncio.Condition()
        self._runner = web.AppRunner(self._application(), shutdown_timeout=1.0)
        self._port = 0

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, _kind: object, under_way: BaseException | None, _trace: object) -> None:
        self._ended.set()
        await self.gateway.close()
        await self._runner.cleanup()
        specs.raise_violations(self.violations, under_way)

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self._port}{API}"

    @property
    def gateway_url(self) -> str:
        return f"ws://127.0.0.1:{self._port}{gateway.PATH}"

    # What a test waits for.

    async def wait_until(self, holds: Callable[[], bool], what: str, within_s: float = WAIT_S) -> None:
        """Wait until something holds; it is looked at after every request and frame."""
        try:
            async with asyncio.timeout(within_s), self._changed:
                await self._changed.wait_for(holds)
        except TimeoutError:
            seen = [f"{request.method} {request.path} {request.status}" for request in self.requests]
            raise AssertionError(f"waited {within_s:.0f} s in vain until {what}; requests: {seen}") from None

    async def wait_connected(self) -> None:
        """Wait until a session is connected."""
        await self.wait_until(lambda: self.gateway.is_live, "the gateway has a session")

    async def wait_request(self, method: str, path: str, n: int = 1) -> Request:
        """Wait for the n-th request to a path, given as a regular expression."""
        await self.wait_until(lambda: len(self.requests_to(method, path)) >= n, f"{method} {path} arrives")
        return self.requests_to(method, path)[n - 1]

    def requests_to(self, method: str, path: str) -> list[Request]:
        """Return the requests to a path, given as a regular expression."""
        return [request for request in self.requests if request.method == method and re.fullmatch(path, request.path)]

    async def next_message(self, channel: Json | None = None) -> tuple[Json, Json]:
        """Wait for the bot's next message, in a channel or anywhere: as it stands there, and as it was asked for."""

        def matching() -> list[tuple[Json, Json]]:
            return [pair for pair in self._unread if channel is None or pair[0]["channel_id"] == channel["id"]]

        await self.wait_until(lambda: bool(matching()), "the bot sends a message")
        pair = matching()[0]
        self._unread.remove(pair)
        return pair

    # What members do.

    def dm(self, user: Json) -> Json:
        """Return the direct conversation of a person and the bot."""
        channel = self._direct.setdefault(user["id"], payloads.dm_channel(user))
        self._channels[channel["id"]] = channel
        return channel

    async def say(
        self,
        user: Json,
        channel: Json,
        text: str,
        *,
        mention_bot: bool = False,
        reply_to: str | None = None,
        **fields: Any,
    ) -> str:
        """Post a message and return its id.

        Parameters
        ----------
        mention_bot
            Whether it begins with a mention of the bot.
        reply_to
            The id of the message that it answers, without a ping.
        fields
            What else the payload should hold.
        """
        if mention_bot:
            text = f"<@{self.bot['id']}> {text}"
            fields["mentions"] = [self.bot]
        if reply_to is not None:
            fields["type"] = payloads.REPLY
            fields["message_reference"] = {"type": 0, "message_id": reply_to, "channel_id": channel["id"]}
            fields["referenced_message"] = self.messages.get(reply_to)
        message = payloads.message(user, channel, text, **fields)
        self.messages[message["id"]] = message
        await self.gateway.dispatch("MESSAGE_CREATE", self._as_delivered(message, channel))
        return str(message["id"])

    async def edit(self, message_id: str, text: str, **fields: Any) -> None:
        """Have somebody change what they wrote."""
        message = self.messages[message_id]
        mention = f"<@{self.bot['id']}> " if self.bot in message["mentions"] else ""
        message |= {"content": mention + text, "edited_timestamp": payloads.now(), **fields}
        await self._deliver_change(message)

    async def unfurl(self, message_id: str) -> None:
        """Add the preview of a link to a message, as Discord does a moment later."""
        message = self.messages[message_id]
        message["embeds"] = [{"type": "link", "url": "https://example.org"}]
        await self._deliver_change(message)

    async def _deliver_change(self, message: Json) -> None:
        channel = self._channels[message["channel_id"]]
        await self.gateway.dispatch("MESSAGE_UPDATE", self._as_delivered(message, channel))

    def _as_delivered(self, message: Json, channel: Json) -> Json:
        """Add what the gateway adds, and take the text that the bot's intents do not show."""
        if channel["type"] == payloads.DM:
            return message
        is_shown = self.bot in message["mentions"] or self.gateway.intents & MESSAGE_CONTENT
        roles = self.members.get(message["author"]["id"], [])
        member = {} if "webhook_id" in message else {"member": payloads.member(roles=roles)}
        withheld: Json = {} if is_shown else {"content": "", "attachments": [], "embeds": [], "components": []}
        return {
            **message,
            **withheld,
            **member,
            "guild_id": channel["guild_id"],
            "mentions": [{**user, "member": payloads.member()} for user in message["mentions"]],
        }

    def delete(self, message_id: str) -> None:
        """Take a message away."""
        del self.messages[message_id]

    async def slash(self, user: Json, channel: Json, name: str, **options: str) -> Interaction:
        """Use a slash command; it must be registered for that channel, with those options."""
        registered = self._registered(channel, name.split(maxsplit=1)[0], payloads.SLASH)
        offered = {option["name"]: option for option in _arguments(registered, name)}
        required = {option for option, definition in offered.items() if definition["required"]}
        assert required <= set(options) <= set(offered), f"/{name} has {sorted(offered)}"
        for option, value in options.items():
            values = [choice["value"] for choice in offered[option].get("choices", [])]
            assert not values or value in values, f"{value!r} is none of {values}"
        return await self._interact(payloads.interaction(registered, channel, user, name, options), user)

    async def type(self, user: Json, channel: Json, name: str, argument: str, text: str) -> Interaction:
        """Begin to type an argument of a slash command that is completed."""
        registered = self._registered(channel, name.split(maxsplit=1)[0], payloads.SLASH)
        (option,) = [option for option in _arguments(registered, name) if option["name"] == argument]
        assert option["autocomplete"]
        return await self._interact(payloads.typing(registered, channel, user, name, argument, text), user)

    async def use_menu(self, user: Json, channel: Json, title: str, message_id: str) -> Interaction:
        """Use a command in the menu of a message."""
        registered = self._registered(channel, title, payloads.MESSAGE_MENU)
        message = self.messages[message_id]
        return await self._interact(payloads.menu_use(registered, channel, user, message), user)

    async def send_form(self, user: Json, opened: Interaction, **values: str) -> Interaction:
        """Fill in the form that a command has opened, and send it."""
        form = opened.form
        assert form is not None
        channel = opened.payload["channel"]
        return await self._interact(payloads.sent_form(form, opened.payload, channel, user, values), user)

    def _registered(self, channel: Json, name: str, kind: int) -> Json:
        scopes = ("global", channel.get("guild_id", "global"))
        context = payloads.CONTEXTS.get(channel["type"], payloads.IN_SERVER)
        commands = [command for scope in scopes for command in self.commands[scope]]
        known = {c["name"]: c for c in commands if c["type"] == kind and context in c["contexts"]}
        assert name in known, f"{name} is not registered here, only {sorted(known)}"
        return known[name]

    async def press(self, user: Json, message: Json, title: str) -> Interaction:
        """Press a button of a message of the bot, as it stands there; it must be there and can be pressed."""
        shown = self.messages[message["id"]]
        children = [child for row in shown["components"] for child in row["components"]]
        buttons = {child["label"]: child for child in children if child["type"] == BUTTON}
        assert title in buttons, f"there is no button {title!r}, only {sorted(buttons)}"
        assert not buttons[title].get("disabled"), f"the button {title!r} cannot be pressed any more"
        channel = self._channels[shown["channel_id"]]
        return await self._interact(payloads.pressed(buttons[title], shown, self.bot["id"], channel, user), user)

    async def choose(self, user: Json, message: Json, title: str) -> Interaction:
        """Choose a line of the menu under a message of the bot, as it stands there."""
        shown = self.messages[message["id"]]
        (menu,) = [child for row in shown["components"] for child in row["components"]]
        values = [option["value"] for option in menu["options"] if option["label"] == title]
        assert len(values) == 1, f"there is no one line {title!r}, only {[o['label'] for o in menu['options']]}"
        payload = payloads.pressed(menu, shown, self.bot["id"], self._channels[shown["channel_id"]], user)
        payload["data"]["values"] = values
        return await self._interact(payload, user)

    async def _interact(self, payload: Json, user: Json) -> Interaction:
        payload["locale"] = self.locales.get(user["id"], payload["locale"])
        if "member" in payload and user["id"] in self.permissions:
            payload["member"]["permissions"] = str(self.permissions[user["id"]])
        payload["id"] = payloads.older(payload["id"], self.interactions_age_s)
        interaction = Interaction(self, payload)
        self._interactions[payload["token"]] = interaction
        await self.gateway.dispatch("INTERACTION_CREATE", payload)
        return interaction

    def add_guild(self, guild_id: str) -> Json:
        """Have another server from the next session on, and return its channel."""
        channel = payloads.text_channel("elsewhere", guild_id)
        self._guild_ids.append(guild_id)
        self._channels[channel["id"]] = channel
        self.commands[guild_id] = []
        return channel

    async def invite_bot(self, guild_id: str, channels: Sequence[Json] = (), **fields: Any) -> None:
        """Have the bot join another server."""
        self.join(guild_id)
        guild = self._guild(guild_id, channels, **fields)
        del guild["unavailable"]
        self._channels |= {channel["id"]: channel for channel in channels}
        await self.gateway.dispatch("GUILD_CREATE", guild)

    def join(self, guild_id: str) -> None:
        """Let the bot be in a server as of now, and hold nothing there; only the next session tells of it."""
        self.joined_at[guild_id] = payloads.now()
        self.commands[guild_id] = []

    async def remove_bot(self, guild_id: str) -> None:
        """Have somebody remove the bot from a server."""
        await self.gateway.dispatch("GUILD_DELETE", {"id": guild_id})

    async def lose_guild(self, guild_id: str) -> None:
        """Have a server be away for a while, as during an outage."""
        await self.gateway.dispatch("GUILD_DELETE", {"id": guild_id, "unavailable": True})

    def add_channel(self, channel: Json) -> Json:
        """Have a channel or a thread in the server from the next session on."""
        self._channels[channel["id"]] = channel
        return channel

    async def delete_channel(self, channel: Json) -> None:
        """Take a channel away."""
        del self._channels[channel["id"]]
        await self.gateway.dispatch("CHANNEL_DELETE", channel)

    def forbid(self, channel: Json, permissions: int) -> None:
        """Take permissions from the bot in a channel, and in its threads, from the next session on."""
        channel["permission_overwrites"] = [payloads.overwrite(self.role, deny=permissions)]

    def allow_content(self, *, is_granted: bool = True) -> None:
        """Switch the message content intent on, for the gateway too or for show only."""
        self.profile |= {"flags": MAY_READ, "flags_new": str(MAY_READ)}
        self.gateway.refused_intents = 0 if is_granted else MESSAGE_CONTENT

    # What goes wrong. A path is a regular expression.

    def fail_next(self, method: str, path: str, status: int, *, code: int = 0, after_effect: bool = False) -> None:
        """Answer the next request to a path with an error."""
        self.expect(mishaps.error(method, path, status, code=code, after_effect=after_effect))

    def rate_limit_next(self, method: str, path: str, *, retry_after_s: float = 0.05) -> None:
        """Answer the next request to a path with 429."""
        self.expect(mishaps.rate_limit(method, path, retry_after_s=retry_after_s))

    def expect(self, *expected: mishaps.Mishap) -> None:
        """Let the next requests that match go wrong, each once, in this order."""
        self._mishaps += expected

    def refuse_token(self) -> None:
        """Accept no token from now on, like Discord after the owner has reset it."""
        self._refuses_token = True

    async def drop_gateway(self, code: int = 4000, shard_id: int = 0) -> None:
        """Close a session's connection; the client may resume."""
        await self.wait_connected()
        await self.gateway.drop(code, shard_id)

    # The inside.

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _accepts_token(self, token: str) -> bool:
        return token == self.token and not self._refuses_token

    def _ready(self, session_id: str, shard: gateway.Shard) -> list[tuple[str, Json]]:
        own_ids = [guild_id for guild_id in self._guild_ids if gateway.owner_of(guild_id, shard[1]) == shard[0]]
        guilds = [self._guild(guild_id, self._channels.values()) for guild_id in own_ids]
        ready = {
            "v": 10,
            "user": payloads.own_user(self.bot),
            "guilds": [{"id": guild["id"], "unavailable": True} for guild in guilds],
            "session_id": session_id,
            "shard": list(shard),
            "resume_gateway_url": f"ws://127.0.0.1:{self._port}{gateway.RESUME_PATH}",
            "application": {key: self.profile[key] for key in ("id", "flags", "flags_new")},
        }
        return [("READY", ready), *(("GUILD_CREATE", guild) for guild in guilds)]

    def _guild(self, guild_id: str, channels: Iterable[Json], **fields: Any) -> Json:
        """Make a server with the bot in it."""
        own = [channel for channel in channels if channel.get("guild_id") == guild_id]
        threads = [channel for channel in own if channel["type"] in payloads.THREADS]
        others = [channel for channel in own if channel not in threads]
        joined_at = self.joined_at.get(guild_id, payloads.LONG_AGO)
        member = {**payloads.member(roles=[self.role]), "user": self.bot, "joined_at": joined_at}
        roles = [self.role, *self.roles.values()]
        return payloads.guild(guild_id, others, threads, roles, members=[member], joined_at=joined_at, **fields)

    def _application(self) -> web.Application:
        routes: list[tuple[str, str, RestAnswer]] = [
            ("GET", "/users/@me", self._get_me),
            ("GET", "/oauth2/applications/@me", self._get_application),
            ("GET", "/gateway/bot", self._get_gateway),
            ("PATCH", "/applications/@me", self._patch_application),
            ("POST", "/users/@me/channels", self._post_direct),
            ("POST", "/channels/{channel}/messages", self._post_message),
            ("PATCH", "/channels/{channel}/messages/{message}", self._patch_message),
            ("DELETE", "/channels/{channel}/messages/{message}", self._delete_message),
            ("POST", "/channels/{channel}/typing", self._post_typing),
            ("PUT", "/applications/{application}/commands", self._put_commands),
            ("PUT", "/applications/{application}/guilds/{guild}/commands", self._put_commands),
            ("POST", "/interactions/{id}/{token}/callback", self._post_callback),
            ("POST", "/webhooks/{application}/{token}", self._post_followup),
            ("PATCH", "/webhooks/{application}/{token}/messages/@original", self._patch_original),
            ("DELETE", "/webhooks/{application}/{token}/messages/@original", self._delete_original),
            ("*", "/{anything:.*}", self._unknown),
        ]
        application = web.Application(client_max_size=2**24)
        application.router.add_get(gateway.PATH, self.gateway.connect)
        application.router.add_get(gateway.RESUME_PATH, self.gateway.connect)
        for method, path, answer in routes:
            application.router.add_route(method, API + path, self._handler(answer))
        return application

    def _handler(self, answer: RestAnswer) -> Callable[[web.Request], Awaitable[web.Response]]:
        """Wrap an answer in what all requests share: faults, authorisation, the checks and the record."""

        async def handle(request: web.Request) -> web.Response:
            body, files = await _content_of(request)
            request[FILES] = files
            record = Request(request.method, request.path.removeprefix(API), dict(request.query), body, files)
            self.violations += specs.discord_request(record.method, record.path, record.query, body)
            body = None
            headers: dict[str, str] = {}
            mishap = self._take_mishap(record)
            if mishap is None or mishap.after_effect:
                with specs.noting_failures(self.violations):
                    record.status, body = self._authorised(request, record, answer)
            if mishap is not None and mishap.way == "answered":
                record.status, body, headers = mishap.status, mishap.body, mishap.headers
            is_cut = record.status == 0 or (record.status == 429 and "retry_after" not in body)
            if not is_cut:  # of those the description says nothing
                self.violations += specs.discord_answer(record.method, record.path, record.status, body)
            self.requests.append(record)
            await self._notify()
            if mishap is not None and mishap.way != "answered":
                record.status = 0
                return await mishap.befall(request, self._ended)
            if body is None:
                return web.Response(status=record.status)
            # exactly this type, without a charset, or the library does not parse it
            headers = {**headers, "Content-Type": "application/json"}
            return web.Response(status=record.status, body=json.dumps(body).encode(), headers=headers)

        return handle

    def _take_mishap(self, record: Request) -> mishaps.Mishap | None:
        for mishap in self._mishaps:
            if mishap.meets(record.method, record.path):
                self._mishaps.remove(mishap)
                return mishap
        return None

    def _authorised(self, request: web.Request, record: Request, answer: RestAnswer) -> tuple[int, Any]:
        holds_its_token = record.path.startswith(("/interactions/", "/webhooks/"))
        if holds_its_token or self._accepts_token(request.headers.get("Authorization", "").removeprefix("Bot ")):
            return answer(request, record.body)
        return 401, {"message": "401: Unauthorized", "code": 0}

    def _unknown(self, request: web.Request, _: Any) -> tuple[int, Any]:
        self.violations.append(f"this server does not know {request.method} {request.path}")
        return 404, {"message": "404: Not Found", "code": 0}

    def _get_me(self, _request: web.Request, _body: Any) -> tuple[int, Any]:
        return 200, payloads.own_user(self.bot)

    def _get_application(self, _request: web.Request, _body: Any) -> tuple[int, Any]:
        return 200, self.profile

    def _patch_application(self, _request: web.Request, body: Json) -> tuple[int, Any]:
        self.profile |= {"description": body["description"]["default"]}
        return 200, self.profile

    def _get_gateway(self, _request: web.Request, _body: Any) -> tuple[int, Any]:
        limit = {"total": 1000, "remaining": self.n_sessions_left, "reset_after": 14_400_000}
        return 200, {
            "url": self.gateway_url,
            "shards": self.n_shards,
            "session_start_limit": {**limit, "max_concurrency": self.gateway.max_concurrency},
        }

    def _post_message(self, request: web.Request, body: Json) -> tuple[int, Any]:
        channel = self._channels.get(request.match_info["channel"])
        if channel is None:
            return 404, {"message": "Unknown Channel", "code": 10003}
        if self._denied(channel) & payloads.SENDING[channel["type"] in payloads.THREADS]:
            return 403, {"message": "Missing Permissions", "code": 50013}
        nonce = body.get("nonce")
        if body.get("enforce_nonce") and nonce in self._nonces:
            return 200, self._nonces[nonce]
        refused = refusal(body, request[FILES])
        if refused is not None:
            return refused
        reference = body.get("message_reference")
        is_reply = reference is not None and str(reference["message_id"]) in self.messages
        if reference is not None and not is_reply and reference.get("fail_if_not_exists", True):
            return 400, {"message": "Invalid Form Body", "code": 50035}
        fields: Json = {"flags": body.get("flags", 0), **_shown(body, request[FILES])}
        if is_reply:
            fields |= {"type": payloads.REPLY, "message_reference": {"type": 0, "channel_id": channel["id"]}}
        message = payloads.message(self.bot, channel, body.get("content") or "", **fields)
        if nonce is not None:
            message["nonce"] = nonce
            self._nonces[nonce] = message
        self.messages[message["id"]] = message
        self._unread.append((message, body))
        return 200, message

    def _patch_message(self, request: web.Request, body: Json) -> tuple[int, Any]:
        message = self.messages.get(request.match_info["message"])
        if message is None:
            return 404, {"message": "Unknown Message", "code": 10008}
        refused = refusal(body, request[FILES])
        if refused is not None:
            return refused
        message |= {"content": body["content"], "attachments": [], **_shown(body, request[FILES])}
        return 200, message

    def _delete_message(self, request: web.Request, _: Any) -> tuple[int, Any]:
        if self.messages.pop(request.match_info["message"], None) is None:
            return 404, {"message": "Unknown Message", "code": 10008}
        return 204, None

    def _denied(self, channel: Json) -> int:
        """Return what the bot may not do in a channel; a thread obeys its channel."""
        holder = self._channels[channel["parent_id"]] if channel["type"] in payloads.THREADS else channel
        return sum(int(overwrite["deny"]) for overwrite in holder.get("permission_overwrites", []))

    def _post_typing(self, request: web.Request, _: Any) -> tuple[int, Any]:
        if request.match_info["channel"] not in self._channels:
            return 404, {"message": "Unknown Channel", "code": 10003}
        return 204, None

    def _put_commands(self, request: web.Request, body: list[Json]) -> tuple[int, Any]:
        guild_id = request.match_info.get("guild")
        scope = guild_id or "global"
        if scope not in self.commands:
            return 403, {"message": "Missing Access", "code": 50001}
        self.commands[scope] = [payloads.command(definition, self.bot["id"], guild_id) for definition in body]
        return 200, self.commands[scope]

    def _post_callback(self, request: web.Request, body: Json) -> tuple[int, Any]:
        interaction = self._interactions.get(request.match_info["token"])
        if interaction is None:
            return 404, {"message": "Unknown interaction", "code": 10062}
        if interaction.callback is not None:
            return 400, {"message": "Interaction has already been acknowledged.", "code": 40060}
        interaction.callback = body
        if "with_response" not in request.query:
            return 204, None
        told = {"id": interaction.payload["id"], "type": interaction.payload["type"]}
        return 200, {"interaction": {**told, "response_message_loading": body["type"] == DEFERRED_MESSAGE}}

    def _post_direct(self, _request: web.Request, body: Json) -> tuple[int, Any]:
        channel = self._direct.get(str(body["recipient_id"]))
        return (200, channel) if channel is not None else (403, {"message": "Cannot send messages", "code": 50007})

    def _acknowledged(self, request: web.Request) -> Interaction | None:
        interaction = self._interactions.get(request.match_info["token"])
        if interaction is not None and payloads.age_s(interaction.payload["id"]) >= INTERACTION_TTL_S:
            return None
        return interaction if interaction is not None and interaction.callback is not None else None

    def _post_followup(self, request: web.Request, body: Json) -> tuple[int, Any]:
        interaction = self._acknowledged(request)
        if interaction is None:
            return 404, {"message": "Unknown Webhook", "code": 10015}
        refused = refusal(body, request[FILES])
        if refused is not None:
            return refused
        # the first followup takes the place of the acknowledgement, and is as private as that was
        is_private = bool(body.get("flags", 0) & EPHEMERAL)
        if not interaction.answers and not interaction.is_update:
            is_private = interaction.is_ephemeral
        return self._answered(interaction, Answer("followup", body.get("content"), is_private, body), request[FILES])

    def _patch_original(self, request: web.Request, body: Json) -> tuple[int, Any]:
        interaction = self._acknowledged(request)
        if interaction is None or any(answer.kind == "delete" for answer in interaction.answers):
            return 404, {"message": "Unknown Message", "code": 10008}
        refused = refusal(body, request[FILES])
        if refused is not None:
            return refused
        answer = Answer("edit", body.get("content"), interaction.is_ephemeral, body)
        if not interaction.is_update:
            return self._answered(interaction, answer, request[FILES])
        message = self.messages.get(interaction.payload["message"]["id"])
        if message is None:
            return 404, {"message": "Unknown Message", "code": 10008}
        message |= _shown(body, request[FILES]) | ({"content": body["content"]} if "content" in body else {})
        answer.message = message
        interaction.answers.append(answer)
        return 200, message

    def _delete_original(self, request: web.Request, _: Any) -> tuple[int, Any]:
        interaction = self._acknowledged(request)
        if interaction is None:
            return 404, {"message": "Unknown Message", "code": 10008}
        interaction.answers.append(Answer("delete"))
        return 204, None

    def _answered(self, interaction: Interaction, answer: Answer, files: Files) -> tuple[int, Any]:
        channel = {"id": interaction.payload["channel_id"]}
        kind = payloads.DEFAULT if interaction.is_update else payloads.CHAT_INPUT_COMMAND
        flags = EPHEMERAL if answer.is_ephemeral else 0
        fields = {"type": kind, "flags": flags, **_shown(answer.body, files)}
        answer.message = payloads.message(self.bot, channel, answer.content or "", **fields)
        self.messages[answer.message["id"]] = answer.message
        interaction.answers.append(answer)
        return 200, answer.message


def _arguments(registered: Json, name: str) -> list[Json]:
    """Return what a command takes, given its full name."""
    options: list[Json] = registered["options"]
    for word in name.split()[1:]:
        options = next(option["options"] for option in options if option["name"] == word)
    return options


async def _content_of(request: web.Request) -> tuple[Any, Files]:
    """Read a body: JSON, or a form with JSON and files in it."""
    if not request.content_type.startswith("multipart/"):
        raw = await request.text()
        return (json.loads(raw) if raw else None), []
    form = await request.post()
    files: Files = []
    while isinstance(upload := form.get(f"files[{len(files)}]"), web.FileField):
        files.append((upload.filename, upload.file.read()))
    assert len(form) == len(files) + 1, f"a form has other fields: {sorted(form)}"
    return json.loads(str(form["payload_json"])), files


def _shown(body: Json, files: Files) -> Json:
    """Return what a message shows beside its text."""
    fields: Json = {}
    if body.get("components") is not None:
        fields["components"] = payloads.shown_components(body["components"])
    if body.get("embeds") is not None:
        fields["embeds"] = payloads.shown_embeds(body["embeds"])
    if files:
        fields["attachments"] = [payloads.attachment(name, data) for name, data in files]
    return fields
