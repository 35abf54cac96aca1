"""Saves appointments that took place, one transaction each, whatever happens to the database meanwhile.

    python -m tests.chaos.causes PRESENCES SECONDS SEED

Prints `committed CRM-7` or `rolledback CRM-8`. A commit whose answer was lost is looked up before it is told.
"""

import random
import sys
import time
from uuid import UUID

import django

django.setup()

from django.db import Error, connection, transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from crm.choices import AppointmentState  # noqa: E402
from crm.ids import new_id  # noqa: E402
from crm.models import Appointment, Lead  # noqa: E402


class _Changed(Exception):
    """Somebody thought better of it."""


def main() -> None:
    presences, seconds, seed = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    dice = random.Random(seed)  # noqa: S311
    lead = _patiently(_a_lead)
    pause = seconds / presences
    committed = 0
    while committed < presences:
        keep = dice.random() > 0.1
        appointment_id = new_id()
        _patiently(lambda keep=keep, pk=appointment_id: _save(lead, pk, keep=keep))
        committed += keep
        time.sleep(pause * dice.uniform(0, 1.6))  # saves are spread over the time in which things break


def _a_lead() -> Lead:
    return Lead.objects.create(nombre="Prueba de caos", celular="+51900000001", medio="OPC")


def _save(lead: Lead, pk: UUID, *, keep: bool) -> None:
    if found := Appointment.objects.filter(pk=pk).first():
        # The commit of the try before went through, only its answer did not.
        print("committed", found.id_presencia_crm, flush=True)
        return
    appointment = Appointment(pk=pk, lead=lead, fecha_hora=timezone.now(), estado=AppointmentState.ATTENDED)
    try:
        with transaction.atomic():
            appointment.save(force_insert=True)
            if not keep:
                raise _Changed
    except _Changed:
        print("rolledback", appointment.id_presencia_crm, flush=True)
        return
    print("committed", appointment.id_presencia_crm, flush=True)


def _patiently(act):  # type: ignore[no-untyped-def]
    while True:
        try:
            return act()
        except Error:
            connection.close()
            time.sleep(0.3)  # the database is down on purpose; asked until it is back


if __name__ == "__main__":
    main()
