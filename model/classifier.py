"""A bundle ready to classify: text in, `Decision` out. The engine and the evaluation use this same object."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from intents.catalog import IntentCatalog
from model.bundle import Bundle
from model.decision import Decision, DecisionRule, Scores
from model.runtime import Runtime, load_runtime
from model.text import normalise


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

    def warm_up(self) -> None:
        """Score once, so that the first message does not pay for what a runtime sets up late."""
        self._score("hello")

    def classify(self, text: str, contexts: Sequence[str] = (), language: str | None = None) -> Decision:
        """Decide about one message.

        Parameters
        ----------
        text
            As the member wrote it; any text at all.
        contexts
            The member's active contexts, the most recently set last.
        language
            The member's, of those that intents are bound to; None for any.
        """
        normalised = normalise(text)
        decision = self.rule.without_scores(normalised, contexts, language)
        if decision is not None:
            return decision
        familiarity = self.bundle.features.ngrams.familiarity(normalised)
        return self.rule.with_scores(self._score(normalised), familiarity, contexts, language)

    def _score(self, normalised: str) -> Scores:
        return self.runtime.scores(self.bundle.features.encode(normalised))
