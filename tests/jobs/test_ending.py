"""`hear` and `end_unplaced`: a dial ends once, and its job goes where the outcome leads."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from crm.models import Contact
from jobs.choices import AttemptState, JobStatus, Outcome
from jobs.models import Batch, CallAttempt, Count, DoNotCall, Job
from jobs.outcomes import CONSEQUENCES
from jobs.results.ending import end_stopped, end_unplaced, hear
from jobs.results.told import GIVEN_UP_AFTER
from tests.factories import NOBODYS_ID, ContactFactory
from tests.jobs.agreeing import assert_counts_are_exact
from tests.jobs.reports import a_report
from tests.jobs.rows import LIMA, a_batch, a_job, an_account, an_attempt

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def ended(outcome: Outcome, job: Job | None = None, **report: Any) -> tuple[Job, CallAttempt]:
    """A dial of `job` that ends so; both as they are then."""
    job = job or a_job()
    attempt = an_attempt(job)
    hear(attempt.pk, a_report(attempt, outcome, **report))
    return Job.objects.select_related("batch").get(pk=job.pk), CallAttempt.objects.get(pk=attempt.pk)


def minutes_until(moment: datetime) -> int:
    return round((moment - timezone.now()).total_seconds() / 60)


# --- What the job becomes ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "status", "minutes"),
    [
        (Outcome.ANSWERED, JobStatus.COMPLETED, None),
        (Outcome.OPT_OUT, JobStatus.COMPLETED, None),
        (Outcome.STOPPED, JobStatus.CANCELLED, None),
        (Outcome.BRIEF, JobStatus.PENDING, 120),
        (Outcome.VOICEMAIL, JobStatus.PENDING, 240),
        (Outcome.NO_ANSWER, JobStatus.PENDING, 120),
        (Outcome.BUSY, JobStatus.PENDING, 15),
        (Outcome.CALL_BACK, JobStatus.PENDING, 1440),
        (Outcome.CAPACITY, JobStatus.PENDING, 1),
        (Outcome.PROVIDER, JobStatus.PENDING, 10),
        (Outcome.UNKNOWN, JobStatus.PENDING, 1440),
        (Outcome.NOT_PLACED, JobStatus.PENDING, 0),
        (Outcome.BLOCKED, JobStatus.PENDING, 30),
        (Outcome.CREDIT, JobStatus.PENDING, 30),
        (Outcome.BAD_NUMBER, JobStatus.FAILED, None),
    ],
)
def test_the_first_dial_leads_where_the_table_says(outcome: Outcome, status: JobStatus, minutes: int | None) -> None:
    job, attempt = ended(outcome)
    assert job.status == status
    assert (attempt.state, attempt.outcome) == (AttemptState.ENDED, outcome)
    if minutes is None:
        assert job.finished_at is not None
    else:
        assert minutes_until(job.next_try_at) == minutes
    assert_counts_are_exact()


def test_one_minute_of_fourteen_and_a_half_cents() -> None:
    """W10: 0.145, never 14.5; and the campaign has one completed job and none pending."""
    job, attempt = ended(Outcome.ANSWERED, cost_micros=145_000, seconds=60)
    for owner in (job.batch_id, job.account_id):
        totals = Count.objects.of(owner)
        assert (totals.pending, totals.completed, totals.seconds) == (0, 1, 60)
        assert totals.cost_micros / 1_000_000 == 0.145
    assert attempt.cost == 0.145


@pytest.mark.parametrize("outcome", [Outcome.VOICEMAIL, Outcome.BRIEF])
def test_a_voicemail_and_two_seconds_are_no_success(outcome: Outcome) -> None:
    """Anchor 4."""
    job, _ = ended(outcome)
    assert job.status == JobStatus.PENDING
    assert Count.objects.of(job.batch_id).completed == 0


def test_max_attempts_is_applied() -> None:
    """Anchor 3, W5: the limit reads what the claim has written."""
    job = a_job(a_batch(call_settings={"max_attempts": 2}))
    for expected in (JobStatus.PENDING, JobStatus.FAILED):
        job, _ = ended(Outcome.NO_ANSWER, job)
        assert job.status == expected
    assert (job.reason, job.last_error) == ("no_answer", "No contesta")


@pytest.mark.parametrize(
    ("outcome", "status"),
    [(Outcome.VOICEMAIL, JobStatus.FAILED), (Outcome.BRIEF, JobStatus.COMPLETED), (Outcome.PROVIDER, JobStatus.FAILED)],
)
def test_some_outcomes_may_come_less_often_than_there_are_attempts(outcome: Outcome, status: JobStatus) -> None:
    job, most = a_job(a_batch(call_settings={"max_attempts": 20})), CONSEQUENCES[outcome].most
    for _ in range(most - 1):
        job, _ = ended(outcome, job)
        assert job.status == JobStatus.PENDING
    job, _ = ended(outcome, job)
    assert job.status == status


@pytest.mark.parametrize("outcome", [Outcome.CAPACITY, Outcome.CREDIT, Outcome.NOT_PLACED])
def test_what_is_no_fault_of_the_person_gives_the_attempt_back(outcome: Outcome) -> None:
    job = a_job(a_batch(call_settings={"max_attempts": 1}))
    for _ in range(3):
        job, attempt = ended(outcome, job)
        assert (job.status, job.attempts, attempt.is_counted) == (JobStatus.PENDING, 0, False)


def test_the_campaigns_own_delay_comes_before_the_table() -> None:
    settings = {"retry_delay_hours": 5, "retry_minutes": {"busy": 3}}
    assert minutes_until(ended(Outcome.NO_ANSWER, a_job(a_batch(call_settings=settings)))[0].next_try_at) == 300
    assert minutes_until(ended(Outcome.BUSY, a_job(a_batch(call_settings=settings)))[0].next_try_at) == 3


def test_the_next_phone_comes_with_its_own_time_zone_and_the_first_after_the_last() -> None:
    batch = a_batch(call_settings={"max_attempts": 9})
    job = a_job(batch, phones=["+51987654321", "+56987654321"])
    job, _ = ended(Outcome.NO_ANSWER, job)
    assert (job.next_phone_index, job.lane) == (1, "CL:America/Santiago")
    assert "CL:America/Santiago" in job.batch.lanes, "the dispatcher would never ask for it"
    job, _ = ended(Outcome.NO_ANSWER, job)
    assert (job.next_phone_index, job.lane) == (0, LIMA)
    job, _ = ended(Outcome.BUSY, job)
    assert job.next_phone_index == 0


def test_a_number_that_does_not_exist_is_dropped_and_the_next_one_called_at_once() -> None:
    job = a_job(phones=["+51987654321", "+51987654322", "+51987654323"], next_phone_index=2)
    job, _ = ended(Outcome.BAD_NUMBER, job)
    assert (job.status, job.phones, job.next_phone_index) == (
        JobStatus.PENDING,
        ["+51987654321", "+51987654322"],
        0,
    )
    assert minutes_until(job.next_try_at) == 0


def test_the_last_number_is_kept_to_be_seen() -> None:
    job, _ = ended(Outcome.BAD_NUMBER, a_job(phones=["+51987654321"]))
    assert (job.status, job.phones) == (JobStatus.FAILED, ["+51987654321"])


def test_who_asks_for_another_hour_is_called_then_in_their_own_time_zone() -> None:
    tomorrow = (timezone.now() + timedelta(days=1)).date()
    job, attempt = ended(
        Outcome.CALL_BACK, collected={"fecha_rellamada": f"{tomorrow:%d/%m/%Y}", "hora_rellamada": "16:30"}
    )
    wanted = datetime(tomorrow.year, tomorrow.month, tomorrow.day, 21, 30, tzinfo=UTC)  # Lima is five hours behind
    assert (job.status, job.next_try_at, attempt.call_back_at) == (JobStatus.PENDING, wanted, wanted)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_with_a_stop_wanted_it_is_cancelled_whatever_the_provider_says(outcome: Outcome) -> None:
    job = a_job()
    attempt = an_attempt(job, stop_wanted_at=timezone.now())
    hear(attempt.pk, a_report(attempt, outcome))
    assert Job.objects.get().status == JobStatus.CANCELLED


@pytest.mark.parametrize("gone", ["cancelled_at", "removed_at"])
def test_in_a_campaign_that_was_called_off_nothing_goes_back_to_the_queue(gone: str) -> None:
    """Anchor 8: and what was completed is completed."""
    batch = a_batch(**{gone: timezone.now()})
    assert ended(Outcome.NO_ANSWER, a_job(batch))[0].status == JobStatus.CANCELLED
    assert ended(Outcome.ANSWERED, a_job(batch))[0].status == JobStatus.COMPLETED


@pytest.mark.parametrize("outcome", [Outcome.BLOCKED, Outcome.CREDIT])
def test_trouble_of_the_campaigns_own_pauses_it_and_says_why(outcome: Outcome) -> None:
    job, _ = ended(outcome)
    batch = Batch.objects.get()
    assert (batch.is_active, batch.paused_because) == (False, CONSEQUENCES[outcome].pauses_batch)
    assert job.status == JobStatus.PENDING


def test_who_does_not_want_calls_gets_none_by_any_campaign() -> None:
    contact = ContactFactory(mobile="+51987654321")
    job, attempt = ended(Outcome.OPT_OUT, a_job(phones=["+51987654321"], contact=contact))
    hear(attempt.pk, a_report(attempt, Outcome.OPT_OUT))
    refusal = DoNotCall.objects.get()
    assert (refusal.number, refusal.account, refusal.source) == ("+51987654321", None, "call")
    assert Contact.objects.get(pk=contact.pk).opted_out_of_calls
    assert job.status == JobStatus.COMPLETED


# --- Told twice, late, out of order -------------------------------------------------------------------


def test_a_report_that_comes_again_and_again_changes_nothing() -> None:
    job = a_job()
    attempt = an_attempt(job)
    report = a_report(attempt, Outcome.NO_ANSWER, cost_micros=5_000)
    hear(attempt.pk, report)
    before = (Job.objects.values().get(), CallAttempt.objects.values().get())
    for _ in range(3):
        hear(attempt.pk, report)
    assert (Job.objects.values().get(), CallAttempt.objects.values().get()) == before
    assert_counts_are_exact()


def test_a_call_ends_first_and_its_summary_comes_later() -> None:
    job = a_job()
    attempt = an_attempt(job)
    hear(attempt.pk, a_report(attempt, is_final=False, cost_micros=None, summary=""))
    attempt.refresh_from_db()
    assert (attempt.is_settled, attempt.look_at is not None) == (False, True)
    hear(attempt.pk, a_report(attempt, summary="Acuerda pagar.", cost_micros=145_000))
    attempt.refresh_from_db()
    assert (attempt.is_settled, attempt.look_at, attempt.summary) == (True, None, "Acuerda pagar.")
    assert Count.objects.of(job.batch_id).cost_micros == 145_000


def test_the_summary_alone_ends_the_call_and_an_older_report_loses_nothing() -> None:
    job = a_job()
    attempt = an_attempt(job)
    final = a_report(attempt, summary="Acuerda pagar.", transcript="Hola", cost_micros=145_000)
    hear(attempt.pk, final)
    hear(attempt.pk, a_report(attempt, is_final=False, cost_micros=0, seconds=3, summary="", transcript=""))
    hear(attempt.pk, a_report(attempt, None))
    attempt.refresh_from_db()
    assert (attempt.state, attempt.summary, attempt.transcript) == (AttemptState.ENDED, "Acuerda pagar.", "Hola")
    assert (attempt.cost_micros, attempt.seconds, attempt.look_at) == (145_000, 60, None)
    assert Job.objects.get().status == JobStatus.COMPLETED


def test_another_outcome_after_the_end_moves_nobody() -> None:
    job, attempt = ended(Outcome.NO_ANSWER)
    hear(attempt.pk, a_report(attempt, Outcome.ANSWERED))
    attempt.refresh_from_db()
    assert (attempt.outcome, Job.objects.get().status) == (Outcome.NO_ANSWER, JobStatus.PENDING)


@pytest.mark.parametrize("before", [Outcome.NOT_PLACED, Outcome.PROVIDER])
def test_a_call_that_was_made_after_all_is_told_as_it_was(before: Outcome) -> None:
    """The provider did not list it in time, so the job has moved already."""
    attempt = an_attempt(a_job(), AttemptState.PLACING)
    end_unplaced(attempt.pk, before)
    hear(attempt.pk, a_report(attempt))
    attempt.refresh_from_db()
    assert (attempt.outcome, attempt.cost_micros, Job.objects.get().status) == ("answered", 145_000, "pending")
    assert attempt.report_at is not None


@pytest.mark.parametrize("before", [Outcome.ANSWERED, Outcome.BRIEF, Outcome.NOT_PLACED])
def test_who_does_not_want_calls_is_heard_also_after_the_end(before: Outcome) -> None:
    attempt = an_attempt(a_job(), AttemptState.PLACING)
    if before == Outcome.NOT_PLACED:
        end_unplaced(attempt.pk, before)
    else:
        hear(attempt.pk, a_report(attempt, before, is_final=False))
    stood = Job.objects.get().status
    hear(attempt.pk, a_report(attempt, Outcome.OPT_OUT))
    attempt.refresh_from_db()
    assert (attempt.outcome, Job.objects.get().status) == (Outcome.OPT_OUT, stood)
    assert DoNotCall.objects.get().number == attempt.number


def test_a_refusal_that_was_taken_back_does_not_return_with_a_repeated_report() -> None:
    attempt = an_attempt(a_job())
    hear(attempt.pk, a_report(attempt, Outcome.OPT_OUT))
    DoNotCall.objects.all().delete()
    hear(attempt.pk, a_report(attempt, Outcome.OPT_OUT))
    assert not DoNotCall.objects.exists()


def test_a_webhook_that_is_faster_than_the_answer_of_placing() -> None:
    job = a_job()
    attempt = an_attempt(job, AttemptState.PLACING)
    hear(attempt.pk, a_report(attempt, None, ref="call_1"))
    attempt.refresh_from_db()
    assert (attempt.state, attempt.provider_ref) == (AttemptState.CALLING, "call_1")
    assert attempt.advance(AttemptState.PLACING, AttemptState.CALLING) is False


def test_a_report_about_another_call_of_the_same_key_is_not_believed() -> None:
    job = a_job()
    attempt = an_attempt(job, provider_ref="call_1")
    hear(attempt.pk, a_report(attempt, ref="call_2"))
    assert Job.objects.get().status == JobStatus.IN_PROGRESS


def test_what_was_never_settled_is_given_up_after_a_day() -> None:
    job = a_job()
    attempt = an_attempt(job)
    long_ago = timezone.now() - GIVEN_UP_AFTER - timedelta(minutes=1)
    hear(attempt.pk, a_report(attempt, is_final=False, ended_at=long_ago))
    attempt.refresh_from_db()
    assert (attempt.is_settled, attempt.look_at) == (True, None)


def test_an_attempt_that_nobody_knows() -> None:
    attempt = an_attempt(a_job())
    assert hear(NOBODYS_ID, a_report(attempt)) is None
    assert end_unplaced(NOBODYS_ID, Outcome.NOT_PLACED) is None


def test_of_a_removed_job_only_the_attempt_changes() -> None:
    job = a_job()
    attempt = an_attempt(job)
    Job.objects.all().delete()
    hear(attempt.pk, a_report(attempt, Outcome.ANSWERED))
    attempt.refresh_from_db()
    assert (attempt.state, attempt.cost_micros) == (AttemptState.ENDED, 145_000)
    assert Count.objects.of(job.batch_id).seconds == 60
    assert_counts_are_exact()


# --- What was never a call --------------------------------------------------------------------------


def test_what_was_refused_ends_with_the_providers_words() -> None:
    job = a_job()
    attempt = an_attempt(job, AttemptState.PLACING)
    end_unplaced(attempt.pk, Outcome.PROVIDER, error="trunk\x00 down" + "x" * 900)
    attempt.refresh_from_db()
    job.refresh_from_db()
    assert (attempt.is_settled, attempt.look_at, attempt.error[:10]) == (True, None, "trunk down")
    assert (job.status, job.last_error[:10]) == (JobStatus.PENDING, "trunk down")


def test_a_call_that_was_heard_of_meanwhile_goes_on() -> None:
    """The reaper asked by key and was told of none; then the webhook came."""
    attempt = an_attempt(a_job())
    end_unplaced(attempt.pk, Outcome.NOT_PLACED)
    attempt.refresh_from_db()
    assert attempt.state == AttemptState.CALLING
    end_unplaced(attempt.pk, Outcome.UNKNOWN)
    attempt.refresh_from_db()
    assert (attempt.state, attempt.outcome) == (AttemptState.ENDED, Outcome.UNKNOWN)


def test_what_has_ended_ends_no_second_time() -> None:
    job, attempt = ended(Outcome.ANSWERED)
    end_unplaced(attempt.pk, Outcome.NOT_PLACED)
    assert end_stopped(attempt.pk, AttemptState.CALLING) is False
    attempt.refresh_from_db()
    assert (attempt.outcome, Job.objects.get().status) == (Outcome.ANSWERED, JobStatus.COMPLETED)


# --- What was said ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "amount", "on", "micros"),
    [
        ("{iso}", "45000", True, 45_000_000_000),
        ("{slashes}", "$ 45.000", True, 45_000_000_000),
        ("{iso}T10:00:00Z", "1.234,50", True, 1_234_500_000),
        ("el viernes", "bastante", False, None),
        ("2019-01-01", "", False, None),
        ("9999-99-99", "-5", False, None),
        ("", "1e30", False, None),
    ],
)
def test_a_promise_is_understood_or_left_alone(day: str, amount: str, on: bool, micros: int | None) -> None:
    soon = timezone.now().date() + timedelta(days=5)
    written = day.format(iso=soon.isoformat(), slashes=f"{soon:%d/%m/%Y}")
    _, attempt = ended(Outcome.ANSWERED, collected={"fecha_pago_cliente": written, "monto_pago_cliente": amount})
    assert (attempt.promised_on, attempt.promised_micros) == (soon if on else None, micros)
    assert isinstance(attempt.promised_on, date | None)


def test_a_simulated_call_without_a_bill_costs_what_the_account_pays() -> None:
    job = a_job(a_batch(an_account(micros_per_minute=200_000)))
    _, attempt = ended(Outcome.ANSWERED, job, cost_micros=None, seconds=90)
    assert attempt.cost_micros == 300_000


def test_hostile_values_are_cut_and_never_an_error() -> None:
    _, attempt = ended(
        Outcome.ANSWERED,
        summary="a\x00b\ud800",
        reason="r" * 5_000,
        sentiment="s" * 500,
        recording_url="javascript:alert(1)",
        log_url="https://example.invalid/" + "x" * 5_000,
        seconds=10**12,
        cost_micros=-5,
        collected={f"k{number}\x00": "v" * 9_000 for number in range(500)},
    )
    assert (attempt.summary, len(attempt.reason), len(attempt.sentiment)) == ("ab", 120, 40)
    assert (attempt.recording_url, attempt.log_url) == ("", "")
    assert (attempt.seconds, attempt.cost_micros, len(attempt.collected)) == (86_400, 0, 60)
