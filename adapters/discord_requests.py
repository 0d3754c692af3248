"""Requests to Discord, and which of them are made again after a fault.

Some change nothing when they come twice: a message with a nonce, an edit, an acknowledgement. They are repeated until
an answer arrives. A message that follows an interaction has nothing by which Discord would know it again: it is
repeated only if it was refused for coming too soon, or never left.

It may import discord.py, what that builds on, and this package.
"""

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import aiohttp
import discord
from discord.http import Route

from adapters.attachments import LoadedFile
from adapters.discord_choices import Json
from adapters.discord_faults import LIBRARY_ERRORS

logger = logging.getLogger(__name__)

RATE_LIMIT_S = 60.0
"""An answer that Discord wants delayed for longer is not sent: the conversation has moved on."""

PAUSES_S = (0.1, 1.0, 3.0)
"""Before each repetition. The first is short: mostly a connection was closed that had been idle."""

TIMEOUT = aiohttp.ClientTimeout(total=None, connect=10.0, sock_read=20.0)
"""The library waits for five minutes, and what the same person asked meanwhile with it."""

ACKNOWLEDGEMENT_PAUSES_S = (0.1, 0.4, 0.8)
ACKNOWLEDGEMENT_TIMEOUT = aiohttp.ClientTimeout(total=1.5)
"""The same where Discord gives 3 s in all."""

ACKNOWLEDGE_WITHIN_S = 3.0
"""These. What Discord wants delayed beyond them is of no use."""

ANY_CONTENT = "application/octet-stream"

_TOO_SOON = 429
_SERVER_ERRORS = 500

_REPEATED_BY_LIBRARY = frozenset({500, 502, 504, 524})
"""What has been tried five times, over 25 s, by the time that it is raised."""

_ACKNOWLEDGED_ALREADY = 40060

_NEVER_LEFT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


class UnreadableError(discord.DiscordException):
    """Discord, or what stands before it, answered with something that is no answer of its interface."""


async def repeat(
    client: discord.Client, route: Route, fields: Json | list[Json], files: Sequence[LoadedFile] = ()
) -> object:
    """Make a request that changes nothing when it comes twice; return what Discord answers.

    Raises
    ------
    discord.DiscordException, aiohttp.ClientError, OSError
        It was refused, or no answer came to any of several tries.
    """
    for pause_s in PAUSES_S:
        try:
            return await _by_library(client, route, fields, files)
        except LIBRARY_ERRORS as exc:
            if not _may_pass(exc):
                raise
            logger.debug("a request is made again", exc_info=True)
        await asyncio.sleep(pause_s)
    return await _by_library(client, route, fields, files)


async def _by_library(
    client: discord.Client, route: Route, fields: Json | list[Json], files: Sequence[LoadedFile]
) -> object:
    try:
        if not files:
            return await client.http.request(route, json=fields, timeout=TIMEOUT)
        uploads = [discord.File(BytesIO(file.data), file.name) for file in files]
        form = _form(fields, uploads)
        return await client.http.request(route, form=form, files=uploads, timeout=TIMEOUT)
    except (KeyError, TypeError, ValueError) as exc:  # a 429 that does not say for how long, or JSON that breaks off
        raise UnreadableError(f"{type(exc).__name__} in the answer to {route.key}") from exc


def _form(fields: Json | list[Json], uploads: Sequence[discord.File]) -> list[Json]:
    form: list[Json] = [{"name": "payload_json", "value": json.dumps(fields)}]
    return form + [
        {"name": f"files[{i}]", "value": upload.fp, "filename": upload.filename, "content_type": ANY_CONTENT}
        for i, upload in enumerate(uploads)
    ]


def _may_pass(exc: Exception) -> bool:
    """Say whether a request may succeed in a moment, though the library has given it up."""
    if isinstance(exc, discord.HTTPException):
        return exc.status >= _SERVER_ERRORS and exc.status not in _REPEATED_BY_LIBRARY
    return isinstance(exc, UnreadableError) or not isinstance(exc, discord.DiscordException)


async def follow_up(interaction: discord.Interaction, fields: Json, files: Sequence[LoadedFile] = ()) -> object:
    """Send a message after an acknowledged interaction, at most once; return what Discord answers.

    The library would repeat it after an error that may hide that it was taken.

    Raises
    ------
    discord.DiscordException, aiohttp.ClientError, OSError
        It was refused, or no answer came.
    """
    route = of_interaction("POST", "", interaction)
    for pause_s in PAUSES_S:
        try:
            return await _directly(interaction, route, fields, files)
        except _NEVER_LEFT:
            logger.debug("a message is sent again", exc_info=True)
            await asyncio.sleep(pause_s)
        except discord.RateLimited as exc:
            if exc.retry_after > RATE_LIMIT_S:
                raise
            await asyncio.sleep(max(exc.retry_after, pause_s))
    return await _directly(interaction, route, fields, files)


async def acknowledge(
    interaction: discord.Interaction, kind: discord.InteractionResponseType, *, is_private: bool = False
) -> None:
    """Tell Discord that an answer will come.

    When the answer to one try is lost, the next is refused for the first's sake: then it has been acknowledged.

    Raises
    ------
    discord.DiscordException, aiohttp.ClientError, OSError
        It was refused, or no answer came to any of several tries.
    """
    flags = discord.MessageFlags(ephemeral=is_private).value
    fields: Json = {"type": kind.value, **({"data": {"flags": flags}} if flags else {})}
    path = "/interactions/{webhook_id}/{webhook_token}/callback"
    route = Route("POST", path, webhook_id=interaction.id, webhook_token=interaction.token)
    may_have_arrived = False
    too_late_s = _now_s() + ACKNOWLEDGE_WITHIN_S
    for pause_s in (*ACKNOWLEDGEMENT_PAUSES_S, None):
        wait_s = pause_s or 0.0
        try:
            await _directly(interaction, route, fields, timeout=ACKNOWLEDGEMENT_TIMEOUT)
        except discord.HTTPException as exc:
            if may_have_arrived and exc.code == _ACKNOWLEDGED_ALREADY:
                return
            if pause_s is None or exc.status < _SERVER_ERRORS:
                raise
            may_have_arrived = True
        except (aiohttp.ClientError, OSError) as exc:
            if pause_s is None:
                raise
            may_have_arrived |= not isinstance(exc, _NEVER_LEFT)
        except discord.RateLimited as exc:
            if pause_s is None or _now_s() + exc.retry_after > too_late_s:
                raise
            wait_s = max(wait_s, exc.retry_after)
        else:
            return
        await asyncio.sleep(wait_s)


def _now_s() -> float:
    return asyncio.get_running_loop().time()


def of_interaction(method: str, path: str, interaction: discord.Interaction) -> Route:
    """Return the address of an interaction's responses, or of what lies below it."""
    return Route(
        method,
        "/webhooks/{webhook_id}/{webhook_token}" + path,
        webhook_id=interaction.application_id,
        webhook_token=interaction.token,
    )


async def _directly(
    interaction: discord.Interaction,
    route: Route,
    fields: Json,
    files: Sequence[LoadedFile] = (),
    *,
    timeout: aiohttp.ClientTimeout = TIMEOUT,  # noqa: ASYNC109 - it is the connection's own, between its steps
) -> object:
    """Make one request that an interaction's token authorises, and no other."""
    content: dict[str, Any] = {"json": fields}
    if files:
        form = aiohttp.FormData(quote_fields=False)  # Discord does not read the brackets of `files[0]` quoted
        for one in _form(fields, [discord.File(BytesIO(file.data), file.name) for file in files]):
            form.add_field(**one)
        content = {"data": form}
    headers = {"User-Agent": interaction.client.http.user_agent}
    session = interaction.followup.session
    async with session.request(route.method, route.url, headers=headers, timeout=timeout, **content) as response:
        answer = await _read(response)
        if response.status == _TOO_SOON and "Via" in response.headers:  # else a ban, as the library tells them apart
            raise discord.RateLimited(_retry_after_s(response, answer))
        if response.ok:
            return answer
        kinds = {403: discord.Forbidden, 404: discord.NotFound}
        otherwise = discord.DiscordServerError if response.status >= _SERVER_ERRORS else discord.HTTPException
        raise kinds.get(response.status, otherwise)(response, answer if isinstance(answer, dict) else None)


async def _read(response: aiohttp.ClientResponse) -> object:
    text = await response.text(errors="replace")
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


def _retry_after_s(response: aiohttp.ClientResponse, answer: object) -> float:
    """Return for how long Discord wants to be left alone, as its answer says, or its header, or a second."""
    told = answer.get("retry_after") if isinstance(answer, Mapping) else None
    try:
        return float(response.headers.get("Retry-After", 1.0) if told is None else told)
    except (TypeError, ValueError):
        return 1.0
