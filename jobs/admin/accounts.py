"""Accounts: who pays for calls, how much is left. Only administrators see and change the money."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import IntegrityError
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from crm.admin.base import REFUSALS, StaffAdmin, StaffForm, sentence_of
from crm.admin.rights import ADMINISTRATORS, EVERYBODY, NOBODY, actor, allows
from crm.display import NOTHING, address, change_url, moment, name_of
from crm.ids import new_id
from crm.panels import Row
from jobs.admin import wording
from jobs.admin.settings_form import PLACES
from jobs.choices import AccountStatus, PlanType
from jobs.models import Account, Count, Totals, Transaction
from jobs.money import MICROS, micros_of

NEWEST_TRANSACTIONS = 30
LARGEST = 10_000_000


class AccountForm(StaffForm):
    """The price as people write it; what was bought changes by topping up only."""

    price = forms.DecimalField(
        label="Precio por minuto",
        min_value=0,
        max_value=1_000,
        decimal_places=4,
        initial="0.15",
        widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "any"}),
    )
    timezone = forms.ChoiceField(
        label="Zona horaria", choices=[("", "La del país"), *PLACES[1:]], required=False, widget=UnfoldAdminSelectWidget
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            self.initial["price"] = f"{self.instance.micros_per_minute / MICROS:.4f}".rstrip("0").rstrip(".")


class TopUpForm(forms.Form):
    """One purchase. `key` is the id of its row, so a form that is sent twice buys once."""

    key = forms.UUIDField(widget=forms.HiddenInput)
    amount = forms.DecimalField(
        label="Crédito",
        min_value=0.01,
        max_value=LARGEST,
        max_digits=12,
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "any", "autofocus": True}),
    )
    description = forms.CharField(
        label="Descripción",
        required=False,
        max_length=300,
        help_text="Por ejemplo, el número de la factura.",
        widget=UnfoldAdminTextInputWidget,
    )

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.in_minutes = account.plan_type == PlanType.MINUTES
        if self.in_minutes:
            self.fields["amount"].label = "Minutos"

    @property
    def bought(self) -> dict[str, int]:
        amount = self.cleaned_data["amount"]
        return {"seconds": round(amount * 60)} if self.in_minutes else {"micros": micros_of(amount)}


class PlanFilter(DropdownFilter):
    title = "estado"
    parameter_name = "estado"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("activas", "Activas"), ("suspendidas", "Suspendidas")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted = {"activas": AccountStatus.ACTIVE, "suspendidas": AccountStatus.SUSPENDED}.get(self.value() or "")
        return queryset.filter(status=wanted) if wanted else queryset


@admin.register(Account)
class AccountAdmin(StaffAdmin):
    form = AccountForm
    may_view = EVERYBODY
    may_add = may_change = ADMINISTRATORS
    may_delete = NOBODY
    list_display = ("name", "status_label", "plan", "left", "live", "country_label", "made")
    list_display_links = ("name",)
    list_filter = (PlanFilter,)
    search_fields = ("account_name", "account_id")
    search_help_text = "Nombre o código de la cuenta"
    empty_hint = "Cree la primera cuenta: dice quién paga las llamadas y cuántas se hacen a la vez."
    actions_detail = ("top_up",)
    change_form_outer_after_template = "jobs_admin/account.html"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("account_name", "status"),
                    "suspension_reason",
                    ("plan_type", "price"),
                    ("max_concurrent_calls", "daily_call_limit"),
                    ("country", "timezone"),
                )
            },
        ),
        ("Persona de contacto", {"fields": ("contact_name", ("contact_email", "contact_phone"))}),
    )

    class Media:
        css = {"all": ["jobs/campaigns.css"]}

    # --- Columns ----------------------------------------------------------------------------

    @display(description="cuenta")
    def name(self, account: Account) -> str:
        return account.account_name

    @display(description="estado")
    def status_label(self, account: Account) -> SafeString:
        return wording.tone_label(account.get_status_display(), "success" if account.is_active else "danger")

    @display(description="plan")
    def plan(self, account: Account) -> str:
        return account.get_plan_type_display()

    @display(description="disponible")
    def left(self, account: Any) -> str | SafeString:
        text, tone = available(account, account.totals, in_figures=account.shows_money)
        return wording.tone_label(text, tone) if tone else text

    @display(description="en llamada")
    def live(self, account: Any) -> str:
        return f"{account.totals.in_progress} de {account.max_concurrent_calls}"

    @display(description="país")
    def country_label(self, account: Account) -> str:
        return account.get_country_display()

    @display(description="creada")
    def made(self, account: Account) -> str:
        return moment(account.created_at)

    # --- List -------------------------------------------------------------------------------

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)
        accounts: Any = list(changelist.result_list)
        totals = Count.objects.of_each(account.pk for account in accounts)
        shows_money = may_see_money(request)
        for account in accounts:
            account.totals, account.shows_money = totals[account.pk], shows_money
        changelist.result_list = accounts
        return changelist

    def find(self, queryset: QuerySet[Any], typed: str) -> QuerySet[Any]:
        return queryset.filter(Q(account_name__icontains=typed) | Q(account_id__istartswith=typed))

    # --- One --------------------------------------------------------------------------------

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who only looks is not shown prices; the page of who changes is a form."""
        if may_see_money(request):
            return super().get_fieldsets(request, obj)
        plain = ("account_name", "status"), ("plan_type", "country"), ("max_concurrent_calls", "daily_call_limit")
        return ((None, {"fields": plain}),)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        account = self.get_object(request, object_id)
        shown = self._shown(request, account) if account and self.has_view_permission(request) else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown})

    def _shown(self, request: HttpRequest, account: Account) -> dict[str, Any]:
        shows_money = may_see_money(request)
        return {
            "account_figures": figures_of(account, Count.objects.of(account.pk), in_figures=shows_money),
            "shows_money": shows_money,
            "transaction_headers": ("Cuándo", "Qué", "Cuánto", "Quién"),
            "transaction_rows": rows_of_transactions(account) if shows_money else [],
            "batches_url": address("jobs_batch_changelist", account__id__exact=account.pk),
        }

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        typed = dict(form.cleaned_data)
        typed["micros_per_minute"] = micros_of(typed.pop("price"))
        if not change:
            stored = Account.objects.open(by=actor(request), **typed)
        else:
            stored = Account.objects.get(pk=obj.pk)
            names = {"micros_per_minute" if name == "price" else name for name in form.changed_data}
            stored.change(**{name: typed[name] for name in names})
        obj.__dict__.update(stored.__dict__)

    @action(
        description="Recargar",
        icon="add_card",
        url_path="recargar",
        permissions=["administer"],
        variant=ActionVariant.PRIMARY,
    )
    def top_up(self, request: HttpRequest, object_id: str) -> HttpResponse:
        account = self.get_object(request, object_id)
        if not isinstance(account, Account) or account.plan_type == PlanType.UNLIMITED:
            raise Http404
        form = TopUpForm(request.POST or None, account=account, initial={"key": new_id()})
        if request.method == "POST" and form.is_valid():
            try:
                self._buy(request, account, form)
            except REFUSALS as error:
                form.add_error(None, sentence_of(error))
            else:
                return HttpResponseRedirect(change_url(account))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Recargar «{account}»",
            "opts": None,
            "account": account,
            "form": form,
            "account_figures": figures_of(account, Count.objects.of(account.pk), in_figures=True),
        }
        return TemplateResponse(request, "jobs_admin/top_up.html", context)

    def _buy(self, request: HttpRequest, account: Account, form: TopUpForm) -> None:
        """The purchase has the key of the form as its id, so the second of two finds it taken and buys nothing."""
        data = form.cleaned_data
        try:
            account.top_up(**form.bought, by=actor(request), description=data["description"], key=data["key"])
        except IntegrityError:
            messages.info(request, "Esta recarga ya estaba hecha: no se repitió.")
            return
        text, _ = available(account, Count.objects.of(account.pk), in_figures=True)
        messages.success(request, f"Recargado. Disponible ahora: {text}.")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        found: list[Any] = super().get_actions_detail(request, object_id)
        account = self.get_object(request, str(object_id))
        is_limited = account is not None and account.plan_type != PlanType.UNLIMITED
        return found if is_limited and may_see_money(request) else []


def may_see_money(request: HttpRequest) -> bool:
    return allows(ADMINISTRATORS, request.user)


def available(account: Account, totals: Totals, *, in_figures: bool) -> tuple[str, str]:
    """What is left to call with, and the colour: as an amount, or only whether there is something."""
    if account.plan_type == PlanType.UNLIMITED:
        return "Sin límite", ""
    if account.plan_type == PlanType.MINUTES:
        left = account.seconds_purchased - totals.seconds
        text, is_enough = f"{wording.minutes_called(left)} min", left > 0
    else:
        left = account.credit_micros - totals.cost_micros
        text, is_enough = wording.money(left), left >= account.expected_micros
    if not in_figures:
        text = "Con saldo" if is_enough else "Sin saldo"
    return text, "" if is_enough else "danger"


def figures_of(account: Account, totals: Totals, *, in_figures: bool) -> list[tuple[str, str]]:
    text, _ = available(account, totals, in_figures=in_figures)
    found = [("Disponible", text), ("En llamada", f"{totals.in_progress} de {account.max_concurrent_calls}")]
    if in_figures:
        found += [("Gastado", wording.money(totals.cost_micros))]
    return [
        *found,
        ("Minutos llamados", wording.minutes_called(totals.seconds)),
        ("Pendientes", wording.whole(totals.pending)),
    ]


def rows_of_transactions(account: Account) -> list[Row]:
    rows = Transaction.objects.filter(account=account).select_related("created_by").order_by("-created_at", "-pk")
    return [
        (
            moment(row.created_at),
            row.description or NOTHING,
            f"+{wording.money(row.micros)}" if row.micros else f"+{wording.minutes_called(row.seconds)} min",
            name_of(row.created_by),
        )
        for row in rows[:NEWEST_TRANSACTIONS]
    ]
