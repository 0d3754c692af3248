"""The contract between a platform and the bot: what comes in, what goes out, and what an adapter does.

Standard library only, so that the bot can import it without importing any platform.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

Medium = Literal["text", "voice", "picture", "sticker", "file"]
"""What a message is made of; a picture or a file with a caption is the text of its caption."""


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
        The command's name without its slash, with its group's (``"admin reload"``) where the platform knows of groups;
        None for plain talk.
    choice_id
        The id of a pressed choice, whose title `text` is then; else None. What it means, and whether it is still to be
        had, is for the bot to say.
    is_edit
        Whether this changes an earlier message.
    server_name
        The name of the server or group around the conversation, escaped like `display_name`; empty where there is none.
    server_id
        The id of that server or group; empty where there is none.
    parent_id
        The channel that a thread, a forum's post or a topic belongs to: what is set for it holds for them. Else empty.
    replied_id
        The id of the message that this one replies to, or on which a menu's command was used; else None.
    is_to_others
        Whether it mentions another person or replies to one, and so is no question to whoever listens.
    role_ids
        The platform's ids of the member's roles, where it has any.
    can_manage
        Whether the platform lets the member change the server's settings.
    medium
        What it is made of.
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
    server_id: str = ""
    parent_id: str = ""
    replied_id: str | None = None
    is_to_others: bool = False
    role_ids: frozenset[str] = frozenset()
    can_manage: bool = False
    medium: Medium = "text"

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
        The answer, never empty; the adapter splits it. It is Markdown as Discord has it.
    private
        Whether only the asking person should see it, where the platform can do that.
    choices
        What the asking person, and nobody else, may choose: at most 25, no two with the same id.
    attachments
        What goes with the text. One that cannot be sent is logged and left out; the text is sent in any case.
    answer_id
        By which `Bot.sent` and `Bot.vote` name this answer: 1 to 16 ASCII letters and digits. None for what nobody asks
        about later.
    can_vote
        Whether thumbs, up and down, are shown with it; only with an `answer_id`.
    """

    text: str
    private: bool = False
    choices: tuple[ReplyChoice, ...] = ()
    attachments: tuple[ReplyAttachment, ...] = ()
    answer_id: str | None = None
    can_vote: bool = False


@dataclass(frozen=True, slots=True)
class Argument:
    """What a command is told.

    Parameters
    ----------
    name
        In a word: ``"question"``.
    description
        One sentence, at most 100 characters.
    descriptions
        The same in other languages, by ISO 639-1 code.
    is_required
        Whether the command is of no use without it. Those that are come first.
    values
        The only values that it takes, at most 25; empty for any.
    is_completed
        Whether `Bot.complete` knows what it can be.
    """

    name: str
    description: str
    descriptions: Mapping[str, str] = field(default_factory=dict)
    is_required: bool = True
    values: tuple[str, ...] = ()
    is_completed: bool = False


@dataclass(frozen=True, slots=True)
class Menu:
    """A command in the menu that a platform shows on a message.

    Parameters
    ----------
    title
        What the menu says, at most 32 characters.
    titles
        The same in other languages, by ISO 639-1 code.
    takes_text
        Whether the message's text is the command's argument; else arguments are asked for in a form, empty at first, if
        the command needs any.
    """

    title: str
    titles: Mapping[str, str] = field(default_factory=dict)
    takes_text: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command as a platform's menu shows it.

    Parameters
    ----------
    name
        Lower-case letters, digits and underscores, at most 32; of a command in a group ``"group name"``.
    description
        One sentence, at most 100 characters.
    arguments
        What it is told: `IncomingMessage.text` has them in this order, blanks between; the last may hold blanks.
    admin_only
        Whether it is kept off the menus that every member sees. Who is an admin is the bot's decision.
    public
        Whether everyone in the conversation may read the answer; else it is shown to the asking person alone, where the
        platform can do that. Some platforms want this said before the answer is known.
    descriptions
        The description in other languages, by ISO 639-1 code.
    menu
        How it stands in the menu on a message; None if it does not.
    is_long
        Whether it may take minutes: what its user asks meanwhile does not wait for it.
    """

    name: str
    description: str
    arguments: tuple[Argument, ...] = ()
    admin_only: bool = False
    public: bool = False
    descriptions: Mapping[str, str] = field(default_factory=dict)
    menu: Menu | None = None
    is_long: bool = False


Sentence = Literal["busy", "vote_busy", "not_yours", "unheard", "command_gone", "no_text", "too_late", "whole_in_file"]
"""What an adapter itself has to tell members, each by its name; the bot has the words."""

Progress = Callable[[str], Awaitable[None]]
"""Tells the asking person, in a sentence, how far long work has come."""


class Bot(Protocol):
    """The bot as an adapter sees it: all that a platform's events may ask of it. Nothing here raises."""

    @property
    def commands(self) -> Sequence[Command]:
        """The command table, the same as long as the process lives."""

    def listens(self, message: IncomingMessage) -> bool:
        """Whether a message that is not addressed to the bot is for `answer` all the same."""

    async def answer(self, message: IncomingMessage, progress: Progress) -> Reply | None:
        """Answer a message; None means that nothing is to be said."""

    async def answer_inline(self, message: IncomingMessage) -> Reply | None:
        """Answer a question that is still being typed, remembering nothing of it; None if there is no answer yet."""

    async def complete(self, message: IncomingMessage, argument: str) -> Sequence[str]:
        """Return what an argument of `message.command` may be, of which `message.text` is typed; the best first."""

    async def vote(self, message: IncomingMessage, answer_id: str, *, is_up: bool) -> str:
        """Count a thumb of the message's sender, and return what to tell them."""

    def sent(self, answer_id: str, message_ids: Sequence[str]) -> None:
        """Take note of the messages, by the platform's ids, as which an answer now stands in its conversation."""

    async def joined(self, platform: str, server_id: str, locale: str | None) -> Reply | None:
        """Return what to say in a server or group that the bot was added to; None if it was said before."""

    async def left(self, platform: str, server_id: str) -> None:
        """Take note that the bot was removed from a server or group."""

    async def moved(self, platform: str, old_id: str, new_id: str) -> None:
        """Take note that a group has another id from now on: settings and contexts move with it."""

    async def is_new(self, platform: str, event_id: str) -> bool:
        """Whether an event was not asked about before, in this process or an earlier one; asking makes it old."""

    async def arrived(self, message: IncomingMessage) -> None:
        """Take note of a message before the next one can arrive, at this process or another that serves the platform.

        Whoever calls it also calls `settled`, whatever becomes of the message. Only a platform that brings one person's
        messages to several processes needs either.
        """

    async def settled(self, message: IncomingMessage) -> None:
        """Take note that a message that arrived was answered, or gets no answer: the next one is not to wait for it."""

    def say(self, sentence: Sentence, message: IncomingMessage, **values: str) -> str:
        """Return a sentence of the adapter's in the language of a message's sender: at most 200 characters.

        Parameters
        ----------
        sentence
            Which one.
        message
            What its sender did, or the press of a button.
        values
            What it leaves open, beyond those characters: of ``"too_late"`` the `command` and the `text` of its answer,
            of ``"whole_in_file"`` the `file`.
        """

    def report(self, platform: str, fault: str) -> None:
        """Tell the admins, once for each sentence, of something that they have to mend on the platform."""


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
