"""When the sales application is told of an appointment: once for each real change (contract section 6).

Everything happens in the transaction of the change, which has the appointment's row locked. Locks are taken in one
order by all who write: person, lead, its appointments by id, report, outbox. So nobody waits in a circle, and of
two who change what one message says, the second sees what the first has stored:

- two savers of one appointment take turns at its row;
- who corrects a lead locks all its appointments afterwards, and so waits for one that is just being marked;
- one that is just being created has no row to wait for, so its creator waits for the lead; so does who moves one to
  another lead, whose corrector does not see it there yet. The lead comes late then: nobody who holds that one waits for
  this appointment, which is not stored as its own.
"""

from collections.abc import Collection
from uuid import UUID

from crm.acting import current_actor
from crm.choices import AppointmentState
from crm.models import Appointment, Lead
from integrations.events import PRESENCE, PRESENCE_CORRECTED
from integrations.models import PresenceReport
from integrations.presences.payload import COLUMNS_OF_APPOINTMENT, COLUMNS_OF_LEAD, digest_of, payload_of


def may_be_news(appointment: Appointment, *, written: Collection[str] | None) -> bool:
    """Whether a save that wrote these columns (None: all) can concern a presence. Costs no query.

    A state that was not written may be another by now than the instance believes, so then it does not count.
    """
    if (written is None or "estado" in written) and appointment.estado != AppointmentState.ATTENDED:
        before, _ = appointment.changes.get("estado", (None, None))
        return bool(before == AppointmentState.ATTENDED)
    return written is None or not COLUMNS_OF_APPOINTMENT.isdisjoint(written)


def report_appointment(appointment: Appointment, *, is_new: bool) -> None:
    """Tell what is news about one that was just saved: it took place, or a fact of it was corrected."""
    if is_new or "lead_id" in appointment.changes:
        _lock_lead(appointment.lead_id)
    # One that has been attended since before anybody reported it (a fixture) has no row and gets none.
    if appointment.estado == AppointmentState.ATTENDED and "estado" in appointment.changes:
        PresenceReport.objects.begin(appointment)
    _report([appointment.pk])


def is_correction(lead: Lead) -> bool:
    """Whether the save of a lead changes what was told of its presences."""
    return not COLUMNS_OF_LEAD.isdisjoint(lead.changes)


def report_leads(lead_ids: Collection[UUID]) -> None:
    """Tell what was corrected about the presences of these leads, whose rows are locked."""
    # All of them, attended or not: one that is just being marked is seen when its transaction has ended.
    of_leads = Appointment.objects.filter(lead__in=lead_ids).order_by("pk")
    locked = of_leads.select_for_update(of=("self",), no_key=True).values_list("pk", "estado")
    attended = [pk for pk, estado in locked if estado == AppointmentState.ATTENDED]
    if attended:
        _report(attended)


def _report(appointment_ids: Collection[UUID]) -> None:
    """What is stored decides, not what an instance says, which may be stale."""
    for report in PresenceReport.objects.hold(appointment_ids):
        if report.appointment.estado == AppointmentState.ATTENDED:
            _tell(report)
        elif report.is_attended:
            # Told to nobody. Should it come back, that is a presence again.
            report.note_left()


def _tell(report: PresenceReport) -> None:
    payload = payload_of(report.appointment)
    digest = digest_of(payload)
    if report.is_attended and report.digest == digest:
        return
    event = PRESENCE_CORRECTED if report.is_attended else PRESENCE
    event.announce(report.appointment.id_presencia_crm, payload, by=current_actor())
    report.note(digest)


def _lock_lead(lead_id: UUID) -> None:
    Lead.objects.select_for_update(of=("self",), no_key=True).only("pk").get(pk=lead_id)
