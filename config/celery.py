"""Background work. Redis only wakes workers; what must happen is a row in the database."""

import os
from typing import Any

from celery import Celery
from celery.signals import beat_init, celeryd_init
from django.core.exceptions import ImproperlyConfigured

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("puente")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@celeryd_init.connect
@beat_init.connect
def refuse_to_start_incomplete(**kwargs: Any) -> None:
    """Workers run no checks by themselves. A signal swallows every exception but this one."""
    from config import checks

    try:
        checks.refuse_to_start_incomplete()
    except ImproperlyConfigured as error:
        raise SystemExit(str(error)) from None
