"""`TracksChanges`: what a receiver may believe about what has changed."""

import pytest
from django.db import IntegrityError, transaction
from django.db.models.signals import post_save

from crm.models import Contact
from tests.factories import ContactFactory

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture
def heard():
    """What a receiver reads of contacts that are saved."""
    changes = []

    def listen(sender, instance, **kwargs):
        changes.append({name: new for name, (_, new) in instance.changes.items()})

    post_save.connect(listen, sender=Contact)
    yield changes
    post_save.disconnect(listen, sender=Contact)


def stored(**fields):
    return Contact.objects.get(pk=ContactFactory(**fields).pk)


def test_a_new_row_has_changed_from_nothing(heard, bob):
    contact = ContactFactory(name="Luz", mobile=None, responsible_user=bob)
    (changes,) = heard
    assert changes.items() >= {"name": "Luz", "is_deleted": False, "responsible_user_id": bob.pk}.items()
    assert "mobile" not in changes
    assert contact.changes == {}


def test_a_stored_row_has_changed_where_it_differs(heard):
    contact = stored(name="Luz")
    assert contact.changes == {}
    contact.name = "Luz Vega"
    assert contact.changes == {"name": ("Luz", "Luz Vega")}
    contact.save()
    contact.save()
    assert heard[1:] == [{"name": "Luz Vega"}, {}]


def test_changed_back_is_not_changed():
    contact = stored(name="Luz")
    contact.name = "Ana"
    contact.name = "Luz"
    assert contact.changes == {}


def test_what_a_save_leaves_out_is_no_change_yet(heard):
    contact = stored(name="Luz", email="luz@x.test")
    contact.name, contact.email = "Ana", "ana@x.test"
    contact.save(update_fields=["city"])
    contact.save(update_fields=["name"])
    assert heard[1] == {}
    assert heard[2] == {"name": "Ana"}
    assert contact.changes == {"email": ("luz@x.test", "ana@x.test")}


@pytest.mark.parametrize("name", ["responsible_user", "responsible_user_id"])
def test_a_foreign_key_changes_under_either_name(heard, bob, name):
    contact = stored()
    contact.responsible_user = bob
    contact.save(update_fields=[name])
    assert heard[1] == {"responsible_user_id": bob.pk}
    assert contact.changes == {}


def test_reading_the_row_again_forgets_what_was_changed():
    contact = stored(name="Luz")
    contact.name = "Ana"
    contact.refresh_from_db()
    assert (contact.name, contact.changes) == ("Luz", {})


def test_reading_one_field_again_leaves_the_others_changed():
    contact = stored(name="Luz", email="luz@x.test")
    contact.name, contact.email = "Ana", "ana@x.test"
    contact.refresh_from_db(fields=["email"])
    assert contact.changes == {"name": ("Luz", "Ana")}


def test_a_field_that_was_not_loaded_is_neither_read_nor_changed(django_assert_num_queries):
    contact = Contact.objects.only("name").get(pk=ContactFactory(name="Luz").pk)
    contact.name = "Ana"
    with django_assert_num_queries(0):
        assert contact.changes == {"name": ("Luz", "Ana")}
    assert contact.email is None
    assert contact.changes == {"name": ("Luz", "Ana")}


def test_a_failed_save_leaves_the_change_to_be_saved():
    contact = stored(name="Luz")
    contact.name = ""
    with pytest.raises(IntegrityError), transaction.atomic():
        contact.save()
    assert contact.changes == {"name": ("Luz", "")}
