"""Registering the commands with Discord, only when they changed.

It may import discord.py and this package.
"""

import hashlib
import json
import logging
import re
from collections.abc import Sequence
from pathlib import Path

import discord

from adapters.discord_choices import Json

logger = logging.getLogger(__name__)

_GLOBAL = "global"

_SCOPE = re.compile(rf"{_GLOBAL}|[0-9]{{1,20}}")


async def sync_commands(
    client: discord.Client,
    definitions: Sequence[Json],
    guild_ids: Sequence[int],
    state_file: Path,
    *,
    joined_id: int | None = None,
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
    joined_id
        A server that the bot was just added to: what it held before went when the bot was removed from it.
    """
    application_id = str(client.application_id)
    registered = _read_state(state_file, application_id)
    registered.pop(str(joined_id), None)
    scopes = [str(guild_id) for guild_id in guild_ids] or [_GLOBAL]
    wanted = {scope: list(definitions) if scope in scopes else [] for scope in (*scopes, _GLOBAL, *registered)}
    changed = {scope: commands for scope, commands in wanted.items() if registered.get(scope) != _fingerprint(commands)}
    for scope, commands in changed.items():
        registered.pop(scope, None)
        if await _register(client, scope, commands):
            registered[scope] = _fingerprint(commands)
    if changed:
        _write_state(state_file, application_id, registered)


async def _register(client: discord.Client, scope: str, commands: list[Json]) -> bool:
    """Replace the commands of one server, or the global ones; say whether that is settled."""
    assert client.application_id is not None
    try:
        if scope == _GLOBAL:
            await client.http.bulk_upsert_global_commands(client.application_id, payload=commands)
        else:
            await client.http.bulk_upsert_guild_commands(client.application_id, int(scope), payload=commands)
    except discord.Forbidden:
        if not commands:  # a server that the bot has left: its commands went with it
            return True
        logger.warning("DISCORD_GUILD_IDS: the bot is not in server %s, invite it or remove the id", scope)
    except (discord.HTTPException, discord.RateLimited) as exc:
        # mentions and direct messages work without them
        logger.warning("the slash commands could not be registered, the next start tries again: %s", exc)
    else:
        logger.info("%d slash commands registered, scope: %s", len(commands), scope)
        return True
    return False


def _fingerprint(commands: list[Json]) -> str:
    return hashlib.sha256(json.dumps(commands, sort_keys=True).encode()).hexdigest()


def _read_state(path: Path, application_id: str) -> dict[str, str]:
    """Return the fingerprint of what each scope holds, without what is none; empty if nothing of this application."""
    try:
        state = json.loads(path.read_text("utf-8"))
        if state["application_id"] != application_id:
            return {}
        scopes = state["scopes"].items()
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        logger.warning("%s cannot be read: the slash commands are registered anew", path)
        return {}
    return {scope: known for scope, known in scopes if _SCOPE.fullmatch(scope) and isinstance(known, str)}


def _write_state(path: Path, application_id: str, scopes: dict[str, str]) -> None:
    temporary = path.with_suffix(".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps({"application_id": application_id, "scopes": scopes}), "utf-8")
        temporary.replace(path)
    except OSError as exc:
        logger.warning("%s cannot be written, the slash commands are registered again at the next start: %s", path, exc)
