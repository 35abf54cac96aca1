"""The demonstration's data: once, on an empty database, in one transaction (contract section 7)."""

from datetime import datetime

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

import calls.demo
import crm.demo
import integrations.demo
import jobs.demo
import opportunities.demo
import whatsapp.demo
from calls.models import Call
from crm.models import Appointment, Contact, Lead, Note, Task, User
from integrations.models import WebhookDelivery
from jobs.models import Batch, CallAttempt, Job
from opportunities.models import Opportunity
from whatsapp.models import Message, Thread

PASSWORD = "demo-puente"

WHO_IS_WHO = {
    "admin": "administradora",
    "abogada": "abogada",
    "agente1": "agente; hay otros cuatro, hasta agente5",
}
LOADED: tuple[type[models.Model], ...] = (
    User,
    Contact,
    Lead,
    Appointment,
    Call,
    Task,
    Note,
    Opportunity,
    Thread,
    Message,
    WebhookDelivery,
    Batch,
    Job,
    CallAttempt,
)


def is_wanted() -> bool:
    """Only where nobody has been yet: a second start, or a first account, keeps the data as they are."""
    return not User.objects.exists()


def load(now: datetime | None = None) -> dict[str, int]:
    """Everything or nothing; answers how much of what."""
    if not settings.DEMONSTRATION:
        raise RuntimeError("There are no demonstration data outside the demonstration.")
    moment = now or timezone.now()
    with transaction.atomic():
        cast = crm.demo.load(moment, PASSWORD)
        calls.demo.load(cast, moment)
        opportunities.demo.load(cast, moment)
        whatsapp.demo.load(cast, moment)
        jobs.demo.load(cast, moment)
        integrations.demo.load()
    return {str(model._meta.verbose_name_plural): model._default_manager.count() for model in LOADED}


def accounts_that_exist() -> list[tuple[str, str]]:
    """E-mail and role of the accounts worth naming."""
    wanted = {crm.demo.address_of(account): role for account, role in WHO_IS_WHO.items()}
    there = set(User.objects.active().filter(email__in=wanted).values_list("email", flat=True))
    return [(email, role) for email, role in wanted.items() if email in there]
