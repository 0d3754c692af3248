"""The direction of imports, and what the serving process never imports."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
MAY_IMPORT = {
    "intents": set(),
    "model": {"intents"},
    "adapters": set(),
    "bot": {"intents", "model", "adapters"},
    "scripts": {"intents", "model", "adapters", "bot"},
}
FILES = sorted(path for package in MAY_IMPORT for path in (ROOT / package).rglob("*.py"))
TRAINING_ONLY = ("tensorflow", "keras", "keras_hub", "sklearn", "scipy", "nltk")
TRAINING_ONLY += ("safetensors", "optuna", "rich")
PLATFORMS = ("discord", "telegram", "aiohttp", "httpx")
PAGES = ("jinja2", "markupsafe")


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported(path: Path) -> Iterator[str]:
    """Yield the full name of every module that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            assert node.module is not None
            yield node.module


def loaded_by(program: str, *arguments: str) -> set[str]:
    """Return the top-level names in `sys.modules` after a program has run in a process of its own."""
    program += "\nimport json, sys\nprint(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_point_one_way(package: str) -> None:
    """intents <- model <- bot -> adapters; scripts may import all, and nothing imports scripts."""
    forbidden = (MAY_IMPORT.keys() | {"tests"}) - MAY_IMPORT[package] - {package}
    found = [
        (module_of(path), name)
        for path in FILES
        if path.relative_to(ROOT).parts[0] == package
        for name in imported(path)
        if name.partition(".")[0] in forbidden
    ]
    assert found == []


def test_every_package_is_looked_at() -> None:
    """The rules above are about files that are there."""
    looked_at = {module_of(path) for path in FILES}
    assert {"intents.catalog", "model.decision", "adapters.base", "bot.app", "scripts.train"} <= looked_at
    assert "model.training" in set(imported(ROOT / "scripts" / "train.py")), "an import inside a function is seen"


def test_no_file_is_named_like_an_imported_library() -> None:
    """It would shadow the library where its folder is on the path."""
    libraries = {name.partition(".")[0] for path in FILES for name in imported(path)} - MAY_IMPORT.keys()
    assert {"discord", "telegram", "logging"} <= libraries
    assert [str(path) for path in FILES if path.stem in libraries] == []


def test_contract_of_the_adapters_needs_the_standard_library_alone() -> None:
    """What every platform shares knows none of them."""
    names = {name.partition(".")[0] for name in imported(ROOT / "adapters" / "base.py")}
    assert names <= sys.stdlib_module_names


def test_adapters_bring_in_no_training_library() -> None:
    """Nor anything of the model or the bot."""
    adapters = [module_of(path) for path in FILES if path.parent == ROOT / "adapters"]
    loaded = loaded_by("".join(f"import {name}\n" for name in adapters))
    assert {"adapters", "discord", "telegram"} <= loaded
    assert loaded.isdisjoint(set(TRAINING_ONLY) - {"rich"}), "httpx brings rich in where it is installed"
    assert loaded.isdisjoint({"intents", "model", "bot", "scripts"})


@pytest.mark.parametrize("module", ["bot.app", "bot.cli"])
def test_process_starts_without_training_libraries_and_platforms(module: str) -> None:
    """A platform's library comes in with its token, the pages' with the review page, and those of training never."""
    loaded = loaded_by(f"import {module}")
    assert {"bot", "model", "intents"} <= loaded
    assert loaded.isdisjoint({*TRAINING_ONLY, "tokenizers"})
    assert loaded.isdisjoint({*PLATFORMS, *PAGES})


CLASSIFY = """
import sys
from pathlib import Path
from model.bundle import current_path, load_bundle
from model.classifier import IntentClassifier
from model.runtime import load_runtime
bundle = load_bundle(current_path(Path(sys.argv[1])))
classifier = IntentClassifier(bundle, load_runtime(bundle, "litert"), bundle.catalog)
assert classifier.classify("could I order one pizza please").ranking[0].tag == "order_pizza"
"""


def test_classifying_under_litert_needs_no_training_library(trained: Any) -> None:
    """From the bundle to the decision, in a process where all of them are installed; without an encoder, no tokens."""
    loaded = loaded_by(CLASSIFY, str(trained.models_dir))
    assert "ai_edge_litert" in loaded
    assert loaded.isdisjoint(TRAINING_ONLY)
    assert "tokenizers" not in loaded


def test_classifying_with_an_encoder_needs_its_tokenizer_alone(trained_with_encoder: Any) -> None:
    """Its network is a part of the compiled one."""
    loaded = loaded_by(CLASSIFY, str(trained_with_encoder.models_dir))
    assert {"ai_edge_litert", "tokenizers"} <= loaded
    assert loaded.isdisjoint(TRAINING_ONLY)
