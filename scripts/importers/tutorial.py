"""The intents file of tutorials, in its many spellings: tag or intent, patterns or text, a list or a mapping."""

import re
from collections.abc import Iterator

from intents.catalog import Response, SetContext
from scripts.importers.documents import Node, read_json
from scripts.importers.drafts import Answer, Bot, Draft, Ledger, Text, clean, plain_pattern, slug, unused
from scripts.importers.sources import ImportSourceError, Source, SourceFile

LISTS = ("intents", "ourIntents", "data", "intent", "faqs", "questions")
TAGS = ("tag", "intent", "name", "label", "title", "category", "class", "topic")
PATTERNS = (
    "patterns", "pattern", "text", "texts", "utterances", "examples", "questions", "question", "inputs", "input",
    "phrases", "trainingPhrases", "training_phrases",
)  # fmt: skip
RESPONSES = ("responses", "response", "answers", "answer", "replies", "reply", "outputs", "output")
SETS = ("context_set", "context", "set_context")
FILTERS = ("context_filter", "filter_context", "context_required")
FALLBACK_TAGS = frozenset({"noanswer", "no_answer", "fallback", "default_fallback", "default"})
_KNOWN = frozenset((*TAGS, *PATTERNS, *RESPONSES, *SETS, *FILTERS))
_NAMES = re.compile(r"<HUMAN>|%HUMAN%|%%HUMAN%%", re.IGNORECASE)
"""How some of these files write the member's name."""


def read_tutorial(source: Source, ledger: Ledger) -> list[Bot]:
    """Return the bot of all JSON files of a source that hold intents.

    Raises
    ------
    ImportSourceError
        None does.
    """
    bot = Bot()
    by_tag: dict[str, Draft] = {}
    faults: list[ImportSourceError] = []
    for file in source.files:
        if file.path.suffix.lower() not in {".json", ".txt", ""}:
            continue
        try:
            root = read_json(file.text(), file.name)
            entries = list(entries_of(root))
            if not entries:
                faults.append(ImportSourceError(f'{file.name}: no list of intents: expected {{"intents": [...]}}'))
        except ImportSourceError as error:
            faults.append(error)
            continue
        for tagged in entries:
            _read_entry(tagged, file, bot, by_tag, ledger)
    if not by_tag and not bot.fallback:
        raise faults[0] if faults else ImportSourceError(f"{source.path}: holds no JSON file of intents")
    for fault in faults:
        place, _, why = str(fault).partition(": ")
        ledger.note(place, "file", f"not read: {why}")
    bot.drafts = list(by_tag.values())
    return [bot]


def entries_of(root: Node) -> Iterator[tuple[str, Node]]:
    """Yield the intents of a document, each with the tag that stands outside it, if any."""
    lists = [root, *(root[name] for name in LISTS)]
    found = next((one for one in lists if one.is_list and any(_is_entry(item) for item in one)), None)
    if found is not None:
        yield from (("", item) for item in found)
        return
    for mapping in (root["intents"], root):
        if any(_is_entry(item) for _, item in mapping.items()):
            yield from ((tag, item) for tag, item in mapping.items() if item.is_mapping)
            return


def _is_entry(node: Node) -> bool:
    return any(name in node for name in PATTERNS) or ("tag" in node and any(name in node for name in RESPONSES))


def _read_entry(tagged: tuple[str, Node], file: SourceFile, bot: Bot, by_tag: dict[str, Draft], ledger: Ledger) -> None:
    outside, entry = tagged
    place = f"{file.name}:{entry.line}"
    ledger.find("intents")
    if not entry.is_mapping:
        ledger.lose("intents", place, "an entry of the list", "left out: not an object with patterns")
        return
    tag = _tag(outside, entry, place, by_tag, ledger)
    patterns = [Text(plain_pattern(one.text), f"{file.name}:{one.line}") for one in _texts(entry, PATTERNS)]
    answers = [_answer(one, file) for one in _texts(entry, RESPONSES)]
    ledger.find("patterns", len(patterns))
    ledger.find("responses", len(answers))
    for name, value in entry.items():
        if name not in _KNOWN and not _is_empty(value):
            ledger.note(f"{file.name}:{value.line}", f'field "{name}" of {tag}', "has no counterpart: left out")
    if tag.casefold() in FALLBACK_TAGS and not any(one.text for one in patterns):
        bot.fallback += answers
        return
    draft = by_tag.setdefault(tag, Draft(tag, place))
    if draft.place != place:
        ledger.note(place, f"intent {tag}", f"joined with that of {draft.place}, which bears the same tag")
    title = " ".join(clean(entry["title"].text).split())
    draft.title = draft.title or (title if title not in {tag, tag.replace("_", " ")} else "")
    draft.patterns += [one for one in patterns if one.text]
    draft.answers += answers
    _contexts(entry, draft, file, ledger)


def _tag(outside: str, entry: Node, place: str, by_tag: dict[str, Draft], ledger: Ledger) -> str:
    written = outside or next((entry[name].text for name in TAGS if entry[name].text), "")
    tag = clean(written).replace(".", "_")
    if not tag.isprintable() or not slug(tag):
        tag = unused("intent", by_tag)
        ledger.note(place, f"an intent tagged {written!r}", f"named {tag}: give it a better name")
    return tag


def _texts(entry: Node, names: tuple[str, ...]) -> Iterator[Node]:
    for name in names:
        for one in entry[name].each():
            text = one["text"] if one.is_mapping else one
            if text.text:
                yield text


def _answer(node: Node, file: SourceFile) -> Answer:
    return Answer(Response(_NAMES.sub("{display_name}", clean(node.text))), f"{file.name}:{node.line}")


def _contexts(entry: Node, draft: Draft, file: SourceFile, ledger: Ledger) -> None:
    """Read contexts: texts, or the object with "in" and "out" that some of these files have."""
    for names, is_filter in ((SETS, False), (FILTERS, True)):
        for name in names:
            node = entry[name]
            values = [(one, is_filter) for one in node.each()]
            values += [(one, True) for one in node["in"].each()] + [(one, False) for one in node["out"].each()]
            for value, required in values:
                context = clean(value.text)
                if not context:
                    continue
                ledger.find("contexts")
                if required:
                    draft.context_filter += [context] if context not in draft.context_filter else []
                else:
                    draft.context_set.append(SetContext(context))
            if node["clear"].flag:
                ledger.note(f"{file.name}:{node.line}", f"context of {draft.tag}", "is not cleared: contexts run out")


def _is_empty(node: Node) -> bool:
    """Whether a field says nothing, such as ``""``, ``"NA"``, ``[]`` or an object of such."""
    if node.is_mapping:
        return all(_is_empty(one) for _, one in node.items())
    return all(one.text in {"", "NA", "false"} and not one.is_mapping for one in node.each())
