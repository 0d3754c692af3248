"""The page of what Parley does on each platform names the tests that hold it."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "platforms.md"

NAMED = re.compile(r"`((?:unit|e2e)/test_\w+\.py)::(test_\w+)`")
UNHELD = "not yet"


@cache
def names_in(path: str) -> frozenset[str]:
    """The tests of a file; none if it does not exist."""
    file = TESTS / path
    if not file.exists():
        return frozenset()
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.parse(file.read_text("utf-8")).body if isinstance(node, kinds))


def rows() -> list[list[str]]:
    """The cells of each row, without the heads of the tables."""
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row[0] and not row[0].startswith("---")]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_a_row_names_tests_that_exist(row: list[str]) -> None:
    """Whoever reads that something works can run what shows it; what nothing holds says so."""
    _, _, held_by = row
    named = NAMED.findall(held_by)
    assert bool(named) != (held_by == UNHELD)
    assert [f"{path}::{name}" for path, name in named if name not in names_in(path)] == []
    assert held_by.count("::") == len(named), "a test is named in another form"


def test_the_page_has_all_parts() -> None:
    """The tables cannot be lost unseen."""
    assert len(rows()) > 60
