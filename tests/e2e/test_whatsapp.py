"""A conversation on the staff pages, in a real browser: read, answered and linked without reloading the page."""

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.urls import reverse
from django.utils import timezone

from crm.models import Lead, User
from tests.e2e.conftest import DESKTOP, PHONE, Desk
from tests.factories import ContactFactory
from tests.staff_pages import list_of, page_of
from tests.whatsapp.conftest import _whatsapp_settings as _whatsapp_settings
from tests.whatsapp.conftest import number as number
from tests.whatsapp.conftest import thread as thread
from tests.whatsapp.graph_server import a_graph_server
from tests.whatsapp.rows import answered, minutes_ago, said, thread_with
from whatsapp.choices import Author, LinkRule, LinkState, MediaState, MessageStatus
from whatsapp.linking import link
from whatsapp.models import Media, Message, Template, Thread

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

Sit = Callable[..., Desk]
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
DROP_A_FILE = """() => {
    const carried = new DataTransfer();
    carried.items.add(new File(["hola"], "nota.txt", { type: "text/plain" }));
    const drop = new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true });
    document.getElementById("wa-scroll").dispatchEvent(drop);
}"""
LONG = "María Fernanda Guadalupe de la Concepción Altamirano Valdivieso"


@pytest.fixture
def busy(thread: Thread, alice: User, settings: Any, tmp_path: Any) -> Thread:
    """A thread with something of everything."""
    settings.MEDIA_ROOT = tmp_path
    thread.change(profile_name=LONG)
    for day in range(45):
        said(thread, f"Consulta {day} https://ejemplo.test/{'largo' * 20}", at=minutes_ago(4000 - day))
    said(thread, "Buenas, ¿tienen citas esta semana?", at=minutes_ago(30))
    answered(thread, "¡Hola! Soy el asistente. Un momento.", author=Author.BOT, status=MessageStatus.READ,
             read_at=timezone.now(), at=minutes_ago(29))  # fmt: skip
    question = answered(
        thread, "Tenemos el lunes y el martes.", sent_by=alice, status=MessageStatus.DELIVERED, at=minutes_ago(20)
    )
    said(thread, "👍", message_type="reaction", about=question.message_id,
         content={"reaction": {"emoji": "👍"}}, at=minutes_ago(19))  # fmt: skip
    picture = said(thread, "[Imagen]", message_type="image", content={"image": {"id": "1"}}, at=minutes_ago(18))
    media = Media(message=picture, media_id="1", kind="image", state=MediaState.STORED, mime_type="image/png",
                  extension=".png", size=len(PIXEL), sha256="a1")  # fmt: skip
    media.file.save("x.png", ContentFile(PIXEL))
    said(thread, "Ubicación", message_type="location", at=minutes_ago(17),
         content={"location": {"latitude": -12.05, "longitude": -77.04, "name": "Sala Lince"}})  # fmt: skip
    answered(thread, "¿Le parece el lunes?", sent_by=alice, status=MessageStatus.FAILED, error_code=131026,
             error="Message undeliverable", at=minutes_ago(5))  # fmt: skip
    said(thread, "El lunes, por favor", about=question.message_id, at=minutes_ago(2))
    return thread


def test_a_message_is_answered_by_keyboard_without_reloading(desk: Sit, alice: User, thread: Thread) -> None:
    seat = desk(alice)
    seat.open(list_of(Thread))
    seat.page.locator("#result_list a:has(.wa-who)").first.press("Enter")
    seat.page.wait_for_selector("#wa-text")
    seat.page.evaluate("window.stayed = true")
    seat.page.wait_for_selector("#wa-text:focus")
    seat.page.keyboard.type("Buenas tardes")
    assert "13 de 4096" in seat.text
    seat.page.keyboard.press("Control+Enter")
    seat.page.wait_for_selector(".wa-bubble--out >> text=Buenas tardes")
    assert seat.page.input_value("#wa-text") == ""
    assert seat.page.evaluate("document.activeElement.id") == "wa-text"
    assert "Vuelve a responder en" in seat.text
    seat.page.keyboard.type("¿En qué le ayudo?")
    seat.page.keyboard.press("Control+Enter")
    seat.page.wait_for_selector(".wa-bubble--out >> text=¿En qué le ayudo?")
    assert seat.page.evaluate("window.stayed")
    assert [row.body for row in Message.objects.outbound().order_by("id")] == ["Buenas tardes", "¿En qué le ayudo?"]
    assert not seat.complaints


def test_a_file_is_dropped_named_taken_away_chosen_and_sent(
    desk: Sit, alice: User, thread: Thread, settings: Any, tmp_path: Any
) -> None:
    with a_graph_server(settings) as graph_api:
        settings.MEDIA_ROOT = tmp_path
        seat = desk(alice)
        seat.open(page_of(thread))
        seat.page.evaluate(DROP_A_FILE)
        seat.page.wait_for_selector("#wa-file-shown >> text=Se enviará: nota.txt")
        seat.page.click("text=Quitar el archivo")
        assert not seat.page.is_visible("#wa-file-shown")
        seat.page.set_input_files("#wa-file", {"name": "plano.png", "mimeType": "image/png", "buffer": PIXEL})
        seat.page.wait_for_selector("#wa-file-shown >> text=Se enviará: plano.png")
        seat.page.keyboard.type("El plano")
        seat.page.keyboard.press("Control+Enter")
        seat.page.wait_for_selector(".wa-bubble--out .wa-image")
        assert not seat.page.is_visible("#wa-file-shown")
        assert seat.page.input_value("#wa-text") == ""
        assert len(graph_api.asked) == 1
    assert Message.objects.outbound().get().body == "El plano"
    assert not seat.complaints


def test_a_reaction_stands_on_its_message_at_once(desk: Sit, alice: User, thread: Thread) -> None:
    seat = desk(alice)
    seat.open(page_of(thread))
    seat.page.locator(".wa-bubble--in .wa-more summary").press("Enter")
    seat.page.get_by_role("button", name="Reaccionar con 👍").press("Enter")
    seat.page.wait_for_selector(".wa-reactions >> text=👍")
    seat.page.click("text=Respondida sin escribir")
    seat.page.wait_for_selector("text=ya nadie espera aquí")
    assert not seat.complaints


def test_the_inbox_shows_who_writes_while_somebody_looks(desk: Sit, alice: User, thread: Thread) -> None:
    seat = desk(alice)
    seat.page.clock.install()
    seat.open(list_of(Thread))
    seat.page.wait_for_selector("#result_list >> text=Luz Vega")
    said(thread_with("51911111111", profile_name="Nora Paz"), "¿Hay alguien?")
    seat.page.clock.fast_forward(11_000)
    seat.page.wait_for_selector("#result_list tr:first-child >> text=Nora Paz")
    seat.page.locator("#result_list a:has(.wa-who)").first.click()
    seat.page.wait_for_selector("#wa-bubbles >> text=¿Hay alguien?")
    assert not seat.complaints


def test_an_impatient_double_click_sends_once(desk: Sit, alice: User, thread: Thread) -> None:
    seat = desk(alice)
    seat.open(page_of(thread))
    seat.page.fill("#wa-text", "Una vez")
    seat.page.dblclick(".wa-send")
    seat.page.wait_for_selector(".wa-bubble--out >> text=Una vez")
    seat.settle()
    assert Message.objects.outbound().count() == 1


def test_what_comes_in_and_what_is_read_appears_by_itself(desk: Sit, alice: User, thread: Thread) -> None:
    ours = answered(thread, "Ya le confirmo", sent_by=alice, status=MessageStatus.SENT)
    seat = desk(alice)
    seat.open(page_of(thread))
    seat.page.fill("#wa-text", "A medio escribir")
    said(thread, "¿Sigue ahí?")
    Message.objects.filter(pk=ours.pk).advance(MessageStatus.READ, read_at=timezone.now())
    seat.page.wait_for_selector(".wa-bubble--in >> text=¿Sigue ahí?")
    seat.page.wait_for_selector(f"#m{ours.pk} >> text=Leído")
    assert seat.page.input_value("#wa-text") == "A medio escribir"
    thread.refresh_from_db()
    assert thread.unread == 0
    assert not seat.complaints


def test_older_messages_come_above_and_the_place_is_kept(desk: Sit, alice: User, busy: Thread) -> None:
    seat = desk(alice)
    seat.open(page_of(busy))
    before = seat.page.locator(".wa-item--in").count()
    first = seat.page.locator(".wa-item--in").first
    seat.page.locator("[data-older]").press("Enter")
    seat.page.wait_for_selector("text=Consulta 0 ")
    assert seat.page.locator(".wa-item--in").count() > before
    assert first.is_visible()
    days = seat.page.locator(".wa-item--day").evaluate_all("all => all.map(one => one.id)")
    assert len(days) == len(set(days))
    assert not seat.complaints


def test_a_closed_window_offers_a_template_with_a_live_preview(desk: Sit, alice: User, thread: Thread) -> None:
    Template.objects.create(
        name="recordatorio",
        language="es",
        status="APPROVED",
        components=[{"type": "BODY", "text": "Hola {{1}}, lo esperamos el {{2}}."}],
    )
    thread.change(last_inbound_at=timezone.now() - timedelta(hours=30))
    seat = desk(alice)
    seat.open(page_of(thread))
    assert "Pasaron más de 24 horas" in seat.text
    seat.page.select_option("#wa-template-choice", label="recordatorio (es)")
    seat.page.wait_for_selector("#wa-picked input[name=valor-body-1]")
    seat.page.locator("#wa-picked input[name=valor-body-1]").press_sequentially("martes")
    seat.page.wait_for_selector("#wa-preview >> text=Hola Luz, lo esperamos el martes.")
    seat.page.click("text=Enviar la plantilla")
    seat.page.wait_for_selector("#wa-bubbles .wa-bubble--out >> text=lo esperamos el martes")
    assert not seat.complaints


def test_a_stranger_becomes_a_lead_and_a_found_client_in_place(desk: Sit, alice: User, thread: Thread) -> None:
    ContactFactory(name="Rosa Peña")
    seat = desk(alice)
    seat.open(page_of(thread))
    seat.page.click("text=Crear lead")
    seat.page.wait_for_selector("text=Lead «Luz Vega» listo.")
    assert Lead.objects.get().celular == "+51987654321"
    seat.page.wait_for_selector("text=Lead creado desde la conversación.")
    seat.page.click("text=Vincular a otra persona")
    seat.page.locator("input[name=buscar]").press_sequentially("pena", delay=20)
    seat.page.locator("#wa-found button:has-text('Vincular')").press("Enter")
    seat.page.wait_for_selector("text=Vinculada a Rosa Peña.")
    seat.page.click("text=Deshacer vínculo")
    seat.page.wait_for_selector("text=Vínculo deshecho.")
    thread.refresh_from_db()
    assert thread.contact is None or thread.contact.name == "Luz Vega"
    assert not seat.complaints


def test_a_refusal_keeps_what_was_typed(desk: Sit, alice: User, thread: Thread) -> None:
    seat = desk(alice)
    seat.open(page_of(thread))
    seat.page.fill("#wa-text", "Le escribo")
    thread.change(opted_out_at=timezone.now() + timedelta(minutes=1))
    seat.page.click(".wa-send")
    seat.page.wait_for_selector("#wa-said >> text=pidió no recibir mensajes")
    assert not Message.objects.outbound().exists()


def test_no_page_of_whatsapp_is_wider_than_its_window(desk: Sit, alice: User, busy: Thread) -> None:
    contact = ContactFactory(name=LONG)
    several = thread_with("51911111111", profile_name=LONG)
    for _ in range(2):
        ContactFactory(name=LONG, mobile="+51911111111")
    several.change(link_state=LinkState.SEVERAL, last_inbound_at=None)
    link(busy, contact, rule=LinkRule.BY_HAND, by=alice, evidence="Elegido a mano " * 10)
    seat = desk(alice, size=PHONE)
    base = list_of(Thread)
    for path in (
        base,
        f"{base}?q=nada",
        page_of(busy),
        page_of(several),
        page_of(contact),
        reverse("admin:whatsapp_thread_write"),
    ):
        seat.open(path)
        assert not seat.is_wider_than_its_window(DESKTOP, PHONE), path
    assert not seat.complaints
