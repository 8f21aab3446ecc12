"""A test of the repository itself: what exists is tested, rendered, declared and used."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import declared
from kbconsole.jobs.definition import jobs
from networking.kinds.base import KINDS
from placements.engines.base import ENGINES
from tests.started import ROOT, environment, python

PACKAGES = ("kbconsole", "networking", "placements")
# Django, or the middleware that answers with the page of a status, looks these up by their names.
BY_STATUS_OR_NAME = {
    "400.html", "403.html", "403_csrf.html", "404.html", "409.html", "500.html", "registration/login.html",
    "django/forms/field.html",
}  # fmt: skip
CODE = r"[a-z0-9_]+\.[a-z0-9_.]+"
SAYING = {"say", "Sentence", "record", "denied", "recording_denials"}


@cache
def sources() -> dict[Path, ast.Module]:
    """Return the packages' own files, parsed."""
    files = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return {path: ast.parse(path.read_text()) for path in files}


@cache
def text_of_tests() -> str:
    files = [path for path in (ROOT / "tests").rglob("*.py") if path.name != Path(__file__).name]
    return "\n".join(path.read_text() for path in files)


@cache
def repository() -> list[Path]:
    """Return the files that are, or would be, committed."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is no git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def load_everything() -> None:
    """Import every module, so that all that registers or declares itself has done so."""
    for package in PACKAGES:
        found = importlib.import_module(package)
        for module in pkgutil.walk_packages(found.__path__, f"{package}."):
            if not module.name.startswith("kbconsole.demo") and ".migrations" not in module.name:
                importlib.import_module(module.name)


def named_in_tests(slug: str, cls: type) -> bool:
    return bool(re.search(rf"""["']{re.escape(slug)}["']|\b{cls.__name__}\b""", text_of_tests()))


@pytest.mark.parametrize("registry", [jobs, KINDS, ENGINES], ids=["jobs", "network kinds", "engines"])
def test_everything_that_registers_itself_is_named_in_a_test(registry: object) -> None:
    load_everything()
    assert registry is not None
    ours = [cls for cls in registry if cls.__module__.partition(".")[0] in PACKAGES]  # type: ignore[attr-defined]
    assert ours
    assert [cls.slug for cls in ours if not named_in_tests(cls.slug, cls)] == []


def test_every_command_is_named_in_a_test() -> None:
    started_by_another = {"demo_story"}  # by `demo`, as its child
    commands = [
        path.stem
        for package in PACKAGES
        for path in (ROOT / package).rglob("management/commands/*.py")
        if path.stem not in {"__init__", *started_by_another}
    ]
    assert "create_admin" in commands
    assert [name for name in commands if not re.search(rf"""["' ]{name}["' ]""", text_of_tests())] == []


def test_every_template_is_rendered_or_included() -> None:
    folder = ROOT / "templates"
    texts = [path.read_text() for path in [*sources(), *folder.rglob("*.html")]]
    names = {str(path.relative_to(folder)) for path in folder.rglob("*.html")} - BY_STATUS_OR_NAME
    assert names
    quoted = {name: re.compile(rf"""["']{re.escape(name)}["'#]""") for name in names}
    assert sorted(name for name in names if not any(quoted[name].search(text) for text in texts)) == []


def calls_that_say(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Yield the code that each sentence-making call names, where it is written out."""
    errors = {cls.__name__ for cls in subclasses(ConsoleError)} | {ConsoleError.__name__}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if function in SAYING | errors and isinstance(node.args[0], ast.Constant | ast.IfExp):
            yield from ((code, node.args[0]) for code in constants(node.args[0]))


def constants(node: ast.expr) -> list[str]:
    if isinstance(node, ast.IfExp):
        return constants(node.body) + constants(node.orelse)
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def subclasses(cls: type) -> Iterator[type]:
    for child in cls.__subclasses__():
        yield child
        yield from subclasses(child)


def test_every_sentence_that_is_said_is_declared() -> None:
    load_everything()
    unknown = [
        f"{path.relative_to(ROOT)}:{where.lineno} {code}"
        for path, tree in sources().items()
        for code, where in calls_that_say(tree)
        if re.fullmatch(CODE, code) and code not in declared()
    ]
    assert unknown == []


def test_every_declared_sentence_is_said() -> None:
    load_everything()
    said: set[str] = set()
    prefixes: set[str] = set()
    for tree in sources().values():
        keys = {id(key) for call in declarations(tree) for key in call.keys}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in keys:
                said.add(node.value)
            elif isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                prefixes.add(str(node.values[0].value))
    ours = {code for tree in sources().values() for call in declarations(tree) for code in codes(call)}
    assert ours
    halves = {text for text in said if text.endswith("_")}  # a code may be put together of two strings
    dotted = tuple(text for text in prefixes | halves if re.fullmatch(r"[a-z0-9_]+\.[a-z0-9_.]*", text))
    assert sorted(code for code in ours - said if not code.startswith(dotted)) == []


def declarations(tree: ast.Module) -> Iterator[ast.Dict]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "declare":
            yield from (argument for argument in node.args if isinstance(argument, ast.Dict))


def codes(call: ast.Dict) -> list[str]:
    return [key.value for key in call.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)]


def test_every_process_knows_the_sentences_that_another_one_stores(tmp_path: Path) -> None:
    """Workers write events that web processes show, and the other way round."""
    show = (
        "import django; django.setup(); from django.urls import get_resolver; get_resolver().url_patterns; "
        "from kbconsole.common.sentences import declared; print(*declared())"
    )
    done = python("-c", show, env=environment(tmp_path))
    assert done.returncode == 0, done.stderr
    known = set(done.stdout.split())
    stored = {
        code: path
        for path, tree in sources().items()
        if "management" not in path.parts and "demo" not in path.parts
        for call in declarations(tree)
        for code in codes(call)
    }
    assert {code: str(path.relative_to(ROOT)) for code, path in stored.items() if code not in known} == {}


@pytest.mark.parametrize(
    "words",
    [
        ["/" + "home/", "/" + "root/", "/" + "Users/", "/" + "work/"],
        [
            "py" + "pi.org",
            "pythonhosted" + ".org",
            "npm" + "js.org",
            "registry." + "yarnpkg",
            "cr" + "ates.io",
        ],
    ],
    ids=["paths of one machine", "hosts of registries"],
)
def test_no_file_names(words: list[str]) -> None:
    found = []
    for path in repository():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue  # a picture or compiled messages
        found += [f"{path.relative_to(ROOT)}: {word}" for word in words if word in text]
    assert found == []
