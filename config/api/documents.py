"""The OpenAPI description and its pages, served from this process alone: no CDN, no inline script."""

from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

__all__ = ["DocsView", "SchemaView"]


class SchemaView(SpectacularAPIView):
    """JSON, or YAML for who asks. Made once a process: it takes a second, and anybody may ask."""

    authentication_classes = ()
    renderer_classes = [OpenApiJsonRenderer2, OpenApiJsonRenderer, OpenApiYamlRenderer, OpenApiYamlRenderer2]

    def _get_schema_response(self, request: Request) -> Response:
        return Response(description())


@cache
def description() -> dict[str, Any]:
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return found


class DocsView(SpectacularSwaggerSplitView):
    url_name = "schema"
    authentication_classes = ()
