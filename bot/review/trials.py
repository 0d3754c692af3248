"""Asking a bundle before it serves: what it would answer and why. Nothing is remembered, no action is run."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

from bot.answers import GivenAnswer
from bot.inference import Inference
from bot.service import Service, ServiceLoader
from bot.watched_thread import StuckError
from bot.why import NearPattern, nearest_pattern, rule_of
from intents.catalog import Intent
from intents.findings import CatalogError
from model.bundle import BundleError
from model.classifier import IntentClassifier
from model.decision import Decision
from model.versions import versions

MAX_TEXT = 1_000
"""Characters of a question; more are cut off."""

N_RANKED = 5
KEPT_S = 600.0
"""How long a bundle that was asked stays loaded."""


class TrialError(Exception):
    """A bundle cannot be asked; its text says why."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An intent of the ranking, and its pattern that is most like the question; None where none is."""

    tag: str
    confidence: float
    near: NearPattern | None


@dataclass(frozen=True, slots=True)
class Trial:
    """What a bundle made of a question.

    Parameters
    ----------
    model
        The name of the bundle.
    text
        What was asked.
    decision
        Of the classifier.
    rule
        Which rule decided, as admins read it.
    candidates
        The first of the ranking.
    threshold, margin
        Those that it decided by.
    answers
        The texts of which one would be sent, unfilled.
    remarks
        What else a member would meet.
    notes
        What the admin should know of the bundle.
    """

    model: str
    text: str = field(repr=False)
    decision: Decision
    rule: str
    candidates: tuple[Candidate, ...]
    threshold: float
    margin: float
    answers: tuple[str, ...]
    remarks: tuple[str, ...]
    notes: tuple[str, ...]


class Trials:
    """Asks bundles, of which that asked last stays loaded for a while.

    Parameters
    ----------
    inference
        Asks what is in service.
    loader
        Loads the others.
    executor
        The thread to load and ask them on, one at a time.
    """

    def __init__(self, inference: Inference, loader: ServiceLoader, executor: Executor) -> None:
        self._inference = inference
        self._loader = loader
        self._executor = executor
        self._loaded: Service | None = None
        self._dropping: asyncio.TimerHandle | None = None

    async def ask(self, name: str, text: str, contexts: Sequence[str]) -> Trial:
        """Return what a bundle makes of a question.

        Parameters
        ----------
        name
            Of the bundle.
        text
            The question.
        contexts
            The names of those to be taken for active, the most recently set last.

        Raises
        ------
        TrialError
            There is no such bundle, or it cannot be asked.
        """
        text, serving = text[:MAX_TEXT], self._inference.classifier
        loop = asyncio.get_running_loop()
        if name == serving.bundle.name:
            try:
                decision = await self._inference.classify(serving, text, contexts)
            except StuckError as error:
                raise TrialError("It took too long to answer; see the log.") from error
            return await asyncio.to_thread(explained, serving, text, contexts, decision)
        self._keep_for_a_while(loop)
        return await loop.run_in_executor(self._executor, self._ask, name, text, contexts)

    def drop(self) -> None:
        """Keep no bundle loaded."""
        self._loaded = None
        if self._dropping is not None:
            self._dropping.cancel()

    def _keep_for_a_while(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._dropping is not None:
            self._dropping.cancel()
        self._dropping = loop.call_later(KEPT_S, self.drop)

    def _ask(self, name: str, text: str, contexts: Sequence[str]) -> Trial:
        loaded = self._loaded
        if loaded is None or loaded.classifier.bundle.name != name:
            if all(one.name != name for one in versions(self._loader.models_dir)):
                raise TrialError("No such model is kept any more.")
            self._loaded = None  # two of them need not fit in memory
            try:
                loaded = self._loader.to_try(name)
            except (BundleError, CatalogError) as error:
                raise TrialError(str(error)) from error
            self._loaded = loaded
        decision = loaded.classifier.classify(text, contexts)
        return explained(loaded.classifier, text, contexts, decision, loaded.notes)


def explained(
    classifier: IntentClassifier, text: str, contexts: Sequence[str], decision: Decision, notes: Sequence[str] = ()
) -> Trial:
    """Return a decision with what an admin wants to know of it; blocking, some milliseconds."""
    policy, ngrams = classifier.rule.policy, classifier.bundle.features.ngrams
    given = GivenAnswer(
        id="",
        platform="",
        conversation_id="",
        user_id="",
        question_id="",
        text=text,
        is_choice=False,
        intent=decision.intent,
        decision=decision,
        lead=decision.lead,
        contexts=tuple(contexts),
        model=classifier.bundle.name,
        threshold=policy.threshold,
        margin=policy.margin,
        given_at=0.0,
    )
    intent = classifier.intents.get(decision.intent or "")
    responses = classifier.catalog.fallback.responses if intent is None else intent.responses
    return Trial(
        model=classifier.bundle.name,
        text=text,
        decision=decision,
        rule=rule_of(given, classifier.intents),
        candidates=tuple(
            Candidate(one.tag, one.confidence, nearest_pattern(classifier.intents[one.tag], text, ngrams))
            for one in decision.ranking[:N_RANKED]
        ),
        threshold=policy.threshold,
        margin=policy.margin,
        answers=tuple(one.text for one in responses),
        remarks=_remarks(intent),
        notes=tuple(notes),
    )


def _remarks(intent: Intent | None) -> tuple[str, ...]:
    """Return what else would happen, a sentence each."""
    if intent is None:
        return ()
    remarks = []
    if intent.slots:
        remarks.append(f"It would ask for what the message does not tell: {', '.join(s.name for s in intent.slots)}.")
    if intent.action is not None:
        remarks.append("It would call its action first; here nothing is called.")
    if intent.handoff:
        remarks.append("It would offer to pass the member on to a person.")
    if intent.builtin is not None:
        remarks.append("It is a follow-up that the bot answers by itself.")
    if intent.context_set:
        remarks.append(f"It would activate the contexts {', '.join(one.name for one in intent.context_set)}.")
    return tuple(remarks)
