"""Who is asking: a JWT of a signed-in person or the token of another program, both after `Bearer`."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import InvalidToken

from crm.models import ApiToken, User


class BearerAuthentication(BaseAuthentication):
    """One class for both kinds of token: two could not share the word, the first refuses for both."""

    def __init__(self) -> None:
        self._jwt = JWTAuthentication()

    def authenticate(self, request: Request | HttpRequest) -> tuple[User, Any] | None:
        """Once a request: the idempotency middleware asks before the view does."""
        plain = getattr(request, "_request", request)
        if not hasattr(plain, "_bearer"):
            plain._bearer = self._authenticate(plain)
        return plain._bearer  # type: ignore[no-any-return]

    def _authenticate(self, request: HttpRequest) -> tuple[User, Any] | None:
        value = bearer_value(request.META.get("HTTP_AUTHORIZATION", ""))
        if value is None:
            return None
        # A JWT has three parts; a registered value of another program may look like anything else.
        if value.count(".") == 2:
            try:
                token = self._jwt.get_validated_token(value.encode())
                return self._jwt.get_user(token), token
            except (InvalidToken, AuthenticationFailed) as error:
                machine = self._machine(value)
                if machine is None:
                    raise AuthenticationFailed("El token no es válido o ha expirado.", code="token_invalido") from error
                return machine
        machine = self._machine(value)
        if machine is None:
            raise AuthenticationFailed("El token no es válido o ha expirado.", code="token_invalido")
        return machine

    def _machine(self, value: str) -> tuple[User, ApiToken] | None:
        token = ApiToken.objects.usable().for_value(value).select_related("user").first()
        if token is None:
            return None
        token.note_use(timezone.now())
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


def bearer_value(header: str) -> str | None:
    """The token of an `Authorization` header; None when it speaks of something else."""
    word, _, value = header.partition(" ")
    value = value.strip()
    return value if word.lower() == "bearer" and value else None


class EmailOrUsernameBackend(ModelBackend):
    """Sign in with e-mail or user name (`UserManager.get_by_natural_key` knows both)."""
