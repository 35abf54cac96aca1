"""What campaigns have to say at the top of every staff page until its cause is gone."""

from collections.abc import Iterator
from typing import Any

from django.db.models import BigIntegerField, Exists, F, OuterRef, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from crm.choices import Role
from crm.display import address
from crm.models import User
from crm.panels import Notice, add_notices
from jobs.choices import PlanType
from jobs.models import Account, Batch, Count, ProviderCircuit
from jobs.models.accounts import EXPECTED_MINUTES, SET_UP_MICROS

# Whose business it is that campaigns stand still.
MAY_SEE_NOTICES = frozenset({Role.LAWYER, Role.ADMIN})


def register() -> None:
    """Called from `JobsConfig.ready()`."""
    add_notices(notices)


def notices(user: User) -> Iterator[Notice]:
    """One query along indexes for all of them, none for those whom it does not concern."""
    if user.role not in MAY_SEE_NOTICES and not user.is_superuser:
        return
    found = _looked_up(user)
    if found["paused_name"]:
        where = address("jobs_batch_changelist", estado="por-si-sola")
        yield Notice(
            f"La campaña «{found['paused_name']}» está en pausa. {found['paused_because']}", where, "Verla y decidir"
        )
    if found["empty_account"]:
        text = f"La cuenta «{found['empty_account']}» no tiene saldo: sus campañas no llaman."
        yield Notice(text, address("jobs_account_changelist"), "Ver las cuentas")
    if found["circuit_error"] is not None:
        text = f"El proveedor de llamadas no responde y se le deja descansar. {found['circuit_error']}".strip()
        yield Notice(text, address("jobs_batch_changelist", estado="en-marcha"), "Ver las campañas")


def _looked_up(user: User) -> dict[str, Any]:
    """Any row serves to put the answers beside; that of `user` is sure to be there."""
    paused = Batch.objects.present().filter(is_active=False, cancelled_at__isnull=True).exclude(paused_because="")
    newest = paused.newest_first()
    return User.objects.filter(pk=user.pk).values(
        paused_name=Subquery(newest.values("name")[:1]),
        paused_because=Subquery(newest.values("paused_because")[:1]),
        empty_account=Subquery(_without_credit().values("account_name")[:1]),
        circuit_error=Subquery(ProviderCircuit.objects.open().values("last_error")[:1]),
    )[0]


def _without_credit() -> QuerySet[Account]:
    """Active accounts with a campaign that would call, and too little left for a call."""
    running = Batch.objects.running().filter(account=OuterRef("pk"))
    with_campaign = Account.objects.active().filter(Exists(running))
    price = SET_UP_MICROS + EXPECTED_MINUTES * F("micros_per_minute")
    by_credit = with_campaign.filter(plan_type=PlanType.CREDITS, credit_micros__lt=_spent("cost_micros") + price)
    by_minutes = with_campaign.filter(plan_type=PlanType.MINUTES, seconds_purchased__lte=_spent("seconds"))
    return (by_credit | by_minutes).order_by("account_name")


def _spent(column: str) -> Coalesce:
    rows = Count.objects.filter(owner=OuterRef("pk")).order_by().values("owner").annotate(spent=Sum(column))
    return Coalesce(
        Subquery(rows.values("spent"), output_field=BigIntegerField()), Value(0), output_field=BigIntegerField()
    )
