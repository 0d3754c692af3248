"""`python -m scripts.audit`: known vulnerabilities of every locked version, as the advisory database of PyPI has them.

pip-audit is run by uv where that is installed, else from a virtual environment of its own that is thrown away.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path

LOCK = Path("requirements.lock")
PIP_AUDIT = "pip-audit==2.10.1"
LIMIT_S = 600.0

VULNERABLE, NOT_AUDITED = 1, 3


def main() -> None:
    """Audit, and leave with 0 if nothing is known, 1 for vulnerabilities, 3 if the database could not be asked."""
    parser = argparse.ArgumentParser(prog="python -m scripts.audit", description=__doc__)
    parser.add_argument("lock", nargs="?", type=Path, default=LOCK, help=f"the file to look at ({LOCK})")
    arguments = parser.parse_args()
    if not arguments.lock.is_file():
        parser.error(f"{arguments.lock}: no such file")
    with tempfile.TemporaryDirectory() as directory:
        try:
            command = _pip_audit(Path(directory))
        except (OSError, subprocess.SubprocessError) as error:
            sys.exit(
                _say(NOT_AUDITED, f"{PIP_AUDIT} cannot be installed ({type(error).__name__}): nothing was audited")
            )
        sys.exit(audit(command, arguments.lock))


def _pip_audit(directory: Path) -> list[str]:
    if uvx := shutil.which("uvx"):
        return [uvx, "--quiet", PIP_AUDIT]
    venv.create(directory, with_pip=True)
    python = next(
        path for path in (directory / "bin" / "python", directory / "Scripts" / "python.exe") if path.exists()
    )
    subprocess.run([python, "-m", "pip", "install", "--quiet", PIP_AUDIT], check=True, timeout=LIMIT_S)  # noqa: S603
    return [str(python), "-m", "pip_audit"]


def audit(command: Sequence[str], lock: Path) -> int:
    """Run pip-audit on a lock file, show what it finds, and return the exit code.

    Parameters
    ----------
    command
        What runs pip-audit.
    lock
        A file of exact versions with hashes: nothing is resolved, downloaded or installed.
    """
    options = ["--require-hashes", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
    try:
        done = subprocess.run(  # noqa: S603 - pip-audit, of a fixed version
            [*command, *options, "--requirement", str(lock)],
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        found = json.loads(done.stdout)["dependencies"]
    except (OSError, subprocess.TimeoutExpired) as error:
        return _say(NOT_AUDITED, f"pip-audit did not come to an end ({type(error).__name__}): nothing was audited")
    except (ValueError, KeyError):
        last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        return _say(NOT_AUDITED, f"the advisory database is out of reach, so nothing was audited: {last}")
    vulnerable = [
        f"{one['name']} {one['version']}: {fault['id']}, mended in {', '.join(fault['fix_versions']) or 'no version'}"
        for one in found
        for fault in one.get("vulns", ())
    ]
    skipped = [one["name"] for one in found if "skip_reason" in one]
    for line in vulnerable:
        print(line)
    if vulnerable:
        return _say(VULNERABLE, f"{len(vulnerable)} known vulnerabilities in {lock}: `make lock` takes newer versions")
    if skipped:  # as behind a mirror that has packages, but nothing about them
        return _say(NOT_AUDITED, f"the database has no answer on {len(skipped)} of {len(found)} packages")
    return _say(0, f"no known vulnerability in {len(found)} packages of {lock}")


def _say(code: int, text: str) -> int:
    print(f"audit: {text}", file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
