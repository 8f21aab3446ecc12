"""Settings for single planes, `plane: value, value` a line: a form field."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import declare

MOST_LINES = 200
_LINE = re.compile(r"(\S{1,128}?)\s*:\s+(\S.*)")

declare(
    {
        "lines.no_colon": _("Line %(line)s: write it as “plane: %(example)s”."),
        "lines.twice": _("Line %(line)s: %(plane)s was given before. Keep one of the two lines."),
        "lines.value": _("Line %(line)s: “%(value)s” cannot be meant. Write it as “plane: %(example)s”."),
        "lines.too_many": _("These are more than %(most)s lines. Make a profile for fewer planes."),
    }
)


class LinesRefused(ConsoleError):
    """The text says nothing for planes; the sentence names the line."""


class PerPlaneField(forms.CharField):
    """A text area whose cleaned value is `{plane: [value, …]}`. `valid` tells of one value whether it can be meant."""

    widget = forms.Textarea

    def __init__(self, *, example: str, valid: Callable[[str], bool], most: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.example, self.valid, self.most = example, valid, most

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return "\n".join(f"{plane}: {', '.join(map(str, said))}" for plane, said in value.items())

    def to_python(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            lists = {str(plane): said if isinstance(said, list) else [said] for plane, said in value.items()}
            value = self.prepare_value(lists)
        try:
            return self._parsed(super().to_python(value) or "")
        except LinesRefused as error:
            raise ValidationError(str(error), code=error.sentence.code) from error

    def _parsed(self, text: str) -> dict[str, list[str]]:
        lines = [line.strip() for line in text.split("\n")]
        if len(lines) > MOST_LINES:
            raise LinesRefused("lines.too_many", most=MOST_LINES)
        found: dict[str, list[str]] = {}
        for number, line in enumerate(lines, start=1):
            if not line or line.startswith("#"):
                continue
            match = _LINE.fullmatch(line)
            if match is None:
                raise LinesRefused("lines.no_colon", line=number, example=self.example)
            plane, said = match.group(1), [one.strip() for one in match.group(2).split(",")]
            if plane in found:
                raise LinesRefused("lines.twice", line=number, plane=plane)
            wrong = next(
                (one for one in said if not self.valid(one)), "" if len(said) <= self.most else said[-1]
            )
            if wrong or "" in said:
                raise LinesRefused("lines.value", line=number, value=wrong, example=self.example)
            found[plane] = said
        return found

    def validate(self, value: Any) -> None:
        if self.required and not value:
            raise ValidationError(self.error_messages["required"], code="required")

    def run_validators(self, value: Any) -> None:
        """Nothing more to check: `to_python` has seen every line."""
