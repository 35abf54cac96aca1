"""What becomes of a message beside an answer: a task, a lead, an opportunity; and a task when nobody answers at all.

Each happens once: the second click, the second worker and the second run find what the first has made.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from crm.choices import EntityType, LeadStatus, TaskType
from crm.display import moment, shortened
from crm.exceptions import Conflict, NotFound, Refusal
from crm.locks import hold
from crm.models import Contact, Lead, Task, User
from crm.models.subjects import lock_people, lock_subject
from opportunities.models import Opportunity
from whatsapp.choices import LinkRule, LinkState
from whatsapp.hours import Week
from whatsapp.linking import link
from whatsapp.models import BotSettings, Message, Thread

# As the captures of the call centre spell it.
MEDIUM = "Redes Sociales (WhatsApp)"
ANSWERED = "Respondida por WhatsApp"
NO_CONTACT = "La conversación no tiene cliente: vincúlela a uno o cree un lead primero."
SEVERAL_CONTACTS = "Varios clientes tienen este número: vincule la conversación a uno de ellos."
CLOSED_LEADS = (LeadStatus.WON, LeadStatus.LOST)
LONGEST_EXCERPT = 300
# Looked at in one run; the next comes a minute later.
NUDGED_TOGETHER = 200


# --- A message becomes a task or an opportunity ---------------------------------------------------


def make_task(
    message: Message,
    *,
    by: User,
    text: str = "",
    complete_till: datetime | None = None,
    responsible_user: User | None = None,
) -> Task:
    """A task about the contact of this message, for tomorrow and for `by` unless said otherwise. Repeating returns it.

    The contact's row is locked first, as for everything that is planned about a person, so two clicks take turns.
    """
    with transaction.atomic():
        contact = _locked_contact(message, by)
        row = Message.objects.select_for_update(of=("self",), no_key=True).get(pk=message.pk)
        if row.ticket_id is None:
            row.ticket, _ = Task.objects.file_for(
                EntityType.CONTACTS,
                contact.pk,
                by=by,
                text=text.strip() or f"WhatsApp: {shortened(row.body, LONGEST_EXCERPT)}",
                task_type=TaskType.FOLLOW_UP,
                complete_till=complete_till or timezone.now() + timedelta(days=1),
                responsible_user_id=responsible_user.pk if responsible_user else None,
                planned_key=f"whatsapp-message:{row.pk}",
            )
            row.save(update_fields=["ticket", "actualizado_en"])
        message.ticket = row.ticket
        assert row.ticket is not None
        return row.ticket


def make_opportunity(message: Message, *, by: User, notes: str = "") -> Opportunity:
    """An opportunity of the contact of this message. Repeating returns it: its id follows from the message's."""
    with transaction.atomic():
        contact = _locked_contact(message, by)
        made = Opportunity.objects.filter(pk=opportunity_id(message)).first()
        return made or Opportunity.objects.register(
            contact,
            by=by,
            id=opportunity_id(message),
            detection_reason={"whatsapp_message": message.pk},
            notes=notes.strip() or f"WhatsApp: {shortened(message.body, LONGEST_EXCERPT)}",
        )


def opportunity_id(message: Message) -> UUID:
    """The id of the one opportunity that this message may become: the primary key keeps it one."""
    return uuid5(NAMESPACE_URL, f"puente-crm/whatsapp-message/{message.key}")


def _locked_contact(message: Message, by: User) -> Contact:
    """Whose message it is now, whatever the page still shows; locked, and seen by `by`."""
    contact_id = Message.objects.filter(pk=message.pk).values_list("cliente_id", flat=True).first()
    if contact_id is None:
        raise Refusal(NO_CONTACT, code="sin_cliente")
    found = lock_subject(EntityType.CONTACTS, contact_id, visible_to=by)
    assert isinstance(found, Contact)
    return found


# --- A thread becomes a lead ----------------------------------------------------------------------


def make_lead(thread: Thread, *, by: User) -> Lead:
    """The enquiry of who writes here; the thread is linked to its contact. A second click returns the same lead.

    Where several contacts have the number a person must choose one; where a person has said that it is none of those
    who have it, the contact is a new one.
    """
    with transaction.atomic():
        hold(f"whatsapp:lead:{thread.pk}")
        thread.refresh_from_db()
        if thread.merged_into_id is not None:
            raise NotFound("La conversación se unió a otra.")
        if thread.link_state == LinkState.SEVERAL:
            raise Conflict(SEVERAL_CONTACTS, code="varios_candidatos")
        if thread.contact is None:
            # Before any contact's row, as whoever stores what this person writes.
            thread.lock()
            thread.refresh_from_db()
        if thread.contact is not None:
            return _open_lead(thread.contact) or _register(thread, thread.contact, by=by)
        lead = _register(thread, _somebody_new(thread, by), by=by)
        link(thread, lead.contact, rule=LinkRule.NEW_CONTACT, by=by, evidence="Lead creado desde la conversación.")
        return lead


def _open_lead(contact: Contact) -> Lead | None:
    leads = contact.leads.filter(medio=MEDIUM).exclude(status__in=CLOSED_LEADS)
    return leads.order_by("-created_at", "-id").first()


def _register(thread: Thread, contact: Contact | None, *, by: User) -> Lead:
    fields: dict[str, Any] = {"medio": MEDIUM, "responsible_user": thread.assigned_to}
    if contact is None:
        fields |= {"nombre": _name_of(thread), "celular": _number_of(thread)}
    return Lead.objects.register(fields, contact=contact, by=by)


def _somebody_new(thread: Thread, by: User) -> Contact | None:
    """A contact of their own for who is none of those with this number; else None: leads find or make theirs."""
    if thread.link_state != LinkState.UNLINKED:
        return None
    fields = {"name": _name_of(thread), "mobile": _number_of(thread), "responsible_user": thread.assigned_to}
    return Contact.objects.register(fields, by=by)


def _name_of(thread: Thread) -> str:
    return thread.profile_name or thread.username or _number_of(thread) or "Contacto de WhatsApp"


def _number_of(thread: Thread) -> str:
    return f"+{thread.address}" if thread.address.isdigit() else ""


# --- Nobody answers -------------------------------------------------------------------------------


def nudge_unanswered() -> int:
    """Raise a task for each linked thread that waits too long for an answer of a person; how many were raised.

    A task is about somebody the CRM knows: threads without a contact stand in a notice instead (whatsapp/notices.py).
    """
    patience, now = BotSettings.current().unanswered_minutes, timezone.now()
    if patience == 0:
        return 0
    waiting = Thread.objects.present().unanswered().filter(_not_nudged(), contact__is_deleted=False)
    ripe = waiting.filter(unanswered_since__lte=now - timedelta(minutes=patience)).order_by("unanswered_since")
    week, raised = Week.current(), 0
    for thread in ripe[:NUDGED_TOGETHER]:
        assert thread.unanswered_since is not None
        if week.minutes_between(thread.unanswered_since, now) < patience:
            break  # those that follow wait since later
        raised += _nudge(thread)
    return raised


def _not_nudged() -> Q:
    return Q(nudged_at__isnull=True) | Q(nudged_at__lt=F("unanswered_since"))


def _nudge(found: Thread) -> int:
    """One thread in one transaction, its contact locked first. A thread that is busy now is nudged by the next run."""
    assert found.contact_id is not None
    with transaction.atomic():
        lock_people([found.contact_id])
        rows = Thread.objects.present().unanswered().filter(_not_nudged(), pk=found.pk, contact_id=found.contact_id)
        thread = rows.select_for_update(of=("self",), no_key=True, skip_locked=True).first()
        if thread is None:
            return 0
        raised = not Task.objects.open().filter(planned_key=nudge_key(thread)).exists()
        if raised:
            Task.objects.file(_task_for(thread))
        thread.change(nudged_at=timezone.now())
        return int(raised)


def nudge_key(thread: Thread) -> str:
    """What plans the task: a thread has one open task of this kind at most, whoever raises it."""
    return f"whatsapp-thread:{thread.pk}"


def _task_for(thread: Thread) -> Task:
    since = thread.unanswered_since
    return Task(
        contact_id=thread.contact_id,
        text=f"Responder por WhatsApp: {thread.title} espera desde {moment(since)}. «{thread.last_preview}»",
        task_type=TaskType.FOLLOW_UP,
        responsible_user=_responsible_for(thread),
        complete_till=timezone.now(),
        planned_key=nudge_key(thread),
    )


def _responsible_for(thread: Thread) -> User | None:
    """Who has the thread, else who has the contact; nobody who has left or may not have one."""
    named = [thread.assigned_to_id, thread.contact.responsible_user_id if thread.contact else None]
    able = {user.pk: user for user in User.objects.responsible().filter(pk__in=[pk for pk in named if pk])}
    return next((able[pk] for pk in named if pk in able), None)


def settle_nudge(thread: Thread) -> None:
    """A person has answered: the task that asked for it is done. Called with the thread's row locked."""
    united = Thread.objects.filter(merged_into=thread)
    keys = [nudge_key(one) for one in (thread, *united.only("pk"))]
    for task in Task.objects.open().filter(planned_key__in=keys):
        task.complete(result_text=ANSWERED)
    if thread.nudged_at is not None:
        thread.change(nudged_at=None)
