"""`report_due`: whoever was reached has a call in the CRM, once, and what was promised becomes a task."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from calls.models import Call
from calls.services import correct_call, remove_call
from crm import services
from crm.models import Contact, Task, User
from jobs.choices import Outcome
from jobs.models import Batch, CallAttempt, Job
from jobs.results import reporting
from jobs.results.ending import end_stopped, hear
from jobs.results.reporting import report_due
from tests.factories import ContactFactory
from tests.jobs.reports import a_report
from tests.jobs.rows import a_batch, a_job, an_attempt, some_jobs

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
PHONE = "+51987654321"


def reached(job: Job, outcome: Outcome = Outcome.ANSWERED, **report: Any) -> CallAttempt:
    attempt = an_attempt(job)
    hear(attempt.pk, a_report(attempt, outcome, **report))
    return attempt


@pytest.fixture
def batch(alice: User) -> Batch:
    return a_batch(created_by=alice)


def test_the_call_is_of_the_contact_with_that_phone(batch: Batch, alice: User, bob: User) -> None:
    contact = ContactFactory(mobile="987 654 321", responsible_user=bob)
    job = a_job(batch, phones=[PHONE])
    attempt = reached(job, summary="Acuerda pagar.", transcript="Hola", recording_url="https://example.invalid/r.wav")
    assert report_due() == 1
    call = Call.objects.get()
    assert (call.contact, call.direction, call.call_status, call.duration) == (contact, "outbound", "answered", 60)
    assert (call.phone, call.record_url) == (PHONE, "https://example.invalid/r.wav")
    assert (call.resumen_llamada, call.comments) == ("Acuerda pagar.", "Hola")
    assert (call.responsible_user, call.created_by) == (bob, alice)
    attempt.refresh_from_db()
    job.refresh_from_db()
    assert (attempt.call, attempt.report_at, job.contact) == (call, None, contact)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_only_who_was_on_the_line(batch: Batch, outcome: Outcome) -> None:
    reached(a_job(batch), outcome)
    report_due()
    spoken_with = {Outcome.ANSWERED, Outcome.BRIEF, Outcome.OPT_OUT, Outcome.CALL_BACK}
    assert Call.objects.count() == (outcome in spoken_with)


def test_a_promise_becomes_one_task_on_its_day_in_the_morning_there(batch: Batch) -> None:
    day = timezone.now().date() + timedelta(days=3)
    promise = {"fecha_pago_cliente": day.isoformat(), "monto_pago_cliente": "120.5"}
    attempt = reached(a_job(batch), collected=promise, is_final=False)
    report_due()
    hear(attempt.pk, a_report(attempt, collected=promise, summary="Pagará."))
    report_due()
    task = Task.objects.get()
    assert task.complete_till == datetime(day.year, day.month, day.day, 15, 0, tzinfo=UTC)  # ten in Lima
    assert Call.objects.get().resumen_llamada == f"Pagará.\nPromete pagar 120.50 el {day:%d/%m/%Y}."


def test_who_asks_for_another_hour_is_followed_up_then(batch: Batch) -> None:
    when = (timezone.now() + timedelta(days=1)).replace(microsecond=0)
    reached(a_job(batch), Outcome.CALL_BACK, collected={"call_back_at": when.isoformat()})
    report_due()
    assert Task.objects.get().complete_till == when


def test_a_later_summary_corrects_the_same_call_and_leaves_what_a_person_wrote(batch: Batch, alice: User) -> None:
    attempt = reached(a_job(batch), is_final=False, cost_micros=None)
    report_due()
    call = Call.objects.get()
    correct_call(call.pk, by=alice, comments="Hablé luego con su esposa.")
    hear(attempt.pk, a_report(attempt, summary="Acuerda pagar.", transcript="Hola", seconds=75))
    report_due()
    call = Call.objects.get()
    assert (call.resumen_llamada, call.comments, call.duration) == ("Acuerda pagar.", "Hablé luego con su esposa.", 75)


def test_a_later_price_leaves_the_result_that_a_person_chose(batch: Batch, alice: User) -> None:
    attempt = reached(a_job(batch), is_final=False)
    report_due()
    correct_call(Call.objects.get().pk, by=alice, call_result="Promesa firmada")
    hear(attempt.pk, a_report(attempt, summary="Acuerda pagar."))
    report_due()
    call = Call.objects.get()
    assert (call.call_result, call.resumen_llamada) == ("Promesa firmada", "Acuerda pagar.")


def test_a_call_that_a_person_removed_does_not_come_back(batch: Batch, alice: User) -> None:
    attempt = reached(a_job(batch), is_final=False)
    report_due()
    remove_call(Call.objects.get().pk, by=alice)
    hear(attempt.pk, a_report(attempt, summary="Tarde."))
    assert report_due() == 0
    assert not Call.objects.exists()


def test_a_call_that_we_hung_up_is_told_when_somebody_was_on_the_line(batch: Batch) -> None:
    attempt = an_attempt(a_job(batch))
    end_stopped(attempt.pk, "calling")
    assert report_due() == 0
    hear(attempt.pk, a_report(attempt, Outcome.STOPPED, seconds=12))
    assert report_due() == 1


def test_again_and_again_is_once(batch: Batch) -> None:
    attempt = reached(a_job(batch))
    for _ in range(3):
        report_due()
        hear(attempt.pk, a_report(attempt))
    assert (Call.objects.count(), Contact.objects.count()) == (1, 1)


# --- Who it is ----------------------------------------------------------------------------------------


def test_nobody_known_becomes_a_contact_with_name_document_and_phone(batch: Batch, alice: User) -> None:
    reached(a_job(batch, name="Rosa Quispe", document="12.345.678", phones=[PHONE]))
    report_due()
    contact = Contact.objects.get()
    assert (contact.name, contact.document_number, contact.mobile) == ("Rosa Quispe", "12345678", PHONE)
    assert (contact.created_by, contact.responsible_user) == (alice, alice)


def test_the_document_tells_more_than_the_phone(batch: Batch) -> None:
    ContactFactory(name="Su hermana", mobile=PHONE, document_number="11111111")
    own = ContactFactory(mobile="+51900000001", document_number="22222222")
    reached(a_job(batch, document="22222222", phones=[PHONE]))
    reached(a_job(batch, document="33333333", name="Otro hijo", phones=[PHONE]))
    report_due()
    assert {call.contact.name for call in Call.objects.all()} == {own.name, "Otro hijo"}


def test_of_several_who_has_the_name_else_who_is_known_longest(batch: Batch) -> None:
    first, second = ContactFactory(name="Ana", mobile=PHONE), ContactFactory(name="Eva", mobile=PHONE)
    reached(a_job(batch, name="EVA", phones=[PHONE]))
    report_due()
    assert Call.objects.get().contact == second
    reached(a_job(batch, name="Quién sabe", phones=[PHONE]))
    report_due()
    assert Call.objects.filter(contact=first).count() == 1


def test_a_merged_contact_is_who_absorbed_it_and_a_deleted_one_nobody(batch: Batch, alice: User) -> None:
    survivor, absorbed = ContactFactory(), ContactFactory()
    job = a_job(batch, contact=absorbed)
    services.merge_contacts(survivor_id=survivor.pk, absorbed_id=absorbed.pk, by=alice)
    Job.objects.filter(pk=job.pk).update(contact=absorbed)
    reached(Job.objects.get())
    deleted = ContactFactory(is_deleted=True)
    reached(a_job(batch, contact=deleted, name="Nueva"))
    report_due()
    assert {call.contact.name for call in Call.objects.all()} == {survivor.name, "Nueva"}


def test_of_a_removed_job_only_a_known_contact_hears(batch: Batch) -> None:
    contact = ContactFactory(mobile=PHONE)
    reached(a_job(batch, phones=[PHONE]))
    reached(a_job(batch))
    Job.objects.all().delete()
    assert report_due() == 1
    assert Call.objects.get().contact == contact
    assert Contact.objects.count() == 1
    assert not CallAttempt.objects.to_report().exists()


def test_who_wants_no_calls_is_marked_when_they_are_found(batch: Batch) -> None:
    contact = ContactFactory(mobile=PHONE)
    reached(a_job(batch, phones=[PHONE]), Outcome.OPT_OUT)
    report_due()
    contact.refresh_from_db()
    assert contact.opted_out_of_calls
    assert "Pidió que no se le vuelva a llamar." in Call.objects.get().resumen_llamada


# --- In whose name --------------------------------------------------------------------------------------


def test_who_has_left_signs_nothing(batch: Batch, alice: User, bob: User) -> None:
    alice.is_active = False
    alice.save()
    batch.account.created_by = bob
    batch.account.save()
    reached(a_job(batch))
    report_due()
    call = Call.objects.get()
    assert (call.created_by, call.responsible_user) == (bob, bob)


def test_a_responsible_who_may_not_be_any_more_is_replaced(batch: Batch, alice: User, oscar: User) -> None:
    ContactFactory(mobile=PHONE, responsible_user=oscar)
    reached(a_job(batch, phones=[PHONE]))
    report_due()
    assert Call.objects.get().responsible_user == alice


def test_a_campaign_of_an_agent_who_sees_only_their_own(alice: User, bob: User, settings) -> None:
    settings.CRM_AGENT_SCOPE = "own"
    ContactFactory(mobile=PHONE, responsible_user=alice)
    batch = a_batch(created_by=bob)
    reached(a_job(batch, phones=[PHONE]))
    reached(a_job(batch, name="Nueva"))
    assert report_due() == 2
    assert Contact.objects.get(name="Nueva").responsible_user == bob


def test_without_anybody_it_waits(db: None) -> None:
    reached(a_job())
    assert report_due() == 0
    assert CallAttempt.objects.get().report_at > timezone.now()


# --- Crashes and crowds -----------------------------------------------------------------------------------


def test_it_stops_when_its_time_is_over(batch: Batch) -> None:
    """A worker is ended hard after a quarter of an hour; a backlog may take longer."""
    attempt = reached(a_job(batch))
    due_at = CallAttempt.objects.get(pk=attempt.pk).report_at
    assert report_due(seconds=0) == 0
    assert CallAttempt.objects.get(pk=attempt.pk).report_at == due_at


def test_one_that_cannot_be_told_holds_up_no_other(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = some_jobs(2, batch)
    first = reached(bad)
    reached(good)
    record = reporting.record_call

    def broken(**fields: Any) -> Call:
        if fields["phone"] == bad.phones[0]:
            raise RuntimeError("a receiver that does not work")
        return record(**fields)

    monkeypatch.setattr(reporting, "record_call", broken)
    assert report_due() == 1
    first.refresh_from_db()
    assert first.report_at > timezone.now() + timedelta(minutes=1)
    assert Contact.objects.count() == 1, "what was half made for it is gone"
    monkeypatch.undo()
    CallAttempt.objects.filter(pk=first.pk).update(report_at=timezone.now())
    assert report_due() == 1
    assert Call.objects.count() == 2
