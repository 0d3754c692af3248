"""The file format of catalogs: the one source of what a file may hold, and of `schema.json` for editors.

The models say what a field may look like; what fields mean to each other is checked later (`intents.checks`).
A string stands for a list of one, null for nothing, and short forms for what they are short for.
"""

import math
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, TypeAdapter

from intents.catalog import EntityType
from intents.phrases import PhraseName
from intents.scalars import plain

MOST_CHOICES = 25
"""Buttons under one Discord message."""

MOST_TITLE = 80
"""Characters on a button of Discord's."""


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 - whatever a file holds
    """Return a list of what is there: null is nothing, and anything else but a list is a list of one."""
    return [item for item in (value if isinstance(value, list) else [value]) if item is not None]


def _full(texts: list[str]) -> list[str]:
    return [text for text in texts if text]


def _short_for(field: str, kinds: type | tuple[type, ...] = str) -> BeforeValidator:
    """Take a value of these kinds for an object with one field."""
    return BeforeValidator(lambda value: {field: value} if isinstance(value, kinds) else value)


def _json_value(value: Any) -> Any:  # noqa: ANN401 - whatever a file holds
    value = plain(value)
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, float) and not math.isfinite(item):
            raise ValueError("not a finite number: JSON cannot hold it")
        pending += item.values() if isinstance(item, dict) else item if isinstance(item, list) else []
    return value


def _named(value: Any) -> Any:  # noqa: ANN401 - whatever a file holds
    """Take a list of values for an object of values without synonyms."""
    return {item: [] for item in value if item is not None} if _is_list_of_texts(value) else value


def _is_list_of_texts(value: Any) -> bool:  # noqa: ANN401 - whatever a file holds
    return isinstance(value, list) and all(item is None or isinstance(item, str) for item in value)


def _any_value(value: Any) -> Any:  # noqa: ANN401 - whatever a file holds
    return [] if value == "any" else value


Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value, json_schema_input_type=str | None)]
Texts = Annotated[
    list[str], BeforeValidator(_listed, json_schema_input_type=str | list[str] | None), AfterValidator(_full)
]
JsonValue = Annotated[Any, BeforeValidator(_json_value), PlainSerializer(lambda value: value)]
Name = Annotated[str, Field(pattern=r"^[^\W\d]\w*$")]
"""What placeholders can name."""

Language = Annotated[str, Field(pattern="^[a-z]{2,3}$", description="An IETF tag without region, such as de.")]
Platform = Literal["console", "discord", "telegram"]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]


class Model(BaseModel):
    """What every part of a file shares: unknown fields are told, texts are stripped."""

    model_config = ConfigDict(
        extra="forbid", str_strip_whitespace=True, allow_inf_nan=False, populate_by_name=True, defer_build=True
    )


Values = Annotated[
    dict[str, Texts],
    BeforeValidator(_named, json_schema_input_type=dict[str, str | list[str] | None] | list[str]),
]


class EntityEntry(Model):
    """A kind of value that messages hold."""

    type: EntityType = Field(default=EntityType.TEXT, description="How it is recognised.")
    values: Values = Field(default={}, description="Of a choice: its values, each with its synonyms.")
    regex: str | None = Field(default=None, description="Of a regex: what the whole value must match.")
    least: float | None = Field(default=None, description="Of a number: the smallest that fits.")
    most: float | None = Field(default=None, description="Of a number: the largest that fits.")


class SlotEntry(Model):
    """A value that the intent needs before it is answered."""

    name: Name = Field(description="What placeholders and annotations call it.")
    type: str = Field(default="text", description="A type, or the name of an entity.")
    values: Values = Field(default={}, description="Of a choice: its values, each with its synonyms.")
    regex: str | None = Field(default=None, description="Of a regex: what the whole value must match.")
    least: float | None = Field(default=None, description="Of a number: the smallest that fits.")
    most: float | None = Field(default=None, description="Of a number: the largest that fits.")
    prompt: Texts = Field(default=[], description="Questions that ask for it, one of which is chosen.")
    required: bool = Field(default=True, description="Whether it is asked for.")
    invalid: Texts = Field(default=[], description="What is said of a value that does not fit.")


Slots = Annotated[list[SlotEntry], BeforeValidator(_listed, json_schema_input_type=list[SlotEntry] | None)]
SlotValues = Annotated[
    Texts, BeforeValidator(_any_value, json_schema_input_type=str | list[str]), Field(description="any: any value.")
]


class WhenEntry(Model):
    """When a response may be chosen: all of it must hold."""

    platform: Annotated[
        list[Platform], BeforeValidator(_listed, json_schema_input_type=Platform | list[Platform] | None)
    ] = Field(default=[], description="Where the member writes.")
    language: Annotated[
        list[Language], BeforeValidator(_listed, json_schema_input_type=Language | list[Language] | None)
    ] = Field(default=[], description="What the member speaks.")
    slots: dict[str, SlotValues] = Field(default={}, description="What slots hold: a value, a list of values, or any.")


class ChoiceEntry(Model):
    """A button under a response, or a numbered option."""

    title: Annotated[str, Field(min_length=1, max_length=MOST_TITLE)] = Field(description="What it says.")
    intent: str | None = Field(default=None, description="The tag that it leads to; without, the title is sent.")


Choices = Annotated[
    list[Annotated[ChoiceEntry, _short_for("title")]],
    BeforeValidator(_listed, json_schema_input_type=list[str | ChoiceEntry] | None),
    Field(max_length=MOST_CHOICES),
]


class ResponseEntry(Model):
    """One answer."""

    text: Text = Field(default="", description="What is said; may hold placeholders in braces.")
    when: Annotated[WhenEntry, BeforeValidator(lambda value: {} if value is None else value)] = Field(
        default=WhenEntry(), description="When it may be chosen."
    )
    choices: Choices = Field(default=[], description="What the member may press next.")
    image: Texts = Field(default=[], description="Pictures: https addresses, or paths relative to this file.")
    file: Texts = Field(default=[], description="Files: https addresses, or paths relative to this file.")


Responses = Annotated[
    list[Annotated[ResponseEntry, _short_for("text")]],
    BeforeValidator(_listed, json_schema_input_type=str | ResponseEntry | list[str | ResponseEntry] | None),
    AfterValidator(lambda entries: [one for one in entries if one.text or one.model_fields_set != {"text"}]),
]


class ContextEntry(Model):
    """A context that answering activates."""

    name: str = Field(description="As context_filter names it.")
    lifespan: Annotated[int, Field(ge=1)] | None = Field(default=None, description="Messages for which it is active.")
    ttl_s: Annotated[float, Field(gt=0)] | None = Field(default=None, description="Seconds for which it is active.")


Contexts = Annotated[
    list[Annotated[ContextEntry, _short_for("name")]],
    BeforeValidator(_listed, json_schema_input_type=str | ContextEntry | list[str | ContextEntry] | None),
    AfterValidator(lambda entries: [one for one in entries if one.name]),
]


class ActionEntry(Model):
    """Code or an endpoint that is called before the intent is answered."""

    call: str | None = Field(default=None, description="A function: module:function.")
    arguments: dict[str, JsonValue] = Field(default={}, description="Of the function, by name.")
    url: str | None = Field(default=None, description="An endpoint.")
    method: Method = Field(default="GET", description="Of the request.")
    body: JsonValue = Field(default=None, description="Sent as JSON.")
    headers: dict[str, str] = Field(default={}, description="Of the request; {env:NAME} takes a secret.")
    allow_private: bool = Field(default=False, description="Whether the endpoint may be at a private address.")
    timeout_s: Annotated[float, Field(gt=0, le=60)] = Field(default=5.0, description="Seconds that it may take.")
    apology: str | None = Field(default=None, description="Answers when it fails.")


class IntentFields(Model):
    """What intents and follow-ups share."""

    title: Text = Field(default="", description="What buttons and help call it.")
    patterns: Texts = Field(default=[], description="Examples of how people ask it.")
    slots: Slots = Field(default=[], description="Values that it needs.")
    responses: Responses = Field(default=[], description="Answers, one of which is chosen.")
    context_set: Contexts = Field(default=[], description="Contexts that answering activates.")
    context: Contexts = Field(default=[], description="Another name of context_set.")
    context_filter: Texts = Field(default=[], description="Contexts of which one must be active.")
    action: ActionEntry | None = Field(default=None, description="What is called before it answers.")
    handoff: bool = Field(default=False, description="Whether it offers to pass the member on to a person.")
    followups: "dict[str, FollowUp]" = Field(default={}, description="What may be said next, by name.")


class FollowUpEntry(IntentFields):
    """An intent that is understood right after another one."""


FollowUp = Annotated[
    FollowUpEntry,
    BeforeValidator(
        lambda value: {} if value is None else {"responses": value} if isinstance(value, str | list) else value,
        json_schema_input_type=str | list[str | ResponseEntry] | FollowUpEntry | None,
    ),
]
"""A follow-up; a string or a list is its responses."""


class IntentEntry(IntentFields):
    """One thing that people ask, and what to answer."""

    tag: Annotated[str, Field(min_length=1)] = Field(description="Its name, unique in the catalog.")


class FallbackEntry(Model):
    """What is said where no intent matches."""

    responses: Responses = Field(default=[], description="Answers of the first stage.")
    did_you_mean: Text = Field(default="Did you mean:", description="Introduces the likely topics; empty offers none.")
    help: Texts = Field(default=[], description="Answers of the second message in a row that matches nothing.")
    handoff: bool = Field(default=False, description="Whether the third offers to pass the member on to a person.")


class FileHead(Model):
    """What stands beside the intents of a file."""

    json_schema: str | None = Field(default=None, alias="$schema", description="For editors; not read.")
    language: Language | None = Field(default=None, description="Of those who are understood here.")
    entities: dict[Name, EntityEntry] = Field(default={}, description="Kinds of values, for all files.")
    fallback: FallbackEntry | None = Field(default=None, description="What is said where no intent matches.")
    phrases: dict[PhraseName, Text] = Field(
        default={},
        description="What the bot says of itself, in other words, for the language of this file.",
    )


class CatalogFile(FileHead):
    """A file of intents."""

    intents: list[IntentEntry] = Field(default=[], description="What people ask, and what to answer.")


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a file, as `schema.json` holds it."""
    schema = TypeAdapter(CatalogFile).json_schema(by_alias=True, mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema
