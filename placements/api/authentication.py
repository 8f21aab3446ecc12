"""Signing in by token."""

from __future__ import annotations

from typing import Any

from rest_framework.authentication import TokenAuthentication
from rest_framework.request import Request

from kbconsole.audit.context import acting_by_token


class ConsoleTokenAuthentication(TokenAuthentication):
    """Django REST framework's own, and the audit log learns that a token acted."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        found = super().authenticate(request)
        if found is not None:
            acting_by_token()
        return found
