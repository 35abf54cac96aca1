"""Accounts and contacts of the demonstration. Nobody of them exists.

First names and two surnames are drawn apart, phones are runs of zeros that no operator hands out, e-mail
addresses end in `.test`: whoever recognises a neighbour is mistaken.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.hashers import make_password

from crm.choices import DocumentType, Grading, LandingProduct, Role
from crm.demo.story import Story, keep
from crm.models import Contact, User
from crm.text import fold

CONTACTS = 300

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


def load_users(story: Story, password: str) -> list[User]:
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
# Of these, and the last ones of the list are the same people again.
REPEATED_PEOPLE = (41, 87, 133)
POSITIONS = ("Comerciante", "Docente", "Enfermería", "Transporte", "Contabilidad", "Cocina", "Hogar", "Técnico")


def load_contacts(story: Story, team: Sequence[User]) -> list[Contact]:
    """Spread over half a year, denser lately; number 0 came in last."""
    homes = [place for place in PLACES for _ in range(place.people)]
    story.draw.shuffle(homes)
    names = _full_names(story, len(homes))
    contacts = [
        _contact(story.about("contact", number), number, name, home, story.draw.choice(team))
        for number, (name, home) in enumerate(zip(names, homes, strict=True))
    ]
    for number, twin in zip(REPEATED_PEOPLE, contacts[-len(REPEATED_PEOPLE) :], strict=True):
        _repeat(contacts[number], twin)
    keep(contacts)
    keep(row for contact in contacts for row in contact.phone_rows())
    return contacts


def _repeat(known: Contact, twin: Contact) -> None:
    """The same person, filed twice by hand: the same phone, half of the name. Staff will want to merge them."""
    twin.first_name, twin.last_name = known.first_name, (known.last_name or "").split()[0]
    twin.name = f"{twin.first_name} {twin.last_name}"
    twin.country, twin.city, twin.district, twin.nacionalidad = "Perú", known.city, known.district, "peruana"
    twin.mobile, twin.email, twin.document_type, twin.document_number = known.mobile, None, None, None
    twin.tidy()


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
