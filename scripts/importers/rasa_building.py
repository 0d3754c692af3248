"""Puts the parts of a Rasa project together: one intent after the other, then its follow-ups."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from scripts.importers.drafts import Answer, Bot, Draft, Ledger, identifier
from scripts.importers.rasa_domain import Domain, joined, tag_of, with_safe_names
from scripts.importers.rasa_paths import Path
from scripts.importers.rasa_plans import BUILTIN_NAMES, Plan, Plans, read_plans
from scripts.importers.rasa_slots import SlotTypes
from scripts.importers.rasa_training import Annotated, Training, as_pattern

FALLBACK_INTENTS = ("nlu_fallback",)
FALLBACK_RESPONSES = ("utter_default", "utter_fallback", "utter_default_fallback", "utter_please_rephrase")
OWN_SLOTS = frozenset({"requested_slot", "session_started_metadata"})
"""Slots that Rasa keeps for itself."""

_HANDOFF = ("handoff", "hand_off", "handover", "human_agent")


def build(training: Training, domain: Domain, paths: Sequence[Path], language: str | None, ledger: Ledger) -> list[Bot]:
    """Return the bot of a project, or one of each language that examples bear."""
    plans = read_plans(paths, (*domain.forms, *domain.coded_forms), ledger)
    builder = _Builder(training, domain, plans, ledger, SlotTypes(domain, training, ledger))
    drafts = builder.drafts()
    fallback = builder.fallback()
    builder.tell_unused()
    bots: dict[str | None, Bot] = {}
    for intent, draft in drafts.items():
        own = training.languages.get(intent, language)
        bots.setdefault(own, Bot(language=own)).drafts.append(draft)
    for bot in bots.values():
        used = {slot.type for top in bot.drafts for _, draft in top.family() for slot in draft.slots.values()}
        bot.entities = {name: one for name, one in builder.types.entities.items() if name in used}
    found = list(bots.values()) or [Bot(language=language)]
    found[0].fallback = fallback
    return found


@dataclass(slots=True)
class _Builder:
    training: Training
    domain: Domain
    plans: Plans
    ledger: Ledger
    types: SlotTypes
    told: set[str] = field(default_factory=set)
    told_forms: set[str] = field(default_factory=set)
    filled: set[str] = field(default_factory=set)

    def drafts(self) -> dict[str, Draft]:
        """Return the intents, each with its follow-ups, by Rasa's name of it."""
        places = {**self.domain.intents, **self.training.places}
        # a retrieval intent stands in the domain by its first part alone
        parents = {name.partition("/")[0] for name in self.training.examples if "/" in name}
        names = [*self.training.examples, *(name for name in self.domain.intents if name not in self.training.examples)]
        names = [
            name
            for name in names
            if name not in FALLBACK_INTENTS and (name not in parents or name in self.training.examples)
        ]
        self.ledger.find("intents", len(names))
        drafts: dict[str, Draft] = {}
        for name in names:
            if name in self.plans.alone or not self._is_followup_only(name):
                drafts[name] = self._draft(name, self.plans.alone.get(name), places[name])
        for chain in sorted(self.plans.after, key=len):
            self._add_followup(chain, drafts)
        return _nested(drafts)

    def _is_followup_only(self, name: str) -> bool:
        return any(chain[-1] == name for chain in self.plans.after)

    def _add_followup(self, chain: tuple[str, ...], drafts: dict[str, Draft]) -> None:
        parent = drafts.get(chain[0])
        for intent in chain[1:-1]:
            parent = parent.followups.get(_followup_name(intent)) if parent is not None else None
        name = chain[-1]
        place = self.plans.places.get(name, self.training.places.get(name, ""))
        draft = self._draft(name, self.plans.after[chain], place)
        draft.tag = _followup_name(name)
        if parent is None:
            self.ledger.note(place, f"{name} after {chain[-2]}", "left out: what it follows was not carried over")
        elif draft.answers:
            parent.followups[draft.tag] = draft

    def _draft(self, name: str, plan: Plan | None, place: str) -> Draft:
        draft = Draft(tag_of(name), place)
        examples = self.training.examples.get(name, [])
        slot_of = self.types.slot_names()
        draft.patterns = [as_pattern(example, slot_of) for example in examples]
        if plan is not None and plan.form is not None:
            self._add_form(plan.form, draft)
        for example in examples:
            for part in example.parts:
                if isinstance(part, Annotated):
                    slot = self.types.slot(part.entity, slot_of.get(part.entity, identifier(part.entity)))
                    draft.slots.setdefault(slot.name, slot)
        self.filled |= draft.slots.keys()
        actions = list(plan.actions) if plan is not None else []
        if plan is not None and plan.form is not None:
            actions += self.plans.submit.get(plan.form, ())
        utterances = [one for action in actions for one in self._utterance(action, name, draft)]
        if not utterances:
            utterances = [one for one in (f"utter_{name}", f"utter_{tag_of(name)}") if one in self.domain.responses][:1]
        draft.answers = [with_safe_names(answer) for answer in joined(self.domain, utterances)]
        draft.handoff = draft.handoff or (not draft.answers and any(word in name.casefold() for word in _HANDOFF))
        return draft

    def _utterance(self, action: str, intent: str, draft: Draft) -> list[str]:
        """Return the response that an action says; tell of any other action, once."""
        retrieval = f"utter_{intent}"
        if action in {f"utter_{intent.partition('/')[0]}", f"respond_{intent.partition('/')[0]}"} and "/" in intent:
            return [retrieval] if retrieval in self.domain.responses else []
        if action in self.domain.responses:
            return [action]
        is_new = action not in self.told
        self.told.add(action)
        if any(word in action.casefold() for word in _HANDOFF):
            draft.handoff = True
            self.ledger.find("custom actions", is_new)
        elif is_new and action.startswith("utter_"):
            self.ledger.note(draft.place, action, "is said by a rule or story, but is no response of the domain")
        elif is_new:
            self.ledger.find("custom actions")
            why = f"code is not carried over: write a response of {draft.tag}, or an action (call or url)"
            self.ledger.lose("custom actions", draft.place, action, why)
        return []

    def _add_form(self, form: str, draft: Draft) -> None:
        slots = self.domain.forms.get(form) or self._guessed_slots(form, draft)
        if not slots:
            if form not in self.told_forms:
                why = f"its slots stand in code: write the slots of {draft.tag} by hand"
                self.ledger.lose("forms", draft.place, f"form {form}", why, int(form in self.domain.coded_forms))
            self.told_forms.add(form)
            return
        self.told_forms.add(form)
        for name in slots:
            prompts = self.domain.first(f"utter_ask_{form}_{name}", f"utter_ask_{name}")
            titles = [choice.title for answer in prompts for choice in answer.response.choices]
            slot = self.types.asked(name, list(dict.fromkeys(titles)))
            slot.prompts = [answer.response.text for answer in map(with_safe_names, prompts) if answer.response.text]
            slot.place = draft.place
            draft.slots[slot.name] = slot

    def _guessed_slots(self, form: str, draft: Draft) -> list[str]:
        """Return the slots of a form whose slots stand in code, as far as the names of its prompts tell them."""
        prefix = f"utter_ask_{form}_"
        slots = [name.removeprefix(prefix) for name in self.domain.responses if name.startswith(prefix)]
        if slots:
            why = "its slots stand in code: they are guessed from the names of its prompts"
            self.ledger.note(draft.place, f"form {form}", why)
        return slots

    def fallback(self) -> list[Answer]:
        """Return what is said to a message that nothing matches."""
        plan = next((self.plans.alone[name] for name in FALLBACK_INTENTS if name in self.plans.alone), None)
        names = [action for action in plan.actions if action in self.domain.responses] if plan is not None else []
        names = names or [name for name in FALLBACK_RESPONSES if name in self.domain.responses][:1]
        return [with_safe_names(answer) for answer in joined(self.domain, names)]

    def tell_unused(self) -> None:
        """Tell of responses and forms that no intent leads to."""
        for name, answers in self.domain.responses.items():
            if name not in self.domain.used:
                why = "left out: no rule, story or form that was carried over says it"
                self.ledger.lose("responses", answers[0].place, f"response {name}", why, len(answers))
        for form in (*self.domain.forms, *self.domain.coded_forms):
            if form not in self.told_forms:
                self.ledger.lose("forms", "domain", f"form {form}", "left out: no rule or story begins it")
        self._tell_unused_values()

    def _tell_unused_values(self) -> None:
        """Tell of values that nothing takes."""
        why = "left out: no example or form has a value of this name"
        for name, texts in self.training.regexes.items():
            if name not in self.types.seen:
                self.ledger.lose("regexes", texts[0].place if texts else "nlu", f"regex {name}", why)
        for name in self.training.lookups:
            if name not in self.types.seen:
                self.ledger.lose("lookup tables", "nlu", f"lookup {name}", why)
        for name in self.domain.slots:
            if identifier(name) not in self.filled and name not in OWN_SLOTS:
                self.ledger.lose("slots", "domain", f"slot {name}", "left out: no example or form fills it")


def _followup_name(intent: str) -> str:
    return BUILTIN_NAMES.get(intent.casefold(), identifier(tag_of(intent)))


def _nested(drafts: dict[str, Draft]) -> dict[str, Draft]:
    """Put intents named ``parent.name``, as the export names follow-ups, under their parent."""
    found: dict[str, Draft] = {}
    for name in sorted(drafts, key=lambda one: one.count(".")):
        parent, _, own = name.rpartition(".")
        if parent in drafts:
            drafts[name].tag = identifier(own)
            drafts[parent].followups.setdefault(drafts[name].tag, drafts[name])
        else:
            found[name] = drafts[name]
    return {name: found[name] for name in drafts if name in found}
