"""What the OpenAPI description says about an operation: its body, its answer, and that errors are problems."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers

from kbconsole.common.problems import CONTENT_TYPE
from placements.api.fields import Answer, Body

F = TypeVar("F", bound=Callable[..., Any])


class Problem(Answer):
    """An error (RFC 9457). `errors` has a list of sentences per field."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    instance = serializers.CharField()
    code = serializers.CharField()
    params = serializers.DictField()
    errors = serializers.DictField(required=False)  # type: ignore[assignment]  # a field, not the property


class _Status(tuple[str, str]):
    """Status and media type. The generator takes the first key in text order for the answer of success."""

    __slots__ = ()

    def __str__(self) -> str:
        return self[0]


PROBLEMS: dict[Any, Any] = {_Status(("4XX", CONTENT_TYPE)): Problem}


def answers(
    kind: type[Answer] | None,
    *,
    body: type[Body] | None = None,
    code: int = 200,
    filters: list[str | OpenApiParameter] | None = None,
    name: str | None = None,
    also: Mapping[int, type[Answer]] | None = None,
) -> Callable[[F], F]:
    """Decorate a method that answers with one object; None for no content. `also`: other answers of success."""
    given = [one if isinstance(one, OpenApiParameter) else query(one) for one in filters or []]
    responses = {code: kind, **(also or {}), **PROBLEMS}
    return extend_schema(request=body, responses=responses, parameters=given, operation_id=name)


def lists(
    kind: type[Answer], *, filters: type[Body] | None = None, name: str | None = None
) -> Callable[[F], F]:
    """Decorate a method that answers with a page of objects. The class names `Pages` as its pagination."""
    parameters = [filters] if filters else []
    return extend_schema(
        request=None, responses={200: kind(many=True), **PROBLEMS}, parameters=parameters, operation_id=name
    )


def query(name: str, kind: Any = OpenApiTypes.STR) -> OpenApiParameter:
    return OpenApiParameter(name, kind, OpenApiParameter.QUERY)
