"""Intents as frozen values, independent of the file that they were read from."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

DEFAULT_FALLBACK = "I am not sure what you mean. I can help with {topics}."
"""What a catalog without fallback answers of its own says; its topics come from the tags."""


@dataclass(frozen=True, slots=True)
class Intent:
    """One thing that people ask, and what to answer.

    Parameters
    ----------
    tag
        The intent's name, unique in its catalog: the class of the classifier.
    patterns
        Examples of how people ask it. An intent without patterns is never chosen.
    responses
        Answers to choose from; they may hold `{display_name}`.
    context_set
        Contexts that answering activates.
    context_filter
        Contexts of which at least one must be active; empty means always available.
    """

    tag: str
    patterns: tuple[str, ...]
    responses: tuple[str, ...]
    context_set: tuple[str, ...] = ()
    context_filter: tuple[str, ...] = ()

    @property
    def topic(self) -> str:
        """The tag as people read it."""
        return self.tag.replace("_", " ")


@dataclass(frozen=True, slots=True)
class IntentCatalog:
    """All intents, in the order of their file, and the answers for whatever matches none of them."""

    intents: tuple[Intent, ...]
    fallback_responses: tuple[str, ...]

    @property
    def trainable(self) -> tuple[Intent, ...]:
        """The intents that have patterns: the classes of the classifier, in their order."""
        return tuple(intent for intent in self.intents if intent.patterns)

    @property
    def topics(self) -> tuple[Intent, ...]:
        """The intents that can be asked at any time."""
        return tuple(intent for intent in self.trainable if not intent.context_filter)

    def to_json(self) -> dict[str, Any]:
        """Return the catalog as plain JSON values; `from_json` reads them back."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "IntentCatalog":
        """Read what `to_json` returned.

        Raises
        ------
        KeyError, TypeError
            The value is not what `to_json` returns.
        """
        return cls(
            intents=tuple(
                Intent(
                    tag=entry["tag"],
                    patterns=tuple(entry["patterns"]),
                    responses=tuple(entry["responses"]),
                    context_set=tuple(entry["context_set"]),
                    context_filter=tuple(entry["context_filter"]),
                )
                for entry in value["intents"]
            ),
            fallback_responses=tuple(value["fallback_responses"]),
        )


def spoken_list(items: Sequence[str], most: int) -> str:
    """Return at most `most` items as words: ``"rules, roles and more"``."""
    if len(items) > most:
        return f"{', '.join(items[:most])} and more"
    if len(items) > 1:
        return f"{', '.join(items[:-1])} and {items[-1]}"
    return "".join(items)
