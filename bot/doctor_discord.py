"""What of Discord keeps a bot from answering: token, gateway, privileged intent, commands, permissions by channel.

It asks the REST interface with few requests, and identifies nowhere: a bot that is running does not notice.
"""

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import aiohttp
import yarl

from bot.doctor_network import Answer, Probe, UnreachableError, examine_clock
from bot.findings import Finding, fatal, note, ok, some_of, warning

API_URL = "https://discord.com/api/v10"

Json = Mapping[str, Any]

MESSAGE_CONTENT_FLAGS = 1 << 18 | 1 << 19
"""Of the application: the intent is switched on, for a verified bot or for one in fewer than 100 servers."""

ADMINISTRATOR = 1 << 3
VIEW_CHANNEL = 1 << 10

NEEDED = {
    "View Channel": VIEW_CHANNEL,
    "Send Messages": 1 << 11,
    "Embed Links": 1 << 14,
    "Attach Files": 1 << 15,
    "Read Message History": 1 << 16,
}
"""What answering takes, pictures and files included."""

TEXT_CHANNELS = frozenset({0, 5})
"""The kinds in which members write; threads have the permissions of their channel."""

MOST_SERVERS = 20
"""How many servers are looked at, with three requests each."""

HELLO = 10


async def examine_discord(
    token: str,
    *,
    api_url: str | None,
    gateway_url: str | None,
    guild_ids: Sequence[int],
    commands: Collection[str],
    listening: Collection[str],
) -> AsyncIterator[Finding]:
    """Examine everything, as far as the answers let it go.

    Parameters
    ----------
    token, api_url, gateway_url, guild_ids
        As the settings have them.
    commands
        The names of the slash commands that should be registered, groups counting once.
    listening
        The ids of channels where the bot answers unasked.
    """
    async with aiohttp.ClientSession() as session:
        probe = Probe(session, api_url or API_URL, {"Authorization": f"Bot {token}"})
        try:
            me = await probe.get("/users/@me")
        except UnreachableError as error:
            yield _unreachable(str(error), api_url)
            return
        for finding in _examine_token(me, api_url):
            yield finding
        if me.status != 200:  # noqa: PLR2004 - HTTP's own number
            return
        try:
            async for finding in _examine_account(probe, str(me.body["id"]), guild_ids, commands, listening):
                yield finding
            async for finding in _examine_gateway(probe, gateway_url):
                yield finding
        except UnreachableError as error:
            yield _unreachable(str(error), api_url)


def _unreachable(reason: str, api_url: str | None) -> Finding:
    where = "DISCORD_API_URL" if api_url else "discord.com"
    return fatal("Discord", f"cannot be reached ({reason})", f"See whether this machine reaches {where}.")


def _examine_token(me: Answer, api_url: str | None) -> Iterator[Finding]:
    yield from examine_clock(me, "Discord")
    if me.status == 200 and isinstance(me.body, dict) and "id" in me.body:  # noqa: PLR2004
        yield ok("DISCORD_TOKEN", f"is valid, the bot is {me.body.get('username')}")
    elif me.status == 401:  # noqa: PLR2004
        mend = "Copy the bot's token again, whole, from the Bot page of the developer portal."
        yield fatal("DISCORD_TOKEN", "is refused", mend)
    else:
        mend = "See whether DISCORD_API_URL is right." if api_url else "Try again later: discordstatus.com tells more."
        yield fatal("Discord", f"answered with status {me.status}", mend)


async def _examine_account(
    probe: Probe, bot_id: str, guild_ids: Sequence[int], commands: Collection[str], listening: Collection[str]
) -> AsyncIterator[Finding]:
    application = await probe.get("/oauth2/applications/@me")
    if not isinstance(application.body, dict) or "id" not in application.body:
        yield warning("Discord", f"does not tell of the application (status {application.status})", "Try again later.")
        return
    yield examine_intent(int(application.body.get("flags") or 0), listening)
    async for finding in _examine_commands(probe, str(application.body["id"]), guild_ids, commands):
        yield finding
    async for finding in _examine_servers(probe, bot_id, guild_ids):
        yield finding


def examine_intent(flags: int, listening: Collection[str]) -> Finding:
    """Return whether the bot may read what is not addressed to it, and whether it has to."""
    is_on = bool(flags & MESSAGE_CONTENT_FLAGS)
    if is_on or not listening:
        return ok("message content intent", f"{'on' if is_on else 'off'}, {len(listening)} channels listen")
    mend = "Switch on Message Content Intent on the Bot page of the developer portal."
    return fatal("message content intent", f"off, but {len(listening)} channels are set to listen", mend)


async def _examine_commands(
    probe: Probe, application_id: str, guild_ids: Sequence[int], commands: Collection[str]
) -> AsyncIterator[Finding]:
    scopes = {f"server {one}": f"/guilds/{one}" for one in guild_ids} or {"everywhere": ""}
    for scope, path in scopes.items():
        answer = await probe.get(f"/applications/{application_id}{path}/commands")
        if not isinstance(answer.body, list):
            mend = "See DISCORD_GUILD_IDS, and invite the bot there with the scope applications.commands."
            yield warning("commands", f"those of {scope} cannot be read (status {answer.status})", mend)
            continue
        registered = {one.get("name") for one in answer.body}
        missing = sorted(f"/{name}" for name in commands if name not in registered)
        if missing:
            mend = "They are registered when the bot starts; if they were not, its log says why."
            yield warning("commands", f"not registered {scope}: {some_of(missing)}", mend)
        else:
            yield ok("commands", f"all {len(commands)} registered {scope}")


async def _examine_servers(probe: Probe, bot_id: str, guild_ids: Sequence[int]) -> AsyncIterator[Finding]:
    servers = await probe.get("/users/@me/guilds")
    if not isinstance(servers.body, list):
        yield warning("servers", f"cannot be read (status {servers.status})", "Try again later.")
        return
    if not servers.body:
        yield warning("servers", "the bot is in none", "The log of its start has an address to invite it with.")
        return
    names = [str(one.get("name")) for one in servers.body]
    yield ok("servers", f"the bot is in {len(names)}: {some_of(names)}")
    absent = {str(one) for one in guild_ids} - {str(one.get("id")) for one in servers.body}
    if absent:
        mend = "Invite it, or take them out of DISCORD_GUILD_IDS."
        yield warning("servers", f"the bot is not in {some_of(sorted(absent))}", mend)
    for server in islice(servers.body, MOST_SERVERS):
        for finding in await _examine_server(probe, server, bot_id):
            yield finding
    if len(servers.body) > MOST_SERVERS:
        yield note("servers", f"only the first {MOST_SERVERS} were looked at")


async def _examine_server(probe: Probe, server: Json, bot_id: str) -> list[Finding]:
    path = f"/guilds/{server['id']}"
    answers = [await probe.get(path + part) for part in ("/channels", "/roles", f"/members/{bot_id}")]
    if any(answer.status != 200 for answer in answers):  # noqa: PLR2004
        statuses = sorted({answer.status for answer in answers})
        return [warning("permissions", f"those in {server['name']} cannot be read (status {statuses})", "Try later.")]
    channels, roles, member = (answer.body for answer in answers)
    return list(examine_channels(server, channels, roles, member, bot_id))


def examine_channels(
    server: Json, channels: Sequence[Json], roles: Sequence[Json], member: Json, bot_id: str
) -> Iterator[Finding]:
    """Tell which permissions are missing in which channels of a server, one line for channels that lack the same.

    Parameters
    ----------
    server, channels, roles, member
        As Discord describes them; the member is the bot.
    bot_id
        The bot's id.
    """
    topic = f"permissions in {server['name']}"
    lacking: dict[tuple[str, ...], list[str]] = {}
    n_good = 0
    for channel in channels:
        if channel.get("type") not in TEXT_CHANNELS:
            continue
        granted = permissions_in(channel, str(server["id"]), roles, member, bot_id)
        missing = tuple(name for name, bit in NEEDED.items() if not granted & bit)
        if missing:
            lacking.setdefault(missing, []).append(f"#{channel['name']}")
        else:
            n_good += 1
    for missing, names in lacking.items():
        if "View Channel" in missing:
            yield note(topic, f"the bot does not see {some_of(names)}", "Grant its role View Channel if it should.")
        else:
            mend = "Grant them to the bot's role in the settings of those channels."
            yield warning(topic, f"{', '.join(missing)} missing in {some_of(names)}", mend)
    if n_good:
        yield ok(topic, f"complete in {n_good} channels")


def permissions_in(channel: Json, guild_id: str, roles: Sequence[Json], member: Json, bot_id: str) -> int:
    """Return what a member may do in a channel: https://docs.discord.com/developers/topics/permissions."""
    held = {guild_id, *map(str, member["roles"])}
    granted = 0
    for role in roles:
        if str(role["id"]) in held:
            granted |= int(role["permissions"])
    if granted & ADMINISTRATOR:
        return ~0
    overwrites = {str(one["id"]): one for one in channel.get("permission_overwrites", ())}
    for ids in ({guild_id}, held - {guild_id}, {bot_id}):  # everyone, then all roles together, then the member
        matching = [overwrites[one] for one in ids if one in overwrites]
        for one in matching:
            granted &= ~int(one["deny"])
        for one in matching:
            granted |= int(one["allow"])
    return granted


async def _examine_gateway(probe: Probe, gateway_url: str | None) -> AsyncIterator[Finding]:
    answer = await probe.get("/gateway/bot")
    if not isinstance(answer.body, dict) or "url" not in answer.body:
        yield warning("gateway", f"Discord does not tell its address (status {answer.status})", "Try again later.")
        return
    limit = answer.body.get("session_start_limit", {})
    left, hours = int(limit.get("remaining", 1)), int(limit.get("reset_after", 0)) / 3_600_000
    if left < 1:
        mend = "Find out why the bot starts so often: its log tells."
        yield fatal("gateway", f"no connection is left for the next {hours:.0f} hours", mend)
    try:
        address = yarl.URL(gateway_url or str(answer.body["url"])).with_query(v="10", encoding="json")
        hello = await probe.greets(str(address))
    except UnreachableError as error:
        where = "DISCORD_GATEWAY_URL" if gateway_url else "gateway.discord.gg, port 443, with web sockets"
        yield fatal("gateway", f"cannot be reached ({error})", f"See whether this machine reaches {where}.")
        return
    if isinstance(hello, dict) and hello.get("op") == HELLO:
        text = f"answers, {left} connections left today, {answer.body.get('shards', 1)} shards recommended"
        yield ok("gateway", text)
    else:
        yield fatal("gateway", "what answers is no gateway", "See DISCORD_GATEWAY_URL.")
