"""The bot as adapters see it: commands to what answers them, talk to the engine."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from adapters.base import IncomingMessage, Progress, Reply
from bot.admin import Admins
from bot.admin_commands import ADMIN_COMMANDS, AdminDesk, Answer
from bot.commands import MEMBER_COMMANDS
from bot.engine import IntentEngine
from bot.inference import Inference
from intents.phrases import PHRASES

logger = logging.getLogger(__name__)

N_EXAMPLES = 5
ADMINS_ONLY = "Only admins of this bot can do that."
APOLOGY = "Sorry, something went wrong on my side. Please try again in a moment."
RESET = "Done. I have forgotten what we were talking about."


COMMANDS = (*MEMBER_COMMANDS, *ADMIN_COMMANDS)


class MessageHandler:
    """What every adapter is given, as `adapters.base.Bot`.

    The edge where every failure becomes an apology and a line in the log.

    Parameters
    ----------
    engine, inference, desk, admins
        What the commands work on.
    """

    commands = COMMANDS

    def __init__(self, engine: IntentEngine, inference: Inference, desk: AdminDesk, admins: Admins) -> None:
        self._engine = engine
        self._inference = inference
        self._admins = admins
        self._admin_answers = desk.answers
        self._answers: Mapping[str, Answer] = {
            "ask": self._ask,
            "help": self._help,
            "start": self._help,  # what Telegram sends when a chat is opened
            "reset": self._reset,
        }

    async def answer(self, message: IncomingMessage, progress: Progress) -> Reply | None:
        """Answer a message; never raises."""
        try:
            return await self._route(message, progress)
        except Exception:
            logger.exception("message %s of %s could not be answered", message.message_id, message.platform)
            return Reply(APOLOGY)

    def listens(self, message: IncomingMessage) -> bool:
        """Whether a message that is not addressed to the bot is answered all the same."""
        return False

    async def answer_inline(self, message: IncomingMessage) -> Reply | None:
        """Answer a question that is still being typed."""
        return None

    async def complete(self, message: IncomingMessage, argument: str) -> Sequence[str]:
        """Return what an argument may be."""
        return ()

    async def vote(self, message: IncomingMessage, answer_id: str, *, is_up: bool) -> str:
        """Count a thumb."""
        return APOLOGY

    def sent(self, answer_id: str, message_ids: Sequence[str]) -> None:
        """Take note of where an answer stands."""

    async def joined(self, platform: str, server_id: str, locale: str | None) -> Reply | None:
        """Return what to say in a server that the bot was added to."""
        return None

    async def left(self, platform: str, server_id: str) -> None:
        """Take note that the bot was removed."""

    async def moved(self, platform: str, old_id: str, new_id: str) -> None:
        """Take note that a group has another id."""

    async def is_new(self, platform: str, event_id: str) -> bool:
        """Whether an event was not asked about before."""
        return True

    def report(self, platform: str, fault: str) -> None:
        """Tell the admins of something to mend."""
        logger.warning("%s: %s", platform, fault)

    async def _route(self, message: IncomingMessage, progress: Progress) -> Reply | None:
        if message.command is None:
            is_bare_mention = not message.is_direct and message.choice_id is None and not message.text.strip()
            return await (self._help(message, progress) if is_bare_mention else self._engine.reply(message))
        message = _grouped(message)
        assert message.command is not None
        if message.command in self._admin_answers:
            if not self._admins.include(message):
                return Reply(ADMINS_ONLY, private=True)
            return await self._admin_answers[message.command](message, progress)
        if message.command in self._answers:
            return await self._answers[message.command](message, progress)
        if message.is_addressed:
            return Reply(f"I do not know the command /{message.command}. /help lists those I know.", private=True)
        return None

    async def _ask(self, message: IncomingMessage, progress: Progress) -> Reply | None:
        return await (self._engine.reply(message) if message.text.strip() else self._help(message, progress))

    async def _help(self, message: IncomingMessage, _progress: Progress) -> Reply | None:
        examples = [f"- {text}" for text in self._inference.classifier.catalog.examples(N_EXAMPLES)]
        is_admin = self._admins.include(message)
        commands = [f"/{one.name}: {one.description}" for one in COMMANDS if is_admin or not one.admin_only]
        lines = [PHRASES["examples"], *examples, "", "Commands:", *commands]
        return Reply("\n".join(lines), private=True)

    async def _reset(self, message: IncomingMessage, _progress: Progress) -> Reply | None:
        await self._engine.forget(message)
        return Reply(RESET, private=True)


def _grouped(message: IncomingMessage) -> IncomingMessage:
    """Return a message with the whole name of its command, where a platform has told only its group's."""
    first, _, rest = message.text.strip().partition(" ")
    name = f"{message.command} {first.lower()}"
    if all(command.name != name for command in COMMANDS):
        return message
    return replace(message, command=name, text=rest.strip())
