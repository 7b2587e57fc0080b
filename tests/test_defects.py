"""docs/defects.md: every defect of the published systems is there once, with a test that exists."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/defects.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| ([KJPS]\d+) \|(.*)\|(.*)\| `(tests/[^`]+)` \|$", PAGE, flags=re.MULTILINE)
COUNTS = {"K": 24, "J": 17, "P": 15, "S": 15}


def test_every_defect_is_there_once() -> None:
    expected = [f"{system}{number}" for system, count in COUNTS.items() for number in range(1, count + 1)]
    assert Counter(row[0] for row in ROWS) == Counter(expected)
    assert str(sum(COUNTS.values())) in PAGE


@pytest.mark.parametrize(("name", "test"), [(row[0], row[3]) for row in ROWS])
def test_its_test_exists(name: str, test: str) -> None:
    path, _, function = test.partition("::")
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    assert not function or function in functions, name
    assert any(known.startswith("test_") for known in functions), name


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_what_prevents_it_is_a_guard_a_setting_or_a_way(row: tuple[str, ...]) -> None:
    assert re.match(r" (guard|settings?|way)\b", row[2]), row[0]


def test_every_setting_that_the_recipes_name_for_a_defect_is_in_its_row() -> None:
    recipes = (ROOT / "docs/recipes.md").read_text(encoding="utf-8")
    rows = {row[0]: row[2] for row in ROWS}
    named = re.findall(r"^\| ([KJPS]\d+) \|.*\|.*\| (.*) \|$", recipes, flags=re.MULTILINE)
    settings = {(name, one) for name, cell in named for one in re.findall(r"`([\w-]+\.[\w.]+)`", cell)}
    assert len(settings) > 40
    assert not {(name, one) for name, one in settings if f"`{one}`" not in rows[name]}
