"""The bot as adapters see it: each event to what answers it, and every failure to an apology."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from adapters.base import Command, IncomingMessage, Progress, Reply, Sentence
from bot import choices
from bot.admin import Admins
from bot.admin_commands import ADMIN_COMMANDS
from bot.admin_desk import AdminDesk, Answer
from bot.answers import AnswerLog
from bot.commands import MEMBER_COMMANDS
from bot.context import Contexts
from bot.cooldown import Cooldowns
from bot.engine import IntentEngine
from bot.greeting import Greeter
from bot.help_text import admin_text, help_text
from bot.inference import Inference
from bot.log import correlated
from bot.manners import Manners, is_unasked
from bot.media import MediaNotes
from bot.metrics import AnswerReason, Metrics
from bot.notices import Notices
from bot.privacy import Forgetting, Keeping, confirm, describe
from bot.seen_events import EventMemory
from bot.server_settings import ServerSettingsStore
from bot.settings_command import SETTINGS_COMMAND, SettingsDesk
from bot.talk import Talk
from bot.words import say

logger = logging.getLogger(__name__)

COMMANDS: tuple[Command, ...] = (*MEMBER_COMMANDS, *ADMIN_COMMANDS, SETTINGS_COMMAND)

ADMIN = "admin"
"""The group of the admins' commands; alone, it lists them."""

Outcome = tuple[Reply | None, AnswerReason]


@dataclass(frozen=True, slots=True)
class Parts:
    """What answers events, and what keeps something; `bot.app` puts them together.

    Parameters
    ----------
    engine, inference, contexts, answers
        Of the talk, and what is remembered of it.
    talk, desk, settings_desk, forgetting
        What answers.
    admins, settings, cooldowns
        What decides whether.
    greeter, media, notices, seen, metrics
        What is said once, and what is counted.
    keeping
        What `/privacy` tells.
    """

    engine: IntentEngine
    inference: Inference
    contexts: Contexts
    answers: AnswerLog
    talk: Talk
    desk: AdminDesk
    settings_desk: SettingsDesk
    forgetting: Forgetting
    admins: Admins
    settings: ServerSettingsStore
    cooldowns: Cooldowns
    greeter: Greeter
    media: MediaNotes
    notices: Notices
    seen: EventMemory
    metrics: Metrics
    keeping: Keeping


class MessageHandler:
    """What every adapter is given, as `adapters.base.Bot`.

    The edge where every failure becomes an apology and a line in the log.

    Parameters
    ----------
    parts
        What it leads to.
    """

    commands = COMMANDS

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._manners = Manners(parts.settings, parts.cooldowns, parts.admins)
        self._admin_answers: Mapping[str, Answer] = {
            **parts.desk.answers,
            ADMIN: self._admin,
            SETTINGS_COMMAND.name: parts.settings_desk.answer,
        }
        self._answers: Mapping[str, Answer] = {
            "help": self._help,
            "reset": self._reset,
            "privacy": self._privacy,
            "forgetme": self._forgetme,
        }

    async def answer(self, message: IncomingMessage, progress: Progress) -> Reply | None:
        """Answer a message; never raises."""
        metrics, started = self._parts.metrics, time.monotonic()
        metrics.received(message.platform)
        with correlated():
            try:
                message = self._manners.in_language(_grouped(message))
                reply, reason = await self._route(message, progress)
            except Exception:
                logger.exception("message %s of %s could not be answered", message.message_id, message.platform)
                reply, reason = _apology(message), AnswerReason.ERROR
        metrics.answered(message.platform, reason, time.monotonic() - started)
        return reply

    def listens(self, message: IncomingMessage) -> bool:
        """Whether a message that is not addressed to the bot is answered all the same."""
        return self._manners.listens(message)

    async def answer_inline(self, message: IncomingMessage) -> Reply | None:
        """Answer a question that is still being typed; never raises, and remembers nothing."""
        try:
            message = self._manners.in_language(message)
            if not message.text.strip() or await self._parts.cooldowns.refuse_inline(message):
                return None
            text = await self._parts.engine.answer_at_once(message)
        except Exception:
            logger.exception("a typed question of %s could not be answered", message.platform)
            return None
        return None if text is None else Reply(text)

    async def complete(self, message: IncomingMessage, argument: str) -> Sequence[str]:
        """Return what an argument may be; never raises."""
        try:
            if not self._parts.admins.include(message):
                return ()
            if message.command == SETTINGS_COMMAND.name and argument == "value":
                return self._parts.settings_desk.complete(message.text)
            return await self._parts.desk.complete(message, argument)
        except Exception:
            logger.exception("an argument of /%s could not be completed", message.command)
        return ()

    async def vote(self, message: IncomingMessage, answer_id: str, *, is_up: bool) -> str:
        """Count a thumb; never raises."""
        message = self._manners.in_language(message)
        try:
            settings = self._manners.settings_for(message)
            return await self._parts.talk.vote(message, settings, answer_id, is_up=is_up)
        except Exception:
            logger.exception("a vote on %s could not be counted", message.platform)
            return say("apology", message.locale)

    def sent(self, answer_id: str, message_ids: Sequence[str]) -> None:
        """Take note of where an answer stands."""
        self._parts.answers.sent(answer_id, message_ids)

    async def joined(self, platform: str, server_id: str, locale: str | None) -> Reply | None:
        """Return what to say in a server that the bot was added to; never raises."""
        language = self._parts.settings.of_server(platform, server_id).language
        try:
            return await self._parts.greeter.joined(platform, server_id, language or locale)
        except Exception:
            logger.exception("a server of %s could not be greeted", platform)
            return None

    async def left(self, platform: str, server_id: str) -> None:
        """Take note that the bot was removed; never raises."""
        try:
            await self._parts.greeter.left(platform, server_id)
        except Exception:
            logger.exception("that the bot was removed from a server of %s could not be kept", platform)

    async def moved(self, platform: str, old_id: str, new_id: str) -> None:
        """Take note that a group has another id; never raises."""
        for store in (self._parts.settings, self._parts.contexts, self._parts.greeter):
            try:
                await store.move(platform, old_id, new_id)
            except Exception:
                logger.exception("that a group of %s has another id could not be kept", platform)

    async def is_new(self, platform: str, event_id: str) -> bool:
        """Whether an event was not asked about before; never raises."""
        return await self._parts.seen.is_new(platform, event_id)

    async def arrived(self, message: IncomingMessage) -> None:
        """Take note of a message in the order in which it came; never raises."""
        await self._parts.contexts.arrived(message.key, message.message_id)

    async def settled(self, message: IncomingMessage) -> None:
        """Take note that a message that arrived keeps nobody waiting any longer; never raises."""
        await self._parts.contexts.settled(message.key, message.message_id)

    def say(self, sentence: Sentence, message: IncomingMessage, **values: str) -> str:
        """Return a sentence of an adapter's in the language of a message's sender, or of its server."""
        return say(sentence, self._manners.in_language(message).locale, **values)

    def report(self, platform: str, fault: str) -> None:
        """Tell the admins of something to mend."""
        self._parts.notices.report(platform, fault)

    async def aclose(self) -> None:
        """Let go of what is not sent yet."""
        await self._parts.notices.aclose()

    async def _route(self, message: IncomingMessage, progress: Progress) -> Outcome:
        command = message.command
        is_known = command is None or command in {"ask", "start", *self._answers, *self._admin_answers}
        if not is_known and not message.is_addressed:
            return None, AnswerReason.SILENT  # it may be another bot's
        hush = await self._manners.hush(message, is_admin_command=command in self._admin_answers)
        if hush is not None:
            return hush.notice, AnswerReason.COOLDOWN if hush.is_cooldown else AnswerReason.SILENT
        if command is None:
            return await self._talk(message, progress)
        if command in {"ask", "start"} and message.text.strip():
            return await (self._ask(message, progress) if command == "ask" else self._start(message, progress))
        return await self._command(message, progress), AnswerReason.COMMAND

    async def _command(self, message: IncomingMessage, progress: Progress) -> Reply | None:
        command = message.command or ""
        if command in self._admin_answers:
            if not self._parts.admins.include(message):
                return Reply(say("admins_only", message.locale), private=True)
            return await self._admin_answers[command](message, progress)
        if command in {"ask", "start"}:
            command = "help"  # what Telegram sends when a chat is opened, and a question that is missing
        if command in self._answers:
            return await self._answers[command](message, progress)
        return Reply(say("unknown_command", message.locale, command=command), private=True)

    async def _talk(self, message: IncomingMessage, progress: Progress) -> Outcome:
        if message.choice_id is None and not message.text.strip():
            if is_unasked(message):
                return None, AnswerReason.SILENT
            if message.medium != "text":
                is_due = await self._parts.media.is_due(message)
                return (Reply(say("only_text", message.locale)), AnswerReason.EMPTY) if is_due else _NOTHING
            if not message.is_direct:  # a bare mention
                return await self._help(message, progress), AnswerReason.COMMAND
        settings = self._manners.settings_for(message)
        return await self._parts.talk.answer(message, settings, "silent" if is_unasked(message) else settings.fallback)

    async def _ask(self, message: IncomingMessage, _progress: Progress) -> Outcome:
        settings = self._manners.settings_for(message)
        # who uses a command waits for an answer: silence would look like a failure
        tone = "short" if settings.fallback == "silent" else settings.fallback
        return await self._parts.talk.answer(message, settings, tone)

    async def _start(self, message: IncomingMessage, progress: Progress) -> Outcome:
        """Open the intent that a link names."""
        tag = message.text.strip()
        if not await self._parts.engine.may_open(message, tag):
            return await self._help(message, progress), AnswerReason.COMMAND
        topic = self._parts.inference.classifier_for(message).intents[tag].topic
        chosen = replace(message, command=None, choice_id=choices.intent_id(tag), text=topic)
        return await self._parts.talk.answer(chosen, self._manners.settings_for(message), "helpful")

    async def _help(self, message: IncomingMessage, _progress: Progress) -> Reply | None:
        is_admin = self._parts.admins.include(message)
        commands = [one for one in COMMANDS if is_admin or not one.admin_only]
        catalog = self._parts.inference.classifier_for(message).catalog
        return Reply(help_text(catalog, commands, message.locale), private=True)

    async def _admin(self, message: IncomingMessage, _progress: Progress) -> Reply | None:
        name = f"{ADMIN} {message.text.strip()}".strip()
        unknown = [] if name == ADMIN else [say("unknown_command", message.locale, command=name.split("\n")[0])]
        return Reply("\n".join([*unknown, admin_text(COMMANDS, message.locale)]), private=True)

    async def _reset(self, message: IncomingMessage, _progress: Progress) -> Reply | None:
        await self._parts.engine.forget(message)
        return Reply(say("reset", message.locale), private=True)

    async def _privacy(self, message: IncomingMessage, _progress: Progress) -> Reply | None:
        catalog = self._parts.inference.classifier_for(message).catalog
        return Reply(describe(self._keeping(message), catalog, message.locale), private=True)

    async def _forgetme(self, message: IncomingMessage, _progress: Progress) -> Reply | None:
        await self._parts.forgetting.forget(message.platform, message.user_id)
        return Reply(confirm(self._keeping(message), message.locale), private=True)

    def _keeping(self, message: IncomingMessage) -> Keeping:
        """Return what is kept, with the cooldown of the server around a message."""
        keeping, own_s = self._parts.keeping, self._parts.settings.of(message).cooldown_s
        if not keeping.cooldown_s or own_s is None:
            return keeping
        return replace(keeping, cooldown_s=max(keeping.cooldown_s, own_s))


_NOTHING: Outcome = (None, AnswerReason.SILENT)


def _apology(message: IncomingMessage) -> Reply | None:
    return None if is_unasked(message) else Reply(say("apology", message.locale))


def _grouped(message: IncomingMessage) -> IncomingMessage:
    """Return a message with the whole name of its command, where a platform has told only its group's."""
    first, _, rest = message.text.strip().partition(" ")
    name = f"{message.command} {first.lower()}"
    if all(command.name != name for command in COMMANDS):
        return message
    return replace(message, command=name, text=rest.strip())
