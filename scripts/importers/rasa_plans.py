"""What a Rasa bot does on each intent, by its rules and stories: alone, and after another."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from scripts.importers.drafts import Ledger
from scripts.importers.rasa_paths import Path, Turn

BUILTIN_NAMES = {
    "yes": "yes", "affirm": "yes", "affirmative": "yes", "confirm": "yes", "agree": "yes", "accept": "yes",
    "no": "no", "deny": "no", "negative": "no", "disagree": "no", "decline": "no", "reject": "no",
    "cancel": "cancel", "abort": "cancel", "repeat": "repeat",
}  # fmt: skip
"""Intents that say something only after another, and the follow-up that they become."""

MAX_DEPTH = 3


class Plan(NamedTuple):
    """What follows a message: actions, and perhaps a form and what follows that."""

    actions: tuple[str, ...]
    form: str | None

    @property
    def is_empty(self) -> bool:
        """Whether nothing follows."""
        return not self.actions and self.form is None


@dataclass(slots=True)
class Plans:
    """All plans of a project.

    Parameters
    ----------
    alone
        By intent, whatever was said before.
    after
        By the intents said, from one that stands alone on.
    submit
        By form, the actions when it is filled.
    places
        Where the plan of an intent stands.
    """

    alone: dict[str, Plan] = field(default_factory=dict)
    after: dict[tuple[str, ...], Plan] = field(default_factory=dict)
    submit: dict[str, tuple[str, ...]] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)


def read_plans(paths: Sequence[Path], forms: Iterable[str], ledger: Ledger) -> Plans:
    """Return the plans that rules and stories hold; those of rules first."""
    plans, known_forms = Plans(), frozenset(forms)
    ordered = sorted(paths, key=lambda path: not path.is_rule)
    for path in ordered:
        for turn in path.turns:
            _recognise_form(turn, known_forms)
            if turn.form is not None and turn.submit:
                plans.submit.setdefault(turn.form, tuple(turn.submit))
    _choose_alone(ordered, plans, ledger)
    for path in ordered:
        _follow(path, plans, ledger)
    return plans


def _recognise_form(turn: Turn, forms: frozenset[str]) -> None:
    """Take an action that is a form's name for the beginning of that form."""
    for action in turn.actions:
        if action in forms and turn.form is None:
            turn.form = action
    turn.actions = [action for action in turn.actions if action not in forms]


def _plan(turn: Turn) -> Plan:
    return Plan(tuple(turn.actions), None if turn.is_inside else turn.form)


def _choose_alone(paths: Sequence[Path], plans: Plans, ledger: Ledger) -> None:
    """Choose for each intent what follows it: by a rule, else as stories begin, else wherever it stands."""
    ranks: dict[str, dict[int, Counter[Plan]]] = {}
    for path in paths:
        for number, turn in enumerate(path.turns):
            begins = number == 0 or (number == 1 and not path.turns[0].actions and path.active_form is None)
            rank = 3 if turn.is_inside else 0 if path.is_rule else 1 if begins else 2
            for intent in turn.intents:
                if rank == 2 and intent.casefold() in BUILTIN_NAMES:  # noqa: PLR2004 - a story's later turn
                    continue
                if not _plan(turn).is_empty:
                    ranks.setdefault(intent, {}).setdefault(rank, Counter())[_plan(turn)] += 1
                    plans.places.setdefault(intent, turn.place)
    for intent, by_rank in ranks.items():
        best = by_rank[min(by_rank)]
        plans.alone[intent] = best.most_common(1)[0][0]
        if len(best) > 1 and min(by_rank) < 2:  # noqa: PLR2004 - as above
            why = f"it is answered in {len(best)} ways, by slots or what was said before: the commonest is carried over"
            ledger.note(plans.places[intent], f"intent {intent}", why)


def _follow(path: Path, plans: Plans, ledger: Ledger) -> None:
    """Walk along a path and keep what is answered otherwise than alone."""
    kind = "rules" if path.is_rule else "stories"
    chains: list[tuple[str, ...]] = []
    fault = ""
    for number, turn in enumerate(path.turns):
        if number == 0:
            chains = [(intent,) for intent in _said_by(turn.actions, plans)]
            continue
        reached: list[tuple[str, ...]] = []
        for intent in turn.intents:
            plan = _plan(turn)
            if plans.alone.get(intent) == plan:
                reached.append((intent,))
            elif plan.is_empty or turn.is_inside:
                fault = fault or f"what is said while a form is filled, or answered by nothing ({intent})"
            elif not chains:
                fault = fault or f"the turn {intent}, which is answered otherwise elsewhere"
            else:
                reached += _extend(chains, intent, plan, plans)
                if not reached:
                    fault = fault or f"the turn {intent}, for which another answer stands in another story, or too deep"
        chains = reached
    if fault:
        ledger.lose(
            kind,
            path.place,
            f"{kind.removesuffix('s')} {path.name!r}".replace("storie", "story"),
            f"not followed: {fault}",
        )


def _extend(chains: Sequence[tuple[str, ...]], intent: str, plan: Plan, plans: Plans) -> Iterator[tuple[str, ...]]:
    for chain in chains:
        longer = (*chain, intent)
        if len(longer) <= MAX_DEPTH and plans.after.setdefault(longer, plan) == plan:
            yield longer


def _said_by(actions: Sequence[str], plans: Plans) -> list[str]:
    """Return the intents that end with what a path begins with."""
    if not actions:
        return []
    return [intent for intent, plan in plans.alone.items() if plan.actions and plan.actions[-1] == actions[-1]]
