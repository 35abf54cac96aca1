"""What WhatsApp adds to a contact's page and to the first page."""

from collections.abc import Sequence

from crm.audit_words import name_acts
from crm.display import address, cell_of, moment, shortened
from crm.models import Contact, User
from crm.panels import (
    PANEL_ROWS,
    Block,
    Cell,
    ContactPanel,
    Figure,
    Row,
    add_contact_panel,
    add_to_first_page,
    counted,
)
from whatsapp.bubbles import TICKS, author_of
from whatsapp.choices import LinkState, MessageStatus
from whatsapp.models import BusinessNumber, Message, Thread
from whatsapp.models.messages import TYPES_ON_ANOTHER

TONES = {"read": "success", "danger": "danger", "warning": "warning"}


ACTS = {
    "whatsapp.link": "Vinculó una conversación de WhatsApp",
    "whatsapp.unlink": "Deshizo el vínculo de una conversación",
}


def register() -> None:
    """Called from `WhatsappConfig.ready()`."""
    name_acts(ACTS)
    add_contact_panel(WHATSAPP)
    add_to_first_page(15, waiting_threads)


def messages_of_contact(contact: Contact, user: User) -> list[Row]:
    """The newest messages of all their threads, along the index of the contact."""
    rows = Message.objects.filter(cliente=contact).exclude(message_type__in=TYPES_ON_ANOTHER).newest_first()
    rows = rows.select_related("thread__contact", "sent_by")
    return [
        (
            cell_of(row.thread, moment(row.timestamp)),
            author_of(row.thread, row),
            "Mensaje eliminado" if row.deleted_at else shortened(row.body, 90),
            _state_of(row),
        )
        for row in rows[: PANEL_ROWS + 1]
    ]


def _state_of(row: Message) -> Cell | str:
    if not row.is_outbound:
        return "Recibido"
    tick = TICKS[MessageStatus(row.status)]
    return Cell(tick.label, tone=TONES.get(tick.tone, ""))


WHATSAPP = ContactPanel(
    key="whatsapp",
    title="WhatsApp",
    position=25,
    headers=("Cuándo", "Quién", "Mensaje", "Estado"),
    rows=messages_of_contact,
    all_url=lambda contact: address("whatsapp_thread_write", contact=contact.pk),
    add_url=lambda contact: address("whatsapp_thread_write", contact=contact.pk),
    add_label="Escribir por WhatsApp",
    empty="Nadie ha hablado todavía por WhatsApp con esta persona.",
)


def waiting_threads(user: User) -> Sequence[Block]:
    """Who waits for an answer, and who is nobody's client yet. Three bounded queries; one before the first message."""
    if not BusinessNumber.objects.exists():
        return []
    threads = Thread.objects.present().visible_to(user)
    unanswered = counted(threads.unanswered())
    strangers = counted(threads.filter(link_state__in=[LinkState.UNKNOWN, LinkState.UNLINKED]))
    return [
        Figure(
            "WhatsApp sin responder",
            unanswered,
            address("whatsapp_thread_changelist", situacion="sin-responder"),
            "mark_chat_unread",
            tone="danger" if unanswered != "0" else "success",
        ),
        Figure(
            "WhatsApp sin cliente",
            strangers,
            address("whatsapp_thread_changelist", situacion="sin-cliente"),
            "person_search",
            tone="warning" if strangers != "0" else "success",
        ),
    ]
