"""A worker is woken after the commit, now or in a moment; a broker that is gone breaks nothing."""

from typing import Any

import pytest
from kombu.exceptions import OperationalError

from crm.waking import STALE_SECONDS, wake

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


class Recorder:
    """Stands where a task stands."""

    def __init__(self, error: Exception | None = None) -> None:
        self.calls: list[dict[str, Any]] = []
        self.error = error

    def apply_async(self, **options: Any) -> None:
        self.calls.append(options)
        if self.error is not None:
            raise self.error


def test_a_worker_is_woken_once_the_transaction_has_committed(django_capture_on_commit_callbacks):
    task = Recorder()
    with django_capture_on_commit_callbacks(execute=True):
        wake(task, run_id="7")
        assert task.calls == []
    assert task.calls == [{"kwargs": {"run_id": "7"}, "retry": False, "countdown": 0.0, "expires": STALE_SECONDS}]


def test_a_worker_may_be_woken_in_a_moment(django_capture_on_commit_callbacks):
    task = Recorder()
    with django_capture_on_commit_callbacks(execute=True):
        wake(task, countdown=8.0)
    assert task.calls == [{"kwargs": {}, "retry": False, "countdown": 8.0, "expires": 8.0 + STALE_SECONDS}]


def test_a_broker_that_is_gone_is_asked_once_and_breaks_nothing(django_capture_on_commit_callbacks):
    task = Recorder(OperationalError("gone"))
    with django_capture_on_commit_callbacks(execute=True):
        wake(task)
        wake(task)
    assert len(task.calls) == 1
