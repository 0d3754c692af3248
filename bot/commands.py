"""The commands and the one handler that every adapter calls: commands to their functions, talk to the engine."""

import logging
from collections.abc import Awaitable, Callable

from adapters.base import Command, IncomingMessage, Progress, Reply
from bot.admin import Admins, Reloader
from bot.engine import IntentEngine
from bot.inference import Inference
from intents.phrases import PHRASES

logger = logging.getLogger(__name__)

COMMANDS = (
    Command("ask", "Ask me a question", argument="question", argument_description="What you want to know", public=True),
    Command("help", "What I can do, and how to ask"),
    Command("reset", "Forget our conversation and start afresh"),
    Command("reload", "Load the trained model and the intents file anew (admins)", admin_only=True),
)

N_EXAMPLES = 5
ADMINS_ONLY = "Only admins of this bot can do that."
APOLOGY = "Sorry, something went wrong on my side. Please try again in a moment."
RESET = "Done. I have forgotten what we were talking about."


class MessageHandler:
    """Routes messages; the edge where every failure becomes an apology and a line in the log.

    Parameters
    ----------
    engine, inference, reloader, admins
        What the commands work on.
    """

    def __init__(self, engine: IntentEngine, inference: Inference, reloader: Reloader, admins: Admins) -> None:
        self._engine = engine
        self._inference = inference
        self._reloader = reloader
        self._admins = admins
        self._commands: dict[str, Callable[[IncomingMessage, Progress], Awaitable[Reply | None]]] = {
            "ask": self._ask,
            "help": self._help,
            "start": self._help,  # what Telegram sends when a chat is opened
            "reset": self._reset,
            "reload": self._reload,
        }

    async def __call__(self, message: IncomingMessage, progress: Progress) -> Reply | None:
        """Answer a message; never raises."""
        try:
            return await self._route(message, progress)
        except Exception:
            logger.exception("message %s of %s could not be answered", message.message_id, message.platform)
            return Reply(APOLOGY)

    async def _route(self, message: IncomingMessage, progress: Progress) -> Reply | None:
        if message.command is None:
            is_bare_mention = not message.is_direct and message.choice_id is None and not message.text.strip()
            return await (self._help(message, progress) if is_bare_mention else self._engine.reply(message))
        command = self._commands.get(message.command)
        if command is not None:
            return await command(message, progress)
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

    async def _reload(self, message: IncomingMessage, progress: Progress) -> Reply | None:
        if not self._admins.include(message):
            return Reply(ADMINS_ONLY, private=True)
        return Reply(await self._reloader.reload(progress), private=True)
