"""What WhatsApp has to say at the top of every staff page until its cause is gone."""

from collections.abc import Iterator
from datetime import timedelta

from django.utils import timezone

from crm.choices import Role
from crm.display import address
from crm.models import User
from crm.panels import Notice, add_notices, counted
from whatsapp.choices import MessageStatus
from whatsapp.models import BotSettings, Message, Thread, WebhookEvent

# Who may see the staff pages of what Meta sent (whatsapp/admin/events.py).
MAY_SEE_EVENTS = frozenset({Role.LAWYER, Role.ADMIN})
# What only an administrator can put right: the account, the token, the number, the payment (whatsapp-anchors a.9).
CONFIGURATION_CODES = (0, 3, 10, 190, 200, 368, 131005, 131031, 131042, 131045, 133010)
# Of so many messages, the newest ones, it is looked whether the last was refused for the account's sake.
LOOKED_AT = 20


def register() -> None:
    """Called from `WhatsappConfig.ready()`."""
    add_notices(failed_events)
    add_notices(refused_account)
    add_notices(unanswered_strangers)


def failed_events(user: User) -> Iterator[Notice]:
    """What Meta sent and could not be applied. One bounded query along an index."""
    if not _may_see_events(user):
        return
    failed = counted(WebhookEvent.objects.failed())
    if failed != "0":
        what = "1 aviso de Meta no se pudo" if failed == "1" else f"{failed} avisos de Meta no se pudieron"
        href = address("whatsapp_webhookevent_changelist", state__exact="failed")
        yield Notice(f"{what} procesar por completo.", href, "Verlos y repetirlos")


def refused_account(user: User) -> Iterator[Notice]:
    """Meta refuses what we send because of the account: until a later message goes out, nothing will."""
    if not _may_see_events(user):
        return
    newest = Message.objects.outbound().newest_first().values_list("status", "error_code")[:LOOKED_AT]
    settled = [(status, code) for status, code in newest if status not in (MessageStatus.QUEUED,)]
    if settled and settled[0][0] == MessageStatus.FAILED and settled[0][1] in CONFIGURATION_CODES:
        text = f"Meta rechaza los mensajes de WhatsApp por la configuración de la cuenta (código {settled[0][1]})."
        yield Notice(text, address("whatsapp_thread_changelist"), "Ver las conversaciones")


def unanswered_strangers(user: User) -> Iterator[Notice]:
    """No task can be raised for a thread without a contact, so it is said here."""
    patience = BotSettings.current().unanswered_minutes
    if patience == 0:
        return
    since = timezone.now() - timedelta(minutes=patience)
    waiting = Thread.objects.present().unanswered().filter(unanswered_since__lte=since, contact__isnull=True)
    number = counted(waiting.visible_to(user))
    if number != "0":
        what = "1 conversación" if number == "1" else f"{number} conversaciones"
        text = f"{what} de WhatsApp sin cliente y sin responder."
        yield Notice(text, address("whatsapp_thread_changelist"), "Verlas y responder")


def _may_see_events(user: User) -> bool:
    return user.role in MAY_SEE_EVENTS or user.is_superuser
