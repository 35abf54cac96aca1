"""What the database refuses is said in Spanish, whichever database it is."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from calls.models import CallType
from crm.constraints import message_of_violation
from crm.models import ApiToken, Contact, IdempotencyKey, Task, User
from tests.factories import CallTypeFactory, ContactFactory, TaskFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def refusal_of(write: Callable[[], Any]) -> str:
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        write()
    return message_of_violation(refused.value)


def test_a_named_check_has_its_sentence() -> None:
    contact = ContactFactory()
    assert refusal_of(lambda: Contact.objects.filter(pk=contact.pk).update(name="")) == "El nombre es obligatorio."
    task = TaskFactory()
    assert refusal_of(lambda: Task.objects.filter(pk=task.pk).update(contact=None)) == (
        "Indique un contacto o un lead, y solo uno."
    )


def test_a_unique_column_has_the_sentence_of_its_field() -> None:
    CallTypeFactory(code="prueba")
    assert refusal_of(lambda: CallTypeFactory(code="prueba")) == "Ya existe un tipo de llamada con este código."
    bob = UserFactory()
    ApiToken.issue(user=bob, name="Uno", value="un-valor-cualquiera")
    digest = ApiToken.digest_of("un-valor-cualquiera")
    assert refusal_of(lambda: ApiToken(user=bob, name="Dos", digest=digest).save()) == (
        "Este valor ya está registrado como token."
    )


def test_a_unique_expression_and_a_partial_one_have_theirs() -> None:
    UserFactory(email="ana@puente.test")
    ContactFactory(email="ana@puente.test", document_number="123")
    assert refusal_of(lambda: User.objects.bulk_create([User(email="Ana@puente.test")])) == (
        "Ya existe un usuario con este correo."
    )
    assert refusal_of(lambda: ContactFactory(email="ana@puente.test")) == "Ya existe un contacto con este correo."
    assert refusal_of(lambda: ContactFactory(document_number="123")) == "Ya existe un contacto con este documento."


def test_several_unique_columns_are_recognised_whatever_their_order() -> None:
    row = {"caller": "a", "path": "/b", "key": "c", "body_digest": "d"}
    IdempotencyKey.objects.create(**row)
    assert refusal_of(lambda: IdempotencyKey.objects.create(**row)) == "Esta clave de idempotencia ya se usó."


def test_what_has_no_words_of_its_own_is_said_in_general() -> None:
    assert refusal_of(lambda: CallType.objects.bulk_create([CallType(name=None, code="x")])) == (
        "El dato choca con otro que ya existe o del que depende."
    )
