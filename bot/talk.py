"""Plain talk: the engine's answer, remembered for who asks why, with thumbs where they belong."""

import logging
from dataclasses import replace

from adapters.base import IncomingMessage, Reply
from bot.answers import AnswerLog
from bot.database import DatabaseError
from bot.engine import IntentEngine
from bot.feedback import Feedback, Vote
from bot.inbox import Inbox
from bot.metrics import AnswerReason, Metrics
from bot.server_settings import ServerSettings
from bot.turn import FallbackTone, Turn
from bot.words import say

logger = logging.getLogger(__name__)


class Talk:
    """Answers members, and counts what they think of it.

    Parameters
    ----------
    engine
        Answers.
    answers
        Remembers how each answer came about, for an hour.
    feedback
        Keeps votes.
    inbox
        Keeps what was not answered, or voted down.
    metrics
        Counts votes.
    has_feedback
        Whether thumbs are shown at all.
    """

    def __init__(
        self,
        engine: IntentEngine,
        answers: AnswerLog,
        feedback: Feedback,
        inbox: Inbox,
        metrics: Metrics,
        *,
        has_feedback: bool,
    ) -> None:
        self._engine = engine
        self._answers = answers
        self._feedback = feedback
        self._inbox = inbox
        self._metrics = metrics
        self._has_feedback = has_feedback

    async def answer(
        self, message: IncomingMessage, settings: ServerSettings, tone: FallbackTone
    ) -> tuple[Reply | None, AnswerReason]:
        """Answer a message, and say which rule the answer came from.

        Parameters
        ----------
        message
            Plain talk, or a choice.
        settings
            Of the server around it.
        tone
            Towards what matches nothing.
        """
        turn = await self._engine.turn(message, tone)
        reason = AnswerReason(turn.decision.reason.value) if turn.decision is not None else AnswerReason.DIALOGUE
        if turn.is_silent:
            return None, AnswerReason.SILENT
        answer = self._answers.record(message, turn)
        await self._inbox.add_if_unanswered(answer)
        can_vote = await self._open_vote(message, settings, turn, answer.id)
        return replace(turn.reply, answer_id=answer.id, can_vote=can_vote), reason

    async def _open_vote(self, message: IncomingMessage, settings: ServerSettings, turn: Turn, answer_id: str) -> bool:
        """Take votes on an answer, if it is one to vote on; say whether."""
        is_off = not self._has_feedback or settings.feedback is False or message.platform == "console"
        if is_off or turn.intent is None or not turn.is_complete:
            return False
        try:
            await self._feedback.open_vote(message.platform, answer_id, turn.intent)
        except DatabaseError as error:
            logger.warning("an answer is given without thumbs: %s", error)
            return False
        return True

    async def vote(self, message: IncomingMessage, settings: ServerSettings, answer_id: str, *, is_up: bool) -> str:
        """Count a thumb, and return what to tell whoever pressed it.

        Raises
        ------
        DatabaseError
            It cannot be counted.
        """
        if not self._has_feedback or settings.feedback is False:
            return say("votes_off", message.locale)
        vote = await self._feedback.vote(message.platform, answer_id, message.user_id, is_up=is_up)
        if vote is Vote.CLOSED:
            return say("vote_closed", message.locale)
        if vote is not Vote.SAME:
            self._metrics.voted(message.platform, is_up=is_up, is_changed=vote is Vote.CHANGED)
            answer = self._answers.get(answer_id)
            if is_up:
                await self._inbox.take_back_vote(message.platform, answer_id, message.user_id)
            elif answer is not None:
                await self._inbox.add_voted_down(answer, message.user_id)
        return say("voted_up" if is_up else "voted_down", message.locale)
