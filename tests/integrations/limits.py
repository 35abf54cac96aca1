"""How long a message may take in the tests that send a single one, and what it costs."""

import resource
from collections.abc import Callable

from integrations.models import WebhookDelivery
from tests.integrations.talking import Talking

TOTAL = 0.6
# The watchdog looks every 0.2 s; the machine may be busy.
AT_MOST = TOTAL + 1.0
Start = Callable[..., Talking]


def a_message() -> WebhookDelivery:
    payload = {"id_presencia_crm": "CRM-1"}
    return WebhookDelivery(event="presence.test", destination="comercial", subject="CRM-1", sequence=1, payload=payload)


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
