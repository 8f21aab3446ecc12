"""Every sentence of the console is there in Chinese, with the same placeholders, and compiled."""

from __future__ import annotations

import ast
import re
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from django.utils import translation
from django.utils.translation.template import templatize

from kbconsole.common.sentences import say
from kbconsole.jobs import events  # noqa: F401  (declares the sentences of runs)

ROOT = Path(__file__).resolve().parents[1]
CATALOGUE = ROOT / "kbconsole" / "locale" / "zh_Hans" / "LC_MESSAGES"
SOURCES = sorted(
    path for app in ("kbconsole", "networking", "placements") for path in (ROOT / app).rglob("*.py")
)
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
AGAIN = "Translate them in django.po; `make messages` collects and compiles."

# Per function: does its first argument name a context, and does it take a plural?
KINDS = {
    "_": (False, False),
    "gettext": (False, False),
    "ngettext": (False, True),
    "pgettext": (True, False),
    "npgettext": (True, True),
}
LITERAL = r"""u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
CALL = re.compile(rf"\b({'|'.join(KINDS)})\(\s*({LITERAL}(?:\s*,\s*{LITERAL})*)")
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[sd]|\{\w+\}")

Message = tuple[str, str]
"""`context + \\x04 + text`, or only the text; and the plural, or an empty text."""


def message(function: str, words: list[str]) -> Message:
    with_context, with_plural = KINDS[function]
    context = words.pop(0) + "\x04" if with_context else ""
    return context + words[0], words[1] if with_plural else ""


def in_python(path: Path) -> Iterator[Message]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        function = getattr(node.func, "id", getattr(node.func, "attr", "")).removesuffix("_lazy")
        words = [str(arg.value) for arg in node.args if isinstance(arg, ast.Constant)]
        if function in KINDS and words:
            yield message(function, words)


def in_template(path: Path) -> Iterator[Message]:
    for function, arguments in CALL.findall(templatize(path.read_text(encoding="utf-8"), origin=str(path))):
        yield message(function, [ast.literal_eval(word) for word in re.findall(LITERAL, arguments)])


def compiled() -> dict[str, str]:
    """Read django.mo: the key is context, text and plural as gettext joins them (\\x04, \\0)."""
    raw = (CATALOGUE / "django.mo").read_bytes()
    order = "<" if raw[:4] == b"\xde\x12\x04\x95" else ">"
    count, keys, values = struct.unpack(f"{order}3I", raw[8:20])

    def text(table: int, index: int) -> str:
        length, offset = struct.unpack_from(f"{order}2I", raw, table + 8 * index)
        return raw[offset : offset + length].decode()

    return {text(keys, index): text(values, index) for index in range(count)}


def written() -> dict[str, str]:
    """Read django.po into what `compiled` gives; entries without a translation are not compiled."""
    found: dict[str, str] = {}
    for block in (CATALOGUE / "django.po").read_text(encoding="utf-8").split("\n\n"):
        parts: dict[str, str] = {}
        keyword = ""
        for line in block.splitlines():
            if line.startswith("#"):
                assert "fuzzy" not in line, f"decide about this entry, then take its mark away:\n{block}"
                continue
            name, _blank, rest = line.partition(" ")
            keyword, literal = (keyword, line) if line.startswith('"') else (name, rest)
            parts[keyword] = parts.get(keyword, "") + ast.literal_eval(literal)
        context = parts["msgctxt"] + "\x04" if "msgctxt" in parts else ""
        plural = "\0" + parts["msgid_plural"] if "msgid_plural" in parts else ""
        found[context + parts["msgid"] + plural] = parts.get("msgstr[0]" if plural else "msgstr", "")
    return {key: value for key, value in found.items() if value}


@pytest.fixture(scope="module")
def chinese() -> dict[str, str]:
    """The compiled catalogue by context and text, without its header and plurals."""
    return {key.split("\0")[0]: value for key, value in compiled().items() if key}


def messages() -> Iterator[tuple[Path, Message]]:
    for path in [*SOURCES, *TEMPLATES]:
        for found in in_template(path) if path.suffix == ".html" else in_python(path):
            yield path.relative_to(ROOT), found


def test_every_message_is_there_in_chinese(chinese: dict[str, str]) -> None:
    missing = sorted({(str(path), text) for path, (text, _plural) in messages() if not chinese.get(text)})
    assert missing == [], AGAIN


def test_the_catalogue_has_nothing_that_no_page_says(chinese: dict[str, str]) -> None:
    said = {text for _path, (text, _plural) in messages()}
    assert len(said) > 500, "the messages were not found"
    assert sorted(set(chinese) - said) == []


def test_a_translation_has_the_placeholders_of_its_message() -> None:
    wrong = []
    for key, value in compiled().items():
        text = key.split("\0")[-1]  # of a plural its second form: the first may say "one"
        if key and set(PLACEHOLDER.findall(text)) != set(PLACEHOLDER.findall(value)):
            wrong.append((text, value))
    assert wrong == []


def test_the_compiled_catalogue_is_what_the_written_one_says() -> None:
    assert compiled() == written(), "compile it with: make messages"


@pytest.mark.parametrize(
    ("wanted", "said"), [("zh-hans", "登录"), ("zh-CN,zh;q=0.9", "登录"), ("en", "Sign in")]
)
def test_the_page_to_sign_in_speaks_the_language_of_the_browser(
    client: Client, db: None, wanted: str, said: str
) -> None:
    html = client.get("/sign-in/", headers={"accept-language": wanted}).content.decode()
    assert f"<h1>{said}</h1>" in html


def test_a_stored_line_renders_in_either_language() -> None:
    line = say("jobs.queued", by="dana")
    with translation.override("zh-hans"):
        assert str(line) == "由 dana 加入队列。"
    with translation.override("en"):
        assert str(line) == "Queued by dana."
