"""Rasa's domain: responses with their variations, slots and forms."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from intents.catalog import Attachment, Choice, Condition, Response
from scripts.importers.documents import Node
from scripts.importers.drafts import Answer, Ledger, clean, identifier, slug
from scripts.importers.sources import SourceFile

PLATFORMS = frozenset({"telegram", "discord", "console"})
_CARRIED = frozenset(
    {"text", "image", "buttons", "quick_replies", "channel", "condition", "attachment", "metadata", "id"}
)
_SLOT_NAME = re.compile(r"\{([^{}]+)\}")
_UTTER = "utter_"


class Mapping(NamedTuple):
    """What fills a slot."""

    type: str
    entity: str
    value: str


@dataclass(frozen=True, slots=True)
class DomainSlot:
    """A slot of the domain."""

    type: str
    values: tuple[str, ...] = ()
    mappings: tuple[Mapping, ...] = ()
    least: float | None = None
    most: float | None = None


@dataclass(slots=True)
class Domain:
    """All domain files of a project."""

    intents: dict[str, str] = field(default_factory=dict)
    slots: dict[str, DomainSlot] = field(default_factory=dict)
    forms: dict[str, list[str]] = field(default_factory=dict)
    coded_forms: dict[str, str] = field(default_factory=dict)
    responses: dict[str, list[Answer]] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def answers(self, name: str) -> list[Answer]:
        """Return the variations of a response, which then count as carried over."""
        self.used.add(name)
        return self.responses.get(name, [])

    def first(self, *names: str) -> list[Answer]:
        """Return the variations of the first of some responses that exists."""
        name = next((one for one in names if one in self.responses), None)
        return [] if name is None else self.answers(name)


def tag_of(intent: str) -> str:
    """Return the tag of an intent; that of a retrieval intent, ``faq/hours``, becomes ``faq_hours``."""
    return slug(intent.replace("/", "_").replace(".", "_")) or "intent"


def is_domain(root: Node) -> bool:
    """Whether a document is a domain, or a part of one."""
    return any(name in root for name in ("responses", "templates", "slots", "forms", "actions", "intents"))


def read_domain(root: Node, file: SourceFile, domain: Domain, ledger: Ledger) -> None:
    """Read the parts of a domain that a document holds."""
    for entry in root["intents"]:
        name = entry.text or next((name for name, _ in entry.items()), "intent")
        domain.intents.setdefault(name, f"{file.name}:{entry.line}")
    for name, entry in root["slots"].items():
        if name not in domain.slots and name not in {"requested_slot", "session_started_metadata"}:
            ledger.find("slots")
        _read_slot(name, entry, domain)
    for name in (one.text for one in root["forms"] if one.text):
        ledger.find("forms")
        domain.coded_forms[name] = f"{file.name}:{root['forms'].line}"
    for name, entry in root["forms"].items():
        _read_form(name, entry, domain, ledger)
    _read_responses(root, file, domain, ledger)


def _read_responses(root: Node, file: SourceFile, domain: Domain, ledger: Ledger) -> None:
    for part in ("responses", "templates"):
        for name, variations in root[part].items():
            for variation in variations.each():
                ledger.find("responses")
                answer = _variation(variation, name, file, ledger)
                if answer is not None:
                    domain.responses.setdefault(name, []).append(answer)


def _read_slot(name: str, entry: Node, domain: Domain) -> None:
    values = tuple(clean(one.text) for one in entry["values"].each() if one.text)
    bounds = [_number(entry[bound]) for bound in ("min_value", "max_value")]
    slot_type = entry["type"].text.rpartition(".")[2].lower()
    domain.slots[name] = DomainSlot(slot_type, values, tuple(_mappings(entry["mappings"])), *bounds)


def _mappings(node: Node) -> Sequence[Mapping]:
    found = []
    for one in node:
        role = one["role"].text
        entity = one["entity"].text + (f"_{role}" if role else "")
        found.append(Mapping(one["type"].text, entity, one["value"].text))
    return found


def _number(node: Node) -> float | None:
    try:
        return float(node.text) if node.text else None
    except ValueError:
        return None


def _read_form(name: str, entry: Node, domain: Domain, ledger: Ledger) -> None:
    """Read a form: of Rasa 3 a list of slots, of Rasa 2 slots with their mappings."""
    ledger.find("forms")
    required = entry["required_slots"] if entry["required_slots"].value is not None else entry
    slots = [one.text for one in required if one.text]
    for slot, mappings in required.items():
        if slot in {"ignored_intents", "required_slots"}:
            continue
        slots.append(slot)
        known = domain.slots.get(slot, DomainSlot("text"))
        domain.slots[slot] = replace(known, mappings=(*known.mappings, *_mappings(mappings)))
    domain.forms[name] = slots


def _variation(node: Node, name: str, file: SourceFile, ledger: Ledger) -> Answer | None:
    place = f"{file.name}:{node.line}"
    text = clean(node["text"].text if node.is_mapping else node.text)
    attachments = _attachments(node, place, ledger)
    for field_name, value in node.items():
        if field_name not in _CARRIED and (value.text or value.is_mapping or value.is_list):
            ledger.lose(
                "platform payloads", place, f'"{field_name}" of {name}', "left out: it is of one platform's own"
            )
            ledger.find("platform payloads")
    platform = node["channel"].text
    if platform and platform not in PLATFORMS:
        ledger.lose("responses", place, f"a variation of {name} for {platform}", "left out: no such platform here")
        return None
    choices, links = _buttons(node, place, ledger)
    text = "\n".join([text, *links]).strip()
    if not text and not attachments and choices:
        text = "Please choose:"
    if not text and not attachments:
        ledger.lose("responses", place, f"a variation of {name}", "left out: it has neither text nor picture")
        return None
    when = Condition((platform,) if platform else (), (), _conditions(node["condition"], place, ledger))
    return Answer(Response(text, when, choices, attachments), place)


def _attachments(node: Node, place: str, ledger: Ledger) -> tuple[Attachment, ...]:
    attachments: tuple[Attachment, ...] = ()
    for part, is_image in (("image", True), ("attachment", False)):
        for address in node[part].each():
            source = address.text
            if source.startswith("http://"):
                ledger.note(place, f"{part} {source}", "is given as https, the only kind of address that is sent")
                source = source.replace("http://", "https://", 1)
            if source.startswith("https://"):
                attachments = (*attachments, Attachment(source, is_image))
            elif source:
                ledger.lose(
                    "pictures and files", place, f"{part} {source}", "left out: add the file beside the catalog"
                )
            ledger.find("pictures and files", bool(source))
    return attachments


def _conditions(node: Node, place: str, ledger: Ledger) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for one in node:
        ledger.find("conditions")
        name, value = one["name"].text, one["value"].text
        if one["type"].text == "slot" and name and value:
            found[identifier(name)] = (clean(value),)
        else:
            ledger.lose(
                "conditions", place, "a condition", "left out: only that a slot holds a value has a counterpart"
            )
    return found


def _buttons(node: Node, place: str, ledger: Ledger) -> tuple[tuple[Choice, ...], list[str]]:
    """Return buttons as choices, and those that lead to a page as lines of text."""
    choices, links = list[Choice](), list[str]()
    for part in ("buttons", "quick_replies"):
        for button in node[part]:
            title, payload = clean(button["title"].text), button["payload"].text
            address = button["url"].text or (payload if payload.startswith("http") else "")
            ledger.find("choices")
            if address:
                links.append(f"{title}: {address}" if title else address)
            elif not title:
                ledger.lose("choices", place, f"a button of payload {payload!r}", "left out: it has no title")
            else:
                choices.append(_choice(title, payload, place, ledger))
    return tuple(choices), links


def _choice(title: str, payload: str, place: str, ledger: Ledger) -> Choice:
    if not payload.startswith("/"):
        return Choice(title)
    intent, brace, _ = payload[1:].partition("{")
    if intent.startswith("SetSlots(") or brace:
        why = "carries values: pressed, its title is sent as a message, in which the value is looked for"
        ledger.note(place, f"button {title!r}", why)
        return Choice(title)
    return Choice(title, tag_of(intent.strip()))


def joined(domain: Domain, names: Sequence[str]) -> list[Answer]:
    """Return what several responses in a row say, as variations of one."""
    rows = [answers for name in names if (answers := domain.answers(name))]
    if len(rows) < 2:  # noqa: PLR2004 - nothing to join
        return rows[0] if rows else []
    combined = []
    for number in range(max(map(len, rows))):
        parts = [row[number % len(row)] for row in rows]
        responses = [part.response for part in parts]
        slots = {name: values for one in responses for name, values in one.when.slots.items()}
        platforms = next((one.when.platforms for one in responses if one.when.platforms), ())
        combined.append(
            Answer(
                Response(
                    "\n\n".join(one.text for one in responses if one.text),
                    Condition(platforms, (), slots),
                    tuple(choice for one in responses for choice in one.choices),
                    tuple(attachment for one in responses for attachment in one.attachments),
                ),
                parts[0].place,
            )
        )
    return combined


def with_safe_names(answer: Answer) -> Answer:
    """Return an answer whose placeholders name slots as they are named here."""
    text = _SLOT_NAME.sub(
        lambda match: "{" + identifier(match[1]) + "}" if re.match(r"[\w -]+$", match[1]) else match[0],
        answer.response.text,
    )
    return answer._replace(response=replace(answer.response, text=text))
