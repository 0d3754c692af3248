"""The slash commands: built from the command table, and registered with Discord only when they changed.

It may import discord.py and this package.
"""

import hashlib
import json
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import discord
from discord import app_commands

from adapters.base import Command

logger = logging.getLogger(__name__)

OnCommand = Callable[[discord.Interaction, Command, str], Awaitable[None]]
"""What a used command calls, with its argument or ``""``."""

ARGUMENT_LIMIT = 2000
"""As long as a message may be."""

_GLOBAL = "global"

_SCOPE = re.compile(rf"{_GLOBAL}|[0-9]{{1,20}}")


def build_tree(
    client: discord.Client, commands: Sequence[Command], on_command: OnCommand
) -> app_commands.CommandTree[discord.Client]:
    """Build the commands for servers and direct messages; one that is for admins is shown to those who manage a server.

    Parameters
    ----------
    client
        The client that receives them. It may have one tree only.
    commands
        The command table.
    on_command
        Called with each use.
    """
    tree = app_commands.CommandTree(
        client,
        allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=False),
        allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
    )
    groups: dict[str, app_commands.Group] = {}
    for command in commands:
        group, _, name = command.name.rpartition(" ")
        if not group:
            tree.add_command(_slash_command(command, name, on_command))
            continue
        if group not in groups:
            groups[group] = app_commands.Group(name=group, description=group)
            tree.add_command(groups[group])
        groups[group].add_command(_slash_command(command, name, on_command))
    return tree


def _slash_command(command: Command, name: str, on_command: OnCommand) -> app_commands.Command[Any, ..., None]:
    async def without_argument(interaction: discord.Interaction) -> None:
        await on_command(interaction, command, "")

    async def with_argument(
        interaction: discord.Interaction, argument: app_commands.Range[str, 1, ARGUMENT_LIMIT]
    ) -> None:
        await on_command(interaction, command, argument)

    for argument in command.arguments:
        app_commands.rename(argument=argument.name)(with_argument)
        app_commands.describe(argument=argument.description)(with_argument)
    slash_command: app_commands.Command[Any, ..., None] = app_commands.Command(
        name=name,
        description=command.description,
        callback=with_argument if command.arguments else without_argument,
    )
    if command.admin_only and " " not in command.name:
        slash_command.default_permissions = discord.Permissions(manage_guild=True)
    return slash_command


async def sync_commands(
    tree: app_commands.CommandTree[discord.Client], guild_ids: Sequence[int], state_file: Path
) -> None:
    """Register the commands where they are not registered yet; a change costs quota, so nothing is sent twice.

    Parameters
    ----------
    tree
        The commands, of a client that has logged in.
    guild_ids
        The servers that get them, and the global set is emptied; if there are none, the global set gets them. Servers
        that got them earlier are emptied.
    state_file
        Where it is kept what was registered.
    """
    application_id = str(tree.client.application_id)
    registered = _read_state(state_file, application_id)
    payload = [command.to_dict(tree) for command in tree.get_commands()]
    scopes = [str(guild_id) for guild_id in guild_ids] or [_GLOBAL]
    wanted = {scope: payload if scope in scopes else [] for scope in (*scopes, _GLOBAL, *registered)}
    changed = {scope: commands for scope, commands in wanted.items() if registered.get(scope) != _fingerprint(commands)}
    for scope, commands in changed.items():
        registered.pop(scope, None)
        if await _register(tree.client, scope, commands):
            registered[scope] = _fingerprint(commands)
    if changed:
        _write_state(state_file, application_id, registered)


async def _register(client: discord.Client, scope: str, commands: list[dict[str, Any]]) -> bool:
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


def _fingerprint(commands: list[dict[str, Any]]) -> str:
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
