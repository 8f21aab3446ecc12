"""An admin's own annotations, `key: value` a line, checked as Kubernetes does: a form field."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import declare

MAXIMUM_BYTES = 16 * 1024
"""Kubernetes allows 256 KiB for an object; KubeBlocks copies these to every replica's service."""
RESERVED = ("kubeblocks.io", "kubectl.kubernetes.io", "meta.helm.sh")

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?", re.ASCII)
_PREFIX = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*", re.ASCII)
_COMMENT = re.compile(r"\s#.*$")
_QUOTED = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')\s*(?:\s#.*)?""")

declare(
    {
        "annotations.no_colon": _("Line %(line)s: write it as “key: value”."),
        "annotations.prefix": _(
            "Line %(line)s: what stands before the “/” has to be a DNS name in small letters, "
            "at most 253 characters long."
        ),
        "annotations.name": _(
            "Line %(line)s: the name in the key has to be 1 to 63 letters, digits, “-”, “_” or “.”, "
            "and to begin and end with a letter or digit."
        ),
        "annotations.reserved": _(
            "Line %(line)s: keys of %(domain)s are not for profiles; the console or the cluster's own "
            "tools write them."
        ),
        "annotations.twice": _("Line %(line)s: the key %(key)s was given before. Keep one of the two."),
        "annotations.quote": _("Line %(line)s: the quotation mark is not closed, or something follows it."),
        "annotations.control": _(
            "Line %(line)s: the value has characters that cannot be shown. Remove them."
        ),
        "annotations.too_long": _(
            "All annotations together may have at most %(limit)s bytes; these have %(size)s."
        ),
    }
)


class AnnotationsRefused(ConsoleError):
    """The text is no set of annotations; the sentence names the line."""


def _check_key(key: str, line: int) -> None:
    prefix, slash, name = key.rpartition("/")
    if slash and (len(prefix) > 253 or not _PREFIX.fullmatch(prefix)):
        raise AnnotationsRefused("annotations.prefix", line=line)
    if len(name) > 63 or not _NAME.fullmatch(name):
        raise AnnotationsRefused("annotations.name", line=line)
    for domain in RESERVED:
        if prefix == domain or prefix.endswith("." + domain):
            raise AnnotationsRefused("annotations.reserved", line=line, domain=domain)


def _value(text: str, line: int) -> str:
    """Read a value as YAML would read it on one line: quoted, or plain with a comment after it."""
    if text[:1] not in ('"', "'"):
        value = "" if text.startswith("#") else _COMMENT.sub("", text).rstrip()
    else:
        match = _QUOTED.fullmatch(text)
        if match is None:
            raise AnnotationsRefused("annotations.quote", line=line)
        quoted = match.group(1)
        try:
            value = json.loads(quoted) if quoted[0] == '"' else quoted[1:-1].replace("''", "'")
        except ValueError:
            raise AnnotationsRefused("annotations.quote", line=line) from None
    if not value.isprintable():
        raise AnnotationsRefused("annotations.control", line=line)
    return str(value)


def parse(text: str) -> dict[str, str]:
    """Return the annotations in the order of the text. Empty lines and lines that begin with `#` are skipped.

    Raises AnnotationsRefused for the first line that Kubernetes would refuse or that means two things.
    """
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAXIMUM_BYTES:
        raise AnnotationsRefused("annotations.too_long", size=size, limit=MAXIMUM_BYTES)
    found: dict[str, str] = {}
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        key, colon, rest = line.partition(":")
        if not colon or (rest and not rest[0].isspace()):
            raise AnnotationsRefused("annotations.no_colon", line=number)
        key = key.rstrip()
        _check_key(key, number)
        if key in found:
            raise AnnotationsRefused("annotations.twice", line=number, key=key)
        found[key] = _value(rest.strip(), number)
    return found


def write(annotations: Mapping[str, str]) -> str:
    """Return the text that `parse` reads back as the same annotations."""
    return "\n".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in annotations.items())


class AnnotationsField(forms.CharField):
    """A text area whose cleaned value is a dict of strings."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> Any:
        return write(value) if isinstance(value, Mapping) else value

    def to_python(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            value = write({str(key): str(item) for key, item in value.items()})
        try:
            return parse(super().to_python(value) or "")
        except AnnotationsRefused as error:
            raise ValidationError(str(error), code=error.sentence.code) from error

    def validate(self, value: Any) -> None:
        if self.required and not value:
            raise ValidationError(self.error_messages["required"], code="required")

    def run_validators(self, value: Any) -> None:
        """Nothing more to check: `to_python` has seen every line."""
