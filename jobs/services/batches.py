"""What people do with whole campaigns: make, change, pause, cancel, remove (contract section 5)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from crm.exceptions import Conflict, NotFound
from crm.locks import hold
from crm.models import AuditEntry
from crm.waking import wake
from jobs import acts
from jobs.acts import LEASE
from jobs.call_settings import checked_settings
from jobs.choices import BatchAct, Priority
from jobs.ids import readable_batch_id
from jobs.models import Account, Batch
from jobs.models.batches import BatchQuerySet

if TYPE_CHECKING:
    from crm.models import User

NOT_FOUND = "Campaña no encontrada"
CHANGEABLE = ("is_active", "name", "description", "priority")
LONGEST_ID = 80


class BatchService:
    """Acts in the name of `by`, on the campaigns that they see; None: the system itself, on all."""

    def __init__(self, by: "User | None") -> None:
        self.by = by

    def visible_batch(self, batch_id: str) -> Batch:
        found: Batch | None = None
        if len(batch_id) <= LONGEST_ID and batch_id.isprintable():
            found = self._visible().named(batch_id).select_related("account").first()
        if found is None:
            raise NotFound(NOT_FOUND)
        return found

    def create(
        self,
        account: Account,
        name: str,
        *,
        description: str = "",
        priority: int = Priority.NORMAL,
        call_settings: Any = None,
        is_active: bool = True,
    ) -> Batch:
        """A campaign without jobs yet. `ValidationError` by field."""
        batch = Batch(
            account=account,
            batch_id=readable_batch_id(timezone.now()),
            name=name.strip(),
            description=description,
            priority=priority,
            call_settings=checked_settings(call_settings),
            is_active=is_active,
            created_by=self.by,
        )
        batch.clean_fields(exclude=["account", "created_by"])
        with transaction.atomic():
            batch.save(force_insert=True)
            AuditEntry.write("batch_created", "batches", batch.pk, name=batch.name)
        return batch

    def change(self, batch: Batch, **values: Any) -> list[str]:
        """Take new values, None meaning "not named"; the names of those that differ from before.

        Paused campaigns keep their jobs and end the calls that go on; a cancelled one cannot be resumed.
        """
        given = {name: value for name, value in values.items() if value is not None}
        with transaction.atomic():
            self._lock(batch)
            if given.get("is_active") and batch.cancelled_at is not None:
                raise Conflict("La campaña está cancelada: no se puede reanudar.", code="campana_cancelada")
            changed = self._take(batch, {name: given[name] for name in CHANGEABLE if name in given})
            if "call_settings" in given and self._take_settings(batch, given["call_settings"]):
                changed.append("call_settings")
        return changed

    def cancel(self, batch: Batch, reason: str = "") -> None:
        """Call nobody else: what is pending becomes cancelled, live calls are hung up. It cannot be undone."""
        with transaction.atomic():
            self._lock(batch)
            if batch.cancelled_at is not None:
                raise Conflict("La campaña ya está cancelada.", code="campana_cancelada")
            self._stop(batch, BatchAct.CANCEL, cancelled_at=timezone.now(), cancel_reason=reason[:300])
            AuditEntry.write("batch_cancelled", "batches", batch.pk, name=batch.name, reason=batch.cancel_reason)
        self._begin(batch)

    def remove(self, batch: Batch, delete_jobs: bool) -> None:
        """The campaign disappears, what it cost stays. Its jobs go with it, or what is left of them is cancelled."""
        with transaction.atomic():
            self._lock(batch)
            act = BatchAct.REMOVE if delete_jobs else BatchAct.CANCEL
            self._stop(batch, act, removed_at=timezone.now())
            AuditEntry.write("batch_removed", "batches", batch.pk, name=batch.name, delete_jobs=delete_jobs)
        self._begin(batch)

    def _visible(self) -> BatchQuerySet:
        present = Batch.objects.present()
        return present if self.by is None else present.visible_to(self.by)

    def _lock(self, batch: Batch) -> None:
        """The row as it is now, nobody else changing it; and no claim under way that does not see what is written."""
        hold("jobs:claiming")
        rows = Batch.objects.present().select_for_update(of=("self",), no_key=True).filter(pk=batch.pk)
        if not list(rows.only("pk")):
            raise NotFound(NOT_FOUND)
        batch.refresh_from_db()
        batch.__dict__.pop("settings", None)

    def _take(self, batch: Batch, values: Mapping[str, Any]) -> list[str]:
        changed = [name for name, value in values.items() if getattr(batch, name) != value]
        for name in changed:
            setattr(batch, name, values[name])
        if not changed:
            return []
        batch.clean_fields(exclude={field.name for field in Batch._meta.fields} - set(changed))
        written = {*changed, "updated_at"}
        if "is_active" in changed:
            batch.paused_because = ""  # a person has decided
            written.add("paused_because")
        batch.save(update_fields=written)
        self._note_change(batch, changed)
        return changed

    def _note_change(self, batch: Batch, changed: list[str]) -> None:
        if "is_active" in changed:
            act = "batch_resumed" if batch.is_active else "batch_paused"
            AuditEntry.write(act, "batches", batch.pk, name=batch.name)
        if others := sorted(set(changed) - {"is_active"}):
            AuditEntry.write("batch_changed", "batches", batch.pk, name=batch.name, fields=others)
        if batch.is_active:
            from jobs.tasks import dial_due  # which imports the services in turn

            wake(dial_due)

    def _take_settings(self, batch: Batch, given: Any) -> bool:
        stored, before = checked_settings(given, before=batch.call_settings), batch.call_settings
        batch.take_settings(stored, by=self.by)
        return bool(stored != before)

    def _stop(self, batch: Batch, act: BatchAct, **values: Any) -> None:
        """Nothing of it is claimed from the commit on. The lease is ours: the first chunk is done by this request."""
        values |= {"is_active": False, "paused_because": "", "pending_act": act}
        values["act_leased_until"] = timezone.now() + LEASE
        for name, value in values.items():
            setattr(batch, name, value)
        batch.save(update_fields={*values, "updated_at"})

    def _begin(self, batch: Batch) -> None:
        acts.carry_out(batch, chunks=1)
        batch.refresh_from_db(fields=["pending_act", "act_leased_until"])
        if batch.pending_act:
            from jobs.tasks import carry_out_acts  # which imports the acts in turn

            wake(carry_out_acts)
