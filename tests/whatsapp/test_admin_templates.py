"""The staff pages of templates: how they look, whether they may be used, and brought up to date with one click."""

from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from crm.exceptions import Refusal
from crm.models import User
from tests.staff_pages import at_desk, list_of, messages_of, page_of, text_of
from whatsapp import templating
from whatsapp.graph import GraphError
from whatsapp.models import Template

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

LIST = list_of(Template)
SYNCHRONISE = reverse("admin:whatsapp_template_synchronise")


@pytest.fixture
def template() -> Template:
    return Template.objects.create(
        name="recordatorio_cita",
        language="es",
        category="UTILITY",
        status="APPROVED",
        quality="GREEN",
        components=[
            {"type": "HEADER", "format": "TEXT", "text": "Su cita"},
            {"type": "BODY", "text": "Hola, {{1}}. Le esperamos {{2}}."},
            {"type": "FOOTER", "text": "Puente"},
            {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Confirmo"}]},
        ],
    )


def test_the_list_tells_what_may_be_used(bob: User, template: Template) -> None:
    seen = text_of(at_desk(bob).get(LIST))
    for words in ("recordatorio_cita", "Servicio", "Aprobada", "Alta", "Hola, {{1}}. Le esperamos {{2}}."):
        assert words in seen


def test_what_meta_refused_when_it_was_used_is_out_of_use(bob: User, template: Template) -> None:
    Template.objects.update(blocked_at=timezone.now())
    assert "Fuera de uso" in text_of(at_desk(bob).get(LIST))


def test_the_page_shows_the_template_as_the_person_sees_it(bob: User, template: Template) -> None:
    response = at_desk(bob).get(page_of(template))
    seen = text_of(response)
    for words in ("Su cita", "{{1}}", "Puente", "Confirmo"):
        assert words in seen
    assert b"<mark>{{1}}</mark>" in response.content


@pytest.mark.parametrize(
    "components",
    [
        [],
        ["texto"],
        [{"type": "BODY"}],
        [{"type": "BUTTONS", "buttons": None}],
        [{"type": "HEADER", "format": "IMAGE"}],
    ],
)
def test_components_of_any_shape_are_shown(bob: User, components: list[Any]) -> None:
    template = Template.objects.create(name="rara", language="es", components=components)
    client = at_desk(bob)
    assert client.get(LIST).status_code == 200
    assert client.get(page_of(template)).status_code == 200


def test_it_is_found_by_its_name(bob: User, template: Template) -> None:
    Template.objects.create(name="bienvenida", language="es")
    found = at_desk(bob).get(LIST, {"q": "CITA"}).context["cl"].result_list
    assert [row.name for row in found] == ["recordatorio_cita"]


def test_the_office_synchronises_with_one_click(laura: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templating, "synchronise", lambda: templating.Report(added=2, changed=1, gone=0, total=7))
    response = at_desk(laura).get(SYNCHRONISE, follow=True)
    assert messages_of(response) == ["Plantillas al día: 7 en Meta (nuevas 2, cambiadas 1, retiradas 0)."]


@pytest.mark.parametrize("error", [Refusal("Falta la cuenta de WhatsApp."), GraphError("Meta no respondió a tiempo.")])
def test_what_keeps_it_from_synchronising_is_said(
    laura: User, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(templating, "synchronise", fail)
    (said,) = messages_of(at_desk(laura).get(SYNCHRONISE, follow=True))
    assert said in ("Falta la cuenta de WhatsApp.", "Meta no respondió a tiempo.")


def test_agents_do_not_synchronise_and_nobody_writes_here(bob: User, alice: User, template: Template) -> None:
    assert at_desk(bob).get(SYNCHRONISE).status_code in (403, 404)
    assert at_desk(alice).post(page_of(template), {"name": "otra"}).status_code == 403
