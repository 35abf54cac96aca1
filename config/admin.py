"""The models of other packages on the staff pages: shown in our manner, or hidden because nobody needs them.

This module is imported first of all `admin` modules; it makes the others register, then takes over.
"""

from typing import Any

from axes import admin as axes_admin  # noqa: F401  registers its three models
from axes.models import AccessAttempt, AccessAttemptExpiration, AccessFailureLog, AccessLog
from axes.utils import reset
from django.contrib import admin, messages
from django.contrib.auth import admin as auth_admin  # noqa: F401  registers Group
from django.contrib.auth.models import Group
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from rest_framework_simplejwt.token_blacklist import admin as blacklist_admin  # noqa: F401  registers both
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from unfold.decorators import action, display

from crm.admin.base import ReadOnlyAdmin
from crm.admin.filters import DayRangeFilter
from crm.admin.rights import ADMINISTRATORS
from crm.display import moment, shortened

# Roles decide what people may do, so there are no groups; a signed-in session's tokens and the
# bookkeeping of failed sign-ins are the libraries' own business.
HIDDEN: tuple[type[Model], ...] = (
    Group,
    AccessAttemptExpiration,
    AccessFailureLog,
    AccessLog,
    BlacklistedToken,
    OutstandingToken,
)

for model in (*HIDDEN, AccessAttempt):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


@admin.register(AccessAttempt)
class AccessAttemptAdmin(ReadOnlyAdmin):
    """Failed sign-ins; an administrator lets a locked-out colleague in again."""

    may_view = ADMINISTRATORS
    list_display = ("username", "failures_since_start", "ip_address", "when", "program")
    list_filter = (("attempt_time", DayRangeFilter),)
    ordering = ("-attempt_time", "-id")
    search_fields = ("username",)
    search_help_text = "Correo con el que se intentó entrar"
    actions = ("let_in",)
    empty_hint = "Nadie se ha equivocado de contraseña. Aquí se desbloquea a quien lo haga demasiadas veces."
    fieldsets = (
        (None, {"fields": (("username", "failures_since_start"), ("ip_address", "attempt_time"), "user_agent")}),
    )

    @display(description="cuándo")
    def when(self, attempt: AccessAttempt) -> str:
        return moment(attempt.attempt_time)

    @display(description="programa")
    def program(self, attempt: AccessAttempt) -> str:
        return shortened(attempt.user_agent, 60)

    def find(self, queryset: QuerySet[Any], typed: str) -> QuerySet[Any]:
        return queryset.filter(username__icontains=typed)

    @action(description="Desbloquear", permissions=["administer"])
    def let_in(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        names = sorted({attempt.username for attempt in queryset if attempt.username})
        for name in names:
            reset(username=name)
        messages.success(request, f"Pueden volver a entrar: {', '.join(names)}.")
