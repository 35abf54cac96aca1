"""How people sign in: by e-mail or user name, with a lock-out after repeated failures (django-axes)."""

from datetime import timedelta
from typing import Any

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from config.addresses import client_address
from config.api.errors import problem
from crm.models import User

# What every demonstration account has; nobody signs in with it anywhere else (contract section 7).
DEMONSTRATION_PASSWORD = "demo-puente"


class EmailOrUsernameBackend(ModelBackend):
    """Sign in with e-mail or user name (`UserManager.get_by_natural_key` knows both)."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        if password == DEMONSTRATION_PASSWORD and not settings.DEMONSTRATION:
            return None
        found: User | None = super().authenticate(request, username=username, password=password, **kwargs)
        return found


# --- Lock-out, as settings.AXES_… name it -----------------------------------------------------


def name_for_lockout(request: HttpRequest, credentials: dict[str, Any] | None = None) -> str:
    """One name for one account: failures under its e-mail, user name or another case add up."""
    given = str((credentials or {}).get("username") or request.POST.get("username") or "").strip().lower()
    if not given or "@" in given:
        return given[:254]
    known: dict[str, str] = request.__dict__.setdefault("_names_for_lockout", {})
    if given not in known:
        email = User.objects.filter(username=given).values_list("email", flat=True).first()
        known[given] = email or given[:254]
    return known[given]


def locked_out(
    request: HttpRequest, response: HttpResponse | None = None, credentials: dict[str, Any] | None = None
) -> HttpResponse:
    """429 with the time that is left, for the API and the admin's own form alike."""
    attempts = AccessAttempt.objects.filter(
        username=name_for_lockout(request, credentials), ip_address=client_address(request)
    )
    last = attempts.aggregate(last=Max("attempt_time"))["last"] or timezone.now()
    left: timedelta = last + settings.AXES_COOLOFF_TIME - timezone.now()
    seconds = max(1, int(left.total_seconds()))
    sentence = f"Demasiados intentos fallidos. Espere {_minutes(seconds)} e inténtelo de nuevo."
    answer = problem(request, 429, sentence, "demasiados_intentos")
    answer.headers["Retry-After"] = str(seconds)
    return answer


def _minutes(seconds: int) -> str:
    minutes = -(-seconds // 60)
    return "1 minuto" if minutes == 1 else f"{minutes} minutos"
