"""The time zone that a user would like to see times in. What is stored stays UTC."""

from datetime import datetime
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from crm.api.base import user_of
from crm.api.serializers.users import TimeZoneAnswer, TimeZoneBody, TimeZonesAnswer
from crm.api.views.users import checked
from crm.models import User


class TimeZoneView(APIView):
    permission_classes = (IsAuthenticated,)

    @extend_schema(responses=TimeZoneAnswer)
    def get(self, request: Request) -> Response:
        """La zona horaria propia y la del sistema."""
        return _answer(user_of(request))

    @extend_schema(request=TimeZoneBody, responses=TimeZoneAnswer)
    def put(self, request: Request) -> Response:
        """Elige la zona horaria propia, por ejemplo America/Lima."""
        code = checked(TimeZoneBody, request)["timezone"]
        if code not in available_timezones():
            raise ValidationError({"timezone": "La zona horaria no existe."})
        user_of(request).edit(time_zone=code)
        return _answer(user_of(request))

    @extend_schema(responses={200: TimeZoneAnswer})
    def delete(self, request: Request) -> Response:
        """Vuelve a la zona horaria del sistema."""
        user_of(request).edit(time_zone=None)
        return _answer(user_of(request))


class TimeZonesView(APIView):
    permission_classes = (IsAuthenticated,)

    @extend_schema(responses=TimeZonesAnswer)
    def get(self, request: Request) -> Response:
        """Las zonas horarias que se pueden elegir, con su diferencia de hoy con UTC."""
        return Response({"timezones": [_described(code) for code in sorted(available_timezones())]})


def _answer(user: User) -> Response:
    return Response({"timezone": user.time_zone, "system_timezone": settings.TIME_ZONE})


def _described(code: str) -> dict[str, str]:
    offset = datetime.now(ZoneInfo(code)).strftime("%z")
    return {
        "code": code,
        "name": code.rpartition("/")[2].replace("_", " "),
        "offset": f"{offset[:3]}:{offset[3:5]}",
    }
