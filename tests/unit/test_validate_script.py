"""`python -m scripts.validate`: what it prints, and the exit codes that continuous integration reads."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts import validate

ROOT = Path(__file__).parents[2]
HELLO = {"tag": "hello", "patterns": ["hi", "hey"], "responses": ["Hi!"]}
DOUBLED = HELLO | {"patterns": ["hi", "Hi!"]}
UNSET = {"tag": "yes", "patterns": ["yes"], "responses": ["Ok."], "context_filter": ["asked"]}


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own `.env` and variables out."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("INTENTS_PATH", raising=False)


def write(*entries: dict[str, Any]) -> Path:
    path = Path("intents.json")
    path.write_text(json.dumps({"intents": entries}), encoding="utf-8")
    return path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["validate", *map(str, arguments)])
    return validate.main()


@pytest.mark.parametrize("options", [[], ["--strict"]])
def test_sound_file_is_summed_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    """Exit 0, strictly too."""
    assert run(monkeypatch, write(HELLO), *options) == 0
    assert capsys.readouterr() == ("1 intents with 2 patterns: 0 errors, 0 warnings\n", "")


@pytest.mark.parametrize(("options", "code"), [([], 0), (["--strict"], 1)])
def test_warnings_fail_only_strictly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], options: list[str], code: int
) -> None:
    """They are printed either way."""
    assert run(monkeypatch, write(DOUBLED), *options) == code
    finding, summary = capsys.readouterr().out.splitlines()
    assert finding.startswith("warning: intents.json: hello: patterns: duplicate")
    assert summary == "1 intents with 2 patterns: 0 errors, 1 warnings"


def test_errors_fail_and_all_findings_are_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Warnings beside them too, each with file, tag and field."""
    assert run(monkeypatch, write(DOUBLED, UNSET)) == 1
    lines = capsys.readouterr().out.splitlines()
    assert sorted(line.split(": ")[:4] for line in lines[:-1]) == [
        ["error", "intents.json", "yes", "context_filter"],
        ["warning", "intents.json", "hello", "patterns"],
    ]
    assert lines[-1] == "intents.json: 1 errors, 1 warnings"


def test_path_is_by_default_the_one_in_service(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """INTENTS_PATH says where the admin's file is."""
    monkeypatch.setenv("INTENTS_PATH", str(write(HELLO)))
    assert run(monkeypatch) == 0
    assert "1 intents" in capsys.readouterr().out


def test_missing_path_is_an_error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Named, without a trace."""
    assert run(monkeypatch, "nowhere.json") == 1
    assert capsys.readouterr().out.startswith("error: nowhere.json: missing")


@pytest.mark.parametrize(("content", "code"), [('{"intents": [', 1), (json.dumps({"intents": [HELLO]}), 0)])
def test_command_line_reports_by_its_exit_code(tmp_path: Path, content: str, code: int) -> None:
    """As a shell runs it, with plain text on standard output alone."""
    path = tmp_path / "größe.json"
    path.write_text(content, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "scripts.validate", str(path)],
        cwd=ROOT,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (code, b"")
    assert (f"{path}:1: not valid JSON" in done.stdout.decode()) is (code == 1)
