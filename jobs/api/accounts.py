"""Accounts: who pays. Everybody of the CRM reads them, administrators open, change and top them up."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from crm.api.base import user_of
from crm.exceptions import Refusal
from crm.permissions import IsAdministrator, IsCrmStaff
from jobs.api.batch_serializers import (
    AccountAnswer,
    BalanceAnswer,
    LastCallSettingsAnswer,
    ToppedUpAnswer,
    TransactionAnswer,
    settings_in_force,
)
from jobs.api.batches import NOTHING_TO_CHANGE, BatchesView
from jobs.api.bodies import AccountBody, NewAccountBody, SuspendBody, TopUpBody
from jobs.api.dashboard import AccountStatsAnswer, AccountSummaryAnswer, figures_of
from jobs.api.filters import AccountFilter, TransactionFilter
from jobs.api.paging import TOTAL_HEADER, ArrayPagination
from jobs.api.reading import account_named, batch_rows, with_totals
from jobs.choices import AccountStatus, TransactionType
from jobs.models import Account, Batch, Transaction
from jobs.money import amount_of, micros_of, minutes_of

_row = AccountAnswer().to_representation
_balance = BalanceAnswer().to_representation
_bought = TransactionAnswer().to_representation


class AdministersAccounts(IsCrmStaff):
    """Reading is for everybody of the CRM, everything else for administrators."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.method in ("GET", "HEAD", "OPTIONS"):
            return super().has_permission(request, view)
        self.message = IsAdministrator.message
        return IsAdministrator().has_permission(request, view)


class AccountList(GenericViewSet[Account]):
    """Las cuentas, las más recientes primero, en una lista sin sobre; el total va en `X-Total-Count`."""

    serializer_class = AccountAnswer
    filterset_class = AccountFilter
    pagination_class = ArrayPagination
    permission_classes = (AdministersAccounts,)
    queryset = Account.objects.all()

    @extend_schema(operation_id="accounts_list", parameters=[TOTAL_HEADER])
    def list(self, request: Request) -> Response:
        """Las cuentas, las más recientes primero, con lo comprado y lo usado."""
        page = self.paginate_queryset(self.filter_queryset(Account.objects.newest_first()))
        return self.get_paginated_response([_row(account) for account in with_totals(page or [])])

    @extend_schema(operation_id="accounts_create", request=NewAccountBody, responses={201: AccountAnswer})
    def create(self, request: Request) -> Response:
        """Abre una cuenta; con créditos o minutos iniciales, anotados como recarga. Solo administradores."""
        sent = NewAccountBody.read(request.data)
        micros, seconds = micros_of(sent.pop("initial_credits", 0)), round(sent.pop("initial_minutes", 0) * 60)
        account = Account.objects.open(by=user_of(request), micros=micros, seconds=seconds, **columns_of(sent))
        return answer(account, status=201)


class OneAccount(APIView):
    permission_classes = (AdministersAccounts,)

    @extend_schema(operation_id="accounts_retrieve", responses=AccountAnswer)
    def get(self, request: Request, account_id: str) -> Response:
        """Una cuenta, por cualquiera de sus dos ids."""
        return answer(account_named(account_id))

    @extend_schema(operation_id="accounts_partial_update", request=AccountBody, responses=AccountAnswer)
    def patch(self, request: Request, account_id: str) -> Response:
        """Cambia solo lo que se envía; `{"is_active": false}` la suspende. Solo administradores."""
        account = account_named(account_id)
        values = columns_of(AccountBody.read(request.data))
        if not values:
            raise Refusal(NOTHING_TO_CHANGE, code="nada_que_cambiar")
        if "features" in values:
            values["features"] = {**account.features, **values["features"]}
        account.change(**values)
        return answer(account)


class SuspendAccount(APIView):
    permission_classes = (AdministersAccounts,)

    @extend_schema(operation_id="accounts_suspend", request=SuspendBody, responses=AccountAnswer)
    def put(self, request: Request, account_id: str) -> Response:
        """Suspende la cuenta: ninguna de sus campañas llama. Solo administradores."""
        sent = SuspendBody.read(request.data or {})
        reason = sent.get("suspension_reason") or sent.get("reason") or ""
        account = account_named(account_id)
        account.change(status=AccountStatus.SUSPENDED, suspension_reason=reason)
        return answer(account)


class ActivateAccount(APIView):
    permission_classes = (AdministersAccounts,)

    @extend_schema(operation_id="accounts_activate", request=None, responses=AccountAnswer)
    def put(self, request: Request, account_id: str) -> Response:
        """Reactiva la cuenta. Solo administradores."""
        account = account_named(account_id)
        account.change(status=AccountStatus.ACTIVE, suspension_reason="")
        return answer(account)


class TopUp(APIView):
    permission_classes = (AdministersAccounts,)

    @extend_schema(operation_id="accounts_topup", request=TopUpBody, responses=ToppedUpAnswer)
    def post(self, request: Request, account_id: str) -> Response:
        """Añade créditos o minutos, con su anotación. Solo administradores."""
        sent = TopUpBody.read(request.data)
        account = account_named(account_id)
        bought = account.top_up(
            micros=micros_of(sent.get("credits") or 0),
            seconds=round((sent.get("minutes") or 0) * 60),
            by=user_of(request),
            description=sent.get("description", ""),
        )
        left = _balance(with_totals([account])[0])
        is_credit = bought.type == TransactionType.CREDITS
        return Response(
            {
                "success": True,
                "message": "Recarga anotada",
                "transaction_id": bought.pk,
                "amount_added": amount_of(bought.micros) if is_credit else minutes_of(bought.seconds),
                "new_balance": left["credit_available" if is_credit else "minutes_available"],
            }
        )


# --- What an account has ----------------------------------------------------------------------


class Balance(APIView):
    @extend_schema(operation_id="accounts_balance", responses=BalanceAnswer)
    def get(self, request: Request, account_id: str) -> Response:
        """Lo comprado, lo usado y lo que queda, en créditos y en minutos."""
        return Response(_balance(with_totals([account_named(account_id)])[0]))


class AccountStats(APIView):
    @extend_schema(operation_id="accounts_stats", responses=AccountStatsAnswer)
    def get(self, request: Request, account_id: str) -> Response:
        """Cuántas campañas y jobs tiene, y cómo van."""
        account = account_named(account_id)
        return Response({"account_id": account.account_id, **figures_of(user_of(request), account)})


class AccountSummary(APIView):
    @extend_schema(operation_id="accounts_summary", responses=AccountSummaryAnswer)
    def get(self, request: Request, account_id: str) -> Response:
        """La cuenta, su saldo y sus cifras de una vez."""
        account = with_totals([account_named(account_id)])[0]
        figures = figures_of(user_of(request), account)
        return Response({"account": _row(account), "balance": _balance(account), "stats": figures})


class AccountBatches(BatchesView):
    @extend_schema(operation_id="accounts_batches_list", parameters=[TOTAL_HEADER])
    def list(self, request: Request, account_id: str) -> Response:
        """Las campañas de una cuenta, las más recientes primero."""
        return self.page_of(batch_rows(user_of(request)).filter(account=account_named(account_id)))


class AccountTransactions(GenericAPIView[Transaction]):
    serializer_class = TransactionAnswer
    filterset_class = TransactionFilter
    pagination_class = ArrayPagination
    queryset = Transaction.objects.all()

    @extend_schema(
        operation_id="accounts_transactions_list",
        parameters=[TOTAL_HEADER],
        responses=TransactionAnswer(many=True),
    )
    def get(self, request: Request, account_id: str) -> Response:
        """Lo comprado, lo más reciente primero. Lo que cuestan las llamadas está en la cuenta y en cada campaña."""
        rows = Transaction.objects.filter(account=account_named(account_id)).select_related("account")
        page = self.paginate_queryset(self.filter_queryset(rows.order_by("-created_at", "-id")))
        return self.get_paginated_response([_bought(row) for row in page or []])


class LastCallSettings(APIView):
    @extend_schema(operation_id="accounts_last_call_settings", responses=LastCallSettingsAnswer)
    def get(self, request: Request, account_id: str) -> Response:
        """Cómo llamaba su campaña más reciente, para proponerlo en la siguiente."""
        rows: Any = Batch.objects.present().visible_to(user_of(request)).select_related("account")
        last = rows.filter(account=account_named(account_id)).newest_first().first()
        return Response(
            {
                "call_settings": settings_in_force(last) if last else None,
                "from_batch": last.batch_id if last else None,
                "batch_name": last.name if last else None,
            }
        )


# --- What the views share ---------------------------------------------------------------------


def answer(account: Account, status: int = 200) -> Response:
    return Response(_row(with_totals([account])[0]), status=status)


def columns_of(sent: dict[str, Any]) -> dict[str, Any]:
    """A body's values under the names of columns. Whoever is active has no reason for being suspended."""
    values = dict(sent)
    if "cost_per_minute" in values:
        values["micros_per_minute"] = micros_of(values.pop("cost_per_minute"))
    if "is_active" in values:
        is_active = values.pop("is_active")
        values.setdefault("status", AccountStatus.ACTIVE if is_active else AccountStatus.SUSPENDED)
    if values.get("status") == AccountStatus.ACTIVE:
        values["suspension_reason"] = ""
    return values
