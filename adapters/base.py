"""The contract between a platform and the bot: what comes in, what goes out, and what an adapter does.

Standard library only, so that the bot can import it without importing any platform.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """One chat event, the same on every platform.

    Parameters
    ----------
    platform
        The adapter's name: ``"console"``, ``"discord"`` or ``"telegram"``.
    conversation_id
        The channel or chat; with `platform` and `user_id` it is the key of a context.
    user_id, message_id
        The platform's ids, as strings.
    text
        What the member wrote, without the mention that addressed the bot; of a command, its argument.
    display_name
        What the platform shows as the member's name, escaped where the platform would render markup in it.
    is_direct
        Whether only the member and the bot read the conversation.
    is_addressed
        Whether the message is meant for the bot: direct, a mention, a reply to it, or a command.
    locale
        The member's language as an IETF tag where the platform tells it.
    received_at
        When it was sent, by the platform's clock, aware.
    command
        The command's name without its slash, or None for plain talk.
    choice_id
        The id of a pressed choice, whose title `text` is then; else None. What it means, and whether it is still to be
        had, is for the bot to say.
    is_edit
        Whether this changes an earlier message.
    server_name
        The name of the server or group around the conversation, escaped like `display_name`; empty where there is none.
    """

    platform: str
    conversation_id: str
    user_id: str
    message_id: str
    text: str
    display_name: str
    is_direct: bool
    is_addressed: bool
    locale: str | None
    received_at: datetime
    command: str | None = None
    choice_id: str | None = None
    is_edit: bool = False
    server_name: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """The key of one person in one conversation: their order of answers and their context."""
        return (self.platform, self.conversation_id, self.user_id)


@dataclass(frozen=True, slots=True)
class ReplyChoice:
    """Something that the asking person may choose under an answer.

    Parameters
    ----------
    id
        What comes back as `IncomingMessage.choice_id`: 1 to 32 ASCII characters. The platform keeps it, so that a
        press long after, and after a restart, still brings it.
    title
        What the button says, at most 80 characters.
    """

    id: str
    title: str


@dataclass(frozen=True, slots=True)
class ReplyAttachment:
    """An image or a file that goes with an answer.

    Parameters
    ----------
    source
        An ``https`` address, or the absolute path of a file.
    is_image
        Whether it is shown as an image, where the platform can do that.
    """

    source: str
    is_image: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """What the bot answers, free of any platform's form.

    Parameters
    ----------
    text
        The answer, never empty; the adapter splits it. Discord renders its markdown, Telegram sends it as plain text.
    private
        Whether only the asking person should see it, where the platform can do that.
    choices
        What the asking person, and nobody else, may choose: at most 25, no two with the same id.
    attachments
        What goes with the text. One that cannot be sent is logged and left out; the text is sent in any case.
    """

    text: str
    private: bool = False
    choices: tuple[ReplyChoice, ...] = ()
    attachments: tuple[ReplyAttachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command as a platform's menu shows it.

    Parameters
    ----------
    name
        Lower-case letters, digits and underscores, at most 32.
    description
        One sentence, at most 100 characters.
    argument
        What the rest of the line is, in a word (``"question"``), or None if the command takes none.
    argument_description
        One sentence, at most 100 characters; only with `argument`.
    admin_only
        Whether it is kept off the menus that every member sees. Who is an admin is the bot's decision.
    public
        Whether everyone in the conversation may read the answer; else it is shown to the asking person alone, where the
        platform can do that. Some platforms want this said before the answer is known.
    """

    name: str
    description: str
    argument: str | None = None
    argument_description: str = ""
    admin_only: bool = False
    public: bool = False


Progress = Callable[[str], Awaitable[None]]
"""Tells the asking person, in a sentence, how far long work has come."""

Handler = Callable[[IncomingMessage, Progress], Awaitable[Reply | None]]
"""What every adapter calls with every message. It never raises; None means that nothing is to be said."""


class Adapter(Protocol):
    """One platform. Constructors only store; `run` does everything."""

    @property
    def platform(self) -> str:
        """The name that its messages bear."""

    @property
    def connected(self) -> asyncio.Event:
        """Set once the platform has accepted the token and messages can arrive."""

    async def run(self, stopping: asyncio.Event) -> None:
        """Connect and answer until `stopping` is set or, in a terminal, the input ends.

        Then take no new message, finish the replies in flight, bounded in time, and disconnect. After an error
        everything is disconnected too, and `run` may be called again.

        Raises
        ------
        TokenRefusedError
            The platform does not accept the token; another try would not help.
        PlatformUnavailableError
            The platform cannot be reached or broke off; another try may help.
        """

    async def post(self, conversation_id: str, text: str) -> None:
        """Send a text that nobody asked for to a conversation.

        Raises
        ------
        PlatformUnavailableError
            The platform is not connected, or does not take it.
        """
