"""What a person can do on the page of a thread: each act reads its form, and makes one call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, time
from uuid import UUID, uuid5

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.html import format_html
from django.utils.safestring import SafeString

from crm.api.base import as_id
from crm.display import change_url
from crm.exceptions import Conflict, NotFound, Refusal
from crm.ids import new_id
from crm.models import Contact, User
from opportunities.models import Opportunity
from whatsapp.admin import picking
from whatsapp.admin.attaching import attach, send_attached
from whatsapp.bubbles import bubbles_of
from whatsapp.choices import LinkRule, Silence
from whatsapp.following import make_lead, make_opportunity, make_task, opportunity_id, settle_nudge
from whatsapp.linking import link, undo_link
from whatsapp.models import Message, Thread, ThreadLink
from whatsapp.sending.composing import mark_read, send_reaction, send_template, send_text

END_OF_WORK = time(18)
# What the page offers to react with.
REACTIONS = ("👍", "❤️", "😂", "😮", "🙏", "✅")


@dataclass(frozen=True)
class Said:
    """What is told after an act: a sentence, perhaps with a link to what was made."""

    text: str = ""
    href: str = ""
    link: str = ""
    then: str = ""
    is_refusal: bool = False
    was_sent: bool = False

    @property
    def html(self) -> str | SafeString:
        if not self.href:
            return self.text
        return format_html('{} <a href="{}" class="puente-link">{}</a>', self.text, self.href, self.link)


@dataclass(frozen=True)
class Deed:
    """Who does something to which thread, with what was typed."""

    thread: Thread
    by: User
    typed: Mapping[str, str]
    files: Mapping[str, UploadedFile] = field(default_factory=dict)

    def text(self, name: str) -> str:
        return str(self.typed.get(name, "")).strip()

    @property
    def key(self) -> UUID:
        """What makes a double click one message; a form without it is one of its own."""
        try:
            return UUID(self.text("clave"))
        except ValueError:
            return new_id()

    def message(self) -> Message:
        """The message of this thread that the form is about."""
        typed = self.text("mensaje")
        found = None
        if typed.isdecimal() and len(typed) <= 18:
            found = Message.objects.filter(thread=self.thread, pk=int(typed)).select_related("media", "sent_by").first()
        if found is None:
            raise NotFound("Ese mensaje no es de esta conversación.")
        return found


# --- Writing ------------------------------------------------------------------------------------------


def send(deed: Deed) -> Said:
    quoting = deed.message().message_id or "" if deed.text("mensaje") else ""
    body = str(deed.typed.get("texto", "")).replace("\r\n", "\n").strip()
    key, file = deed.key, deed.files.get("archivo")
    attached = attach(file, thread=deed.thread, caption=body, quoting=quoting, key=key) if file is not None else None
    with transaction.atomic():
        is_first = deed.thread.silence != Silence.TAKEN_OVER or not deed.thread.is_bot_silent
        if attached is not None:
            send_attached(attached, thread=deed.thread, caption=body, by=deed.by, key=key)
        elif send_text(deed.thread, body, by=deed.by, quoting=quoting, key=key).body != body:
            raise Conflict("Ese mensaje ya se había enviado con otro texto. Revíselo arriba y envíe este otra vez.")
        if is_first and deed.thread.last_inbound_at:
            mark_read(deed.thread)
    return Said(was_sent=True)


def send_chosen_template(deed: Deed) -> Said:
    picked = picking.picked(deed.text("plantilla"), deed.typed)
    if picked is None:
        raise Refusal("Elija una plantilla aprobada.", code="plantilla_no_disponible")
    if picked.trouble:
        raise Refusal(picked.trouble, code="plantilla_no_disponible")
    missing = [blank.label for blank in picked.blanks if not blank.value]
    if missing:
        raise Refusal(f"Falta llenar: {', '.join(missing)}.", code="faltan_datos")
    send_template(deed.thread, picked.template, values=picked.values, by=deed.by, key=deed.key)
    return Said("Plantilla en cola.", was_sent=True)


def send_again(deed: Deed) -> Said:
    """A new row, with the words of one that failed or that nobody knows about; the old one stays as it is."""
    old = deed.message()
    if not any(bubble.may_be_sent_again for bubble in bubbles_of(deed.thread, [old])):
        raise Conflict("Este mensaje no se puede enviar otra vez desde aquí.")
    send_text(deed.thread, old.body or "", by=deed.by, key=uuid5(deed.key, f"again-{old.pk}"))
    return Said("Se envía otra vez, como mensaje nuevo.", was_sent=True)


def react(deed: Deed) -> Said:
    """`reaccion` is the message and the sign, so that one button says both; without a sign it is taken back."""
    message_id, _, sign = deed.text("reaccion").partition(":")
    if sign and sign not in REACTIONS:
        raise Refusal("Elija una de las reacciones que se ofrecen.", code="reaccion_invalida")
    message = replace(deed, typed={"mensaje": message_id}).message()
    if message.is_outbound or not message.is_bubble:
        raise Refusal("Solo se reacciona a lo que escribió la persona.", code="reaccion_invalida")
    send_reaction(deed.thread, message, sign, by=deed.by)
    return Said()


# --- Who answers --------------------------------------------------------------------------------------


def take(deed: Deed) -> Said:
    """The bot keeps quiet, the thread is mine unless it is somebody's, and the person sees that they were read."""
    with transaction.atomic():
        deed.thread.take_over(deed.by)
        if deed.thread.assigned_to_id is None:
            deed.thread.change(assigned_to=deed.by)
        mark_read(deed.thread)
    return Said("La conversación es suya: el bot no responderá mientras tanto.")


def hand_back(deed: Deed) -> Said:
    deed.thread.hand_back()
    return Said("El bot vuelve a responder en esta conversación.")


def switch_bot_off(deed: Deed) -> Said:
    deed.thread.take_over(deed.by, reason=Silence.OFF)
    return Said("El bot queda apagado en esta conversación hasta que alguien lo devuelva.")


def tell_read(deed: Deed) -> Said:
    mark_read(deed.thread)
    return Said("Marcada como leída: la persona verá las marcas azules.")


def settle(deed: Deed) -> Said:
    with transaction.atomic():
        deed.thread.settle()
        settle_nudge(deed.thread)
    return Said("Anotada como respondida: ya nadie espera aquí.")


def assign(deed: Deed) -> Said:
    chosen = deed.text("persona")
    if not chosen:
        deed.thread.change(assigned_to=None)
        return Said("La conversación ya no está asignada a nadie.")
    person = _somebody(chosen)
    deed.thread.change(assigned_to=person)
    return Said(f"Asignada a {person.name}.")


def _somebody(chosen: str) -> User:
    known = as_id(chosen)
    person = User.objects.responsible().filter(pk=known).first() if known else None
    if person is None:
        raise Refusal("Elija a una persona del equipo.", code="persona_invalida")
    return person


# --- Whose thread it is -------------------------------------------------------------------------------


def link_to_contact(deed: Deed) -> Said:
    known = as_id(deed.text("cliente"))
    contact = Contact.objects.present().visible_to(deed.by).filter(pk=known).first() if known else None
    if contact is None:
        raise NotFound("Ese cliente ya no está, o no es suyo.")
    reason = deed.text("motivo")[:200] or "Elegido a mano en la conversación."
    link(deed.thread, contact, rule=LinkRule.BY_HAND, by=deed.by, evidence=reason)
    return Said(f"Vinculada a {contact.name}.", change_url(contact), "Ver su ficha")


def unlink(deed: Deed) -> Said:
    standing = ThreadLink.objects.standing().filter(thread=deed.thread).first()
    if standing is None:
        raise Conflict("Esta conversación no está vinculada a nadie.")
    undo_link(standing, by=deed.by)
    return Said("Vínculo deshecho. Quedó anotado quién y cuándo.")


def open_lead(deed: Deed) -> Said:
    lead = make_lead(deed.thread, by=deed.by)
    return Said(f"Lead «{lead.name}» listo.", change_url(lead), "Abrirlo")


# --- What follows from a message ----------------------------------------------------------------------


def open_task(deed: Deed) -> Said:
    due = _end_of(deed.text("fecha")) if deed.text("fecha") else None
    person = _somebody(deed.text("persona")) if deed.text("persona") else None
    message = deed.message()
    was_there = message.ticket_id is not None
    task = make_task(message, by=deed.by, text=deed.text("texto")[:2_000], complete_till=due, responsible_user=person)
    told = "Este mensaje ya tenía su tarea: no se creó otra." if was_there else "Tarea creada."
    return Said(told, change_url(task), "Abrirla")


def _end_of(typed: str) -> datetime:
    try:
        day = parse_date(typed)
    except ValueError:
        day = None
    if day is None or not 2000 <= day.year <= 2200:
        raise Refusal("Escriba la fecha como AAAA-MM-DD.", code="fecha_invalida")
    return timezone.make_aware(datetime.combine(day, END_OF_WORK))


def open_opportunity(deed: Deed) -> Said:
    message = deed.message()
    was_there = Opportunity.objects.filter(pk=opportunity_id(message)).exists()
    opportunity = make_opportunity(message, by=deed.by, notes=deed.text("texto")[:2_000])
    told = "Este mensaje ya tenía su oportunidad: no se creó otra." if was_there else "Oportunidad creada."
    return Said(told, change_url(opportunity), "Abrirla")


ACTS: dict[str, Callable[[Deed], Said]] = {
    "enviar": send,
    "plantilla": send_chosen_template,
    "reenviar": send_again,
    "reaccionar": react,
    "tomar": take,
    "devolver": hand_back,
    "apagar-bot": switch_bot_off,
    "leida": tell_read,
    "respondida": settle,
    "asignar": assign,
    "vincular": link_to_contact,
    "desvincular": unlink,
    "lead": open_lead,
    "tarea": open_task,
    "oportunidad": open_opportunity,
}
