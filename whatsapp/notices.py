"""What WhatsApp has to say at the top of every staff page until its cause is gone."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db.models import Exists, Q, Subquery
from django.utils import timezone

from crm.choices import Role
from crm.display import address
from crm.models import User
from crm.panels import Notice, add_notices, counted
from whatsapp.models import BotSettings, Thread, WebhookEvent
from whatsapp.models.threads import ThreadQuerySet

# Who may see the staff pages of what Meta sent (whatsapp/admin/events.py).
MAY_SEE_EVENTS = frozenset({Role.LAWYER, Role.ADMIN})


def register() -> None:
    """Called from `WhatsappConfig.ready()`."""
    add_notices(notices)


def notices(user: User) -> Iterator[Notice]:
    """One query along indexes for all of them; what there is to say is counted only when there is something."""
    found = _looked_up(user)
    if found["has_failed"] and (user.role in MAY_SEE_EVENTS or user.is_superuser):
        yield _failed_events()
    patience = BotSettings().unanswered_minutes if found["patience"] is None else found["patience"]
    horizon = timezone.now() - timedelta(minutes=patience)
    if patience and found["waits_since"] is not None and found["waits_since"] <= horizon:
        yield _unanswered_strangers(_strangers(user).filter(unanswered_since__lte=horizon))


def _looked_up(user: User) -> dict[str, Any]:
    """Any row serves to put the answers beside; that of `user` is sure to be there."""
    return User.objects.filter(pk=user.pk).values(
        has_failed=Exists(WebhookEvent.objects.failed()),
        patience=Subquery(BotSettings.objects.filter(pk=1).values("unanswered_minutes")),
        waits_since=Subquery(_strangers(user).order_by("unanswered_since").values("unanswered_since")[:1]),
    )[0]


def _strangers(user: User) -> ThreadQuerySet:
    """Who waits and is nobody's contact, or a deleted one: whatsapp/following.py can raise no task about them."""
    nobodys = Q(contact__isnull=True) | Q(contact__is_deleted=True)
    return Thread.objects.present().unanswered().filter(nobodys).visible_to(user)


def _failed_events() -> Notice:
    number = counted(WebhookEvent.objects.failed())
    what = "1 aviso de Meta no se pudo" if number == "1" else f"{number} avisos de Meta no se pudieron"
    href = address("whatsapp_webhookevent_changelist", state__exact="failed")
    return Notice(f"{what} procesar por completo.", href, "Verlos y repetirlos")


def _unanswered_strangers(waiting: ThreadQuerySet) -> Notice:
    number = counted(waiting)
    what = "1 conversación" if number == "1" else f"{number} conversaciones"
    text = f"{what} de WhatsApp sin cliente y sin responder."
    where = address("whatsapp_thread_changelist", situacion="desconocidos-sin-responder")
    return Notice(text, where, "Verlas y responder")
