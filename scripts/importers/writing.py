"""A bot as a catalog's file: YAML with comments, in the order in which people read it."""

import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import LiteralScalarString

from intents.catalog import Choice, Entity, Response, SetContext
from scripts.importers.drafts import Answer, Bot, Draft, DraftSlot, Note, Text

_NEVER_FOLD = 1_000_000


def to_yaml(bot: Bot, header: Sequence[str]) -> str:
    """Return a bot as the text of a catalog's file, with a comment at its head."""
    document = CommentedMap()
    if bot.language:
        document["language"] = bot.language
    if bot.entities:
        document["entities"] = CommentedMap((name, _entity(entity)) for name, entity in bot.entities.items())
    intents = CommentedSeq(_intent(draft) for draft in bot.drafts)
    for number, draft in enumerate(bot.drafts):
        before = ("\n" if number else "") + draft.comment
        if number or draft.comment:
            intents.yaml_set_comment_before_after_key(number, before=before, indent=2)
    document["intents"] = intents
    if bot.fallback:
        document["fallback"] = CommentedMap(responses=_responses(bot.fallback))
    for name in list(document)[1:]:
        document.yaml_set_comment_before_after_key(name, before="\n")
    stream = io.StringIO()
    _writer().dump(document, stream)
    comment = "".join(f"# {line}\n" if line else "#\n" for line in header)
    return f"{comment}\n{stream.getvalue()}"


def _writer() -> YAML:
    writer = YAML()
    writer.width = _NEVER_FOLD
    writer.allow_unicode = True
    writer.indent(mapping=2, sequence=4, offset=2)
    return writer


def header_lines(source: Path, format_name: str, notes: Sequence[Note], shown: int = 40) -> list[str]:
    """Return the comment at the head of an imported file: where it is from, and what was left."""
    lines = [f"Imported from {source.name} ({format_name}) by `python -m scripts.import_intents`."]
    lines += ["Check it with `python -m scripts.validate`, then edit it as you like."]
    if notes:
        lines += ["", "Not carried over, or not as it was:"]
        inside = f"{source if source.is_dir() else source.parent}/"  # no directory of this machine
        lines += [f"- {str(note).replace(inside, '')}" for note in notes[:shown]]
    if len(notes) > shown:
        lines.append(f"- ... and {len(notes) - shown} more, which the import lists")
    return [line.replace("\n", " ") for line in lines]


def _entity(entity: Entity) -> CommentedMap:
    made = CommentedMap(type=str(entity.type))
    if entity.values:
        made["values"] = CommentedMap((value, _flow(synonyms)) for value, synonyms in entity.values.items())
    for name in ("regex", "least", "most"):
        if getattr(entity, name) is not None:
            made[name] = getattr(entity, name)
    return made


def _flow(items: Iterable[Any]) -> CommentedSeq:
    made = CommentedSeq(items)
    made.fa.set_flow_style()
    return made


def _intent(draft: Draft, *, is_followup: bool = False) -> CommentedMap:
    made = CommentedMap() if is_followup else CommentedMap(tag=draft.tag)
    if draft.title:
        made["title"] = draft.title
    if draft.patterns:
        made["patterns"] = _texts(draft.patterns)
    if draft.slots:
        made["slots"] = CommentedSeq(_slot(slot) for slot in draft.slots.values())
    if draft.answers:
        made["responses"] = _responses(draft.answers)
    if draft.context_set:
        made["context_set"] = CommentedSeq(_context(one) for one in draft.context_set)
    if draft.context_filter and not is_followup:
        made["context_filter"] = _flow(draft.context_filter)
    if draft.handoff:
        made["handoff"] = True
    if draft.followups:
        made["followups"] = _followups(draft)
    return made


def _followups(draft: Draft) -> CommentedMap:
    followups = CommentedMap((name, _intent(one, is_followup=True)) for name, one in draft.followups.items())
    for name, one in draft.followups.items():
        if one.comment:
            followups.yaml_set_comment_before_after_key(name, before=one.comment, indent=6)
    return followups


def _texts(texts: Sequence[Text]) -> CommentedSeq:
    return CommentedSeq(_text(one.text) for one in texts)


def _text(text: str) -> str:
    """Return a text in the style that reads best; several lines as a block."""
    lines = text.split("\n")
    is_block = len(lines) > 1 and all(line == line.rstrip() and line.isprintable() for line in lines)
    return LiteralScalarString(text) if is_block and not text[:1].isspace() else text


def _slot(slot: DraftSlot) -> CommentedMap:
    made = CommentedMap(name=slot.name, type=slot.type)
    if slot.prompts:
        prompts = [_text(prompt) for prompt in slot.prompts]
        made["prompt"] = prompts[0] if len(prompts) == 1 else CommentedSeq(prompts)
    if not slot.required:
        made["required"] = False
    return made


def _context(context: SetContext) -> str | CommentedMap:
    if context == SetContext(context.name):
        return context.name
    made = CommentedMap(name=context.name, lifespan=context.lifespan)
    if context.ttl_s is not None:
        made["ttl_s"] = context.ttl_s
    made.fa.set_flow_style()
    return made


def _responses(answers: Sequence[Answer]) -> CommentedSeq:
    return CommentedSeq(_response(one.response) for one in answers)


def _response(response: Response) -> str | CommentedMap:
    if response == Response(response.text):
        return _text(response.text)
    made = CommentedMap()
    if response.text:
        made["text"] = _text(response.text)
    when: dict[str, Any] = {}
    if response.when.platforms:
        when["platform"] = _one_or_more(response.when.platforms)
    if response.when.languages:
        when["language"] = _one_or_more(response.when.languages)
    if response.when.slots:
        when["slots"] = _mapping({name: _one_or_more(found or ("any",)) for name, found in response.when.slots.items()})
    if when:
        made["when"] = _mapping(when)
    for name, is_image in (("image", True), ("file", False)):
        sources = [one.source for one in response.attachments if one.is_image is is_image]
        if sources:
            made[name] = _one_or_more(sources)
    if response.choices:
        made["choices"] = CommentedSeq(_choice(choice) for choice in response.choices)
    return made


def _mapping(fields: Mapping[str, Any]) -> CommentedMap:
    made = CommentedMap(fields)
    made.fa.set_flow_style()
    return made


def _one_or_more(items: Sequence[str]) -> str | CommentedSeq:
    return items[0] if len(items) == 1 else _flow(items)


def _choice(choice: Choice) -> str | CommentedMap:
    return choice.title if choice.intent is None else _mapping({"title": choice.title, "intent": choice.intent})
