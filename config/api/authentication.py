"""Who is asking: a JWT of a signed-in person or the token of another program, both after `Bearer`."""

from functools import lru_cache
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import AccessToken
from rest_framework_simplejwt.utils import get_md5_hash_password

from crm.ids import as_id
from crm.models import ApiToken, User
from crm.prepared import Prepared

_user: Prepared[User] = Prepared(lambda pk: User.objects.filter(pk=pk))


class BearerAuthentication(BaseAuthentication):
    """One class for both kinds of token: two could not share the word, the first refuses for both."""

    def authenticate(self, request: Request | HttpRequest) -> tuple[User, Any] | None:
        """Once a request: the idempotency middleware asks before the view does."""
        plain: Any = getattr(request, "_request", request)
        if not hasattr(plain, "_bearer"):
            plain._bearer = _authenticate(plain)
        found: tuple[User, Any] | None = plain._bearer
        return found

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


def _authenticate(request: HttpRequest) -> tuple[User, Any] | None:
    value = bearer_value(request.META.get("HTTP_AUTHORIZATION", ""))
    if value is None:
        return None
    # A JWT has three parts; a registered value of another program may look like anything, even like one.
    found = (_person(value) if value.count(".") == 2 else None) or _program(value)
    if found is None:
        raise AuthenticationFailed("El token no es válido o ha expirado.", code="token_invalido")
    return found


def bearer_value(header: str) -> str | None:
    """The token of an `Authorization` header; None when it speaks of something else."""
    word, _, value = header.partition(" ")
    value = value.strip()
    return value if word.lower() == "bearer" and value else None


def _person(value: str) -> tuple[User, Any] | None:
    """What simplejwt's `get_user` does, with a query that is worked out once: every request asks it."""
    try:
        token = _verified(value)
        token.check_exp(current_time=timezone.now())
    except TokenError:
        return None
    user = _user.get(as_id(token.get("sub")))
    if user is None or not user.is_active:
        return None
    # A new password ends the sessions that were begun with the old one.
    same_password = token.get(api_settings.REVOKE_TOKEN_CLAIM) == get_md5_hash_password(user.password)
    return (user, token) if same_password else None


@lru_cache(maxsize=2_000)
def _verified(value: str) -> AccessToken:
    """The token whose signature is right. Somebody at work sends the same one hundreds of times an hour.

    What may have changed since (its end, its user, their password) the caller asks each time; what is
    refused is not remembered.
    """
    return AccessToken(value.encode())  # type: ignore[arg-type]


def _program(value: str) -> tuple[User, ApiToken] | None:
    token = ApiToken.objects.usable().for_value(value).select_related("user").first()
    if token is None:
        return None
    token.note_use(timezone.now())
    return token.user, token
