"""Recorded dialogues: what was asked and answered, grouped by similarity for the admin to name."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from intents.catalog import Response
from scripts.importers.csv_pairs import STOP_WORDS
from scripts.importers.drafts import Answer, Bot, Draft, Ledger, Text, clean, plain_pattern, tag_of_words
from scripts.importers.grouping import Group, Vectorise, group
from scripts.importers.sources import ImportSourceError, Source, SourceFile

TURNS = ("turns", "messages", "conversation", "conversations", "dialogue", "dialog", "utterances")
SPEAKERS = ("speaker", "role", "from", "author", "sender", "name")
TEXTS = ("text", "content", "value", "utterance", "message")
ASKING = frozenset({"user", "human", "customer", "client", "member", "guest", "visitor", "caller"})
ANSWERING = frozenset({"assistant", "bot", "agent", "gpt", "model", "support", "chatbot", "staff", "wizard"})
SILENT = frozenset({"system", "tool", "function", "developer"})
MAX_TEXT = 2_000
MAX_TOPICS = 1_000
MAX_ANSWERS = 5
MAX_PATTERNS = 200
_N_FAULTS = 20


class Turn(NamedTuple):
    """What one side of a dialogue said."""

    speaker: str
    text: str


class Pair(NamedTuple):
    """A question and its answer."""

    question: Text
    answer: str


def read_dialogues(source: Source, ledger: Ledger, *, least: int = 1, vectorise: Vectorise | None = None) -> list[Bot]:
    """Return a bot of the groups into which the questions fall.

    Parameters
    ----------
    source
        Files of JSON lines, or of JSON.
    ledger
        Hears what is left out.
    least
        How many pairs a group must have.
    vectorise
        Makes vectors of texts; None for those of n-grams.

    Raises
    ------
    ImportSourceError
        There is no pair.
    """
    pairs = [pair for file in source.files for pair in _pairs_of_file(file, ledger)]
    if not pairs:
        raise ImportSourceError(f"{source.path}: holds no question with an answer")
    ledger.find("pairs", len(pairs))
    bot = Bot()
    questions = [pair.question.text for pair in pairs]
    for number, found in enumerate(group(questions, vectorise), start=1):
        members = [pairs[row] for row in found.rows]
        if len(members) < least or number > MAX_TOPICS:
            example = members[0]
            few = f"asked fewer than {least} times (--least)"
            why = f"left out: {few if len(members) < least else f'{MAX_TOPICS:,} topics are asked more often'}"
            ledger.lose("pairs", example.question.place, repr(example.question.text), why, len(members))
            continue
        bot.drafts.append(_draft(number, found, members, ledger))
    ledger.find("intents", len(bot.drafts))
    if not bot.drafts:
        raise ImportSourceError(f"{source.path}: nothing was asked {least} times: give a smaller --least")
    return [bot]


def _draft(number: int, found: Group, members: Sequence[Pair], ledger: Ledger) -> Draft:
    words = tag_of_words(" ".join(found.words), (), STOP_WORDS) if found.words else ""
    tag = "_".join(part for part in ("topic", str(number), words) if part)
    answers = Counter(pair.answer for pair in members).most_common()
    places = {pair.answer: pair.question.place for pair in reversed(members)}
    if len(answers) > MAX_ANSWERS:
        why = f"{len(answers) - MAX_ANSWERS} rarer answers are left out: the {MAX_ANSWERS} commonest are kept"
        ledger.note(members[0].question.place, tag, why)
    questions = list(dict.fromkeys(pair.question for pair in members))[:MAX_PATTERNS]
    asked = f"asked {len(members)} times" if len(members) > 1 else "asked once"
    ways = f"in {len(answers)} ways" if len(answers) > 1 else "always alike"
    return Draft(
        tag,
        members[0].question.place,
        patterns=questions,
        answers=[Answer(Response(text), places[text]) for text, _ in answers[:MAX_ANSWERS]],
        comment=f"TODO: name this topic and look over its answers ({asked}, answered {ways})",
    )


def _pairs_of_file(file: SourceFile, ledger: Ledger) -> Iterator[Pair]:
    n_faults = 0
    for place, value in _values(file):
        turns = list(_turns(value)) if value is not None else []
        if len(turns) < 2:  # noqa: PLR2004 - a question and its answer
            n_faults += 1
            ledger.find("dialogues")
            ledger.lost["dialogues"] += 1
            if n_faults <= _N_FAULTS:
                ledger.note(place, "a dialogue", "left out: not JSON, or without a question and an answer")
            continue
        ledger.find("dialogues")
        for asked, answered in _asked_and_answered(turns):
            question = plain_pattern(asked.text)[:MAX_TEXT]
            yield Pair(Text(question, place), clean(answered.text)[:MAX_TEXT])
    if n_faults > _N_FAULTS:
        ledger.note(file.name, "dialogues", f"{n_faults - _N_FAULTS} more left out for the same reason")


def _values(file: SourceFile) -> Iterator[tuple[str, Any]]:
    """Yield the dialogues of a file, each with its place: the lines, or the items of one list."""
    text = file.text()
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                yield f"{file.name}:{number}", _parsed(line)
        return
    if isinstance(document, dict) and not any(name in document for name in TURNS):
        document = next((value for value in document.values() if isinstance(value, list)), [])
    is_one = isinstance(document, dict) or (
        isinstance(document, list) and all(isinstance(one, str) or _said(one) is not None for one in document)
    )
    for value in document if isinstance(document, list) and not is_one else [document]:
        yield f"{file.name}:1", value


def _parsed(line: str) -> Any:  # noqa: ANN401 - whatever JSON the line holds
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _turns(value: Any) -> Iterator[Turn]:  # noqa: ANN401 - as above
    if isinstance(value, dict):
        value = next((value[name] for name in TURNS if isinstance(value.get(name), list)), None)
    for number, one in enumerate(value if isinstance(value, list) else []):
        turn = Turn(("a", "b")[number % 2], one) if isinstance(one, str) else _said(one)
        if turn is not None and turn.text.strip() and turn.speaker.casefold() not in SILENT:
            yield turn


def _said(value: Any) -> Turn | None:  # noqa: ANN401 - as above
    if not isinstance(value, dict):
        return None
    text = next((value[name] for name in TEXTS if isinstance(value.get(name), str)), None)
    speaker = next((value[name] for name in SPEAKERS if isinstance(value.get(name), str | int)), None)
    return None if text is None or speaker is None else Turn(str(speaker), text)


def _asked_and_answered(turns: Sequence[Turn]) -> Iterator[tuple[Turn, Turn]]:
    """Yield what the side that asks said, and what the other said next.

    Roles tell who asks; without them it is whoever begins.
    """
    names = {turn.speaker.casefold() for turn in turns}
    asking = names & ASKING or (names - ANSWERING if names & ANSWERING else {turns[0].speaker.casefold()})
    for turn, following in pairwise(turns):
        if turn.speaker.casefold() in asking and following.speaker.casefold() not in asking:
            yield turn, following
