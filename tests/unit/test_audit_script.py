"""What the audit makes of what pip-audit says; a stand-in program says it."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.audit import NOT_AUDITED, VULNERABLE, audit

SOUND = {"name": "aiohttp", "version": "3.14.5", "vulns": []}
FAULTY = {"name": "regex", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2", "3"]}]}
UNKNOWN = {"name": "numpy", "skip_reason": "Dependency not found on PyPI"}


def pip_audit(directory: Path, output: str, *, code: int = 0, error: str = "") -> list[str]:
    """A program that says what it was told to, and what it was asked on its standard error."""
    script = directory / "pip_audit.py"
    script.write_text(f"import sys\nprint({output!r})\nsys.stderr.write({error!r})\nsys.exit({code})\n")
    return [sys.executable, str(script)]


@pytest.mark.parametrize(
    ("dependencies", "code", "said"),
    [
        ([SOUND], 0, "no known vulnerability in 1 packages"),
        ([SOUND, FAULTY], VULNERABLE, "1 known vulnerabilities"),
        ([SOUND, UNKNOWN], NOT_AUDITED, "no answer on 1 of 2 packages"),
        ([UNKNOWN, FAULTY], VULNERABLE, "1 known vulnerabilities"),
    ],
)
def test_only_an_answer_on_every_package_is_a_pass(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], dependencies: list[Any], code: int, said: str
) -> None:
    """A mirror that knows nothing of vulnerabilities must not look like a clean bill."""
    command = pip_audit(tmp_path, json.dumps({"dependencies": dependencies}), code=int(FAULTY in dependencies))
    assert audit(command, tmp_path / "lock") == code
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ("regex 1: PYSEC-1, mended in 2, 3\n" if FAULTY in dependencies else "")


@pytest.mark.parametrize("command", ["no JSON", "no program"])
def test_what_is_out_of_reach_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    """Its last line tells why, and the exit code is none of a pass."""
    program = pip_audit(tmp_path, "", code=1, error="trace\nConnectionError: no route to host\n")
    assert audit([str(tmp_path / "none")] if command == "no program" else program, tmp_path / "lock") == NOT_AUDITED
    error = capsys.readouterr().err
    assert "nothing was audited" in error
    assert ("no route to host" in error) is (command == "no JSON")
