"""Tables of two columns, question and answer: every answer becomes one intent."""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from intents.catalog import Response
from scripts.importers.drafts import Answer, Bot, Draft, Ledger, Text, clean, plain_pattern, tag_of_words, unused
from scripts.importers.sources import ImportSourceError, Source, SourceFile

QUESTIONS = frozenset({"question", "questions", "q", "pattern", "patterns", "ask", "input", "query", "prompt", "frage"})
ANSWERS = frozenset({"answer", "answers", "a", "response", "responses", "reply", "output", "completion", "antwort"})
STOP_WORDS = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "at",
        "be",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "for",
        "from",
        "has",
        "have",
        "hello",
        "hi",
        "how",
        "i",
        "if",
        "in",
        "is",
        "it",
        "me",
        "my",
        "of",
        "on",
        "or",
        "our",
        "please",
        "should",
        "so",
        "tell",
        "that",
        "the",
        "their",
        "them",
        "there",
        "these",
        "this",
        "to",
        "us",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "why",
        "will",
        "with",
        "would",
        "you",
        "your",
    ]
)
_STOP_WORDS = """
a an and are at be by can could did do does for from has have hello hi how i if in is it me my of on
or our please should so tell that the their them there these this to us was we were what when where
which who why will with would you your
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
DELIMITERS = "\t|;,"
"""The rarer in sentences first: it wins where both would do."""

SAMPLE_LINES = 50
MAX_CELL = 1_000_000
MAX_PAIRS = 20_000


class Row(NamedTuple):
    """A question and its answer, and the line on which they begin."""

    line: int
    question: str
    answer: str


def read_csv(source: Source, ledger: Ledger) -> list[Bot]:
    """Return the bot of all tables of a source.

    Raises
    ------
    ImportSourceError
        None holds a pair.
    """
    bot, by_answer = Bot(), dict[str, Draft]()
    used, tags = Counter[str](), set[str]()
    faults: list[str] = []
    for file in source.files:
        if file.path.suffix.lower() in {".json", ".yml", ".yaml", ".md"}:
            continue
        try:
            rows = read_rows(file, ledger)
        except ImportSourceError as error:
            faults.append(str(error))
            continue
        for row in rows:
            place = f"{file.name}:{row.line}"
            key = " ".join(row.answer.split()).casefold()
            if key not in by_answer:
                words = tag_of_words(row.question, (), STOP_WORDS)
                used[words] += 1
                tag = words if used[words] == 1 else unused(f"{words}_{used[words]}", tags)
                tags.add(tag)
                by_answer[key] = Draft(tag, place, answers=[Answer(Response(row.answer), place)])
            by_answer[key].patterns.append(Text(plain_pattern(row.question), place))
    if not by_answer:
        raise ImportSourceError(faults[0] if faults else f"{source.path}: no row holds a question and an answer")
    for fault in faults:
        place, _, why = fault.partition(": ")
        ledger.note(place, "file", f"not read: {why}")
    bot.drafts = list(by_answer.values())
    ledger.find("intents", len(bot.drafts))
    return [bot]


def read_rows(file: SourceFile, ledger: Ledger) -> list[Row]:
    """Return the pairs of a table.

    Raises
    ------
    ImportSourceError
        It has not two columns.
    """
    text = file.text()
    delimiter = _delimiter(text, file)
    csv.field_size_limit(MAX_CELL)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True)
    rows, columns, line = list[Row](), (0, 1), 1
    try:
        for number, cells in enumerate(reader):
            first, line = line, reader.line_num + 1
            if number == 0:
                columns, is_header = _columns(cells)
                if is_header:
                    continue
            row = _row(cells, columns, first, file, ledger)
            rows += [row] if row else []
            if len(rows) >= MAX_PAIRS:
                ledger.note(f"{file.name}:{line}", "what follows", f"not read: after {MAX_PAIRS:,} pairs")
                break
    except csv.Error as error:
        raise ImportSourceError(f"{file.name}:{reader.line_num}: not a table: {error}") from error
    return rows


def _row(cells: Sequence[str], columns: tuple[int, int], line: int, file: SourceFile, ledger: Ledger) -> Row | None:
    if not any(cell.strip() for cell in cells):
        return None
    ledger.find("pairs")
    question, answer = (clean(cells[at]) if at < len(cells) else "" for at in columns)
    if not question or not answer or not re.search(r"\w", question):
        what = "question" if not question or not re.search(r"\w", question) else "answer"
        ledger.lose("pairs", f"{file.name}:{line}", "a row", f"left out: it has no {what}")
        return None
    further = [cell for at, cell in enumerate(cells) if at not in columns and cell.strip()]
    if further:
        ledger.note(
            f"{file.name}:{line}", f"further columns ({further[0]!r})", "left out: a row is a question, an answer"
        )
    return Row(line, question, answer)


def _delimiter(text: str, file: SourceFile) -> str:
    """Return the delimiter that gives most rows the same number of columns, two or more."""
    sample = "\n".join(text.splitlines()[:SAMPLE_LINES])

    def score(delimiter: str) -> tuple[float, bool, int]:
        try:
            widths = [len(cells) for cells in csv.reader(io.StringIO(sample), delimiter=delimiter) if cells]
        except csv.Error:
            return 0.0, False, 0
        several = [width for width in widths if width > 1]
        if not several:
            return 0.0, False, 0
        usual = max(set(several), key=several.count)
        # a comma within sentences gives rows of any width; a delimiter gives them one
        return several.count(usual) / len(widths), usual == 2, -DELIMITERS.index(delimiter)  # noqa: PLR2004

    best = max(DELIMITERS, key=score)
    if score(best)[0] == 0:
        raise ImportSourceError(f"{file.name}: not a table of two columns, question and answer")
    return best


def _columns(cells: Sequence[str]) -> tuple[tuple[int, int], bool]:
    """Return where question and answer stand, and whether the row is a header."""
    names = [re.sub(r"[^\w]", "", cell).casefold() for cell in cells]
    question = next((at for at, name in enumerate(names) if name in QUESTIONS), None)
    answer = next((at for at, name in enumerate(names) if name in ANSWERS), None)
    if question is None and answer is None:
        return (0, 1), False
    if question is None or answer is None:
        known = question if question is not None else answer
        other = next((at for at in range(len(names)) if at != known), 1)
        return ((known or 0, other) if question is not None else (other, known or 0)), True
    return (question, answer), True
