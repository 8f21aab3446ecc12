"""Building blocks of requests and answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from kbconsole.common.problems import shown
from kbconsole.common.sentences import Json, Sentence

SENTENCE = {
    "type": "object",
    "properties": {
        "code": {"type": "string", "description": "Stable; what a program looks at."},
        "params": {"type": "object", "additionalProperties": {}},
        "text": {"type": "string", "description": "In the language of the request."},
    },
    "required": ["code", "params", "text"],
}
NO_SENTENCE = {**SENTENCE, "nullable": True}


@extend_schema_field(NO_SENTENCE)
class SentenceField(serializers.Field):  # type: ignore[type-arg]
    """A sentence, or a stored one, as `{code, params, text}`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, **kwargs)

    def to_representation(self, value: Any) -> Json:
        return shown(value if isinstance(value, Sentence) else Sentence.from_json(value))


@extend_schema_field({"type": "array", "items": SENTENCE})
class SentencesField(serializers.Field):  # type: ignore[type-arg]
    """A list of sentences."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, **kwargs)

    def to_representation(self, value: Any) -> Json:
        return [shown(one if isinstance(one, Sentence) else Sentence.from_json(one)) for one in value]


@extend_schema_field(OpenApiTypes.ANY)
class AnyJson(serializers.JSONField):
    """JSON whose shape is somebody else's: an object of Kubernetes, a job's parameters."""


@extend_schema_field(OpenApiTypes.OBJECT)
class AnyObject(serializers.DictField):
    """A JSON object whose keys depend on something else."""


class Text(serializers.CharField):
    """A string; numbers are not turned into one."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Whole(serializers.IntegerField):
    """A whole number; neither "3" nor 3.0 nor true."""

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("invalid")
        return data


class Truth(serializers.BooleanField):
    """true or false; neither "yes" nor 1."""

    def to_internal_value(self, data: Any) -> bool:
        if type(data) is not bool:
            self.fail("invalid", input=type(data).__name__)
        return data


class Body(serializers.Serializer[Any]):
    """What a request brings. A field that is not known is refused by its name: a typing error must not pass."""

    default_error_messages = {"unknown": _("There is no field of this name here.")}

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            strange = sorted(set(map(str, data)) - set(self.fields))
            if strange:
                said = str(self.error_messages["unknown"])
                raise serializers.ValidationError(
                    {name[:100]: [serializers.ErrorDetail(said, code="unknown")] for name in strange[:20]}
                )
        return super().to_internal_value(data)


class Answer(serializers.Serializer[Any]):
    """What the API answers with: rows and dataclasses, read by attribute."""
