"""A template sent from the page of a thread."""

from uuid import uuid4

import pytest

from crm.models import User
from tests.staff_pages import at_desk, text_of
from tests.whatsapp.thread_page import act, part, shown
from whatsapp.models import Message, Template, Thread


@pytest.fixture
def reminder(db: None) -> Template:
    return Template.objects.create(
        name="recordatorio",
        language="es",
        status="APPROVED",
        components=[
            {"type": "HEADER", "format": "TEXT", "text": "Su cita"},
            {
                "type": "BODY",
                "text": "Hola {{1}}, lo esperamos el {{2}}.",
                "example": {"body_text": [["Rosa", "lunes"]]},
            },
            {"type": "FOOTER", "text": "Puente"},
            {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Confirmar"}]},
        ],
    )


def test_a_template_is_picked_filled_in_previewed_and_sent(alice: User, thread: Thread, reminder: Template) -> None:
    thread.change(last_inbound_at=None)
    client = at_desk(alice)
    assert "recordatorio (es)" in shown(client, thread)
    chosen = part(client, thread, "plantilla", plantilla=reminder.pk)
    assert "Por ejemplo: lunes" in text_of(chosen)
    assert "Hola Luz, lo esperamos el [2]." in text_of(chosen)
    typed = {"valor-body-0": "Luz", "valor-body-1": "martes"}
    preview = part(client, thread, "plantilla", plantilla=reminder.pk, solo="vista", **typed)
    assert "Hola Luz, lo esperamos el martes." in text_of(preview)
    act(client, thread, "plantilla", plantilla=reminder.pk, clave=uuid4(), **typed)
    message = Message.objects.outbound().get()
    assert message.message_type == "template"
    assert "Hola Luz, lo esperamos el martes." in (message.body or "")
    assert "Plantilla · recordatorio" in shown(client, thread)


def test_a_template_with_an_empty_blank_is_refused(alice: User, thread: Thread, reminder: Template) -> None:
    answer = act(at_desk(alice), thread, "plantilla", background=True, plantilla=reminder.pk)
    assert answer.status_code == 400
    assert "Falta llenar: Dato 1, Dato 2." in text_of(answer)
    assert act(at_desk(alice), thread, "plantilla", background=True, plantilla="x").status_code == 400


def test_a_template_that_wants_a_picture_says_that_it_cannot_be_sent_from_here(alice: User, thread: Thread) -> None:
    template = Template.objects.create(
        name="foto", language="es", status="APPROVED", components=[{"type": "HEADER", "format": "IMAGE"}]
    )
    assert "desde aquí solo se llenan textos" in text_of(
        part(at_desk(alice), thread, "plantilla", plantilla=template.pk)
    )
