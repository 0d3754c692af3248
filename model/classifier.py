"""A bundle ready to classify: text in, `Decision` out. The engine and the evaluation use this same object."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from intents.catalog import IntentCatalog
from model.bundle import Bundle
from model.decision import Decision, DecisionRule
from model.runtime import Runtime, load_runtime
from model.text import normalise


@dataclass(frozen=True, slots=True)
class Question:
    """A message to decide about.

    Parameters
    ----------
    text
        As the member wrote it; any text at all.
    contexts
        The member's active contexts, the most recently set last.
    language
        The member's, of those that intents are bound to; None for any.
    """

    text: str
    contexts: Sequence[str] = ()
    language: str | None = None


class IntentClassifier:
    """Classifies messages with one bundle, on any thread.

    Parameters
    ----------
    bundle
        Supplies features, labels and policy.
    runtime
        Runs the bundle's network.
    catalog
        The intents in service: the bundle's own, or the edited file of the same patterns.
    threshold
        Replaces the bundle's threshold, where the operator set one.
    known
        What an earlier rule found patterns to be, normalised; see `DecisionRule`.
    """

    def __init__(
        self,
        bundle: Bundle,
        runtime: Runtime,
        catalog: IntentCatalog,
        *,
        threshold: float | None = None,
        known: Mapping[str, str] | None = None,
    ) -> None:
        policy = bundle.manifest.policy
        self.bundle = bundle
        self.runtime = runtime
        self.catalog = catalog
        self.intents = {intent.tag: intent for intent in catalog.intents}
        self.rule = DecisionRule(
            catalog,
            bundle.manifest.labels,
            policy if threshold is None else replace(policy, threshold=threshold),
            known=known,
        )

    def twin(self) -> "IntentClassifier":
        """Return one that decides the same, with a runtime of its own, where a thread hangs in this one's."""
        runtime = load_runtime(self.bundle, "keras" if self.runtime.name == "keras" else "litert")
        threshold, known = self.rule.policy.threshold, self.rule.normalised
        return IntentClassifier(self.bundle, runtime, self.catalog, threshold=threshold, known=known)

    def classify(self, text: str, contexts: Sequence[str] = (), language: str | None = None) -> Decision:
        """Decide about one message; see `Question`."""
        return self.classify_all([Question(text, contexts, language)])[0]

    def classify_all(self, questions: Sequence[Question]) -> list[Decision]:
        """Decide about several messages, each by itself: at once that takes less time than one after the other."""
        normalised = [normalise(one.text) for one in questions]
        decisions = [
            self.rule.without_scores(text, one.contexts, one.language)
            for text, one in zip(normalised, questions, strict=True)
        ]
        open_texts = [text for text, decision in zip(normalised, decisions, strict=True) if decision is None]
        scores = iter(self.runtime.scores([self.bundle.features.encode(text) for text in open_texts]))
        familiarity = self.bundle.features.ngrams.familiarity
        return [
            decision or self.rule.with_scores(next(scores), familiarity(text), one.contexts, one.language)
            for text, decision, one in zip(normalised, decisions, questions, strict=True)
        ]
