"""What Parley is made of: exact versions with hashes, no data that runs code, archives that stay in place."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("adapters", "bot", "intents", "model", "scripts")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))

CODE_FROM_DATA = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
"""Modules whose loading of a file runs what stands in it."""

UNPACKING = {"extract", "extractall", "unpack_archive"}
"""Calls that write where an archive says; members are read one by one instead."""

LOCKS = ("requirements.lock", "deploy/requirements.lock")


def calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))


def name_of(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def test_nothing_is_unpickled() -> None:
    """A model or a cache from elsewhere is data: loading it runs no code of its own."""
    found = set()
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found |= {(str(path), name) for name in names if name.partition(".")[0] in CODE_FROM_DATA}
    assert found == set()


def test_arrays_and_models_are_loaded_as_data() -> None:
    """NumPy is told each time that no objects are wanted, and Keras to refuse code."""
    loads, models = [], []
    for path in FILES:
        for call in calls(path):
            keywords = {one.arg: ast.unparse(one.value) for one in call.keywords}
            source = ast.unparse(call.func)
            if source in {"np.load", "numpy.load"}:
                loads.append(keywords.get("allow_pickle"))
            if source.endswith(("load_model", "model_from_json")):
                models.append(keywords.get("safe_mode", "True"))
    assert loads
    assert set(loads) == {"False"}
    assert models
    assert set(models) == {"True"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_archive_says_where_it_is_written(path: Path) -> None:
    """A member called ``../../etc/passwd`` is a name like any other; neither is a shell asked, nor text run."""
    assert UNPACKING.isdisjoint(map(name_of, calls(path)))
    assert {"eval", "exec", "system", "popen"}.isdisjoint(
        name_of(call) for call in calls(path) if ast.unparse(call.func) in {"eval", "exec", "os.system", "os.popen"}
    )


def pins(lock: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Return version and hashes of each package, by its name and marker."""
    blocks = re.split(r"\n(?=\S)", (ROOT / lock).read_text("utf-8").strip())
    found = {}
    for block in blocks:
        match = re.match(r"(?P<name>[\w.-]+)==(?P<version>[^\s;]+)(?P<marker> ;[^\\]*)?", block)
        assert match is not None, f"{lock}: not an exact version: {block.splitlines()[0]}"
        found[match["name"] + (match["marker"] or "").strip()] = (
            match["version"],
            frozenset(re.findall(r"sha256:[0-9a-f]{64}", block)),
        )
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_every_version_is_exact_and_hashed(lock: str) -> None:
    """What is installed is what was looked at."""
    found = pins(lock)
    assert len(found) > 40
    assert all(hashes for _, hashes in found.values())


def test_the_image_installs_what_was_tested() -> None:
    """Its lock has versions and hashes of the whole lock, all that serving needs, and nothing of training."""
    whole, run = ({_package(name): pin for name, pin in pins(lock).items()} for lock in LOCKS)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needed = {_package(one) for one in project["dependencies"]}
    training = {_package(one) for one in project["optional-dependencies"]["train"]}
    assert needed <= run.keys() < whole.keys()
    assert training.isdisjoint(run)
    assert [name for name in run if run[name] != whole[name]] == []


def _package(requirement: str) -> str:
    match = re.match(r"[\w.-]+", requirement)
    assert match is not None
    return re.sub(r"[-_.]+", "-", match[0]).lower()
