"""Numbers that nobody calls and days without calls, on the staff pages."""

from datetime import date
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from crm.models import AuditEntry, User
from jobs.choices import RefusalSource
from jobs.models import ClosedDay, DoNotCall
from tests.jobs.importing import lines
from tests.jobs.rows import an_account
from tests.staff_pages import add_to, at_desk, delete_page_of, errors_of, filled, list_of, messages_of, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def adding(user: User, **typed: Any) -> Any:
    client = at_desk(user)
    return client.post(add_to(DoNotCall), filled(client, add_to(DoNotCall), **typed))


@pytest.mark.parametrize("typed", ["+51 987 654 321", "987-654-321", "(51) 987654321"])
def test_a_number_is_read_however_it_is_written(bob: User, typed: str) -> None:
    assert adding(bob, number=typed, reason="Carta", account=an_account().pk).status_code == 302
    row = DoNotCall.objects.get()
    assert (row.number, row.reason, row.source, row.created_by) == ("+51987654321", "Carta", RefusalSource.STAFF, bob)
    assert AuditEntry.objects.get(action="do_not_call_added").details["number"] == "+51987654321"


def test_forms_say_what_an_empty_choice_means(laura: User) -> None:
    client = at_desk(laura)
    assert "Vacío: no se le llama por ninguna cuenta." in text_of(client.get(add_to(DoNotCall)))
    assert "Vacío: en todos los países." in text_of(client.get(add_to(ClosedDay)))


@pytest.mark.parametrize("typed", ["12", "no tiene", "+51 9"])
def test_what_is_no_number_is_refused_in_words(bob: User, typed: str) -> None:
    assert "Escriba el teléfono con su código de país" in errors_of(adding(bob, number=typed))
    assert not DoNotCall.objects.exists()


def test_a_number_is_on_the_list_once_in_all_and_once_in_an_account(bob: User) -> None:
    account = an_account()
    adding(bob, number="+51987654321")
    assert "ya está en la lista" in errors_of(adding(bob, number="51987654321"))
    assert adding(bob, number="+51987654321", account=account.pk).status_code == 302
    assert DoNotCall.objects.count() == 2


@pytest.mark.parametrize("typed", ["987 654 321", "+51987654321", "4321"])
def test_numbers_are_found(bob: User, typed: str) -> None:
    DoNotCall.objects.create(number="+51987654321", key="51987654321", source=RefusalSource.CALL)
    DoNotCall.objects.create(number="+51911222333", key="51911222333")
    seen = text_of(at_desk(bob).get(list_of(DoNotCall), {"q": typed}))
    assert "+51987654321" in seen
    assert "Lo pidió en una llamada" in seen
    assert "+51911222333" not in seen


def test_the_office_takes_a_number_off_and_it_is_on_record(laura: User, bob: User) -> None:
    row = DoNotCall.objects.create(number="+51987654321", key="51987654321", reason="Carta")
    assert at_desk(bob).post(delete_page_of(row), {"post": "yes"}).status_code == 403
    at_desk(laura).post(delete_page_of(row), {"post": "yes"})
    assert not DoNotCall.objects.exists()
    entry = AuditEntry.objects.get(action="do_not_call_removed")
    assert (entry.actor, entry.details["number"], entry.details["reason"]) == (laura, "+51987654321", "Carta")


def test_several_taken_off_at_once_are_each_on_record(alice: User) -> None:
    rows = [DoNotCall.objects.create(number=f"+5198765432{n}", key=f"5198765432{n}") for n in range(2)]
    sent = {"action": "delete_selected", "_selected_action": [row.pk for row in rows], "post": "yes"}
    at_desk(alice).post(list_of(DoNotCall), sent)
    assert AuditEntry.objects.filter(action="do_not_call_removed").count() == 2


def test_a_closed_day_is_added_once(laura: User, bob: User) -> None:
    client = at_desk(laura)
    sent = filled(client, add_to(ClosedDay), day="08/12/2026", name="Aniversario", country="PE")
    client.post(add_to(ClosedDay), sent)
    assert ClosedDay.objects.get().day == date(2026, 12, 8)
    assert "ya está en la lista" in errors_of(client.post(add_to(ClosedDay), sent))
    seen = text_of(client.get(list_of(ClosedDay)))
    assert "Martes 08/12/2026" in seen
    assert "Perú" in seen
    assert at_desk(bob).get(add_to(ClosedDay)).status_code == 403


# --- A whole file -----------------------------------------------------------------------------


def uploading(user: User, content: bytes, **typed: Any) -> Any:
    body = {"file": SimpleUploadedFile("registro.csv", content), "country": "PE", **typed}
    return at_desk(user).post(reverse("admin:jobs_donotcall_from_file"), body, follow=True)


def test_a_file_of_numbers_is_put_on_the_list_and_what_cannot_be_read_is_named(laura: User) -> None:
    account = an_account()
    content = lines("telefono", "987654321", "+51 987 654 322", "abc")
    seen = uploading(laura, content, account=account.pk, reason="Registro")
    assert messages_of(seen) == ["Añadidos: 2. Ya estaban: 0.", "Fila 4: «abc» no es un teléfono en uso."]
    rows = DoNotCall.objects.order_by("number")
    assert [(row.number, row.account, row.reason, row.source, row.created_by) for row in rows] == [
        (number, account, "Registro", RefusalSource.FILE, laura) for number in ("+51987654321", "+51987654322")
    ]
    assert AuditEntry.objects.get(action="do_not_call_file").details == {"file": "registro.csv", "added": 2, "known": 0}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "El archivo está vacío."),
        (lines("nombre", "Ana"), "Ninguna columna se reconoce como teléfono."),
        (b"%PDF-1.4\x00\x01\x02", "El archivo no se puede leer"),
    ],
)
def test_a_file_without_numbers_is_refused_in_words(laura: User, content: bytes, told: str) -> None:
    assert told in text_of(uploading(laura, content))
    assert not DoNotCall.objects.exists()


def test_the_way_to_a_file_and_back_is_a_link(laura: User) -> None:
    page = reverse("admin:jobs_donotcall_from_file")
    assert f'href="{page}"' in at_desk(laura).get(list_of(DoNotCall)).content.decode()
    assert f'href="{list_of(DoNotCall)}"' in at_desk(laura).get(page).content.decode()


def test_a_file_is_for_the_office(bob: User) -> None:
    assert uploading(bob, lines("telefono", "987654321")).status_code == 403
    assert not DoNotCall.objects.exists()
