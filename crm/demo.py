"""Invented people for the demonstration (contract section 7): the same on every machine, dates around today.

First names and two surnames are drawn apart, phones are runs of zeros that no operator hands out, e-mail
addresses end in `.test`: whoever recognises a neighbour is mistaken.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from random import Random
from typing import Any, TypeVar
from uuid import NAMESPACE_URL, UUID, uuid5

from django.contrib.auth.hashers import make_password
from django.db import connection, models
from django.db.models.sql import InsertQuery
from django.utils import timezone

from crm.choices import (
    AppointmentState,
    CapturePlace,
    DocumentType,
    Grading,
    LandingProduct,
    LeadStatus,
    NoteType,
    Project,
    Role,
    TaskType,
    Typification,
)
from crm.models import Appointment, AppointmentNumber, Contact, ContactPhone, Lead, Note, Task, User
from crm.text import fold

CONTACTS = 300
LEADS = 400
NOTES = 240
TASKS = 120

# The widest row has fifty columns, and SQLite takes 32 766 values in one statement.
ROWS_AT_ONCE = 200

Row = TypeVar("Row", bound=models.Model)


class Story:
    """Choices, an id and moments that come out the same each time, whatever is told before or after."""

    def __init__(self, name: str, now: datetime, zone: tzinfo | None = None) -> None:
        self.name = name
        self.zone = zone or timezone.get_current_timezone()
        self.now = now.astimezone(self.zone)
        self.today = self.now.date()
        self.id: UUID = uuid5(NAMESPACE_URL, f"puente-crm/{name}")
        self.draw = Random(name)

    def about(self, kind: str, number: int | str) -> "Story":
        """The story of one row."""
        return Story(f"{self.name}/{kind}/{number}", self.now, self.zone)

    def at(self, days: int, hour: int, minute: int = 0) -> datetime:
        """A time of day so many days from today, where the installation is at home."""
        day = self.today + timedelta(days=days)
        return datetime.combine(day, time(hour, minute), self.zone)

    def working_hour(self, days: int) -> datetime:
        return self.at(days, self.draw.randrange(9, 18), self.draw.choice((0, 10, 15, 20, 30, 40, 45, 50)))

    def some_time_since(self, start: datetime) -> datetime:
        """Between `start` and now, in working hours where that is possible."""
        moment = start + (self.now - start) * self.draw.random()
        better = self.working_hour((moment.astimezone(self.zone).date() - self.today).days)
        return better if start <= better <= self.now else moment

    def chance(self, share: float) -> bool:
        return self.draw.random() < share

    def weighted(self, choices: dict[Any, int]) -> Any:
        return self.draw.choices(list(choices), list(choices.values()))[0]


@dataclass(frozen=True)
class Cast:
    """Who takes part; the demonstrations of the other floors hang their rows on these."""

    admin: User
    lawyer: User
    agents: Sequence[User]
    contacts: Sequence[Contact]
    leads: Sequence[Lead]

    @property
    def team(self) -> list[User]:
        return [*self.agents, self.lawyer]


def keep(rows: Iterable[Row]) -> list[Row]:
    """Store rows of one model as a fixture would: with the dates they carry, and unknown to any receiver.

    `bulk_create` would date them all today; `raw` is how Django itself inserts what a fixture says.
    """
    stored = list(rows)
    model: type[models.Model] = type(stored[0])
    fields = model._meta.concrete_fields
    for start in range(0, len(stored), ROWS_AT_ONCE):
        query = InsertQuery(model)
        query.insert_values(fields, [*stored[start : start + ROWS_AT_ONCE]], raw=True)
        query.get_compiler(connection=connection).execute_sql()
    for row in stored:
        row._state.adding = False
    return stored


def load(now: datetime, password: str) -> Cast:
    """Accounts, contacts, leads, appointments, notes and what is to be done by hand."""
    story = Story("crm", now)
    admin, lawyer, *agents = _load_users(story, password)
    contacts = _load_contacts(story, [*agents, lawyer])
    leads = _load_leads(story, contacts)
    cast = Cast(admin, lawyer, agents, contacts, leads)
    _load_appointments(story, leads)
    _load_notes(story, cast)
    _load_tasks(story, cast)
    return cast


# --- Accounts ---------------------------------------------------------------------------------

ACCOUNTS = (
    ("admin", "Marta", "Ibarra Solano", Role.ADMIN),
    ("abogada", "Laura", "Cáceres Pinto", Role.LAWYER),
    ("agente1", "Diego", "Rentería Paz", Role.AGENT),
    ("agente2", "Camila", "Otero Ríos", Role.AGENT),
    ("agente3", "Julián", "Vargas Quiroz", Role.AGENT),
    ("agente4", "Paola", "Nieto Araya", Role.AGENT),
    ("agente5", "Hugo", "Salcedo Mora", Role.AGENT),
)


def address_of(account: str) -> str:
    return f"{account}@puente.test"


def _load_users(story: Story, password: str) -> list[User]:
    hashed = make_password(password)
    users = [
        User(
            id=story.about("user", account).id,
            email=address_of(account),
            first_name=first_name,
            last_name=last_name,
            role=role,
            password=hashed,
            is_staff=True,
            is_verified=True,
            daily_lead_quota=25 if role == Role.AGENT else None,
        )
        for account, first_name, last_name, role in ACCOUNTS
    ]
    for user in users:
        user.save(force_insert=True)
    return users


# --- Contacts ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """A country: how many of the contacts live there, in which cities, and how phones begin that nobody has."""

    country: str
    people: int
    nationality: str
    phone: str
    cities: dict[str, tuple[str, ...]]


LIMA = ("Ate", "Comas", "La Molina", "Lince", "Los Olivos", "Miraflores", "San Juan de Lurigancho", "Surco")
PLACES = (
    Place("Perú", 150, "peruana", "+51900000", {"Lima": LIMA, "Huacho": (), "Arequipa": (), "Trujillo": ()}),
    Place("España", 40, "", "+34600000", {"Madrid": ("Carabanchel", "Usera"), "Barcelona": (), "Málaga": ()}),
    Place("México", 35, "mexicana", "+525500000", {"Ciudad de México": ("Coyoacán",), "Puebla": ()}),
    Place("Argentina", 30, "argentina", "+5491100000", {"Buenos Aires": ("Caballito",), "Rosario": ()}),
    Place("Colombia", 25, "colombiana", "+573000000", {"Bogotá": ("Chapinero", "Suba"), "Cali": ()}),
    Place("Chile", 20, "chilena", "+56990000", {"Santiago": ("Maipú", "Ñuñoa"), "Valparaíso": ()}),
)
NATIONALITIES_IN_SPAIN = {"colombiana": 10, "peruana": 9, "venezolana": 8, "hondureña": 5, "argentina": 4}

FIRST_NAMES = (
    "Adriana", "Alejandra", "Amparo", "Andrés", "Beatriz", "Bruno", "Carmen", "Cecilia", "César", "Claudia",
    "Daniela", "Darío", "Edgar", "Elena", "Emilia", "Emilio", "Ernesto", "Fabiola", "Fermín", "Franco", "Gladys",
    "Gonzalo", "Graciela", "Héctor", "Inés", "Irene", "Iván", "Jaime", "Jimena", "Joaquín", "Leandro", "Lorena",
    "Lorenzo", "Lucía", "Luz", "Magaly", "Marcelo", "Marisol", "Matías", "Mónica", "Natalia", "Nicolás", "Noelia",
    "Óscar", "Pablo", "Patricia", "Pilar", "Raúl", "Renato", "Rocío", "Rodrigo", "Rosa", "Rubén", "Saúl", "Sergio",
    "Silvia", "Sofía", "Teresa", "Tomás", "Verónica", "Víctor", "Walter", "Wilmer", "Yolanda",
)  # fmt: skip
SURNAMES = (
    "Acevedo", "Aguirre", "Alarcón", "Arce", "Barrios", "Benítez", "Bravo", "Cabrera", "Calderón", "Campos",
    "Cárdenas", "Castaño", "Céspedes", "Chávez", "Condori", "Cordero", "Delgado", "Espinoza", "Farfán",
    "Figueroa", "Gálvez", "Godoy", "Guerrero", "Herrera", "Huamán", "Jara", "Lagos", "Ledesma", "Loayza", "Luna",
    "Mamani", "Medina", "Meléndez", "Montoya", "Navarro", "Núñez", "Ojeda", "Olivares", "Ortega", "Pacheco",
    "Paredes", "Peña", "Pizarro", "Ponce", "Quispe", "Ramos", "Rivas", "Robles", "Rojas", "Salazar", "Sandoval",
    "Sepúlveda", "Soto", "Tapia", "Toledo", "Uribe", "Valdivia", "Vega", "Villegas", "Yáñez", "Zambrano", "Zavala",
)  # fmt: skip
POSITIONS = ("Comerciante", "Docente", "Enfermería", "Transporte", "Contabilidad", "Cocina", "Hogar", "Técnico")


def _load_contacts(story: Story, team: Sequence[User]) -> list[Contact]:
    """Spread over half a year, denser lately; number 0 came in last."""
    homes = [place for place in PLACES for _ in range(place.people)]
    story.draw.shuffle(homes)
    names = _full_names(story, len(homes))
    contacts = [
        _contact(story.about("contact", number), number, name, home, story.draw.choice(team))
        for number, (name, home) in enumerate(zip(names, homes, strict=True))
    ]
    keep(contacts)
    ContactPhone.objects.bulk_create(row for contact in contacts for row in contact.phone_rows())
    return contacts


def _full_names(story: Story, number: int) -> list[tuple[str, str]]:
    """First name and two surnames, each combination once."""
    found: dict[tuple[str, str], None] = {}
    while len(found) < number:
        found[story.draw.choice(FIRST_NAMES), " ".join(story.draw.sample(SURNAMES, 2))] = None
    return list(found)


def _contact(story: Story, number: int, name: tuple[str, str], home: Place, responsible: User) -> Contact:
    first_name, last_name = name
    city = story.draw.choice(list(home.cities))
    age_in_hours = 1 + 4200 * (number / CONTACTS) ** 1.6
    created_at = story.now - timedelta(hours=age_in_hours)
    local = fold(f"{first_name}.{last_name.split()[0]}")
    contact = Contact(
        id=story.id,
        name=f"{first_name} {last_name}",
        first_name=first_name,
        last_name=last_name,
        email=f"{local}{number}@correo.test" if story.chance(0.6) else None,
        mobile=f"{home.phone}{number:03d}",
        country=home.country,
        city=city,
        district=story.draw.choice(home.cities[city] or (None,)),
        nacionalidad=home.nationality or story.weighted(NATIONALITIES_IN_SPAIN),
        position=story.draw.choice(POSITIONS) if story.chance(0.5) else None,
        edad=story.draw.randrange(21, 68) if story.chance(0.6) else None,
        responsible_user=responsible,
        created_by=responsible,
        created_at=created_at,
        updated_at=created_at,
    )
    if home.country == "España":
        _tell_about_life_in_spain(story, contact)
    if home.country == "Perú" and story.chance(0.6):
        # No identity card has been numbered up to 99 million.
        contact.document_type, contact.document_number = DocumentType.DNI, f"99{number:06d}"
    contact.tidy()
    return contact


def _tell_about_life_in_spain(story: Story, contact: Contact) -> None:
    contact.tiempo_espana = story.draw.choice(("8 meses", "1 año", "2 años", "2 años y medio", "3 años", "5 años"))
    contact.empadronado = story.chance(0.8)
    contact.tiene_ingresos = story.chance(0.6)
    contact.trabaja_b = story.chance(0.4)
    contact.tiene_familiares_espana = story.chance(0.5)
    contact.lugar_residencia = contact.city
    contact.landing_product = story.draw.choice(LandingProduct.values)
    contact.grading_llamada = story.draw.choice(Grading.values)
    contact.grading_situacion = story.draw.choice(Grading.values)
    contact.initial_contact_completed = True


# --- Leads and appointments -------------------------------------------------------------------

MEDIA = {
    "Redes Sociales (Facebook)": 30,
    "Redes Sociales (Instagram)": 18,
    "Redes Sociales (WhatsApp)": 16,
    "Campo (Centros Comerciales)": 26,
    "Referidos": 10,
}
FIELD = "Campo (Centros Comerciales)"
CAPTURED_AT = ("FERIA PLAZA NORTE", "MODULO SJL", "SJL - CANTO REY", "SJL - CHIMU", "MINKA")
CAPTORS = ("Elmer Tapia", "Nataly Ojeda", "Fredy Arce")
OBSERVATIONS = (
    "Pide información de cuotas sin inicial.",
    "Quiere visitar el proyecto un domingo.",
    "Consulta por la documentación del terreno.",
    "Decide junto con su pareja; llamar a los dos.",
    "Prefiere que le escriban antes de llamar.",
    "Comparó con otro proyecto de la zona.",
)
TYPIFICATIONS: dict[Typification | None, int] = {
    None: 16,
    Typification.CALL_BACK: 10,
    Typification.FOLLOW_UP: 14,
    Typification.NO_ANSWER: 13,
    Typification.SWITCHED_OFF: 4,
    Typification.INFORMATION_SENT: 7,
    Typification.APPOINTMENT_ROOM: 8,
    Typification.APPOINTMENT_PROJECT: 5,
    Typification.APPOINTMENT_ZOOM: 4,
    Typification.APPOINTMENT_TO_CONFIRM: 4,
    Typification.ATTENDED: 7,
    Typification.ALREADY_OWNER: 2,
    Typification.NOT_INTERESTED_MONEY: 5,
    Typification.NOT_INTERESTED_PLACE: 3,
    Typification.NOT_QUALIFIED: 3,
    Typification.FALSE_DATA: 3,
}
PLACE_OF = {
    Typification.APPOINTMENT_ROOM: "Sala Lince",
    Typification.APPOINTMENT_PROJECT: "Proyecto",
    Typification.APPOINTMENT_ZOOM: "Zoom",
    Typification.APPOINTMENT_TO_CONFIRM: "Sala Los Olivos",
    Typification.ATTENDED: "Sala Lince",
}
STATUS_OF: dict[Typification | None, LeadStatus] = {
    None: LeadStatus.NEW,
    **dict.fromkeys(PLACE_OF, LeadStatus.PROPOSAL),
    Typification.ATTENDED: LeadStatus.NEGOTIATION,
    Typification.ALREADY_OWNER: LeadStatus.WON,
    Typification.NOT_INTERESTED_MONEY: LeadStatus.LOST,
    Typification.NOT_INTERESTED_PLACE: LeadStatus.LOST,
    Typification.NOT_QUALIFIED: LeadStatus.LOST,
    Typification.FALSE_DATA: LeadStatus.LOST,
}


def _load_leads(story: Story, contacts: Sequence[Contact]) -> list[Lead]:
    """One enquiry each, and a second or third for some: the same phone asks again."""
    again = story.draw.choices(contacts, k=LEADS - len(contacts))
    return keep(
        _lead(story.about("lead", number), contact, again=number >= len(contacts))
        for number, contact in enumerate([*contacts, *again])
    )


def _lead(story: Story, contact: Contact, *, again: bool) -> Lead:
    created_at = story.some_time_since(contact.created_at) if again else contact.created_at
    medium = story.weighted(MEDIA)
    typification = story.weighted(TYPIFICATIONS)
    lead = Lead(
        id=story.id,
        contact=contact,
        nombre=contact.name,
        celular=contact.mobile or "",
        email=contact.email,
        tipo_documento=contact.document_type,
        numero_documento=contact.document_number,
        distrito=contact.district or contact.city,
        medio=medium,
        proyecto_interes=story.draw.choice(Project.values),
        tipificacion=typification,
        status=STATUS_OF.get(typification, LeadStatus.CONTACTED),
        observacion=story.draw.choice(OBSERVATIONS) if story.chance(0.5) else None,
        responsible_user=contact.responsible_user,
        created_by=contact.responsible_user,
        created_at=created_at,
        updated_at=story.some_time_since(created_at),
    )
    if medium == FIELD:
        lead.ubicacion = story.draw.choice(CAPTURED_AT)
        lead.captador = story.draw.choice(CAPTORS)
        lead.calle_o_modulo = story.draw.choice(CapturePlace.values)
        lead.fecha_captacion = created_at.astimezone(story.zone).date()
    lead.tidy()
    return lead


def _load_appointments(story: Story, leads: Sequence[Lead]) -> None:
    """Who is typified with an appointment has one; who has attended, one that took place."""
    wanted = [lead for lead in leads if lead.tipificacion in PLACE_OF]
    keep(_appointment(story.about("appointment", number), lead) for number, lead in enumerate(wanted))


def _appointment(story: Story, lead: Lead) -> Appointment:
    attended = lead.tipificacion == Typification.ATTENDED
    state = AppointmentState.ATTENDED if attended else story.weighted(STATES_OF_APPOINTMENTS)
    days_since_enquiry = max(1, (story.now - lead.created_at).days)
    past = -story.draw.randrange(1, min(days_since_enquiry, 45) + 1)
    moment = story.working_hour(past if state in PAST_STATES else story.draw.choice(DAYS_TO_COME))
    return Appointment(
        id=story.id,
        numero=AppointmentNumber.take(),
        lead=lead,
        fecha_hora=moment,
        lugar=PLACE_OF[Typification(lead.tipificacion or "")],
        estado=state,
        observaciones="Viene con su familia." if story.chance(0.3) else None,
        has_ever_been_confirmed=state in (AppointmentState.CONFIRMED, AppointmentState.ATTENDED),
        attended_at=moment + timedelta(minutes=5) if attended else None,
        responsible_user=lead.responsible_user,
        created_by=lead.responsible_user,
        created_at=lead.created_at,
        updated_at=lead.updated_at,
    )


STATES_OF_APPOINTMENTS = {
    AppointmentState.PENDING: 40,
    AppointmentState.CONFIRMED: 30,
    AppointmentState.RESCHEDULED: 8,
    AppointmentState.CANCELLED: 10,
    AppointmentState.NO_SHOW: 12,
}
DAYS_TO_COME = (0, 0, 0, 1, 1, 2, 2, 3, 4, 6, 8, 11, 14)
PAST_STATES = (AppointmentState.ATTENDED, AppointmentState.CANCELLED, AppointmentState.NO_SHOW)


# --- Notes and tasks --------------------------------------------------------------------------

REMARKS = {
    "Prefiere que la llamen por la tarde, después de las 18 h.": NoteType.COMMENT,
    "Trabaja de noche; por la mañana no contesta.": NoteType.COMMENT,
    "Pidió los requisitos por correo; enviados.": NoteType.EMAIL,
    "Trajo el pasaporte y el certificado de empadronamiento.": NoteType.MEETING,
    "Su hermana también quiere una cita.": NoteType.COMMENT,
    "Número equivocado la primera vez; corregido.": NoteType.CALL,
    "Espera la respuesta del banco antes de decidir.": NoteType.CALL,
    "Ya tiene cita en extranjería el mes que viene.": NoteType.TASK,
}
ERRANDS = {
    "Enviar la lista de requisitos": TaskType.EMAIL,
    "Enviar la cotización actualizada": TaskType.EMAIL,
    "Reunión para revisar documentos": TaskType.MEETING,
    "Visita al proyecto": TaskType.MEETING,
    "Vence el plazo para presentar la documentación": TaskType.DEADLINE,
    "Recordar el pago de la separación": TaskType.REMINDER,
    "Preguntar si recibió el contrato": TaskType.FOLLOW_UP,
}
OUTCOMES = ("Hecho; quedó conforme.", "Enviado por correo.", "No vino; se reprograma.", "Documentos completos.")


def _load_notes(story: Story, cast: Cast) -> None:
    keep(_note(story.about("note", number), cast) for number in range(NOTES))


def _note(story: Story, cast: Cast) -> Note:
    contact = story.draw.choice(cast.contacts)
    content = story.draw.choice(list(REMARKS))
    written_at = story.some_time_since(contact.created_at)
    return Note(
        id=story.id,
        contact=contact,
        content=content,
        note_type=REMARKS[content],
        created_by=contact.responsible_user,
        created_at=written_at,
        updated_at=written_at,
    )


def _load_tasks(story: Story, cast: Cast) -> None:
    """What is planned by hand: late, for today, for the next days, and done."""
    keep(_task(story.about("task", number), number, cast) for number in range(TASKS))


def _task(story: Story, number: int, cast: Cast) -> Task:
    contact = story.draw.choice(cast.contacts)
    text = story.draw.choice(list(ERRANDS))
    days = (0, 0, -1, -2, -4, 1, 2, 3, 5, 9, -3, -8)[number % 12]
    done = number % 12 >= 10
    filed_at = max(contact.created_at, story.now - timedelta(days=12 - days))
    due = story.working_hour(days)
    return Task(
        id=story.id,
        contact=contact,
        text=text,
        task_type=ERRANDS[text],
        responsible_user=contact.responsible_user,
        created_by=contact.responsible_user,
        complete_till=due,
        is_completed=done,
        completed_at=min(due, story.now) if done else None,
        result_text=story.draw.choice(OUTCOMES) if done else None,
        created_at=filed_at,
        updated_at=filed_at,
    )
