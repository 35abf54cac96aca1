"""The building blocks of every endpoint: lean answers, forgiving bodies, known ids."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from rest_framework import serializers

from config.api.renderers import to_json
from crm.api.base import (
    LARGEST_NUMBER,
    Answer,
    Body,
    HomeDateTimeField,
    as_id,
    as_id_or_404,
    secret_answer,
)
from crm.exceptions import NotFound

# --- Answers ----------------------------------------------------------------------------------


class PersonAnswer(Answer):
    id = serializers.UUIDField()
    name = serializers.CharField()
    greeting = serializers.SerializerMethodField()

    def get_greeting(self, row: Any) -> str:
        return f"{self.context.get('hello', 'Hola')}, {row.name}"


class TaskAnswer(Answer):
    text = serializers.CharField()
    owner_name = serializers.CharField(source="owner.name")
    owner = PersonAnswer()
    helpers = PersonAnswer(many=True)
    everything = PersonAnswer(source="*")
    website = serializers.FileField()


def person(name: str) -> SimpleNamespace:
    return SimpleNamespace(id=uuid4(), name=name)


def task(**fields: Any) -> SimpleNamespace:
    return SimpleNamespace(**{
        "text": "Llamar", "owner": person("Ana"), "helpers": [], "id": uuid4(), "name": "x", "website": None, **fields
    })  # fmt: skip


def test_an_answer_reads_attributes_dotted_sources_and_nested_rows() -> None:
    row = task(helpers=[person("Bea"), person("Ciro")])
    found = TaskAnswer(row).data
    assert found["text"] == "Llamar"
    assert found["owner_name"] == "Ana"
    assert found["owner"] == {"id": row.owner.id, "name": "Ana", "greeting": "Hola, Ana"}
    assert [helper["name"] for helper in found["helpers"]] == ["Bea", "Ciro"]
    assert found["everything"]["id"] == row.id


def test_nobody_on_the_way_of_a_dotted_source_is_null() -> None:
    found = TaskAnswer(task(owner=None)).data
    assert found["owner_name"] is None
    assert found["owner"] is None


def test_a_nested_answer_knows_the_context_of_its_own_request() -> None:
    for hello in ("Buenas", "Saludos"):
        found = TaskAnswer(task(), context={"hello": hello}).data
        assert found["owner"]["greeting"] == f"{hello}, Ana"
    listed = TaskAnswer([task(helpers=[person("Bea")])], many=True, context={"hello": "Ea"}).data
    assert listed[0]["helpers"][0]["greeting"] == "Ea, Bea"


def test_an_answer_that_chooses_its_fields_by_request_does_so_each_time() -> None:
    class Choosy(Answer):
        text = serializers.CharField()
        secret = serializers.CharField()

        def get_fields(self) -> dict[str, Any]:
            fields = super().get_fields()
            return fields if self.context.get("all") else {"text": fields["text"]}

    row = SimpleNamespace(text="a", secret="b")
    assert Choosy(row).data == {"text": "a"}
    assert Choosy(row, context={"all": True}).data == {"text": "a", "secret": "b"}


def test_ids_and_times_are_written_as_the_clients_read_them() -> None:
    class Row(Answer):
        id = serializers.UUIDField()
        at = serializers.DateTimeField()
        amount = serializers.DecimalField(max_digits=5, decimal_places=2)

    row = SimpleNamespace(id=UUID(int=1), at=datetime(2026, 3, 2, 12, 0, tzinfo=UTC), amount=None)
    assert to_json(Row(row).data) == (
        b'{"id":"00000000-0000-0000-0000-000000000001","at":"2026-03-02T12:00:00Z","amount":null}'
    )


def test_a_secret_answer_says_how_a_repeat_may_look() -> None:
    response = secret_answer({"id": 1, "token": "abc"}, instead={"token": None}, status=201)
    assert response.data == {"id": 1, "token": "abc"}
    assert response.repeated_as == {"id": 1, "token": None}
    assert response.headers["Cache-Control"] == "no-store"


# --- Bodies -----------------------------------------------------------------------------------


class EverythingBody(Body):
    name = serializers.CharField(max_length=5, required=False)
    note = serializers.CharField(allow_null=True, required=False)
    user_id = serializers.UUIDField(allow_null=True, required=False)
    email = serializers.EmailField(allow_null=True, required=False)
    at = HomeDateTimeField(allow_null=True, required=False)
    on = serializers.DateField(allow_null=True, required=False)
    count = serializers.IntegerField(required=False)
    price = serializers.FloatField(required=False)
    flag = serializers.BooleanField(required=False)
    role = serializers.ChoiceField(["admin", "agent"], allow_null=True, required=False)
    ids = serializers.ListField(child=serializers.UUIDField(), max_length=2, required=False)
    extra = serializers.DictField(required=False)
    own = serializers.UUIDField(error_messages={"invalid": "Ese contacto no existe."}, required=False)


def refusal(**data: Any) -> Any:
    body = EverythingBody(data=data)
    assert not body.is_valid()
    return next(iter(body.errors.values()))


def accepted(**data: Any) -> Any:
    body = EverythingBody(data=data)
    assert body.is_valid(), body.errors
    return body.validated_data


def test_an_empty_text_is_null_for_ids_dates_choices_and_texts_that_may_be_null() -> None:
    found = accepted(user_id="", email="", at="", on="", role="", note="")
    assert found == dict.fromkeys(("user_id", "email", "at", "on", "role", "note"))


def test_an_empty_text_stays_one_where_a_text_is_asked() -> None:
    assert refusal(name="") == ["Este campo no puede estar en blanco."]


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"user_id": "42"}, "El ID no es válido."),
        ({"user_id": {}}, "El ID no es válido."),
        ({"user_id": -1}, "El ID no es válido."),
        ({"email": "sin arroba"}, "El email no es válido."),
        ({"at": "mañana"}, "La fecha no es válida."),
        ({"at": "not a date"}, "La fecha no es válida."),
        ({"at": "0001-01-01T00:00:00+14:00"}, "La fecha no es válida."),
        ({"at": "9999-12-31T23:59:59-12:00"}, "La fecha no es válida."),
        ({"at": 20260302}, "La fecha no es válida."),
        ({"on": "2026-02-30"}, "La fecha no es válida."),
        ({"on": "2026-03-02T10:00:00Z"}, "La fecha no es válida."),
        ({"count": "tres"}, "Debe ser un número entero."),
        ({"count": 2**40}, f"Debe ser {LARGEST_NUMBER} o menos."),
        ({"count": ""}, "Este campo es requerido."),
        ({"price": "caro"}, "Debe ser un número."),
        ({"flag": "quizás"}, "Debe ser verdadero o falso."),
        ({"role": "jefe"}, "No es un valor permitido. Use uno de estos: admin, agent."),
        ({"role": ["admin"]}, "No es un valor permitido. Use uno de estos: admin, agent."),
        ({"ids": "x"}, "Debe ser una lista."),
        ({"ids": [str(UUID(int=n)) for n in range(3)]}, "Esta lista admite hasta 2 elementos."),
        ({"extra": []}, "Debe ser un objeto JSON."),
        ({"name": "demasiado"}, "Este campo admite hasta 5 caracteres."),
        ({"name": []}, "Debe ser un texto."),
        ({"name": "a\0b"}, "Los caracteres nulos no están permitidos."),
        ({"own": "x"}, "Ese contacto no existe."),
    ],
)
def test_each_wrong_value_has_its_spanish_sentence(sent: dict[str, Any], sentence: str) -> None:
    assert refusal(**sent) == [sentence]


def test_the_items_of_a_list_speak_spanish_too() -> None:
    assert refusal(ids=["x"]) == {0: ["El ID no es válido."]}


def test_what_is_missing_is_named_as_required() -> None:
    class Strict(Body):
        name = serializers.CharField()

    for data in ({}, {"name": None}):
        body = Strict(data=data)
        assert not body.is_valid()
        assert body.errors == {"name": ["Este campo es requerido."]}


@pytest.mark.parametrize("data", [[], "texto", 5, None])
def test_a_body_that_is_no_object_is_refused(data: Any) -> None:
    body = EverythingBody(data=data)
    assert not body.is_valid()


def test_a_subclass_keeps_the_sentences_and_the_callers_own_words_win() -> None:
    class More(EverythingBody):
        other_id = serializers.UUIDField(error_messages={"required": "¿De quién?"})

    body = More(data={"user_id": "x"})
    assert not body.is_valid()
    assert body.errors == {"user_id": ["El ID no es válido."], "other_id": ["¿De quién?"]}


# --- Times ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("2026-03-02T10:00:00Z", datetime(2026, 3, 2, 10, 0, tzinfo=UTC)),
        ("2026-03-02T10:00:00.000Z", datetime(2026, 3, 2, 10, 0, tzinfo=UTC)),
        ("2026-03-02T10:00:00+02:00", datetime(2026, 3, 2, 8, 0, tzinfo=UTC)),
        ("2026-03-02T10:00", datetime(2026, 3, 2, 15, 0, tzinfo=UTC)),
        ("2026-03-02", datetime(2026, 3, 2, 5, 0, tzinfo=UTC)),
    ],
)
def test_a_time_without_zone_is_read_at_home(sent: str, meant: datetime) -> None:
    assert accepted(at=sent)["at"] == meant


# --- Ids --------------------------------------------------------------------------------------


def test_what_is_no_uuid_is_an_unknown_id() -> None:
    known = uuid4()
    assert as_id(str(known)) == known
    assert as_id("42") is None
    assert as_id(None) is None
    assert as_id_or_404(known.hex) == known
    with pytest.raises(NotFound, match="Llamada no encontrada"):
        as_id_or_404("nuevo", "Llamada no encontrada")
