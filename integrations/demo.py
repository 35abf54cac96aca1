"""The demonstration's reports: its latest visits are told to its own receiver when it starts (contract section 7)."""

from crm.choices import AppointmentState
from crm.models import Appointment
from integrations.events import PRESENCE
from integrations.models import PresenceReport
from integrations.presences.payload import digest_of, payload_of

REPORTED = 40


def load() -> None:
    """Nothing is made up here: the worker sends them, the receiver stores them, and the staff pages show both."""
    attended = Appointment.objects.filter(estado=AppointmentState.ATTENDED).select_related("lead")
    for appointment in reversed(attended.newest_first()[:REPORTED]):
        payload = payload_of(appointment)
        PRESENCE.announce(appointment.id_presencia_crm, payload)
        PresenceReport.objects.begin(appointment)
        PresenceReport.objects.get(pk=appointment.pk).note(digest_of(payload))
