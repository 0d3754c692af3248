"""Sending answers to Discord: in parts, with buttons, images and files, to a channel or as an interaction's response.

It may import discord.py, what that builds on, and this package. The requests are made here, not by the library's
methods, for those keep every button in memory and add fields to an edit that Discord does not describe.
"""

import json
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO

import discord
from discord.http import Route

from adapters.attachments import LoadedFile, is_address, load_file
from adapters.base import Reply, ReplyAttachment
from adapters.discord_choices import Json, button_rows
from adapters.discord_faults import LIBRARY_ERRORS, log_unsent, said_of
from adapters.formatting import split_text

logger = logging.getLogger(__name__)

MESSAGE_LIMIT = 2000
"""Characters of a message of a bot."""

FILE_BYTES = 8_000_000
"""What every server takes, whatever its level."""

MOST_ATTACHMENTS = 10
"""Files of a message, and likewise embedded images."""

ANY_CONTENT = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Part:
    """One message of an answer.

    Parameters
    ----------
    text
        Within Discord's limit, not blank.
    rows
        Its buttons, as components.
    images
        Addresses of images that are shown in it.
    files
        What is uploaded with it.
    nonce
        By which Discord knows it again in a channel, so that it cannot stand there twice.
    """

    text: str
    rows: tuple[Json, ...] = ()
    images: tuple[str, ...] = ()
    files: tuple[LoadedFile, ...] = ()
    nonce: str = field(default_factory=lambda: str(secrets.randbits(63)))

    def payload(self, *, is_ephemeral: bool = False) -> Json:
        """Return it as Discord describes a message; the files come beside it."""
        # Links show no preview. The flag for that would hide the images as well.
        flags = discord.MessageFlags(suppress_embeds=not self.images, ephemeral=is_ephemeral)
        payload: Json = {"content": self.text, "flags": flags.value, "allowed_mentions": {"parse": []}}
        if self.rows:
            payload["components"] = list(self.rows)
        if self.images:
            payload["embeds"] = [{"image": {"url": address}} for address in self.images]
        if self.files:
            payload["attachments"] = [{"id": i, "filename": file.name} for i, file in enumerate(self.files)]
        return payload


Send = Callable[[Part], Awaitable[None]]


async def to_parts(reply: Reply, owner_id: str) -> list[Part]:
    """Split an answer into messages; the last has the buttons, which only `owner_id` may press, and what goes with it.

    A file on the web is a link, a line of the text.
    """
    addresses = [a for a in reply.attachments if is_address(a)]
    images = tuple(a.source for a in addresses if a.is_image)
    links = [a.source for a in addresses if not a.is_image]
    texts = split_text("\n".join([reply.text, *links]), MESSAGE_LIMIT)
    if not texts:
        return []
    files = await _load([a for a in reply.attachments if not is_address(a)])
    if len(images) > MOST_ATTACHMENTS:
        logger.warning("only %d of %d images are shown with an answer", MOST_ATTACHMENTS, len(images))
    last = Part(texts.pop(), tuple(button_rows(reply.choices, owner_id)), images[:MOST_ATTACHMENTS], files)
    return [*map(Part, texts), last]


async def _load(attachments: Sequence[ReplyAttachment]) -> tuple[LoadedFile, ...]:
    if len(attachments) > MOST_ATTACHMENTS:
        logger.warning("only %d of %d files are sent with an answer", MOST_ATTACHMENTS, len(attachments))
    files = [await load_file(attachment, FILE_BYTES) for attachment in attachments[:MOST_ATTACHMENTS]]
    return tuple(file for file in files if file is not None)


async def send_parts(parts: Sequence[Part], send_first: Send, send_next: Send) -> None:
    """Send an answer; what cannot be sent is a line in the log, and an attachment takes no text with it."""
    try:
        for i, part in enumerate(parts):
            send = send_next if i else send_first
            try:
                await send(part)
            except LIBRARY_ERRORS as exc:
                if not (part.images or part.files):
                    raise
                logger.warning("an answer goes without its images and files: %s", said_of(exc))
                await send(replace(part, images=(), files=()))
    except LIBRARY_ERRORS as exc:
        log_unsent(exc)


def to_channel(client: discord.Client, question: discord.Message, *, is_quoting: bool) -> Send:
    """Return how a message is sent where a question was asked, quoting it or not."""
    route = Route("POST", "/channels/{channel_id}/messages", channel_id=question.channel.id)

    async def send(part: Part) -> None:
        fields = {**part.payload(), "nonce": part.nonce, "enforce_nonce": True}
        fields["allowed_mentions"]["replied_user"] = False
        if is_quoting:
            fields["message_reference"] = question.to_reference(fail_if_not_exists=False).to_message_reference_dict()
        await _request(client, route, fields, part.files)

    return send


async def post(client: discord.Client, channel_id: int, text: str) -> None:
    """Send a text to a channel, in as many messages as it needs; raises what the library raises."""
    route = Route("POST", "/channels/{channel_id}/messages", channel_id=channel_id)
    for part in map(Part, split_text(text, MESSAGE_LIMIT)):
        await _request(client, route, {**part.payload(), "nonce": part.nonce, "enforce_nonce": True})


def to_interaction(interaction: discord.Interaction, *, is_ephemeral: bool) -> Send:
    """Return how a message follows an acknowledged interaction."""

    async def send(part: Part) -> None:
        route = _webhook("POST", "", interaction)
        await _request(interaction.client, route, part.payload(is_ephemeral=is_ephemeral), part.files)

    return send


def to_response(interaction: discord.Interaction) -> Send:
    """Return how a message takes the place of an acknowledgement, or of what took its place before."""

    async def send(part: Part) -> None:
        route = _webhook("PATCH", "/messages/@original", interaction)
        await _request(interaction.client, route, part.payload(), part.files)

    return send


async def replace_buttons(interaction: discord.Interaction, rows: list[Json]) -> None:
    """Change the buttons of the message in which one was pressed; it may be gone by now."""
    try:
        route = _webhook("PATCH", "/messages/@original", interaction)
        await _request(interaction.client, route, {"components": rows})
    except LIBRARY_ERRORS:
        logger.debug("pressed buttons could not be changed", exc_info=True)


def _webhook(method: str, path: str, interaction: discord.Interaction) -> Route:
    return Route(
        method,
        "/webhooks/{webhook_id}/{webhook_token}" + path,
        webhook_id=interaction.application_id,
        webhook_token=interaction.token,
    )


async def _request(client: discord.Client, route: Route, fields: Json, files: Sequence[LoadedFile] = ()) -> None:
    if not files:
        await client.http.request(route, json=fields)
        return
    uploads = [discord.File(BytesIO(file.data), file.name) for file in files]
    form: list[Json] = [{"name": "payload_json", "value": json.dumps(fields)}]
    form += [
        {"name": f"files[{i}]", "value": upload.fp, "filename": upload.filename, "content_type": ANY_CONTENT}
        for i, upload in enumerate(uploads)
    ]
    await client.http.request(route, form=form, files=uploads)
