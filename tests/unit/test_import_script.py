"""The command line of the import: its formats, its files, and sources that are none."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intents.validation import load_catalog
from model.text import normalise
from scripts.importers import sources
from scripts.importers.detect import FORMATS
from tests.unit.import_helpers import DATA, run_import

ROOT = Path(__file__).parents[2]
BILLION = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + at)}: &{chr(98 + at)} [{', '.join([f'*{chr(97 + at)}'] * 9)}]\n" for at in range(9)
)
BAD = {
    "empty.yml": b"",
    "blank.json": b"  \n ",
    "broken.json": b'{"intents": [',
    "broken.yml": b"nlu:\n- intent: a\n  examples: |\n   - b\n bad\n\tworse: [",
    "tab.yml": b"nlu:\n\t- intent: a\n",
    "loop.yml": b"nlu: &a [*a]\n",
    "bomb.yml": BILLION.encode() + b"nlu: [*j]\n",
    "tagged.yml": b"nlu: !!python/object/apply:os.system ['touch evil']\n",
    "deep.json": b"[" * 100_000,
    "deep.yml": b"nlu: " + b"[" * 5_000,
    "binary.csv": bytes(range(256)) * 20,
    "picture.json": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + b"\0\xff" * 100,
    "number.json": b"7",
    "text.json": b'"hello"',
    "null.json": b"null",
    "nan.json": b'{"intents": [NaN, {"tag": NaN, "patterns": {}, "responses": 1e999}]}',
    "one_column.csv": b"question\nwhy\n",
    "half.jsonl": b'{"turns": [{"speaker": "a"',
    "not_a.zip": b"PK\x03\x04 but no archive",
    "cut.zip": None,
    "wrong.json": b'{"intents": [1, [], null, {"tag": {}, "patterns": {"a": []}, "responses": [[]]}]}',
}


def bad_file(directory: Path, name: str) -> Path:
    path = directory / name
    content = BAD[name]
    if content is None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("nlu.yml", "nlu:\n" * 100)
        content = path.read_bytes()[:60]
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", BAD)
def test_bad_source_is_told_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Naming the file, with exit code 1, no trace and no file written."""
    path = bad_file(tmp_path, name)
    assert run_import(monkeypatch, path, "--to", tmp_path / "bot.yaml", "--encoder", "none") == 1
    said = [line for line in capsys.readouterr().err.splitlines() if "--format says otherwise" not in line]
    assert said[-1].startswith(str(path))
    assert "Traceback" not in "".join(said)
    assert not (tmp_path / "bot.yaml").exists()
    assert not (ROOT / "evil").exists()


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("name", BAD)
def test_bad_source_raises_nothing_as_any_format(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, format_name: str
) -> None:
    """Whatever it is taken for."""
    options = ("--format", format_name, "--encoder", "none", "--to", tmp_path / "bot.yaml")
    assert run_import(monkeypatch, bad_file(tmp_path, name), *options) in {0, 1}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "intents",
                        "tag",
                        "patterns",
                        "responses",
                        "context",
                        "text",
                        "intent",
                        "turns",
                        "speaker",
                        "nlu",
                        "examples",
                        "rules",
                        "steps",
                        "action",
                        "stories",
                        "or",
                        "forms",
                        "slots",
                        "mappings",
                        "buttons",
                        "title",
                        "payload",
                        "condition",
                        "or",
                        "role",
                        "content",
                        "messages",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=25,
    ),
    suffix=st.sampled_from([".json", ".yml", ".jsonl"]),
    format_name=st.sampled_from(FORMATS),
)
def test_any_document_is_read_or_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: object, suffix: str, format_name: str
) -> None:
    """And what is written is a catalog without errors."""
    import json

    path, target = tmp_path / f"any{suffix}", tmp_path / "out" / "bot.yaml"
    path.write_text(json.dumps(value))
    options = ("--format", format_name, "--encoder", "none", "--force", "--to", target)
    if run_import(monkeypatch, path, *options) == 0:
        load_catalog(target, normalise)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("rasa", "rasa"),
        ("rasa1", "rasa"),
        ("agent", "dialogflow"),
        ("tutorial.json", "tutorial"),
        ("faq.csv", "csv"),
        ("dialogues.jsonl", "dialogues"),
    ],
)
def test_format_is_told_from_the_content(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, told: str
) -> None:
    """And said, so that a wrong guess can be put right."""
    assert run_import(monkeypatch, DATA / name, "--to", tmp_path / "bot.yaml", "--encoder", "none") == 0
    captured = capsys.readouterr()
    assert f"{DATA / name}: read as {told}; --format says otherwise" in captured.err
    assert captured.out.startswith(str(tmp_path / "bot.yaml"))


def test_files_are_written_over_only_when_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One of another language, too."""
    target = tmp_path / "bot.yaml"
    (tmp_path / "bot.de.yaml").write_text("mine")
    assert run_import(monkeypatch, DATA / "agent", "--to", target) == 1
    assert f"{tmp_path / 'bot.de.yaml'}: is there already" in capsys.readouterr().err
    assert not target.exists()
    assert run_import(monkeypatch, DATA / "agent", "--to", target, "--force") == 0
    assert (tmp_path / "bot.de.yaml").read_text(encoding="utf-8") != "mine"


def test_written_file_tells_where_it_is_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And what was left out, by names within the source."""
    target = tmp_path / "bot.yaml"
    run_import(monkeypatch, DATA / "rasa", "--to", target)
    head = target.read_text(encoding="utf-8").split("\n\n")[0]
    assert head.startswith("# Imported from rasa (rasa) by `python -m scripts.import_intents`.")
    assert "# - domain.yml:85: response utter_forgotten: left out" in head
    assert str(DATA) not in head


def test_sizes_are_bounded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a file, and of an archive, whatever that says of itself."""
    monkeypatch.setattr(sources, "MAX_FILE_BYTES", 1_000)
    large = tmp_path / "large.csv"
    large.write_text("why,because\n" * 1_000)
    archive = tmp_path / "large.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        made.write(large, "large.csv")
    for path in (large, archive):
        assert run_import(monkeypatch, path, "--to", tmp_path / "bot.yaml") == 1
        assert "larger than" in capsys.readouterr().err


def test_links_are_not_followed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A project must not bring in what lies outside it."""
    outside = tmp_path / "secret.json"
    outside.write_text('{"intents": [{"tag": "secret", "patterns": ["x"], "responses": ["y"]}]}')
    project = tmp_path / "project"
    project.mkdir()
    (project / "link.json").symlink_to(outside)
    assert run_import(monkeypatch, project, "--to", tmp_path / "bot.yaml") == 1
    assert "a link" in capsys.readouterr().err


@pytest.mark.parametrize("path", ["nowhere", "nowhere.zip", "a\0b"])
def test_missing_source_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], path: str
) -> None:
    """Named."""
    assert run_import(monkeypatch, path) == 1
    assert "nowhere" in capsys.readouterr().err or "\0" in path


def test_command_line_as_a_shell_runs_it(tmp_path: Path) -> None:
    """Notes and table on standard error, the path of the file on standard output, with names of any letters."""
    source = tmp_path / "größe.csv"
    source.write_text("wie groß?,sehr 🐘\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "scripts.import_intents", str(source), "--to", str(tmp_path / "groß.yaml")],
        cwd=ROOT,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"100%" in done.stderr
    catalog, _ = load_catalog(tmp_path / "groß.yaml", normalise)
    assert catalog.intents[0].responses[0].text == "sehr 🐘"
