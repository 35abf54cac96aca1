"""The floor of the webhook: a view that only inserts the body, in the same server, without any middleware."""

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt


@csrf_exempt
def insert(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO bare_body (body) VALUES (%s)", [request.body])
    return _nothing()


def alive(request: HttpRequest) -> HttpResponse:
    return _nothing()


def _nothing() -> HttpResponse:
    return HttpResponse(b"{}", content_type="application/json", headers={"Content-Length": "2"})


urlpatterns = [path("bare", insert), path("health", alive)]
