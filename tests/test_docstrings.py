"""Public docstrings are numpydoc: every parameter by its name with its type and a description, and what comes back."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import kemfeat

SOURCE = Path(kemfeat.__file__).parent
FILES = sorted(path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py"))
SECTION = re.compile(r"^(\w[\w ]*)\n-{3,}$", re.MULTILINE)
ENTRY = re.compile(r"(\*{0,2}\w+(?:, \*{0,2}\w+)*) : \S.*")
REFERS = re.compile(r"\b(?:as|see|parameters as|See) :(?:func|meth|class|attr|data|mod):`")
Function = ast.FunctionDef | ast.AsyncFunctionDef


def sections(docstring: str) -> dict[str, str]:
    """The text of each section by its heading."""
    parts = SECTION.split(docstring)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def entries(text: str) -> dict[str, str]:
    """Per parameter its description; each begins with a line of its own, and its description is indented below."""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in filter(str.strip, text.strip("\n").splitlines()):
        if line.startswith(" "):
            found |= {name: found[name] + line for name in names}
        else:
            head = ENTRY.fullmatch(line)
            assert head, f"expected 'name : type' with an indented description below, found {line!r}"
            names = [name.lstrip("*") for name in head[1].split(", ")]
            found |= dict.fromkeys(names, "")
    return found


def documented(tree: ast.AST) -> Iterator[tuple[ast.ClassDef | Function, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node)
            if docstring:
                yield node, docstring


def public(tree: ast.Module) -> Iterator[Function]:
    """Functions and methods that users and other rooms call."""
    for node in tree.body:
        members = node.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_") else [node]
        for member in members:
            if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef) and not member.name.startswith("_"):
                yield member


def parameters(function: Function) -> list[str]:
    known = function.args
    named = [argument.arg for argument in (*known.posonlyargs, *known.args, *known.kwonlyargs)]
    return [name for name in named if name not in {"self", "cls"}]


def is_property(function: Function) -> bool:
    return any(
        "property" in ast.unparse(decorator) or "overload" in ast.unparse(decorator)
        for decorator in function.decorator_list
    )


@pytest.mark.parametrize("path", FILES)
def test_parameters_have_a_type_and_a_description(path: str) -> None:
    for node, docstring in documented(ast.parse((SOURCE / path).read_text(encoding="utf-8"))):
        for name, description in entries(sections(docstring).get("Parameters", "")).items():
            assert description, f"{path}:{node.lineno} {node.name}: {name} has no description below its type"


@pytest.mark.parametrize("path", [path for path in FILES if "/_" not in f"/{path.replace('__init__', '')}"])
def test_public_functions_say_what_they_take_and_give(path: str) -> None:
    for function in public(ast.parse((SOURCE / path).read_text(encoding="utf-8"))):
        docstring = ast.get_docstring(function) or ""
        if is_property(function) or REFERS.search(docstring):
            continue
        found, where = sections(docstring), f"{path}:{function.lineno} {function.name}"
        missing = set(parameters(function)) - set(entries(found.get("Parameters", "")))
        assert not missing, f"{where}: the section Parameters lacks {sorted(missing)}"
        gives = function.returns is not None and ast.unparse(function.returns) != "None"
        assert not gives or {"Returns", "Yields"} & set(found), f"{where}: no section Returns"
