"""YAML from strangers: one document of mappings, lists and texts, read in one pass without recursion.

No anchors or aliases (they make 200 bytes into gigabytes), no tags, no duplicate keys, every scalar a text
(so that `no` and `0777` stay what they are). The C loader is not used: deep nesting crashes the process.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml
from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import declare

declare(
    {
        "k8s.yaml_too_big": _("The file is larger than %(limit)s KB. Upload one kubeconfig, nothing else."),
        "k8s.yaml_not_text": _("The file is no UTF-8 text. Upload a kubeconfig in YAML or JSON."),
        "k8s.yaml_broken": _("The file is no valid YAML (line %(line)s). Check it with kubectl config view."),
        "k8s.yaml_documents": _("The file holds several YAML documents. Upload one kubeconfig at a time."),
        "k8s.yaml_aliases": _(
            "The file uses YAML anchors or aliases (line %(line)s). "
            "Write it out with kubectl config view --raw."
        ),
        "k8s.yaml_tags": _(
            "The file uses YAML tags (line %(line)s). Write it out with kubectl config view --raw."
        ),
        "k8s.yaml_deep": _("The file is nested deeper than %(limit)s levels; a kubeconfig is not."),
        "k8s.yaml_long": _("The file has more than %(limit)s entries. Upload fewer contexts at a time."),
        "k8s.yaml_duplicate": _(
            "The file says the same key twice (line %(line)s). "
            "Remove one: programs differ in which one they take."
        ),
        "k8s.yaml_key": _("The file has a key that is no text (line %(line)s). Upload a kubeconfig."),
    }
)

SIZE_LIMIT = 256 << 10
DEPTH_LIMIT = 20
EVENT_LIMIT = 20_000
_BRACKETS = re.compile(r"[][{}]")


class YamlRefused(ConsoleError):
    """The file is not taken; the sentence tells the line, never the text."""


def load(data: bytes) -> Any:
    """Return nested dicts, lists and texts. Raises YamlRefused, whatever the bytes are."""
    if len(data) > SIZE_LIMIT:
        raise YamlRefused("k8s.yaml_too_big", limit=SIZE_LIMIT >> 10)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise YamlRefused("k8s.yaml_not_text") from None
    if "\0" in text:
        raise YamlRefused("k8s.yaml_not_text")
    _check_brackets(text)
    try:
        return _Builder().build(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise YamlRefused("k8s.yaml_broken", line=line) from None
    except (yaml.YAMLError, ValueError, OverflowError, IndexError, RecursionError):
        # The scanner lets some errors of escapes and of odd directives through.
        raise YamlRefused("k8s.yaml_broken", line=1) from None


def _check_brackets(text: str) -> None:
    """Refuse deep flow nesting before the scanner sees it: it looks far ahead, which costs seconds."""
    depth = 0
    for found in _BRACKETS.finditer(text):
        depth += 1 if found[0] in "[{" else -1
        if depth > DEPTH_LIMIT:
            raise YamlRefused("k8s.yaml_deep", limit=DEPTH_LIMIT)


class _Builder:
    """A stack of open containers. A mapping that waits for the value of a key keeps the key in `keys`."""

    def __init__(self) -> None:
        self.root: Any = None
        self.open: list[dict[str, Any] | list[Any]] = []
        self.keys: list[str | None] = []
        self.documents = 0

    def build(self, text: str) -> Any:
        for event in _events(text):
            line = _line(event)
            if isinstance(event, yaml.DocumentStartEvent):
                self.documents += 1
                if self.documents > 1:
                    raise YamlRefused("k8s.yaml_documents")
            elif isinstance(event, yaml.ScalarEvent):
                self._scalar(event.value, line)
            elif isinstance(event, yaml.MappingStartEvent):
                self._begin({}, line)
            elif isinstance(event, yaml.SequenceStartEvent):
                self._begin([], line)
            elif isinstance(event, yaml.CollectionEndEvent):
                self.open.pop()
                self.keys.pop()
        return self.root

    def _begin(self, container: dict[str, Any] | list[Any], line: int) -> None:
        self._put(container, line)
        if len(self.open) >= DEPTH_LIMIT:
            raise YamlRefused("k8s.yaml_deep", limit=DEPTH_LIMIT)
        self.open.append(container)
        self.keys.append(None)

    def _scalar(self, value: str, line: int) -> None:
        value.encode()  # an escape can make half a character, which is a ValueError here
        if self.open and isinstance(self.open[-1], dict) and self.keys[-1] is None:
            if value in self.open[-1]:
                raise YamlRefused("k8s.yaml_duplicate", line=line)
            self.keys[-1] = value
        else:
            self._put(value, line)

    def _put(self, value: Any, line: int) -> None:
        if not self.open:
            self.root = value
            return
        container, key = self.open[-1], self.keys[-1]
        if isinstance(container, list):
            container.append(value)
        elif key is None:
            raise YamlRefused("k8s.yaml_key", line=line)
        else:
            container[key] = value
            self.keys[-1] = None


def _events(text: str) -> Iterator[yaml.Event]:
    for count, event in enumerate(yaml.parse(text, Loader=yaml.SafeLoader)):
        line = _line(event)
        if count > EVENT_LIMIT:
            raise YamlRefused("k8s.yaml_long", limit=EVENT_LIMIT)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise YamlRefused("k8s.yaml_aliases", line=line)
        if getattr(event, "tag", None):
            raise YamlRefused("k8s.yaml_tags", line=line)
        yield event


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1
