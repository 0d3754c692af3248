"""What the slots of a Rasa project may hold, decided from its domain and its training data."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from intents.catalog import Entity, EntityType
from scripts.importers.drafts import DraftSlot, Ledger, identifier, unused
from scripts.importers.rasa_domain import Domain, DomainSlot
from scripts.importers.rasa_training import Training

KNOWN = {
    "time": EntityType.DATETIME, "date": EntityType.DATE, "datetime": EntityType.DATETIME, "day": EntityType.DATE,
    "number": EntityType.NUMBER, "ordinal": EntityType.NUMBER, "amount-of-money": EntityType.NUMBER,
    "cardinal": EntityType.NUMBER, "distance": EntityType.NUMBER, "temperature": EntityType.NUMBER,
    "duration": EntityType.DURATION, "email": EntityType.EMAIL, "url": EntityType.LINK,
}  # fmt: skip
"""Entities by the names that extractors give them, Duckling's among them."""

YES_NO = Entity(
    EntityType.CHOICE,
    {"yes": ("y", "yeah", "yep", "sure", "ok", "true"), "no": ("n", "nope", "no thanks", "never", "false")},
)


@dataclass(slots=True)
class SlotTypes:
    """Decides once on every slot; the entities that it makes for them are shared."""

    domain: Domain
    training: Training
    ledger: Ledger
    entities: dict[str, Entity] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    _types: dict[tuple[str, str], str] = field(default_factory=dict)

    def slot_names(self) -> dict[str, str]:
        """Return the name of the slot that each entity fills."""
        found: dict[str, str] = {}
        for name, slot in self.domain.slots.items():
            for mapping in slot.mappings:
                if mapping.type == "from_entity" and mapping.entity:
                    found.setdefault(mapping.entity, identifier(name))
        for name in self.domain.slots:
            found.setdefault(name, identifier(name))
        return found

    def slot(self, entity: str, name: str) -> DraftSlot:
        """Return an optional slot that an entity fills."""
        return DraftSlot(name, self._type(name, entity, is_asked=False))

    def asked(self, name: str, titles: Sequence[str] = ()) -> DraftSlot:
        """Return a slot of a form, which buttons may answer."""
        known = self.domain.slots.get(name, DomainSlot("text"))
        entities = [one.entity for one in known.mappings if one.type == "from_entity" and one.entity]
        entity = entities[0] if entities else name
        takes_text = any(one.type == "from_text" for one in known.mappings)
        found = self._type(identifier(name), entity, is_asked=True, takes_text=takes_text)
        if found == EntityType.TEXT and len(titles) > 1 and not takes_text:
            found = self._named(name, Entity(EntityType.CHOICE, dict.fromkeys(titles, ())))
        return DraftSlot(identifier(name), found, required=True)

    def _type(self, name: str, entity: str, *, is_asked: bool, takes_text: bool = False) -> str:
        """Return the name of a type, or of an entity that is then there."""
        is_asked = is_asked or name in {identifier(slot) for slots in self.domain.forms.values() for slot in slots}
        key = (name, entity)
        self.seen.add(entity)
        if key not in self._types:
            entity = self._base(entity)
            self.seen.add(entity)
            slot = next((one for other, one in self.domain.slots.items() if identifier(other) == name), DomainSlot(""))
            made = self._entity(entity, slot, is_asked=is_asked, takes_text=takes_text)
            is_bare = made == Entity(made.type) and made.type not in {EntityType.CHOICE, EntityType.REGEX}
            self._types[key] = str(made.type) if is_bare else self._named(name if slot.values else entity, made)
        return self._types[key]

    def _base(self, entity: str) -> str:
        """Return the entity itself, or for one with a role the entity whose values it has."""
        tables = self.training.lookups.keys() | self.training.regexes.keys()
        prefixes = [entity[:at] for at in range(len(entity), 0, -1) if entity[at : at + 1] in {"", "_"}]
        return next((prefix for prefix in prefixes if prefix in tables), entity)

    def _named(self, wanted: str, entity: Entity) -> str:
        if entity is YES_NO:
            wanted = "yes_or_no"
        name = identifier(wanted)
        name = f"{name}_value" if name in set(EntityType) else name
        if self.entities.get(name) != entity:
            name = unused(name, self.entities)
        self.entities[name] = entity
        return name

    def _entity(self, entity: str, slot: DomainSlot, *, is_asked: bool, takes_text: bool) -> Entity:
        annotated = [one.text for one in self.training.annotated(entity)]
        if slot.values:
            return self._choice(entity, slot.values, only=True)
        if slot.type == "bool" or _is_yes_no(slot):
            return YES_NO
        regex = self._regex(entity)
        if regex is not None:
            return Entity(EntityType.REGEX, regex=regex)
        if entity in self.training.lookups:
            return self._choice(entity, tuple(self.training.lookups[entity]))
        return self._guessed(entity, slot, annotated, is_asked=is_asked, takes_text=takes_text)

    def _guessed(
        self, entity: str, slot: DomainSlot, annotated: list[str], *, is_asked: bool, takes_text: bool
    ) -> Entity:
        """Return what a slot may hold by its type, its name and its examples."""
        if slot.type in {"float", "int"}:
            return Entity(EntityType.NUMBER, least=slot.least, most=slot.most)
        known = KNOWN.get(entity.casefold().replace("_", "-"))
        if known is not None and (known is not EntityType.NUMBER or all(re.search(r"\d", one) for one in annotated)):
            return Entity(known)
        has_synonyms = any(
            self.training.canonical(one.text, one.value) != one.text for one in self.training.annotated(entity)
        )
        if annotated and not takes_text and (has_synonyms or not is_asked):
            return self._choice(entity, ())
        return Entity(EntityType.TEXT)

    def _regex(self, entity: str) -> str | None:
        """Return the entity's regular expression, if Python can read it."""
        parts: list[str] = []
        for text, place in self.training.regexes.get(entity, []):
            try:
                re.compile(text)
            except (re.error, OverflowError, RecursionError) as error:
                self.ledger.lose("regexes", place, f"regex {entity}", f"left out: not valid here ({error})")
            else:
                parts.append(text)
        return "|".join(f"(?:{part})" for part in parts) if len(parts) > 1 else next(iter(parts), None)

    def _choice(self, entity: str, values: tuple[str, ...], *, only: bool = False) -> Entity:
        """Return a choice among values, with their synonyms, and what examples annotate as such."""
        found: dict[str, list[str]] = {}
        shown: dict[str, str] = {}

        def add(value: str) -> list[str]:
            return found.setdefault(shown.setdefault(value.casefold(), value), [])

        for value in values:
            add(self.training.canonical(value) if not only else value)
        for one in self.training.annotated(entity):
            value = self.training.canonical(one.text, one.value)
            if not only or value.casefold() in shown:
                add(value).append(one.text)
        for name, synonyms in self.training.synonyms.items():
            if name.casefold() in shown:
                add(name).extend(synonyms)
        taken = {value.casefold() for value in found}
        return Entity(EntityType.CHOICE, {value: _synonyms(texts, taken) for value, texts in found.items()})


def _synonyms(texts: list[str], taken: set[str]) -> tuple[str, ...]:
    """Return texts that stand for nothing else yet, and claim them."""
    kept = []
    for text in texts:
        if text.casefold() not in taken:
            taken.add(text.casefold())
            kept.append(text)
    return tuple(kept)


def _is_yes_no(slot: DomainSlot) -> bool:
    values = {one.value.casefold() for one in slot.mappings if one.type == "from_intent"}
    return bool(values) and values <= {"true", "false", "yes", "no"} and len(values) > 1
