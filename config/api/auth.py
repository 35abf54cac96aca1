"""Signing in and out with JWTs, in all the spellings that clients use (contract section 1, "Auth")."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth import authenticate
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import RefreshToken

from config.api.throttles import LoginThrottle
from config.env import ENV
from crm.api.base import Answer, Body
from crm.api.serializers.users import UserAnswer
from crm.api.views.users import MeView
from crm.models import User

__all__ = ["LoginView", "LogoutView", "MeView", "RefreshView", "TokenRefreshView", "TokenView"]

WRONG = "Correo o contraseña incorrectos."
INACTIVE = "Su usuario está desactivado. Hable con un administrador."
_ACCESS, _FULL = timedelta(minutes=ENV.access_token_minutes), timedelta(days=ENV.refresh_token_days)
# Clients forget the session only when they read "token" in the sentence.
BAD_TOKEN = "El token de sesión no es válido o ha expirado. Inicie sesión de nuevo."


class SignInBody(Body):
    email = serializers.CharField(required=False, allow_null=True, max_length=254)
    username = serializers.CharField(required=False, allow_null=True, max_length=254)
    password = serializers.CharField(max_length=128, trim_whitespace=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not (attrs.get("email") or attrs.get("username")):
            raise serializers.ValidationError("Indique su correo o su nombre de usuario.")
        return attrs


class RefreshTokenBody(Body):
    refresh_token = serializers.CharField()


class RefreshBody(Body):
    refresh = serializers.CharField()


class TokenPairAnswer(Answer):
    access_token = serializers.CharField()
    refresh_token = serializers.CharField()
    token_type = serializers.CharField(default="bearer")
    expires_in = serializers.IntegerField(help_text="Segundos de vida del token de acceso.")
    refresh_expires_in = serializers.IntegerField(help_text="Segundos de vida del token de actualización.")


class SignedInAnswer(TokenPairAnswer):
    user = UserAnswer()


class PlainPairAnswer(Answer):
    access = serializers.CharField()
    refresh = serializers.CharField()


class SaidAnswer(Answer):
    message = serializers.CharField()


class OpenView(APIView):
    """For those who are not known yet."""

    authentication_classes = ()
    permission_classes = ()

    def get_authenticate_header(self, request: Request) -> str:
        """Without one, DRF would turn every 401 of these views into a 403."""
        return 'Bearer realm="api"'


@extend_schema(request=SignInBody, responses=SignedInAnswer)
class LoginView(OpenView):
    throttle_classes = (LoginThrottle,)

    def post(self, request: Request) -> Response:
        """Entra con correo o usuario y contraseña: dos tokens y el usuario."""
        user = _sign_in(request)
        return Response({**_pair(_new_token(user), left=_FULL), "user": UserAnswer(user).data})


@extend_schema(request=RefreshTokenBody, responses=TokenPairAnswer)
class RefreshView(OpenView):
    def post(self, request: Request) -> Response:
        """Un token de acceso nuevo. El de actualización sigue siendo el mismo: varias pestañas lo usan a la vez."""
        body = RefreshTokenBody(data=request.data)
        body.is_valid(raise_exception=True)
        token = _refresh_token(body.validated_data["refresh_token"])
        return Response(_pair(token, left=datetime.fromtimestamp(token["exp"], tz=UTC) - timezone.now()))


@extend_schema(request=RefreshTokenBody, responses=SaidAnswer)
class LogoutView(OpenView):
    def post(self, request: Request) -> Response:
        """Cierra la sesión de este token de actualización; cerrarla dos veces no es un error."""
        value = request.data.get("refresh_token") if isinstance(request.data, dict) else None
        if isinstance(value, str):
            with suppress(TokenError):
                RefreshToken(value).blacklist()  # type: ignore[arg-type]
        return Response({"message": "Sesión cerrada."})


@extend_schema(request=SignInBody, responses=PlainPairAnswer)
class TokenView(OpenView):
    throttle_classes = (LoginThrottle,)

    def post(self, request: Request) -> Response:
        """La misma entrada, con los nombres de otros clientes: access y refresh."""
        return Response(_plain_pair(_new_token(_sign_in(request))))


@extend_schema(request=RefreshBody, responses=PlainPairAnswer)
class TokenRefreshView(OpenView):
    def post(self, request: Request) -> Response:
        """Un token de acceso nuevo, con los nombres de otros clientes."""
        body = RefreshBody(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(_plain_pair(_refresh_token(body.validated_data["refresh"])))


def _sign_in(request: Request) -> User:
    """The user who gave the right password; 401 else, and 429 once axes has had enough."""
    body = SignInBody(data=request.data)
    body.is_valid(raise_exception=True)
    given = body.validated_data
    name, password = given.get("email") or given["username"], given["password"]
    # axes marks this request as locked out, so it must be the one that its middleware sees.
    plain: HttpRequest = request._request
    user = authenticate(plain, username=name, password=password)
    if not isinstance(user, User):
        raise AuthenticationFailed(INACTIVE if _is_inactive(name, password) else WRONG)
    user_logged_in.send(sender=User, request=plain, user=user)
    return user


def _new_token(user: User) -> RefreshToken:
    token: RefreshToken = RefreshToken.for_user(user)
    token["username"] = user.username or user.email  # one client shows it (contracts/presence-systems.md 2)
    return token


def _is_inactive(name: str, password: str) -> bool:
    """Told only to those who know the password."""
    user = User.objects.filter(is_active=False).by_name(name).first()
    return user is not None and user.check_password(password)


def _refresh_token(value: str) -> RefreshToken:
    """A refresh token that is ours, alive, not revoked, of an active user with the same password still."""
    try:
        token = RefreshToken(value)  # type: ignore[arg-type]
        JWTAuthentication().get_user(token)
    except (TokenError, AuthenticationFailed) as error:
        raise AuthenticationFailed(BAD_TOKEN, code="token_invalido") from error
    return token


def _pair(token: RefreshToken, *, left: timedelta) -> dict[str, Any]:
    return {
        "access_token": str(token.access_token),
        "refresh_token": str(token),
        "token_type": "bearer",
        "expires_in": int(_ACCESS.total_seconds()),
        "refresh_expires_in": int(left.total_seconds()),
    }


def _plain_pair(token: RefreshToken) -> dict[str, str]:
    return {"access": str(token.access_token), "refresh": str(token)}
