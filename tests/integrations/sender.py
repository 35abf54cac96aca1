"""Speaks to the receiving side as the CRM does: the message of presence-systems section 4, and its headers."""

import json
import time
from typing import Any

from django.test import Client

from integrations.sending.signing import sign

URL = "/api/webhook-presencia-crm/"
TOKEN = "ficha-del-receptor"
SECRET = "whsec_" + "QUJD" * 8


def message(**changes: Any) -> dict[str, Any]:
    """The example of the sender's file; `cliente` takes changes of single fields, None leaves a key out."""
    client = {
        "nombres_completos_razon_social": "Rosa Peña",
        "tipo_documento": "DNI",
        "numero_documento": "TEMP-1122",
        "telefono_principal": "999001122",
        "email_principal": None,
        "direccion": "Lince",
        "distrito": "Lince",
    }
    body = {
        "id_presencia_crm": "CRM-31",
        "cliente": client | changes.pop("cliente", {}),
        "fecha_hora_presencia": "2026-01-10T15:00:00+00:00",
        "proyecto_interes": "OASIS 1 (HUACHO 1)",
        "lote_interes_inicial": "MODULO",
        "asesor_captacion_opc": "Juan Campos",
        "medio_captacion": "campo_opc",
        "modalidad": "presencial",
        "status_presencia": "realizada",
        "resultado_interaccion": "interesado_seguimiento",
        "observaciones": "Lead del CRM: Rosa Peña",
    }
    return body | changes


def sale(**changes: Any) -> dict[str, Any]:
    return {"fecha_venta": "2026-01-12", "lote": "L0001", "tipo_venta": "contado", **changes}


def post(body: Any, *, token: str | None = TOKEN, url: str = URL, **headers: str) -> Any:
    """`body` as JSON, or as it is where it is bytes."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {} if token is None else {"X-CRM-Webhook-Token": token}
    return Client().post(url, sent, content_type="application/json", headers={**given, **headers})


def told(body: Any, **headers: str) -> dict[str, Any]:
    """What a message that is accepted is answered."""
    response = post(body, **headers)
    assert response.status_code == 200, response.content
    answer: dict[str, Any] = response.json()
    return answer


def signed(body: bytes, *, message_id: str = "msg_1", secret: str = SECRET, age: float = 0) -> dict[str, str]:
    timestamp = int(time.time() - age)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign([secret], message_id=message_id, timestamp=timestamp, body=body),
    }
