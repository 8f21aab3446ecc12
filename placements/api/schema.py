"""The description of the API, and what is answered where there is nothing."""

from __future__ import annotations

from typing import Any, NoReturn

from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.exceptions import NotFound
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request

from placements.api.base import Api


class Schema(SpectacularAPIView):
    """OpenAPI 3: JSON, or YAML for those who ask for it."""

    permission_classes = [IsAuthenticated]
    renderer_classes = [OpenApiJsonRenderer, OpenApiYamlRenderer]


@extend_schema(exclude=True)
class Nowhere(Api):
    """An address that is not there, so that its answer is a problem and not a page."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> NoReturn:
        self.perform_authentication(request)
        self.check_permissions(request)
        raise NotFound
