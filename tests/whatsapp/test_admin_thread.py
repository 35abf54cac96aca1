"""The page of a thread: every kind of message readable, honest about what arrived, and all that a person can do."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from crm.models import Lead, Task, User
from opportunities.models import Opportunity
from tests.factories import ContactFactory
from tests.staff_pages import at_desk, messages_of, page_of, text_of
from tests.whatsapp.rows import answered, minutes_ago, said, thread_with
from whatsapp.bubbles import Bubble, bubbles_of
from whatsapp.choices import Author, LinkRule, LinkState, MediaState, MessageStatus, Silence
from whatsapp.following import nudge_key
from whatsapp.linking import link
from whatsapp.models import Media, Message, Template, Thread, ThreadLink

BACKGROUND = {"HTTP_HX_REQUEST": "true"}


def act(client: Any, thread: Thread, name: str, /, *, background: bool = False, **typed: Any) -> Any:
    url = reverse("admin:whatsapp_thread_act", args=[thread.pk, name])
    return client.post(url, typed, **(BACKGROUND if background else {}))


def part(client: Any, thread: Thread, name: str, **query: Any) -> Any:
    return client.get(reverse("admin:whatsapp_thread_part", args=[thread.pk, name]), query)


def shown(client: Any, thread: Thread, **query: Any) -> str:
    return text_of(client.get(page_of(thread), query))


def bubble_of(thread: Thread, message: Message) -> Bubble:
    [bubble] = bubbles_of(thread, [message])
    return bubble


# --- Every type is readable ---------------------------------------------------------------------------

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


# --- What hangs on a message --------------------------------------------------------------------------


def test_the_newest_reaction_of_each_side_stands_on_its_message(thread: Thread) -> None:
    message = said(thread, "Gracias")

    def react(emoji: str | None, minutes: float, **fields: Any) -> None:
        content = {"reaction": {"message_id": message.message_id, **({"emoji": emoji} if emoji else {})}}
        make = answered if fields.pop("ours", False) else said
        make(thread, emoji, message_type="reaction", about=message.message_id, content=content, at=minutes_ago(minutes))

    react("👍", 5)
    react("❤️", 4)
    react("🙏", 3, ours=True)
    assert dict(bubble_of(thread, message).reactions) == {"❤️": thread.title, "🙏": "Nosotros"}
    react(None, 2)
    assert dict(bubble_of(thread, message).reactions) == {"🙏": "Nosotros"}
    rows = list(Message.objects.filter(thread=thread).order_by("timestamp"))
    assert [bubble.message.message_type for bubble in bubbles_of(thread, rows)] == ["text", "text"]


def test_a_reaction_to_a_message_that_never_came_is_told_in_a_line(alice: User, thread: Thread) -> None:
    content = {"reaction": {"message_id": "wamid.NADIE", "emoji": "👍"}}
    said(thread, "👍", message_type="reaction", about="wamid.NADIE", content=content)
    assert "Luz Vega reaccionó con 👍 a un mensaje que no está aquí." in shown(at_desk(alice), thread)


def test_an_edited_message_keeps_its_first_words_behind_a_disclosure(alice: User, thread: Thread) -> None:
    said(thread, "A las cinco", content={"text": {"body": "A las seis"}}, edited_at=timezone.now())
    page = shown(at_desk(alice), thread)
    assert "editado" in page
    assert page.index("A las cinco") < page.index("Ver el texto original") < page.index("A las seis")


def test_a_deleted_message_says_so_and_staff_can_still_read_it(alice: User, thread: Thread) -> None:
    said(thread, "Mi clave es 1234", content={"text": {"body": "Mi clave es 1234"}}, deleted_at=timezone.now())
    page = shown(at_desk(alice), thread)
    assert "Mensaje eliminado por quien lo escribió" in page
    assert page.index("Ver lo que decía") < page.index("Mi clave es 1234")


def test_a_quoted_message_is_previewed_with_a_link_to_it(alice: User, thread: Thread) -> None:
    ours = answered(thread, "¿A qué hora viene?", sent_by=alice)
    said(thread, "A las cinco", about=ours.message_id, content={"text": {"body": "A las cinco"}})
    page = at_desk(alice).get(page_of(thread)).content.decode()
    assert f'class="wa-quote" href="#m{ours.pk}"' in page
    assert "<strong>Alice Torres</strong>" in page


def test_an_advertisement_and_a_forwarded_message_say_so(alice: User, thread: Thread) -> None:
    referral = {"headline": "Casas en Lince", "source_url": "https://fb.ejemplo.test/1"}
    said(thread, "Info", content={"text": {"body": "Info"}, "referral": referral, "context": {"forwarded": True}})
    page = shown(at_desk(alice), thread)
    for told in ("Llegó desde un anuncio", "Casas en Lince", "Reenviado"):
        assert told in page


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (MessageStatus.QUEUED, "En cola"),
        (MessageStatus.ACCEPTED, "Aceptado por WhatsApp"),
        (MessageStatus.SENT, "Enviado"),
        (MessageStatus.DELIVERED, "Entregado"),
        (MessageStatus.READ, "Leído"),
        (MessageStatus.UNCERTAIN, "No se sabe si salió"),
        (MessageStatus.WITHDRAWN, "Retirado, no salió"),
    ],
)
def test_how_far_a_message_got_is_told_honestly(alice: User, thread: Thread, status: str, told: str) -> None:
    answered(thread, "Buenas", status=status)
    assert told in shown(at_desk(alice), thread)


def test_a_message_that_was_read_was_delivered_too_whatever_meta_left_out(thread: Thread) -> None:
    message = answered(thread, status=MessageStatus.READ, read_at=timezone.now())
    assert "Entregado (se deduce de la lectura)" in dict(bubble_of(thread, message).times)


def test_a_refusal_of_meta_is_told_in_spanish_with_the_next_step(alice: User, thread: Thread) -> None:
    answered(thread, status=MessageStatus.FAILED, error_code=131026, error="Message undeliverable")
    page = shown(at_desk(alice), thread)
    assert "WhatsApp dice (131026): Message undeliverable" in page
    assert "Enviar otra vez" in page


def test_who_wrote_is_named(alice: User, thread: Thread) -> None:
    answered(thread, "Soy el bot", author=Author.BOT)
    answered(thread, "Soy Alice", author=Author.USER, sent_by=alice)
    answered(thread, "Desde el celular", author=Author.PHONE)
    page = shown(at_desk(alice), thread)
    for who in ("Bot", "Alice Torres", "Desde el teléfono", "Luz Vega"):
        assert who in page.splitlines()


def test_a_message_that_came_late_says_when_it_came(thread: Thread) -> None:
    message = said(thread, "Hola", at=minutes_ago(60))
    assert [name for name, _ in bubble_of(thread, message).times] == ["Escrito", "Llegó al CRM"]


# --- Pages and news -----------------------------------------------------------------------------------


def test_the_newest_stand_at_the_bottom_and_older_ones_come_by_pages(alice: User, thread: Thread) -> None:
    for number in range(100):
        said(thread, f"Mensaje {number:03}", at=minutes_ago(2000 - number))
    client = at_desk(alice)
    page = client.get(page_of(thread))
    newest = [line for line in text_of(page).splitlines() if line.startswith("Mensaje ")]
    assert newest == [f"Mensaje {number:03}" for number in range(61, 100)]
    assert page.content.decode().count("wa-item--day") >= 1
    seen, oldest = list(newest), page.context["older_than"]
    while oldest is not None:
        answer = part(client, thread, "anteriores", antes=oldest.pk)
        seen = [line for line in text_of(answer).splitlines() if line.startswith("Mensaje ")] + seen
        oldest = answer.context["older_than"]
    assert seen == [f"Mensaje {number:03}" for number in range(100)]


def test_older_messages_can_be_turned_to_without_scripts(alice: User, thread: Thread) -> None:
    first = said(thread, "El primero", at=minutes_ago(90))
    second = said(thread, "El segundo", at=minutes_ago(80))
    page = shown(at_desk(alice), thread, antes=second.pk)
    assert first.body in page
    assert "El segundo" not in page
    assert "Volver a lo más reciente" in page


def test_a_message_of_another_thread_opens_no_page(alice: User, thread: Thread) -> None:
    stranger = said(thread_with("51911111111"))
    assert part(at_desk(alice), thread, "anteriores", antes=stranger.pk).status_code == 404
    assert part(at_desk(alice), thread, "anteriores", antes="9" * 30).status_code == 404
    assert part(at_desk(alice), thread, "otra-cosa").status_code == 404


def test_a_long_thread_costs_as_many_queries_as_a_short_one(alice: User, thread: Thread) -> None:
    client = at_desk(alice)

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            client.get(page_of(thread))
        return len(seen)

    answered(thread, sent_by=alice)
    said(thread, about="wamid.NADIE")
    queries()
    few = queries()
    for number in range(60):
        message = said(thread, f"Uno {number}", about="wamid.HOLA")
        said(thread, "👍", message_type="reaction", about=message.message_id, content={"reaction": {"emoji": "👍"}})
        answered(thread, f"Dos {number}", sent_by=alice)
    client.get(page_of(thread))
    assert queries() == few


def test_nothing_new_is_nothing_sent(alice: User, thread: Thread) -> None:
    client = at_desk(alice)
    token = client.get(page_of(thread)).context["token"]
    assert part(client, thread, "novedades", token=token).status_code == 204
    with CaptureQueriesContext(connection) as seen:
        part(client, thread, "novedades", token=token)
    assert len(seen) <= 4  # session, person, thread, messages


def test_a_new_message_a_tick_and_a_file_are_news(alice: User, thread: Thread) -> None:
    client = at_desk(alice)

    def token() -> str:
        return str(part(client, thread, "novedades").context["token"])

    before = token()
    ours = answered(thread, "Ya le confirmo", status=MessageStatus.QUEUED)
    assert token() != before
    before = token()
    Message.objects.filter(pk=ours.pk).advance(MessageStatus.READ, read_at=timezone.now())
    news = part(client, thread, "novedades", token=before)
    assert "Leído" in text_of(news)
    before = token()
    message = said(thread, "[Imagen]", message_type="image", content={"image": {"id": "1"}})
    media = Media.objects.create(message=message, media_id="1", kind="image")
    assert token() != before
    before = token()
    Media.objects.filter(pk=media.pk).update(state=MediaState.FAILED)
    assert part(client, thread, "novedades", token=before).status_code == 200


def test_what_did_not_change_keeps_its_version(alice: User, thread: Thread) -> None:
    client = at_desk(alice)
    [first] = [item for item in client.get(page_of(thread)).context["items"] if item["side"] == "in"]
    answered(thread, "Otra cosa")
    again = [item for item in part(client, thread, "novedades").context["items"] if item["anchor"] == first["anchor"]]
    assert again[0]["version"] == first["version"]


def test_a_thread_that_was_united_leads_to_the_other(alice: User, thread: Thread) -> None:
    old = thread_with("51911111111")
    old.change(merged_into=thread)
    client = at_desk(alice)
    assert client.get(page_of(old)).url == page_of(thread)
    assert part(client, old, "novedades").headers["HX-Redirect"] == page_of(thread)
    act(client, old, "enviar", texto="Buenas")
    assert Message.objects.outbound().get().thread == thread


def test_opening_the_page_is_seeing_it_and_meta_is_not_told(alice: User, thread: Thread) -> None:
    assert thread.unread == 1
    at_desk(alice).get(page_of(thread))
    thread.refresh_from_db()
    assert thread.unread == 0
    assert thread.seen_at is not None
    assert not thread.is_bot_silent


# --- Writing ------------------------------------------------------------------------------------------


@pytest.mark.sqlite
def test_a_text_is_queued_and_the_bot_falls_silent(alice: User, thread: Thread) -> None:
    answer = act(at_desk(alice), thread, "enviar", texto="  Buenas tardes\r\n¿En qué le ayudo?  ", clave=uuid4())
    assert answer.url == f"{page_of(thread)}#fin"
    message = Message.objects.outbound().get()
    assert message.body == "Buenas tardes\n¿En qué le ayudo?"
    assert (message.sent_by, message.author, message.status) == (alice, Author.USER, MessageStatus.QUEUED)
    thread.refresh_from_db()
    assert thread.is_bot_silent
    assert thread.unanswered_since is None


def test_a_double_click_sends_once(alice: User, thread: Thread) -> None:
    client, key = at_desk(alice), uuid4()
    for _ in range(3):
        assert act(client, thread, "enviar", background=True, texto="Buenas", clave=key).status_code == 200
    assert Message.objects.outbound().count() == 1


def test_a_key_that_was_used_for_other_words_is_refused_with_a_fresh_one(alice: User, thread: Thread) -> None:
    client, key = at_desk(alice), uuid4()
    act(client, thread, "enviar", background=True, texto="Buenas", clave=key)
    answer = act(client, thread, "enviar", background=True, texto="Otra cosa", clave=key)
    assert answer.status_code == 409
    assert "ya se había enviado con otro texto" in text_of(answer)
    assert answer.context["key"] != key
    assert Message.objects.outbound().count() == 1


def test_in_the_background_the_new_bubble_comes_back(alice: User, thread: Thread) -> None:
    answer = act(at_desk(alice), thread, "enviar", background=True, texto="Buenas", clave=uuid4())
    page = answer.content.decode()
    assert 'data-sent="true"' in page
    assert "Buenas" in page
    assert "<html" not in page


@pytest.mark.parametrize(("typed", "told"), [("", "Escriba el mensaje."), ("a" * 4097, "4097 caracteres")])
def test_what_cannot_be_sent_is_refused_with_a_sentence(alice: User, thread: Thread, typed: str, told: str) -> None:
    client = at_desk(alice)
    answer = act(client, thread, "enviar", background=True, texto=typed)
    assert answer.status_code == 400
    assert told in text_of(answer)
    assert told in " ".join(messages_of(client.get(act(client, thread, "enviar", texto=typed).url)))
    assert not Message.objects.outbound().exists()


def test_a_quote_goes_with_the_answer(alice: User, thread: Thread) -> None:
    quoted = Message.objects.get(message_id="wamid.HOLA")
    act(at_desk(alice), thread, "enviar", texto="Sí", mensaje=quoted.pk)
    assert Message.objects.outbound().get().about == "wamid.HOLA"


def test_after_24_hours_only_a_template_can_be_sent(alice: User, thread: Thread) -> None:
    thread.change(last_inbound_at=timezone.now() - timedelta(hours=25))
    client = at_desk(alice)
    page = client.get(page_of(thread))
    assert "Pasaron más de 24 horas" in text_of(page)
    assert 'id="wa-text"' not in page.content.decode()
    assert "Ventana:\ncerrada" in text_of(page)
    answer = act(client, thread, "enviar", background=True, texto="Hola")
    assert answer.status_code == 400
    assert not Message.objects.outbound().exists()


def test_who_asked_for_no_messages_is_not_written_to(alice: User, thread: Thread) -> None:
    thread.change(opted_out_at=timezone.now())
    page = shown(at_desk(alice), thread)
    assert "pidió no recibir mensajes" in page
    assert "Enviar una plantilla" not in page
    assert act(at_desk(alice), thread, "enviar", background=True, texto="Hola").status_code == 409


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


@pytest.mark.parametrize("status", [MessageStatus.FAILED, MessageStatus.UNCERTAIN, MessageStatus.WITHDRAWN])
def test_what_did_not_arrive_is_sent_again_by_hand_as_a_new_row(alice: User, thread: Thread, status: str) -> None:
    old = answered(thread, "Lo esperamos", status=status)
    client, key = at_desk(alice), uuid4()
    for _ in range(2):
        act(client, thread, "reenviar", mensaje=old.pk, clave=key)
    rows = list(Message.objects.outbound().order_by("id"))
    assert [row.body for row in rows] == ["Lo esperamos", "Lo esperamos"]
    assert [row.status for row in rows] == [status, MessageStatus.QUEUED]


def test_what_arrived_is_not_sent_again(alice: User, thread: Thread) -> None:
    sent = answered(thread, "Lo esperamos", status=MessageStatus.DELIVERED)
    assert act(at_desk(alice), thread, "reenviar", background=True, mensaje=sent.pk).status_code == 409
    assert Message.objects.outbound().count() == 1


# --- Who answers --------------------------------------------------------------------------------------


def test_taking_a_thread_silences_the_bot_and_says_until_when(alice: User, thread: Thread) -> None:
    client = at_desk(alice)
    assert "El bot responde en esta conversación." in shown(client, thread)
    act(client, thread, "tomar")
    thread.refresh_from_db()
    assert (thread.silence, thread.silenced_by, thread.assigned_to) == (Silence.TAKEN_OVER, alice, alice)
    assert "La atiende Alice Torres. Vuelve a responder en" in shown(client, thread)
    act(client, thread, "devolver")
    thread.refresh_from_db()
    assert not thread.is_bot_silent


def test_taking_a_thread_of_a_colleague_leaves_it_theirs(alice: User, bob: User, thread: Thread) -> None:
    thread.change(assigned_to=bob)
    act(at_desk(alice), thread, "tomar")
    thread.refresh_from_db()
    assert (thread.silenced_by, thread.assigned_to) == (alice, bob)


def test_the_bot_can_be_switched_off_in_one_thread(alice: User, thread: Thread) -> None:
    act(at_desk(alice), thread, "apagar-bot")
    thread.refresh_from_db()
    assert (thread.silence, thread.silent_until) == (Silence.OFF, None)


def test_a_thread_is_given_to_somebody_and_to_nobody(alice: User, bob: User, oscar: User, thread: Thread) -> None:
    client = at_desk(alice)
    act(client, thread, "asignar", persona=bob.pk)
    thread.refresh_from_db()
    assert thread.assigned_to == bob
    assert act(client, thread, "asignar", background=True, persona=oscar.pk).status_code == 400
    assert act(client, thread, "asignar", background=True, persona="x").status_code == 400
    act(client, thread, "asignar", persona="")
    thread.refresh_from_db()
    assert thread.assigned_to is None


def test_who_gives_away_what_they_then_may_not_see_returns_to_the_inbox(
    settings: Any, bob: User, charlie: User, thread: Thread
) -> None:
    settings.CRM_AGENT_SCOPE = "own"
    thread.change(assigned_to=bob)
    answer = act(at_desk(bob), thread, "asignar", persona=charlie.pk)
    assert answer.url == reverse("admin:whatsapp_thread_changelist")


# --- Whose it is --------------------------------------------------------------------------------------


def test_candidates_are_shown_with_the_reason_and_linked_by_hand(alice: User, thread: Thread) -> None:
    rosa, ana = (ContactFactory(name=name, mobile="+51987654321") for name in ("Rosa Peña", "Ana Ríos"))
    thread.change(link_state=LinkState.SEVERAL)
    client = at_desk(alice)
    page = shown(client, thread)
    for told in ("Rosa Peña", "Ana Ríos", "Tiene este mismo número", "Varios candidatos"):
        assert told in page
    act(client, thread, "vincular", cliente=rosa.pk, motivo="Tiene este mismo número; elegido entre los candidatos.")
    thread.refresh_from_db()
    assert thread.contact == rosa
    page = shown(client, thread)
    for told in ("Vinculada a mano", "Tiene este mismo número; elegido", "Alice Torres", "Deshacer vínculo"):
        assert told in page
    act(client, thread, "desvincular")
    thread.refresh_from_db()
    assert thread.contact is None
    assert "deshecho el" in shown(client, thread)
    assert ana.whatsapp_threads.count() == 0


def test_any_contact_is_found_and_linked(alice: User, thread: Thread) -> None:
    rosa = ContactFactory(name="Rosa Peña")
    client = at_desk(alice)
    assert "Rosa Peña" in text_of(part(client, thread, "clientes", buscar="pena"))
    assert "Nadie coincide" in text_of(part(client, thread, "clientes", buscar="zzzz"))
    assert "Rosa Peña" in shown(client, thread, buscar="pena")
    act(client, thread, "vincular", cliente=rosa.pk)
    assert ThreadLink.objects.get().evidence == "Elegido a mano en la conversación."


def test_a_limited_agent_neither_finds_nor_links_somebody_elses_client(
    settings: Any, bob: User, charlie: User, thread: Thread
) -> None:
    settings.CRM_AGENT_SCOPE = "own"
    thread.change(assigned_to=bob)
    other = ContactFactory(name="Rosa Peña", mobile="+51987654321", responsible_user=charlie)
    client = at_desk(bob)
    assert "Rosa Peña" not in text_of(part(client, thread, "clientes", buscar="pena"))
    assert "Rosa Peña" not in shown(client, thread)
    assert act(client, thread, "vincular", background=True, cliente=other.pk).status_code == 404
    assert act(client, thread, "vincular", background=True, cliente="x").status_code == 404


def test_an_unknown_number_becomes_a_lead_with_one_click(alice: User, thread: Thread) -> None:
    client = at_desk(alice)
    for _ in range(2):
        act(client, thread, "lead")
    lead = Lead.objects.get()
    assert (lead.nombre, lead.celular) == ("Luz Vega", "+51987654321")
    thread.refresh_from_db()
    assert thread.contact == lead.contact
    assert ThreadLink.objects.get().rule == LinkRule.NEW_CONTACT


# --- What follows from a message ----------------------------------------------------------------------


def test_a_message_becomes_a_task_and_an_opportunity_once(alice: User, thread: Thread) -> None:
    link(thread, ContactFactory(name="Rosa Peña"), rule=LinkRule.BY_HAND, by=alice)
    message = said(thread, "Quiero visitar la casa")
    client = at_desk(alice)
    for _ in range(2):
        act(client, thread, "tarea", mensaje=message.pk, texto="Agendar la visita", fecha="2027-03-02")
        act(client, thread, "oportunidad", mensaje=message.pk)
    task = Task.objects.get()
    assert task.text == "Agendar la visita"
    assert task.complete_till is not None
    assert timezone.localtime(task.complete_till).strftime("%Y-%m-%d %H:%M") == "2027-03-02 18:00"
    assert Opportunity.objects.count() == 1
    assert "Tarea: Agendar la visita" in shown(client, thread)


@pytest.mark.parametrize("typed", ["mañana", "2027-02-31", "0001-01-01", "9999-12-31"])
def test_a_day_that_is_none_is_refused(alice: User, thread: Thread, typed: str) -> None:
    link(thread, ContactFactory(), rule=LinkRule.BY_HAND, by=alice)
    message = said(thread)
    answer = act(at_desk(alice), thread, "tarea", background=True, mensaje=message.pk, fecha=typed)
    assert answer.status_code == 400
    assert not Task.objects.exists()


def test_without_a_contact_nothing_can_follow_and_the_page_says_so(alice: User, thread: Thread) -> None:
    message = said(thread)
    answer = act(at_desk(alice), thread, "tarea", background=True, mensaje=message.pk)
    assert answer.status_code == 400
    assert "cree un lead primero" in text_of(answer)


def test_a_message_of_another_thread_is_none_of_this_one(alice: User, thread: Thread) -> None:
    other = said(thread_with("51911111111"))
    for name in ("tarea", "oportunidad", "reenviar"):
        assert act(at_desk(alice), thread, name, background=True, mensaje=other.pk).status_code == 404, name


# --- Doors --------------------------------------------------------------------------------------------


def test_acts_are_posted_and_known(alice: User, thread: Thread) -> None:
    client = at_desk(alice)
    assert client.get(reverse("admin:whatsapp_thread_act", args=[thread.pk, "tomar"])).status_code == 405
    assert act(client, thread, "borrar-todo").status_code == 404
    assert client.post(page_of(thread)).status_code == 405
    assert client.get(page_of(thread).replace(str(thread.pk), "9" * 25)).status_code == 404


def test_acts_are_protected_against_other_sites(alice: User, thread: Thread) -> None:
    client = at_desk(alice)
    client.handler.enforce_csrf_checks = True
    assert act(client, thread, "tomar").status_code == 403
    thread.refresh_from_db()
    assert not thread.is_bot_silent


def test_every_role_of_the_team_may_answer(bob: User, laura: User, thread: Thread) -> None:
    for person in (bob, laura):
        act(at_desk(person), thread, "enviar", texto=f"Soy {person.first_name}", clave=uuid4())
    assert Message.objects.outbound().count() == 2


# --- Answered elsewhere, and with a sign --------------------------------------------------------------


def test_who_was_answered_by_phone_waits_no_more_and_nothing_is_sent(alice: User, thread: Thread) -> None:
    assert "Respondida sin escribir" in shown(at_desk(alice), thread)
    answer = act(at_desk(alice), thread, "respondida", background=True)
    assert "ya nadie espera aquí" in text_of(answer)
    thread.refresh_from_db()
    assert thread.unanswered_since is None
    assert not Message.objects.outbound().exists()
    assert "Respondida sin escribir" not in shown(at_desk(alice), thread)


def test_what_was_written_before_is_answered_too_when_it_comes_late_and_what_comes_later_is_not(
    alice: User, thread: Thread
) -> None:
    act(at_desk(alice), thread, "respondida")
    said(thread, "Esto lo escribí antes", at=minutes_ago(3))
    thread.refresh_from_db()
    assert thread.unanswered_since is None
    late = said(thread, "¿Y entonces?", at=timezone.now() + timedelta(seconds=2))
    thread.refresh_from_db()
    assert thread.unanswered_since == late.timestamp


def test_the_task_about_somebody_unanswered_is_done_when_they_were_answered_elsewhere(
    alice: User, thread: Thread
) -> None:
    link(thread, ContactFactory(), rule=LinkRule.BY_HAND, by=alice, evidence="")
    task = Task.objects.create(
        contact=thread.contact,
        text="Responder en WhatsApp",
        task_type="follow_up",
        responsible_user=alice,
        complete_till=timezone.now(),
        planned_key=nudge_key(thread),
    )
    act(at_desk(alice), thread, "respondida")
    task.refresh_from_db()
    assert task.is_completed


def test_a_message_gets_a_reaction_another_one_and_none(alice: User, thread: Thread) -> None:
    message = Message.objects.get(message_id="wamid.HOLA")
    client = at_desk(alice)
    assert "Quitar la reacción" not in shown(client, thread)
    news = text_of(act(client, thread, "reaccionar", background=True, reaccion=f"{message.pk}:👍"))
    assert "de Nosotros" in news
    assert "Quitar la reacción" in news
    act(client, thread, "reaccionar", reaccion=f"{message.pk}:🙏")
    assert bubble_of(thread, message).reactions == (("🙏", "Nosotros"),)
    act(client, thread, "reaccionar", reaccion=f"{message.pk}:")
    assert bubble_of(thread, message).reactions == ()
    sent = [row.content["reaction"] for row in Message.objects.outbound().order_by("id")]
    assert sent == [{"message_id": "wamid.HOLA", "emoji": sign} for sign in ("👍", "🙏", "")]
    thread.refresh_from_db()
    assert thread.unanswered_since is not None


@pytest.mark.parametrize("typed", ["", ":👍", "x:👍", "{0}:hola", "{0}:<b>", "{1}:👍"])
def test_a_reaction_is_one_of_those_offered_to_a_message_of_the_person(alice: User, thread: Thread, typed: str) -> None:
    message, ours = Message.objects.get(message_id="wamid.HOLA"), answered(thread)
    typed = typed.format(message.pk, ours.pk)
    answer = act(at_desk(alice), thread, "reaccionar", background=True, reaccion=typed)
    assert answer.status_code in (400, 404)
    assert not Message.objects.filter(message_type="reaction").exists()


def test_nothing_is_offered_again_that_would_be_refused(alice: User, thread: Thread) -> None:
    answered(thread, "¿Pudo venir?", status=MessageStatus.FAILED, error_code=131026, error="Undeliverable")
    assert "Enviar otra vez" in shown(at_desk(alice), thread)
    thread.change(last_inbound_at=timezone.now() - timedelta(hours=25))
    assert "Enviar otra vez" not in shown(at_desk(alice), thread)


def test_a_second_task_or_opportunity_of_a_message_is_not_said_to_have_been_made(alice: User, thread: Thread) -> None:
    link(thread, ContactFactory(), rule=LinkRule.BY_HAND, by=alice, evidence="")
    message, client = Message.objects.get(message_id="wamid.HOLA"), at_desk(alice)
    for name, first, second in (
        ("tarea", "Tarea creada.", "Este mensaje ya tenía su tarea"),
        ("oportunidad", "Oportunidad creada.", "Este mensaje ya tenía su oportunidad"),
    ):
        assert first in text_of(act(client, thread, name, background=True, mensaje=message.pk))
        assert second in text_of(act(client, thread, name, background=True, mensaje=message.pk))
    assert Task.objects.count() == Opportunity.objects.count() == 1
    assert "Su último mensaje ya tiene" in shown(client, thread)
