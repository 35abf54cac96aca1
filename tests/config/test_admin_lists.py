"""Every list of the staff pages: opens for whom it should, costs the same for 10 and for 200 rows, finds people."""

import re
from collections.abc import Callable
from datetime import time, timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from calls.models import Call, CallType
from crm.admin import base
from crm.models import (
    ApiToken,
    Appointment,
    AuditEntry,
    Contact,
    ContactMerge,
    ImportRun,
    Lead,
    Note,
    Task,
    User,
)
from integrations.models import Cliente, Presencia, Venta, WebhookDelivery
from jobs.models import Account, Batch, ClosedDay, DoNotCall, Job
from opportunities.models import Assignment, Opportunity
from tests.factories import (
    NOON,
    AppointmentFactory,
    CallFactory,
    CallTypeFactory,
    ContactFactory,
    LeadFactory,
    NoteFactory,
    OpportunityFactory,
    TaskFactory,
    UserFactory,
)
from tests.jobs.rows import a_batch, an_account, an_attempt, some_jobs
from tests.staff_pages import at_desk, list_of, text_of
from whatsapp.models import (
    BotRule,
    BotSettings,
    BusinessNumber,
    OpeningHours,
    Template,
    Thread,
    WebhookEvent,
    WebhookItem,
)

UUID_IN_TEXT = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-")


def make_tokens(count: int, user: User) -> None:
    for number in range(count):
        ApiToken.issue(user=UserFactory(), name=f"Programa {number}", created_by=user)


def make_merges(count: int, user: User) -> None:
    people = ContactFactory.create_batch(2 * count)
    pairs = zip(people[:count], people[count:], strict=True)
    ContactMerge.objects.bulk_create(ContactMerge(survivor=a, absorbed=b, created_by=user) for a, b in pairs)


def make_assignments(count: int, user: User) -> None:
    rows = OpportunityFactory.create_batch(count)
    others = UserFactory.create_batch(3)
    Opportunity.objects.filter(pk__in=[row.pk for row in rows]).assign_to(others[0], by=user)


def make_clients(count: int) -> list[Cliente]:
    return Cliente.objects.bulk_create(
        Cliente(tipo_documento="DNI", nombres_completos_razon_social=f"Rosa {number}", search_words=f"rosa {number}")
        for number in range(count)
    )


def make_presences(count: int) -> list[Presencia]:
    return Presencia.objects.bulk_create(Presencia(cliente=client) for client in make_clients(count))


def make_sales(count: int) -> list[Venta]:
    return Venta.objects.bulk_create(
        Venta(presencia=presence, fecha_venta=NOON.date(), lote="L0001", tipo_venta="contado")
        for presence in make_presences(count)
    )


def make_deliveries(count: int, user: User) -> None:
    first = WebhookDelivery.objects.count()
    WebhookDelivery.objects.bulk_create(
        WebhookDelivery(
            event="presence.attended",
            destination="comercial",
            subject=f"CRM-{number}",
            sequence=1,
            payload={},
            created_by=UserFactory(),
        )
        for number in range(first, first + count)
    )


def make_threads(count: int, user: User) -> None:
    number, _ = BusinessNumber.objects.get_or_create(phone_number_id="1")
    contacts = ContactFactory.create_batch(count)
    Thread.objects.bulk_create(
        Thread(number=number, contact=contact, link_state="linked", last_message_at=NOON, assigned_to=UserFactory())
        for contact in contacts
    )


def make_numbers(count: int, user: User) -> None:
    first = BusinessNumber.objects.count()
    BusinessNumber.objects.bulk_create(
        BusinessNumber(phone_number_id=f"10{number}") for number in range(first, first + count)
    )


def make_hours(count: int, user: User) -> None:
    first = OpeningHours.objects.count()
    moments = [(day, time(hour, minute)) for day in range(7) for hour in range(10, 20) for minute in (1, 21, 41)]
    OpeningHours.objects.bulk_create(
        OpeningHours(weekday=day, opens=opens, closes=time(23)) for day, opens in moments[first : first + count]
    )


def make_templates(count: int, user: User) -> None:
    first = Template.objects.count()
    Template.objects.bulk_create(
        Template(name=f"aviso_{number}", language="es", components=[{"type": "BODY", "text": "Hola {{1}}"}])
        for number in range(first, first + count)
    )


def make_items(count: int, user: User) -> None:
    event = WebhookEvent.objects.create(body=b"{}")
    WebhookItem.objects.bulk_create(
        WebhookItem(event=event, path=f"0.{number}", field="account_update", state="kept", payload={})
        for number in range(count)
    )


def make_jobs(count: int, user: User) -> None:
    for number in range(count):
        [job] = some_jobs(1, a_batch(an_account()))
        if number % 2:
            an_attempt(job)


def make_refusals(count: int, user: User) -> None:
    first = DoNotCall.objects.count()
    account = an_account()
    DoNotCall.objects.bulk_create(
        DoNotCall(number=f"+51{number}", key=f"51{number}", account=account, created_by=UserFactory())
        for number in range(987_000_000 + first, 987_000_000 + first + count)
    )


def make_closed_days(count: int, user: User) -> None:
    first = ClosedDay.objects.count()
    ClosedDay.objects.bulk_create(
        ClosedDay(day=NOON.date() + timedelta(days=number), name="Aniversario")
        for number in range(first, first + count)
    )


MAKERS: dict[type[Any], Callable[[int, User], Any]] = {
    User: lambda count, user: UserFactory.create_batch(count),
    ApiToken: make_tokens,
    Contact: lambda count, user: [ContactFactory(responsible_user=UserFactory()) for _ in range(count)],
    ContactMerge: make_merges,
    Lead: lambda count, user: [LeadFactory(responsible_user=UserFactory()) for _ in range(count)],
    Appointment: lambda count, user: [AppointmentFactory(responsible_user=UserFactory()) for _ in range(count)],
    Task: lambda count, user: [TaskFactory(responsible_user=user, created_by=user) for _ in range(count)],
    Note: lambda count, user: [NoteFactory(created_by=user) for _ in range(count)],
    AuditEntry: lambda count, user: AuditEntry.objects.bulk_create(
        AuditEntry(actor=UserFactory(), action="prueba", entity_type="contacts") for _ in range(count)
    ),
    ImportRun: lambda count, user: ImportRun.objects.bulk_create(
        ImportRun(kind="contacts", file_name=f"hoja {number}.csv", created_by=UserFactory()) for number in range(count)
    ),
    Call: lambda count, user: [
        CallFactory(contact=None, lead=LeadFactory(), responsible_user=UserFactory(), call_type=CallTypeFactory())
        for _ in range(count)
    ],
    CallType: lambda count, user: CallTypeFactory.create_batch(count),
    Opportunity: lambda count, user: [OpportunityFactory(assigned_to=UserFactory()) for _ in range(count)],
    Assignment: make_assignments,
    Cliente: lambda count, user: make_clients(count),
    Presencia: lambda count, user: make_presences(count),
    Venta: lambda count, user: make_sales(count),
    WebhookDelivery: make_deliveries,
    Thread: make_threads,
    BusinessNumber: make_numbers,
    BotRule: lambda count, user: BotRule.objects.bulk_create(
        BotRule(name=f"Regla {number}", answer="Recibido") for number in range(count)
    ),
    BotSettings: lambda count, user: BotSettings.current().save(),
    OpeningHours: make_hours,
    Template: make_templates,
    WebhookEvent: lambda count, user: WebhookEvent.objects.bulk_create(WebhookEvent(body=b"{}") for _ in range(count)),
    WebhookItem: make_items,
    Account: lambda count, user: [an_account(account_name=f"Cuenta {number}") for number in range(count)],
    Batch: lambda count, user: [a_batch(created_by=user) for _ in range(count)],
    Job: make_jobs,
    DoNotCall: make_refusals,
    ClosedDay: make_closed_days,
    AccessAttempt: lambda count, user: AccessAttempt.objects.bulk_create(
        AccessAttempt(username=f"persona{number}", failures_since_start=1, attempt_time=timezone.now())
        for number in range(count)
    ),
}
OF_CAMPAIGNS = {Account, Batch, Job, DoNotCall, ClosedDay}
OF_SALES = {Presencia, Cliente, Venta}
DAILY = {Contact, Lead, Appointment, Task, Note, Call, Opportunity, Thread, Template, *OF_SALES, *OF_CAMPAIGNS}
OF_THE_BOT = {BotRule, BotSettings, OpeningHours}
OF_THE_OFFICE = {*DAILY, *OF_THE_BOT, ImportRun, ContactMerge, WebhookDelivery, WebhookEvent, WebhookItem}
LISTS = [model for model in MAKERS if model is not BotSettings]  # one row, which opens at once


def test_there_is_a_maker_for_every_list() -> None:
    assert set(MAKERS) == set(admin.site._registry)


def queries_of(client: Any, url: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(url).status_code == 200
    return len(queries)


@pytest.mark.parametrize("model", LISTS, ids=lambda model: model._meta.label)
def test_a_list_costs_the_same_for_10_and_for_200_rows(alice: User, model: Any) -> None:
    client = at_desk(alice)
    MAKERS[model](10, alice)
    few = queries_of(client, list_of(model))
    MAKERS[model](190, alice)
    many = queries_of(client, list_of(model))
    assert many == few
    # Session, user, four looks at what must not be overlooked, count, page, and second look-ups where there are any.
    assert many <= 11


@pytest.mark.sqlite
@pytest.mark.parametrize("model", LISTS, ids=lambda model: model._meta.label)
def test_a_list_names_rows_and_shows_no_raw_id(alice: User, model: Any) -> None:
    MAKERS[model](3, alice)
    seen = text_of(at_desk(alice).get(list_of(model)))
    assert not UUID_IN_TEXT.search(seen)


@pytest.mark.parametrize("model", LISTS, ids=lambda model: model._meta.label)
def test_agents_and_lawyers_open_the_lists_of_their_work_and_no_others(bob: User, laura: User, model: Any) -> None:
    MAKERS[model](2, bob)
    assert at_desk(bob).get(list_of(model)).status_code == (200 if model in DAILY else 403)
    assert at_desk(laura).get(list_of(model)).status_code == (200 if model in OF_THE_OFFICE else 403)


@pytest.mark.parametrize("model", LISTS, ids=lambda model: model._meta.label)
def test_an_empty_list_says_what_to_do(alice: User, model: Any) -> None:
    model_admin = admin.site._registry[model]
    assert len(model_admin.empty_hint) > 20
    if model in OF_THE_BOT:
        model.objects.all().delete()  # the first ones are seeded
    if model not in (User, CallType, AuditEntry):  # Alice is there, types are seeded
        assert model_admin.empty_hint in text_of(at_desk(alice).get(list_of(model)))


@pytest.mark.parametrize("model", LISTS, ids=lambda model: model._meta.label)
def test_a_search_without_result_says_so(alice: User, model: Any) -> None:
    MAKERS[model](1, alice)
    seen = text_of(at_desk(alice).get(list_of(model), {"q": "xyzzy nadie"}))
    assert "Nada coincide con lo que busca" in seen


# --- Counting and paging ----------------------------------------------------------------------


def test_a_long_list_is_counted_no_further_than_the_cap(alice: User, settings: Any) -> None:
    settings.LIST_COUNT_CAP = 120
    ContactFactory.create_batch(130)
    response = at_desk(alice).get(list_of(Contact))
    assert "más de 120 contactos" in " ".join(text_of(response).split())
    paginator = response.context["cl"].paginator
    assert (paginator.count, paginator.num_pages, paginator.is_capped) == (120, 3, True)


def test_a_short_list_is_counted_exactly(alice: User) -> None:
    ContactFactory.create_batch(3)
    seen = " ".join(text_of(at_desk(alice).get(list_of(Contact))).split())
    assert "3 contactos" in seen
    assert "más de" not in seen


def test_counting_reads_no_more_rows_than_the_cap(alice: User, settings: Any) -> None:
    settings.LIST_COUNT_CAP = 5
    ContactFactory.create_batch(20)
    with CaptureQueriesContext(connection) as queries:
        at_desk(alice).get(list_of(Contact))
    counting = [query["sql"] for query in queries if 'COUNT(*) FROM (SELECT "crm_contact"' in query["sql"]]
    assert len(counting) == 1
    assert "LIMIT 6" in counting[0]


def test_a_search_is_counted_less_far_than_a_list(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "SEARCH_COUNT_CAP", 2)
    ContactFactory.create_batch(3, name="Rosa Peña")
    client = at_desk(alice)
    assert "más de 2 contactos" in " ".join(text_of(client.get(list_of(Contact), {"q": "rosa"})).split())
    assert "más de" not in " ".join(text_of(client.get(list_of(Contact))).split())


def test_only_columns_with_an_index_can_be_sorted_by() -> None:
    sortable = {model._meta.label: tuple(page.sortable_by) for model, page in admin.site._registry.items()}
    assert {label: columns for label, columns in sortable.items() if columns} == {
        "crm.Contact": ("person", "last", "next")
    }


def test_no_list_has_a_slow_calendar_or_facets() -> None:
    for page in admin.site._registry.values():
        assert page.date_hierarchy is None
        assert not page.show_full_result_count
        assert page.show_facets.name == "NEVER"


# --- Search -----------------------------------------------------------------------------------


@pytest.mark.sqlite
@pytest.mark.parametrize("typed", ["peña gómez", "PENA", "gomez pen", "987 654 321", "+51 987654321", "4321"])
def test_contacts_are_found_without_accents_by_parts_and_in_any_phone_spelling(alice: User, typed: str) -> None:
    ContactFactory(name="Rosa Peña Gómez", mobile="987-654-321")
    ContactFactory(name="Luis Ramos", mobile="911222333")
    seen = text_of(at_desk(alice).get(list_of(Contact), {"q": typed}))
    assert "Rosa Peña Gómez" in seen
    assert "Luis Ramos" not in seen


@pytest.mark.sqlite
@pytest.mark.parametrize("model", [Task, Note, Call, Appointment, Opportunity, Assignment])
def test_what_hangs_on_people_is_found_by_the_person(alice: User, model: Any) -> None:
    contact = ContactFactory(name="Úrsula Iguarán")
    other = ContactFactory(name="Luis Ramos")
    lead = LeadFactory(nombre="Úrsula Iguarán", celular="+51911000111")
    for person in (contact, other):
        TaskFactory(contact=person, text=f"De {person.name}")
        NoteFactory(contact=person, content=f"De {person.name}")
        CallFactory(contact=person)
        opportunity = OpportunityFactory(contact=person)
        Opportunity.objects.filter(pk=opportunity.pk).assign_to(alice, by=alice)
    TaskFactory(contact=None, lead=lead)
    NoteFactory(contact=None, lead=lead)
    CallFactory(contact=None, lead=lead)
    AppointmentFactory(lead=lead)
    AppointmentFactory()
    response = at_desk(alice).get(list_of(model), {"q": "ursula"})
    assert response.context["cl"].result_count == (2 if model in (Task, Note, Call) else 1)
    assert "Luis Ramos" not in text_of(response)


@pytest.mark.sqlite
@pytest.mark.parametrize("many", [0, 20_000])
def test_rows_of_many_people_are_those_of_few(alice: User, many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two ways to read, one answer."""
    monkeypatch.setattr(base, "MANY_PEOPLE", many)
    of_contact = TaskFactory(contact=ContactFactory(name="Úrsula Iguarán"))
    of_lead = TaskFactory(contact=None, lead=LeadFactory(nombre="Úrsula Buendía"))
    TaskFactory()
    response = at_desk(alice).get(list_of(Task), {"q": "ursula"})
    assert {row.pk for row in response.context["cl"].result_list} == {of_contact.pk, of_lead.pk}


# --- Filters ----------------------------------------------------------------------------------


def test_mine_and_nobodys(alice: User, bob: User) -> None:
    ContactFactory(name="De Alice", responsible_user=alice)
    ContactFactory(name="De Bob", responsible_user=bob)
    ContactFactory(name="De nadie")
    client = at_desk(alice)
    mine = text_of(client.get(list_of(Contact), {"a_cargo": "yo"}))
    assert ("De Alice" in mine, "De Bob" in mine, "De nadie" in mine) == (True, False, False)
    nobodys = text_of(client.get(list_of(Contact), {"a_cargo": "nadie"}))
    assert ("De Alice" in nobodys, "De nadie" in nobodys) == (False, True)


@pytest.mark.sqlite
@pytest.mark.parametrize(("day", "found"), [("2026-03-01", 1), ("01/03/2026", 1), ("2026-03-02", 0), ("mañana", 1)])
def test_a_day_begins_and_ends_in_the_teams_time_zone(alice: User, day: str, found: int) -> None:
    # 2 March 03:00 UTC is still 1 March in Lima.
    CallFactory(started_at="2026-03-02T03:00:00Z")
    response = at_desk(alice).get(list_of(Call), {"started_at_from": day, "started_at_to": day})
    assert response.context["cl"].result_count == found


@pytest.mark.parametrize(
    "query",
    [
        {"responsible_user__id__exact": "esto-no-es-un-id"},
        {"status__exact": "nada"},
        {"created_at_from": "99/99/9999"},
        {"created_at_to": "31/12/9999"},
        {"a_cargo": "otro"},
        {"p": "9999"},
        {"p": "x"},
        {"o": "7.-9"},
        {"q": "\x00'\"%_\\"},
        {"nada": "1"},
    ],
)
def test_an_odd_address_never_breaks_a_list(alice: User, query: dict[str, str]) -> None:
    ContactFactory()
    response = at_desk(alice).get(list_of(Contact), query, follow=True)
    assert response.status_code == 200


def test_in_an_installation_with_own_scope_agents_see_only_their_people(bob: User, settings: Any) -> None:
    settings.CRM_AGENT_SCOPE = "own"
    mine = ContactFactory(name="Propia Ramos", responsible_user=bob)
    other = ContactFactory(name="Ajena Ramos")
    CallFactory(contact=mine, call_result="propia")
    CallFactory(contact=other, call_result="ajena")
    OpportunityFactory(contact=other)
    client = at_desk(bob)
    contacts = text_of(client.get(list_of(Contact)))
    assert "Propia Ramos" in contacts
    assert "Ajena Ramos" not in contacts
    assert client.get(list_of(Call)).context["cl"].result_count == 1
    assert client.get(list_of(Opportunity)).context["cl"].result_count == 0
