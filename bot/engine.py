"""The shared intent engine: a message in, a reply out, one person's messages one after the other."""

import random

from adapters.base import IncomingMessage, Reply
from bot.context import ContextStore
from bot.inference import Inference
from bot.responses import choose, fill_response


class IntentEngine:
    """Answers plain talk.

    Parameters
    ----------
    inference
        Decides.
    contexts
        Remembers.
    random_source
        Draws among responses.
    """

    def __init__(self, inference: Inference, contexts: ContextStore, random_source: random.Random) -> None:
        self._inference = inference
        self._contexts = contexts
        self._random = random_source

    async def reply(self, message: IncomingMessage) -> Reply | None:
        """Answer a message, and remember the turn."""
        async with self._contexts.locked(message.key):
            classifier = self._inference.classifier
            state = await self._contexts.get(message.key)
            decision = await self._inference.classify(classifier, message.text, state.names)
            intent = classifier.intents.get(decision.intent) if decision.intent is not None else None
            responses = classifier.catalog.fallback_responses if intent is None else intent.responses
            response = choose(responses, state.last_response, self._random)
            state = state.after_turn(
                () if intent is None else intent.context_set,
                response,
                expires_at=self._contexts.clock() + self._contexts.ttl_s,
            )
            await self._contexts.put(message.key, state)
        return Reply(fill_response(response, {"display_name": message.display_name}))

    async def forget(self, message: IncomingMessage) -> None:
        """Forget what is remembered of the message's sender in its conversation."""
        async with self._contexts.locked(message.key):
            await self._contexts.forget(message.key)
