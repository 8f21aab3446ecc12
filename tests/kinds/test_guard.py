"""A new kind is a file in networking/kinds/ and nothing else: no other file names one. Demo, tests and docs may."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from networking.kinds.base import KINDS
from tests.started import ROOT

PACKAGES = ("kbconsole", "networking", "placements")
APART = ("networking/kinds/", "kbconsole/demo/")
PRODUCTS = re.compile(r"cilium|metallb")
TABLES = ("kbconsole/k8s/kinds.py", "kbconsole/fleet/preflight/rights.py")
"""What API servers may serve, and what the console may ask of them: names of API groups, whoever uses them."""
TOOLS = ("kbconsole/fleet/tools.py", "kbconsole/fleet/commands.py", "kbconsole/env.py")
COMMAND = ("cilium", "KBCONSOLE_CILIUM")
"""A program that steps may run, and where it is."""


def inside(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def files() -> list[tuple[str, ast.Module]]:
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return [
        (inside(path), ast.parse(path.read_text()))
        for path in paths
        if not inside(path).startswith(APART) and "/migrations/" not in inside(path)
    ]


def keys_and_docs(tree: ast.Module) -> set[int]:
    """Return the ids of strings that are docstrings, or names of fields: a port of a service has a node_port, too."""
    found: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            found.add(id(node.value))
        elif isinstance(node, ast.Dict):
            found |= {id(key) for key in node.keys}
        elif isinstance(node, ast.Subscript):
            found.add(id(node.slice))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
            found |= {id(argument) for argument in node.args[:1]}
    return found


def strings() -> Iterator[tuple[str, str]]:
    for path, tree in files():
        apart = keys_and_docs(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in apart:
                yield path, node.value


def modules() -> set[str]:
    """Return the modules that hold kinds, each with everything below and beside it of its name."""
    return {kind.__module__ for kind in KINDS}


def test_no_code_outside_names_a_kind() -> None:
    slugs = {kind.slug for kind in KINDS}
    assert {"cilium_mesh", "cloud_lb", "metallb", "node_port"} <= slugs
    assert [(path, text) for path, text in strings() if text in slugs] == []


def test_no_code_outside_imports_a_kind() -> None:
    of_kinds = modules()
    found = [
        (path, name)
        for path, tree in files()
        for node in ast.walk(tree)
        for name in imported(node)
        if any(name == module or name.startswith(f"{module}.") for module in of_kinds)
    ]
    assert found == []


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom) and node.module:
        return [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []


def test_no_sentence_outside_names_what_a_kind_is_made_with() -> None:
    found = [
        (path, text)
        for path, text in strings()
        if PRODUCTS.search(text.lower()) and path not in TABLES and not (path in TOOLS and text in COMMAND)
    ]
    assert found == []


def test_no_template_names_a_kind() -> None:
    words = "|".join(sorted({re.escape(kind.slug) for kind in KINDS})) + r"|cilium|metallb"
    texts = {inside(path): path.read_text() for path in (ROOT / "templates").rglob("*.html")}
    assert len(texts) > 20
    assert [name for name, text in texts.items() if re.search(rf"(?i)\b({words})", text)] == []
