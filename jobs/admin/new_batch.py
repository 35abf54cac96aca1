"""A new campaign."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse


def page(model_admin: Any, request: HttpRequest) -> HttpResponse:
    raise Http404
