"""Calls on the staff pages: the follow-up rule holds there too."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from calls.models import Call, CallType
from crm.models import Task, User
from tests.factories import CallFactory, CallTypeFactory, ContactFactory, LeadFactory
from tests.staff_pages import add_to, at_desk, delete_page_of, filled, list_of, page_of, text_of

SOUND = {"call_status": "no_answer"}
NEXT = {"proxima_llamada_fecha_0": "02/03/2027", "proxima_llamada_fecha_1": "10:00"}


@pytest.mark.sqlite
def test_a_call_with_a_next_date_plans_its_follow_up(bob: User) -> None:
    contact = ContactFactory()
    client = at_desk(bob)
    response = client.post(add_to(Call), filled(client, add_to(Call), contact=str(contact.pk), **SOUND, **NEXT))
    assert response.status_code == 302, text_of(response)
    call, task = Call.objects.get(), Task.objects.get()
    assert (call.created_by, call.responsible_user, call.direction) == (bob, bob, "outbound")
    assert (task.text, task.contact, task.responsible_user) == ("Llamada de seguimiento programada", contact, bob)
    assert task.complete_till == call.proxima_llamada_fecha


def test_a_changed_date_plans_another_and_the_same_date_none(bob: User) -> None:
    call = CallFactory(responsible_user=bob)
    client = at_desk(bob)
    client.post(page_of(call), filled(client, page_of(call), **NEXT))
    client.post(page_of(call), filled(client, page_of(call), comments="Otra nota"))
    assert Task.objects.count() == 1
    client.post(page_of(call), filled(client, page_of(call), proxima_llamada_fecha_0="05/03/2027"))
    assert Task.objects.count() == 2


def test_the_form_begins_with_a_call_of_ones_own_of_this_moment(bob: User) -> None:
    form = at_desk(bob).get(add_to(Call)).context["adminform"].form
    assert form["direction"].value() == "outbound"
    assert str(form["responsible_user"].value()) == str(bob.pk)
    assert timezone.now() - form["started_at"].initial < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"ended_at_0": "01/01/2020", "ended_at_1": "10:00"}, "no puede terminar antes de empezar"),
        ({"lead": "LEAD"}, "Indique un contacto o un lead, y solo uno"),
        ({"started_at_0": "mañana"}, "fecha válida"),
        ({"duration": "-3"}, "mayor o igual"),
        ({"record_url": "no es un enlace"}, "URL válida"),
        ({"call_type": "inexistente"}, "Escoja una opción válida"),
        ({"call_status": ""}, "requerido"),
    ],
)
def test_a_call_that_cannot_be_is_told_why(bob: User, typed: dict[str, str], told: str) -> None:
    lead = LeadFactory()
    typed = {name: str(lead.pk) if value == "LEAD" else value for name, value in typed.items()}
    client = at_desk(bob)
    sent = filled(client, add_to(Call), **{"contact": str(ContactFactory().pk), **SOUND, **typed})
    response = client.post(add_to(Call), sent)
    assert response.status_code == 200
    assert told in text_of(response)
    assert not Call.objects.exists()


def test_types_in_use_are_offered_and_the_present_one_stays(bob: User) -> None:
    old = CallTypeFactory(name="Antigua", is_active=False)
    call = CallFactory(call_type=old)
    client = at_desk(bob)
    assert "Antigua" not in text_of(client.get(add_to(Call)))
    response = client.post(page_of(call), filled(client, page_of(call), comments="Otra nota"))
    assert response.status_code == 302
    call.refresh_from_db()
    assert (call.call_type, call.comments) == (old, "Otra nota")


def test_whoever_filed_a_call_deletes_it_and_a_colleague_does_not(bob: User, charlie: User) -> None:
    call = CallFactory(created_by=bob)
    assert at_desk(charlie).post(delete_page_of(call), {"post": "yes"}).status_code == 403
    assert at_desk(bob).post(delete_page_of(call), {"post": "yes"}).status_code == 302
    assert not Call.objects.exists()


def test_a_call_names_its_moment_in_the_teams_time_zone(alice: User) -> None:
    call = CallFactory(started_at="2026-03-02T03:00:00Z")
    assert "Saliente, 01/03/2026 22:00" in text_of(at_desk(alice).get(page_of(call)))


# --- Types ------------------------------------------------------------------------------------


def test_a_types_code_is_chosen_once(alice: User) -> None:
    client = at_desk(alice)
    sent = filled(client, add_to(CallType), name="Cobranza", code="cobranza")
    assert client.post(add_to(CallType), sent).status_code == 302
    call_type = CallType.objects.get(code="cobranza")
    client.post(page_of(call_type), {**sent, "name": "Cobranzas", "code": "otro"})
    call_type.refresh_from_db()
    assert (call_type.name, call_type.code) == ("Cobranzas", "cobranza")


@pytest.mark.parametrize("code", ["Con Mayúsculas", "cobranza", ""])
def test_a_code_that_cannot_be_is_an_error_of_the_form(alice: User, code: str) -> None:
    CallTypeFactory(code="cobranza")
    client = at_desk(alice)
    before = CallType.objects.count()
    response = client.post(add_to(CallType), filled(client, add_to(CallType), name="Cobranza", code=code))
    assert response.status_code == 200
    assert response.context["adminform"].form.errors["code"]
    assert CallType.objects.count() == before


def test_agents_do_not_see_the_types_as_a_list(bob: User) -> None:
    assert at_desk(bob).get(list_of(CallType)).status_code == 403


def test_an_agent_of_own_scope_opens_no_call_of_others(bob: User, settings: Any) -> None:
    settings.CRM_AGENT_SCOPE = "own"
    call = CallFactory()
    assert at_desk(bob).get(page_of(call)).status_code == 302
