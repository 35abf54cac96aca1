"""What the lists of campaigns may be narrowed by: an unknown word is a 400, an id that nobody has finds nothing."""

from typing import Any

import django_filters
from django import forms
from django.db.models import Q, QuerySet
from django.utils import timezone
from django_filters.utils import translate_validation

from crm.api.filters.base import ListFilter
from crm.api.moments import DateTimeFilter
from crm.models import User
from crm.scope import is_limited
from crm.search import search_in_order
from jobs.api.standing import STANDINGS, with_standing
from jobs.choices import LIVE, AccountStatus, JobStatus, Outcome, PlanType, TransactionType
from jobs.models import Account, Batch, Count, Job, Totals
from jobs.models.batches import BatchQuerySet
from jobs.outcomes import CONSEQUENCES

SCHEDULED = "scheduled"
# Word of the client → what is stored. `done` and `completed` are one state.
JOB_WORDS = {**{status.value: status.value for status in JobStatus}, "done": "completed", SCHEDULED: SCHEDULED}

REACHED = [outcome.value for outcome, row in CONSEQUENCES.items() if row.is_reached]
_CALL_WORDS: dict[str, Q] = {
    "in_progress": Q(state__in=LIVE),
    "completed": Q(outcome__in=REACHED),
    "failed": ~Q(outcome__in=["", *REACHED]),
    **{outcome.value: Q(outcome=outcome) for outcome in Outcome},
}
_CALL_WORDS["done"] = _CALL_WORDS["completed"]


class WordParameter(forms.Field):
    """One word of a closed list, in any case; nothing where nothing was asked."""

    def __init__(self, *, known: Any, **kwargs: Any) -> None:
        self.known = {word.lower(): word for word in known}
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> str | None:
        wanted = str(value or "").strip().lower()
        if wanted and wanted not in self.known:
            raise forms.ValidationError(
                f"No es un valor permitido. Use uno de estos: {', '.join(self.known.values())}."
            )
        return self.known[wanted] if wanted else None


class WordFilter(django_filters.Filter):
    field_class = WordParameter


class YesOrNoFilter(django_filters.Filter):
    class field_class(forms.Field):
        _WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}

        def to_python(self, value: Any) -> bool | None:
            wanted = str(value or "").strip().lower()
            if wanted and wanted not in self._WORDS:
                raise forms.ValidationError("No es un valor permitido. Use uno de estos: true, false.")
            return self._WORDS.get(wanted)


class OwnedFilter(ListFilter):
    """Lists of what belongs to a campaign and an account, named by either of their ids."""

    batch_id = django_filters.CharFilter(method="unchanged", label="Una campaña: `_id` o `batch_id`.")
    account_id = django_filters.CharFilter(method="unchanged", label="Una cuenta: `_id` o `account_id`.")

    def unchanged(self, rows: QuerySet[Any], name: str, value: Any) -> QuerySet[Any]:
        return rows

    @property
    def user(self) -> User:
        user: User = self.request.user
        return user

    def asked(self, name: str) -> Any:
        return self.form.cleaned_data.get(name) or None

    def rows(self) -> Any:
        """What was asked for; `ValidationError` for what cannot be understood."""
        if not self.is_valid():
            raise translate_validation(self.errors)
        return self.qs


class JobFilter(OwnedFilter):
    """Also what the list comes to, where that is known without counting."""

    status = WordFilter(known=JOB_WORDS, method="unchanged", label=f"Uno de: {', '.join(JOB_WORDS)}.")
    q = django_filters.CharFilter(method="unchanged", label="Nombre, documento, teléfono o código, o sus comienzos.")

    batch: Batch | None = None
    account: Account | None = None

    def filter_queryset(self, jobs: QuerySet[Any]) -> QuerySet[Any]:
        rows: Any = self._of_owner(jobs)
        status = JOB_WORDS.get(self.asked("status") or "")
        if status == SCHEDULED:
            rows = rows.filter(status=JobStatus.PENDING, next_try_at__gt=timezone.now())
        else:
            rows = rows.filter(status=status) if status else rows.usual()
        typed = self.asked("q")
        newest_first: QuerySet[Any] = rows.newest_first()
        return search_in_order(newest_first, typed, among=Job.objects.newest_first()) if typed else newest_first

    def _of_owner(self, jobs: Any) -> Any:
        if self.asked("account_id"):
            self.account = Account.objects.meant_by(self.asked("account_id"))
            if self.account is None:
                return jobs.none()
            jobs = jobs.filter(account=self.account)
        if self.asked("batch_id"):
            self.batch = Batch.objects.visible_to(self.user).named(self.asked("batch_id")).first()
            return jobs.filter(batch=self.batch) if self.batch else jobs.none()
        if is_limited(self.user):
            return jobs.filter(batch__in=Batch.objects.visible_to(self.user).values("pk"))
        return jobs

    def known_total(self) -> int | None:
        """From the counts that the database keeps: exact, and as quick for a million rows as for ten."""
        status = JOB_WORDS.get(self.asked("status") or "")
        if self.asked("q") or status == SCHEDULED or (self.batch and self.account):
            return None
        totals = self._totals()
        return getattr(totals, status) if status else totals.jobs - totals.cancelled

    def _totals(self) -> Totals:
        if self.batch:
            return Count.objects.of(self.batch.pk)
        if is_limited(self.user):
            theirs: Any = Batch.objects.visible_to(self.user)
            return Count.objects.over(theirs.filter(account=self.account) if self.account else theirs)
        return Count.objects.of(self.account.pk) if self.account else Count.objects.over(Account.objects.all())


class BatchFilter(ListFilter):
    status = WordFilter(known=STANDINGS, method="standing", label=f"Uno de: {', '.join(STANDINGS)}.")
    is_active = YesOrNoFilter(field_name="is_active", label="`true` o `false`.")
    account_id = django_filters.CharFilter(method="of_account", label="Una cuenta: `_id` o `account_id`.")

    def standing(self, batches: BatchQuerySet, name: str, value: str) -> QuerySet[Batch]:
        return with_standing(batches, value)

    def of_account(self, batches: BatchQuerySet, name: str, value: str) -> QuerySet[Batch]:
        account = Account.objects.meant_by(value)
        return batches.filter(account=account) if account else batches.none()


class CallFilter(OwnedFilter):
    status = WordFilter(
        known=_CALL_WORDS, method="unchanged", label=f"`in_progress`, `completed`, `failed` o: {', '.join(Outcome)}."
    )
    start_date = DateTimeFilter(field_name="created_at", lookup_expr="gte", label="Desde, incluido.")
    end_date = DateTimeFilter(
        field_name="created_at", lookup_expr="lte", is_end=True, label="Hasta, incluido; una fecha es el día entero."
    )

    def filter_queryset(self, calls: QuerySet[Any]) -> QuerySet[Any]:
        rows: Any = super().filter_queryset(calls)
        if self.asked("status"):
            rows = rows.filter(_CALL_WORDS[self.asked("status")])
        if self.asked("account_id"):
            account = Account.objects.meant_by(self.asked("account_id"))
            rows = rows.filter(account=account) if account else rows.none()
        if self.asked("batch_id"):
            batch = Batch.objects.visible_to(self.user).named(self.asked("batch_id")).first()
            rows = rows.filter(batch=batch) if batch else rows.none()
        newest_first: QuerySet[Any] = rows.newest_first()
        return newest_first


class AccountFilter(ListFilter):
    status = WordFilter(known=AccountStatus.values, label=f"Uno de: {', '.join(AccountStatus.values)}.")
    plan_type = WordFilter(known=PlanType.values, label=f"Uno de: {', '.join(PlanType.values)}.")


class TransactionFilter(ListFilter):
    type = WordFilter(known=TransactionType.values, field_name="type", label="`credits` o `minutes`.")
