"""Rasa's rules and stories as turns: what is meant, and what the bot does then. YAML, or the Markdown of Rasa 1."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from scripts.importers.documents import Node
from scripts.importers.drafts import Ledger
from scripts.importers.sources import SourceFile

SILENT = frozenset({"action_listen", "action_restart", "action_session_start", "action_back", "action_deactivate_form"})
SILENT |= {"action_deactivate_loop", "..."}
_STEP = re.compile(r"\s*(?P<kind>[*>-])\s*(?P<text>.+)")
_FORM = re.compile(r'form\{\s*"name"\s*:\s*(?:"(?P<name>[^"]+)"|null)\s*\}')


@dataclass(slots=True)
class Turn:
    """One message of a user, and what follows.

    Parameters
    ----------
    intents
        Any of which is meant; none before the first message.
    actions
        What the bot does, up to a form.
    form
        The form that is filled then.
    submit
        What it does when the form is filled; None where the path does not tell.
    is_inside
        Whether a form is being filled when the message comes.
    """

    intents: tuple[str, ...]
    place: str
    actions: list[str] = field(default_factory=list)
    form: str | None = None
    submit: list[str] | None = None
    is_inside: bool = False


@dataclass(slots=True)
class Path:
    """A rule or a story."""

    name: str
    place: str
    is_rule: bool
    turns: list[Turn] = field(default_factory=list)
    active_form: str | None = None


def read_paths(root: Node, file: SourceFile, ledger: Ledger) -> Iterable[Path]:
    """Yield the rules and stories of a document."""
    for part, kind in (("rules", "rule"), ("stories", "story")):
        for entry in root[part]:
            place = f"{file.name}:{entry.line}"
            path = Path(entry[kind].text or kind, place, is_rule=kind == "rule")
            if any("user" in step for step in entry["steps"]):
                texts = "a conversation in words, as tests have them: it has no counterpart"
                ledger.note(place, f"{kind} {path.name!r}", f"left out: {texts}")
                continue
            ledger.find("rules" if path.is_rule else "stories")
            for condition in entry["condition"]:
                path.active_form = condition["active_loop"].text or path.active_form
                if "slot_was_set" in condition:
                    why = "left out, so that it holds always: a response may have `when: {slots: ...}` instead"
                    ledger.note(f"{file.name}:{condition.line}", f"{kind} {path.name!r}: condition on slots", why)
            if path.active_form and next((True for step in entry["steps"] if _intents(step)), False):
                why = f"it holds only while the form {path.active_form} is filled in there, and always here"
                ledger.note(place, f"{kind} {path.name!r}: condition on a form", why)
            _read_steps(entry["steps"], path, file, ledger)
            yield path


def _read_steps(steps: Node, path: Path, file: SourceFile, ledger: Ledger) -> None:
    turn = Turn((), path.place, form=path.active_form)
    path.turns.append(turn)
    for step in steps:
        place = f"{file.name}:{step.line}"
        intents = _intents(step)
        if intents:
            is_inside = turn.form is not None and turn.submit is None
            turn = Turn(intents, place, is_inside=is_inside)
            path.turns.append(turn)
        elif "action" in step:
            _act(step["action"].text, turn)
        elif "bot" in step:
            ledger.note(place, f"{path.name!r}", "a step in words is left out: it has no counterpart")
        elif "active_loop" in step:
            _loop(step["active_loop"].text, turn)
        elif "checkpoint" in step:
            ledger.note(place, f"{path.name!r}", "checkpoints are left out: only what stands in one story is followed")


def _intents(step: Node) -> tuple[str, ...]:
    if step["intent"].text:
        return (step["intent"].text,)
    return tuple(one["intent"].text for one in step["or"] if one["intent"].text)


def _act(action: str, turn: Turn) -> None:
    if not action or action in SILENT or action == turn.form:
        return
    (turn.actions if turn.submit is None else turn.submit).append(action)


def _loop(form: str, turn: Turn) -> None:
    """Begin a form, or end it."""
    if form:
        turn.form = form
        turn.actions = [action for action in turn.actions if action != form]
    elif turn.form is not None or turn.actions:
        turn.submit = []


def read_markdown_paths(file: SourceFile, ledger: Ledger) -> Iterable[Path]:
    """Yield the stories of Rasa 1."""
    path: Path | None = None
    turn: Turn | None = None
    for number, line in enumerate(file.text().split("\n"), start=1):
        place = f"{file.name}:{number}"
        step = _STEP.match(line)
        if line.startswith("##"):
            if path is not None:
                yield path
            path = Path(line.strip("# "), place, is_rule=False)
            turn = Turn((), place)
            path.turns.append(turn)
            ledger.find("stories")
        elif path is not None and turn is not None and step is not None:
            turn = _markdown_step(step, place, path, turn)
    if path is not None:
        yield path


def _markdown_step(step: re.Match[str], place: str, path: Path, turn: Turn) -> Turn:
    text = step["text"].strip()
    form = _FORM.match(text)
    if step["kind"] == "*":
        names = [re.sub(r"[{\[].*", "", one).strip() for one in re.split(r"\s+OR\s+", text)]
        is_inside = turn.form is not None and turn.submit is None
        path.turns.append(Turn(tuple(name for name in names if name), place, is_inside=is_inside))
        return path.turns[-1]
    if form is not None:
        _loop(form["name"] or "", turn)
    elif step["kind"] == "-" and not text.startswith("slot{") and re.match(r"[\w./]+$", text):
        _act(text, turn)
    return turn


def is_markdown_story(text: str) -> bool:
    """Whether a Markdown file holds stories of Rasa 1."""
    return bool(re.search(r"^## .+\n(?:\s*(?:>.*|<!--.*)?\n)*\* *\w+", text, re.MULTILINE)) and bool(
        re.search(r"^ *- *(?:utter|action|slot|form)", text, re.MULTILINE)
    )
