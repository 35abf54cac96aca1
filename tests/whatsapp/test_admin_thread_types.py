"""Every type of message is readable, and what a stranger sends is never markup."""

from typing import Any

import pytest
from django.urls import reverse

from crm.models import User
from tests.staff_pages import at_desk, page_of
from tests.whatsapp.rows import said
from tests.whatsapp.thread_page import bubble_of, shown
from whatsapp.choices import MediaState
from whatsapp.models import Media, Thread

PRODUCT = {"product_retailer_id": "A1", "quantity": 2, "item_price": 30, "currency": "PEN"}
TYPES: list[tuple[str, dict[str, Any], list[str]]] = [
    ("text", {"text": {"body": "Buenas tardes"}}, ["Buenas tardes"]),
    ("image", {"image": {"id": "1", "caption": "Mi voucher"}}, ["Mi voucher"]),
    (
        "location",
        {"location": {"latitude": -12.05, "longitude": -77.04, "name": "Sala Lince", "address": "Av. Arequipa 1"}},
        ["Ubicación", "Sala Lince, Av. Arequipa 1", "Ver en el mapa (-12.05000, -77.04000)"],
    ),
    ("location", {"location": {"latitude": "?", "longitude": None}}, ["La ubicación no trae coordenadas."]),
    (
        "contacts",
        {
            "contacts": [
                {
                    "name": {"formatted_name": "Lucía Gómez"},
                    "phones": [{"phone": "+51 911 111 111"}],
                    "emails": [{"email": "lucia@ejemplo.test"}],
                    "org": {"company": "Norte"},
                }
            ]
        },
        ["Contacto compartido", "Lucía Gómez", "+51 911 111 111", "lucia@ejemplo.test", "Norte"],
    ),
    ("contacts", {"contacts": [{"origin": "contact_request", "phones": ["?"]}]}, ["Compartió su propio número"]),
    ("contacts", {"contacts": "nada"}, ["La tarjeta no trae datos."]),
    (
        "interactive",
        {"interactive": {"type": "button_reply", "button_reply": {"id": "1", "title": "Confirmar"}}},
        ["Eligió un botón", "Confirmar"],
    ),
    (
        "interactive",
        {"interactive": {"type": "list_reply", "list_reply": {"title": "Turno tarde", "description": "De 2 a 6"}}},
        ["Eligió de la lista", "Turno tarde", "De 2 a 6"],
    ),
    (
        "interactive",
        {"interactive": {"type": "nfm_reply", "nfm_reply": {"response_json": '{"distrito":"Lince","flow_token":"x"}'}}},
        ["Llenó un formulario", "distrito:", "Lince"],
    ),
    ("interactive", {"interactive": {"type": "nfm_reply", "nfm_reply": {"response_json": "{mal"}}}, ["{mal"]),
    ("button", {"button": {"text": "Quiero una cita", "payload": "x"}}, ["Pulsó un botón", "Quiero una cita"]),
    (
        "order",
        {"order": {"text": "Para hoy", "product_items": [PRODUCT]}},
        ["Pedido del catálogo", "2 × A1, a PEN 30 cada uno", "Para hoy"],
    ),
    ("unsupported", {"errors": [{"code": 131051}]}, ["WhatsApp no entrega a los sistemas"]),
    ("hologram", {"hologram": {"depth": 3}}, ["Mensaje de un tipo que aún no se muestra: «hologram»."]),
    ("system", {"system": {"type": "user_changed_number", "wa_id": "51911"}}, ["ahora escribe desde +51911."]),
    ("request_welcome", {}, ["Abrió el chat por primera vez."]),
    ("image", {"image": "no es un objeto"}, ["El archivo no llegó con el mensaje."]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "content", "told"), TYPES)
def test_every_type_of_message_is_readable(
    alice: User, thread: Thread, kind: str, content: dict[str, Any], told: list[str]
) -> None:
    body = content.get("text", {}).get("body") if kind == "text" else f"[{kind}]"
    said(thread, body, message_type=kind, content={"type": kind, **content})
    page = shown(at_desk(alice), thread)
    for words in told:
        assert words in page, words


def test_what_a_stranger_writes_is_text_and_never_markup(alice: User, thread: Thread) -> None:
    said(thread, "<script>alert(1)</script> mire https://ejemplo.test/a?b=1 y javascript:alert(2)")
    page = at_desk(alice).get(page_of(thread)).content.decode()
    assert "<script>alert(1)" not in page
    assert 'href="https://ejemplo.test/a?b=1" rel="nofollow"' in page
    assert 'href="javascript' not in page


def test_an_address_that_runs_code_is_no_link(thread: Thread) -> None:
    content = {"location": {"latitude": 1, "longitude": 1, "url": "javascript:alert(1)"}}
    message = said(thread, "x", message_type="location", content=content)
    assert all("javascript" not in line.href for line in bubble_of(thread, message).lines)


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (MediaState.PENDING, "Por descargar…"),
        (MediaState.FETCHING, "Descargándose…"),
        (MediaState.FAILED, "No se pudo descargar: Meta no respondió"),
        (MediaState.REFUSED, "No se guardó: Meta no respondió"),
    ],
)
def test_a_file_that_is_not_there_says_why(alice: User, thread: Thread, state: str, told: str) -> None:
    message = said(thread, "[Imagen]", message_type="image", content={"image": {"id": "1"}})
    Media.objects.create(message=message, media_id="1", kind="image", state=state, error="Meta no respondió")
    assert told.replace("Descargándose", "Descargando") in shown(at_desk(alice), thread)


@pytest.mark.parametrize(
    ("kind", "tag"), [("image", "<img"), ("video", "<video"), ("audio", "<audio"), ("document", "contrato.pdf</a>")]
)
def test_a_stored_file_is_shown_or_linked(alice: User, thread: Thread, kind: str, tag: str) -> None:
    message = said(thread, "[x]", message_type=kind, content={kind: {"id": "1"}})
    media = Media.objects.create(
        message=message, media_id="1", kind=kind, state=MediaState.STORED, filename="contrato.pdf", size=2048
    )
    page = at_desk(alice).get(page_of(thread)).content.decode()
    assert tag in page
    assert reverse("admin:whatsapp_media_file", args=[media.pk]) in page
