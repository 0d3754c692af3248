"""Teaching from chat: what is written, what is refused, two admins at once, and the way back."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot.teaching import MAX_PATTERN, USAGE, Lesson, Teacher, split_tag
from intents.reading import read_intents

HOURS = """\
# the shop
intents:
  - tag: opening_hours
    patterns:
      - when are you open   # the classic
    responses: From ten to eight.
"""
TALK = "intents:\n  - {tag: small talk, patterns: [hello], responses: Hello.}\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "hours.yaml").write_text(HOURS, encoding="utf-8")
    (tmp_path / "talk.yaml").write_text(TALK, encoding="utf-8")
    return tmp_path


class Class:
    """A teacher, and the one catalog that is taught."""

    def __init__(self, path: Path, teacher: Teacher) -> None:
        self.teacher = teacher
        self.lesson = Lesson(path, ("opening_hours", "small talk", "small"))

    async def teach(self, typed: str) -> str:
        return await self.teacher.teach(self.lesson, typed)

    async def undo(self) -> str:
        return await self.teacher.undo(self.lesson)


@pytest.fixture
def teacher(path: Path) -> Iterator[Class]:
    with ThreadPoolExecutor(2) as executor:
        yield Class(path, Teacher(executor))


def patterns(path: Path) -> dict[str, tuple[str, ...]]:
    return {one.intent.tag: one.intent.patterns for one in read_intents(path).intents}


def files(path: Path) -> dict[str, str]:
    return {file.name: file.read_text("utf-8") for file in path.iterdir()}


async def test_a_pattern_is_added_where_its_intent_stands(teacher: Class, path: Path) -> None:
    """One line more, comments kept, a copy of the file as it was; and the admin is told what is left to do."""
    told = await teacher.teach("opening_hours  when do you   close")
    assert (path / "hours.yaml").read_text("utf-8") == HOURS.replace(
        "# the classic\n", "# the classic\n      - when do you close\n"
    )
    assert (path / "hours.yaml.bak").read_text("utf-8") == HOURS
    assert (path / "talk.yaml").read_text("utf-8") == TALK
    for part in ("`when do you close`", "opening_hours", "hours.yaml", "training is due", "/admin retrain", "undo"):
        assert part in told


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("", USAGE),
        ("opening_hours", USAGE),
        ("opening_hour when do you close", 'did you mean "opening_hours"?'),
        ("opening_hours When are you open?!", "already"),
        ("opening_hours hello", "is a pattern of small talk"),
        ("opening_hours ???", "no letter or digit"),
        ("opening_hours " + "x" * (MAX_PATTERN + 1), "too long"),
    ],
)
async def test_what_cannot_be_a_pattern_is_refused(teacher: Class, path: Path, typed: str, told: str) -> None:
    """In words that say why; no file is touched."""
    assert told in await teacher.teach(typed)
    assert files(path) == {"hours.yaml": HOURS, "talk.yaml": TALK}


async def test_two_admins_at_once_both_teach(teacher: Class, path: Path) -> None:
    """One after the other: neither pattern is lost."""
    texts = [f"question number {number}" for number in range(6)]
    told = await asyncio.gather(*(teacher.teach(f"opening_hours {text}") for text in texts))
    assert all(one.startswith("Added") for one in told)
    assert set(patterns(path)["opening_hours"]) == {"when are you open", *texts}


async def test_teaching_is_undone_step_by_step(teacher: Class, path: Path) -> None:
    """The last pattern first, in whichever file; then there is nothing left to undo."""
    await teacher.teach("opening_hours when do you close")
    await teacher.teach("small talk good day")
    assert "`good day`" in await teacher.undo()
    assert (path / "talk.yaml").read_text("utf-8") == TALK
    assert "`when do you close`" in await teacher.undo()
    assert (path / "hours.yaml").read_text("utf-8") == HOURS
    assert "Nothing was taught" in await teacher.undo()


async def test_what_was_taught_elsewhere_is_not_undone(teacher: Class, tmp_path: Path) -> None:
    """A server with a catalog of its own has its own last pattern."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "own.yaml").write_text(HOURS, encoding="utf-8")
    own = Lesson(other, ("opening_hours",), training="run X")
    await teacher.teach("opening_hours when do you close")
    assert "training is due (run X)" in await teacher.teacher.teach(own, "opening_hours is it open")
    assert "`when do you close`" in await teacher.undo()
    assert "Nothing was taught" in await teacher.undo()
    assert "`is it open`" in await teacher.teacher.undo(own)


async def test_a_file_edited_by_hand_is_left_alone(teacher: Class, path: Path) -> None:
    """What somebody wrote after a pattern was taught stays, and the admin reads why; teaching goes on."""
    await teacher.teach("opening_hours when do you close")
    by_hand = (path / "hours.yaml").read_text("utf-8") + "# mine\n"
    (path / "hours.yaml").write_text(by_hand, encoding="utf-8")
    assert "was changed since" in await teacher.undo()
    assert (path / "hours.yaml").read_text("utf-8") == by_hand
    assert (await teacher.teach("opening_hours are you closed")).startswith("Added")
    assert (path / "hours.yaml").read_text("utf-8").endswith("# mine\n")


@pytest.mark.parametrize(
    ("typed", "tag", "text"),
    [
        ("small talk hello", "small talk", "hello"),
        ("small hello", "small", "hello"),
        ("smalltalk hello", "smalltalk", "hello"),
        ("small talk", "small talk", ""),
        ("", "", ""),
    ],
)
def test_a_tag_may_hold_blanks(typed: str, tag: str, text: str) -> None:
    """The longest tag that fits is meant; a word that is none is taken for one, so that it can be named."""
    assert split_tag(typed, ["small", "small talk"]) == (tag, text)
