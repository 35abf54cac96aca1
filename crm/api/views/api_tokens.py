"""Tokens of other programs: issued, listed and ended by administrators (contract section 1, "Machine tokens")."""

from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from crm.api.base import as_id_or_404, secret_answer, user_of
from crm.api.serializers.users import ApiTokenAnswer, ApiTokenBody, IssuedTokenAnswer
from crm.api.views.users import checked, user_or_404
from crm.exceptions import NotFound
from crm.models import ApiToken
from crm.permissions import IsAdministrator

NO_SUCH_TOKEN = "Token no encontrado."


def token_or_404(token_id: str) -> ApiToken:
    token = ApiToken.objects.select_related("user").filter(pk=as_id_or_404(token_id, NO_SUCH_TOKEN)).first()
    if token is None:
        raise NotFound(NO_SUCH_TOKEN)
    return token


class ApiTokensView(ListAPIView[ApiToken]):
    """Tokens de otros programas, los más recientes primero; los revocados también."""

    permission_classes = (IsAdministrator,)
    queryset = ApiToken.objects.select_related("user").order_by("-created_at", "-id")
    serializer_class = ApiTokenAnswer

    @extend_schema(request=ApiTokenBody, responses={201: IssuedTokenAnswer})
    def post(self, request: Request) -> Response:
        """Crea un token en nombre de un usuario. Su valor se muestra solo en esta respuesta."""
        given = checked(ApiTokenBody, request)
        user = user_or_404(given["user_id"]) if given.get("user_id") else user_of(request)
        token, value = ApiToken.issue(
            user=user, name=given["name"], expires_at=given.get("expires_at"), created_by=user_of(request)
        )
        return secret_answer({**ApiTokenAnswer(token).data, "token": value}, instead={"token": None}, status=201)


class ApiTokenView(APIView):
    permission_classes = (IsAdministrator,)

    @extend_schema(responses=ApiTokenAnswer)
    def get(self, request: Request, token_id: str) -> Response:
        """Un token, sin su valor."""
        return Response(ApiTokenAnswer(token_or_404(token_id)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, token_id: str) -> Response:
        """Revoca el token: deja de servir al momento y queda en la lista."""
        token_or_404(token_id).revoke()
        return Response(status=204)
