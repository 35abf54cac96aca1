"""Rows for tests: fixed, plausible values; what a test is about it sets itself."""

from datetime import UTC, datetime

import factory
from factory.django import DjangoModelFactory

from calls.models import Call, CallType
from crm.choices import Role
from crm.models import Appointment, Contact, Lead, Note, Task, User
from opportunities.models import Opportunity

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
# An id that no row has. Fixed, because every test worker must collect the same tests.
NOBODYS_ID = "01930000-ffff-7000-8000-000000000000"
PASSWORD = "una-clave-larga-de-prueba"


class UserFactory(DjangoModelFactory[User]):
    class Meta:
        model = User

    class Params:
        admin = factory.Trait(role=Role.ADMIN, is_staff=True)
        lawyer = factory.Trait(role=Role.LAWYER)
        outsider = factory.Trait(role=Role.USER)

    email = factory.Sequence(lambda n: f"persona{n}@puente.test")
    first_name = "Ana"
    last_name = factory.Sequence(lambda n: f"Ríos {n}")
    role = Role.AGENT
    password = factory.django.Password(PASSWORD)


class ContactFactory(DjangoModelFactory[Contact]):
    class Meta:
        model = Contact

    name = factory.Sequence(lambda n: f"Luz Vega {n}")
    mobile = factory.Sequence(lambda n: f"+519{n:08d}")
    city = "Lima"


class LeadFactory(DjangoModelFactory[Lead]):
    class Meta:
        model = Lead

    nombre = factory.Sequence(lambda n: f"Rosa Peña {n}")
    celular = factory.Sequence(lambda n: f"+519{10_000_000 + n:08d}")


class AppointmentFactory(DjangoModelFactory[Appointment]):
    class Meta:
        model = Appointment

    lead = factory.SubFactory(LeadFactory)
    fecha_hora = NOON
    lugar = "Sala Lince"


class TaskFactory(DjangoModelFactory[Task]):
    class Meta:
        model = Task

    contact = factory.SubFactory(ContactFactory)
    text = "Llamar de nuevo"
    complete_till = NOON


class NoteFactory(DjangoModelFactory[Note]):
    class Meta:
        model = Note

    contact = factory.SubFactory(ContactFactory)
    content = "Prefiere las tardes"


class CallTypeFactory(DjangoModelFactory[CallType]):
    class Meta:
        model = CallType

    name = factory.Sequence(lambda n: f"Tipo {n}")
    code = factory.Sequence(lambda n: f"tipo_{n}")


class CallFactory(DjangoModelFactory[Call]):
    class Meta:
        model = Call

    contact = factory.SubFactory(ContactFactory)
    direction = "outbound"
    call_status = "completed"
    started_at = NOON


class OpportunityFactory(DjangoModelFactory[Opportunity]):
    class Meta:
        model = Opportunity

    contact = factory.SubFactory(ContactFactory)
