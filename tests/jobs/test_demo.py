"""The demonstration's campaigns (contract section 7): enough, consistent, nobody real, and they really go on."""

import re
from collections import Counter
from datetime import datetime, timedelta
from typing import ClassVar

import pytest
from django.db.models import F, Sum
from django.test import TestCase, override_settings
from django.utils import timezone

from calls.models import Call
from config import demo
from crm.models import Contact
from crm.phones import parse_phone
from jobs.choices import AttemptState, JobStatus, Outcome
from jobs.demo_people import LINES
from jobs.dialling.dispatching import dial_due
from jobs.dialling.following import follow_due
from jobs.dialling.why import why
from jobs.dialling.windows import is_open
from jobs.models import (
    Account,
    Batch,
    CallAttempt,
    Count,
    DoNotCall,
    Job,
    SettingsChange,
    SimulatedCall,
    Tombstone,
)
from jobs.results.reporting import report_due
from tests.jobs.rows import ALWAYS

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@override_settings(DEMONSTRATION=True, WHATSAPP_PHONE_NUMBER_ID="100000000000001", CALL_THREADS=1)
class TestTheLoadedCampaigns(TestCase):
    """Loaded once for all of these; what one of them does is undone after it."""

    now: ClassVar[datetime]
    running: ClassVar[Batch]
    paused: ClassVar[Batch]
    coming: ClassVar[Batch]

    @classmethod
    def setUpTestData(cls) -> None:
        cls.now = timezone.now()
        demo.load(cls.now)
        cls.paused, cls.running, cls.coming = Batch.objects.order_by("created_at")

    # --- Enough of everything ---------------------------------------------------------------------

    def test_three_campaigns_of_two_thousand_jobs_one_runs_one_is_paused_one_begins_tomorrow(self) -> None:
        for batch in (self.running, self.paused, self.coming):
            assert Count.objects.of(batch.pk).jobs == 2_000
        assert (self.running.is_running, self.paused.is_running, self.coming.is_running) == (True, False, True)
        assert self.coming.started_at is None
        waiting = self.coming.jobs.filter(status=JobStatus.PENDING)
        assert not waiting.filter(next_try_at__lte=self.now).exists()
        assert not waiting.filter(next_try_at__gt=self.now + timedelta(days=2)).exists()

    def test_every_state_can_be_seen_and_most_outcomes(self) -> None:
        assert set(self.running.jobs.values_list("status", flat=True)) == set(JobStatus.values)
        outcomes = set(CallAttempt.objects.values_list("outcome", flat=True))
        assert outcomes >= {"answered", "brief", "voicemail", "no_answer", "busy", "bad_number", "opt_out", "call_back"}

    def test_the_account_that_the_known_client_names_is_there_and_may_call(self) -> None:
        account = Account.objects.named("default-account-id").get()
        assert account.is_active
        assert Account.objects.count() == 3
        assert set(Account.objects.values_list("plan_type", flat=True)) == {
            "credit_based",
            "minutes_based",
            "unlimited",
        }

    def test_what_was_bought_is_what_the_top_ups_say_and_covers_what_was_spent(self) -> None:
        for account in Account.objects.annotate(bought=Sum("transactions__micros"), time=Sum("transactions__seconds")):
            spent = Count.objects.of(account.pk)
            assert (account.credit_micros, account.seconds_purchased) == (account.bought or 0, account.time or 0)
            if account.plan_type == "credit_based":
                assert 0 < spent.cost_micros < account.credit_micros
            if account.plan_type == "minutes_based":
                assert 0 < spent.seconds < account.seconds_purchased

    def test_settings_that_a_client_had_overwritten_were_put_back(self) -> None:
        overwritten, put_back = SettingsChange.objects.filter(batch=self.running).order_by("created_at")
        assert overwritten.before == put_back.after == self.running.call_settings
        assert overwritten.after["retry_delay_hours"] == 1

    # --- Nobody real ------------------------------------------------------------------------------

    def test_phones_are_plausible_but_nobody_has_them(self) -> None:
        numbers = {number for job in Job.objects.only("phones") for number in job.phones}
        assert all(re.fullmatch(r"\+\d+0{3,5}\d{3,4}", number) for number in numbers)
        assert all(any(number.startswith(line.start) for line in LINES.values()) for number in numbers)
        for line in LINES.values():
            phone = parse_phone(line.number(1_234))
            assert phone is not None
            assert phone.is_valid
            assert phone.key == line.key(1_234)

    def test_a_person_of_the_crm_is_called_on_their_own_number(self) -> None:
        known = list(Job.objects.filter(contact__isnull=False).select_related("contact"))
        assert len(known) >= 100
        for job in known:
            assert job.contact is not None
            assert (job.phones, job.name) == ([job.contact.mobile], job.contact.name)

    # --- It adds up -------------------------------------------------------------------------------

    def test_each_job_stands_where_its_dials_have_led(self) -> None:
        tries: dict[str, list[CallAttempt]] = {}
        for attempt in CallAttempt.objects.order_by("created_at"):
            tries.setdefault(attempt.job_id, []).append(attempt)
        for job in Job.objects.select_related("batch"):
            own = tries.pop(job.pk, [])
            assert job.attempts == len(own) <= job.batch.settings.max_attempts
            assert job.last_attempt_id == (own[-1].pk if own else None)
            assert Counter(job.outcomes) == Counter(one.outcome for one in own if one.outcome)
            assert (job.finished_at is not None) == (job.status in ("completed", "failed", "cancelled"))
            assert all(one.number in job.phones or one.outcome == Outcome.BAD_NUMBER for one in own)
        assert set(tries) <= set(Tombstone.objects.values_list("id", flat=True))
        assert tries, "what removed jobs have cost stays"

    def test_nobody_was_called_again_before_the_time_had_come(self) -> None:
        again = CallAttempt.objects.filter(position__gt=1).select_related("batch")
        assert again.count() > 500
        for attempt in again:
            before = CallAttempt.objects.get(job_id=attempt.job_id, position=attempt.position - 1)
            delay = timedelta(hours=23) if before.outcome not in ("bad_number", "provider") else timedelta(0)
            assert attempt.placed_at - before.ended_at >= delay

    def test_who_is_left_alone_stands_on_the_list(self) -> None:
        refused = set(DoNotCall.objects.values_list("number", flat=True))
        suspended = Job.objects.filter(status=JobStatus.SUSPENDED)
        assert suspended.count() > 30
        assert all(job.phones[0] in refused for job in suspended)
        assert why(suspended[0]).code == "no_llamar"
        opted_out = CallAttempt.objects.filter(outcome=Outcome.OPT_OUT).values_list("number", flat=True)
        assert set(opted_out) <= refused

    def test_the_counts_are_those_of_the_rows(self) -> None:
        for batch in Batch.objects.all():
            totals = Count.objects.of(batch.pk)
            states = Counter(batch.jobs.values_list("status", flat=True))
            assert {state: getattr(totals, state) for state in JobStatus.values} == {
                state: states[state] for state in JobStatus.values
            }
            spent = batch.tries.aggregate(seconds=Sum("seconds"), cost=Sum("cost_micros"))
            assert (totals.seconds, totals.cost_micros) == (spent["seconds"] or 0, spent["cost"] or 0)

    # --- It goes on -------------------------------------------------------------------------------

    def test_calls_on_the_line_end_as_the_provider_says(self) -> None:
        live = CallAttempt.objects.filter(state=AttemptState.CALLING)
        assert live.count() == 3
        said = dict(SimulatedCall.objects.values_list("key", "outcome"))
        SimulatedCall.objects.update(ends_at=self.now - timedelta(seconds=1))
        follow_due()
        assert not live.exists()
        assert {one.pk: one.outcome for one in CallAttempt.objects.filter(pk__in=said)} == said
        assert not Job.objects.filter(status=JobStatus.IN_PROGRESS).exists()

    def test_the_running_campaign_calls_on_three_at_once_and_not_more(self) -> None:
        self._open_at_every_hour()
        assert dial_due() == 0, "three are on the line"
        CallAttempt.objects.live().update(state=AttemptState.ENDED, outcome=Outcome.NO_ANSWER)
        Job.objects.filter(status=JobStatus.IN_PROGRESS).update(status=JobStatus.FAILED)
        assert dial_due() == 3
        assert set(CallAttempt.objects.live().values_list("batch", flat=True)) == {self.running.pk}
        assert dial_due() == 0

    def test_somewhere_it_may_call_at_nearly_every_hour_of_the_week(self) -> None:
        hours = [self.now + timedelta(hours=hour) for hour in range(24 * 7)]
        settings, lanes = self.running.settings, self.running.lanes
        assert sum(any(is_open(settings, lane, hour) for lane in lanes) for hour in hours) >= 20 * 7

    def test_what_people_of_the_crm_said_is_put_on_record_without_anybody_new(self) -> None:
        spoken_to = CallAttempt.objects.to_report().values("number")
        due = set(Contact.objects.filter(mobile__in=spoken_to).values_list("pk", flat=True))
        assert len(due) >= 20
        calls = Call.objects.count()
        report_due()
        assert not CallAttempt.objects.to_report().exists()
        reported = CallAttempt.objects.filter(call__isnull=False).select_related("call")
        assert {one.call.contact_id for one in reported if one.call} == due
        assert Call.objects.count() == calls + reported.count()
        assert Contact.objects.count() == 300
        assert not reported.exclude(call__started_at=F("answered_at")).exists()

    def _open_at_every_hour(self) -> None:
        settings = {**self.running.call_settings, **ALWAYS}
        Batch.objects.filter(pk=self.running.pk).update(call_settings=settings)
