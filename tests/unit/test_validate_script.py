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
HELLO = {"tag": "hello", "patterns": ["hi", "hey", "hello", "good day", "greetings"], "responses": ["Hi!"]}
DOUBLED = HELLO | {"patterns": [*HELLO["patterns"], "Hi!"]}
ANSWERS = ["yes", "yes please", "sure", "of course", "okay"]
UNSET = {"tag": "yes", "patterns": ANSWERS, "responses": ["Ok."], "context_filter": ["asked"]}
SKIPPED = (
    "near duplicates were not looked for: the encoder's files are not in .parley/encoder"
    " (`python -m scripts.fetch_encoder` fetches them)"
)


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own `.env` and variables out."""
    monkeypatch.chdir(tmp_path)
    for name in ("INTENTS_PATH", "ENCODER_DIR", "MODELS_DIR", "ACTION_MODULES"):
        monkeypatch.delenv(name, raising=False)


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
    assert capsys.readouterr() == (f"{SKIPPED}\n1 intents with 5 patterns: 0 errors, 0 warnings\n", "")


@pytest.mark.parametrize(("options", "code"), [([], 0), (["--strict"], 1)])
def test_warnings_fail_only_strictly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], options: list[str], code: int
) -> None:
    """They are printed either way."""
    assert run(monkeypatch, write(DOUBLED), *options) == code
    finding, skipped, summary = capsys.readouterr().out.splitlines()
    assert finding.startswith("warning: intents.json:1: hello: patterns: duplicate")
    assert skipped == SKIPPED
    assert summary == "1 intents with 6 patterns: 0 errors, 1 warnings"


def test_errors_fail_and_all_findings_are_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Warnings beside them too, each with file, tag and field."""
    assert run(monkeypatch, write(DOUBLED, UNSET)) == 1
    lines = capsys.readouterr().out.splitlines()
    assert sorted(line.split(": ")[:4] for line in lines[:-1]) == [
        ["error", "intents.json:1", "yes", "context_filter"],
        ["warning", "intents.json:1", "hello", "patterns"],
    ]
    assert lines[-1] == "intents.json: 1 errors, 1 warnings"


def test_findings_are_json_for_programs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output holds nothing else; what was skipped stands on standard error."""
    assert run(monkeypatch, write(DOUBLED), "--json") == 0
    output = capsys.readouterr()
    (finding,) = json.loads(output.out)
    assert finding.pop("message").startswith("duplicate")
    assert finding == {"severity": "warning", "file": "intents.json", "line": 1, "tag": "hello", "field": "patterns"}
    assert output.err == f"{SKIPPED}\n"


def test_errors_are_json_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that cannot be read is one finding without a tag."""
    Path("a.yaml").write_text("intents:\n  - [\n", encoding="utf-8")
    assert run(monkeypatch, "a.yaml", "--json") == 1
    (finding,) = json.loads(capsys.readouterr().out)
    assert (finding["severity"], finding["file"], finding["tag"], finding["field"]) == ("error", "a.yaml", None, None)
    assert finding["line"] in {2, 3}


def test_action_that_cannot_be_called_is_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The validator looks at the operator's functions, which reading a catalog alone does not."""
    assert run(monkeypatch, write(HELLO | {"action": {"call": "nowhere:nothing"}})) == 1
    assert capsys.readouterr().out.startswith("error: intents.json:1: hello: action: ")


def test_near_duplicates_are_warned_about(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tiny_encoder: Path
) -> None:
    """With an encoder there, patterns of two intents that say nearly the same are named as a pair, with their line."""
    monkeypatch.setenv("ENCODER_DIR", str(tiny_encoder))
    other = UNSET | {"patterns": [*ANSWERS, "hello"], "context_filter": []}
    path = write(
        HELLO | {"patterns": [*HELLO["patterns"], "hello hello"]}, other | {"patterns": [*ANSWERS, "hello hello hello"]}
    )
    assert run(monkeypatch, path, "--strict") == 1
    found = [line for line in capsys.readouterr().out.splitlines() if "near duplicate" in line]
    assert found[0].startswith(
        "warning: intents.json:1: yes: patterns: near duplicate: 'hello hello hello' says nearly"
    )


def test_schema_of_editors_is_that_of_the_models() -> None:
    """`--write-schema` writes it anew when the format changes."""
    assert validate.SCHEMA_FILE.read_text(encoding="utf-8") == validate.schema_text()


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
    assert done.stdout.decode().startswith("error") is (code == 1)
