"""What is done with calls: put on record, corrected, removed, and what follows from each one."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Case, DateTimeField, Exists, F, Q, UUIDField, When
from django.db.models.functions import Coalesce

from calls.models import Call, CallType
from crm.acting import current_actor
from crm.exceptions import Forbidden, NotFound
from crm.models import Contact, Lead, Task, User
from crm.models.subjects import SUBJECT_FIELDS, find_subject, lock_people, lock_subject
from crm.models.tasks import FOLLOW_UP_TEXT
from crm.prepared import PreparedUpdate, update_row
from crm.responsibles import with_people_checked
from crm.scope import is_limited
from crm.signals import call_recorded

NOT_FOUND = "Llamada no encontrada"
UNKNOWN_TYPE = "El tipo de llamada no existe o no está activo."

# --- Verbs ------------------------------------------------------------------------------------


def record_call(*, by: User, entity_type: str, entity_id: UUID, **fields: Any) -> Call:
    """Put a call on record in the name of `by`, who is responsible for it when nobody else is named."""
    with transaction.atomic():
        call = Call(created_by=by)
        contact = _told_contact(entity_type, entity_id, by=by, **fields)
        subject = contact or lock_subject(entity_type, entity_id, visible_to=by)
        call.subject = subject
        call.hold_person(subject if isinstance(subject, Contact) else subject.contact, is_told=contact is not None)
        _fill(call, {"responsible_user_id": None, **fields}, by=by)
        call.save(force_insert=True)
    return call


def correct_call(
    call_id: UUID | None, *, by: User, entity_type: str | None = None, entity_id: UUID | None = None, **fields: Any
) -> Call:
    """Change what `fields` name, and the subject when `entity_id` names another. Whoever sees a call may."""
    with transaction.atomic():
        seen = visible_call(call_id, by)
        wanted = _wanted_subject(seen, entity_type, entity_id, by)
        people = lock_people({_person_id(_subject_of(seen)), _person_id(wanted)})
        call: Call | None = Call.objects.select_for_update(of=("self",), no_key=True).filter(pk=seen.pk).first()
        if call is None:
            raise NotFound(NOT_FOUND)
        if entity_id is not None or (call.contact_id, call.lead_id) == (seen.contact_id, seen.lead_id):
            call.subject = wanted
            call.hold_person(people[_person_id(wanted)])
        changed = _fill(call, fields, by=by)
        if call.moves():
            changed |= {"contact_id", "lead_id"}
        if changed:
            call.save(update_fields={*changed, "updated_at"})
    return call


def remove_call(call_id: UUID | None, *, by: User) -> None:
    """Delete a call; the tasks it has planned stay (contract section 2)."""
    with transaction.atomic():
        call = visible_call(call_id, by)
        if not call.may_be_deleted_by(by):
            raise Forbidden(
                "Solo quien registró la llamada, su responsable o un administrador puede eliminarla.",
                code="llamada_ajena",
            )
        lock_people([_person_id(_subject_of(call))])
        call.delete()


def visible_call(call_id: UUID | None, user: User) -> Call:
    call: Call | None = Call.objects.visible_to(user).with_subject().filter(pk=call_id).first()
    if call is None:
        raise NotFound(NOT_FOUND)
    return call


def _wanted_subject(call: Call, entity_type: str | None, entity_id: UUID | None, by: User) -> Contact | Lead:
    """The subject that a correction names; the present one when it names none, or the same once more."""
    entity_type = SUBJECT_FIELDS[entity_type or call.entity_type]
    if entity_id is None or (entity_id, entity_type) == (call.entity_id, SUBJECT_FIELDS[call.entity_type]):
        return _subject_of(call)
    return find_subject(entity_type, entity_id, visible_to=by)


def _person_id(subject: Contact | Lead) -> UUID:
    return subject.pk if isinstance(subject, Contact) else subject.contact_id


def _subject_of(call: Call) -> Contact | Lead:
    assert call.subject is not None, "the database holds no call without a subject"
    return call.subject


def _fill(call: Call, fields: dict[str, Any], *, by: User) -> set[str]:
    """Put checked `fields` into the call; the names of those that differ. What was stored once needs no new check."""
    code = fields.get("call_type_id")
    is_chosen = code and code != call.call_type_id
    of_type = {"call_type": (Exists(CallType.objects.active().filter(code=code)), UNKNOWN_TYPE)} if is_chosen else {}
    values = with_people_checked(call, fields, by=by, others=of_type)
    changed = {name for name, value in values.items() if value != getattr(call, name)}
    for name in changed:
        setattr(call, name, values[name])
    if call.ended_at and call.ended_at < call.started_at:
        raise ValidationError({"ended_at": "La llamada no puede terminar antes de empezar."})
    return changed


# --- What follows from a call -----------------------------------------------------------------


def plan_follow_up(call: Call) -> Task:
    """File the follow-up task for the call's next date, or find it filed already (contract section 2).

    One task for each call and date, and none beside one that the client has just filed for the same
    second: `Task.objects.file` knows it. The person's lock lets requests that race come one by one.
    """
    with transaction.atomic(savepoint=False):
        call.lock_person()
        actor = current_actor()
        actor_id = actor.pk if actor else None
        task = Task(
            text=FOLLOW_UP_TEXT,
            contact_id=call.contact_id,
            lead_id=call.lead_id,
            responsible_user_id=call.responsible_user_id or actor_id,
            complete_till=call.proxima_llamada_fecha,
            created_by_id=actor_id,
            planned_key=call.follow_up_key,
        )
        filed, _ = Task.objects.file(task)
        return filed


def take_follow_ups_along(call: Call) -> None:
    """A call that turns out to be somebody else's: what it promised, and is still open, was promised to them."""
    planned = Task.objects.open().filter(**call.former_subject(), planned_key__startswith=call.key_of_follow_ups)
    planned.move_to(_subject_of(call))


def tell_person(call: Call, *, created: bool) -> None:
    """Keep a contact's last and next call true, for the lists that show and sort by them (`_hear_of_call`)."""
    person = call.lock_person()
    if person is None:
        return
    if created:
        if not call.person_is_told:
            _hear_of_call(pk=person.pk, started_at=call.started_at, next_date=call.proxima_llamada_fecha)
        return
    last, upcoming = person.ultima_llamada_fecha, person.proxima_llamada_fecha
    names_date = call.names_new_date(created=False)
    if call.changes and not (names_date and call.changes.keys() == {"proxima_llamada_fecha"}):
        last, upcoming = _last_and_next(person.pk)
        if call.moves():
            retell_person(**call.former_subject())
    _note(person, last, call.proxima_llamada_fecha if names_date else upcoming)


def retell_person(contact_id: UUID | None, lead_id: UUID | None) -> None:
    """The same from the calls that are left, after one was removed or moved away."""
    if lead_id:
        contact_id = Lead.objects.filter(pk=lead_id).values_list("contact_id", flat=True).first()
    for person in lock_people([contact_id] if contact_id else []).values():
        _note(person, *_last_and_next(person.pk))


def announce(call: Call) -> None:
    """Let the neighbours know, in this transaction (crm/signals.py)."""
    call_recorded.send(
        sender=Call,
        contact_id=call.person_id,
        call_id=call.pk,
        direction=call.direction,
        call_status=call.call_status,
        at=call.started_at,
        notes=call.resumen_llamada or call.call_result,
    )


def _last_and_next(contact_id: UUID) -> tuple[datetime | None, datetime | None]:
    calls = Call.objects.about_person(contact_id).latest_first()
    newest = calls.only("started_at").first()
    naming = calls.filter(proxima_llamada_fecha__isnull=False).only("proxima_llamada_fecha").first()
    if newest is None or naming is None:
        return newest and newest.started_at, None
    is_due = naming.pk == newest.pk or naming.proxima_llamada_fecha > newest.started_at
    return newest.started_at, naming.proxima_llamada_fecha if is_due else None


def _note(person: Contact, last: datetime | None, upcoming: datetime | None) -> None:
    # The row is wide and much indexed: it is written only when something has changed. To be called is no edit
    # of the contact, so `updated_at` stays.
    if (last, upcoming) != (person.ultima_llamada_fecha, person.proxima_llamada_fecha):
        update_row(Contact, person.pk, ultima_llamada_fecha=last, proxima_llamada_fecha=upcoming)


def _told_contact(
    entity_type: str, entity_id: UUID, *, by: User, started_at: datetime, **fields: Any
) -> Contact | None:
    """The contact of a new call, locked and told of it in one statement; None where that is not enough to know
    that `by` may see them, or there is no such contact."""
    if SUBJECT_FIELDS[entity_type] != "contact" or is_limited(by):
        return None
    next_date = fields.get("proxima_llamada_fecha")
    return next(iter(_hear_of_call(pk=entity_id, started_at=started_at, next_date=next_date)), None)


def _last_and_next_after(*, started_at: Any, next_date: Any, **_: Any) -> dict[str, Any]:
    """What a contact remembers after a call.

    The last is the latest start. The next is the date named last; a later call that names none leaves a
    date still to come and clears one that has come: the promise is kept.
    """
    is_latest = Q(ultima_llamada_fecha__isnull=True) | Q(ultima_llamada_fecha__lt=started_at)
    still_to_come = Case(When(proxima_llamada_fecha__gt=started_at, then=F("proxima_llamada_fecha")))
    return {
        "ultima_llamada_fecha": Case(When(is_latest, then=started_at), default=F("ultima_llamada_fecha")),
        "proxima_llamada_fecha": Coalesce(next_date, still_to_come),
    }


_hear_of_call: PreparedUpdate[Contact] = PreparedUpdate(
    lambda pk, **_: Contact.objects.present().filter(pk=pk),
    _last_and_next_after,
    returning=("id", "name", "is_deleted", "ultima_llamada_fecha", "proxima_llamada_fecha"),
    pk=UUIDField(),
    started_at=DateTimeField(),
    next_date=DateTimeField(),
)
