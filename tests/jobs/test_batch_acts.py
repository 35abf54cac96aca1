"""`BatchService` and `jobs/acts.py`: what is done to whole campaigns, a chunk at a time."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from crm.acting import acting_as
from crm.audit_words import ACTS
from crm.exceptions import Conflict, NotFound
from crm.models import AuditEntry, User
from jobs import acts
from jobs.choices import AttemptState, JobStatus, Outcome
from jobs.models import Batch, BatchImport, CallAttempt, Count, Job, SettingsChange, Tombstone
from jobs.results.ending import hear
from jobs.services import BatchService
from tests.jobs.agreeing import assert_counts_are_exact
from tests.jobs.reports import a_report
from tests.jobs.rows import a_batch, a_job, an_account, an_attempt, some_jobs

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acts, "CHUNK", 10)


def noted() -> list[str]:
    return list(AuditEntry.objects.order_by("id").values_list("action", flat=True))


# --- Made and changed -------------------------------------------------------------------------------


def test_a_campaign_is_made_with_checked_settings(alice: User) -> None:
    account = an_account()
    batch = BatchService(alice).create(account, " Cobranza ", priority=3, call_settings={"max_attempts": "5"})
    kept = Batch.objects.get()
    assert (kept.name, kept.priority, kept.settings.max_attempts, kept.created_by) == ("Cobranza", 3, 5, alice)
    assert BatchService(alice).visible_batch(batch.batch_id) == BatchService(alice).visible_batch(batch.pk.upper())


@pytest.mark.parametrize(
    ("name", "values", "field"),
    [
        ("", {}, "name"),
        ("x" * 201, {}, "name"),
        ("Bien", {"priority": 9}, "priority"),
        ("Bien", {"call_settings": {"max_attempts": 0}}, "call_settings"),
        ("Bien", {"call_settings": "no"}, "call_settings"),
    ],
)
def test_what_cannot_be_is_named_and_nothing_is_stored(alice: User, name: str, values: Any, field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        BatchService(alice).create(an_account(), name, **values)
    assert field in refused.value.message_dict
    assert not Batch.objects.exists()


def test_pausing_and_resuming_keep_the_jobs_and_are_on_record(alice: User) -> None:
    batch = a_batch(paused_because="El proveedor de llamadas no tiene saldo.", is_active=False)
    a_job(batch)
    service = BatchService(alice)
    assert service.change(batch, is_active=True, name=None) == ["is_active"]
    batch.refresh_from_db()
    assert (batch.is_active, batch.paused_because) == (True, "")
    assert service.change(batch, is_active=False) == ["is_active"]
    assert service.change(batch, is_active=False) == []
    assert noted() == ["batch_resumed", "batch_paused"]
    assert Job.objects.get().status == JobStatus.PENDING


def test_settings_are_replaced_and_what_they_were_is_kept(alice: User) -> None:
    """The client sends its seven constants (trap 1); keys of ours stay."""
    batch = a_batch(call_settings={"weekly_calls": 2})
    before = dict(batch.call_settings)
    assert BatchService(alice).change(batch, call_settings={"max_attempts": 7}) == ["call_settings"]
    batch.refresh_from_db()
    assert (batch.settings.max_attempts, batch.settings.weekly_calls) == (7, 2)
    change = SettingsChange.objects.get()
    assert (change.before, change.after, change.changed_by) == (before, batch.call_settings, alice)


def test_one_bad_value_changes_none(alice: User) -> None:
    batch = a_batch()
    with pytest.raises(ValidationError):
        BatchService(alice).change(batch, name="Otra", call_settings={"timezone": "Marte"})
    assert Batch.objects.get().name == "Campaña"
    with pytest.raises(ValidationError):
        BatchService(alice).change(batch, name="")


# --- Cancelled --------------------------------------------------------------------------------------


def test_cancelling_leaves_nobody_to_call(alice: User) -> None:
    batch = a_batch()
    some_jobs(3, batch)
    done = a_job(batch, status=JobStatus.COMPLETED)
    claimed, calling = (
        an_attempt(a_job(batch), AttemptState.CLAIMED),
        an_attempt(a_job(batch), AttemptState.CALLING),
    )
    BatchService(alice).cancel(batch, "Se acabó el plazo")
    totals = Count.objects.of(batch.pk)
    assert (totals.pending, totals.cancelled, totals.in_progress, totals.completed) == (0, 4, 1, 1)
    claimed.refresh_from_db()
    calling.refresh_from_db()
    assert (claimed.state, claimed.outcome) == (AttemptState.ENDED, Outcome.STOPPED)
    assert calling.stop_wanted_at is not None
    assert calling.look_at <= timezone.now(), "whoever follows calls has to hang it up now"
    kept = Batch.objects.get()
    assert (kept.is_active, kept.cancel_reason, kept.pending_act) == (False, "Se acabó el plazo", "")
    hear(calling.pk, a_report(calling, Outcome.ANSWERED))
    assert Count.objects.of(batch.pk).cancelled == 5
    assert Job.objects.get(pk=done.pk).status == JobStatus.COMPLETED
    assert_counts_are_exact()


def test_the_second_time_and_resuming_afterwards_are_conflicts(alice: User) -> None:
    batch, service = a_batch(), BatchService(alice)
    service.cancel(batch)
    with pytest.raises(Conflict):
        service.cancel(batch)
    with pytest.raises(Conflict) as refused:
        service.change(batch, is_active=True)
    assert refused.value.code == "campana_cancelada"
    assert service.change(batch, name="Otro nombre") == ["name"]


@pytest.mark.usefixtures("_small_chunks")
def test_a_long_one_goes_on_behind_the_request(alice: User) -> None:
    batch = a_batch()
    some_jobs(35, batch)
    BatchService(alice).cancel(batch)
    assert Count.objects.of(batch.pk).pending == 25
    assert acts.carry_out_due() == 25
    assert Count.objects.of(batch.pk).cancelled == 35
    assert Batch.objects.get().pending_act == ""
    assert acts.carry_out_due() == 0


@pytest.mark.usefixtures("_small_chunks")
def test_a_worker_that_died_leaves_its_place_to_the_next(alice: User) -> None:
    batch = a_batch()
    some_jobs(15, batch)
    BatchService(alice).cancel(batch)
    Batch.objects.update(act_leased_until=timezone.now() + timedelta(seconds=30))
    assert acts.carry_out_due() == 0, "another worker is at it"
    Batch.objects.update(act_leased_until=timezone.now() - timedelta(seconds=1))
    assert acts.carry_out_due() == 5


def test_a_crash_after_the_decision_loses_nothing(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = a_batch()
    some_jobs(5, batch)
    with monkeypatch.context() as broken:
        broken.setattr(acts, "carry_out", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            BatchService(alice).cancel(batch)
    Batch.objects.update(act_leased_until=timezone.now() - timedelta(seconds=1))
    assert acts.carry_out_due() == 5


def test_what_a_file_still_brings_in_is_cancelled_too(alice: User) -> None:
    batch = a_batch()
    running = BatchImport.objects.create(batch=batch, file="x.csv", file_name="x.csv", digest="0")
    BatchService(alice).cancel(batch)
    assert Batch.objects.get().pending_act == "cancel"
    a_job(batch)
    running.state = "done"
    running.save()
    Batch.objects.update(act_leased_until=None)
    assert acts.carry_out_due() == 1
    assert (Batch.objects.get().pending_act, Job.objects.get().status) == ("", JobStatus.CANCELLED)


# --- Removed ----------------------------------------------------------------------------------------


def test_removing_keeps_what_has_happened(alice: User) -> None:
    batch = a_batch()
    a_job(batch)
    a_job(batch, status=JobStatus.COMPLETED)
    BatchService(alice).remove(batch, delete_jobs=False)
    with pytest.raises(NotFound):
        BatchService(alice).visible_batch(batch.batch_id)
    totals = Count.objects.of(batch.pk)
    assert (totals.cancelled, totals.completed, totals.pending) == (1, 1, 0)
    with pytest.raises(NotFound):
        BatchService(alice).remove(batch, delete_jobs=True)


def test_removing_with_its_jobs_keeps_what_it_cost(alice: User) -> None:
    batch = a_batch()
    some_jobs(3, batch)
    called = an_attempt(a_job(batch))
    hear(called.pk, a_report(called))
    calling = an_attempt(a_job(batch))
    with acting_as(alice):
        BatchService(alice).remove(batch, delete_jobs=True)
    assert Job.objects.get().pk == calling.job_id, "a call that goes on is hung up first"
    assert Batch.objects.get().pending_act == "remove"
    hear(calling.pk, a_report(calling, Outcome.STOPPED, cost_micros=10_000))
    Batch.objects.update(act_leased_until=None)
    assert acts.carry_out_due() == 1
    assert (Job.objects.count(), Tombstone.objects.filter(removed_by=alice).count()) == (0, 5)
    totals = Count.objects.of(batch.pk)
    assert (totals.jobs, totals.cost_micros) == (0, 155_000)
    assert CallAttempt.objects.count() == 2
    assert Batch.objects.get().pending_act == ""
    assert_counts_are_exact()


@pytest.mark.usefixtures("_small_chunks")
def test_removal_overtakes_a_cancellation_that_is_under_way(alice: User) -> None:
    batch, service = a_batch(), BatchService(alice)
    some_jobs(25, batch)
    service.cancel(batch)
    service.remove(batch, delete_jobs=True)
    acts.carry_out_due()
    assert Job.objects.count() == 0
    assert Tombstone.objects.count() == 25


# --- Whose --------------------------------------------------------------------------------------------


def test_an_agent_who_sees_only_their_own_finds_no_other(bob: User, charlie: User, settings) -> None:
    settings.CRM_AGENT_SCOPE = "own"
    batch = a_batch(created_by=charlie)
    with pytest.raises(NotFound):
        BatchService(bob).visible_batch(batch.pk)
    assert BatchService(charlie).visible_batch(batch.pk) == batch


def test_every_act_has_words(alice: User) -> None:
    batch, service = BatchService(alice).create(an_account(), "Una"), BatchService(alice)
    service.change(batch, is_active=False, name="Otra", call_settings={"max_attempts": 2})
    service.change(batch, is_active=True)
    service.cancel(batch)
    service.remove(batch, delete_jobs=False)
    assert {*noted(), "account_topped_up", "account_changed"} <= ACTS.keys()


def test_what_is_completed_stays_completed_when_the_campaign_is_cancelled_and_read() -> None:
    """Anchor 5: one part of the original wrote "done", another counted "completed"; a recount lost them all."""
    batch = a_batch()
    for job in some_jobs(3, batch):
        attempt = an_attempt(job)
        hear(attempt.pk, a_report(attempt))
    some_jobs(2, batch)
    BatchService(None).cancel(batch)
    totals = Count.objects.of(batch.pk)
    assert (totals.completed, totals.cancelled, totals.jobs) == (3, 2, 5)
    assert set(Job.objects.values_list("status", flat=True)) == {"completed", "cancelled"}
    assert_counts_are_exact()
