"""Sending answers to Discord: in parts, with buttons, images and files, to a channel or as an interaction's response.

It may import discord.py, what that builds on, and this package. The requests are described here, not by the library's
methods, for those keep every button in memory and add fields to an edit that Discord does not describe.
"""

import logging
import random
import re
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import discord
from discord.http import Route

from adapters.attachments import LoadedFile, is_address, load_file
from adapters.base import Bot, IncomingMessage, Reply, ReplyAttachment
from adapters.choices import votable_id
from adapters.discord_choices import Json, choice_rows, thumbs_row
from adapters.discord_faults import LIBRARY_ERRORS, log_unsent, said_of
from adapters.discord_requests import follow_up, of_interaction, repeat
from adapters.formatting import sendable, split_text

logger = logging.getLogger(__name__)

MESSAGE_LIMIT = 2000
"""Characters of a message of a bot."""

FILE_BYTES = 8_000_000
"""What every server takes, whatever its level."""

MOST_ATTACHMENTS = 10
"""Files of a message, and likewise embedded images."""

MOST_PARTS = 4
"""More messages than that bury a conversation: the answer becomes a file."""

FILE_NAME = "answer.md"

OPENING_LIMIT = 1000
"""Characters of a long answer that are shown beside its file."""

_SERVER_ERRORS = 500

_BETWEEN_PARAGRAPHS = re.compile(r"\n[^\S\n]*\n")


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
    spelled_out
        The texts that take its place where its file is refused: the whole answer, if that is what the file holds.
    nonce
        By which Discord knows it again in a channel, so that it cannot stand there twice.
    """

    text: str
    rows: tuple[Json, ...] = ()
    images: tuple[str, ...] = ()
    files: tuple[LoadedFile, ...] = ()
    spelled_out: tuple[str, ...] = ()
    nonce: str = field(default_factory=lambda: str(random.getrandbits(63)))

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

    def without_attachments(self) -> list["Part"]:
        """Return what says the same without images and files; the buttons stand under the last message."""
        *texts, last = self.spelled_out or (self.text,)
        bare = replace(self, text=last, images=(), files=(), spelled_out=())
        return [*map(Part, texts), bare]


Send = Callable[[Part], Awaitable[str | None]]
"""Sends a message, and returns its id where Discord tells it."""


async def to_parts(reply: Reply, owner_id: str, *, is_hidden: bool = False, where_whole: str = FILE_NAME) -> list[Part]:
    """Split an answer into messages; the last has the buttons and what goes with it.

    A file on the web is a link, a line of the text. What is too long for a few messages becomes a file.

    Parameters
    ----------
    reply
        The answer.
    owner_id
        The person who was asked, and alone may choose.
    is_hidden
        Whether that person alone sees it, so that nobody votes on it.
    where_whole
        Said under the beginning of an answer that became a file.
    """
    addresses = [a for a in reply.attachments if is_address(a)]
    images = tuple(a.source for a in addresses if a.is_image)
    links = [a.source for a in addresses if not a.is_image]
    whole = sendable("\n".join([reply.text, *links]))
    texts = split_text(whole, MESSAGE_LIMIT)
    if not texts:
        return []
    is_long = len(texts) > MOST_PARTS
    local = [a for a in reply.attachments if not is_address(a)]
    files = await _load(local, MOST_ATTACHMENTS - is_long)
    if len(images) > MOST_ATTACHMENTS:
        logger.warning("only %d of %d images are shown with an answer", MOST_ATTACHMENTS, len(images))
    answer_id = None if is_hidden else votable_id(reply)
    rows = tuple(choice_rows(reply.choices, owner_id) or thumbs_row(answer_id))
    last = Part(texts[-1], rows, images[:MOST_ATTACHMENTS], files)
    if is_long:
        file = LoadedFile(FILE_NAME, whole.encode())
        return [
            replace(last, text=f"{_opening(whole)}\n\n{where_whole}", files=(file, *files), spelled_out=tuple(texts))
        ]
    return [*map(Part, texts[:-1]), last]


def _opening(text: str) -> str:
    """Return how a long answer begins, with its first paragraph if that is not long itself."""
    beginning = split_text(text.lstrip(), OPENING_LIMIT)[0]
    paragraph = _BETWEEN_PARAGRAPHS.split(beginning, maxsplit=1)[0]
    is_inside_code = paragraph.count("```") % 2 == 1
    return beginning if is_inside_code else paragraph


async def _load(attachments: Sequence[ReplyAttachment], most: int) -> tuple[LoadedFile, ...]:
    if len(attachments) > most:
        logger.warning("only %d of %d files are sent with an answer", most, len(attachments))
    files = [await load_file(attachment, FILE_BYTES) for attachment in attachments[:most]]
    return tuple(file for file in files if file is not None)


async def send_reply(
    bot: Bot, reply: Reply, question: IncomingMessage, send_first: Send, send_next: Send, *, is_hidden: bool = False
) -> list[str]:
    """Send the answer to a question, tell the bot as which messages it stands there, and return their ids."""
    where_whole = bot.say("whole_in_file", question, file=FILE_NAME)
    parts = await to_parts(reply, question.user_id, is_hidden=is_hidden, where_whole=where_whole)
    ids = await send_parts(parts, send_first, send_next)
    if reply.answer_id is not None and ids:
        bot.sent(reply.answer_id, ids)
    return ids


async def send_parts(parts: Sequence[Part], send_first: Send, send_next: Send) -> list[str]:
    """Send messages and return the ids of those that arrived.

    What cannot be sent is a line in the log, and an attachment that Discord refuses takes no text with it.
    """
    ids: list[str | None] = []
    waiting = deque(parts)
    try:
        while waiting:
            part = waiting.popleft()
            send = send_next if ids else send_first
            try:
                ids.append(await send(part))
            except discord.HTTPException as exc:
                if not (part.images or part.files) or exc.status >= _SERVER_ERRORS:
                    raise  # an error of the server's own may hide that it was taken
                logger.warning("an answer goes without its images and files: %s", said_of(exc))
                waiting.extendleft(reversed(part.without_attachments()))
    except LIBRARY_ERRORS as exc:
        log_unsent(exc)
    return [one for one in ids if one is not None]


def to_channel(client: discord.Client, question: discord.Message, *, is_quoting: bool) -> Send:
    """Return how a message is sent where a question was asked, quoting it or not."""
    route = Route("POST", "/channels/{channel_id}/messages", channel_id=question.channel.id)

    async def send(part: Part) -> str | None:
        fields = {**part.payload(), "nonce": part.nonce, "enforce_nonce": True}
        fields["allowed_mentions"]["replied_user"] = False
        if is_quoting:
            fields["message_reference"] = question.to_reference(fail_if_not_exists=False).to_message_reference_dict()
        return _id_of(await repeat(client, route, fields, part.files))

    return send


async def post(client: discord.Client, channel_id: int, text: str) -> None:
    """Send a text to a channel, in as many messages as it needs; raises what the library raises."""
    route = Route("POST", "/channels/{channel_id}/messages", channel_id=channel_id)
    for part in map(Part, split_text(sendable(text), MESSAGE_LIMIT)):
        await repeat(client, route, {**part.payload(), "nonce": part.nonce, "enforce_nonce": True})


def to_interaction(interaction: discord.Interaction, *, is_ephemeral: bool) -> Send:
    """Return how a message follows an acknowledged interaction."""

    async def send(part: Part) -> str | None:
        return _id_of(await follow_up(interaction, part.payload(is_ephemeral=is_ephemeral), part.files))

    return send


def to_response(interaction: discord.Interaction) -> Send:
    """Return how a message takes the place of an acknowledgement, or of what took its place before."""

    async def send(part: Part) -> str | None:
        return _id_of(await repeat(interaction.client, _original(interaction), part.payload(), part.files))

    return send


async def replace_buttons(interaction: discord.Interaction, rows: list[Json]) -> None:
    """Change the buttons of the message in which one was pressed; it may be gone by now."""
    try:
        await repeat(interaction.client, _original(interaction), {"components": rows})
    except LIBRARY_ERRORS:
        logger.debug("pressed buttons could not be changed", exc_info=True)


def _original(interaction: discord.Interaction) -> Route:
    return of_interaction("PATCH", "/messages/@original", interaction)


def _id_of(message: object) -> str | None:
    return str(message["id"]) if isinstance(message, Mapping) and "id" in message else None
