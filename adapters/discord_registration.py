"""Registering the commands with Discord, only when they changed.

It may import discord.py and this package.
"""

import hashlib
import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import discord
from discord.http import Route

from adapters.discord_choices import Json
from adapters.discord_faults import LIBRARY_ERRORS, said_of
from adapters.discord_requests import repeat

logger = logging.getLogger(__name__)

_GLOBAL = "global"

_SCOPE = re.compile(rf"{_GLOBAL}|[0-9]{{1,20}}")


@dataclass(frozen=True, slots=True)
class Membership:
    """The bot's stay in one server.

    Parameters
    ----------
    guild_id
        The server.
    since
        When the bot was added, as Discord tells it; empty if it does not.
    is_new
        Whether it was added this moment.
    """

    guild_id: int
    since: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class _State:
    """What is registered: by scope the fingerprint of its commands, and by server the stay that they were seen in."""

    scopes: dict[str, str] = field(default_factory=dict)
    since: dict[str, str] = field(default_factory=dict)

    def during(self, membership: Membership) -> "_State":
        """Return what is registered in a server's present stay: with an earlier one its commands went."""
        scope = str(membership.guild_id)
        known_since = self.since.get(scope, membership.since)
        since = membership.since or known_since
        is_another = membership.is_new or since != known_since
        scopes = {one: known for one, known in self.scopes.items() if one != scope or not is_another}
        return _State(scopes, {**self.since, scope: since})


async def sync_commands(
    client: discord.Client,
    definitions: Sequence[Json],
    guild_ids: Sequence[int],
    state_file: Path,
    *,
    membership: Membership | None = None,
) -> None:
    """Register the commands where they are not registered yet; a change costs quota, so nothing is sent twice.

    Parameters
    ----------
    client
        It has logged in.
    definitions
        The commands, as Discord describes them.
    guild_ids
        The servers that get them, and the global set is emptied; if there are none, the global set gets them. Servers
        that got them earlier are emptied.
    state_file
        Where it is kept what was registered.
    membership
        The one server to look after, of `guild_ids`; None for all that there is to do.
    """
    application_id = str(client.application_id)
    before = _read_state(state_file, application_id)
    state = before if membership is None else before.during(membership)
    scopes = [str(guild_id) for guild_id in guild_ids] or [_GLOBAL]
    looked_after = (*scopes, _GLOBAL, *state.scopes) if membership is None else (str(membership.guild_id),)
    wanted = {scope: list(definitions) if scope in scopes else [] for scope in looked_after}
    registered = dict(state.scopes)
    for scope, commands in wanted.items():
        if registered.get(scope) != _fingerprint(commands):
            registered.pop(scope, None)
            if await _register(client, scope, commands):
                registered[scope] = _fingerprint(commands)
    state = replace(state, scopes=registered)
    if state != before:
        _write_state(state_file, application_id, state)


async def _register(client: discord.Client, scope: str, commands: list[Json]) -> bool:
    """Replace the commands of one server, or the global ones; say whether that is settled."""
    try:
        await repeat(client, _route(client, scope), commands)
    except discord.Forbidden:
        if not commands:  # a server that the bot has left: its commands went with it
            return True
        logger.warning("DISCORD_GUILD_IDS: the bot is not in server %s, invite it or remove the id", scope)
    except LIBRARY_ERRORS as exc:
        # mentions and direct messages work without them
        told = str(exc) or said_of(exc)
        logger.warning("the slash commands could not be registered, the next start tries again: %s", told)
    else:
        logger.info("%d slash commands registered, scope: %s", len(commands), scope)
        return True
    return False


def _fingerprint(commands: list[Json]) -> str:
    return hashlib.sha256(json.dumps(commands, sort_keys=True).encode()).hexdigest()


def _route(client: discord.Client, scope: str) -> Route:
    if scope == _GLOBAL:
        return Route("PUT", "/applications/{application_id}/commands", application_id=client.application_id)
    path = "/applications/{application_id}/guilds/{guild_id}/commands"
    return Route("PUT", path, application_id=client.application_id, guild_id=scope)


def _read_state(path: Path, application_id: str) -> _State:
    """Return what is registered, without what is none; nothing if it is another application's."""
    try:
        state = json.loads(path.read_text("utf-8"))
        if state["application_id"] != application_id:
            return _State()
        return _State(_by_scope(state["scopes"]), _by_scope(state.get("since", {})))
    except FileNotFoundError:
        return _State()
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        logger.warning("%s cannot be read: the slash commands are registered anew", path)
        return _State()


def _by_scope(known: Mapping[str, object]) -> dict[str, str]:
    return {scope: one for scope, one in known.items() if _SCOPE.fullmatch(scope) and isinstance(one, str)}


def _write_state(path: Path, application_id: str, state: _State) -> None:
    temporary = path.with_suffix(".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = {"application_id": application_id, "scopes": state.scopes, "since": state.since}
        temporary.write_text(json.dumps(kept), "utf-8")
        temporary.replace(path)
    except OSError as exc:
        logger.warning("%s cannot be written, the slash commands are registered again at the next start: %s", path, exc)
