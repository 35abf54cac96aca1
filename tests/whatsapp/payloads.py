"""Requests as Meta sends them, made for a test: only what the test is about has to be said."""

import json
from collections.abc import Iterable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from whatsapp.receiving.signature import sign

SAMPLES = Path(__file__).parent / "samples"
SECRET = "secreto-de-prueba-0123456789abcdef"
NUMBER_ID, DISPLAY = "106540352242922", "15550783881"
CUSTOMER = "51987654321"
_ids = count(1)


def new_wamid() -> str:
    return f"wamid.PRUEBA{next(_ids)}"


def text_message(
    body: str = "Hola", *, wa_id: str | None = CUSTOMER, at: int = 1_790_000_000, **more: Any
) -> dict[str, Any]:
    """One item of `messages`; `more` adds or replaces keys."""
    found: dict[str, Any] = {"id": new_wamid(), "timestamp": str(at), "type": "text", "text": {"body": body}}
    return {**found, **({"from": wa_id} if wa_id else {}), **more}


def typed_message(kind: str, part: dict[str, Any], **more: Any) -> dict[str, Any]:
    found = text_message(**more)
    del found["text"]
    return {**found, "type": kind, kind: part}


def status(wamid: str, word: str = "delivered", *, at: int = 1_790_000_010, **more: Any) -> dict[str, Any]:
    return {"id": wamid, "status": word, "timestamp": str(at), "recipient_id": CUSTOMER, **more}


def contact(wa_id: str | None = CUSTOMER, *, name: str = "Luz Vega", **more: Any) -> dict[str, Any]:
    return {"profile": {"name": name}, **({"wa_id": wa_id} if wa_id else {}), **more}


def value_of(
    *,
    messages: Sequence[dict[str, Any]] = (),
    statuses: Sequence[dict[str, Any]] = (),
    contacts: Iterable[dict[str, Any]] | None = None,
    number_id: str = NUMBER_ID,
    **more: Any,
) -> dict[str, Any]:
    if contacts is None:
        contacts = [contact(wa_id) for wa_id in dict.fromkeys(row.get("from") for row in messages if row.get("from"))]
    found: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": DISPLAY, "phone_number_id": number_id},
    }
    parts = {"contacts": list(contacts), "messages": list(messages), "statuses": list(statuses)}
    return {**found, **{name: rows for name, rows in parts.items() if rows}, **more}


def envelope(*values: dict[str, Any], field: str = "messages") -> dict[str, Any]:
    changes = [{"field": field, "value": value} for value in values]
    return {"object": "whatsapp_business_account", "entry": [{"id": "102290129340398", "changes": changes}]}


def a_request(*messages: dict[str, Any], statuses: Sequence[dict[str, Any]] = (), **more: Any) -> bytes:
    """The bytes of a whole request with these items in one value."""
    return raw(envelope(value_of(messages=messages, statuses=statuses, **more)))


def raw(body: Any) -> bytes:
    return json.dumps(body).encode()


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    """The header that Meta would send with these bytes, as Django's test client takes it."""
    return {"HTTP_X_HUB_SIGNATURE_256": f"sha256={sign(body, secret)}"}


def sample(name: str) -> Any:
    return json.loads((SAMPLES / name).read_bytes())


def manifest() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((SAMPLES / "manifest.json").read_bytes())
    return found
