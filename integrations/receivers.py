"""What others are told of what happens in the CRM. Everything happens in the transaction of the change itself."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models.signals import post_save

from crm.models import Appointment, Lead, User
from crm.signals import leads_completed
from integrations.events import WHATSAPP
from integrations.presences.firing import is_correction, may_be_news, report_appointment, report_leads
from whatsapp.signals import graph_request_queued


def connect() -> None:
    post_save.connect(an_attended_appointment_is_reported, sender=Appointment, dispatch_uid="integrations.presence")
    post_save.connect(a_corrected_lead_is_reported_again, sender=Lead, dispatch_uid="integrations.correction")
    leads_completed.connect(completed_leads_are_reported_again, dispatch_uid="integrations.completion")
    graph_request_queued.connect(what_whatsapp_says_is_sent, dispatch_uid="integrations.whatsapp")


def an_attended_appointment_is_reported(
    sender: type[Appointment],
    instance: Appointment,
    created: bool,
    raw: bool = False,
    update_fields: Collection[str] | None = None,
    **kwargs: Any,
) -> None:
    """An appointment that becomes `Realizada` is a presence, told once; then each correction of date, place or lead."""
    if not raw and may_be_news(instance, written=update_fields):
        report_appointment(instance, is_new=created)


def a_corrected_lead_is_reported_again(
    sender: type[Lead], instance: Lead, created: bool, raw: bool = False, **kwargs: Any
) -> None:
    """Another name, phone, document or project of a lead is told for each of its appointments that took place."""
    if not raw and not created and is_correction(instance):
        report_leads([instance.pk])


def completed_leads_are_reported_again(sender: Any, *, lead_ids: Collection[UUID], **kwargs: Any) -> None:
    """What an import adds to leads that were there is told as any other correction."""
    report_leads(lead_ids)


def what_whatsapp_says_is_sent(
    sender: Any,
    *,
    subject: str,
    phone_number_id: str,
    body: Mapping[str, Any],
    not_before: datetime | None = None,
    by: User | None = None,
    **kwargs: Any,
) -> None:
    """A message or a mark for Meta leaves in the order of its thread."""
    payload = {"phone_number_id": phone_number_id, "body": dict(body)}
    WHATSAPP.announce(subject, payload, by=by, not_before=not_before)
