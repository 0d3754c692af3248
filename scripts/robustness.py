"""How well messages are understood that are written less carefully than in the file."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from model.classifier import IntentClassifier
from model.evaluation import Metrics, measure
from model.labelled import LabelledMessage


@dataclass(frozen=True, slots=True)
class VariantMetrics:
    """The figures of the in-scope messages, each rewritten in one way."""

    name: str
    metrics: Metrics


def measure_variants(
    classifier: IntentClassifier,
    messages: Sequence[LabelledMessage],
    variants: Mapping[str, Callable[[str, random.Random], str]],
    tell: Callable[[str, int, int], None],
) -> list[VariantMetrics]:
    """Return the figures of the in-scope messages as they are, then under each variant.

    Each variant has random numbers of its own, seeded by its name, so that a new one changes nothing of the others.
    """
    inside = [message for message in messages if message.intent is not None]
    ways = {"as written": _unchanged} | dict(variants)
    rows = []
    for number, (name, rewrite) in enumerate(ways.items()):
        tell(name, number, len(ways))
        source = random.Random(name)  # noqa: S311 - rewrites messages
        rewritten = [replace(message, text=rewrite(message.text, source)) for message in inside]
        decisions = [classifier.classify(message.text, message.contexts) for message in rewritten]
        rows.append(VariantMetrics(name, measure(rewritten, decisions, classifier.rule.policy.threshold)))
    return rows


def _unchanged(text: str, _source: random.Random) -> str:
    return text
