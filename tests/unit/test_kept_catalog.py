"""A catalog that is kept: read anew when anything changed, and not else."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from intents.findings import CatalogError
from intents.kept import load_kept_catalog
from intents.validation import load_catalog
from model.text import normalise

ROOT = Path(__file__).parents[2]
TEXT = """\
intents:
- tag: a
  patterns: [a, b, c]
  responses: [{text: x, file: note.txt}]
"""


@pytest.fixture
def catalog_dir(tmp_path: Path) -> Path:
    directory = tmp_path / "catalog"
    directory.mkdir()
    (directory / "a.yaml").write_text(TEXT, encoding="utf-8")
    (directory / "note.txt").touch()
    return directory


def marked(kept: Path) -> None:
    """Change what is kept, so that it shows where a catalog came from."""
    kept.write_text(kept.read_text(encoding="utf-8").replace('"text": "x"', '"text": "kept"'), encoding="utf-8")


def said(catalog_dir: Path, kept: Path) -> str:
    return load_kept_catalog(catalog_dir, normalise, kept)[0].intents[0].responses[0].text


def test_unchanged_catalog_is_not_read_again(catalog_dir: Path, tmp_path: Path) -> None:
    """Its warnings are kept too."""
    kept = tmp_path / "state" / "catalog.json"
    found = load_kept_catalog(catalog_dir, normalise, kept)
    assert found == load_catalog(catalog_dir, normalise)
    assert len(found[1]) == 1
    assert load_kept_catalog(catalog_dir, normalise, kept) == found
    marked(kept)
    assert said(catalog_dir, kept) == "kept"
    assert [file.name for file in kept.parent.iterdir()] == ["catalog.json"]


@pytest.mark.parametrize("name", ["a.yaml", "b.json"])
def test_changed_catalog_is_read(catalog_dir: Path, tmp_path: Path, name: str) -> None:
    """A file that was changed, and one that is new."""
    kept = tmp_path / "catalog.json"
    said(catalog_dir, kept)
    marked(kept)
    entry = {"tag": "new", "patterns": ["n"], "responses": ["n"]}
    text = TEXT + "# changed\n" if name == "a.yaml" else json.dumps({"intents": [entry]})
    (catalog_dir / name).write_text(text, encoding="utf-8")
    assert said(catalog_dir, kept) == "x"


def test_file_that_is_gone_is_noticed(catalog_dir: Path, tmp_path: Path) -> None:
    """What a response sends must be there, though no file of intents changed."""
    kept = tmp_path / "catalog.json"
    said(catalog_dir, kept)
    (catalog_dir / "note.txt").unlink()
    with pytest.raises(CatalogError, match=r"note\.txt"):
        said(catalog_dir, kept)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"key": 1}', "[" * 100_000, "\x00"])
def test_damaged_file_costs_time_alone(catalog_dir: Path, tmp_path: Path, content: str) -> None:
    """It is written anew."""
    kept = tmp_path / "catalog.json"
    kept.write_text(content, encoding="utf-8")
    assert said(catalog_dir, kept) == "x"
    marked(kept)
    assert said(catalog_dir, kept) == "kept"


def test_catalog_with_errors_is_not_kept(catalog_dir: Path, tmp_path: Path) -> None:
    """Nor is one that is not there, nor anything where nothing can be written."""
    kept = tmp_path / "catalog.json"
    with pytest.raises(CatalogError):
        load_kept_catalog(tmp_path / "nowhere", normalise, kept)
    (catalog_dir / "a.yaml").write_text("{", encoding="utf-8")
    with pytest.raises(CatalogError):
        load_kept_catalog(catalog_dir, normalise, kept)
    assert not kept.exists()
    (catalog_dir / "a.yaml").write_text(TEXT, encoding="utf-8")
    assert said(catalog_dir, catalog_dir / "a.yaml" / "catalog.json") == "x"


PROGRAM = """
import sys
from pathlib import Path
from intents.kept import load_kept_catalog
load_kept_catalog(Path(sys.argv[1]), str.casefold, Path(sys.argv[2]))
print(*sorted({name.partition(".")[0] for name in sys.modules} & {"pydantic", "ruamel"}))
"""


def test_kept_catalog_needs_no_library(catalog_dir: Path, tmp_path: Path) -> None:
    """Those that read files take longer to start than all of serving."""
    command = [sys.executable, "-c", PROGRAM, str(catalog_dir), str(tmp_path / "catalog.json")]
    loaded = [
        subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout.strip()
        for _ in range(2)
    ]
    assert loaded == ["pydantic ruamel", ""]
