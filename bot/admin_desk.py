"""What answers admins' commands. Whether their sender may use them is settled before; all that it says is private."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime

from adapters.base import IncomingMessage, Progress, Reply, ReplyAttachment
from bot.admin_commands import CLEAR, EXPORT
from bot.answers import AnswerLog
from bot.database import DatabaseError
from bot.inbox import Inbox
from bot.inbox_export import InboxExport
from bot.inbox_groups import Group, grouped, json_lines, listing
from bot.inference import Inference
from bot.metrics import Metrics
from bot.reloading import Reloader
from bot.retraining import Course, Retrainer
from bot.stats_text import Serving, resident_bytes, stats_text
from bot.teaching import Lesson, Teacher
from bot.why import NOT_KNOWN, asked_about, explain
from model.versions import versions

logger = logging.getLogger(__name__)

Answer = Callable[[IncomingMessage, Progress], Awaitable[Reply | None]]
"""Answers a command."""

MAX_GROUPS = 10
"""Groups of the inbox that an answer shows."""

MAX_COMPLETIONS = 25
"""Of what an argument can be, how many a platform shows."""

INBOX_OFF = (
    "I keep nothing of what I could not answer. The operator can change that: INBOX=counts keeps how often, INBOX=text"
    " what was asked, too, and /privacy then tells people so."
)

OVERHEARD = "Everybody here would read what people asked elsewhere. Ask me that in our own chat."


class AdminDesk:
    """Answers what admins ask for.

    Parameters
    ----------
    reloader, retrainer, course_of
        Put models in service; which catalog is trained depends on where a message comes from.
    teacher, lesson_of
        Write patterns; into which catalog likewise.
    answers, inference
        Explain.
    inbox, export
        What was not answered.
    metrics
        What was counted.
    clock
        Returns seconds that never go back.
    """

    def __init__(
        self,
        *,
        reloader: Reloader,
        retrainer: Retrainer,
        course_of: Callable[[IncomingMessage], Course],
        teacher: Teacher,
        lesson_of: Callable[[IncomingMessage], Lesson],
        answers: AnswerLog,
        inference: Inference,
        inbox: Inbox,
        export: InboxExport,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reloader = reloader
        self._retrainer = retrainer
        self._course_of = course_of
        self._teacher = teacher
        self._lesson_of = lesson_of
        self._log = answers
        self._inference = inference
        self._inbox = inbox
        self._export = export
        self._metrics = metrics
        self._clock = clock
        self._started = clock()

    @property
    def answers(self) -> Mapping[str, Answer]:
        """What answers each command, by its name."""
        return {
            "admin reload": self._reload,
            "reload": self._reload,
            "admin rollback": self._rollback,
            "admin retrain": self._retrain,
            "admin stats": self._stats,
            "admin why": self._why,
            "admin unanswered": self._unanswered,
            "admin teach": self._teach,
            "admin undo": self._undo,
        }

    @property
    def teacher(self) -> Teacher:
        """Who writes patterns and takes them back, for other pages of the admins as well."""
        return self._teacher

    async def serving(self) -> Serving:
        """Return what serves, and since when."""
        classifier = self._inference.classifier
        return Serving(
            model=classifier.bundle.name,
            trained_at=datetime.fromisoformat(classifier.bundle.manifest.created_at),
            n_intents=len(classifier.catalog.intents),
            runtime=classifier.runtime.name,
            uptime_s=self._clock() - self._started,
            memory_bytes=await asyncio.to_thread(resident_bytes),
        )

    async def complete(self, message: IncomingMessage, argument: str) -> Sequence[str]:
        """Return what an argument may be: intents by the letters typed, and the kept models."""
        match message.command, argument:
            case "admin teach", "intent":
                return completions(message.text, self._lesson_of(message).tags)
            case "admin rollback", "version":
                found = await asyncio.to_thread(versions, self._reloader.models_dir)
                return completions(message.text, [one.name for one in found])
            case _:
                return ()

    async def close_after(self, stopping: asyncio.Event) -> None:
        """End a training as soon as the bot is to stop, rather than wait for its answer."""
        await stopping.wait()
        await self.aclose()

    async def aclose(self) -> None:
        """End a training that is under way, and leave no file behind."""
        await self._retrainer.aclose()
        self._export.remove()

    async def _reload(self, _message: IncomingMessage, progress: Progress) -> Reply | None:
        return _private(await self._reloader.reload(progress))

    async def _rollback(self, message: IncomingMessage, progress: Progress) -> Reply | None:
        return _private(await self._reloader.rollback(message.text.strip(), progress))

    async def _retrain(self, message: IncomingMessage, progress: Progress) -> Reply | None:
        return _private(await self._retrainer.retrain(self._course_of(message), progress))

    async def _teach(self, message: IncomingMessage, _progress: Progress) -> Reply | None:
        return _private(await self._teacher.teach(self._lesson_of(message), message.text))

    async def _undo(self, message: IncomingMessage, _progress: Progress) -> Reply | None:
        return _private(await self._teacher.undo(self._lesson_of(message)))

    async def _why(self, message: IncomingMessage, _progress: Progress) -> Reply | None:
        if message.text.strip() and _is_overheard(message):  # an id may lead into another conversation
            return Reply(OVERHEARD)
        answer = asked_about(message, self._log)
        if answer is None:
            return _private(NOT_KNOWN)
        serving = (self._inference.classifier_for(message), self._inference.classifier)
        classifier = next((one for one in serving if one.bundle.name == answer.model), serving[0])
        ngrams, name = classifier.bundle.features.ngrams, classifier.bundle.name
        return _private(await asyncio.to_thread(explain, answer, classifier.intents, ngrams, name))

    async def _stats(self, _message: IncomingMessage, _progress: Progress) -> Reply | None:
        return _private(
            stats_text(await self.serving(), self._metrics.summary(), self._log.n_by_intent, datetime.now(UTC))
        )

    async def _unanswered(self, message: IncomingMessage, _progress: Progress) -> Reply | None:
        if self._inbox.mode == "off" or _is_overheard(message):
            return _private(INBOX_OFF if self._inbox.mode == "off" else OVERHEARD)
        action = message.text.strip().casefold()
        try:
            if action == CLEAR:
                self._export.remove()
                return _private(f"The inbox is empty now; entries that are gone: {await self._inbox.clear()}.")
            groups = await self._groups()
        except DatabaseError as error:
            return _private(f"The inbox cannot be read: {error}")
        if action == EXPORT and groups:
            return await self._exported(groups)
        if action not in {"", EXPORT}:
            return _private(f"Expected nothing, {EXPORT} or {CLEAR}.")
        hint = "\n\nTeach what is missing with `/admin teach INTENT TEXT`, in your own words." if groups else ""
        return _private(listing(groups, MAX_GROUPS) + hint)

    async def _groups(self) -> Sequence[Group]:
        entries = await self._inbox.entries()
        patterns = [pattern for intent in self._inference.classifier.catalog.intents for pattern in intent.patterns]
        return await asyncio.to_thread(grouped, entries, patterns)

    async def _exported(self, groups: Sequence[Group]) -> Reply | None:
        try:
            path = await self._export.write(json_lines(groups))
        except OSError as error:
            return _private(
                f"The file cannot be written: {error.strerror}. `python -m scripts.inbox --json` prints it."
            )
        n_entries = sum(len(group.entries) for group in groups)
        text = f"As JSON lines: entries {n_entries}, groups {len(groups)}."
        return Reply(text, private=True, attachments=(ReplyAttachment(str(path), is_image=False),))


def _is_overheard(message: IncomingMessage) -> bool:
    """Whether an answer cannot be kept from the others in the conversation."""
    return message.platform == "telegram" and not message.is_direct


def completions(typed: str, values: Sequence[str]) -> Sequence[str]:
    """Return the values that hold what is typed, those that begin with it first."""
    part = typed.strip().casefold()
    found = [one for one in values if part in one.casefold()]
    return sorted(found, key=lambda one: not one.casefold().startswith(part))[:MAX_COMPLETIONS]


def _private(text: str) -> Reply:
    return Reply(text, private=True)
