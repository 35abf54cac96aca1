"""What has to be true of campaigns at any moment, whatever has happened."""

from django.db.models import Count

from jobs.checking import compare
from jobs.choices import JobStatus
from jobs.models import CallAttempt, Job


def assert_counts_are_exact() -> None:
    wrong = [line for line in compare() if not line.is_right]
    assert not wrong, wrong


def assert_live_dials_have_their_jobs() -> None:
    """A live attempt and a job in progress are two sides of one thing; a person is on one line at most."""
    live = CallAttempt.objects.live()
    in_progress = set(Job.objects.filter(status=JobStatus.IN_PROGRESS).values_list("pk", flat=True))
    assert set(live.values_list("job_id", flat=True)) == in_progress
    twice = live.values("person_key").annotate(times=Count("pk")).filter(times__gt=1)
    assert not twice.exists()
