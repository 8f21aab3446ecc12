"""What every class of the API has in common: who may come in, how bodies are read, how lists are paged."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from kbconsole.common.roles import Role, require
from placements.api.fields import Answer, Body
from placements.api.parsers import StrictJSONParser

EVERY_ROLE = (Role.DBA, Role.ADMIN, Role.AUDITOR)
ACTING = (Role.DBA, Role.ADMIN)
PAGING = ("cursor", "limit")


class Pages(CursorPagination):
    """Pages that stay right while rows are added: `?cursor=`, and `?limit=` up to 200."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "limit"
    cursor_query_param = "cursor"

    def decode_cursor(self, request: Request) -> Any:
        """A cursor is what the client sends: PostgreSQL takes no NUL, SQLite does."""
        cursor: Any = super().decode_cursor(request)
        if cursor and "\0" in (cursor.position or ""):
            raise NotFound
        return cursor


class Api(APIView):
    """A person without a role gets in nowhere; auditors read. Services have the last word on every act."""

    parser_classes = (StrictJSONParser,)
    reads: ClassVar[tuple[Role, ...]] = EVERY_ROLE
    acts: ClassVar[tuple[Role, ...]] = ACTING

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Raises Refused, which the audit log gets."""
        super().initial(request, *args, **kwargs)
        self.admit(request)

    def admit(self, request: Request) -> None:
        method = str(request.method)
        offered = hasattr(self, method.lower())  # what is not offered is a 405, not a question of roles
        require(request.user, *(self.acts if offered and method not in SAFE_METHODS else self.reads))

    def body(self, request: Request, kind: type[Body]) -> dict[str, Any]:
        """Return the checked fields of the body. Raises ValidationError."""
        return checked(kind, request.data)

    def filters(self, request: Request, kind: type[Body]) -> dict[str, Any]:
        """Return the checked filters of the address. Raises ValidationError, also for unknown ones."""
        given = {name: value for name, value in request.query_params.items() if name not in PAGING}
        return checked(kind, given)

    def page(
        self,
        request: Request,
        rows: QuerySet[Any],
        kind: type[Answer],
        *,
        order: str = "-id",
        keep: Callable[[Any], bool] | None = None,
    ) -> Response:
        """Answer with a page of rows. `order` is a unique column; `keep` drops rows that a job hides."""
        pages = Pages()
        pages.ordering = (order,)
        try:
            found: Iterable[Any] = pages.paginate_queryset(rows, request, view=self) or []
        except (ValueError, OverflowError, ValidationError):  # a made-up cursor
            raise NotFound from None
        shown = [row for row in found if keep is None or keep(row)]
        return pages.get_paginated_response(kind(shown, many=True, context={"request": request}).data)

    def answer(self, request: Request, kind: type[Answer], row: Any, status: int = 200) -> Response:
        return Response(kind(row, context={"request": request}).data, status=status)


def checked(kind: type[Body], data: Any) -> dict[str, Any]:
    """Return the validated fields of a body. Raises ValidationError."""
    serializer: Serializer[Any] = kind(data=data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)
