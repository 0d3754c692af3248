"""The shared intent engine: a message in, a reply out, one person's messages one after the other."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from adapters.base import IncomingMessage, Reply
from bot.actions import ActionRunner
from bot.context import Contexts
from bot.conversation import Conversation
from bot.entities import SlotValue, find_values, read_value
from bot.handoff import Handoff
from bot.inference import Inference
from bot.turn import FallbackTone, Turn
from bot.voice import Voice
from intents.catalog import Intent, Slot
from model.classifier import IntentClassifier
from model.decision import Decision


class IntentEngine:
    """Answers plain talk and chosen options.

    Parameters
    ----------
    inference
        Decides.
    contexts
        Remembers.
    actions
        Runs what intents call.
    handoff
        Passes members on to a person.
    random_source
        Draws among responses.
    """

    def __init__(
        self,
        inference: Inference,
        contexts: Contexts,
        actions: ActionRunner,
        handoff: Handoff,
        random_source: random.Random,
    ) -> None:
        self._inference = inference
        self._contexts = contexts
        self._actions = actions
        self._handoff = handoff
        self._random = random_source

    async def reply(self, message: IncomingMessage) -> Reply | None:
        """Answer a message, and remember the turn."""
        return (await self.turn(message)).reply

    async def turn(self, message: IncomingMessage, tone: FallbackTone = "helpful") -> Turn:
        """Answer a message and remember the turn; say how it came about as well.

        Parameters
        ----------
        message
            Plain talk, or a choice.
        tone
            Towards what matches nothing; silence leaves no trace in what is remembered.
        """
        async with self._contexts.locked(message.key):
            classifier = self._inference.classifier_for(message)
            conversation = Conversation(
                classifier.catalog,
                classifier.intents,
                _Abilities(classifier, self._inference, self._actions, self._handoff, message),
                message,
                await self._contexts.get(message.key),
                now=self._contexts.clock(),
                ttl_s=self._contexts.ttl_s,
                random_source=self._random,
                tone=tone,
            )
            turn = await conversation.turn()
            if not turn.is_silent:
                await self._contexts.put(message.key, turn.state)
        return replace(turn, model=classifier.bundle.name, policy=classifier.rule.policy)

    async def may_open(self, message: IncomingMessage, tag: str) -> bool:
        """Whether a link may lead the message's sender to an intent: it is there, and its contexts allow it."""
        intent = self._inference.classifier_for(message).intents.get(tag)
        if intent is None or not intent.context_filter:
            return intent is not None
        state = await self._contexts.get(message.key)
        return not set(intent.context_filter).isdisjoint(state.names)

    async def answer_at_once(self, message: IncomingMessage) -> str | None:
        """Answer a question without remembering, running or asking anything; None where that is not enough."""
        classifier = self._inference.classifier_for(message)
        voice = Voice(classifier.catalog, message, self._random)
        known = voice.language if voice.language in classifier.catalog.languages else None
        decision = await self._inference.classify(classifier, message.text, (), known)
        intent = classifier.intents.get(decision.intent or "")
        if intent is None or intent.slots or intent.action or intent.handoff or intent.builtin or not intent.responses:
            return None
        voice.language = intent.language or voice.language
        return voice.spoken(voice.choose(intent.responses, None, {}), {}, {}).text

    async def forget(self, message: IncomingMessage) -> None:
        """Forget what is remembered of the message's sender in its conversation."""
        async with self._contexts.locked(message.key):
            await self._contexts.forget(message.key)


@dataclass(frozen=True, slots=True)
class _Abilities:
    """What one turn may do, with the classifier that was in service when it began."""

    classifier: IntentClassifier
    inference: Inference
    actions: ActionRunner
    handoff: Handoff
    message: IncomingMessage

    async def classify(self, text: str, contexts: Sequence[str], language: str | None) -> Decision:
        return await self.inference.classify(self.classifier, text, contexts, language)

    async def read(self, slot: Slot, text: str, language: str | None, now: datetime) -> SlotValue:
        return await self.inference.read(lambda: read_value(slot.entity, text, language=language, now=now))

    async def find(self, intent: Intent, text: str, language: str | None, now: datetime) -> Mapping[str, SlotValue]:
        return await self.inference.read(
            lambda: find_values(intent.slots, text, annotations=intent.annotations, language=language, now=now)
        )

    async def act(self, intent: Intent, values: Mapping[str, SlotValue]) -> Mapping[str, str]:
        assert intent.action is not None
        known = {
            "display_name": self.message.display_name,
            "server": self.message.server_name,
            "member_id": f"{self.message.platform}:{self.message.user_id}",
            "intent": intent.tag,
        }
        return await self.actions.run(intent.action, values, known)

    def can_hand_off(self, platform: str) -> bool:
        return self.handoff.reaches(platform)

    async def hand_off(self, message: IncomingMessage, text: str) -> bool:
        return await self.handoff.post(message, text)
