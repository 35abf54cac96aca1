"""People: everybody's own profile, the colleagues to choose from, and what administrators do with accounts."""

import csv
from io import StringIO
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from crm.api.base import Body, as_id_or_404, secret_answer, user_of
from crm.api.filters.users import AuditEntryFilter, ColleagueFilter, UserFilter
from crm.api.serializers.users import (
    AuditEntryAnswer,
    ColleagueAnswer,
    MessageAnswer,
    NewPasswordAnswer,
    NewUserBody,
    PasswordBody,
    ProfileBody,
    RoleBody,
    StatusBody,
    UserAnswer,
    UserBody,
)
from crm.exceptions import Forbidden, NotFound, Refusal
from crm.guarding import guarded
from crm.models import AuditEntry, User
from crm.permissions import IsAdministrator

NO_SUCH_USER = "Usuario no encontrado."
EXPORTED = (
    "id", "email", "full_name", "role", "is_active", "is_verified", "phone_number", "nationality",
    "profession", "city", "lawyer_specialty", "last_login", "created_at",
)  # fmt: skip


def user_or_404(user_id: str) -> User:
    user = User.objects.filter(pk=as_id_or_404(user_id, NO_SUCH_USER)).first()
    if user is None:
        raise NotFound(NO_SUCH_USER)
    return user


def checked(body: type[Body], request: Request) -> dict[str, Any]:
    read = body(data=request.data)
    read.is_valid(raise_exception=True)
    found: dict[str, Any] = read.validated_data
    return found


# --- Oneself ----------------------------------------------------------------------------------


class MeView(APIView):
    permission_classes = (IsAuthenticated,)

    @extend_schema(responses=UserAnswer)
    def get(self, request: Request) -> Response:
        """El usuario de la sesión."""
        return Response(UserAnswer(user_of(request)).data)

    @extend_schema(request=ProfileBody, responses=UserAnswer)
    def patch(self, request: Request) -> Response:
        """Cambia el propio perfil: nombre, teléfono, foto, presentación."""
        return edit_profile(request, user_of(request))


def edit_profile(request: Request, user: User) -> Response:
    """Administrators change anything; others their own profile, and hear it when they try to change more."""
    by_administrator = user_of(request).is_administrator
    if not by_administrator and user != user_of(request):
        raise Forbidden("Solo administradores pueden modificar a otros usuarios.")
    fields = checked(UserBody, request)
    if not by_administrator:
        own = ProfileBody().fields.keys()
        # The form sends the whole user back: what has not changed asks for nothing.
        if any(name not in own and getattr(user, name) != value for name, value in fields.items()):
            raise Forbidden("Solo un administrador puede cambiar el correo, el rol o el estado de un usuario.")
        fields = {name: value for name, value in fields.items() if name in own}
    user.edit(**fields)
    return Response(UserAnswer(user).data)


# --- Colleagues to choose from ----------------------------------------------------------------


class ColleaguesView(ListAPIView[User]):
    """Todos los usuarios del CRM, por nombre."""

    queryset = User.objects.crm_staff().order_by("first_name", "last_name", "email")
    serializer_class = ColleagueAnswer
    filterset_class = ColleagueFilter
    pagination_class = None


class ResponsiblesView(ColleaguesView):
    """Quiénes pueden ser responsables, por nombre; el usuario de la sesión va primero."""

    def get_queryset(self) -> Any:
        # Today's client takes the first one as responsible of every call it logs.
        return User.objects.responsible().with_first(user_of(self.request))


# --- Accounts ---------------------------------------------------------------------------------


class UsersView(ListAPIView[User]):
    """Usuarios, los más recientes primero."""

    permission_classes = (IsAdministrator,)
    queryset = User.objects.all()
    serializer_class = UserAnswer
    filterset_class = UserFilter

    @extend_schema(request=NewUserBody, responses={201: UserAnswer})
    def post(self, request: Request) -> Response:
        """Crea un usuario."""
        user = User.objects.register(**checked(NewUserBody, request))
        return Response(UserAnswer(user).data, status=201)


class UserView(APIView):
    permission_classes = (IsAuthenticated,)

    @extend_schema(responses=UserAnswer)
    def get(self, request: Request, user_id: str) -> Response:
        """Un usuario: para administradores, o uno mismo."""
        user = user_or_404(user_id)
        if user != user_of(request) and not user_of(request).is_administrator:
            raise Forbidden("Solo administradores pueden ver a otros usuarios.")
        return Response(UserAnswer(user).data)

    @extend_schema(request=UserBody, responses=UserAnswer)
    def patch(self, request: Request, user_id: str) -> Response:
        """Cambia lo que se envía. Sin ser administrador, solo el propio perfil."""
        return edit_profile(request, user_or_404(user_id))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, user_id: str) -> Response:
        """Desactiva al usuario: pierde el acceso al momento y lo que hizo se conserva."""
        if not user_of(request).is_administrator:
            raise Forbidden("Solo administradores pueden eliminar usuarios.")
        user_or_404(user_id).deactivate()
        return Response(status=204)


class RoleView(APIView):
    permission_classes = (IsAdministrator,)

    @extend_schema(request=RoleBody, responses=UserAnswer)
    def patch(self, request: Request, user_id: str) -> Response:
        """Cambia el rol. Siempre queda al menos un administrador activo."""
        user = user_or_404(user_id)
        user.edit(**checked(RoleBody, request))
        return Response(UserAnswer(user).data)


class StatusView(APIView):
    permission_classes = (IsAdministrator,)

    @extend_schema(request=StatusBody, responses=UserAnswer)
    def patch(self, request: Request, user_id: str) -> Response:
        """Activa o desactiva al usuario."""
        user = user_or_404(user_id)
        user.edit(**checked(StatusBody, request))
        return Response(UserAnswer(user).data)


class PasswordView(APIView):
    permission_classes = (IsAuthenticated,)

    @extend_schema(request=PasswordBody, responses=MessageAnswer)
    def patch(self, request: Request, user_id: str) -> Response:
        """Cambia la contraseña y cierra todas las sesiones de ese usuario."""
        user = user_or_404(user_id)
        if not user_of(request).is_administrator and user != user_of(request):
            raise Forbidden("Solo administradores pueden cambiar la contraseña de otros usuarios.")
        given = checked(PasswordBody, request)
        # A token left on a shared machine must not be enough to take an account over.
        if not user_of(request).is_administrator and not user.check_password(given.get("current_password") or ""):
            raise ValidationError({"current_password": "La contraseña actual no es correcta."})
        user.change_password(given["password"])
        return Response({"message": "Contraseña cambiada. Las sesiones abiertas se han cerrado."})


class ResetPasswordView(APIView):
    permission_classes = (IsAdministrator,)

    @extend_schema(request=None, responses=NewPasswordAnswer)
    def post(self, request: Request, user_id: str) -> Response:
        """Pone una contraseña al azar y la muestra una sola vez, para entregarla a su dueño."""
        user = user_or_404(user_id)
        password = user.reset_password()
        return secret_answer(
            {
                "message": f"Nueva contraseña de {user.email}: {password} (no se volverá a mostrar).",
                "password": password,
            },
            instead={"message": "La contraseña nueva ya se mostró.", "password": None},
        )


class ImpersonateView(APIView):
    permission_classes = (IsAdministrator,)

    @extend_schema(request=None, responses={501: MessageAnswer})
    def post(self, request: Request, user_id: str) -> Response:
        """No se ofrece: una sesión en nombre de otro haría inútil la auditoría."""
        raise Refusal("Entrar como otro usuario no está disponible.", code="no_disponible", status=501)


class ExportView(APIView):
    permission_classes = (IsAdministrator,)

    @extend_schema(
        parameters=[OpenApiParameter("format", str, enum=["csv", "json"], description="csv si falta.")],
        responses={(200, "text/csv"): OpenApiTypes.BINARY, (200, "application/json"): UserAnswer(many=True)},
    )
    def get(self, request: Request) -> HttpResponse | Response:
        """Todos los usuarios, como hoja de cálculo (segura contra fórmulas) o como JSON."""
        form = request.query_params.get("format") or "csv"
        users = User.objects.order_by("email")
        if form == "json":
            return Response(UserAnswer(users, many=True).data, headers=_download("json"))
        if form != "csv":
            raise ValidationError({"format": "Use csv o json."})
        return HttpResponse(_as_csv(users), content_type="text/csv; charset=utf-8", headers=_download("csv"))


def _download(ending: str) -> dict[str, str]:
    name = f"usuarios-{timezone.localdate():%Y-%m-%d}.{ending}"
    return {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}


def _as_csv(users: Any) -> str:
    sheet = StringIO()
    sheet.write("\ufeff")  # else spreadsheets read accents wrongly
    writer = csv.writer(sheet)
    writer.writerow(EXPORTED)
    for user in users.iterator():
        writer.writerow([guarded(_cell(getattr(user, name))) for name in EXPORTED])
    return sheet.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "sí" if value else "no"
    return value.isoformat(timespec="seconds") if hasattr(value, "isoformat") else str(value)


class AuditLogView(ListAPIView[AuditEntry]):
    """Quién hizo qué, lo más reciente primero."""

    permission_classes = (IsAdministrator,)
    queryset = AuditEntry.objects.select_related("actor").order_by("-created_at", "-id")
    serializer_class = AuditEntryAnswer
    filterset_class = AuditEntryFilter
