"""POST /api/webhook-presencia-crm: what the CRM reports arrives once, whole, and at the right person."""

import json
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from integrations.models import Cliente, Presencia, Recepcion, Venta
from integrations.models.numbered import Numbered
from tests.integrations.sender import SECRET, TOKEN, URL, message, post, sale, signed, told

pytestmark = [pytest.mark.django_db]

ACCEPTED = "Presencia y vinculación procesadas correctamente."
STRANGER = {"detail": "Token de autenticación inválido."}


@pytest.fixture(autouse=True)
def _secrets(settings: Any) -> None:
    settings.CRM_WEBHOOK_TOKEN = TOKEN
    settings.WEBHOOK_SIGNING_SECRETS = [SECRET]


def nothing_is_stored() -> bool:
    return not any(model.objects.exists() for model in (Presencia, Cliente, Venta, Recepcion))


# --- Accepted ---------------------------------------------------------------------------------


@pytest.mark.sqlite
@pytest.mark.parametrize("url", [URL, "/api/webhook-presencia-crm", "/api/gestion/webhook-presencia-crm/"])
def test_the_first_message_is_accepted_at_once(url: str) -> None:
    response = post(message(), url=url)
    presence = Presencia.objects.get()
    assert response.status_code == 200
    assert response.json() == {"detail": ACCEPTED, "id_presencia": f"PRS{presence.pk:05d}", "id_venta": None}
    assert presence.id_presencia_crm == "CRM-31"
    assert presence.fecha_hora_presencia.isoformat() == "2026-01-10T15:00:00+00:00"
    assert (presence.proyecto_interes, presence.lote_interes_inicial) == ("OASIS 1 (HUACHO 1)", "MODULO")
    assert (presence.medio_captacion, presence.resultado_interaccion) == ("campo_opc", "interesado_seguimiento")
    assert presence.observaciones == "Lead del CRM: Rosa Peña"
    assert presence.cliente.telefono_principal == "+51999001122"


@pytest.mark.sqlite
def test_the_same_again_is_answered_the_same_and_stored_once() -> None:
    assert told(message()) == told(message())
    assert (Presencia.objects.count(), Cliente.objects.count()) == (1, 1)


def test_a_repeat_updates_what_changed_and_leaves_what_it_does_not_say() -> None:
    first = told(message())
    correction = message(fecha_hora_presencia="2026-01-11T10:00:00-05:00", proyecto_interes="OASIS 2 (AUCALLAMA)")
    del correction["observaciones"]
    assert told(correction) == first
    presence = Presencia.objects.get()
    assert presence.fecha_hora_presencia.isoformat() == "2026-01-11T15:00:00+00:00"
    assert (presence.proyecto_interes, presence.observaciones) == ("OASIS 2 (AUCALLAMA)", "Lead del CRM: Rosa Peña")


def test_a_code_that_begins_like_another_is_another() -> None:
    first, second = told(message(id_presencia_crm="CRM-55")), told(message(id_presencia_crm="CRM-5"))
    assert first["id_presencia"] != second["id_presencia"]
    assert told(message(id_presencia_crm="CRM-5")) == second


def test_without_a_code_each_message_is_a_presence_unless_it_has_a_name() -> None:
    body = message(id_presencia_crm=None)
    assert told(body)["id_presencia"] != told(body)["id_presencia"]
    named = {"webhook-id": "msg_a"}
    assert told(body, **named) == told(body, **named)
    assert Presencia.objects.count() == 3


@pytest.mark.sqlite
def test_only_a_client_is_needed() -> None:
    told({"cliente": {"nombres_completos_razon_social": "Rosa Peña", "tipo_documento": "DNI"}})
    presence = Presencia.objects.get()
    assert (presence.medio_captacion, presence.modalidad, presence.status_presencia) == (
        "otro",
        "presencial",
        "realizada",
    )
    assert (presence.proyecto_interes, presence.resultado_interaccion, presence.id_presencia_crm) == ("", None, None)


def test_a_lead_without_a_project_is_a_presence_without_one() -> None:
    """The sender's file: `proyecto_interes` may be null."""
    told(message(proyecto_interes=None, lote_interes_inicial=None, asesor_captacion_opc=""))
    assert Presencia.objects.get().proyecto_interes == ""


def test_the_senders_further_keys_are_let_pass() -> None:
    told(message(cliente={"tipificacion": "YA ASISTIO", "es_lead_opc": True}, otra=[1]))
    assert Presencia.objects.count() == 1


# --- Who sends --------------------------------------------------------------------------------


@pytest.mark.sqlite
@pytest.mark.parametrize("token", [None, "", "otra", TOKEN[:-1], "ficha-ñandú"])
@pytest.mark.parametrize("body", [message(), b"{", [], b"x" * 300_000])
def test_without_the_token_every_body_is_answered_the_same(token: str | None, body: Any) -> None:
    sent = None if token is None else token.encode().decode("latin-1")
    response = post(body, token=sent)
    assert (response.status_code, response.json()) == (401, STRANGER)
    assert nothing_is_stored()


@pytest.mark.parametrize("token", ["", TOKEN])
def test_where_no_token_is_configured_nobody_has_it(settings: Any, token: str) -> None:
    settings.CRM_WEBHOOK_TOKEN = ""
    response = post(message(), token=token)
    assert (response.status_code, response.json()) == (401, STRANGER)
    assert nothing_is_stored()


@pytest.mark.sqlite
@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
@pytest.mark.parametrize("headers", [{}, {"X-CRM-Webhook-Token": TOKEN}])
def test_another_method_is_405_with_and_without_token(method: str, headers: dict[str, str]) -> None:
    response = getattr(Client(), method)(URL, headers=headers)
    assert response.status_code == 405
    assert response.json() == {"detail": f'Método "{method.upper()}" no permitido.'}


def test_who_guesses_tokens_is_soon_stopped_and_the_sender_is_not(settings: Any) -> None:
    rates = {**settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"], "webhook-stranger": "3/min", "caller": "5/min"}
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": rates}
    cache.clear()
    assert [post(message(), token="otra").status_code for _ in range(4)] == [401, 401, 401, 429]
    assert "Retry-After" in post(message(), token="otra").headers
    assert {post(message()).status_code for _ in range(8)} == {200}


# --- Signatures and names of messages ---------------------------------------------------------


@pytest.mark.sqlite
def test_a_right_signature_is_accepted_by_each_of_the_secrets(settings: Any) -> None:
    body = json.dumps(message()).encode()
    told(body, **signed(body))
    settings.WEBHOOK_SIGNING_SECRETS = ["whsec_" + "WFla" * 8, SECRET]
    told(body, **signed(body, message_id="msg_2"))


@pytest.mark.parametrize(
    "changes",
    [
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": ""},
        {"webhook-timestamp": ""},
        {"webhook-timestamp": "ayer"},
        {"webhook-timestamp": "9" * 5000},
        {"webhook-timestamp": "1"},
        {"webhook-id": "msg_otro"},
        {"webhook-id": ""},
    ],
)
def test_a_wrong_signature_is_401_and_nothing_is_stored(changes: dict[str, str]) -> None:
    body = json.dumps(message()).encode()
    response = post(body, **{**signed(body), **changes})
    assert (response.status_code, response.json()) == (401, {"detail": "La firma no es válida o ha caducado."})
    assert nothing_is_stored()


@pytest.mark.parametrize(("age", "status"), [(290, 200), (-290, 200), (310, 401), (-310, 401)])
def test_a_signature_is_good_for_five_minutes_both_ways(age: float, status: int) -> None:
    body = json.dumps(message()).encode()
    assert post(body, **signed(body, age=age)).status_code == status


def test_a_signature_of_another_body_or_secret_is_refused(settings: Any) -> None:
    body = json.dumps(message()).encode()
    assert post(body + b" ", **signed(body)).status_code == 401
    assert post(body, **signed(body, secret="whsec_" + "WFla" * 8)).status_code == 401
    settings.WEBHOOK_SIGNING_SECRETS = []
    assert post(body, **signed(body)).status_code == 401


@pytest.mark.sqlite
def test_a_message_heard_before_gets_the_first_result_and_undoes_nothing() -> None:
    """A replay by hand of the first message, after a correction, must not bring the old facts back."""
    first = told(message(), **{"webhook-id": "msg_1"})
    told(message(proyecto_interes="OASIS 2 (AUCALLAMA)"), **{"webhook-id": "msg_2"})
    assert told(message(), **{"webhook-id": "msg_1"}) == first
    assert Presencia.objects.get().proyecto_interes == "OASIS 2 (AUCALLAMA)"


def test_another_content_under_a_known_name_is_not_applied_and_noted(caplog: Any) -> None:
    first = told(message(), **{"webhook-id": "msg_1"})
    assert told(message(id_presencia_crm="CRM-32"), **{"webhook-id": "msg_1"}) == first
    assert Presencia.objects.count() == 1
    assert "msg_1" in caplog.text


def test_an_idempotency_key_names_a_message_too_and_another_content_is_a_conflict() -> None:
    body = message(id_presencia_crm=None)
    key = {"Idempotency-Key": "una"}
    assert told(body, **key) == told(body, **key)
    assert post(message(), **key).status_code == 409
    assert Presencia.objects.count() == 1


def test_a_message_that_was_refused_may_come_again_under_its_name() -> None:
    name = {"webhook-id": "msg_1"}
    assert post(message(medio_captacion="radio"), **name).status_code == 400
    told(message(), **name)


@pytest.mark.parametrize("header", ["webhook-id", "Idempotency-Key"])
def test_a_name_without_end_is_refused(header: str) -> None:
    assert post(message(), **{header: "x" * 201}).status_code == 400
    assert nothing_is_stored()


# --- Refused ----------------------------------------------------------------------------------


@pytest.mark.sqlite
@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"a": NaN}', b"[" * 100 + b"]" * 100])
def test_what_is_no_json_is_refused_as_the_sender_knows_it(body: bytes) -> None:
    response = post(body)
    assert response.status_code == 400
    assert set(response.json()) == {"detail"}
    assert response.json()["detail"].startswith("JSON parse error - ")


@pytest.mark.sqlite
@pytest.mark.parametrize("body", [[], [message()], "hola", 5, None])
def test_what_is_no_object_is_refused(body: Any) -> None:
    response = post(body)
    assert (response.status_code, response.json()) == (400, {"detail": "El cuerpo debe ser un objeto JSON."})


@pytest.mark.parametrize("client", [None, {}, "", [], 0])
def test_no_client_is_refused(client: Any) -> None:
    response = post({**message(), "cliente": client})
    assert (response.status_code, response.json()) == (400, {"detail": "Falta información de cliente."})
    assert nothing_is_stored()


def test_a_client_without_the_kind_of_document_is_refused_in_the_known_words() -> None:
    body = message()
    del body["cliente"]["tipo_documento"]
    response = post(body)
    assert response.status_code == 400
    assert response.json() == {
        "detail": "Datos de cliente inválidos.",
        "errors": {"tipo_documento": ["Este campo es requerido."]},
    }
    assert nothing_is_stored()


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tipo_documento", "Libreta"),
        ("tipo_documento", None),
        ("tipo_documento", ["DNI"]),
        ("nombres_completos_razon_social", ""),
        ("nombres_completos_razon_social", None),
        ("nombres_completos_razon_social", {"a": 1}),
        ("nombres_completos_razon_social", "x" * 256),
        ("nombres_completos_razon_social", "a\x00b"),
        ("numero_documento", "1" * 21),
        ("numero_documento", True),
        ("telefono_principal", []),
        ("telefono_principal", "9" * 21),
        ("email_principal", "no es"),
        ("estado_civil", "Complicado"),
        ("fecha_nacimiento_constitucion", "ayer"),
        ("fecha_nacimiento_constitucion", 5),
        ("distrito", "x" * 101),
    ],
)
def test_what_is_wrong_with_the_client_is_told_of_its_field(field: str, value: Any) -> None:
    response = post(message(cliente={field: value}, venta=sale()))
    assert response.status_code == 400
    assert response.json()["detail"] == "Datos de cliente inválidos."
    assert list(response.json()["errors"]) == [field]
    assert nothing_is_stored()


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("fecha_hora_presencia", "mañana"),
        ("fecha_hora_presencia", "2026-02-31T10:00:00Z"),
        ("fecha_hora_presencia", "0001-01-01T00:00:00Z"),
        ("fecha_hora_presencia", 5),
        ("fecha_hora_presencia", {}),
        ("proyecto_interes", ["OASIS"]),
        ("proyecto_interes", "x" * 256),
        ("medio_captacion", "radio"),
        ("modalidad", "híbrida"),
        ("status_presencia", "hecha"),
        ("resultado_interaccion", "feliz"),
        ("resultado_interaccion", {"a": 1}),
        ("id_presencia_crm", "x" * 101),
        ("id_presencia_crm", ["CRM-1"]),
        ("observaciones", 1 == 1),
    ],
)
def test_what_is_wrong_with_the_presence_is_told_of_its_field(field: str, value: Any) -> None:
    response = post(message(**{field: value}))
    assert response.status_code == 400
    assert response.json()["detail"] == "Datos de presencia inválidos."
    assert list(response.json()["errors"]) == [field]
    assert nothing_is_stored()


def test_a_bad_correction_changes_nothing() -> None:
    told(message())
    assert post(message(proyecto_interes="OASIS 3 (HUACHO 2)", modalidad="x")).status_code == 400
    assert Presencia.objects.get().proyecto_interes == "OASIS 1 (HUACHO 1)"


@pytest.mark.parametrize("size", [256 * 1024 + 1, 6_000_000])
def test_a_body_beyond_the_limit_is_413(size: int) -> None:
    assert post(b" " * size).status_code == 413


def test_a_form_is_no_message() -> None:
    response = Client().post(URL, {"a": "b"}, headers={"X-CRM-Webhook-Token": TOKEN})
    assert response.status_code == 415


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = [
    *((name,) for name in [*message(), "venta"]),
    *(("cliente", name) for name in [*message()["cliente"], "estado_civil", "fecha_nacimiento_constitucion"]),
    *(("venta", name) for name in [*sale(), "plazo_meses_credito", "precio_dolares", "valor_lote_venta", "notas"]),
]


@hypothesis_settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(where=st.sampled_from(FIELDS), junk=JUNK)
def test_whatever_stands_in_a_field_is_accepted_or_refused_in_a_sentence(where: tuple[str, ...], junk: Any) -> None:
    body: Any = message(venta=sale())
    inner = body[where[0]] if len(where) > 1 else body
    inner[where[-1]] = junk
    with transaction.atomic():
        before = Presencia.objects.count()
        response = post(body)
        assert response.status_code in (200, 400), response.content
        assert response.json()["detail"]
        assert response.status_code == 200 or Presencia.objects.count() == before


# --- Whose presence ---------------------------------------------------------------------------


@pytest.mark.sqlite
def test_two_people_with_the_same_last_four_digits_stay_two() -> None:
    told(message())
    told(
        message(
            id_presencia_crm="CRM-32",
            cliente={"nombres_completos_razon_social": "Luz Vega", "telefono_principal": "988111122"},
        )
    )
    assert set(Cliente.objects.values_list("nombres_completos_razon_social", flat=True)) == {"Rosa Peña", "Luz Vega"}


def test_without_document_and_phone_everybody_is_somebody_new() -> None:
    for number in (1, 2):
        told(message(id_presencia_crm=f"CRM-{number}", cliente={"numero_documento": None, "telefono_principal": None}))
    assert Cliente.objects.count() == 2


@pytest.mark.sqlite
@pytest.mark.parametrize("phone", ["999001122", "+51 999 001 122", "51999001122", "999-001-122"])
def test_a_phone_in_any_spelling_is_the_same_client(phone: str) -> None:
    told(message())
    told(message(id_presencia_crm="CRM-32", cliente={"telefono_principal": phone}))
    assert Cliente.objects.get().presencias.count() == 2


@pytest.mark.parametrize("document", ["40506070", "40.506.070", " 40506070 ", 40506070])
def test_a_real_document_is_the_same_client_whatever_the_phone(document: Any) -> None:
    told(message(cliente={"numero_documento": "40506070"}))
    told(message(id_presencia_crm="CRM-32", cliente={"numero_documento": document, "telefono_principal": "988111122"}))
    client = Cliente.objects.get()
    assert (client.telefono_principal, client.telefono_secundario) == ("+51999001122", "+51988111122")


def test_two_real_documents_are_two_people_even_with_one_phone() -> None:
    told(message(cliente={"numero_documento": "40506070"}))
    told(message(id_presencia_crm="CRM-32", cliente={"numero_documento": "10203040"}))
    assert Cliente.objects.count() == 2


def test_of_a_shared_phone_the_namesake_is_meant() -> None:
    told(message(cliente={"numero_documento": "40506070"}))
    told(
        message(
            id_presencia_crm="CRM-32",
            cliente={"numero_documento": "10203040", "nombres_completos_razon_social": "Luz Vega"},
        )
    )
    told(message(id_presencia_crm="CRM-33", cliente={"nombres_completos_razon_social": "LUZ VEGA"}))
    assert Presencia.objects.get(id_presencia_crm="CRM-33").cliente.numero_documento == "10203040"


@pytest.mark.sqlite
@pytest.mark.parametrize("temporary", ["TEMP-1122", "temp1122", "999001122", "+51999001122"])
def test_the_real_document_comes_later_to_the_same_client(temporary: str) -> None:
    """TEMP-… of the old sender, and the phone, which is what this CRM sends where it knows no document."""
    told(message(cliente={"numero_documento": temporary}))
    client = Cliente.objects.get()
    assert not client.has_real_document
    told(message(cliente={"numero_documento": "40506070"}))
    client.refresh_from_db()
    assert (client.numero_documento, client.has_real_document) == ("40506070", True)
    assert Cliente.objects.count() == 1
    told(message(cliente={"numero_documento": temporary}))
    client.refresh_from_db()
    assert client.numero_documento == "40506070"


def test_the_document_of_somebody_known_takes_the_presence_to_them() -> None:
    told(message(id_presencia_crm="CRM-1", cliente={"numero_documento": "40506070", "telefono_principal": "988111122"}))
    known = Cliente.objects.get()
    told(message())
    told(message(cliente={"numero_documento": "40506070"}))
    assert Presencia.objects.get(id_presencia_crm="CRM-31").cliente == known


def test_what_is_missing_is_filled_and_what_is_known_stays_for_another_presence() -> None:
    told(message(cliente={"distrito": None, "email_principal": None}))
    told(
        message(
            id_presencia_crm="CRM-32",
            cliente={
                "nombres_completos_razon_social": "Rosa P.",
                "distrito": "Comas",
                "email_principal": "Rosa@Correo.test",
                "direccion": "Otra",
            },
        )
    )
    client = Cliente.objects.get()
    assert (client.distrito, client.email_principal) == ("Comas", "rosa@correo.test")
    assert (client.nombres_completos_razon_social, client.direccion) == ("Rosa Peña", "Lince")


def test_what_the_sender_corrects_is_corrected_and_what_people_completed_stays() -> None:
    told(message())
    client = Cliente.objects.get()
    client.edit({"direccion": "Av. Arequipa 100", "numero_documento": "40506070"})
    told(message(cliente={"nombres_completos_razon_social": "Rosa Peña Ríos", "distrito": None}))
    client.refresh_from_db()
    assert client.nombres_completos_razon_social == "Rosa Peña Ríos"
    assert (client.direccion, client.distrito, client.numero_documento) == ("Av. Arequipa 100", "Lince", "40506070")


def test_a_corrected_phone_stays_with_the_person() -> None:
    told(message())
    told(message(cliente={"telefono_principal": "988111122"}))
    assert Cliente.objects.get().telefono_principal == "+51988111122"


def test_a_presence_that_moves_to_somebody_else_leaves_the_first_as_they_were() -> None:
    told(message())
    told(message(cliente={"nombres_completos_razon_social": "Luz Vega", "telefono_principal": "988111122"}))
    assert Presencia.objects.get().cliente.nombres_completos_razon_social == "Luz Vega"
    assert Cliente.objects.filter(nombres_completos_razon_social="Rosa Peña").count() == 1


# --- Sales ------------------------------------------------------------------------------------


@pytest.mark.sqlite
def test_a_sale_comes_with_its_presence_and_its_repeat_updates_it() -> None:
    first = told(message(venta=sale(precio_dolares=15000.5, tipo_cambio="3.75")))
    found = Venta.objects.get()
    assert first["id_venta"] == f"V{found.pk:05d}"
    assert (found.lote, found.status_venta, found.plazo_meses_credito) == ("L0001", "separacion", 0)
    assert (float(found.precio_dolares or 0), found.cliente.nombres_completos_razon_social) == (15000.5, "Rosa Peña")
    assert told(message(venta=sale(lote="L0002", tipo_venta="credito", plazo_meses_credito=24))) == first
    found.refresh_from_db()
    assert (found.lote, found.tipo_venta, found.plazo_meses_credito) == ("L0002", "credito", 24)
    assert Venta.objects.count() == 1


def test_a_sale_may_come_later_and_stays_when_it_is_not_repeated() -> None:
    assert told(message())["id_venta"] is None
    sold = told(message(venta=sale()))["id_venta"]
    assert sold
    assert told(message())["id_venta"] == told(message(venta={}))["id_venta"] == told(message(venta=None))["id_venta"]
    assert told(message())["id_venta"] == sold


@pytest.mark.parametrize(("term", "kind"), [(None, "contado"), (0, "contado"), (12, "credito"), ("36", "credito")])
def test_a_sale_that_names_no_kind_has_that_of_its_term(term: Any, kind: str) -> None:
    told(message(venta=sale(tipo_venta=None, plazo_meses_credito=term)))
    assert Venta.objects.get().tipo_venta == kind


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"fecha_venta": None}, "fecha_venta"),
        ({"fecha_venta": "ayer"}, "fecha_venta"),
        ({"lote": ""}, "lote"),
        ({"lote": None}, "lote"),
        ({"tipo_venta": "leasing"}, "tipo_venta"),
        ({"tipo_venta": "credito"}, "plazo_meses_credito"),
        ({"tipo_venta": "credito", "plazo_meses_credito": 18}, "plazo_meses_credito"),
        ({"plazo_meses_credito": 12}, "plazo_meses_credito"),
        ({"precio_dolares": 100}, "tipo_cambio"),
        ({"tipo_cambio": 3.7}, "precio_dolares"),
        ({"precio_dolares": 0, "tipo_cambio": 3.7}, "precio_dolares"),
        ({"precio_dolares": -1, "tipo_cambio": 3.7}, "precio_dolares"),
        ({"cuota_inicial_requerida": "mucho"}, "cuota_inicial_requerida"),
        ({"cuota_inicial_requerida": -1}, "cuota_inicial_requerida"),
        ({"valor_lote_venta": 10**15}, "valor_lote_venta"),
        ({"participacion_socio_venta": "todo"}, "participacion_socio_venta"),
    ],
)
def test_a_sale_that_cannot_be_stores_nothing_at_all(changes: dict[str, Any], field: str) -> None:
    response = post(message(venta=sale(**changes)))
    assert response.status_code == 400
    assert response.json()["detail"] == "Datos de venta inválidos."
    assert list(response.json()["errors"]) == [field]
    assert nothing_is_stored()


@pytest.mark.parametrize("value", ["x", [1], 5])
def test_a_sale_that_is_no_object_is_refused(value: Any) -> None:
    response = post(message(venta=value))
    assert (response.status_code, response.json()["detail"]) == (400, "Datos de venta inválidos.")
    assert nothing_is_stored()


# --- Codes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "number", "code"),
    [
        (Presencia, 1, "PRS00001"),
        (Presencia, 123456, "PRS123456"),
        (Cliente, 12, "CLI0012"),
        (Cliente, 10000, "CLI10000"),
        (Venta, 99999, "V99999"),
    ],
)
def test_codes_grow_beyond_their_zeros_and_are_read_back(model: type[Numbered], number: int, code: str) -> None:
    assert model(pk=number).code == code
    assert model.number_of(code) == number


@pytest.mark.parametrize("code", ["", "PRS", "PRS1", "PRS000001", "prs00001", "PRS0000x", "PRS" + "9" * 19, "PRS٠٠٠٠١"])
def test_what_is_no_code_has_no_number(code: str) -> None:
    assert Presencia.number_of(code) is None
