"""Acts on more than one row of the ground floor: merging two contacts, and taking that back."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.apps import apps
from django.db import IntegrityError, models, transaction
from django.utils import timezone

from crm.exceptions import Conflict, NotFound, Refusal
from crm.locks import again_after_deadlock, hold_all
from crm.models import AuditEntry, Contact, ContactMerge, ContactPhone
from crm.models.contact_queries import identity_locks

if TYPE_CHECKING:
    from crm.models import User

# What the survivor does not take from the other: it has its own, or it is no statement about the person.
_ITS_OWN = {"id", "name", "name_in_order", "search_words", "created_at", "updated_at", "created_by", "updated_by"}
_ITS_OWN |= {"is_deleted", "merged_into", "phone", "mobile"}


@again_after_deadlock
def merge_contacts(*, survivor_id: UUID, absorbed_id: UUID, by: "User | None") -> ContactMerge:
    """Two contacts were one person: the survivor keeps its values, gains what it lacked, all phones and every row
    of every app that pointed to the other. The other is hidden and points to the survivor.
    """
    if survivor_id == absorbed_id:
        raise Refusal("Un contacto no se fusiona consigo mismo.", code="mismo_contacto")
    survivor, absorbed = _lock_both(survivor_id, absorbed_id)
    _refuse_unless_present(survivor, absorbed)
    merge = ContactMerge(survivor=survivor, absorbed=absorbed, created_by=by)
    # Hidden first: its e-mail and document are then free for the survivor.
    absorbed.is_deleted, absorbed.merged_into, absorbed.updated_by = True, survivor, by
    absorbed.save(update_fields=["is_deleted", "merged_into", "updated_by", "updated_at"])
    _fill(merge)
    _move_phones(merge)
    for field in _columns_that_name_a_contact():
        _move_rows(merge, field)
    survivor.note_phones()
    merge.save(force_insert=True)
    AuditEntry.write(
        "contact.merge",
        "contacts",
        survivor.pk,
        merge_id=str(merge.pk),
        absorbed_id=str(absorbed.pk),
        moved=merge.moved,
        filled=sorted(merge.filled),
    )
    return merge


@again_after_deadlock
def undo_merge(merge: ContactMerge, *, by: "User | None") -> dict[str, Any]:
    """Put back what nobody has touched since; tells what was and what was not."""
    survivor, absorbed = _lock_both(merge.survivor_id, merge.absorbed_id)
    merge.refresh_from_db()
    if merge.undone_at is not None:
        raise Conflict("Esta fusión ya se deshizo.", code="fusion_deshecha")
    if survivor.is_deleted:
        raise Conflict(
            "El contacto principal ya no está: restáurelo o deshaga primero su propia fusión.", code="sin_principal"
        )
    merge.survivor, merge.absorbed = survivor, absorbed
    edited_since = _empty_again(merge, by=by)
    _give_phones_back(merge)
    absorbed.is_deleted, absorbed.merged_into, absorbed.updated_by = False, None, by
    try:
        with transaction.atomic():
            absorbed.save(update_fields=["is_deleted", "merged_into", "updated_by", "updated_at"])
    except IntegrityError as error:
        raise Conflict(
            "Otro contacto tiene ahora el correo o el documento de este. Cámbielo antes de deshacer la fusión.",
            code="dato_ocupado",
        ) from error
    returned, gone = _return_rows(merge)
    for contact in (survivor, absorbed):
        contact.note_phones()
    merge.undone_at, merge.undone_by = timezone.now(), by
    merge.save(update_fields=["undone_at", "undone_by", "updated_at"])
    report = {"returned": returned, "not_returned": gone, "edited_since": edited_since}
    AuditEntry.write("contact.merge_undo", "contacts", survivor.pk, merge_id=str(merge.pk), **report)
    return report


def _lock_both(survivor_id: UUID, absorbed_id: UUID) -> tuple[Contact, Contact]:
    """Locked in id order, so that two merges of one pair never wait for each other.

    The full lock, not the usual one: it also waits for rows that are just being hung on either, and they move too.
    """
    ids = (survivor_id, absorbed_id)
    _hold_identities(ids)
    found = {row.pk: row for row in Contact.objects.filter(pk__in=ids).order_by("pk").select_for_update(of=("self",))}
    if len(found) < len(ids):
        raise NotFound("Contacto no encontrado.")
    return found[survivor_id], found[absorbed_id]


def _hold_identities(ids: tuple[UUID, UUID]) -> None:
    """An enquiry that is just looking for either by phone would find neither: it looks before, or after."""
    known = Contact.objects.filter(pk__in=ids).values_list("document_number", "email")
    keys = ContactPhone.objects.filter(contact__in=ids).values_list("key", flat=True)
    documents, emails = [row[0] for row in known], [row[1] for row in known]
    hold_all(identity_locks(phones=keys, documents=documents, emails=emails))


def _refuse_unless_present(*contacts: Contact) -> None:
    for contact in contacts:
        if contact.merged_into_id:
            raise Conflict(f"El contacto «{contact.name}» ya está fusionado con otro.", code="ya_fusionado")
        if contact.is_deleted:
            raise Conflict(f"El contacto «{contact.name}» está eliminado.", code="eliminado")


# --- What is known of the person --------------------------------------------------------------


def _fill(merge: ContactMerge) -> None:
    survivor = merge.survivor
    before = _columns(survivor)
    survivor.edit(_gains(survivor, merge.absorbed), by=merge.created_by)
    after = _columns(survivor)
    merge.filled = {name: [_plain(before[name]), _plain(after[name])] for name in after if before[name] != after[name]}


def _columns(contact: Contact) -> dict[str, Any]:
    return {
        field.name: getattr(contact, field.attname)
        for field in Contact._meta.concrete_fields
        if field.name not in _ITS_OWN or field.name in ("phone", "mobile")
    }


def _gains(survivor: Contact, absorbed: Contact) -> dict[str, Any]:
    """What the survivor takes over: values it lacks, and what must not be lost whoever has it."""
    gained: dict[str, Any] = {}
    for field in Contact._meta.concrete_fields:
        if field.name not in _ITS_OWN and getattr(survivor, field.attname) in (None, "", {}):
            gained[field.attname] = getattr(absorbed, field.attname)
    both = survivor.custom_fields or {}
    gained["custom_fields"] = {**(absorbed.custom_fields or {}), **both}
    gained["notes_text"] = _joined(survivor.notes_text, absorbed.notes_text)
    gained["initial_contact_completed"] = survivor.initial_contact_completed or absorbed.initial_contact_completed
    if survivor.main_phone is None:
        gained |= {"phone": absorbed.phone, "mobile": absorbed.mobile}
    # A refusal holds from its first day; the last call is the later one.
    for name, choose in (
        ("opted_out_of_calls_at", min),
        ("opted_out_of_messages_at", min),
        ("ultima_llamada_fecha", max),
        ("proxima_llamada_fecha", min),
    ):
        known = [value for one in (survivor, absorbed) if (value := getattr(one, name)) is not None]
        gained[name] = choose(known) if known else None
    return gained


def _joined(first: str | None, second: str | None) -> str | None:
    texts = [text for text in (first, second) if text]
    return "\n\n".join(dict.fromkeys(texts)) or None


def _plain(value: Any) -> Any:
    """A column's value as JSON keeps it without loss."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def _empty_again(merge: ContactMerge, *, by: "User | None") -> list[str]:
    """Take back what the survivor gained, unless somebody has edited it since: those are named."""
    survivor, edited, back = merge.survivor, [], {}
    for name, (before, after) in merge.filled.items():
        field = Contact._meta.get_field(name)
        assert isinstance(field, models.Field)
        if _plain(getattr(survivor, field.attname)) == after:
            back[field.attname] = field.to_python(before)
        else:
            edited.append(name)
    if "custom_fields" in back:
        survivor.custom_fields = {}  # `edit` merges; here the earlier ones replace
        survivor.save(update_fields=["custom_fields"])
    survivor.edit(back, by=by)
    return edited


# --- Phones -----------------------------------------------------------------------------------


def _move_phones(merge: ContactMerge) -> None:
    """Every number of the absorbed one that the survivor has not, as a further number."""
    known = set(merge.survivor.phones.values_list("number", flat=True))
    for row in merge.absorbed.phones.exclude(number__in=known):
        before = row.label
        row.contact, row.label = merge.survivor, row.label_beside_the_fields
        row.save(update_fields=["contact", "label"])
        merge.phones[str(row.pk)] = [before, row.label]


def _give_phones_back(merge: ContactMerge) -> None:
    for pk, (before, after) in merge.phones.items():
        rows = ContactPhone.objects.filter(pk=pk, contact=merge.survivor, label=after)
        rows.update(contact=merge.absorbed, label=before)


# --- Whatever else points to a contact ----------------------------------------------------------


def _columns_that_name_a_contact() -> Iterator["models.ForeignKey[Any, Any]"]:
    """The foreign keys of all apps, those without a related name and many-to-many tables included."""
    for relation in Contact._meta.get_fields(include_hidden=True):
        if isinstance(relation, models.ManyToOneRel) and relation.related_model not in (ContactPhone, ContactMerge):
            yield relation.field


def _move_rows(merge: ContactMerge, field: "models.ForeignKey[Any, Any]") -> None:
    rows = field.model._base_manager.filter(**{field.name: merge.absorbed_id})
    ids = list(rows.values_list("pk", flat=True))
    if not ids:
        return
    moved = _point(field, ids, merge.survivor_id)
    column = _name_of(field)
    merge.moved[column] = [str(pk) for pk in moved]
    if stayed := [str(pk) for pk in ids if pk not in set(moved)]:
        merge.stayed[column] = stayed


def _point(field: "models.ForeignKey[Any, Any]", ids: list[Any], contact_id: UUID) -> list[Any]:
    """Let these rows name another contact: all at once, else one by one without those that a rule holds back."""
    rows = field.model._base_manager
    try:
        with transaction.atomic():
            rows.filter(pk__in=ids).update(**{field.attname: contact_id})
        return ids
    except IntegrityError:
        if len(ids) == 1:
            return []
        return [pk for one in ids for pk in _point(field, [one], contact_id)]


def _return_rows(merge: ContactMerge) -> tuple[dict[str, int], dict[str, int]]:
    """Rows that still are where the merge put them go back; the others are counted."""
    returned: dict[str, int] = {}
    gone: dict[str, int] = {}
    for column, ids in merge.moved.items():
        label, _, name = column.rpartition(".")
        field = apps.get_model(label)._meta.get_field(name)
        assert isinstance(field, models.ForeignKey)
        there = field.model._base_manager.filter(pk__in=ids, **{field.name: merge.survivor_id})
        back = _point(field, list(there.values_list("pk", flat=True)), merge.absorbed_id)
        returned[label] = returned.get(label, 0) + len(back)
        if len(back) < len(ids):
            gone[label] = gone.get(label, 0) + len(ids) - len(back)
    return returned, gone


def _name_of(field: "models.ForeignKey[Any, Any]") -> str:
    return f"{field.model._meta.label_lower}.{field.name}"
