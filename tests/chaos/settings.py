"""The product's settings with the waits of a test instead of those of a week."""

from config.settings import *  # noqa: F403

WEBHOOK_CONNECT_SECONDS = 1.0
WEBHOOK_READ_SECONDS = 1.0
WEBHOOK_TOTAL_SECONDS = 1.5
WEBHOOK_LEASE_SECONDS = 4.0
WEBHOOK_PROBE_SECONDS = 1
# As many tries as the faults may cost: what is asked is whether anything is lost, not when to give up.
WEBHOOK_RETRY_SECONDS = [1] * 200
CELERY_BEAT_SCHEDULE = {"deliver-due": {"task": "integrations.tasks.deliver_due", "schedule": 1.0}}
