"""django-celery-outbox: tasks are rows, a relay hands them to Celery.

celery -A celery_outbox worker; python celery_outbox.py relay; python celery_outbox.py fill ROWS; … migrate
"""

import os
import sys

import django
import requests
from django.conf import settings
from message import URL, request

host, _, name = os.environ["PEER_DATABASE_URL"].rpartition("/")
if not settings.configured:
    settings.configure(
        INSTALLED_APPS=["django_celery_outbox"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": name,
                "USER": "postgres",
                "HOST": "127.0.0.1",
                "PORT": host.rpartition(":")[2],
                "CONN_MAX_AGE": 600,
            }
        },
        CELERY_OUTBOX_APP="celery_outbox.app",
        SECRET_KEY="x",
        USE_TZ=True,
    )
django.setup()

from django_celery_outbox import OutboxCelery  # noqa: E402

app = OutboxCelery("outbox", broker=os.environ["REDIS_URL"])
app.conf.task_ignore_result = True
session = requests.Session()


@app.task(name="send")
def send(number: int) -> None:
    session.post(URL, timeout=(3, 10), **request(number)).raise_for_status()


if __name__ == "__main__":
    from django.core.management import call_command
    from django.db import transaction

    if sys.argv[1] == "migrate":
        call_command("migrate", verbosity=0)
    elif sys.argv[1] == "relay":
        call_command("celery_outbox_relay")
    else:
        with transaction.atomic():
            for number in range(int(sys.argv[2])):
                send.delay(number)
