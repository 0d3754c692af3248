"""Catalogs and stories that are read by another process: the same is found, and here nothing is computed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot import children
from bot.catalog_reading import read_catalog
from bot.children import SOMEWHAT_LATER
from bot.config import SECRET_VARIABLES
from bot.stories import StoryError
from bot.story_check import stories_of
from bot.story_reading import read_stories
from intents.findings import CatalogError
from intents.kept import kept_catalog
from intents.validation import load_catalog
from model.text import normalise

TEXT = "intents:\n- {tag: a, patterns: [a, b, c], responses: [x]}\n"

READS = """
import sys
from pathlib import Path
from bot.catalog_reading import read_catalog
from intents.findings import CatalogError
try:
    print(read_catalog(Path(sys.argv[1]), Path(sys.argv[2]))[0].intents[0].tag)
except CatalogError as error:
    print(error.findings[0].tag)
print(sorted({"ruamel.yaml", "pydantic"} & set(sys.modules)))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "intents.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "kept.json"


def test_what_reads_stays_out_of_this_process(path: Path, kept: Path) -> None:
    """Its libraries too, also where there are errors, or nothing can be kept."""
    runs = [(TEXT, kept), (TEXT, kept / "is" / "no" / "directory"), (TEXT.replace("x", ""), kept)]
    for text, place in runs:
        path.write_text(text, encoding="utf-8")
        done = subprocess.run([sys.executable, "-c", READS, path, place], capture_output=True, text=True, check=True)
        assert done.stdout == "a\n[]\n"
    path.write_text(TEXT, encoding="utf-8")
    assert kept_catalog(path, kept) == load_catalog(path, normalise)


def test_errors_are_told_as_ever(path: Path, kept: Path) -> None:
    """The other process found them first, and kept nothing."""
    path.write_text("intents:\n- {tag: a, patterns: [a], responses: []}\n", encoding="utf-8")
    with pytest.raises(CatalogError) as found:
        read_catalog(path, kept)
    with pytest.raises(CatalogError) as expected:
        load_catalog(path, normalise)
    assert str(found.value) == str(expected.value)
    assert not kept.exists()


def test_where_no_process_can_be_started_it_is_read_here(
    path: Path, kept: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With a line in the log."""
    monkeypatch.setattr(sys, "executable", str(path.with_name("no-python")))
    assert read_catalog(path, kept) == load_catalog(path, normalise)
    assert "could not be read by a process of its own" in caplog.text


def test_a_process_that_hangs_is_ended(
    path: Path, kept: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And the catalog is read here."""
    monkeypatch.setattr(children, "LIMIT_S", 0.001)
    assert read_catalog(path, kept) == load_catalog(path, normalise)
    assert "timed out after 0.001 seconds" in caplog.text


@pytest.mark.skipif(sys.platform == "win32", reason="Windows runs no script by its first line")
@pytest.mark.parametrize(
    ("program", "told"),
    [("import sys; sys.exit('no room')", "ended with 1: no room"), ("print('[]')", "process of its own")],
)
def test_a_process_that_fails_is_told_of(
    path: Path, kept: Path, program: str, told: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And the catalog is read here."""
    script = path.with_name("python")
    script.write_text(f"#!{sys.executable}\n{program}\n", encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    assert read_catalog(path, kept) == load_catalog(path, normalise)
    assert told in caplog.text


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such priorities")
def test_the_process_comes_last_and_knows_no_secret(
    path: Path, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It computes beside members who wait, and reads what anyone may have written."""
    seen = tmp_path / "seen"
    program = tmp_path / "python"
    waits = f"import os\nwhile os.nice(0) < {SOMEWHAT_LATER}: os.sched_yield()"
    tells = f"open({str(seen)!r}, 'w').write(repr([os.environ[name] for name in {SECRET_VARIABLES!r}]))"
    program.write_text(f"#!{sys.executable}\n{waits}\n{tells}\n", encoding="utf-8")
    program.chmod(0o755)
    for name in SECRET_VARIABLES:
        monkeypatch.setenv(name, "secret")
    monkeypatch.setattr(sys, "executable", str(program))
    read_catalog(path, kept)
    assert seen.read_text(encoding="utf-8") == repr([""] * len(SECRET_VARIABLES))
    assert os.environ[SECRET_VARIABLES[0]] == "secret"


STORY = "story: Hours\nturns:\n- user: hi\n- {user: when, text: /1.:00/, slots: {size: small}}\n- wait: 2 minutes\n"

READS_STORIES = """
import sys
from pathlib import Path
from bot.story_check import StoryError, stories_of
try:
    print(stories_of(Path(sys.argv[1]))[0].lines)
except StoryError as error:
    print(error)
print(sorted({"ruamel.yaml"} & set(sys.modules)))
"""


def test_stories_are_read_by_another_process(tmp_path: Path) -> None:
    """The same comes of it, and what reads YAML stays out of this one."""
    file = tmp_path / "story.yaml"
    for text, told in [
        (STORY, "(3, 4, 5)"),
        (STORY.replace("wait", "what"), f'{file}:5: what: unknown field: did you mean "wait"?'),
    ]:
        file.write_text(text, encoding="utf-8")
        done = subprocess.run([sys.executable, "-c", READS_STORIES, file], capture_output=True, text=True, check=True)
        assert done.stdout == f"{told}\n[]\n"
    file.write_text(STORY, encoding="utf-8")
    assert stories_of(tmp_path) == read_stories([tmp_path])


def test_where_no_process_can_be_started_stories_are_read_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With a line in the log; what is no story is refused as ever."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    (tmp_path / "story.yaml").write_text(STORY, encoding="utf-8")
    assert stories_of(tmp_path) == read_stories([tmp_path])
    assert "could not be read by a process of its own" in caplog.text
    with pytest.raises(StoryError, match="no such file"):
        stories_of(tmp_path / "missing.yaml")
