"""Prepared statements do what the ORM's own do."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connection, models, transaction
from django.db.models import F, Value
from django.db.models.functions import Coalesce, Concat
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from crm.models import Contact, Lead, Note, Task
from crm.prepared import Prepared, PreparedUpdate, update_row
from tests.factories import NOON, ContactFactory, LeadFactory, NoteFactory, TaskFactory

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def test_one_row_by_its_id():
    one = Prepared(lambda pk: Contact.objects.present().filter(pk=pk))
    contact = ContactFactory(custom_fields={"a": [1, None]})
    found = one.get(contact.pk)
    assert found == contact
    assert vars(found).keys() == vars(Contact.objects.get(pk=contact.pk)).keys()
    assert (found.custom_fields, found.created_at, found.changes) == ({"a": [1, None]}, contact.created_at, {})
    assert isinstance(found.pk, UUID)
    assert one.get(uuid4()) is None
    assert one.get(None) is None


def test_rows_by_several_values_in_their_order():
    due = Prepared(
        lambda contact_id, until: Task.objects.filter(contact_id=contact_id, complete_till__lte=until).order_by(
            "-complete_till"
        ),
        contact_id=models.UUIDField(),
        until=models.DateTimeField(),
    )
    contact = ContactFactory()
    first, second, _ = (TaskFactory(contact=contact, complete_till=NOON + timedelta(days=day)) for day in range(3))
    TaskFactory()
    assert due(contact_id=contact.pk, until=NOON + timedelta(days=1)) == [second, first]
    assert due(contact_id=contact.pk, until=NOON) == [first]
    assert due(contact_id=uuid4(), until=NOON) == []


def test_joined_rows_come_with_it_and_what_is_left_out_is_read_later(django_assert_num_queries):
    one = Prepared(lambda pk: Lead.objects.select_related("contact").only("nombre", "contact__name").filter(pk=pk))
    lead = LeadFactory()
    with django_assert_num_queries(1):
        found = one.get(lead.pk)
        assert found.contact.name == lead.contact.name
    with django_assert_num_queries(1):
        assert found.celular == lead.celular


def test_a_constant_of_the_queryset_stays_in_it():
    open_ones = Prepared(lambda pk: Task.objects.open().filter(pk=pk, task_type="call"))
    assert open_ones.get(TaskFactory().pk)
    assert open_ones.get(TaskFactory(is_completed=True).pk) is None
    assert open_ones.get(TaskFactory(task_type="email").pk) is None


def test_the_sql_is_that_of_the_queryset():
    contact = ContactFactory()
    plain = Contact.objects.filter(pk=contact.pk).only("name")
    with CaptureQueriesContext(connection) as asked:
        list(plain)
        Prepared(lambda pk: Contact.objects.filter(pk=pk).only("name")).get(contact.pk)
    first, second = (query["sql"].replace("(", "").replace(")", "") for query in asked)
    assert first == second


@pytest.mark.django_db(transaction=True)
def test_a_lock_wants_a_transaction():
    locking = Prepared(lambda pk: Contact.objects.filter(pk=pk).select_for_update())
    contact = ContactFactory()
    with transaction.atomic():
        assert locking.get(contact.pk) == contact
    if connection.features.has_select_for_update:
        with pytest.raises(TransactionManagementError):
            locking.get(contact.pk)


def test_an_update_finds_changes_and_reads_in_one_statement(django_assert_num_queries):
    put_off = PreparedUpdate(
        lambda pk, **_: Task.objects.open().filter(pk=pk),
        lambda due, **_: {"complete_till": Coalesce(due, F("complete_till")), "text": "Más tarde"},
        returning=("id", "text", "complete_till"),
        pk=models.UUIDField(),
        due=models.DateTimeField(),
    )
    task = TaskFactory(complete_till=NOON)
    with django_assert_num_queries(1):
        (found,) = put_off(pk=task.pk, due=NOON + timedelta(days=1))
        assert (found.pk, found.text, found.complete_till) == (task.pk, "Más tarde", NOON + timedelta(days=1))
    (kept,) = put_off(pk=task.pk, due=None)
    assert kept.complete_till == Task.objects.get().complete_till == NOON + timedelta(days=1)
    assert put_off(pk=uuid4(), due=None) == []
    task.complete()
    assert put_off(pk=task.pk, due=None) == []


def test_quick_inserts_and_updates_store_what_slow_ones_do():
    fields = {"text": "Pedir el «DNI»", "complete_till": NOON, "is_completed": True, "task_template_id": uuid4()}
    quick = Task(contact=ContactFactory(), **fields)
    quick.save()
    slow = Task(contact=quick.contact, **fields)
    Task.objects.bulk_create([slow])
    ours, theirs = (Task.objects.values().get(pk=task.pk) for task in (quick, slow))
    for name in ("id", "created_at", "updated_at", "completed_at"):
        ours.pop(name), theirs.pop(name)
    assert ours == theirs

    quick.text, quick.complete_till = "Otra cosa", None
    quick.save(update_fields=["text"])
    assert (Task.objects.get(pk=quick.pk).text, Task.objects.get(pk=quick.pk).complete_till) == ("Otra cosa", NOON)
    quick.save()
    assert Task.objects.get(pk=quick.pk).complete_till is None


def test_a_row_that_is_gone_is_stored_anew_or_refused():
    task = TaskFactory()
    Task.objects.filter(pk=task.pk).delete()
    with pytest.raises(Exception, match="did not affect any rows"), transaction.atomic():
        task.save(update_fields=["text"])
    task.save()
    assert Task.objects.get() == task


def test_an_expression_is_left_to_django():
    task = TaskFactory(text="Llamar")
    task.text = Concat(F("text"), Value(" ya"))
    task.save(update_fields=["text"])
    assert Task.objects.get().text == "Llamar ya"


def test_update_row_writes_one_row_and_says_how_many():
    note, other = NoteFactory(), NoteFactory()
    assert update_row(Note, note.pk, content="Otro", params={"a": 1}) == 1
    assert update_row(Note, uuid4(), content="Nadie") == 0
    assert (Note.objects.get(pk=note.pk).content, Note.objects.get(pk=note.pk).params) == ("Otro", {"a": 1})
    assert update_row(Note, note.pk, content=Concat(F("content"), Value("!"))) == 1
    assert (Note.objects.get(pk=note.pk).content, Note.objects.get(pk=other.pk).content) == ("Otro!", other.content)
