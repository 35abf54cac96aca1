"""The message that every peer sends: the size and the headers of a presence, signed."""

import base64
import hashlib
import hmac
import json
import os
import time
from typing import Any

URL = os.environ.get("SINK_URL", "")
KEY = b"x" * 32


def request(number: int) -> dict[str, Any]:
    """What to give `requests.Session.post`, or aiohttp, besides the address."""
    body = json.dumps(
        {
            "id_presencia_crm": f"CRM-{number}",
            "cliente": {"nombres_completos_razon_social": "Prueba", "tipo_documento": "DNI", "distrito": "Lince"},
            "fecha_hora_presencia": "2026-01-10T15:00:00+00:00",
            "observaciones": "x" * 120,
        }
    ).encode()
    stamp, name = str(int(time.time())), f"msg_{number}"
    digest = hmac.new(KEY, f"{name}.{stamp}.".encode() + body, hashlib.sha256).digest()
    headers = {
        "Content-Type": "application/json",
        "X-CRM-Webhook-Token": "ficha",
        "webhook-id": name,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
    return {"data": body, "headers": headers}
