"""An agent's intents in one language: patterns, parameters, contexts, and follow-ups under their parents."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from intents.catalog import Builtin, EntityType, SetContext
from scripts.importers.dialogflow_messages import answers_of, placeholders
from scripts.importers.documents import Node
from scripts.importers.drafts import Bot, Draft, DraftSlot, Ledger, Text, clean, identifier, plain_pattern, slug, unused

if TYPE_CHECKING:
    from scripts.importers.dialogflow import Agent, AgentIntent, Said

SYSTEM = {
    "date": EntityType.DATE, "date-period": EntityType.DATE, "time": EntityType.TIME, "time-period": EntityType.TIME,
    "date-time": EntityType.DATETIME, "date-time-period": EntityType.DATETIME, "duration": EntityType.DURATION,
    "number": EntityType.NUMBER, "number-integer": EntityType.NUMBER, "cardinal": EntityType.NUMBER,
    "ordinal": EntityType.NUMBER, "age": EntityType.NUMBER, "percentage": EntityType.NUMBER,
    "unit-currency": EntityType.NUMBER, "email": EntityType.EMAIL, "url": EntityType.LINK,
}  # fmt: skip
_IGNORED = "@sys.ignore"


@dataclass(slots=True)
class _Builder:
    agent: "Agent"
    language: str
    ledger: Ledger
    is_first: bool
    bot: Bot
    tags: dict[str, str] = field(default_factory=dict)
    drafts: dict[str, Draft] = field(default_factory=dict)


def build_language(agent: "Agent", language: str, ledger: Ledger, *, is_first: bool) -> Bot:
    """Return the bot of one language; what is lost of the agent itself is told with the first alone."""
    bot = Bot(language=language.partition("-")[0])
    builder = _Builder(agent, language, ledger, is_first, bot)
    for key, intent in agent.intents.items():
        _name(builder, key, intent)
    for key, intent in agent.intents.items():
        if intent.root["fallbackIntent"].flag:
            _read_fallback(builder, intent)
        elif is_first or language in intent.says:
            builder.drafts[key] = _draft(builder, key, intent)
    for key, draft in builder.drafts.items():
        parent = builder.drafts.get(agent.intents[key].root["parentId"].text)
        if parent is not None and not _is_below(agent, agent.intents[key].root["parentId"].text, key):
            draft.tag = unused(_followup_name(agent.intents[key], agent), parent.followups)
            draft.context_filter = []
            parent.followups[draft.tag] = draft
        else:
            bot.drafts.append(draft)
    return bot


def _name(builder: _Builder, key: str, intent: "AgentIntent") -> None:
    suffix = "" if builder.is_first else f"_{identifier(builder.language)}"
    tag = slug(intent.name.replace("-", "_")).lower() or "intent"
    builder.tags[key] = unused(tag + suffix, list(builder.tags.values()))


def _is_below(agent: "Agent", key: str, wanted: str) -> bool:
    """Whether an intent descends from another; parents that go round in a circle are nobody's."""
    seen: set[str] = set()
    while key in agent.intents and key not in seen:
        if key == wanted:
            return True
        seen.add(key)
        key = agent.intents[key].root["parentId"].text
    return key in seen


def _followup_name(intent: "AgentIntent", agent: "Agent") -> str:
    """Return the name under the parent: ``Order - yes`` is its yes."""
    parent = agent.intents[intent.root["parentId"].text].name
    own = intent.name.removeprefix(parent).strip(" -_.:")
    name = identifier((own or intent.name).replace("-", "_")).lower() if slug(own or intent.name) else "more"
    return next((str(one) for one in Builtin if name == one or name.endswith(f"_{one}")), name)


def _read_fallback(builder: _Builder, intent: "AgentIntent") -> None:
    says = intent.says.get(builder.language, [])
    if says:
        why = "left out: examples of what is not meant have no counterpart"
        builder.ledger.lose("patterns", says[0].file, f"the examples of {intent.name}", why, len(says))
    if intent.root["parentId"].text or list(intent.root["contexts"].each()):
        if builder.is_first:
            why = "left out: a conversation has one fallback here, not one a context"
            builder.ledger.lose("intents", f"{intent.file}:1", f"fallback {intent.name}", why)
    elif builder.is_first:
        for response in intent.root["responses"]:
            builder.bot.fallback += answers_of(response, builder.language, {}, intent.file, builder.ledger)


def _draft(builder: _Builder, key: str, intent: "AgentIntent") -> Draft:
    draft = Draft(builder.tags[key], f"{intent.file}:{intent.root.line}", title=_title(intent, builder.tags[key]))
    parameters = _slots(builder, intent, draft)
    for said in intent.says.get(builder.language, []):
        pattern = _pattern(said, parameters, builder, draft)
        draft.patterns += [pattern] if pattern.text else []
    inherited = _parents_slots(builder, intent) | parameters
    for slot in draft.slots.values():
        slot.prompts = [placeholders(one, inherited, slot.place, builder.ledger) for one in slot.prompts]
    for response in intent.root["responses"]:
        draft.answers += answers_of(response, builder.language, inherited, intent.file, builder.ledger)
        _read_contexts(builder, response, intent, draft)
    for one in intent.root["contexts"].each():
        draft.context_filter.append(one.text)
        builder.ledger.find("contexts", builder.is_first)
    if builder.is_first:
        _tell(intent, builder.ledger)
    return draft


def _title(intent: "AgentIntent", tag: str) -> str:
    name = " ".join(intent.name.split())
    return name if name.casefold() != tag.replace("_", " ") and len(name) <= 60 and " " in name else ""  # noqa: PLR2004


def _tell(intent: "AgentIntent", ledger: Ledger) -> None:
    """Tell what of an intent has no counterpart."""
    place = f"{intent.file}:{intent.root.line}"
    if intent.root["webhookUsed"].flag:
        ledger.find("webhooks")
        why = "left out: an intent may call an endpoint of its own (action, url); the answers in the agent are kept"
        ledger.lose("webhooks", place, f"the webhook of {intent.name}", why)
    if not intent.says and intent.root["events"].is_list and list(intent.root["events"]):
        ledger.note(place, f"intent {intent.name}", "begins with an event of its platform, which has no counterpart")


def _slots(builder: _Builder, intent: "AgentIntent", draft: Draft) -> dict[str, str]:
    """Read the parameters; return the names of slots by theirs."""
    names: dict[str, str] = {}
    for response in intent.root["responses"]:
        for node in response["parameters"]:
            name, place = node["name"].text, f"{intent.file}:{node.line}"
            if not name:
                continue
            builder.ledger.find("parameters", builder.is_first)
            if node["value"].text.startswith("#") or (not node["dataType"].text and not node["required"].flag):
                why = "left out: its value comes from a context or is fixed; a follow-up may use its parent's slots"
                builder.ledger.lose("parameters", place, f"parameter {name}", why, int(builder.is_first))
                continue
            slot = DraftSlot(identifier(name), _slot_type(builder, node["dataType"].text), place=place)
            slot.required = node["required"].flag
            prompts = [one for one in node["prompts"] if one["lang"].text.lower() in {"", builder.language}]
            slot.prompts = [clean(one["value"].text) for one in prompts if clean(one["value"].text)]
            names[name] = slot.name
            draft.slots[slot.name] = slot
            if node["isList"].flag:
                builder.ledger.note(place, f"parameter {name}", "takes a list there: here a slot holds one value")
    return names


def _slot_type(builder: _Builder, data_type: str) -> str:
    """Return the name of a type, or of an entity that the bot then has."""
    name = data_type.removeprefix("@")
    if name.startswith("sys."):
        return str(SYSTEM.get(name.removeprefix("sys."), EntityType.TEXT))
    by_language = builder.agent.entities.get(name, {})
    entity = by_language.get(builder.language) or by_language.get(builder.agent.language)
    if entity is None or entity.type is EntityType.TEXT:
        return str(EntityType.TEXT)
    known = identifier(name.replace("-", "_")) + ("" if builder.is_first else f"_{identifier(builder.language)}")
    known = f"{known}_value" if known in set(EntityType) else known
    builder.bot.entities[known] = entity
    return known


def _parents_slots(builder: _Builder, intent: "AgentIntent") -> dict[str, str]:
    parent = builder.agent.intents.get(intent.root["parentId"].text)
    if parent is None:
        return {}
    names = [node["name"].text for response in parent.root["responses"] for node in response["parameters"]]
    return {name: identifier(name) for name in names if name}


def _pattern(said: "Said", parameters: dict[str, str], builder: _Builder, draft: Draft) -> Text:
    written = []
    place = f"{said.file}:{said.node.line}"
    for part in said.node["data"]:
        text, alias, meta = part["text"].value, part["alias"].text, part["meta"].text
        text = text if isinstance(text, str) else ""
        if text.strip() and alias and meta != _IGNORED:
            slot = parameters.get(alias)
            if slot is None:
                slot = identifier(alias)
                draft.slots.setdefault(slot, DraftSlot(slot, _slot_type(builder, meta), place=place))
            inner = plain_pattern(text).replace("[", "(").replace("]", ")")
            written.append(f"{' ' * text.startswith(' ')}[{inner}]({slot}){' ' * text.endswith(' ')}")
        else:
            written.append(text.replace("](", "] ("))
    if said.node["isTemplate"].flag:
        builder.ledger.lose("patterns", place, "".join(written), "left out: a template of entities, not an example")
        return Text("", place)
    return Text(" ".join(clean("".join(written)).split()), place)


def _read_contexts(builder: _Builder, response: Node, intent: "AgentIntent", draft: Draft) -> None:
    for node in response["affectedContexts"]:
        name, lifespan = clean(node["name"].text), node["lifespan"].text or "5"
        place = f"{intent.file}:{node.line}"
        builder.ledger.find("contexts", builder.is_first)
        if not name:
            continue
        if lifespan.isdecimal() and 0 < int(lifespan) < 1_000:  # noqa: PLR2004 - no conversation is as long
            draft.context_set.append(SetContext(name, int(lifespan)))
        else:
            why = "left out: it ends the context there; here contexts run out by themselves"
            builder.ledger.lose("contexts", place, f"context {name} of {intent.name}", why, int(builder.is_first))
    if response["resetContexts"].flag and builder.is_first:
        builder.ledger.note(f"{intent.file}:{response.line}", intent.name, "ends all contexts there; here they run out")
