"""Intents as frozen values, independent of the file that they were read from. Standard library only."""

import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, Self, get_args, get_origin, get_type_hints

DEFAULT_FALLBACK = "I am not sure what you mean. I can help with {topics}."
"""What a catalog without fallback answers of its own says; its topics come from the tags."""

DEFAULT_LIFESPAN = 5
"""For how many messages after the one that set it a context stays active."""


class EntityType(StrEnum):
    """What a slot may hold."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    TIME = "time"
    DATETIME = "datetime"
    DURATION = "duration"
    EMAIL = "email"
    LINK = "link"
    MEMBER = "member"
    CHOICE = "choice"
    REGEX = "regex"


class Builtin(StrEnum):
    """Follow-ups that need no patterns of their own."""

    YES = "yes"
    NO = "no"
    CANCEL = "cancel"
    REPEAT = "repeat"


@dataclass(frozen=True, slots=True)
class Entity:
    """A kind of value that messages hold.

    Parameters
    ----------
    type
        How it is recognised.
    values
        Of a choice: each value, as it is shown, and its synonyms.
    regex
        Of a regular expression: what the whole value must match.
    least, most
        Of a number: its bounds, inclusive.
    """

    type: EntityType
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    regex: str | None = None
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """A value that an intent needs before it can be answered.

    Parameters
    ----------
    name
        As responses and actions name it.
    entity
        What it may hold.
    prompts
        Questions that ask for it, one of which is chosen.
    required
        Whether it is asked for; else it is taken when a message holds it.
    invalid
        What is said of a value that does not fit, before the question comes again; empty for the entity's own sentence.
    """

    name: str
    entity: Entity
    prompts: tuple[str, ...] = ()
    required: bool = True
    invalid: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """When a response may be chosen: every part that is not empty must hold.

    Parameters
    ----------
    platforms
        Names of adapters.
    languages
        IETF tags without region (``"de"``).
    slots
        Values by slot, of which it must hold one; an empty tuple asks for any value.
    """

    platforms: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    slots: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def specificity(self) -> int:
        """How many parts it has: of the responses that may be chosen, those with the most are."""
        return bool(self.platforms) + bool(self.languages) + len(self.slots)


@dataclass(frozen=True, slots=True)
class Choice:
    """A button under a response, or a numbered option where there are none.

    Parameters
    ----------
    title
        What it says.
    intent
        The tag that it leads to, past the classifier; None sends the title as the member's message.
    """

    title: str
    intent: str | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A picture or a file sent with a response.

    Parameters
    ----------
    source
        An address beginning with ``https://``, or a file's path: in the catalog's file relative to it, here absolute.
    is_image
        Whether it is shown rather than offered for download.
    """

    source: str
    is_image: bool


@dataclass(frozen=True, slots=True)
class Response:
    """One answer.

    Parameters
    ----------
    text
        May hold placeholders.
    when
        When it may be chosen.
    choices
        What the member may press next.
    attachments
        Sent with it.
    """

    text: str
    when: Condition = Condition()
    choices: tuple[Choice, ...] = ()
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class SetContext:
    """A context that answering activates.

    Parameters
    ----------
    name
        As `Intent.context_filter` names it.
    lifespan
        Messages after this one for which it stays active.
    ttl_s
        Seconds for which it stays active at most; None for the operator's figure.
    """

    name: str
    lifespan: int = DEFAULT_LIFESPAN
    ttl_s: float | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """Code or an endpoint that an intent calls before it answers. One of `call` and `url` is set.

    Parameters
    ----------
    call
        A function of the operator's, ``"module:function"``.
    arguments
        Of the function, by name; texts may hold placeholders of slots.
    url
        An endpoint; may hold placeholders, which are percent-encoded.
    method
        Of the request.
    body
        Sent as JSON; texts in it may hold placeholders.
    headers
        Of the request; ``{env:NAME}`` takes a secret from the environment.
    allow_private
        Whether the endpoint, or what it redirects to, may be at a private address.
    timeout_s
        Seconds that it may take.
    apology
        Answers when it fails.
    """

    call: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    url: str | None = None
    method: str = "GET"
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    allow_private: bool = False
    timeout_s: float = 5.0
    apology: str = "Sorry, that did not work just now. Please try again later."


@dataclass(frozen=True, slots=True)
class Intent:
    """One thing that people ask, and what to answer.

    Parameters
    ----------
    tag
        The intent's name, unique in its catalog: the class of the classifier. A follow-up's is ``parent.name``.
    patterns
        Examples of how people ask it. An intent without patterns is never chosen by the classifier.
    responses
        Answers to choose from.
    context_set
        Contexts that answering activates.
    context_filter
        Contexts of which at least one must be active; empty means always available.
    slots
        Values that it needs, in the order in which they are asked for.
    annotations
        What patterns marked as values: texts by slot (``I want to join [chess club](group)``).
    action
        What it calls before it answers.
    handoff
        Whether it offers to pass the member on to a person.
    parent
        The tag of the intent that this is a follow-up of.
    builtin
        What kind of follow-up, of those that need no patterns.
    language
        The IETF tag, without region, of those who are understood; None for everyone.
    title
        What choices and help call it; empty for the tag as people read it.
    """

    tag: str
    patterns: tuple[str, ...]
    responses: tuple[Response, ...]
    context_set: tuple[SetContext, ...] = ()
    context_filter: tuple[str, ...] = ()
    slots: tuple[Slot, ...] = ()
    annotations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    action: Action | None = None
    handoff: bool = False
    parent: str | None = None
    builtin: Builtin | None = None
    language: str | None = None
    title: str = ""

    @property
    def topic(self) -> str:
        """The intent as people read it."""
        return self.title or self.tag.replace("_", " ")


@dataclass(frozen=True, slots=True)
class IntentClass:
    """What the classifier tells apart: an intent, or one built-in follow-up of several, told apart by their contexts.

    Parameters
    ----------
    intents
        At least one.
    """

    intents: tuple[Intent, ...]

    @property
    def representative(self) -> Intent:
        """The intent that stands for all."""
        return min(self.intents, key=lambda intent: intent.tag)

    @property
    def label(self) -> str:
        """The tag that stands for all."""
        return self.representative.tag

    @property
    def patterns(self) -> tuple[str, ...]:
        """Those of all intents, each once."""
        return tuple(dict.fromkeys(pattern for intent in self.intents for pattern in intent.patterns))

    @property
    def contexts(self) -> tuple[str, ...]:
        """Contexts of which one must be active; empty means always available."""
        return tuple(dict.fromkeys(name for intent in self.intents for name in intent.context_filter))


@dataclass(frozen=True, slots=True)
class Fallback:
    """What is said to a message that matches no intent, stage by stage.

    Parameters
    ----------
    responses
        Answers of the first stage.
    did_you_mean
        Introduces the likely topics, where there are any; empty offers neither topics nor help.
    help
        Answers of the second message in a row that matches nothing; empty for examples of what can be asked.
    handoff
        Whether the third offers to pass the member on to a person.
    """

    responses: tuple[Response, ...]
    did_you_mean: str = "Did you mean:"
    help: tuple[str, ...] = ()
    handoff: bool = False


@dataclass(frozen=True, slots=True)
class IntentCatalog:
    """All intents, in the order of their file, and the answers for whatever matches none of them."""

    intents: tuple[Intent, ...]
    fallback: Fallback
    phrases: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Own words in place of `intents.phrases.PHRASES`: by language, "" being every other, and by name."""

    @property
    def trainable(self) -> tuple[Intent, ...]:
        """The intents that have patterns."""
        return tuple(intent for intent in self.intents if intent.patterns)

    @property
    def classes(self) -> tuple[IntentClass, ...]:
        """The classes of the classifier, in the order of their first intents."""
        groups: dict[tuple[str, str | None], list[Intent]] = {}
        for intent in self.trainable:
            is_shared = intent.builtin is not None and bool(intent.context_filter)
            key = (f"builtin {intent.builtin}", intent.language) if is_shared else (f"tag {intent.tag}", None)
            groups.setdefault(key, []).append(intent)
        return tuple(IntentClass(tuple(group)) for group in groups.values())

    @property
    def topics(self) -> tuple[Intent, ...]:
        """The intents that can be asked at any time."""
        return tuple(intent for intent in self.trainable if not intent.context_filter)

    def examples(self, most: int) -> tuple[str, ...]:
        """Return what people could ask: the first patterns of at most `most` topics, from the whole file."""
        topics = self.topics
        step = max(1, len(topics) // most)
        return tuple(intent.patterns[0] for intent in topics[::step][:most])

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that intents are bound to, in order of appearance."""
        return tuple(dict.fromkeys(intent.language for intent in self.intents if intent.language))

    def to_json(self) -> dict[str, Any]:
        """Return the catalog as plain JSON values; `from_json` reads them back."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what `to_json` returned.

        Raises
        ------
        KeyError, TypeError, ValueError
            The value is not what `to_json` returns.
        """
        kind: Any = cls
        catalog: Self = _reader(kind)(value)
        return catalog


Reader = Callable[[Any], Any]


@functools.cache
def _reader(kind: Any) -> Reader:  # noqa: ANN401 - any of the types above
    """Return what makes a value of one of the types above of what `asdict` and JSON made of it.

    The reader of a type is made once: a catalog holds ten thousand values.
    """
    arguments = get_args(kind)
    match get_origin(kind):
        case None:
            return _plain_reader(kind)
        case origin if origin is UnionType:
            return _optional(_reader(next(one for one in arguments if one is not NoneType)))
        case origin if origin is tuple:
            return _many(_reader(arguments[0]))
        case origin if origin is Mapping:
            return _by_name(_reader(arguments[1]))
    raise TypeError(f"no catalog holds a {kind}")


def _plain_reader(kind: Any) -> Reader:  # noqa: ANN401 - a class, or any value at all
    if kind is Any:
        return lambda value: value
    if isinstance(kind, type) and is_dataclass(kind):
        return _record(kind)
    if issubclass(kind, StrEnum):
        named: Reader = kind
        return named
    return _scalar(kind)


def _record(kind: type) -> Reader:
    kinds = get_type_hints(kind)
    readers = [(one.name, _reader(kinds[one.name])) for one in fields(kind)]

    def read(value: Any) -> Any:  # noqa: ANN401 - JSON
        if not isinstance(value, Mapping):
            raise TypeError(f"expected an object, not {value!r}")
        return kind(*[of(value[name]) for name, of in readers])

    return read


def _scalar(kind: type) -> Reader:
    def read(value: Any) -> Any:  # noqa: ANN401 - JSON
        if type(value) is str and kind is str:
            return sys.intern(value)  # the next catalog that is read holds nearly the same texts
        if kind is float and type(value) is int:
            return float(value)
        if type(value) is not kind:
            raise TypeError(f"expected {kind.__name__}, not {value!r}")
        return value

    return read


def _optional(read: Reader) -> Reader:
    return lambda value: None if value is None else read(value)


def _many(read: Reader) -> Reader:
    def read_many(value: Any) -> tuple[Any, ...]:  # noqa: ANN401 - JSON
        if not isinstance(value, list | tuple):
            raise TypeError(f"expected a list, not {value!r}")
        return tuple(map(read, value))

    return read_many


def _by_name(read: Reader) -> Reader:
    def read_all(value: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        if not isinstance(value, Mapping):
            raise TypeError(f"expected an object, not {value!r}")
        return {str(name): read(item) for name, item in value.items()}

    return read_all


def line_of(intent: Intent, by_tag: Mapping[str, Intent]) -> list[Intent]:
    """Return the intents that one follows up, the first of them first, and itself."""
    line = [intent]
    while line[0].parent is not None and line[0].parent in by_tag:
        line.insert(0, by_tag[line[0].parent])
    return line


def spoken_list(items: Sequence[str], most: int) -> str:
    """Return at most `most` items as words: ``"rules, roles and more"``."""
    if len(items) > most:
        return f"{', '.join(items[:most])} and more"
    if len(items) > 1:
        return f"{', '.join(items[:-1])} and {items[-1]}"
    return "".join(items)
