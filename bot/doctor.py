"""`python -m bot doctor`: examines what a bot needs, and says in a line each what is wrong and what mends it."""

import contextlib
import sys
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import TextIO

import aiohttp

from bot.config import ConfigError, Settings, parse_settings
from bot.doctor_discord import examine_discord
from bot.doctor_local import examine_locally, listening_channels
from bot.doctor_network import Probe, UnreachableError
from bot.doctor_pages import examine_pages
from bot.doctor_telegram import examine_telegram
from bot.findings import Finding, Level, fatal, ok
from bot.log import REDACTED
from bot.supervisor import ExitCode

HEALTH_LIMIT_S = 2.0


async def run_doctor(
    environment: Mapping[str, str], commands: Collection[str], output: TextIO = sys.stdout
) -> ExitCode:
    """Write what is found, a line each; fail if one of them is fatal.

    Parameters
    ----------
    environment
        What the settings are read from.
    commands
        The names of the bot's slash commands, with their groups.
    output
        Where the lines go.
    """
    try:
        settings = parse_settings(environment)
    except ConfigError as error:
        findings = [fatal("configuration", line) for line in str(error).splitlines()]
        secrets = [value for name, value in environment.items() if name.endswith(("TOKEN", "SECRET")) and value]
        return _end([_write(finding, secrets, output) for finding in findings], output)
    levels = [_write(ok("configuration", "every variable can be read"), settings.secrets, output)]
    levels += [_write(finding, settings.secrets, output) for finding in examine_locally(settings)]
    is_running_here = await _is_running(settings.health_address)
    for examined in (
        examine_pages(settings, is_running_here=is_running_here),
        _examine_shared_state(settings.state_url),
        _examine_platforms(settings, commands, is_running_here=is_running_here),
    ):
        levels += [_write(finding, settings.secrets, output) async for finding in examined]
    return _end(levels, output)


def _write(finding: Finding, secrets: Sequence[str], output: TextIO) -> Level:
    """Write one line, whatever a platform answered."""
    line = str(finding)
    for secret in secrets:
        line = line.replace(secret, REDACTED)
    output.write("".join(character if character.isprintable() else "?" for character in line) + "\n")
    output.flush()
    return finding.level


def _end(levels: Sequence[Level], output: TextIO) -> ExitCode:
    n_fatal, n_warnings = levels.count(Level.FATAL), levels.count(Level.WARNING)
    output.write(f"{n_fatal} fatal, {n_warnings} warnings\n")
    return ExitCode.FAILURE if n_fatal else ExitCode.CLEAN


async def _examine_shared_state(state_url: str | None) -> AsyncIterator[Finding]:
    if state_url is None:
        return
    from bot.doctor_shared import examine_shared_state  # noqa: PLC0415 - brings the Redis client

    async for finding in examine_shared_state(state_url):
        yield finding


async def _examine_platforms(
    settings: Settings, commands: Collection[str], *, is_running_here: bool
) -> AsyncIterator[Finding]:
    if settings.discord_token:
        async for finding in examine_discord(
            settings.discord_token,
            api_url=settings.discord_api_url,
            gateway_url=settings.discord_gateway_url,
            guild_ids=settings.discord_guild_ids,
            commands={name.partition(" ")[0] for name in commands},
            listening=listening_channels(settings.state_dir, "discord"),
        ):
            yield finding
    if settings.telegram_token:
        async for finding in examine_telegram(
            settings.telegram_token,
            api_url=settings.telegram_api_url,
            webhook_url=settings.telegram_webhook_url,
            has_inline=settings.telegram_inline,
            is_running_here=is_running_here,
        ):
            yield finding


async def _is_running(health_address: str | None) -> bool:
    """Whether the health page of these settings answers."""
    if health_address is None:
        return False
    async with aiohttp.ClientSession() as session:
        with contextlib.suppress(UnreachableError):
            answer = await Probe(session, f"http://{health_address}").get("/readyz", limit_s=HEALTH_LIMIT_S)
            return isinstance(answer.body, dict) and "missing" in answer.body
    return False
