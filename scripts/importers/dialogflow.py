"""Exports of Dialogflow ES: an archive, or its directory, into one bot a language."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from intents.catalog import Entity, EntityType
from scripts.importers.dialogflow_building import build_language
from scripts.importers.documents import Node, read_json
from scripts.importers.drafts import Bot, Ledger, clean
from scripts.importers.sources import ImportSourceError, Source, SourceFile

_SAYS = re.compile(r"(?P<name>.+)_usersays_(?P<language>[A-Za-z]{2,3}(?:-[A-Za-z]+)?)$")
_ENTRIES = re.compile(r"(?P<name>.+)_entries_(?P<language>[A-Za-z]{2,3}(?:-[A-Za-z]+)?)$")
_CX = frozenset({"flows", "playbooks"})


@dataclass(slots=True)
class Said:
    """An example and the file that it stands in."""

    node: Node
    file: str


@dataclass(slots=True)
class AgentIntent:
    """An intent of an agent, and its examples by language."""

    root: Node
    file: str
    says: dict[str, list[Said]] = field(default_factory=lambda: defaultdict(list))

    @property
    def name(self) -> str:
        """Return its name."""
        return clean(self.root["name"].text) or PurePosixPath(self.file).stem


@dataclass(slots=True)
class Agent:
    """An export: its intents by id, and its entities by name and language."""

    language: str = "en"
    languages: list[str] = field(default_factory=list)
    intents: dict[str, AgentIntent] = field(default_factory=dict)
    entities: dict[str, dict[str, Entity]] = field(default_factory=lambda: defaultdict(dict))


def is_agent(source: Source) -> bool:
    """Whether a source holds an agent."""
    inside = [file.path for file in source.files if file.path.suffix == ".json"]
    return any(_folder(path) == "intents" and _SAYS.match(path.stem) for path in inside) or (
        any(path.name == "agent.json" for path in inside) and any(_folder(path) == "intents" for path in inside)
    )


def read_dialogflow(source: Source, ledger: Ledger) -> list[Bot]:
    """Return a bot for each language of an agent, its own first.

    Raises
    ------
    ImportSourceError
        There is no intent in it.
    """
    agent, faults = Agent(), list[str]()
    roots: list[tuple[SourceFile, Node]] = []
    for file in source.files:
        if file.path.suffix != ".json":
            continue
        try:
            roots.append((file, read_json(file.text(), file.name)))
        except ImportSourceError as error:
            faults.append(str(error))
    for file, root in roots:
        _read_file(file, root, agent, ledger)
    for file, root in roots:
        _read_says(file, root, agent, ledger)
    if not agent.intents:
        what = "it is of Dialogflow CX, which is not read" if _is_cx(source) else "holds no intents of Dialogflow ES"
        raise ImportSourceError(faults[0] if faults else f"{source.path}: {what}")
    for fault in faults:
        place, _, why = fault.partition(": ")
        ledger.note(place, "file", f"not read: {why}")
    spoken = {language for intent in agent.intents.values() for language in intent.says}
    languages = [agent.language, *sorted(spoken - {agent.language})]
    ledger.find("intents", len(agent.intents))
    bots = [build_language(agent, language, ledger, is_first=language == agent.language) for language in languages]
    return [bot for bot in bots if bot.drafts or bot.fallback]


def _folder(path: PurePosixPath) -> str:
    return path.parent.name


def _is_cx(source: Source) -> bool:
    return any(_CX & set(file.path.parts) for file in source.files)


def _read_file(file: SourceFile, root: Node, agent: Agent, ledger: Ledger) -> None:
    stem, folder = file.path.stem, _folder(file.path)
    entries = _ENTRIES.match(stem)
    if file.path.name == "agent.json":
        agent.language = (root["language"].text or "en").lower()
    elif folder == "intents" and not _SAYS.match(stem) and "responses" in root:
        key = root["id"].text or file.name
        agent.intents[key] = AgentIntent(root, file.name)
    elif folder == "entities" and entries is not None:
        ledger.find("entities")
        agent.entities[entries["name"]][entries["language"].lower()] = _entity(root, file, ledger)
    elif folder == "entities" and "entries" in root:  # of older exports
        ledger.find("entities")
        language = agent.language
        agent.entities[root["name"].text or stem][language] = _entity(root["entries"], file, ledger)
    elif folder == "entities" and (root["isRegexp"].flag or root["isEnum"].flag):
        kind = "regex" if root["isRegexp"].flag else "composite"
        ledger.note(f"{file.name}:{root.line}", f"entity {stem}", f"is of kind {kind}: look over what became of it")


def _entity(root: Node, file: SourceFile, ledger: Ledger) -> Entity:
    values: dict[str, tuple[str, ...]] = {}
    taken: set[str] = set()
    patterns: list[str] = []
    for entry in root:
        value = clean(entry["value"].text)
        synonyms = [clean(one.text) for one in entry["synonyms"].each()]
        if any("@" in one and ":" in one for one in (value, *synonyms)):
            place = f"{file.name}:{entry.line}"
            ledger.lose("composite values", place, repr(value), "left out: it is made of other entities")
            ledger.find("composite values")
        elif value and value.casefold() not in taken:
            patterns.append(value)
            taken.add(value.casefold())
            values[value] = tuple(_new(synonyms, taken))
    is_regex = bool(patterns) and all(re.search(r"\\[dwsb]|\[[^\]]+\]|\(\?", one) for one in patterns)
    if is_regex:
        joined = "|".join(f"(?:{one})" for one in patterns) if len(patterns) > 1 else patterns[0]
        try:
            re.compile(joined)
        except (re.error, OverflowError, RecursionError):
            is_regex = False
        else:
            return Entity(EntityType.REGEX, regex=joined)
    return Entity(EntityType.CHOICE, values) if values else Entity(EntityType.TEXT)


def _new(texts: list[str], taken: set[str]) -> Iterator[str]:
    for text in texts:
        if text and text.casefold() not in taken:
            taken.add(text.casefold())
            yield text


def _read_says(file: SourceFile, root: Node, agent: Agent, ledger: Ledger) -> None:
    """Give the examples of a file to their intent, which they name by the file's own name."""
    if _folder(file.path) != "intents":
        return
    says = _SAYS.match(file.path.stem)
    if says is None:
        intent = agent.intents.get(root["id"].text)
        if intent is not None and root["userSays"].is_list:  # of older exports
            intent.says[agent.language] += [Said(one, file.name) for one in root["userSays"]]
            ledger.find("patterns", len(list(root["userSays"])))
        return
    ledger.find("patterns", len(list(root)))
    beside = file.name.removesuffix(f"{file.path.stem}{file.path.suffix}") + says["name"] + ".json"
    found = next((one for one in agent.intents.values() if one.file == beside), None)
    if found is None:
        place = f"{file.name}:{root.line}"
        ledger.lose("patterns", place, "the examples", "left out: their intent is not there", len(list(root)))
    else:
        found.says[says["language"].lower()] += [Said(one, file.name) for one in root]
