"""The figures of everything, or of one account: read from the kept counts, never counted."""

from datetime import datetime
from typing import Any

from django.db.models import Count as CountOf
from django.db.models import Q, Sum
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from crm.api.base import Answer, user_of
from crm.models import User
from crm.scope import is_limited
from jobs.api.batch_serializers import AccountAnswer, BalanceAnswer, BatchAnswer
from jobs.api.filters import REACHED
from jobs.api.reading import account_named, batch_rows, call_rows, with_totals
from jobs.api.standing import success_rate
from jobs.choices import LIVE, AccountStatus, PlanType
from jobs.models import Account, Batch, Count, Totals
from jobs.money import amount_of, minutes_of

OF_ACCOUNT = OpenApiParameter("account_id", str, description="Solo de una cuenta: `_id` o `account_id`.")
NO_SUCH_ACCOUNT = OpenApiResponse({"$ref": "#/components/schemas/Error"}, description="No hay tal cuenta.")
RECENT = 10

_batch = BatchAnswer().to_representation


# --- Answers ----------------------------------------------------------------------------------


class FiguresAnswer(Answer):
    total_batches = serializers.IntegerField()
    active_batches = serializers.IntegerField()
    total_jobs = serializers.IntegerField()
    pending_jobs = serializers.IntegerField()
    in_progress_jobs = serializers.IntegerField()
    completed_jobs = serializers.IntegerField()
    failed_jobs = serializers.IntegerField()
    suspended_jobs = serializers.IntegerField()
    cancelled_jobs = serializers.IntegerField()
    success_rate = serializers.FloatField(help_text="Por ciento de los terminados.")
    total_cost = serializers.FloatField()
    total_revenue = serializers.FloatField(help_text="Lo mismo que `total_cost`, como lo llama el cliente.")
    total_minutes = serializers.FloatField()


class AccountStatsAnswer(FiguresAnswer):
    account_id = serializers.CharField()


class AccountSummaryAnswer(Answer):
    account = AccountAnswer()
    balance = BalanceAnswer()
    stats = FiguresAnswer()


class SystemFiguresAnswer(FiguresAnswer):
    total_accounts = serializers.IntegerField()
    active_accounts = serializers.IntegerField()


class StatsAnswer(SystemFiguresAnswer):
    system = SystemFiguresAnswer(help_text="Las mismas cifras, como las anida el original.")


class TodayAnswer(Answer):
    calls = serializers.IntegerField()
    reached = serializers.IntegerField()
    live = serializers.IntegerField(help_text="En curso ahora.")
    minutes = serializers.FloatField()
    cost = serializers.FloatField()


class OverviewAnswer(Answer):
    stats = SystemFiguresAnswer()
    today = TodayAnswer(help_text="Desde la medianoche de TIME_ZONE.")
    recent_batches = BatchAnswer(many=True)


# --- Views ------------------------------------------------------------------------------------


class DashboardStats(APIView):
    @extend_schema(
        operation_id="dashboard_stats", parameters=[OF_ACCOUNT], responses={200: StatsAnswer, 404: NO_SUCH_ACCOUNT}
    )
    def get(self, request: Request) -> Response:
        """Las cifras de todo, o de una cuenta; para quien solo ve lo suyo, las de sus campañas."""
        figures = system_figures(user_of(request), _account_asked_for(request))
        return Response({**figures, "system": figures})


class DashboardOverview(APIView):
    @extend_schema(
        operation_id="dashboard_overview",
        parameters=[OF_ACCOUNT],
        responses={200: OverviewAnswer, 404: NO_SUCH_ACCOUNT},
    )
    def get(self, request: Request) -> Response:
        """Las cifras, lo de hoy y las campañas más recientes."""
        user, account = user_of(request), _account_asked_for(request)
        rows: Any = batch_rows(user)
        recent = (rows.filter(account=account) if account else rows).newest_first()[:RECENT]
        return Response(
            {
                "stats": system_figures(user, account),
                "today": figures_of_today(user, account),
                "recent_batches": [_batch(batch) for batch in with_totals(list(recent))],
            }
        )


def _account_asked_for(request: Request) -> Account | None:
    wanted = request.query_params.get("account_id")
    return account_named(wanted) if wanted else None


# --- Figures ----------------------------------------------------------------------------------


def system_figures(user: User, account: Account | None) -> dict[str, Any]:
    accounts = Account.objects.filter(pk=account.pk) if account else Account.objects.all()
    counted = accounts.aggregate(
        total_accounts=CountOf("pk"), active_accounts=CountOf("pk", filter=Q(status=AccountStatus.ACTIVE))
    )
    return {**counted, **figures_of(user, account)}


def figures_of(user: User, account: Account | None) -> dict[str, Any]:
    """Of the campaigns that `user` sees, of one account where one is given."""
    seen: Any = Batch.objects.visible_to(user)
    if account:
        seen = seen.filter(account=account)
    running = Q(is_active=True, cancelled_at__isnull=True)
    batches = seen.present().aggregate(total_batches=CountOf("pk"), active_batches=CountOf("pk", filter=running))
    totals = _totals(user, account, seen)
    cost = amount_of(totals.cost_micros)
    return {
        **batches,
        "total_jobs": totals.jobs,
        **{f"{name}_jobs": getattr(totals, name) for name in _STATES},
        "success_rate": success_rate(totals),
        "total_cost": cost,
        "total_revenue": cost,
        "total_minutes": minutes_of(totals.seconds),
    }


_STATES = ("pending", "in_progress", "completed", "failed", "suspended", "cancelled")


def _totals(user: User, account: Account | None, seen: Any) -> Totals:
    """Accounts are few and have counts of their own; whoever sees less gets the sum of their campaigns."""
    if is_limited(user):
        return Count.objects.over(seen)
    return Count.objects.of(account.pk) if account else Count.objects.over(Account.objects.all())


def figures_of_today(user: User, account: Account | None) -> dict[str, Any]:
    midnight: datetime = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    calls = call_rows(user).filter(created_at__gte=midnight)
    if account:
        calls = calls.filter(account=account)
    found = calls.aggregate(
        calls=CountOf("pk"),
        reached=CountOf("pk", filter=Q(outcome__in=REACHED)),
        live=CountOf("pk", filter=Q(state__in=LIVE)),
        seconds=Sum("seconds"),
        cost_micros=Sum("cost_micros"),
    )
    minutes, cost = minutes_of(found.pop("seconds")), amount_of(found.pop("cost_micros"))
    return {**found, "minutes": minutes, "cost": cost}


# --- What campaigns are for -------------------------------------------------------------------

USE_CASES = (
    ("debt_collection", "Cobranza", "Recordar una deuda y anotar cuándo y cuánto se promete pagar."),
    ("marketing", "Marketing", "Presentar una oferta a quienes dieron su consentimiento."),
)


class UseCaseAnswer(Answer):
    id = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    plans = serializers.ListField(child=serializers.ChoiceField(choices=PlanType.choices))


class UseCasesAnswer(Answer):
    use_cases = UseCaseAnswer(many=True)


class UseCases(APIView):
    @extend_schema(operation_id="use_cases", responses=UseCasesAnswer)
    def get(self, request: Request) -> Response:
        """Para qué sirven las campañas."""
        found = [
            {"id": name, "name": title, "description": text, "plans": PlanType.values}
            for name, title, text in USE_CASES
        ]
        return Response({"use_cases": found})
